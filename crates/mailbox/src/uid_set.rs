//! A set of uids as ranges: `1:*` costs as much as `1`.

use std::ops::RangeInclusive;

/// Uids in ascending ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet {
    ranges: Vec<RangeInclusive<u32>>,
}

impl UidSet {
    /// Every uid.
    pub fn all() -> Self {
        Self {
            ranges: vec![1..=u32::MAX],
        }
    }

    /// Takes ranges in any order; empty ones are passed over.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let mut sorted: Vec<_> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .collect();
        sorted.sort_unstable_by_key(|range| *range.start());
        let mut set = Self::default();
        for range in sorted {
            set.add_behind(range);
        }
        set
    }

    /// Its ranges, ascending.
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.ranges
    }

    /// Whether `uid` is in it.
    pub fn contains(&self, uid: u32) -> bool {
        let behind = self.ranges.partition_point(|range| *range.start() <= uid);
        behind > 0 && self.ranges[behind - 1].contains(&uid)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many uids are in it.
    pub fn len(&self) -> u64 {
        let size = |range: &RangeInclusive<u32>| u64::from(range.end() - range.start()) + 1;
        self.ranges.iter().map(size).sum()
    }

    /// Every uid in it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.ranges.iter().flat_map(Clone::clone)
    }

    /// Adds a range that does not begin before the last one.
    fn add_behind(&mut self, range: RangeInclusive<u32>) {
        match self.ranges.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            Some(_) | None => self.ranges.push(range),
        }
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut sorted: Vec<_> = uids.into_iter().collect();
        sorted.sort_unstable();
        let mut set = Self::default();
        for uid in sorted {
            set.add_behind(uid..=uid);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        let set = UidSet::from_ranges([
            5..=9,
            1..=2,
            3..=4,
            20..=u32::MAX,
            RangeInclusive::new(12, 11),
            7..=8,
        ]);
        assert_eq!(set.ranges(), [1..=9, 20..=u32::MAX]);
        assert!(set.contains(9) && !set.contains(10) && set.contains(u32::MAX) && !set.contains(0));
        assert_eq!(UidSet::from_iter([3, 1, 2, 9, 9]).ranges(), [1..=3, 9..=9]);
        assert_eq!(UidSet::from_iter([3, 1, 2, 9, 9]).len(), 4);
        assert_eq!(UidSet::all().len(), u64::from(u32::MAX));
        assert!(UidSet::default().is_empty());
    }
}
