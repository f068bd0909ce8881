//! One account as this process knows it: its one writer, its cached state, and how far that state is durable.
//!
//! Invariant: nothing is shown before it is durable. The cache runs ahead of the disk (the next writer need not wait for
//! the sync of the one before), so a reader takes what he wants and then waits until that state is durable; otherwise a
//! uid could be told to a client, be lost in a power cut, and be given to another message. If it turns out that the state
//! rested on a commit that failed, the reader looks again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem::size_of,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use fieldpost_store::{AccountId, Scan, Store};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    Error, Folder, FolderId, Labels, Limits, device::turns::Turns, error::Malformed, head::Head,
    index::FolderIndex, keys, pages::Pages,
};

/// What all handles of an account share.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    /// Held from reading the state until the commit made from it is accepted.
    pub(crate) writer: Arc<tokio::sync::Mutex<()>>,
    /// Written by whoever holds `writer`; read by all; emptied by eviction and after a failure.
    pub(crate) cached: Mutex<Cached>,
    /// A commit with this number has resolved, and so have those that it rests on.
    resolved: AtomicU64,
    /// Told whenever `resolved` grows.
    progress: Notify,
    /// Folders under POP3's exclusive lock, by guards.
    pub(crate) maildrops: Mutex<HashSet<FolderId>>,
    /// Told when a guard gives its folder back.
    pub(crate) maildrop_freed: Notify,
    /// One request at a time works on a device's state of a folder.
    pub(crate) turns: Turns,
}

#[derive(Debug, Default)]
pub(crate) struct Cached {
    pub(crate) state: Option<State>,
    /// How many commits were accepted; the number of the last one.
    accepted: u64,
    /// How often the state was given up because it may rest on what is not so.
    losses: u64,
    /// When the state was last asked, in ticks of the cache.
    pub(crate) used: u64,
    /// How many bytes the cache was charged for it.
    pub(crate) charged: usize,
}

/// What a reader's answer rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The number of the last accepted commit.
    ticket: u64,
    losses: u64,
}

/// An account's records, as of its last accepted commit.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) head: Head,
    /// The head's value in the store; `None`: the account is new.
    pub(crate) stored_head: Option<Bytes>,
    pub(crate) folders: BTreeMap<FolderId, Arc<Folder>>,
    pub(crate) labels: Arc<Labels>,
    /// The folders in use.
    pub(crate) indexes: HashMap<FolderId, FolderIndex>,
}

impl Account {
    pub(crate) fn new(id: AccountId) -> Self {
        Self {
            id,
            writer: Arc::default(),
            cached: Mutex::default(),
            resolved: AtomicU64::new(0),
            progress: Notify::new(),
            maildrops: Mutex::default(),
            maildrop_freed: Notify::new(),
            turns: Turns::default(),
        }
    }

    /// Makes the account's error of a record that does not parse.
    pub(crate) fn damaged(&self, what: &str, malformed: Malformed) -> Error {
        Error::Damaged {
            account: self.id,
            what: format!("{what}: {malformed}"),
        }
    }

    /// Waits until what was seen is durable. `false`: it may rest on a commit that failed; look again.
    pub(crate) async fn durable(&self, seen: Seen) -> bool {
        loop {
            let mut told = std::pin::pin!(self.progress.notified());
            // From here on it hears of what comes between the look and the wait.
            told.as_mut().enable();
            if self.resolved.load(Ordering::Acquire) >= seen.ticket {
                // A failed commit's loss is counted before anything behind it resolves.
                return self.cached.lock().losses == seen.losses;
            }
            told.await;
        }
    }

    /// How often the state was given up so far: what is read from the store aside of the state is good if it is as often
    /// when that is durable.
    pub(crate) fn losses(&self) -> u64 {
        self.cached.lock().losses
    }

    /// Notes that commit number `ticket` has resolved. After a failure the cached state is of no worth.
    pub(crate) fn settle(&self, ticket: u64, has_failed: bool) {
        if has_failed {
            self.cached.lock().lose();
        }
        self.resolved.fetch_max(ticket, Ordering::AcqRel);
        self.progress.notify_waiters();
    }
}

impl Cached {
    /// The number for a commit that was just accepted.
    pub(crate) fn next_ticket(&mut self) -> u64 {
        self.accepted += 1;
        self.accepted
    }

    /// What an answer taken from the state now rests on.
    pub(crate) fn seen(&self) -> Seen {
        self.since(self.losses)
    }

    /// The same for an answer that was begun when there had been `losses`.
    pub(crate) fn since(&self, losses: u64) -> Seen {
        Seen {
            ticket: self.accepted,
            losses,
        }
    }

    /// Gives the state up: it may rest on a commit that failed, or that somebody else's came before.
    pub(crate) fn lose(&mut self) {
        self.state = None;
        self.losses += 1;
    }

    /// How many bytes the state takes up, about.
    pub(crate) fn memory(&self) -> usize {
        self.state.as_ref().map_or(0, |state| {
            let folders = state.folders.len() * (size_of::<Folder>() + 64);
            let indexes: usize = state.indexes.values().map(FolderIndex::memory).sum();
            size_of::<State>() + folders + indexes
        })
    }
}

impl State {
    /// Reads an account's head, folders and labels. An account without a head is new.
    pub(crate) async fn load(
        store: &dyn Store,
        account: &Account,
        limits: Limits,
    ) -> Result<Self, Error> {
        let stored_head = store.get(account.id, &keys::head()).await?;
        let head = match &stored_head {
            None => Head::new(limits),
            Some(bytes) => Head::decode(bytes).map_err(|wrong| account.damaged("head", wrong))?,
        };
        let labels = match store.get(account.id, &keys::labels()).await? {
            None => Labels::default(),
            Some(bytes) => Labels::decode(&bytes).unwrap_or_else(|wrong| {
                tracing::error!(account = %account.id, %wrong, "damaged table of keywords; keywords are not shown");
                Labels::default()
            }),
        };
        let mut folders = BTreeMap::new();
        let mut pages = Pages::new(store, account.id, Scan::prefix(vec![keys::FOLDERS]));
        while let Some((key, value)) = pages.next().await? {
            match Folder::decode(&value) {
                Ok(folder) => drop(folders.insert(folder.id, Arc::new(folder))),
                // The others stay readable; fsck reports it.
                Err(wrong) => {
                    tracing::error!(account = %account.id, folder = ?keys::folder_of(&key), %wrong, "damaged folder record");
                }
            }
        }
        // Taking it for a new account would write over what it has.
        if stored_head.is_none() && !folders.is_empty() {
            return Err(account.damaged("head", Malformed::Missing));
        }
        Ok(Self {
            head,
            stored_head,
            folders,
            labels: Arc::new(labels),
            indexes: HashMap::new(),
        })
    }

    /// A folder that is there and not being deleted.
    pub(crate) fn folder(&self, id: FolderId) -> Result<&Arc<Folder>, Error> {
        self.folders
            .get(&id)
            .filter(|folder| !folder.doomed)
            .ok_or(Error::NoSuchFolder(id))
    }

    /// The folders that are not being deleted.
    pub(crate) fn visible(&self) -> impl Iterator<Item = &Arc<Folder>> {
        self.folders.values().filter(|folder| !folder.doomed)
    }
}
