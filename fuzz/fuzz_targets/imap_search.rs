//! Any bytes as a SEARCH: whatever is read is shallow and short, so that recursion over it is safe.
#![no_main]

use fieldpost_imap::codec::request::{Command, Mode, SearchKey, limit, parse};

/// How deep, and of how many keys.
fn size(key: &SearchKey) -> (usize, usize) {
    match key {
        SearchKey::And(keys) | SearchKey::Any(keys) => {
            let sizes = keys.iter().map(size);
            sizes.fold((1, 0), |(depth, count), (more, keys)| {
                (depth.max(more + 1), count + keys)
            })
        }
        SearchKey::Not(key) => {
            let (depth, count) = size(key);
            (depth + 1, count)
        }
        _ => (1, 1),
    }
}

libfuzzer_sys::fuzz_target!(|keys: &[u8]| {
    for command in [
        "a SEARCH ",
        "a UID SEARCH RETURN () ",
        "a SORT (DATE) UTF-8 ",
    ] {
        let bytes = [command.as_bytes(), keys].concat();
        let key = match parse(&bytes, Mode::default()).map(|request| request.command) {
            Ok(Command::Search(_, search)) => search.key,
            Ok(Command::Sort(_, sort)) => sort.key,
            Ok(other) => panic!("{other:?}"),
            Err(_) => continue,
        };
        let (depth, count) = size(&key);
        // NEW is two keys, one of them under NOT.
        assert!(depth <= limit::SEARCH_DEPTH && count <= 2 * limit::SEARCH_KEYS);
        assert_eq!(key.clone(), key);
    }
});
