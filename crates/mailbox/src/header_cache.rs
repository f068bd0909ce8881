//! Headers of messages in memory: a client that lists a folder asks for a few header fields of every message, and opening each
//! body for that costs many times what the fields cost.
//!
//! What is kept is a body's own header, so copies of a message share it, in one mailbox or in many; the prefix that an item puts
//! before it is in the item's record. A body never changes and its id never comes back: nothing has to be invalidated.

use std::{collections::HashMap, mem, sync::Arc};

use fieldpost_store::BodyId;
use parking_lot::Mutex;

/// The headers used last, within a budget.
///
/// Two generations: what is used goes into the young one; when that holds half of the budget it becomes the old one, and what was
/// old leaves, all at once. That is the least recently used, roughly, for the price of two maps and no list.
#[derive(Debug)]
pub(crate) struct HeaderCache {
    /// Bytes of one generation.
    budget: usize,
    /// Written by every look. Held for two look-ups in a map, never while anything is read.
    generations: Mutex<[Generation; 2]>,
}

#[derive(Debug, Default)]
struct Generation {
    headers: HashMap<BodyId, Arc<[u8]>>,
    bytes: usize,
}

impl HeaderCache {
    /// A cache that holds at most `budget` bytes, what the maps take up counted in. With 0 it holds nothing.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget: budget / 2,
            generations: Mutex::default(),
        }
    }

    pub(crate) fn find(&self, body: BodyId) -> Option<Arc<[u8]>> {
        let mut generations = self.generations.lock();
        let [young, old] = &mut *generations;
        if let Some(header) = young.headers.get(&body) {
            return Some(Arc::clone(header));
        }
        let header = old.headers.remove(&body)?;
        old.bytes -= cost(&header);
        let left = self.put(&mut generations, body, &header);
        drop(generations);
        drop(left);
        Some(header)
    }

    pub(crate) fn insert(&self, body: BodyId, header: &Arc<[u8]>) {
        if cost(header) <= self.budget {
            let left = self.put(&mut self.generations.lock(), body, header);
            drop(left);
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        let left = mem::take(&mut *self.generations.lock());
        drop(left);
    }

    /// Bytes that are taken up.
    pub(crate) fn memory(&self) -> usize {
        let generations = self.generations.lock();
        generations.iter().map(|generation| generation.bytes).sum()
    }

    /// What has to leave is returned: it is freed once the lock is released.
    #[must_use]
    fn put(
        &self,
        generations: &mut [Generation; 2],
        body: BodyId,
        header: &Arc<[u8]>,
    ) -> Option<Generation> {
        let cost = cost(header);
        let left = (generations[0].bytes + cost > self.budget).then(|| {
            generations.swap(0, 1);
            mem::take(&mut generations[0])
        });
        let young = &mut generations[0];
        if young.headers.insert(body, Arc::clone(header)).is_none() {
            young.bytes += cost;
        }
        left
    }
}

/// Bytes that an entry takes up: the header with its counts, and its share of a map that is between half and seven eighths full.
fn cost(header: &[u8]) -> usize {
    const OVERHEAD: usize = 2 * size_of::<usize>() + size_of::<(BodyId, Arc<[u8]>)>() * 2;
    header.len() + OVERHEAD
}

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
        assert!(cache.memory() > 4_000);
        cache.clear();
        assert_eq!(cache.memory(), 0);
        assert!(cache.find(body(199)).is_none());
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let cache = HeaderCache::new(1_000);
        cache.insert(body(1), &header(600));
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
