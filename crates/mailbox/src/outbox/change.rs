//! What becomes of a message on its way out.

use std::collections::BTreeMap;

use bytes::Bytes;
use fieldpost_store::Commit;

use super::Outgoing;
use crate::{Error, FolderId, Mailbox, NewItem, keys, transaction::Attempts};

/// What changes of an entry.
#[derive(Clone, Debug, Default)]
pub struct OutgoingChange {
    /// When somebody is to look after it next.
    pub due: Option<i64>,
    /// Whether it is to stay until an operator lets it go.
    pub held: Option<bool>,
    /// What is known of recipients now, by number; `None`: nothing is left to be done for it.
    pub recipients: BTreeMap<u32, Option<Bytes>>,
}

impl Outgoing {
    /// Adds the change to a commit. An entry without recipients goes, and lets its body go.
    fn change(&self, change: &OutgoingChange, commit: &mut Commit) {
        commit.require(keys::outgoing(self.id), Some(self.stored.clone()));
        let left = self
            .recipients
            .keys()
            .filter(|number| !matches!(change.recipients.get(number), Some(None)))
            .count();
        if left == 0 {
            for number in self.recipients.keys() {
                commit.delete(keys::outgoing_recipient(self.id, *number));
            }
            commit.delete(keys::outgoing(self.id));
            commit.release(self.record.body, self.id.0);
            return;
        }
        for (number, recipient) in &change.recipients {
            let key = keys::outgoing_recipient(self.id, *number);
            match recipient {
                Some(value) => commit.put(key, value.clone()),
                None => commit.delete(key),
            };
        }
        let mut record = self.record.clone();
        record.changes += 1;
        record.due = change.due.unwrap_or(record.due);
        record.held = change.held.unwrap_or(record.held);
        commit.put(keys::outgoing(self.id), record.encode());
    }
}

impl Mailbox {
    /// Changes an entry and, in the same commit, takes `notice` into a folder. Durable when this returns `true`; `false`:
    /// somebody changed the entry since it was read, and nothing happened.
    pub async fn change_outgoing(
        &self,
        outgoing: &Outgoing,
        change: &OutgoingChange,
        notice: Option<(FolderId, &NewItem)>,
    ) -> Result<bool, Error> {
        let Some((folder, item)) = notice else {
            let mut commit = Commit::new(self.account());
            outgoing.change(change, &mut commit);
            return self.commit_aside(commit).await;
        };
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            let key = keys::outgoing(outgoing.id);
            let now = self.mailboxes.store.get(self.account(), &key).await?;
            if now.as_ref() != Some(&outgoing.stored) {
                return Ok(false);
            }
            outgoing.change(change, &mut transaction.commit);
            self.add_copy(&mut transaction, folder, item).await?;
            if transaction.commit(&mut attempts).await? {
                return Ok(true);
            }
        }
    }

    /// Lets every entry of the outbox stay until an operator lets it go: after a restore nobody knows which of them went out
    /// since the backup was made. How many there are.
    pub async fn hold_outbox(&self) -> Result<u64, Error> {
        let (mut after, mut held) = (None, 0);
        loop {
            let page = self.outbox(after, 256).await?;
            let Some(last) = page.last() else {
                return Ok(held);
            };
            after = Some(last.id);
            for entry in page.iter().filter(|entry| !entry.is_held()) {
                let change = OutgoingChange {
                    held: Some(true),
                    ..OutgoingChange::default()
                };
                held += u64::from(self.change_outgoing(entry, &change, None).await?);
            }
        }
    }
}
