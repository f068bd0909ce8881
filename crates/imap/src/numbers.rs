//! Sequence numbers: which uid each message of a selected mailbox has, as the client knows it (RFC 9051 §2.3.1.2).
//!
//! The uids lie in runs of consecutive ones, so that a session that waits in IDLE holds a few bytes for a mailbox of
//! any size; a mailbox in which every other message is gone costs eight bytes a run. A message keeps its number until the
//! client was told of an expunge; what has left the mailbox but not yet the client's list is for the caller to remember.

use std::ops::RangeInclusive;

use fieldpost_mailbox::UidSet;

/// The client's list of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    runs: Vec<Run>,
    len: u32,
}

/// Consecutive uids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// The first uid.
    first: u32,
    /// How many messages lie before it in the list.
    before: u32,
}

impl Numbers {
    /// A list of uids given as ascending ranges.
    pub(crate) fn new(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let mut numbers = Self::default();
        for range in ranges {
            numbers.push_range(&range);
        }
        numbers
    }

    /// How many messages there are.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The last message's uid; 0 if there is none.
    pub(crate) fn last_uid(&self) -> u32 {
        self.uid(self.len).unwrap_or(0)
    }

    /// The uid of a sequence number.
    pub(crate) fn uid(&self, number: u32) -> Option<u32> {
        if number == 0 || number > self.len {
            return None;
        }
        let run = self.runs.partition_point(|run| run.before < number) - 1;
        Some(self.runs[run].first + (number - 1 - self.runs[run].before))
    }

    /// The sequence number of a uid.
    pub(crate) fn number(&self, uid: u32) -> Option<u32> {
        let run = self
            .runs
            .partition_point(|run| run.first <= uid)
            .checked_sub(1)?;
        let at = uid - self.runs[run].first;
        (at < self.run_len(run)).then(|| self.runs[run].before + at + 1)
    }

    /// The uids of a set of sequence numbers; numbers beyond the last are passed over.
    pub(crate) fn uids(&self, numbers: &UidSet) -> UidSet {
        let mut ranges = Vec::new();
        for range in numbers.ranges() {
            let (mut number, end) = ((*range.start()).max(1), (*range.end()).min(self.len));
            while number <= end {
                let run = self.runs.partition_point(|run| run.before < number) - 1;
                let left = self.run_len(run) - (number - 1 - self.runs[run].before);
                let count = left.min(end - number + 1);
                let first = self.runs[run].first + (number - 1 - self.runs[run].before);
                ranges.push(first..=first + (count - 1));
                number += count;
            }
        }
        UidSet::from_ranges(ranges)
    }

    /// Those of `uids` that are in the list.
    pub(crate) fn known(&self, uids: &UidSet) -> UidSet {
        let mut ranges = Vec::new();
        for range in uids.ranges() {
            let from = self
                .runs
                .partition_point(|run| run.first <= *range.start())
                .saturating_sub(1);
            for run in from..self.runs.len() {
                let ours = self.range(run);
                if ours.start() > range.end() {
                    break;
                }
                let both = *ours.start().max(range.start())..=*ours.end().min(range.end());
                if !both.is_empty() {
                    ranges.push(both);
                }
            }
        }
        UidSet::from_ranges(ranges)
    }

    /// All uids, as ascending ranges.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        (0..self.runs.len()).map(|run| self.range(run))
    }

    /// Adds messages behind the last. Uids that do not lie behind it are passed over.
    pub(crate) fn push_range(&mut self, range: &RangeInclusive<u32>) {
        let first = (*range.start()).max(self.last_uid().saturating_add(1));
        if first > *range.end() {
            return;
        }
        if self.len == 0 || first != self.last_uid() + 1 {
            self.runs.push(Run {
                first,
                before: self.len,
            });
        }
        self.len = self.len.saturating_add(range.end() - first + 1);
    }

    /// Adds one message behind the last.
    pub(crate) fn push(&mut self, uid: u32) {
        self.push_range(&(uid..=uid));
    }

    /// Takes messages out. Returns the numbers to tell by `EXPUNGE`, one behind the other: each is right once those
    /// before it were told, and they go from the last message to the first, so that none shifts another.
    pub(crate) fn remove(&mut self, uids: &UidSet) -> Vec<u32> {
        let gone = self.known(uids);
        if gone.is_empty() {
            return Vec::new();
        }
        let mut told: Vec<u32> = gone.iter().filter_map(|uid| self.number(uid)).collect();
        told.reverse();
        let mut left = Self::default();
        let mut holes = gone.ranges().iter().peekable();
        for run in 0..self.runs.len() {
            let range = self.range(run);
            // `None`: nothing of the run is left, and behind the largest uid there is no other.
            let mut first = Some(*range.start());
            // A hole lies within one run: uids of two runs do not touch.
            while let Some(hole) = holes.next_if(|hole| hole.start() <= range.end()) {
                if let Some(first) = first
                    && first < *hole.start()
                {
                    left.push_range(&(first..=hole.start() - 1));
                }
                first = hole.end().checked_add(1);
            }
            if let Some(first) = first
                && first <= *range.end()
            {
                left.push_range(&(first..=*range.end()));
            }
        }
        *self = left;
        told
    }

    fn run_len(&self, run: usize) -> u32 {
        let end = self.runs.get(run + 1).map_or(self.len, |next| next.before);
        end - self.runs[run].before
    }

    fn range(&self, run: usize) -> RangeInclusive<u32> {
        let first = self.runs[run].first;
        first..=first + (self.run_len(run) - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(uids: &[u32]) -> Numbers {
        let mut numbers = Numbers::default();
        for uid in uids {
            numbers.push(*uid);
        }
        numbers
    }

    #[test]
    fn a_mailbox_without_holes_is_one_run() {
        let mut numbers = Numbers::new([1..=100_000]);
        assert_eq!(numbers.runs.len(), 1);
        assert_eq!(numbers.uid(100_000), Some(100_000));
        assert_eq!(numbers.remove(&UidSet::from_iter([3, 2])), [3, 2]);
        assert_eq!(numbers.runs.len(), 2);
        assert_eq!(numbers.uid(2), Some(4));
        assert_eq!(numbers.number(3), None);
        assert_eq!(numbers.len(), 99_998);
    }

    #[test]
    fn the_largest_uid_is_no_overflow() {
        let mut numbers = numbers(&[1, u32::MAX]);
        assert_eq!(numbers.number(u32::MAX), Some(2));
        assert_eq!(numbers.remove(&UidSet::all()), [2, 1]);
        assert_eq!(numbers.len(), 0);
        assert_eq!(numbers.last_uid(), 0);
    }

    proptest! {
        #[test]
        fn it_is_a_plain_list(
            steps in prop::collection::vec((any::<bool>(), prop::collection::vec(1..60_u32, 0..12)), 1..20),
            asked in prop::collection::vec((0..80_u32, 0..80_u32), 0..6),
        ) {
            let mut list: Vec<u32> = Vec::new();
            let mut numbers = Numbers::default();
            for (is_push, values) in steps {
                if is_push {
                    for step in values {
                        let uid = list.last().copied().unwrap_or(0) + 1 + step % 3 * (step % 5);
                        list.push(uid);
                        numbers.push(uid);
                    }
                } else {
                    let gone: UidSet = values.into_iter().collect();
                    for number in numbers.remove(&gone) {
                        let uid = list.remove(number as usize - 1);
                        prop_assert!(gone.contains(uid));
                    }
                    prop_assert!(list.iter().all(|uid| !gone.contains(*uid)));
                }
                prop_assert_eq!(numbers.len() as usize, list.len());
                prop_assert_eq!(&numbers, &self::numbers(&list));
            }
            prop_assert!(numbers.ranges().flatten().eq(list.iter().copied()));
            for number in 0..90 {
                let uid = (number as usize).checked_sub(1).and_then(|at| list.get(at)).copied();
                prop_assert_eq!(numbers.uid(number), uid);
            }
            for uid in 0..200 {
                let number = list.binary_search(&uid).ok().map(|at| at as u32 + 1);
                prop_assert_eq!(numbers.number(uid), number);
            }
            let set = UidSet::from_ranges(asked.iter().map(|(one, other)| *one.min(other)..=*one.max(other)));
            let by_number: Vec<u32> = (1..=numbers.len()).filter(|number| set.contains(*number)).filter_map(|number| numbers.uid(number)).collect();
            prop_assert!(numbers.uids(&set).iter().eq(by_number));
            let by_uid: Vec<u32> = list.iter().copied().filter(|uid| set.contains(*uid)).collect();
            prop_assert!(numbers.known(&set).iter().eq(by_uid));
        }
    }
}
