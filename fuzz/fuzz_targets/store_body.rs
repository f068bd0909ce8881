//! Encoded bodies: no panic, no allocation that the bytes do not pay for. And the other way round: whatever a mail is, it comes back
//! from the form that it is stored in.
#![no_main]

use fieldpost_store::embedded::untrusted;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = untrusted::body(data);
    if let Some((size, data)) = data.split_first_chunk() {
        untrusted::packed_block(data, u16::from_le_bytes(*size));
    }
    if let Some((piece, content)) = data.split_first() {
        // Repeated, so that it may be lines of one length, over the edge of a block.
        let times = 1 + usize::from(*piece) * 8;
        untrusted::body_round_trip(
            &content.repeat(times.min(100_000 / content.len().max(1) + 1)),
            (*piece).into(),
        );
    }
});
