//! Sets of sequence numbers or uids (RFC 9051 §9 `sequence-set`), as written.

use std::ops::RangeInclusive;

use bytes::{BufMut, BytesMut};
use fieldpost_mailbox::UidSet;

use super::request::grammar::{Parsed, expect, expected, mark, nz_number};

/// A set as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// `$`: what the last `SEARCH RETURN (SAVE)` found (RFC 5182).
    Saved,
    /// Ranges as written, `None` = `*`. At least one; numbers are not zero.
    Ranges(Vec<(Option<u32>, Option<u32>)>),
}

impl SequenceSet {
    /// Reads the whole of `text` as a set.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match sequence_set(text) {
            Ok(([], set)) => Some(set),
            Ok(_) | Err(_) => None,
        }
    }

    /// The numbers that are meant where the largest one is `star`, ranges in either direction. In an empty mailbox `star` is 0, and
    /// whatever names `*` is empty. `None`: it is `$`.
    pub fn resolve(&self, star: u32) -> Option<UidSet> {
        let Self::Ranges(ranges) = self else {
            return None;
        };
        let ranges = ranges.iter().filter_map(|(first, last)| {
            let (first, last) = (first.unwrap_or(star), last.unwrap_or(star));
            (first != 0 && last != 0).then(|| first.min(last)..=first.max(last))
        });
        Some(UidSet::from_ranges(ranges))
    }

    /// Whether `*` stands in it.
    pub fn has_star(&self) -> bool {
        match self {
            Self::Saved => false,
            Self::Ranges(ranges) => ranges
                .iter()
                .any(|(first, last)| first.is_none() || last.is_none()),
        }
    }
}

/// Writes numbers in the order in which they come, runs of ascending ones as ranges: `1:3,7`. Nothing for no numbers: a set is never empty on
/// the wire.
pub fn write_set(out: &mut BytesMut, uids: impl IntoIterator<Item = u32>) {
    let mut run: Option<RangeInclusive<u32>> = None;
    let mut first = true;
    for uid in uids {
        run = match run {
            Some(range) if range.end().checked_add(1) == Some(uid) => Some(*range.start()..=uid),
            Some(range) => {
                write_range(out, &range, &mut first);
                Some(uid..=uid)
            }
            None => Some(uid..=uid),
        };
    }
    if let Some(range) = run {
        write_range(out, &range, &mut first);
    }
}

/// Writes a set: `1:3,7`. Nothing for the empty set.
pub fn write_ranges(out: &mut BytesMut, set: &UidSet) {
    let mut first = true;
    for range in set.ranges() {
        write_range(out, range, &mut first);
    }
}

/// ```abnf
/// sequence-set =  (seq-number / seq-range) *("," (seq-number / seq-range)) / "$"
/// seq-range    =  seq-number ":" seq-number
/// ```
pub(crate) fn sequence_set(input: &[u8]) -> Parsed<'_, SequenceSet> {
    if let [b'$', rest @ ..] = input {
        return Ok((rest, SequenceSet::Saved));
    }
    let mut ranges = Vec::new();
    let mut input = input;
    loop {
        let (rest, first) = seq_number(input)?;
        let (rest, last) = match rest {
            [b':', rest @ ..] => seq_number(rest)?,
            _ => (rest, first),
        };
        ranges.push((first, last));
        match rest {
            [b',', rest @ ..] => input = rest,
            _ => return Ok((rest, SequenceSet::Ranges(ranges))),
        }
    }
}

/// A set of uids that the client knows: numbers only (RFC 7162 §7 `known-uids`, `known-sequence-set`).
pub(crate) fn known_set(input: &[u8]) -> Parsed<'_, SequenceSet> {
    let (rest, set) = sequence_set(input)?;
    if set == SequenceSet::Saved || set.has_star() {
        return expected("numbers expected");
    }
    Ok((rest, set))
}

/// ```abnf
/// seq-number =  nz-number / "*"
/// ```
fn seq_number(input: &[u8]) -> Parsed<'_, Option<u32>> {
    if let Ok((rest, _)) = mark("*", "* expected")(input) {
        return Ok((rest, None));
    }
    let (rest, number) = expect("message set expected", nz_number)(input)?;
    Ok((rest, Some(number)))
}

fn write_range(out: &mut BytesMut, range: &RangeInclusive<u32>, first: &mut bool) {
    if !std::mem::take(first) {
        out.put_u8(b',');
    }
    write_number(out, *range.start());
    if range.start() != range.end() {
        out.put_u8(b':');
        write_number(out, *range.end());
    }
}

/// Ten digits at most, without an allocation.
fn write_number(out: &mut BytesMut, mut number: u32) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolved(text: &str, star: u32) -> Vec<RangeInclusive<u32>> {
        let set = SequenceSet::parse(text.as_bytes()).unwrap();
        set.resolve(star).unwrap().ranges().to_vec()
    }

    #[test]
    fn sets_of_a_mailbox() {
        for (text, star, expected) in [
            ("1", 9, vec![1..=1]),
            ("7,1:3,2:5", 9, vec![1..=5, 7..=7]),
            ("5:3", 9, vec![3..=5]),
            ("*", 9, vec![9..=9]),
            ("*:*", 9, vec![9..=9]),
            ("5:*", 9, vec![5..=9]),
            ("*:5", 9, vec![5..=9]),
            // RFC 9051 §9: a range that begins behind the last message still holds the last one.
            ("12:*", 9, vec![9..=12]),
            ("1:4294967295", 9, vec![1..=u32::MAX]),
            ("001", 9, vec![1..=1]),
        ] {
            assert_eq!(resolved(text, star), expected, "{text}");
        }
        assert_eq!(SequenceSet::parse(b"$").unwrap().resolve(9), None);
    }

    #[test]
    fn a_star_in_an_empty_mailbox_matches_nothing() {
        for text in ["*", "*:*", "1:*", "*:4294967295"] {
            assert_eq!(resolved(text, 0), [], "{text}");
        }
        assert_eq!(resolved("2,5:*", 0), [2..=2]);
    }

    /// Fault 14: odd sequence sets.
    #[test]
    fn fault_14_what_is_no_set() {
        for text in [
            "",
            "0",
            "4294967296",
            "99999999999999999999",
            "1:0",
            "0:*",
            "1,",
            ",1",
            "1::2",
            "1:2:3",
            "-1",
            "+1",
            "1 ,2",
            "$,1",
            "1,$",
            "**",
            "a",
        ] {
            assert_eq!(SequenceSet::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn sets_are_written_compactly() {
        for (uids, text) in [
            (vec![], ""),
            (vec![7], "7"),
            (vec![1, 2, 3, 7, 9, 10], "1:3,7,9:10"),
            (vec![3, 2, 1], "3,2,1"),
            (vec![5, 5], "5,5"),
            (vec![u32::MAX - 1, u32::MAX, 1], "4294967294:4294967295,1"),
        ] {
            let mut out = BytesMut::new();
            write_set(&mut out, uids);
            assert_eq!(out, text);
        }
    }

    proptest! {
        #[test]
        fn a_written_set_is_read(uids in prop::collection::btree_set(1..200_u32, 1..50)) {
            let set: UidSet = uids.iter().copied().collect();
            let (mut one, mut other) = (BytesMut::new(), BytesMut::new());
            write_set(&mut one, uids.iter().copied());
            write_ranges(&mut other, &set);
            prop_assert_eq!(&one, &other);
            prop_assert_eq!(SequenceSet::parse(&one).unwrap().resolve(1), Some(set));
        }

        #[test]
        fn numbers_are_written(number in any::<u32>()) {
            let mut out = BytesMut::new();
            write_number(&mut out, number);
            prop_assert_eq!(out, number.to_string());
        }
    }
}
