//! One account as this process knows it: its one writer, its cached state, and how far that state is durable.
//!
//! Invariant: nothing is shown before it is durable. The cache runs ahead of the disk (the next writer need not wait for
//! the sync of the one before), so a reader takes what he wants and then waits until that state is durable; otherwise a
//! uid could be told to a client, be lost in a power cut, and be given to another message.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem::size_of,
    sync::Arc,
};

use bytes::Bytes;
use fieldpost_store::{AccountId, Scan, Store, StoreError};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

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
    /// Told by each commit's task once its receipt has resolved.
    progress: watch::Sender<Progress>,
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
    /// When the state was last asked, in ticks of the cache.
    pub(crate) used: u64,
    /// How many bytes the cache was charged for it.
    pub(crate) charged: usize,
}

/// How far an account's commits are durable.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// All commits up to this number have resolved.
    settled: u64,
    /// The commits that failed last: those that rested on them failed too.
    failed: Option<(u64, u64, StoreError)>,
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
            progress: watch::Sender::new(Progress::default()),
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

    /// Waits until commit number `ticket` is durable.
    pub(crate) async fn durable(&self, ticket: u64) -> Result<(), Error> {
        if self.progress.borrow().settled >= ticket {
            return Ok(());
        }
        let mut progress = self.progress.subscribe();
        let settled = progress
            .wait_for(|progress| progress.settled >= ticket)
            .await
            .map_err(|_| StoreError::Closed)?;
        match &settled.failed {
            Some((first, last, error)) if (*first..=*last).contains(&ticket) => {
                Err(error.clone().into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Notes that commit number `ticket` has resolved. After a failure the cached state is of no worth.
    pub(crate) fn settle(&self, ticket: u64, result: Result<(), StoreError>) {
        let last = match result {
            Ok(()) => ticket,
            Err(_) => {
                let mut cached = self.cached.lock();
                cached.state = None;
                cached.accepted
            }
        };
        self.progress.send_modify(|progress| {
            progress.settled = progress.settled.max(last);
            if let Err(error) = result {
                progress.failed = Some((ticket, last, error));
            }
        });
    }
}

impl Cached {
    /// The number for a commit that was just accepted.
    pub(crate) fn next_ticket(&mut self) -> u64 {
        self.accepted += 1;
        self.accepted
    }

    /// The number of the last commit that the state rests on.
    pub(crate) fn ticket(&self) -> u64 {
        self.accepted
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
