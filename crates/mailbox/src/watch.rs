//! Waiting for changes: a parked task and a subscription, nothing else.

use fieldpost_store::{Mark, Subscription, Topics};
use smallvec::SmallVec;

use crate::{FolderId, Mailbox};

impl Mailbox {
    /// Hears of changes in `folders` from now on ([`FolderId::HIERARCHY`]: of the list of folders itself).
    /// Whoever wants to miss nothing subscribes first, then looks at the folder.
    pub fn watch(&self, folders: impl IntoIterator<Item = FolderId>) -> Watch {
        let topics = folders.into_iter().map(|folder| folder.0).collect();
        self.subscribed(Topics::Only(topics))
    }

    /// Hears of every change in the account from now on.
    pub fn watch_all(&self) -> Watch {
        self.subscribed(Topics::All)
    }

    fn subscribed(&self, topics: Topics) -> Watch {
        Watch {
            subscription: self.mailboxes.store.subscribe(self.account(), topics),
            mailbox: self.clone(),
            heard: SmallVec::new(),
        }
    }

    /// Waits until what this process shows of the account has come as far as `mod_seq`, which the store has published: it
    /// does that as soon as the commit is durable, and the task that made it may still be about to let the state follow.
    async fn caught_up(&self, mod_seq: u64) {
        if self.shows(mod_seq) {
            return;
        }
        // A commit's task has the writer until the state has followed.
        let _writer = self.account.writer.lock().await;
        if !self.shows(mod_seq) {
            // Another process's commit: the state is read anew.
            self.account.cached.lock().state = None;
        }
    }

    fn shows(&self, mod_seq: u64) -> bool {
        let cached = self.account.cached.lock();
        let state = cached.state.as_ref();
        state.is_none_or(|state| state.head.mod_seq >= mod_seq)
    }
}

/// A stream of changes, each told once it is durable and visible. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    subscription: Subscription,
    mailbox: Mailbox,
    /// Heard of and not told yet.
    heard: SmallVec<[Mark; 2]>,
}

impl Watch {
    /// Waits for changes: the folders, and their newest mod_seq; `None` once the store has closed.
    /// Safe to drop and call again: no change is lost by that.
    pub async fn next(&mut self) -> Option<SmallVec<[(FolderId, u64); 2]>> {
        if self.heard.is_empty() {
            self.heard = self.subscription.next().await?;
        }
        let newest = self.heard.iter().map(|mark| mark.mod_seq).max();
        self.mailbox.caught_up(newest.unwrap_or(0)).await;
        let told = self.heard.drain(..);
        Some(
            told.map(|mark| (FolderId(mark.topic), mark.mod_seq))
                .collect(),
        )
    }
}
