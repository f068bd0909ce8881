//! Sending: what people of ours write goes to its recipients, here and elsewhere, and a copy into their Sent folder.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use fieldpost_mailbox::{Error, Flags, NewItem, NewOutgoing, SpecialUse};
use fieldpost_store::AccountId;

use crate::{
    Address, Destination, Envelope, Notify, Pending, Received, Recipient, Refusal, Transport,
    dkim::Signers,
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
    /// A refusal means that nobody has it, but for a failure of our own store behind the first deliveries; then it is temporary.
    pub async fn submit(self: &Arc<Self>, submission: Submission) -> Result<Submitted, Refusal> {
        let Submission {
            account,
            envelope,
            received,
            recipients,
            copy,
        } = submission;
        let recipients = self.expanded(recipients, &mut HashSet::new());
        let (local, mut pending) = self.sort(recipients);
        let (mut delivered, mut worst) = (0, None);
        let (addressees, accounts): (Vec<Addressee>, Vec<Recipient>) = local.into_iter().unzip();
        let results = if accounts.is_empty() {
            Vec::new()
        } else {
            self.deliver(envelope.clone(), received.clone(), accounts)
                .all()
                .await
        };
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
            && pending.iter().all(|pending| pending.last.is_some())
        {
            return Err(refusal);
        }
        let queued = pending.len();
        let id = self
            .keep(account, &envelope, received, pending, copy)
            .await?;
        Ok(Submitted {
            delivered,
            queued,
            id,
        })
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

    /// Puts the message into the sender's outbox, if anybody waits for it there, and the copy into his Sent folder.
    async fn keep(
        &self,
        account: AccountId,
        envelope: &Envelope,
        received: Received,
        pending: Vec<Pending>,
        copy: Option<SentCopy>,
    ) -> Result<Option<queue::QueueId>, Refusal> {
        let failed = |error: Error| refusal::of_mailbox(&error, self.settings.over_quota);
        let mailbox = self.mailboxes.outbox_of(account).await.map_err(failed)?;
        let copy = match copy {
            None => None,
            Some(copy) => {
                let sent = mailbox.special(SpecialUse::Sent).await.map_err(failed)?.id;
                let mut item = NewItem::new(copy.received.inner);
                item.prefix = copy.prefix;
                item.flags = Flags::SEEN;
                Some((sent, item))
            }
        };
        let copy = copy.as_ref().map(|(sent, item)| (*sent, item));
        let Some(due) = pending.iter().map(|pending| pending.due).min() else {
            if let Some((sent, item)) = copy
                && let Err(error) = mailbox.append(sent, item).await
            {
                // Its recipients have it: a refusal would make the sender send it again.
                tracing::warn!(%account, %error, "a sent message is not kept in Sent");
            }
            return Ok(None);
        };
        let prefix = self.signature(envelope, &received).unwrap_or_default();
        let message = NewOutgoing {
            received: received.inner,
            due,
            envelope: encode_envelope(envelope, &prefix),
            recipients: pending.iter().map(Pending::encode).collect(),
        };
        let posted = match mailbox.post(&message, copy).await {
            Err(error @ Error::OverQuota { .. }) => {
                tracing::warn!(%account, %error, "a sent message is not kept in Sent");
                mailbox.post(&message, None).await
            }
            posted => posted,
        };
        let entry = posted.map_err(failed)?;
        queue::count(&self.queue.counts.queued);
        self.queue.schedule.put((account, entry), due);
        Ok(Some(queue::QueueId { account, entry }))
    }
}
