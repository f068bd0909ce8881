//! Where a message is cut makes no difference, what the scanner makes can be stored, and every part lies within its parent.
#![no_main]

use fieldpost_message::{
    Limits, Part, Scanner, Summary,
    body::{Bodies, TextReader},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, message) = input;
    let header_len = fieldpost_message::header::length(message) as u64;
    // Small limits reach what large mails would.
    for limits in [
        Limits::default(),
        Limits {
            depth: 3,
            parts: 5,
            field_bytes: 40,
            params: 3,
            addresses: 3,
            address_bytes: 60,
            references: 2,
            structure_bytes: 300,
        },
    ] {
        let mut whole = Scanner::new(limits.clone());
        whole.push(message);
        let summary = whole.finish();
        if limits == Limits::default() {
            assert_eq!(summary.header_len, header_len);
        }
        let mut cut = Scanner::new(limits);
        message
            .chunks(usize::from(size) + 1)
            .for_each(|piece| cut.push(piece));
        assert_eq!(cut.finish(), summary);
        assert_eq!(summary.size, message.len() as u64);

        let encoded = summary.encode();
        assert!(encoded.len() <= Summary::MAX_SCANNED);
        assert_eq!(Summary::decode(&encoded).as_ref(), Ok(&summary));
        nested(&summary.structure);
        for part in Bodies::of(&summary.structure).text {
            let body = &message[part.body as usize..part.end as usize];
            let mut reader = TextReader::new(part, 100);
            reader.push(body);
            assert!(reader.finish().text.len() <= 100);
        }
        let _ = (
            summary.base_subject(),
            summary.message_id().is_some(),
            summary.in_reply_to().count(),
        );
    }
});

fn nested(part: &Part) {
    assert!(part.header <= part.body && part.body <= part.end);
    let mut at = part.body;
    for child in part.children() {
        assert!(at <= child.header && child.end <= part.end);
        at = child.end;
        nested(child);
    }
}
