//! Snapshots: no panic, no allocation that the bytes do not pay for.
#![no_main]

use fieldpost_store::embedded::untrusted;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = untrusted::snapshot(data);
});
