//! A device's state of one folder while a request works on it.

use std::{fmt, str::FromStr};

use fieldpost_store::Commit;
use tokio::sync::OwnedMutexGuard;

use super::{
    DeviceId, Generation, Plan,
    parts::{self, Stored},
};
use crate::{Error, FolderId, Mailbox};

/// Names one generation: opaque to the device, which shows it with its next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncKey {
    id: u64,
    counter: u64,
}

impl fmt::Display for SyncKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.id, self.counter)
    }
}

impl FromStr for SyncKey {
    type Err = ();

    /// Takes just what [`fmt::Display`] writes (fault 41: `-1`, `2^64`, leading zeros and blanks are no keys of ours).
    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, counter) = text.split_once('-').ok_or(())?;
        let key = Self {
            id: u64::from_str_radix(id, 16).map_err(drop)?,
            counter: counter.parse().map_err(drop)?,
        };
        (key.to_string() == text).then_some(key).ok_or(())
    }
}

impl SyncKey {
    pub(super) fn new(id: u64, counter: u64) -> Self {
        Self { id, counter }
    }

    /// Counts the rounds of one state.
    pub(super) fn counter(self) -> u64 {
        self.counter
    }
}

/// What became of a key.
pub enum Opened {
    /// It is known.
    Known(Box<Collection>),
    /// It is not: the device has to begin from nothing.
    Unknown,
    /// Another request of the device has worked on this folder for too long.
    Busy,
}

/// A device's state of one folder, held by one request at a time.
pub struct Collection {
    pub(super) mailbox: Mailbox,
    pub(super) device: DeviceId,
    pub(super) folder: FolderId,
    /// The generation that the device's key names. Its own changes are merged into it.
    pub(super) base: Generation,
    /// In which of the two slots it lies.
    pub(super) slot: u8,
    pub(super) stored: [Stored; 2],
    /// The highest counter that was ever given out.
    newest: u64,
    /// Whether the key was that of the newest generation: the last response has arrived.
    pub is_newest: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Mailbox {
    /// Lets a device begin from nothing in a folder; the key of its first, empty generation.
    pub async fn begin_collection(
        &self,
        device: &DeviceId,
        folder: FolderId,
        options: Vec<u8>,
    ) -> Result<Option<SyncKey>, Error> {
        self.folder(folder).await?;
        let Some(_turn) = self.account.turns.wait(device, folder).await else {
            return Ok(None);
        };
        let stored = self.stored_generations(device, folder).await?;
        // What the device could do nothing with it can do nothing with now.
        let left_out = stored
            .iter()
            .filter_map(|one| Generation::decode(&one.bytes).ok())
            .flat_map(|one| one.left_out.iter().collect::<Vec<_>>())
            .collect();
        let first = Generation {
            id: random(),
            counter: 1,
            left_out,
            options,
            ..Generation::default()
        };
        let mut commit = Commit::new(self.account());
        parts::put(&mut commit, device, folder, 0, &first.encode(), &stored[0]);
        // What the device held before is gone for good.
        parts::put(&mut commit, device, folder, 1, &[], &stored[1]);
        if self.commit_aside(commit).await? {
            Ok(Some(first.key()))
        } else {
            Err(Error::Busy(self.account()))
        }
    }

    /// The state of a folder that a device's key names. `key` `None`: the newest.
    pub async fn open_collection(
        &self,
        device: &DeviceId,
        folder: FolderId,
        key: Option<SyncKey>,
    ) -> Result<Opened, Error> {
        let Some(turn) = self.account.turns.wait(device, folder).await else {
            return Ok(Opened::Busy);
        };
        let stored = self.stored_generations(device, folder).await?;
        let read = |slot: &Stored| {
            (!slot.bytes.is_empty())
                .then(|| Generation::decode(&slot.bytes))
                .and_then(|read| {
                    read.inspect_err(|wrong| {
                        tracing::error!(account = %self.account(), %device, %folder, %wrong, "damaged sync state; the device begins anew");
                    })
                    .ok()
                })
        };
        let generations = [read(&stored[0]), read(&stored[1])];
        let Some((slot, base, newest)) = parts::named(generations, key, Generation::key) else {
            return Ok(Opened::Unknown);
        };
        Ok(Opened::Known(Box::new(Collection {
            mailbox: self.clone(),
            device: device.clone(),
            folder,
            is_newest: base.counter == newest,
            base,
            slot,
            stored,
            newest,
            _turn: turn,
        })))
    }
}

impl Collection {
    /// The folder.
    pub fn folder(&self) -> FolderId {
        self.folder
    }

    /// What the device holds.
    pub fn base(&self) -> &Generation {
        &self.base
    }

    /// The key of the generation that the device named.
    pub fn key(&self) -> SyncKey {
        self.base.key()
    }

    /// The key that [`Collection::advance`] will give.
    pub fn next_key(&self) -> SyncKey {
        SyncKey::new(self.base.id, self.newest + 1)
    }

    /// Commits a generation that holds what this one holds: the device spoke, and was told nothing.
    pub async fn advance_only(self, options: Vec<u8>) -> Result<SyncKey, Error> {
        let next = self.base.clone();
        self.commit_next(next, options).await
    }

    /// Commits that the first `taken` steps of `plan` were sent; the key of the generation that then holds. The one before
    /// stays, in case the response is lost.
    pub async fn advance(
        self,
        plan: &Plan,
        taken: usize,
        options: Vec<u8>,
    ) -> Result<SyncKey, Error> {
        let next = plan.settle(&self.base, taken);
        self.commit_next(next, options).await
    }

    /// Keeps how far the log was looked through, under the same key: the device was told nothing, since there was nothing.
    /// Else the log would one day be forgotten from there on, and the device would have to begin from nothing.
    pub async fn rest(self, plan: &Plan) -> Result<(), Error> {
        let has_moved = self.base.anchor.is_some_and(|anchor| anchor < plan.up_to());
        if !has_moved || !plan.is_empty() {
            return Ok(());
        }
        let next = plan.settle(&self.base, 0);
        let old = &self.stored[usize::from(self.slot)];
        let mut commit = Commit::new(self.mailbox.account());
        parts::put(
            &mut commit,
            &self.device,
            self.folder,
            self.slot,
            &next.encode(),
            old,
        );
        // If somebody else wrote, he looked through it too.
        self.mailbox.commit_aside(commit).await.map(drop)
    }

    async fn commit_next(
        mut self,
        mut next: Generation,
        options: Vec<u8>,
    ) -> Result<SyncKey, Error> {
        next.counter = self.newest + 1;
        next.options = options;
        let slot = 1 - self.slot;
        let bytes = next.encode();
        let mut commit = Commit::new(self.mailbox.account());
        commit.require(
            crate::keys::sync_state_part(&self.device, self.folder, self.slot, 0),
            self.stored[usize::from(self.slot)].first.clone(),
        );
        let old = std::mem::take(&mut self.stored[usize::from(slot)]);
        parts::put(&mut commit, &self.device, self.folder, slot, &bytes, &old);
        if self.mailbox.commit_aside(commit).await? {
            Ok(next.key())
        } else {
            Err(Error::Busy(self.mailbox.account()))
        }
    }
}

impl Generation {
    /// Its key.
    pub fn key(&self) -> SyncKey {
        SyncKey {
            id: self.id,
            counter: self.counter,
        }
    }
}

/// A number that no state had before. Nobody is kept out by it: a key is looked for only among the states of a device of the
/// account that has signed in.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // The process's own hash keys stand in where the machine has no randomness to give.
    getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(std::time::SystemTime::now()))
}
