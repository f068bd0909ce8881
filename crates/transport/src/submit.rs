//! Sending: what people of ours write goes to its recipients, here and elsewhere, and a copy into their Sent folder.

use std::sync::Arc;

use bytes::Bytes;
use fieldpost_mailbox::{Error, Flags, FolderId, Mailbox, NewItem, NewOutgoing, SpecialUse};
use fieldpost_store::AccountId;

use crate::{
    Address, Delivered, Destination, Envelope, Notify, Pending, Received, Recipient, Refusal,
    Transport,
    dkim::Signers,
    group::Done,
    queue::{self, encode_envelope},
    refusal,
};

/// A recipient of a message that is sent.
#[derive(Clone, Debug)]
pub struct Addressee {
    /// The address as the sender wrote it.
    pub address: Address,
    /// Where that is; from [`Transport::destination`].
    pub destination: Destination,
    /// What the sender called it, `type;xtext` (RFC 3461 §4.2).
    pub original: Option<Box<str>>,
    /// Of what the sender wants to hear.
    pub notify: Notify,
}

impl Addressee {
    /// A recipient without further wishes.
    pub fn new(address: Address, destination: Destination) -> Self {
        Self {
            address,
            destination,
            original: None,
            notify: Notify::default(),
        }
    }
}

/// A message that is sent.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Whose message it is; the organisation's if it is nobody's.
    pub account: AccountId,
    /// Sender and parameters.
    pub envelope: Envelope,
    /// The message as it travels.
    pub received: Received,
    /// For whom; at least one.
    pub recipients: Vec<Addressee>,
    /// The copy for the sender's Sent folder.
    pub copy: Option<SentCopy>,
}

/// The sender's own copy.
#[derive(Clone, Debug)]
pub struct SentCopy {
    /// The message; the one that travels, if it is the same.
    pub received: Received,
    /// Header lines that did not travel (Bcc).
    pub prefix: Bytes,
}

/// What became of a message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Recipients of ours who have it.
    pub delivered: usize,
    /// Recipients in the queue.
    pub queued: usize,
    /// The queue's name for it.
    pub id: Option<queue::QueueId>,
}

impl Transport {
    /// Sends a message. When this returns `Ok` it is, durably, in the mailboxes of those recipients of ours whom it could
    /// be delivered to, in the queue for all others, and in the Sent folder if a copy was wanted: queue entry and copy are
    /// one commit.
    ///
    /// A refusal means that nobody has it, but for a failure of our own store in the middle; then it is temporary.
    ///
    /// # After a crash
    ///
    /// Nothing that was answered with `Ok` is lost. Who was not answered sends again, and then whoever has the message already
    /// gets it twice; so the time between the first commit and the answer is kept as short as it can be:
    ///
    /// - Mail for others and for people of ours goes into the queue whole, as one commit, and into the mailboxes in the
    ///   same breath, so that all of it shares one sync of the disk. What the deliveries came to is written into the entry behind the
    ///   answer; after a crash before that, the queue looks into the mailboxes, and delivers only what is not there.
    /// - Mail for people of ours alone does without the queue, whose two commits would buy nothing: each mailbox is a commit
    ///   of its own, all share one sync, and an entry in the queue would have them all delivered twice, not some, when the sender
    ///   sends again. A copy for Sent comes behind them, as the sender hears at once of a message that nobody could be given,
    ///   and then keeps none.
    pub async fn submit(self: &Arc<Self>, submission: Submission) -> Result<Submitted, Refusal> {
        self.send(submission, "").await
    }

    /// The same; `trace`, whole header lines, goes before the message for recipients elsewhere.
    pub(crate) async fn send(
        self: &Arc<Self>,
        submission: Submission,
        trace: &str,
    ) -> Result<Submitted, Refusal> {
        let recipients = self.expanded(submission.recipients, &mut Done::default());
        let (local, elsewhere) = self.sort(recipients);
        let letter = Letter {
            account: submission.account,
            envelope: submission.envelope,
            received: submission.received,
            copy: submission.copy,
            trace: trace.to_owned(),
        };
        let transport = Arc::clone(self);
        // Of its own, so that a sender who goes away in the middle leaves no entry that nobody looks after.
        let sent = tokio::spawn(async move {
            if elsewhere.is_empty() {
                transport.send_within(letter, local).await
            } else {
                transport.send_out(letter, local, elsewhere).await
            }
        });
        sent.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a bug: sending a message panicked");
            Err(Refusal::temporary())
        })
    }

    /// A message for people of ours alone.
    async fn send_within(
        self: &Arc<Self>,
        letter: Letter,
        local: Vec<(Addressee, Recipient)>,
    ) -> Result<Submitted, Refusal> {
        let (addressees, results) = self.deliver_letter(&letter, local).await;
        let (mut delivered, mut worst, mut pending) = (0, None, Vec::new());
        for (addressee, result) in addressees.into_iter().zip(results) {
            match result {
                // Nobody asks for a notice of what he sees at once in the reply; SUCCESS is an exception (RFC 3461 §4.1).
                Ok(_) if !addressee.notify.success => delivered += 1,
                Ok(_) => {
                    delivered += 1;
                    pending.push(Pending {
                        delivered: true,
                        ..self.pending(addressee)
                    });
                }
                Err(refusal) => {
                    let mut waiting = self.pending(addressee);
                    if refusal.is_temporary() {
                        waiting.attempts = 1;
                        waiting.due += self.settings.queue.retry_after(1, queue::chance());
                    }
                    waiting.last = Some(refusal.clone());
                    worst.get_or_insert(refusal);
                    pending.push(waiting);
                }
            }
        }
        if let Some(refusal) = worst
            && delivered == 0
        {
            return Err(refusal);
        }
        let queued = pending.len();
        let id = if pending.is_empty() {
            self.keep_copy(letter).await?;
            None
        } else {
            let (_, id, due) = self.post(letter, pending).await?;
            self.queue.schedule.put((id.account, id.entry), due);
            Some(id)
        };
        Ok(Submitted {
            delivered,
            queued,
            id,
        })
    }

    /// A message for others, and for people of ours besides.
    async fn send_out(
        self: &Arc<Self>,
        letter: Letter,
        local: Vec<(Addressee, Recipient)>,
        mut pending: Vec<Pending>,
    ) -> Result<Submitted, Refusal> {
        let elsewhere = pending.len();
        let addressees = local.iter().map(|(addressee, _)| addressee.clone());
        pending.extend(addressees.map(|addressee| self.pending(addressee)));
        // Nobody else knows of the entry before it is in the schedule, so nobody else delivers it meanwhile. It is polled first: in
        // the log it goes before what is delivered.
        let (posted, (_, results)) = futures_util::future::join(
            self.post(letter.clone(), pending),
            self.deliver_letter(&letter, local),
        )
        .await;
        let (mailbox, id, due) = posted?;
        let key = (id.account, id.entry);
        let delivered = results.iter().filter(|result| result.is_ok()).count();
        let queued = elsewhere + results.len() - delivered;
        let outcomes: Vec<_> = (elsewhere as u32..)
            .zip(results)
            .map(|(number, result)| match result {
                Ok(_) => (number, queue::Outcome::Delivered),
                Err(refusal) => (number, queue::Outcome::Refused(refusal)),
            })
            .collect();
        if outcomes.is_empty() {
            self.queue.schedule.put(key, due);
        } else {
            let transport = Arc::clone(self);
            self.behind
                .spawn(async move { transport.settle_first(&mailbox, key, outcomes).await });
        }
        Ok(Submitted {
            delivered,
            queued,
            id: Some(id),
        })
    }

    async fn deliver_letter(
        self: &Arc<Self>,
        letter: &Letter,
        local: Vec<(Addressee, Recipient)>,
    ) -> (Vec<Addressee>, Vec<Result<Delivered, Refusal>>) {
        let (addressees, accounts): (Vec<Addressee>, Vec<Recipient>) = local.into_iter().unzip();
        if accounts.is_empty() {
            return (addressees, Vec::new());
        }
        let deliveries = self.deliver(letter.envelope.clone(), letter.received.clone(), accounts);
        (addressees, deliveries.all().await)
    }

    /// Which recipients are ours, and which are to go into the queue.
    fn sort(&self, recipients: Vec<Addressee>) -> (Vec<(Addressee, Recipient)>, Vec<Pending>) {
        let (mut local, mut pending) = (Vec::new(), Vec::new());
        for addressee in recipients {
            match &addressee.destination {
                Destination::Local(recipient) => {
                    let recipient = recipient.clone();
                    local.push((addressee, recipient));
                }
                Destination::Remote(_) => pending.push(self.pending(addressee)),
                // There are none left.
                Destination::Group(_) => {}
            }
        }
        (local, pending)
    }

    /// The DKIM-Signature field of a message, if anybody signs it.
    fn signature(&self, envelope: &Envelope, received: &Received) -> Option<String> {
        let passed = received.passed.as_ref()?;
        self.signers(envelope).sign(passed, self.now())
    }

    /// Who signs mail of that sender.
    pub(crate) fn signers(&self, envelope: &Envelope) -> Signers<'_> {
        let sender = envelope.sender.as_ref().and_then(Address::domain);
        Signers::new(&self.settings.dkim, sender)
    }

    fn pending(&self, addressee: Addressee) -> Pending {
        Pending {
            original: addressee.original,
            notify: addressee.notify,
            ..Pending::new(addressee.address, self.now())
        }
    }

    /// Puts the copy of a message that everybody has into its sender's Sent folder.
    async fn keep_copy(&self, letter: Letter) -> Result<(), Refusal> {
        let (mailbox, copy) = self.outbox_and_copy(letter.account, letter.copy).await?;
        if let Some((sent, item)) = copy
            && let Err(error) = mailbox.append(sent, &item).await
        {
            // Its recipients have it: a refusal would make the sender send it again.
            tracing::warn!(account = %letter.account, %error, "a sent message is not kept in Sent");
        }
        Ok(())
    }

    /// Puts the message into the sender's outbox, and the copy into his Sent folder. The entry, and when it is due; it is not
    /// scheduled yet.
    async fn post(
        &self,
        letter: Letter,
        pending: Vec<Pending>,
    ) -> Result<(Mailbox, queue::QueueId, i64), Refusal> {
        let account = letter.account;
        let (mailbox, copy) = self.outbox_and_copy(account, letter.copy).await?;
        let copy = copy.as_ref().map(|(sent, item)| (*sent, item));
        let due = pending.iter().map(|pending| pending.due).min();
        let due = due.unwrap_or_else(|| self.now());
        let signature = self.signature(&letter.envelope, &letter.received);
        let prefix = signature.unwrap_or_default() + &letter.trace;
        let message = NewOutgoing {
            received: letter.received.inner,
            due,
            envelope: encode_envelope(&letter.envelope, &prefix),
            recipients: pending.iter().map(Pending::encode).collect(),
        };
        let posted = match mailbox.post(&message, copy).await {
            Err(error @ Error::OverQuota { .. }) => {
                tracing::warn!(%account, %error, "a sent message is not kept in Sent");
                mailbox.post(&message, None).await
            }
            posted => posted,
        };
        let entry = posted.map_err(|error| self.refused(&error))?;
        queue::count(&self.queue.counts.queued);
        Ok((mailbox, queue::QueueId { account, entry }, due))
    }

    /// The mailbox of a sender, and the copy for its Sent folder.
    async fn outbox_and_copy(
        &self,
        account: AccountId,
        copy: Option<SentCopy>,
    ) -> Result<(Mailbox, Option<(FolderId, NewItem)>), Refusal> {
        let mailbox = self.mailboxes.outbox_of(account).await;
        let mailbox = mailbox.map_err(|error| self.refused(&error))?;
        let Some(copy) = copy else {
            return Ok((mailbox, None));
        };
        let sent = mailbox.special(SpecialUse::Sent).await;
        let sent = sent.map_err(|error| self.refused(&error))?.id;
        let mut item = NewItem::new(copy.received.inner);
        item.prefix = copy.prefix;
        item.flags = Flags::SEEN;
        Ok((mailbox, Some((sent, item))))
    }

    fn refused(&self, error: &Error) -> Refusal {
        refusal::of_mailbox(error, self.settings.over_quota)
    }
}

/// All of a message that is sent but its recipients.
#[derive(Clone, Debug)]
struct Letter {
    account: AccountId,
    envelope: Envelope,
    received: Received,
    copy: Option<SentCopy>,
    /// Header lines that go before it elsewhere.
    trace: String,
}
