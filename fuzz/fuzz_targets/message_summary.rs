//! A stored summary may hold anything: it is refused or read, and what is read can be stored again.
#![no_main]

use fieldpost_message::Summary;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(summary) = Summary::decode(bytes) {
        assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
    }
});
