//! Checkpoints: no panic; what is accepted comes back the same.
#![no_main]

use fieldpost_store::embedded::untrusted;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    untrusted::checkpoint(data);
});
