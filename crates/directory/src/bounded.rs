//! A map that forgets the longest unused entries instead of growing.

use std::{collections::HashMap, hash::Hash};

/// Two generations: what is used moves to the young one; when that is full it becomes the old one, and the old one
/// goes. Every step takes constant time, at most twice the capacity is held, and the last `capacity` entries used are
/// always there.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            capacity: capacity.max(1),
        }
    }

    /// The entry of `key`, which is thereby used.
    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        if let Some((key, value)) = self.old.remove_entry(&key) {
            self.insert(key, value);
        }
        self.young.get_mut(&key)
    }

    /// The entry of `key`, new if there was none.
    pub(crate) fn entry(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) {
            match self.old.remove_entry(&key) {
                Some((key, value)) => {
                    self.make_room();
                    return self.young.entry(key).or_insert(value);
                }
                None => self.make_room(),
            }
        }
        self.young.entry(key).or_insert_with(new)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if !self.young.contains_key(&key) {
            self.make_room();
        }
        self.young.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    fn make_room(&mut self) {
        if self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_used_last_and_never_more_than_twice_its_capacity() {
        let mut map = Generations::new(10);
        for number in 0..1000 {
            map.insert(number, number);
            assert!(map.young.len() + map.old.len() <= 20);
            assert_eq!(
                map.get_mut(number.max(4) - 4).copied(),
                Some(number.max(4) - 4)
            );
        }
        assert_eq!(map.get_mut(5), None);
        *map.entry(999, || 0) += 1;
        assert_eq!(map.get_mut(999), Some(&mut 1000));
        map.remove(&999);
        assert_eq!(map.get_mut(999), None);
    }
}
