//! A set of entries as ranges: what a device holds is usually a few of them.

use crate::{
    EntryId,
    error::Malformed,
    record::{Reader, Writer},
};

/// Entries in ascending ranges that neither touch nor overlap. Takes a few bytes a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntrySet {
    /// First and last of each range.
    ranges: Vec<(u64, u64)>,
}

impl EntrySet {
    /// Whether `entry` is in it.
    pub fn contains(&self, entry: EntryId) -> bool {
        let behind = self.ranges.partition_point(|range| range.0 <= entry.0);
        behind > 0 && self.ranges[behind - 1].1 >= entry.0
    }

    /// Adds `entry`; whether it is new.
    pub fn insert(&mut self, entry: EntryId) -> bool {
        let entry = entry.0;
        let behind = self.ranges.partition_point(|range| range.0 <= entry);
        if behind > 0 && self.ranges[behind - 1].1 >= entry {
            return false;
        }
        let joins_before = behind > 0 && self.ranges[behind - 1].1.checked_add(1) == Some(entry);
        let joins_after = self
            .ranges
            .get(behind)
            .is_some_and(|next| entry.checked_add(1) == Some(next.0));
        match (joins_before, joins_after) {
            (true, true) => {
                self.ranges[behind - 1].1 = self.ranges[behind].1;
                self.ranges.remove(behind);
            }
            (true, false) => self.ranges[behind - 1].1 = entry,
            (false, true) => self.ranges[behind].0 = entry,
            (false, false) => self.ranges.insert(behind, (entry, entry)),
        }
        true
    }

    /// Takes `entry` out; whether it was in.
    pub fn remove(&mut self, entry: EntryId) -> bool {
        let entry = entry.0;
        let behind = self.ranges.partition_point(|range| range.0 <= entry);
        let Some(at) = behind
            .checked_sub(1)
            .filter(|at| self.ranges[*at].1 >= entry)
        else {
            return false;
        };
        let (first, last) = self.ranges[at];
        match (first == entry, last == entry) {
            (true, true) => drop(self.ranges.remove(at)),
            (true, false) => self.ranges[at].0 = entry + 1,
            (false, true) => self.ranges[at].1 = entry - 1,
            (false, false) => {
                self.ranges[at].1 = entry - 1;
                self.ranges.insert(behind, (entry + 1, last));
            }
        }
        true
    }

    /// How many entries are in it.
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .fold(0, |sum, (first, last)| sum + (last - first) + 1)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// All entries, ascending.
    pub fn iter(&self) -> impl Iterator<Item = EntryId> {
        self.ranges
            .iter()
            .flat_map(|(first, last)| *first..=*last)
            .map(EntryId)
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.number(self.ranges.len() as u64);
        let mut at = 0;
        for (first, last) in &self.ranges {
            writer.number(first - at);
            writer.number(last - first);
            at = *last;
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = usize::try_from(reader.number()?).map_err(|_| Malformed::Range)?;
        let mut ranges = Vec::with_capacity(count.min(reader.0.len() / 2));
        let mut at = 0u64;
        for nth in 0..count {
            let gap = reader.number()?;
            if nth > 0 && gap < 2 {
                return Err(Malformed::Order);
            }
            let first = at.checked_add(gap).ok_or(Malformed::Range)?;
            let last = first
                .checked_add(reader.number()?)
                .ok_or(Malformed::Range)?;
            ranges.push((first, last));
            at = last;
        }
        Ok(Self { ranges })
    }
}

impl FromIterator<EntryId> for EntrySet {
    fn from_iter<I: IntoIterator<Item = EntryId>>(entries: I) -> Self {
        let mut set = Self::default();
        for entry in entries {
            set.insert(entry);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_does_what_a_plain_set_does() {
        let mut set = EntrySet::default();
        let mut plain = BTreeSet::new();
        let mut seed = 7u64;
        for _ in 0..4000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let entry = (seed >> 33) % 60;
            if seed >> 20 & 1 == 0 {
                assert_eq!(set.insert(EntryId(entry)), plain.insert(entry));
            } else {
                assert_eq!(set.remove(EntryId(entry)), plain.remove(&entry));
            }
            assert_eq!(set.len(), plain.len() as u64);
            assert!(set.iter().map(|entry| entry.0).eq(plain.iter().copied()));
            let mut writer = Writer::default();
            set.encode(&mut writer);
            let mut reader = Reader(&writer.0);
            assert_eq!(EntrySet::decode(&mut reader).unwrap(), set);
        }
        assert!(set.insert(EntryId(u64::MAX)) && set.contains(EntryId(u64::MAX)));
        assert!(set.remove(EntryId(u64::MAX)));
    }
}
