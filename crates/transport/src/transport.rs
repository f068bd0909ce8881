//! [`Transport`]: from an envelope to mailboxes.

use std::{fmt, sync::Arc};

use fieldpost_directory::Directory;
use fieldpost_mailbox::{Flags, FolderId, FolderKind, Mailbox, Mailboxes, NewItem, SpecialUse};
use fieldpost_store::AccountId;
use futures_util::{Stream, StreamExt as _, stream};
use tokio_util::task::TaskTracker;

use crate::{
    Address, Addressee, Delivered, Deliveries, Delivery, Destination, Envelope, Hook, Incoming,
    Placement, QueueStatistics, Received, Recipient, Refusal, Relay, Settings, Submission,
    group::Done, queue::Queue, recipient, refusal, spam::SpamWatch,
};

/// Takes messages, and brings them to the mailboxes of their recipients.
///
/// Rule: [`Deliveries`] says `Ok` for a recipient only when the message is in its mailbox and on disk.
pub struct Transport {
    pub(crate) directory: Arc<Directory>,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) settings: Settings,
    hooks: Vec<Arc<dyn Hook>>,
    pub(crate) queue: Queue,
    /// What goes on behind the answer to who sent a message.
    pub(crate) behind: TaskTracker,
}

impl Transport {
    /// A transport that delivers to the inbox.
    pub fn new(
        directory: Arc<Directory>,
        mailboxes: Arc<Mailboxes>,
        settings: Settings,
    ) -> Arc<Self> {
        Self::with_hooks(directory, mailboxes, settings, Vec::new())
    }

    /// A transport with hooks, in the order in which they are to run.
    pub fn with_hooks(
        directory: Arc<Directory>,
        mailboxes: Arc<Mailboxes>,
        settings: Settings,
        hooks: Vec<Arc<dyn Hook>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory,
            mailboxes,
            settings,
            hooks,
            queue: Queue::default(),
            behind: TaskTracker::new(),
        })
    }

    /// Waits until nothing goes on behind the answers that were given: before the store is closed.
    pub async fn finish(&self) {
        self.behind.close();
        self.behind.wait().await;
    }

    /// Whether mail is sent to other servers.
    pub fn relays(&self) -> bool {
        self.settings.relay != Relay::Off
    }

    /// What the queue holds and did.
    pub fn queue_statistics(&self) -> QueueStatistics {
        self.queue.statistics()
    }

    /// Seconds since 1970, by the mailboxes' clock.
    pub(crate) fn now(&self) -> i64 {
        (self.mailboxes.settings().clock)()
    }

    /// Begins to take in a message that `account` sends. `size` is what the sender said of its size in bytes.
    pub async fn compose(
        &self,
        account: AccountId,
        size: Option<u64>,
    ) -> Result<Incoming, Refusal> {
        let incoming = self.mailboxes.receive(account, size).await;
        let incoming = incoming.map_err(refusal::of_message)?;
        let incoming = self.incoming(incoming);
        Ok(if self.settings.dkim.is_empty() || !self.relays() {
            incoming
        } else {
            incoming.with_signature()
        })
    }

    fn incoming(&self, incoming: fieldpost_mailbox::Incoming) -> Incoming {
        let spam = SpamWatch::new(Arc::clone(&self.settings.spam_marks));
        Incoming::new(incoming, self.settings.max_hops, spam)
    }

    /// Who has `address`, if mail to it is taken.
    pub fn recipient(&self, address: &Address) -> Result<Recipient, Refusal> {
        recipient::resolve(address, &self.directory, &self.settings)
    }

    /// Begins to take in a message for `recipients` (of which there is at least one). `size` is what the sender said of
    /// its size in bytes.
    pub async fn receive(
        &self,
        recipients: &[Recipient],
        size: Option<u64>,
    ) -> Result<Incoming, Refusal> {
        // The store keeps the body near its first holder's data.
        let account = recipients
            .first()
            .map(Recipient::account)
            .unwrap_or_default();
        let incoming = self.mailboxes.receive(account, size).await;
        let incoming = incoming.map_err(refusal::of_message)?;
        let hostname = &self.settings.hostname;
        Ok(self.incoming(incoming).with_loops(hostname))
    }

    /// Brings a message to its recipients: several at once, each account once, however many of its addresses are
    /// named.
    pub fn deliver(
        self: &Arc<Self>,
        envelope: Envelope,
        received: Received,
        recipients: Vec<Recipient>,
    ) -> Deliveries {
        let addressees = recipients
            .into_iter()
            .map(|one| Addressee::new(one.address().clone(), Destination::Local(one)))
            .collect();
        self.distribute(envelope, received, addressees)
    }

    /// The same for recipients some of which are groups: their members have it too, each mailbox one copy whoever names it. Who
    /// of them can't be reached at once is tried again from the queue, so that a group is refused as a whole or not at all.
    pub fn distribute(
        self: &Arc<Self>,
        envelope: Envelope,
        received: Received,
        recipients: Vec<Addressee>,
    ) -> Deliveries {
        let (accounts, groups, waiting) = Deliveries::plan(recipients);
        let group_mail = self.group_mail(&envelope, &received, &accounts, groups);
        let message = Arc::new(Message {
            return_path: envelope.return_path(),
            envelope,
            received,
        });
        let transport = Arc::clone(self);
        let results = stream::iter(accounts)
            .map(move |recipient| {
                let (transport, message) = (Arc::clone(&transport), Arc::clone(&message));
                async move { transport.deliver_to(&message, &recipient).await }
            })
            .buffered(self.settings.concurrency.max(1));
        Deliveries::new(results.chain(group_mail).boxed(), waiting)
    }

    /// Sends the message to everybody in each of `groups` who is not among `accounts` and was not in a group before it.
    fn group_mail(
        self: &Arc<Self>,
        envelope: &Envelope,
        received: &Received,
        accounts: &[Recipient],
        groups: Vec<Addressee>,
    ) -> impl Stream<Item = Result<Delivered, Refusal>> + Send + 'static + use<> {
        let mut done = Done::default();
        done.accounts
            .extend(accounts.iter().map(Recipient::account));
        let mut submissions = Vec::with_capacity(groups.len());
        for group in groups {
            let address = group.address.clone();
            let is_loop = received.delivered_to.iter().any(|before| {
                let group = self.directory.group(address.as_str());
                group.is_some() && group == self.directory.group(before.as_str())
            });
            let submission = (!is_loop).then(|| {
                let mut recipients = self.expanded(vec![group], &mut done);
                // A member who has it already is no reason to refuse it to the others.
                recipients.retain(|member| match &member.destination {
                    Destination::Local(recipient) => !self.has_it(recipient, received),
                    Destination::Remote(_) | Destination::Group(_) => true,
                });
                Submission {
                    account: AccountId::ORGANISATION,
                    envelope: envelope.clone(),
                    received: received.clone(),
                    recipients,
                    copy: None,
                }
            });
            submissions.push((address, submission));
        }
        let transport = Arc::clone(self);
        stream::iter(submissions).then(move |(address, submission)| {
            let transport = Arc::clone(&transport);
            async move {
                let submission = submission.ok_or_else(|| Refusal::delivered_before(&address))?;
                if !submission.recipients.is_empty() {
                    // What comes back to the group is known by this.
                    let trace = format!("Delivered-To: {address}\r\n");
                    transport.send(submission, &trace).await?;
                }
                Ok(Delivered {
                    address,
                    account: AccountId::ORGANISATION,
                    folder: FolderId::HIERARCHY,
                    entry: fieldpost_mailbox::EntryId(0),
                    uid: 0,
                })
            }
        })
    }

    /// Whether the message was delivered into that mailbox before it came now.
    fn has_it(&self, recipient: &Recipient, received: &Received) -> bool {
        let mut before = received.delivered_to.iter();
        before.any(|before| {
            let before = self.recipient(before);
            before.is_ok_and(|before| before.account() == recipient.account())
        })
    }

    async fn deliver_to(
        self: &Arc<Self>,
        message: &Message,
        recipient: &Recipient,
    ) -> Result<Delivered, Refusal> {
        if self.has_it(recipient, &message.received) {
            return Err(Refusal::delivered_before(recipient.address()));
        }
        let delivery = Delivery {
            transport: self,
            envelope: &message.envelope,
            received: &message.received,
            recipient,
        };
        let mut placement = Placement::default();
        for hook in &self.hooks {
            hook.place(&delivery, &mut placement).await?;
        }
        let delivered = self.append(message, recipient, placement).await;
        let delivered = delivered.map_err(|error| {
            let refusal = refusal::of_mailbox(&error, self.settings.over_quota);
            tracing::warn!(account = %recipient.account(), %error, %refusal, "not delivered");
            refusal
        })?;
        for hook in &self.hooks {
            hook.delivered(&delivery, &delivered).await;
        }
        Ok(delivered)
    }

    async fn append(
        &self,
        message: &Message,
        recipient: &Recipient,
        placement: Placement,
    ) -> Result<Delivered, fieldpost_mailbox::Error> {
        let mailbox = self.mailboxes.open(recipient.account()).await?;
        let named = match (placement.folder, recipient.folder()) {
            (SpecialUse::Inbox, Some(name)) => folder_named(&mailbox, name).await?,
            _ => None,
        };
        let folder = match named {
            Some(folder) => folder,
            None => mailbox.special(placement.folder).await?.id,
        };
        let mut item = NewItem::new(message.received.inner.clone());
        // RFC 5321 §4.4: Return-Path on top, then ours for this recipient, then the message as it came.
        item.prefix = [message.return_path.as_str(), &recipient.delivered_to()]
            .concat()
            .into();
        item.keywords = placement.keywords;
        if placement.seen {
            item.flags = Flags::SEEN;
        }
        let appended = mailbox.append(folder, &item).await?;
        Ok(Delivered {
            address: recipient.address().clone(),
            account: recipient.account(),
            folder,
            entry: appended.entry,
            uid: appended.uid,
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hooks: Vec<_> = self.hooks.iter().map(|hook| hook.name()).collect();
        f.debug_struct("Transport")
            .field("settings", &self.settings)
            .field("hooks", &hooks)
            .finish_non_exhaustive()
    }
}

/// The mail folder that an address names, if it is there: at the top, or right below the inbox, in any case.
async fn folder_named(
    mailbox: &Mailbox,
    name: &str,
) -> Result<Option<FolderId>, fieldpost_mailbox::Error> {
    let inbox = mailbox.special(SpecialUse::Inbox).await?.id;
    let name = name.to_lowercase();
    let folders = mailbox.folders().await?;
    let found = folders.iter().find(|folder| {
        folder.kind == FolderKind::Mail
            && folder.parent.is_none_or(|parent| parent == inbox)
            && folder.name.to_lowercase() == name
    });
    Ok(found.map(|folder| folder.id))
}

/// What all deliveries of one message share.
struct Message {
    envelope: Envelope,
    return_path: String,
    received: Received,
}
