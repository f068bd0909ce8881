//! What is answered while the owner of a mailbox is away (RFC 3834): to whom, when not, and how it is written.
//!
//! The setting is the core's ([`OutOfOffice`](fieldpost_mailbox::OutOfOffice)). An answer goes to the envelope's sender, from nobody (`<>`), so that nothing answers it
//! in turn, and once to each sender in an absence. Mail that no person wrote to this person is never answered: notices, lists,
//! newsletters, other answers, spam, and what names him nowhere.
//!
//! Each delivery looks at the setting: one read of the store, some 2 µs of the 650 µs that a delivery of 33 KiB costs in processor time
//! (`examples/delivery_cost.rs`). A copy in memory would save a third of a percent, and have to be kept right.

use std::sync::Arc;

use fieldpost_directory::Account;
use fieldpost_mailbox::{
    Audience, Error, Header, Mailbox, Query, Reply, SpecialUse, UidSet, When, device::unique,
};
use fieldpost_message::{address::Room, compose, date, encoded_word, header};
use fieldpost_store::BoxFuture;

use crate::{
    Address, Addressee, Delivered, Delivery, Envelope, Hook, Notify, Received, Recipient,
    Submission, Transport,
};

/// Answers what was delivered while the owner is away.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutOfOfficeReplies;

impl Hook for OutOfOfficeReplies {
    fn name(&self) -> &'static str {
        "out of office"
    }

    /// What goes wrong is told to the log only: the message is delivered in any case.
    fn delivered<'a>(
        &'a self,
        delivery: &'a Delivery<'a>,
        delivered: &'a Delivered,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let recipient = delivery.recipient;
            if let Some(sender) = &delivery.envelope.sender
                && let Err(error) = delivery
                    .transport
                    .answer_absence(sender, recipient, delivered)
                    .await
            {
                tracing::warn!(account = %recipient.account(), %error, "an out-of-office reply is not sent");
            }
        })
    }
}

impl Transport {
    async fn answer_absence(
        self: &Arc<Self>,
        sender: &Address,
        recipient: &Recipient,
        delivered: &Delivered,
    ) -> Result<(), Error> {
        let id = recipient.account();
        let mailbox = self.mailboxes.open(id).await?;
        let setting = mailbox.out_of_office().await?;
        if setting.when == When::Never || is_a_program(sender) {
            return Ok(());
        }
        let own = self.directory.resolve(sender.as_str());
        if own == Some(id) || mailbox.special(SpecialUse::Junk).await?.id == delivered.folder {
            return Ok(());
        }
        let (Some(account), Some(domain)) = (self.directory.account(id), sender.domain()) else {
            return Ok(());
        };
        let audience = if own.is_some() || self.directory.is_local_domain(domain) {
            Audience::Internal
        } else if setting.known != setting.unknown && knows(&mailbox, sender).await? {
            Audience::Known
        } else {
            Audience::Unknown
        };
        let Some(reply) = setting.reply(audience, self.now()) else {
            return Ok(());
        };
        let item = mailbox.item(delivered.folder, delivered.uid).await?;
        let original = match mailbox.header(&item).await? {
            Header::Whole { own, .. } => own,
            // Nobody writes such a header by hand.
            Header::Long(_) => return Ok(()),
        };
        if !is_for_a_person(&original, &account, recipient.address()) {
            return Ok(());
        }
        let own_address: Option<Address> = account.address.as_str().parse().ok();
        let Ok(destination) = self.destination(sender, own_address.as_ref()) else {
            tracing::debug!(account = %id, "no out-of-office reply: mail to the sender is not relayed");
            return Ok(());
        };
        if !mailbox.note_answered(&setting, sender.as_str()).await? {
            return Ok(());
        }
        self.send_answer(&account, sender, &original, reply, destination)
            .await?;
        Ok(())
    }

    async fn send_answer(
        self: &Arc<Self>,
        account: &Account,
        sender: &Address,
        original: &[u8],
        reply: &Reply,
        destination: crate::Destination,
    ) -> Result<(), Error> {
        let answer = written(account, sender, original, reply, self.now());
        let mut incoming = self
            .mailboxes
            .receive(account.id, Some(answer.len() as u64))
            .await?;
        incoming.write(answer.into()).await?;
        let received = Received::own(incoming.finish().await?);
        let submission = Submission {
            account: account.id,
            envelope: Envelope::default(),
            received,
            recipients: vec![Addressee {
                notify: Notify::NEVER,
                ..Addressee::new(sender.clone(), destination)
            }],
            copy: None,
        };
        if let Err(refusal) = self.submit(submission).await {
            tracing::info!(account = %account.id, %refusal, "an out-of-office reply was refused");
        }
        Ok(())
    }
}

/// Whether the owner ever wrote to `sender`. His contacts will be asked as well, once he has any.
async fn knows(mailbox: &Mailbox, sender: &Address) -> Result<bool, Error> {
    let sent = mailbox.special(SpecialUse::Sent).await?.id;
    let view = mailbox.view(sent).await?;
    let query = Query::Any(
        ["To", "Cc", "Bcc"]
            .map(|field| Query::Header {
                field: field.to_owned(),
                text: sender.as_str().to_owned(),
            })
            .into(),
    );
    let found = mailbox
        .search(sent, &view, &query, &UidSet::all(), &mut || true)
        .await?;
    Ok(!found.is_empty())
}

/// Addresses behind which there is nobody who reads (RFC 3834 §2).
fn is_a_program(sender: &Address) -> bool {
    let local = sender.local_part().to_ascii_lowercase();
    let whole = [
        "mailer-daemon",
        "postmaster",
        "listserv",
        "majordomo",
        "noreply",
        "no-reply",
        "donotreply",
        "do-not-reply",
        "bounce",
        "bounces",
    ];
    let ends = ["-request", "-bounces", "-owner"];
    let starts = ["owner-", "bounce-", "bounces+", "noreply+", "prvs="];
    whole.contains(&local.as_str())
        || ends.iter().any(|end| local.ends_with(end))
        || starts.iter().any(|start| local.starts_with(start))
}

/// Whether the header is that of a message which a person wrote to this one: nothing in it says that it comes from a list or a program, and one of
/// the owner's addresses stands in it as a recipient (RFC 3834 §2).
fn is_for_a_person(original: &[u8], account: &Account, delivered_to: &Address) -> bool {
    let mut is_named = false;
    for field in header::fields(original) {
        let value = || field.unfolded().trim().to_ascii_lowercase();
        let begins = |word: &str| value().split([' ', ';', ',']).next() == Some(word);
        let tells = |words: &[&str]| words.iter().any(|word| begins(word));
        let is_automatic = if field.is("Auto-Submitted") {
            !begins("no")
        } else if field.is("Precedence") {
            tells(&["bulk", "junk", "list", "auto_reply"])
        } else if field.is("X-Auto-Response-Suppress") {
            let value = value();
            let words = value.split([',', ' ']);
            words
                .into_iter()
                .any(|word| matches!(word, "all" | "oof" | "autoreply"))
        } else if field.is("X-Spam-Flag") {
            begins("yes")
        } else {
            field.is("List-Id")
                || field.is("List-Unsubscribe")
                || field.is("List-Post")
                || field.is("Feedback-ID")
        };
        if is_automatic {
            return false;
        }
        let names_recipients = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"]
            .iter()
            .any(|name| field.is(name));
        if names_recipients && !is_named {
            is_named = field
                .addresses(ROOM)
                .iter()
                .filter_map(fieldpost_message::Address::addr_spec)
                .any(|named| {
                    let is = |address: &str| named.eq_ignore_ascii_case(address);
                    is(delivered_to.as_str())
                        || account.addresses().any(|address| is(address.as_str()))
                });
        }
    }
    is_named
}

/// The answer as it is sent.
fn written(
    account: &Account,
    sender: &Address,
    original: &[u8],
    reply: &Reply,
    now: i64,
) -> Vec<u8> {
    let own = account.address.as_str();
    let domain = account.address.domain();
    let mut out = String::with_capacity(512 + reply.text.len() * 3 / 2);
    let mut field = |name: &str, value: &str| out.push_str(&compose::field(name, value));
    field(
        "From",
        &compose::ascii_mailbox(Some(&account.display_name), own),
    );
    field("To", &format!("<{sender}>"));
    let subject = header::find(original, "Subject")
        .map(|field| field.decoded())
        .unwrap_or_default();
    let subject = subject[..subject.floor_char_boundary(MAX_SUBJECT)].trim();
    let subject = format!("Automatic reply: {subject}");
    field("Subject", encoded_word::encode(subject.trim_end()).trim());
    field("Date", &date::format_rfc5322(now, 0));
    field("Message-ID", &format!("<{}@{domain}>", unique()));
    if let Some(id) = header::find(original, "Message-ID") {
        let id = id.unfolded();
        field("In-Reply-To", id.trim());
        field("References", id.trim());
    }
    // RFC 3834 §3.1.7; what Exchange and its kin look for instead.
    field("Auto-Submitted", "auto-replied");
    field("X-Auto-Response-Suppress", "All");
    field("MIME-Version", "1.0");
    let kind = if reply.html { "html" } else { "plain" };
    field("Content-Type", &format!("text/{kind}; charset=utf-8"));
    field("Content-Transfer-Encoding", "base64");
    out.push_str("\r\n");
    let mut text = String::with_capacity(reply.text.len() + 64);
    for line in reply.text.lines() {
        text.push_str(line);
        text.push_str("\r\n");
    }
    out.push_str(&compose::base64_body(text.as_bytes()));
    out.into_bytes()
}

/// How many recipients are looked at.
const ROOM: Room = Room {
    count: 1000,
    bytes: 64 * 1024,
};

/// How much of a subject is repeated, in bytes.
const MAX_SUBJECT: usize = 200;
