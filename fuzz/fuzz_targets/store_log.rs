//! The log as recovery reads it: no panic, records in order, whatever the frames carry and wherever they are torn.
#![no_main]

use fieldpost_store::embedded::untrusted;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<Vec<u8>>, u16, u8)| {
    let (payloads, flip, cut) = input;
    for payload in &payloads {
        untrusted::record(payload);
        let _ = untrusted::log_segment(payload);
    }
    let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    let found = untrusted::log_of_payloads(&payloads, usize::from(flip), usize::from(cut));
    assert!(found.is_ok());
});
