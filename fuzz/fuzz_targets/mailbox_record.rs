//! The records of an account: whatever the bytes, no panic; what is accepted comes back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    fieldpost_mailbox::untrusted::record(data);
});
