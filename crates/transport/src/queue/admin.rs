//! What an operator does with the queue. All of it works on the store, whether or not the queue runs.

use std::{fmt, str::FromStr};

use fieldpost_mailbox::{EntryId, Error, Outgoing, OutgoingChange};
use fieldpost_store::AccountId;

use super::{Pending, decode_envelope};
use crate::{Address, Envelope, Transport};

/// Names an entry for people: `account-entry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId {
    /// Whose outbox it is in; 0 is the organisation's.
    pub account: AccountId,
    /// The entry.
    pub entry: EntryId,
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.account, self.entry)
    }
}

impl FromStr for QueueId {
    type Err = NotAQueueId;

    fn from_str(text: &str) -> Result<Self, NotAQueueId> {
        let (account, entry) = text.split_once('-').ok_or(NotAQueueId)?;
        Ok(Self {
            account: AccountId(account.parse().map_err(|_| NotAQueueId)?),
            entry: EntryId(entry.parse().map_err(|_| NotAQueueId)?),
        })
    }
}

/// A text that names no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an entry of the queue, such as 12-345")]
pub struct NotAQueueId;

/// An entry as it stands.
#[derive(Clone, Debug)]
pub struct QueueEntry {
    /// Its id.
    pub id: QueueId,
    /// Who sent it.
    pub envelope: Envelope,
    /// When it came, seconds since 1970.
    pub created: i64,
    /// When it is tried next, seconds since 1970.
    pub due: i64,
    /// Whether it stays until an operator lets it go.
    pub held: bool,
    /// The message's size in bytes.
    pub size: u64,
    /// The recipients that are left.
    pub recipients: Vec<Pending>,
}

impl QueueEntry {
    fn of(entry: &Outgoing) -> Self {
        let decode = |value: &bytes::Bytes| Pending::decode(value).ok();
        Self {
            id: QueueId {
                account: entry.account(),
                entry: entry.id(),
            },
            envelope: decode_envelope(entry.envelope()).unwrap_or_default(),
            created: entry.created(),
            due: entry.due(),
            held: entry.is_held(),
            size: entry.size(),
            recipients: entry.recipients().values().filter_map(decode).collect(),
        }
    }

    /// Whether it goes to `address`, or to anybody of that domain.
    pub fn goes_to(&self, place: &str) -> bool {
        let is_it = |address: &Address| {
            address.as_str().eq_ignore_ascii_case(place)
                || address
                    .domain()
                    .is_some_and(|domain| domain.eq_ignore_ascii_case(place))
        };
        self.recipients
            .iter()
            .any(|pending| is_it(&pending.address))
    }
}

impl Transport {
    /// The entries of the queue from behind `after`, in order of id, at most `limit`. Those of an outbox that can't be read are
    /// left out; the log tells which.
    pub async fn queue(
        &self,
        after: Option<QueueId>,
        limit: usize,
    ) -> Result<Vec<QueueEntry>, Error> {
        let mut found = Vec::new();
        for account in self.mailboxes.outboxes().await? {
            let behind = match after {
                Some(after) if after.account > account => continue,
                Some(after) if after.account == account => Some(after.entry),
                Some(_) | None => None,
            };
            let page = async {
                let mailbox = self.mailboxes.outbox_of(account).await?;
                mailbox.outbox(behind, limit - found.len()).await
            };
            match page.await {
                Ok(page) => found.extend(page.iter().map(QueueEntry::of)),
                Err(error) => tracing::error!(%account, %error, "an outbox can't be read"),
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// One entry.
    pub async fn queue_entry(&self, id: QueueId) -> Result<Option<QueueEntry>, Error> {
        let Some(mailbox) = self.outbox(id).await? else {
            return Ok(None);
        };
        let entry = mailbox.outgoing(id.entry).await?;
        Ok(entry.as_ref().map(QueueEntry::of))
    }

    /// Has an entry tried at once; a held one too. `false`: there is none.
    pub async fn retry_now(&self, id: QueueId) -> Result<bool, Error> {
        let now = self.now();
        let is_there = self
            .change_entry(id, |entry| {
                let mut change = OutgoingChange {
                    due: Some(now),
                    held: Some(false),
                    ..OutgoingChange::default()
                };
                for (number, value) in entry.recipients() {
                    if let Ok(mut pending) = Pending::decode(value) {
                        pending.due = now;
                        change.recipients.insert(*number, Some(pending.encode()));
                    }
                }
                change
            })
            .await?;
        if is_there {
            self.queue.panics.forget((id.account, id.entry));
            if let Some(hops) = &*self.queue.hops.lock() {
                hops.forget_failures();
            }
            self.queue.schedule.put((id.account, id.entry), now);
        }
        Ok(is_there)
    }

    /// Holds an entry: it stays as it is until [`Self::retry_now`]. `false`: there is none.
    pub async fn hold(&self, id: QueueId) -> Result<bool, Error> {
        let change = OutgoingChange {
            held: Some(true),
            ..OutgoingChange::default()
        };
        let is_there = self.change_entry(id, |_| change.clone()).await?;
        self.queue.schedule.remove((id.account, id.entry));
        Ok(is_there)
    }

    /// Drops an entry: nobody gets the message any more, and nobody is told. `false`: there is none.
    pub async fn drop_entry(&self, id: QueueId) -> Result<bool, Error> {
        let is_there = self
            .change_entry(id, |entry| OutgoingChange {
                recipients: entry.recipients().keys().map(|one| (*one, None)).collect(),
                ..OutgoingChange::default()
            })
            .await?;
        self.queue.schedule.remove((id.account, id.entry));
        Ok(is_there)
    }

    /// Drops all that `account` has in the queue; how many messages.
    pub async fn drop_all_of(&self, account: AccountId) -> Result<u64, Error> {
        let mut dropped = 0;
        if !self.mailboxes.outboxes().await?.contains(&account) {
            return Ok(dropped);
        }
        let mailbox = self.mailboxes.outbox_of(account).await?;
        loop {
            let page = mailbox.outbox(None, 256).await?;
            if page.is_empty() {
                return Ok(dropped);
            }
            for entry in page {
                let entry = entry.id();
                dropped += u64::from(self.drop_entry(QueueId { account, entry }).await?);
            }
        }
    }

    pub(super) async fn change_entry(
        &self,
        id: QueueId,
        change: impl Fn(&Outgoing) -> OutgoingChange,
    ) -> Result<bool, Error> {
        let Some(mailbox) = self.outbox(id).await? else {
            return Ok(false);
        };
        loop {
            let Some(entry) = mailbox.outgoing(id.entry).await? else {
                return Ok(false);
            };
            if mailbox
                .change_outgoing(&entry, &change(&entry), None)
                .await?
            {
                return Ok(true);
            }
        }
    }

    /// The outbox of an account that may have one: no mailbox is made for a number somebody thought of.
    async fn outbox(&self, id: QueueId) -> Result<Option<fieldpost_mailbox::Mailbox>, Error> {
        if !self.mailboxes.outboxes().await?.contains(&id.account) {
            return Ok(None);
        }
        self.mailboxes.outbox_of(id.account).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = QueueId {
            account: AccountId(12),
            entry: EntryId(345),
        };
        assert_eq!("12-345".parse(), Ok(id));
        assert_eq!(id.to_string(), "12-345");
        for text in ["", "12", "12-", "-3", "a-b", "12-3-4"] {
            assert_eq!(text.parse::<QueueId>(), Err(NotAQueueId), "{text}");
        }
    }
}
