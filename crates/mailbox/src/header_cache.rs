//! Headers of messages in memory: a client that lists a folder asks for a few header fields of every message, and opening each
//! body for that costs many times what the fields cost.
//!
//! What is kept is a body's own header, so copies of a message share it, in one mailbox or in many; the prefix that an item puts
//! before it is in the item's record. A body never changes and its id never comes back: nothing has to be invalidated.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use fieldpost_store::BodyId;
use parking_lot::Mutex;

/// The headers used last, within a budget: a clock. Who is looked at gets a mark and stays where it is in the queue; who comes to
/// its front with a mark loses it and goes to the back once more, who comes without one leaves.
#[derive(Debug)]
pub(crate) struct HeaderCache {
    budget: usize,
    /// Written by every look. Held for one look-up in a map, never while anything is read.
    clock: Mutex<Clock>,
}

#[derive(Debug, Default)]
struct Clock {
    entries: HashMap<BodyId, Entry>,
    /// The keys of all entries.
    queue: VecDeque<BodyId>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    header: Arc<[u8]>,
    used: bool,
}

impl HeaderCache {
    /// A cache that holds at most `budget` bytes, what map and queue take up counted in. With 0 it holds nothing.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            clock: Mutex::default(),
        }
    }

    pub(crate) fn find(&self, body: BodyId) -> Option<Arc<[u8]>> {
        let mut clock = self.clock.lock();
        let entry = clock.entries.get_mut(&body)?;
        entry.used = true;
        Some(Arc::clone(&entry.header))
    }

    pub(crate) fn insert(&self, body: BodyId, header: &Arc<[u8]>) {
        let cost = cost(header);
        if cost > self.budget {
            return;
        }
        let mut clock = self.clock.lock();
        if clock.entries.contains_key(&body) {
            return;
        }
        clock.make_room(self.budget - cost);
        clock.bytes += cost;
        clock.queue.push_back(body);
        let entry = Entry {
            header: Arc::clone(header),
            used: false,
        };
        clock.entries.insert(body, entry);
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        *self.clock.lock() = Clock::default();
    }

    /// Bytes that are taken up.
    pub(crate) fn memory(&self) -> usize {
        self.clock.lock().bytes
    }
}

impl Clock {
    /// Lets entries go until no more than `goal` bytes are taken up.
    fn make_room(&mut self, goal: usize) {
        let mut spared = 0;
        while self.bytes > goal
            && let Some(body) = self.queue.pop_front()
        {
            match self.entries.get_mut(&body) {
                Some(entry) if entry.used && spared < MAX_SPARED => {
                    entry.used = false;
                    self.queue.push_back(body);
                    spared += 1;
                }
                _ => {
                    if let Some(entry) = self.entries.remove(&body) {
                        self.bytes -= cost(&entry.header);
                    }
                }
            }
        }
    }
}

/// Bytes that an entry takes up: the header with its counts, and its share of a map that is between half and seven eighths full and of
/// a queue that is between half full and full.
fn cost(header: &[u8]) -> usize {
    const OVERHEAD: usize =
        2 * size_of::<usize>() + size_of::<(BodyId, Entry)>() * 8 / 5 + size_of::<BodyId>() * 3 / 2;
    header.len() + OVERHEAD
}

/// Marked entries that one insertion passes over: a cache full of marks is not swept at one go, with everybody waiting.
const MAX_SPARED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(number: u8) -> BodyId {
        BodyId([number; 16])
    }

    fn header(length: usize) -> Arc<[u8]> {
        vec![b'x'; length].into()
    }

    #[test]
    fn what_is_used_stays() {
        let cache = HeaderCache::new(10_000);
        for number in 0..200 {
            cache.insert(body(number), &header(400));
            assert!(cache.find(body(0)).is_some(), "{number}");
            assert!(cache.memory() <= 10_000);
        }
        assert!(cache.find(body(1)).is_none());
        assert!(cache.find(body(199)).is_some());
        assert!(cache.memory() > 9_000);
        cache.clear();
        assert_eq!(cache.memory(), 0);
        assert!(cache.find(body(199)).is_none());
    }

    #[test]
    fn room_is_made_though_all_are_used() {
        let cache = HeaderCache::new(100_000);
        for number in 0..=255 {
            cache.insert(body(number), &header(400));
            (0..=number).for_each(|number| drop(cache.find(body(number))));
            assert!(cache.memory() <= 100_000);
            assert!(cache.find(body(number)).is_some());
        }
        let clock = cache.clock.lock();
        assert_eq!(clock.queue.len(), clock.entries.len());
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let cache = HeaderCache::new(1_000);
        cache.insert(body(1), &header(1_000));
        assert!(cache.find(body(1)).is_none());
        let cache = HeaderCache::new(0);
        cache.insert(body(1), &header(0));
        assert_eq!((cache.find(body(1)), cache.memory()), (None, 0));
    }

    #[test]
    fn putting_one_in_twice_counts_once() {
        let cache = HeaderCache::new(10_000);
        cache.insert(body(1), &header(100));
        let memory = cache.memory();
        cache.insert(body(1), &header(100));
        assert_eq!(cache.memory(), memory);
    }
}
