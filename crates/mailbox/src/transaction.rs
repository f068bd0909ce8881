//! The one way in which anything in an account changes.
//!
//! A transaction is begun under the account's writer lock, from the cached state; it collects what changes; its commit
//! requires the head that it was made from. The lock is held until the store has accepted the commit and the cached
//! state has followed; the reply waits longer, until the commit is durable. The store publishes the marks after that.
//!
//! The commit runs in a task of its own: a caller who goes away in the middle (a connection that breaks) leaves
//! neither a stale cache nor an unnoticed failure behind.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use fieldpost_store::{Commit, Committed, Mark, StoreError};
use tokio::sync::OwnedMutexGuard;

use crate::{
    Error, Flags, Folder, FolderId, Labels, Mailbox, Row, change_log,
    head::Head,
    index::{block, fold},
    keys,
};

/// A change to one account in the making. Dropping it changes nothing.
pub(crate) struct Transaction {
    mailbox: Mailbox,
    /// Never read: held until the commit is accepted or the transaction is dropped.
    _writer: OwnedMutexGuard<()>,
    /// The head as it will be.
    pub(crate) head: Head,
    stored_head: Option<Bytes>,
    mod_seq: Option<u64>,
    folders: BTreeMap<FolderId, Folder>,
    dropped: Vec<FolderId>,
    labels: Option<Labels>,
    rows: BTreeMap<FolderId, Rows>,
    hierarchy: bool,
    /// The rest: items, holds, threads.
    pub(crate) commit: Commit,
}

/// What changes in one folder.
#[derive(Debug, Default)]
struct Rows {
    put: Vec<Row>,
    gone: Vec<Row>,
}

/// Counts how often an operation met somebody else's commit; bounded.
pub(crate) struct Attempts(u32);

impl Attempts {
    pub(crate) fn new() -> Self {
        Self(MAX_ATTEMPTS)
    }
}

impl Mailbox {
    /// Begins a change: takes the account's writer lock and reads its state, if that is not in memory.
    pub(crate) async fn begin(&self) -> Result<Transaction, Error> {
        let writer = Arc::clone(&self.account.writer).lock_owned().await;
        self.mailboxes.load(&self.account).await?;
        let (head, stored_head) = {
            let mut cached = self.account.cached.lock();
            cached.used = self.mailboxes.tick();
            let state = cached.state.as_ref().ok_or(Error::Busy(self.account.id))?;
            (state.head.clone(), state.stored_head.clone())
        };
        Ok(Transaction {
            mailbox: self.clone(),
            _writer: writer,
            head,
            stored_head,
            mod_seq: None,
            folders: BTreeMap::new(),
            dropped: Vec::new(),
            labels: None,
            rows: BTreeMap::new(),
            hierarchy: false,
            commit: Commit::new(self.account.id),
        })
    }
}

impl Transaction {
    /// Whether the account has no records yet.
    pub(crate) fn is_new_account(&self) -> bool {
        self.stored_head.is_none()
    }

    /// The mod_seq of this change.
    pub(crate) fn mod_seq(&mut self) -> u64 {
        *self.mod_seq.get_or_insert_with(|| {
            self.head.mod_seq += 1;
            self.head.mod_seq
        })
    }

    /// A folder as it is so far; being deleted counts as not there.
    pub(crate) fn folder(&self, id: FolderId) -> Result<Arc<Folder>, Error> {
        self.any_folder(id).and_then(|folder| {
            if folder.doomed {
                Err(Error::NoSuchFolder(id))
            } else {
                Ok(folder)
            }
        })
    }

    /// A folder, even if it is being deleted.
    pub(crate) fn any_folder(&self, id: FolderId) -> Result<Arc<Folder>, Error> {
        if let Some(folder) = self.folders.get(&id) {
            return Ok(Arc::new(folder.clone()));
        }
        let account = &self.mailbox.account;
        let cached = account.cached.lock();
        // An earlier commit that failed to become durable has taken the state away; that says nothing about the folder.
        let state = cached.state.as_ref().ok_or(Error::Busy(account.id))?;
        let folder = state.folders.get(&id).cloned();
        folder.ok_or(Error::NoSuchFolder(id))
    }

    /// All folders as they are so far, those being deleted included.
    pub(crate) fn all_folders(&self) -> Vec<Arc<Folder>> {
        let mut all = {
            let cached = self.mailbox.account.cached.lock();
            cached
                .state
                .as_ref()
                .map(|state| state.folders.clone())
                .unwrap_or_default()
        };
        for (id, folder) in &self.folders {
            all.insert(*id, Arc::new(folder.clone()));
        }
        all.into_values().collect()
    }

    /// A folder, to be changed. Its record is part of the commit from now on.
    pub(crate) fn folder_mut(&mut self, id: FolderId) -> Result<&mut Folder, Error> {
        if !self.folders.contains_key(&id) {
            let folder = self.any_folder(id)?;
            self.folders.insert(id, Folder::clone(&folder));
        }
        self.folders.get_mut(&id).ok_or(Error::NoSuchFolder(id))
    }

    /// A folder whose name, parent, subscription or existence changes.
    pub(crate) fn rename_mut(&mut self, id: FolderId) -> Result<&mut Folder, Error> {
        let mod_seq = self.mod_seq();
        self.hierarchy = true;
        let folder = self.folder_mut(id)?;
        folder.changed = mod_seq;
        Ok(folder)
    }

    /// Adds a folder.
    pub(crate) fn add_folder(&mut self, folder: Folder) {
        self.hierarchy = true;
        self.folders.insert(folder.id, folder);
    }

    /// Drops the record of a folder that has nothing in it any more.
    pub(crate) fn drop_folder(&mut self, id: FolderId) {
        self.dropped.push(id);
    }

    /// The account's keywords and categories so far.
    pub(crate) fn labels(&self) -> Arc<Labels> {
        if let Some(labels) = &self.labels {
            return Arc::new(labels.clone());
        }
        let cached = self.mailbox.account.cached.lock();
        cached
            .state
            .as_ref()
            .map(|state| Arc::clone(&state.labels))
            .unwrap_or_default()
    }

    /// Sets the account's keywords and categories, if they have changed.
    pub(crate) fn set_labels(&mut self, labels: Labels) {
        if *self.labels() != labels {
            self.labels = Some(labels);
        }
    }

    /// Lets a new item into a folder. The row has its final uid and mod_seq.
    pub(crate) fn add_row(&mut self, folder: FolderId, row: Row) -> Result<(), Error> {
        let record = self.folder_mut(folder)?;
        let counters = &mut record.counters;
        counters.exists = counters.exists.saturating_add(1);
        count(&mut counters.unseen, !row.flags.contains(Flags::SEEN), true);
        count(
            &mut counters.deleted,
            row.flags.contains(Flags::DELETED),
            true,
        );
        counters.size = counters.size.saturating_add(row.size);
        self.head.quota.add(row.size);
        self.rows.entry(folder).or_default().put.push(row);
        Ok(())
    }

    /// Replaces an item's row.
    pub(crate) fn change_row(
        &mut self,
        folder: FolderId,
        before: &Row,
        row: Row,
    ) -> Result<(), Error> {
        let counters = &mut self.folder_mut(folder)?.counters;
        count(
            &mut counters.unseen,
            !before.flags.contains(Flags::SEEN),
            false,
        );
        count(
            &mut counters.deleted,
            before.flags.contains(Flags::DELETED),
            false,
        );
        count(&mut counters.unseen, !row.flags.contains(Flags::SEEN), true);
        count(
            &mut counters.deleted,
            row.flags.contains(Flags::DELETED),
            true,
        );
        self.rows.entry(folder).or_default().put.push(row);
        Ok(())
    }

    /// Lets an item leave a folder; a tombstone stays.
    pub(crate) fn remove_row(&mut self, folder: FolderId, row: &Row) -> Result<(), Error> {
        let counters = &mut self.folder_mut(folder)?.counters;
        counters.exists = counters.exists.saturating_sub(1);
        count(
            &mut counters.unseen,
            !row.flags.contains(Flags::SEEN),
            false,
        );
        count(
            &mut counters.deleted,
            row.flags.contains(Flags::DELETED),
            false,
        );
        counters.size = counters.size.saturating_sub(row.size);
        self.head.quota.remove(row.size);
        self.rows.entry(folder).or_default().gone.push(*row);
        Ok(())
    }

    /// Folds `folder` in this change even if it has few pending rows.
    pub(crate) async fn fold(&mut self, folder: FolderId) -> Result<(), Error> {
        let mut record = Folder::clone(&*self.any_folder(folder)?);
        // Nothing changes for clients: the folder's own mod_seq is what it is folded to.
        let to = record.highest_mod_seq;
        let mailbox = self.mailbox.clone();
        let store = &*mailbox.mailboxes.store;
        fold::fold(
            store,
            &mailbox.account,
            &mut record,
            &[],
            &[],
            to,
            &mut self.commit,
        )
        .await?;
        self.folders.insert(folder, record);
        Ok(())
    }

    /// Commits. `true`: it is durable, and this process shows it. `false`: somebody else's commit came first; begin again.
    pub(crate) async fn commit(mut self, attempts: &mut Attempts) -> Result<bool, Error> {
        let account = self.mailbox.account.id;
        self.write_records().await?;
        let task = tokio::spawn(self.run());
        let durable = task.await.map_err(|_| StoreError::Closed)??;
        if !durable {
            attempts.0 = attempts.0.checked_sub(1).ok_or(Error::Busy(account))?;
        }
        Ok(durable)
    }

    /// Turns what changed into the commit's operations and marks.
    async fn write_records(&mut self) -> Result<(), Error> {
        let mailbox = self.mailbox.clone();
        let store = &*mailbox.mailboxes.store;
        let now = mailbox.mailboxes.now();
        let mut rows = std::mem::take(&mut self.rows);
        for (id, rows) in &mut rows {
            if rows.put.is_empty() && rows.gone.is_empty() {
                continue;
            }
            let mod_seq = self.mod_seq();
            rows.put.sort_unstable_by_key(|row| row.uid);
            rows.gone.sort_unstable_by_key(|row| row.uid);
            debug_assert!(rows.put.is_sorted_by(|one, next| one.uid < next.uid));
            let mut folder = Folder::clone(&*self.any_folder(*id)?);
            folder.highest_mod_seq = mod_seq;
            let pending = folder
                .pending
                .saturating_add(rows.put.len() as u32)
                .saturating_add(rows.gone.len() as u32);
            if pending >= fold::threshold(&folder) {
                let (put, gone) = (&rows.put, &rows.gone);
                fold::fold(
                    store,
                    &mailbox.account,
                    &mut folder,
                    put,
                    gone,
                    mod_seq,
                    &mut self.commit,
                )
                .await?;
            } else {
                folder.pending = pending;
                for (part, (_, value)) in block::pack(&rows.put, mod_seq).into_iter().enumerate() {
                    self.commit
                        .put(keys::change(*id, mod_seq, part as u16), value);
                }
            }
            for (part, value) in change_log::pack(&rows.gone, now).into_iter().enumerate() {
                self.commit
                    .put(keys::tombstone(*id, mod_seq, part as u16), value);
            }
            self.commit.marks.push(Mark {
                topic: id.0,
                mod_seq,
            });
            self.folders.insert(*id, folder);
        }
        self.rows = rows;
        for folder in self.folders.values() {
            self.commit.put(keys::folder(folder.id), folder.encode());
        }
        for id in &self.dropped {
            self.commit.delete(keys::folder(*id));
        }
        if let Some(labels) = &self.labels {
            self.commit.put(keys::labels(), labels.encode());
        }
        if self.hierarchy {
            let mod_seq = self.mod_seq();
            self.commit.marks.push(Mark {
                topic: FolderId::HIERARCHY.0,
                mod_seq,
            });
        }
        self.head.commits += 1;
        self.commit.put(keys::head(), self.head.encode());
        self.commit.require(keys::head(), self.stored_head.clone());
        Ok(())
    }

    /// Hands the commit to the store, lets the cached state follow, and waits until it is durable.
    async fn run(mut self) -> Result<bool, Error> {
        let mailbox = self.mailbox.clone();
        let commit = std::mem::take(&mut self.commit);
        let receipt = match mailbox.mailboxes.store.commit(commit).await {
            Ok(Committed::Accepted(receipt)) => receipt,
            Ok(Committed::Conflict { .. }) => {
                mailbox.account.cached.lock().lose();
                return Ok(false);
            }
            Err(error) => {
                mailbox.account.cached.lock().lose();
                return Err(error.into());
            }
        };
        let ticket = self.apply();
        mailbox.mailboxes.recharge(&mailbox.account);
        // The next writer may begin; it sees this commit, and its own will be durable after this one.
        drop(self);
        let result = receipt.durable().await.map(drop);
        mailbox.account.settle(ticket, result.is_err());
        result?;
        Ok(true)
    }

    /// Lets the cached state follow an accepted commit.
    fn apply(&mut self) -> u64 {
        let mut cached = self.mailbox.account.cached.lock();
        let ticket = cached.next_ticket();
        let Some(state) = &mut cached.state else {
            return ticket;
        };
        state.stored_head = Some(self.head.encode());
        state.head = self.head.clone();
        for (id, folder) in std::mem::take(&mut self.folders) {
            state.folders.insert(id, Arc::new(folder));
        }
        for id in &self.dropped {
            state.folders.remove(id);
            state.indexes.remove(id);
        }
        if let Some(labels) = self.labels.take() {
            state.labels = Arc::new(labels);
        }
        for (id, rows) in &self.rows {
            if let Some(index) = state.indexes.get_mut(id) {
                for row in &rows.put {
                    index.put(*row);
                }
                if !rows.gone.is_empty() {
                    let gone: Vec<_> = rows.gone.iter().map(|row| row.uid).collect();
                    index.remove(&gone);
                }
            }
        }
        ticket
    }
}

fn count(counter: &mut u32, holds: bool, more: bool) {
    if holds {
        *counter = if more {
            counter.saturating_add(1)
        } else {
            counter.saturating_sub(1)
        };
    }
}

/// How often an operation is tried again after somebody else's commit.
const MAX_ATTEMPTS: u32 = 16;
