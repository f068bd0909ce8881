//! Any message in any chunks: the dot-stuffed form equals the model's and reads back.
#![no_main]

use arbitrary::Arbitrary;
use fieldpost_pop3::codec::stuffing;

#[derive(Arbitrary, Debug)]
struct Case {
    message: Vec<u8>,
    cuts: Vec<u16>,
}

libfuzzer_sys::fuzz_target!(|case: Case| {
    let mut cuts: Vec<usize> = case.cuts.into_iter().map(usize::from).collect();
    cuts.sort_unstable();
    stuffing::assert_round_trip(&case.message, &cuts);
});
