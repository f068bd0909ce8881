//! A message in DATA or BDAT: the same result however it is cut, no lone CR or LF left, the end where it is.
#![no_main]

use arbitrary::Arbitrary;
use bytes::Bytes;
use fieldpost_smtp::codec::data::{Decoder, Framing};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    counted: bool,
    message: Vec<u8>,
    cuts: Vec<u16>,
}

fn decode(framing: Framing, input: &[u8], cuts: &[u16]) -> (Vec<u8>, Option<usize>) {
    let mut decoder = Decoder::new(framing);
    let (mut message, mut start) = (Vec::new(), 0);
    for size in cuts
        .iter()
        .map(|cut| usize::from(*cut))
        .chain([input.len()])
    {
        let end = (start + size).min(input.len());
        let chunk = Bytes::copy_from_slice(&input[start..end]);
        let decoded = decoder.decode(&chunk);
        let (consumed, ended) = (decoded.consumed, decoded.ended);
        message.extend_from_slice(&decoded.piece.of(&chunk));
        if ended {
            return (message, Some(start + consumed));
        }
        assert_eq!(consumed, chunk.len());
        start = end;
    }
    if framing == Framing::Counted {
        message.extend_from_slice(decoder.finish());
    }
    (message, None)
}

fuzz_target!(|input: Input| {
    let framing = if input.counted {
        Framing::Counted
    } else {
        Framing::Dot
    };
    let whole = decode(framing, &input.message, &[]);
    assert_eq!(whole, decode(framing, &input.message, &input.cuts));
    let (message, end) = whole;
    if let Some(end) = end {
        assert!(end == 3 || input.message[..end].ends_with(b"\r\n.\r\n"));
    }
    let mut rest = &message[..];
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        assert!(rest[at..].starts_with(b"\r\n"), "a lone line end is left");
        rest = &rest[at + 2..];
    }
});
