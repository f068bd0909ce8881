//! Any bytes as what an IMAP server says to an import: taken apart in bounded depth, or refused.
#![no_main]

use fieldpost_server::command::import::imap::value::{Value, behind, literal_at_end};

libfuzzer_sys::fuzz_target!(|line: &[u8]| {
    if let Some(values) = Value::parse(line) {
        for list in values.iter().filter_map(Value::list) {
            drop(behind(list, "UID").and_then(Value::number::<u32>));
        }
    }
    if let Some((at, _)) = literal_at_end(line) {
        assert!(at < line.len());
    }
});
