//! Any bytes as a sequence set: what is read resolves to what it says, and comes back from what is written.
#![no_main]

use bytes::BytesMut;
use fieldpost_imap::codec::set::{SequenceSet, write_ranges, write_set};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(set) = SequenceSet::parse(bytes) else {
        return;
    };
    let SequenceSet::Ranges(ranges) = &set else {
        assert_eq!((bytes, set.resolve(7)), (&b"$"[..], None));
        return;
    };
    for star in [0, 1, 1000, u32::MAX] {
        let uids = set.resolve(star).expect("it is not $");
        for number in [1, 2, 999, 1000, 1001, u32::MAX] {
            let meant = ranges.iter().any(|(first, last)| {
                let (first, last) = (first.unwrap_or(star), last.unwrap_or(star));
                first > 0 && last > 0 && (first.min(last)..=first.max(last)).contains(&number)
            });
            assert_eq!(uids.contains(number), meant);
        }
        let mut written = BytesMut::new();
        write_ranges(&mut written, &uids);
        if uids.is_empty() {
            assert!(written.is_empty());
            continue;
        }
        assert_eq!(
            SequenceSet::parse(&written).and_then(|set| set.resolve(0)),
            Some(uids.clone())
        );
        if uids.len() < 10_000 {
            let mut again = BytesMut::new();
            write_set(&mut again, uids.iter());
            assert_eq!(again, written);
        }
    }
});
