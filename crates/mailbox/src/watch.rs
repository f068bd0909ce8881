//! Waiting for changes: a parked task and a subscription, nothing else.

use fieldpost_store::{Subscription, Topics};
use smallvec::SmallVec;

use crate::{FolderId, Mailbox};

impl Mailbox {
    /// Hears of changes in `folders` from now on ([`FolderId::HIERARCHY`]: of the list of folders itself).
    /// Whoever wants to miss nothing subscribes first, then looks at the folder.
    pub fn watch(&self, folders: impl IntoIterator<Item = FolderId>) -> Watch {
        let topics = folders.into_iter().map(|folder| folder.0).collect();
        Watch(
            self.mailboxes
                .store
                .subscribe(self.account(), Topics::Only(topics)),
        )
    }

    /// Hears of every change in the account from now on.
    pub fn watch_all(&self) -> Watch {
        Watch(self.mailboxes.store.subscribe(self.account(), Topics::All))
    }
}

/// A stream of changes, each told once it is durable and visible. Dropping it ends it.
#[derive(Debug)]
pub struct Watch(Subscription);

impl Watch {
    /// Waits for changes: the folders, and their newest mod_seq; `None` once the store has closed.
    /// Safe to drop and call again: no change is lost by that.
    pub async fn next(&mut self) -> Option<SmallVec<[(FolderId, u64); 2]>> {
        let marks = self.0.next().await?;
        Some(
            marks
                .into_iter()
                .map(|mark| (FolderId(mark.topic), mark.mod_seq))
                .collect(),
        )
    }

    /// The changes that there are now, without waiting.
    pub fn take(&mut self) -> SmallVec<[(FolderId, u64); 2]> {
        self.0
            .take()
            .into_iter()
            .map(|mark| (FolderId(mark.topic), mark.mod_seq))
            .collect()
    }
}
