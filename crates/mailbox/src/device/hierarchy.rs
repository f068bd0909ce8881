//! What a device knows of the list of folders.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use fieldpost_store::Commit;

use super::{
    DeviceId, SyncKey,
    collection::random,
    parts::{self, Stored},
    record::shortened,
};
use crate::{
    Error, Folder, FolderId, Mailbox,
    error::Malformed,
    record::{Reader, Writer},
};

/// What a device has to be told of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HierarchyChange {
    /// It is new to the device.
    Add(Arc<Folder>),
    /// Its name, parent or use has changed.
    Update(Arc<Folder>),
    /// It is gone.
    Delete(FolderId),
}

/// All that a device has to be told of the list of folders: parents before their children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HierarchyPlan {
    /// What to tell, in order.
    pub changes: Vec<HierarchyChange>,
}

/// A device's state of the list of folders while a request works on it.
pub struct HierarchyState {
    mailbox: Mailbox,
    device: DeviceId,
    base: Known,
    slot: u8,
    stored: [Stored; 2],
    newest: u64,
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

/// One generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    id: u64,
    counter: u64,
    /// A digest of what the device was told of each folder.
    folders: BTreeMap<FolderId, u64>,
}

impl Mailbox {
    /// Lets a device begin from nothing: it holds no folder, and no state of any.
    pub async fn begin_hierarchy(
        &self,
        device: &DeviceId,
    ) -> Result<Option<HierarchyState>, Error> {
        let Some(turn) = self.account.turns.wait(device, FolderId::HIERARCHY).await else {
            return Ok(None);
        };
        let stored = self.stored_generations(device, FolderId::HIERARCHY).await?;
        Ok(Some(HierarchyState {
            mailbox: self.clone(),
            device: device.clone(),
            base: Known {
                id: random(),
                ..Known::default()
            },
            // Either will do: the first commit writes both.
            slot: 0,
            stored,
            newest: 0,
            _turn: turn,
        }))
    }

    /// Whether a device has any state of the list of folders, be it one that it has no key of.
    pub async fn has_hierarchy(&self, device: &DeviceId) -> Result<bool, Error> {
        let stored = self.stored_generations(device, FolderId::HIERARCHY).await?;
        Ok(read(&stored).iter().any(Option::is_some))
    }

    /// The state that a device's key names. `key` `None`: the newest. `None`: there is no such state, or another request
    /// has it for too long.
    pub async fn open_hierarchy(
        &self,
        device: &DeviceId,
        key: Option<SyncKey>,
    ) -> Result<Option<HierarchyState>, Error> {
        let Some(turn) = self.account.turns.wait(device, FolderId::HIERARCHY).await else {
            return Ok(None);
        };
        let stored = self.stored_generations(device, FolderId::HIERARCHY).await?;
        let found = parts::named(read(&stored), key, Known::key);
        Ok(found.map(|(slot, base, newest)| HierarchyState {
            mailbox: self.clone(),
            device: device.clone(),
            base,
            slot,
            stored,
            newest,
            _turn: turn,
        }))
    }
}

impl HierarchyState {
    /// What the device has to be told.
    pub async fn plan(&self) -> Result<HierarchyPlan, Error> {
        let folders = self.mailbox.folders().await?;
        let mut changes = Vec::new();
        for folder in in_order(&folders) {
            match self.base.folders.get(&folder.id) {
                None => changes.push(HierarchyChange::Add(Arc::clone(folder))),
                Some(known) if *known != digest(folder) => {
                    changes.push(HierarchyChange::Update(Arc::clone(folder)));
                }
                Some(_) => {}
            }
        }
        let there: HashSet<_> = folders.iter().map(|folder| folder.id).collect();
        changes.extend(
            self.base
                .folders
                .keys()
                .filter(|id| !there.contains(id))
                .map(|id| HierarchyChange::Delete(*id)),
        );
        Ok(HierarchyPlan { changes })
    }

    /// Whether the device holds this folder.
    pub fn holds(&self, folder: FolderId) -> bool {
        self.base.folders.contains_key(&folder)
    }

    /// Whether the key was that of the newest generation: the last response has arrived.
    pub fn is_newest(&self) -> bool {
        self.base.counter == self.newest
    }

    /// The key that the device named.
    pub fn key(&self) -> SyncKey {
        self.base.key()
    }

    /// Commits that the device knows of `changes`, told to it or made by itself; the key that then holds.
    pub async fn advance(mut self, changes: &[HierarchyChange]) -> Result<SyncKey, Error> {
        let mut next = self.base.clone();
        for change in changes {
            match change {
                HierarchyChange::Add(folder) | HierarchyChange::Update(folder) => {
                    next.folders.insert(folder.id, digest(folder));
                }
                HierarchyChange::Delete(folder) => drop(next.folders.remove(folder)),
            }
        }
        next.counter = self.newest + 1;
        let slot = 1 - self.slot;
        let mut commit = Commit::new(self.mailbox.account());
        let old = std::mem::take(&mut self.stored[usize::from(slot)]);
        let folder = FolderId::HIERARCHY;
        parts::put(
            &mut commit,
            &self.device,
            folder,
            slot,
            &next.encode(),
            &old,
        );
        if self.base.counter == 0 {
            // It has begun from nothing: no key from before that is worth anything.
            let old = std::mem::take(&mut self.stored[usize::from(self.slot)]);
            parts::put(&mut commit, &self.device, folder, self.slot, &[], &old);
        }
        if self.mailbox.commit_aside(commit).await? {
            Ok(next.key())
        } else {
            Err(Error::Busy(self.mailbox.account()))
        }
    }
}

impl Known {
    fn key(&self) -> SyncKey {
        SyncKey::new(self.id, self.counter)
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(32 + self.folders.len() * 10);
        writer.byte(VERSION);
        writer.number(self.id);
        writer.number(self.counter);
        writer.number(self.folders.len() as u64);
        for (folder, digest) in &self.folders {
            writer.number(folder.0);
            writer.raw(&digest.to_le_bytes());
        }
        writer.0
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let (id, counter) = (reader.number()?, reader.number()?);
        let mut folders = BTreeMap::new();
        for _ in 0..reader.number()? {
            let folder = FolderId(reader.number()?);
            let mut digest = [0; 8];
            digest.copy_from_slice(reader.raw(8)?);
            folders.insert(folder, u64::from_le_bytes(digest));
        }
        reader.end()?;
        Ok(Self {
            id,
            counter,
            folders,
        })
    }
}

/// A state of a device that knows of no folder, under a key that was never given out.
pub(super) fn unheard_of() -> Vec<u8> {
    Known {
        id: random(),
        counter: 1,
        ..Known::default()
    }
    .encode()
}

fn read(stored: &[Stored; 2]) -> [Option<Known>; 2] {
    let read = |slot: &Stored| Known::decode(&slot.bytes).ok();
    [read(&stored[0]), read(&stored[1])]
}

/// Stands for all that a device is told of a folder.
fn digest(folder: &Folder) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&folder.parent.map_or(0, |parent| parent.0).to_le_bytes());
    hash.update(&[
        folder.kind as u8,
        folder.special_use.map_or(0, |special| special as u8 + 1),
    ]);
    hash.update(folder.name.as_bytes());
    shortened(hash.finalize())
}

/// Parents before their children; a folder whose parent is not there comes at the end.
fn in_order(folders: &[Arc<Folder>]) -> Vec<&Arc<Folder>> {
    let mut children: BTreeMap<Option<FolderId>, Vec<&Arc<Folder>>> = BTreeMap::new();
    for folder in folders {
        children.entry(folder.parent).or_default().push(folder);
    }
    let mut ordered = children.remove(&None).unwrap_or_default();
    let mut at = 0;
    while let Some(folder) = ordered.get(at) {
        let below = children.remove(&Some(folder.id)).unwrap_or_default();
        ordered.extend(below);
        at += 1;
    }
    ordered.extend(children.into_values().flatten());
    ordered
}

const VERSION: u8 = 1;
