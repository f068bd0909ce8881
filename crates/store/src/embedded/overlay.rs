//! What has been accepted and is not in the index yet. Reads look here first.
//!
//! A read holds the lock of its shard while it asks the index: an entry leaves only after the index has it, so a read
//! misses nothing, and no commit to the account comes in between, so that a scan sees one moment.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::RwLock;
use smallvec::SmallVec;

use crate::{AccountId, BodyId, Lsn};

use super::{
    body::stage::Staged,
    record::{Change, Record},
    table,
};

const SHARDS: usize = 64;

/// Accepted changes by raw index key.
pub(crate) struct Overlay {
    pairs: Box<[RwLock<Entries>]>,
    pub(crate) holds: RwLock<Entries>,
    places: RwLock<HashMap<BodyId, Versions<PendingPlace>>>,
}

/// A body's place that the index does not know yet.
#[derive(Clone)]
pub(crate) enum PendingPlace {
    /// Put by a commit: the bytes are at hand.
    Staged(Arc<Staged>),
    /// Moved by compaction: the index still has a place that is good.
    Moved,
    /// Swept.
    Gone,
}

/// What one thing was made by which commit, oldest first.
type Versions<T> = SmallVec<[(Lsn, T); 1]>;

/// The versions of each key, oldest first; the newest counts, the others are there in case it must be taken back.
#[derive(Default)]
pub(crate) struct Entries {
    keys: BTreeMap<Bytes, Versions<Option<Bytes>>>,
}

impl Entries {
    /// The newest version: `Some(None)` says that the key is deleted.
    #[allow(clippy::option_option)]
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let (_, value) = self.keys.get(key)?.last()?;
        Some(value.clone())
    }

    pub(crate) fn put(&mut self, key: Bytes, lsn: Lsn, value: Option<Bytes>) {
        self.keys.entry(key).or_default().push((lsn, value));
    }

    /// The newest versions of the keys in a range.
    pub(crate) fn range(&self, start: &[u8], end: &[u8]) -> BTreeMap<Bytes, Option<Bytes>> {
        if start >= end || self.keys.is_empty() {
            return BTreeMap::new();
        }
        let bounds = (
            std::ops::Bound::Included(start),
            std::ops::Bound::Excluded(end),
        );
        let range = self.keys.range::<[u8], _>(bounds);
        range
            .filter_map(|(key, versions)| {
                let (_, value) = versions.last()?;
                Some((key.clone(), value.clone()))
            })
            .collect()
    }

    fn forget(&mut self, key: &[u8], lsn: Lsn) {
        if let Some(versions) = self.keys.get_mut(key) {
            versions.retain(|(version, _)| *version != lsn);
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
    }
}

impl Overlay {
    pub(crate) fn new() -> Self {
        Self {
            pairs: (0..SHARDS).map(|_| RwLock::default()).collect(),
            holds: RwLock::default(),
            places: RwLock::default(),
        }
    }

    pub(crate) fn shard(&self, account: AccountId) -> &RwLock<Entries> {
        let slot = (account.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % SHARDS;
        &self.pairs[slot]
    }

    /// Takes out the versions that a record put: it is in the index now, or it was taken back.
    pub(crate) fn forget(&self, record: &Record) {
        let mut shard = None;
        for change in &record.changes {
            match change {
                Change::Put { key, .. } | Change::Delete { key, .. } => {
                    let shard = shard.get_or_insert_with(|| self.shard(record.account).write());
                    shard.forget(&table::pair_key(record.account, key), record.lsn);
                }
                Change::Hold(_) | Change::Release(_) => {}
                Change::Place { body, .. } | Change::Unplace { body } => {
                    let mut places = self.places.write();
                    if let Some(versions) = places.get_mut(body) {
                        versions.retain(|(lsn, _)| *lsn != record.lsn);
                        if versions.is_empty() {
                            places.remove(body);
                        }
                    }
                }
            }
        }
        drop(shard);
        let mut holds = None;
        for change in &record.changes {
            if let Change::Hold(hold) | Change::Release(hold) = change {
                let holds = holds.get_or_insert_with(|| self.holds.write());
                holds.forget(&table::hold_key(*hold), record.lsn);
            }
        }
    }

    /// The newest pending place of a body.
    pub(crate) fn place(&self, body: BodyId) -> Option<PendingPlace> {
        let places = self.places.read();
        places.get(&body)?.last().map(|(_, place)| place.clone())
    }

    pub(crate) fn put_place(&self, body: BodyId, lsn: Lsn, place: PendingPlace) {
        self.places
            .write()
            .entry(body)
            .or_default()
            .push((lsn, place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_and_the_older_comes_back_when_it_is_taken_out() {
        let mut entries = Entries::default();
        let key = Bytes::from_static(b"k");
        entries.put(key.clone(), Lsn(1), Some(Bytes::from_static(b"a")));
        entries.put(key.clone(), Lsn(2), None);
        assert_eq!(entries.get(b"k"), Some(None));
        assert_eq!(entries.range(b"a", b"z")[&key], None);
        entries.forget(b"k", Lsn(2));
        assert_eq!(entries.get(b"k"), Some(Some(Bytes::from_static(b"a"))));
        entries.forget(b"k", Lsn(1));
        assert_eq!(entries.get(b"k"), None);
    }
}
