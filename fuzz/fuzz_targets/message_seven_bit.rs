//! A message made 7-bit: the same however it is cut, ASCII, its leaves what they were; or told why not.
#![no_main]

use fieldpost_message::{
    Content, Limits, Part, Scanner,
    seven_bit::{Obstacle, Scan},
    transfer,
};
use libfuzzer_sys::fuzz_target;

fn convert(message: &[u8], size: usize) -> Result<Option<Vec<u8>>, Obstacle> {
    let mut scan = Scan::new();
    message.chunks(size).for_each(|piece| scan.push(piece));
    let Some(mut survey) = scan.finish()? else {
        return Ok(None);
    };
    for piece in message.chunks(size) {
        survey.push(piece);
    }
    let Some(plan) = survey.finish()? else {
        return Ok(None);
    };
    let mut converter = plan.converter();
    let mut out = Vec::new();
    for piece in message.chunks(size) {
        converter.push(piece, &mut out);
    }
    converter.finish(&mut out);
    Ok(Some(out))
}

/// What is encoded as one, decoded; and whether all else is ASCII.
fn leaves(message: &[u8]) -> (Vec<Vec<u8>>, bool) {
    fn walk(part: &Part, message: &[u8], rest: &mut [bool], found: &mut Vec<Vec<u8>>) {
        let body = part.body as usize..part.end as usize;
        let is_one = match &part.content {
            Content::Leaf => true,
            Content::Multipart(_) => part.subtype == "signed",
            Content::Message(_) => part.subtype == "global",
        };
        if is_one {
            rest[body.clone()].fill(false);
            found.push(transfer::decode(part.transfer_encoding(), &message[body]));
            return;
        }
        for child in part.children() {
            walk(child, message, rest, found);
        }
    }
    let mut scanner = Scanner::new(Limits {
        depth: Limits::MAX_DEPTH,
        ..Limits::default()
    });
    scanner.push(message);
    let mut rest = vec![true; message.len()];
    let mut found = Vec::new();
    walk(&scanner.finish().structure, message, &mut rest, &mut found);
    let is_ascii = message.iter().zip(&rest).all(|(octet, rest)| !rest || octet.is_ascii());
    (found, is_ascii)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, message) = input;
    let whole = convert(message, usize::MAX);
    assert_eq!(convert(message, usize::from(size) + 1), whole);
    let Ok(Some(out)) = whole else {
        return;
    };
    assert!(out.is_ascii());
    let (before, is_ascii) = leaves(message);
    // A question mark in the place of an octet between parts may make a delimiter of a line that was none.
    if is_ascii {
        assert_eq!(leaves(&out).0, before);
        assert_eq!(convert(&out, usize::MAX), Ok(None));
    }
});
