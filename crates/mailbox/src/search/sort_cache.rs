//! What items are sorted by, in memory: a program that shows a folder by subject asks for the same order again and again, and reading every
//! record for that costs many times what the sorting costs.
//!
//! A key of an item never changes while the item stays in its folder, and neither an entry nor a folder's id comes back: what is found here is
//! right. A folder's keys are kept together and leave together, those used longest ago first.

use std::{collections::HashMap, sync::Arc};

use fieldpost_store::AccountId;
use parking_lot::Mutex;

use super::{SortKey, column::Values};
use crate::{EntryId, FolderId};

/// One key of items of one folder.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whose they are: uid and entry, by ascending uid.
    pub(super) items: Vec<(u32, EntryId)>,
    /// The key of each.
    pub(super) values: Values,
}

impl Known {
    /// Bytes that it takes up.
    fn cost(&self) -> usize {
        self.items.capacity() * size_of::<(u32, EntryId)>() + self.values.memory() + OVERHEAD
    }
}

/// Keys used lately, within a budget.
#[derive(Debug)]
pub(crate) struct SortCache {
    budget: usize,
    /// Written by every sort. Held for one look-up in a map and, when it is full, for a walk over the entries
    /// (16,000 at most in 16 MiB, see [`OVERHEAD`]).
    folders: Mutex<Folders>,
}

#[derive(Debug, Default)]
struct Folders {
    known: HashMap<Name, Entry>,
    bytes: usize,
    tick: u64,
}

type Name = (AccountId, FolderId, SortKey);

#[derive(Debug)]
struct Entry {
    known: Arc<Known>,
    cost: usize,
    used: u64,
}

impl SortCache {
    /// A cache that holds at most `budget` bytes. With 0 it holds nothing.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            folders: Mutex::default(),
        }
    }

    /// What is known of a folder by that key.
    pub(super) fn find(&self, account: AccountId, folder: FolderId, key: SortKey) -> Arc<Known> {
        let mut folders = self.folders.lock();
        folders.tick += 1;
        let now = folders.tick;
        match folders.known.get_mut(&(account, folder, key)) {
            Some(entry) => {
                entry.used = now;
                Arc::clone(&entry.known)
            }
            None => Arc::default(),
        }
    }

    /// Keeps what is known now, instead of what was known before.
    pub(super) fn insert(
        &self,
        account: AccountId,
        folder: FolderId,
        key: SortKey,
        mut known: Known,
    ) {
        known.items.shrink_to_fit();
        known.values.shrink_to_fit();
        let cost = known.cost();
        if cost > self.budget {
            return;
        }
        let mut folders = self.folders.lock();
        folders.remove(&(account, folder, key));
        while folders.bytes > self.budget - cost {
            let oldest = folders.known.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(name, _)| *name) else {
                break;
            };
            folders.remove(&oldest);
        }
        folders.tick += 1;
        folders.bytes += cost;
        let entry = Entry {
            known: Arc::new(known),
            cost,
            used: folders.tick,
        };
        folders.known.insert((account, folder, key), entry);
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        *self.folders.lock() = Folders::default();
    }

    /// Bytes that are taken up.
    pub(crate) fn memory(&self) -> usize {
        self.folders.lock().bytes
    }
}

impl Folders {
    fn remove(&mut self, name: &Name) {
        if let Some(entry) = self.known.remove(name) {
            self.bytes -= entry.cost;
        }
    }
}

/// Counted for the map and for the headers of a folder's keys, amply: it bounds how many there are, too.
const OVERHEAD: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(1);

    fn known(count: u32) -> Known {
        Known {
            items: (0..count).map(|uid| (uid, EntryId(uid.into()))).collect(),
            values: Values::Numbers((0..i64::from(count)).collect()),
        }
    }

    fn is_known(cache: &SortCache, folder: u64) -> bool {
        !cache
            .find(ALICE, FolderId(folder), SortKey::SentDate)
            .items
            .is_empty()
    }

    #[test]
    fn what_was_used_longest_ago_leaves_and_the_budget_is_kept() {
        let budget = 100_000;
        let cache = SortCache::new(budget);
        for folder in 0..50 {
            cache.insert(ALICE, FolderId(folder), SortKey::SentDate, known(500));
            assert!(cache.memory() <= budget);
            assert!(is_known(&cache, 0), "{folder}");
            assert!(is_known(&cache, folder), "{folder}");
        }
        assert!(!is_known(&cache, 1));
        assert!(cache.memory() > budget / 2);
        cache.clear();
        assert_eq!(cache.memory(), 0);
        assert!(!is_known(&cache, 0));
    }

    #[test]
    fn what_does_not_fit_is_not_kept_and_what_is_replaced_counts_once() {
        let cache = SortCache::new(20_000);
        cache.insert(ALICE, FolderId(1), SortKey::SentDate, known(500));
        let memory = cache.memory();
        cache.insert(ALICE, FolderId(1), SortKey::SentDate, known(500));
        assert_eq!(cache.memory(), memory);
        cache.insert(ALICE, FolderId(2), SortKey::SentDate, known(5_000));
        assert!(!is_known(&cache, 2));
        assert!(is_known(&cache, 1));
        let cache = SortCache::new(0);
        cache.insert(ALICE, FolderId(1), SortKey::SentDate, known(0));
        assert_eq!(cache.memory(), 0);
    }
}
