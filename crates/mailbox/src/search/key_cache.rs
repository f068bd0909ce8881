//! What items are sorted and threaded by, in memory: a program that shows a folder by subject or as conversations asks for the same again and
//! again, and reading every record for that costs many times what the sorting costs.
//!
//! A key of an item never changes while the item stays in its folder, and neither an entry nor a folder's id comes back: what is found here is
//! right. A folder's keys are kept together and leave together, those used longest ago first.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use fieldpost_store::AccountId;
use parking_lot::Mutex;

use super::{SortKey, column::Values, thread::ThreadKeys};
use crate::{EntryId, FolderId, Row, View};

/// Which keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// What items are sorted by.
    Sorting(SortKey),
    /// What they are threaded by.
    Threading,
}

/// Keys of items, by position.
#[derive(Debug)]
pub(super) enum Keys {
    Sorting(Values),
    Threading(ThreadKeys),
}

impl Default for Keys {
    fn default() -> Self {
        Self::Sorting(Values::default())
    }
}

impl Keys {
    fn memory(&self) -> usize {
        match self {
            Self::Sorting(values) => values.memory(),
            Self::Threading(keys) => keys.memory(),
        }
    }

    fn shrink_to_fit(&mut self) {
        match self {
            Self::Sorting(values) => values.shrink_to_fit(),
            Self::Threading(keys) => keys.shrink_to_fit(),
        }
    }
}

/// Keys of one kind of items of one folder.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whose they are: uid and entry, by ascending uid.
    pub(super) items: Vec<(u32, EntryId)>,
    /// The keys of each.
    pub(super) keys: Keys,
}

/// One of what was known before, or of the rows that were looked at now.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    Before(usize),
    Now(usize),
}

impl Known {
    /// Where each row, by ascending uid, lies in what is known.
    pub(super) fn places(&self, rows: &[&Row]) -> impl Iterator<Item = Option<usize>> {
        let mut position = 0;
        rows.iter().map(move |row| {
            position += count_before(&self.items[position..], |(uid, _)| *uid < row.uid);
            let found = self.items.get(position) == Some(&(row.uid, row.entry));
            found.then_some(position)
        })
    }

    /// Whether `missing` items, of which more is known now, are enough to put all together anew: taking in few would cost more than
    /// reading them again does.
    pub(super) fn is_worth(&self, missing: usize) -> bool {
        missing >= self.items.len() / WORTH_KEEPING
    }

    /// What was known of items that are still in the view, and the rows of which something is known now, by ascending uid.
    pub(super) fn merged(
        &self,
        view: &View,
        rows: &[&Row],
        is_known: &[bool],
    ) -> Vec<((u32, EntryId), From)> {
        let mut all = Vec::with_capacity(self.items.len().max(rows.len()));
        let mut before = self.items.iter().enumerate().peekable();
        let mut now = rows
            .iter()
            .enumerate()
            .filter(|(at, _)| is_known[*at])
            .peekable();
        loop {
            let order = match (before.peek(), now.peek()) {
                (None, None) => return all,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((_, (uid, _))), Some((_, row))) => uid.cmp(&row.uid),
            };
            if order.is_ge() {
                if let Some((at, row)) = now.next() {
                    all.push(((row.uid, row.entry), From::Now(at)));
                    if order.is_eq() {
                        before.next();
                    }
                }
            } else if let Some((position, item)) = before.next()
                && view.by_uid(item.0).is_some_and(|row| row.entry == item.1)
            {
                all.push((*item, From::Before(position)));
            }
        }
    }

    /// Bytes that it takes up.
    fn cost(&self) -> usize {
        self.items.capacity() * size_of::<(u32, EntryId)>() + self.keys.memory() + OVERHEAD
    }
}

/// How many lie before, at the beginning of `items`. Looks close by first: what is looked for one after the other mostly lies so.
fn count_before<T>(items: &[T], is_before: impl Fn(&T) -> bool) -> usize {
    let near = items
        .iter()
        .take(NEAR)
        .take_while(|item| is_before(item))
        .count();
    if near < NEAR {
        return near;
    }
    NEAR + items[NEAR..].partition_point(is_before)
}

/// Keys used lately, within a budget.
#[derive(Debug)]
pub(crate) struct KeyCache {
    budget: usize,
    /// Written by every sort and every threading. Held for one look-up in a map and, when it is full, for a walk over the entries
    /// (16,000 at most in 16 MiB, see [`OVERHEAD`]).
    folders: Mutex<Folders>,
}

#[derive(Debug, Default)]
struct Folders {
    known: HashMap<Name, Entry>,
    bytes: usize,
    tick: u64,
}

type Name = (AccountId, FolderId, Kind);

#[derive(Debug)]
struct Entry {
    known: Arc<Known>,
    cost: usize,
    used: u64,
}

impl KeyCache {
    /// A cache that holds at most `budget` bytes. With 0 it holds nothing.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            folders: Mutex::default(),
        }
    }

    /// What is known of a folder's keys of that kind.
    pub(super) fn find(&self, account: AccountId, folder: FolderId, kind: Kind) -> Arc<Known> {
        let mut folders = self.folders.lock();
        folders.tick += 1;
        let now = folders.tick;
        match folders.known.get_mut(&(account, folder, kind)) {
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
        kind: Kind,
        mut known: Known,
    ) {
        known.items.shrink_to_fit();
        known.keys.shrink_to_fit();
        let cost = known.cost();
        if cost > self.budget {
            return;
        }
        let mut folders = self.folders.lock();
        folders.remove(&(account, folder, kind));
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
        folders.known.insert((account, folder, kind), entry);
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

/// How many items are looked at one by one before a longer jump.
const NEAR: usize = 4;

/// Of a folder's keys in memory, at least one in so many must be new before all are put together anew.
const WORTH_KEEPING: usize = 64;

/// Counted for the map and for the headers of a folder's keys, amply: it bounds how many there are, too.
const OVERHEAD: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(1);
    const BY_DATE: Kind = Kind::Sorting(SortKey::SentDate);

    fn known(count: u32) -> Known {
        Known {
            items: (0..count).map(|uid| (uid, EntryId(uid.into()))).collect(),
            keys: Keys::Sorting(Values::Numbers((0..i64::from(count)).collect())),
        }
    }

    fn is_known(cache: &KeyCache, folder: u64) -> bool {
        !cache
            .find(ALICE, FolderId(folder), BY_DATE)
            .items
            .is_empty()
    }

    #[test]
    fn what_was_used_longest_ago_leaves_and_the_budget_is_kept() {
        let budget = 100_000;
        let cache = KeyCache::new(budget);
        for folder in 0..50 {
            cache.insert(ALICE, FolderId(folder), BY_DATE, known(500));
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
        let cache = KeyCache::new(20_000);
        cache.insert(ALICE, FolderId(1), BY_DATE, known(500));
        let memory = cache.memory();
        cache.insert(ALICE, FolderId(1), BY_DATE, known(500));
        assert_eq!(cache.memory(), memory);
        cache.insert(ALICE, FolderId(2), BY_DATE, known(5_000));
        assert!(!is_known(&cache, 2));
        assert!(is_known(&cache, 1));
        let cache = KeyCache::new(0);
        cache.insert(ALICE, FolderId(1), BY_DATE, known(0));
        assert_eq!(cache.memory(), 0);
    }
}
