//! Tests of the encoder.

use super::*;
use crate::tags::{air_sync, air_sync_base, email};

fn body(write: impl FnOnce(&mut Encoder)) -> Vec<u8> {
    let mut encoder = Encoder::new();
    write(&mut encoder);
    let output = encoder.finish();
    assert_eq!(output[..4], HEADER);
    output[4..].to_vec()
}

#[test]
fn a_page_is_switched_only_when_it_changes() {
    let written = body(|e| {
        e.start(air_sync::SYNC);
        e.text(air_sync::SYNC_KEY, "1");
        e.text(email::SUBJECT, "a");
        e.text(email::SUBJECT, "b");
        e.number(air_sync::STATUS, 1_u8);
        e.end();
    });
    assert_eq!(
        written,
        b"\x45\x4B\x031\0\x01\x00\x02\x54\x03a\0\x01\x54\x03b\0\x01\x00\x00\x4E\x031\0\x01\x01"
    );
}

#[test]
fn an_element_that_stays_empty_is_one_byte() {
    for written in [
        body(|e| e.empty(air_sync::SYNC)),
        body(|e| {
            e.start(air_sync::SYNC);
            e.end();
        }),
        body(|e| e.text(air_sync::SYNC, "")),
        body(|e| e.text(air_sync::SYNC, "\0\u{1}\u{FFFE}")),
        body(|e| e.opaque(air_sync::SYNC, &[])),
        body(|e| e.start(air_sync::SYNC)),
    ] {
        assert_eq!(written, [0x05]);
    }
}

/// Invariant 9, quirk A9.
#[test]
fn strings_lose_what_xml_does_not_allow() {
    let written = body(|e| {
        e.text(
            air_sync::SYNC,
            "\0a\u{1}\t\n\r\u{B}b\u{C}\u{1F} \u{7F}\u{FFFD}\u{FFFE}\u{FFFF}🦊\0",
        );
    });
    assert_eq!(
        written,
        "\u{45}\u{3}a\t\n\rb \u{7F}\u{FFFD}🦊\0\u{1}".as_bytes()
    );
}

#[test]
fn a_string_may_come_in_pieces() {
    let whole = body(|e| e.text(air_sync_base::DATA, "one two"));
    let pieces = body(|e| {
        e.begin_text(air_sync_base::DATA);
        for piece in ["one", "", " ", "\0", "two"] {
            e.push_text(piece);
        }
        e.end_text();
    });
    assert_eq!(pieces, whole);
}

#[test]
fn opaque_data_stands_as_it_is_behind_its_length() {
    for (length, prefix) in [
        (1, &[0x01][..]),
        (127, &[0x7F]),
        (128, &[0x81, 0x00]),
        (160, &[0x81, 0x20]),
        (16_383, &[0xFF, 0x7F]),
        (16_384, &[0x81, 0x80, 0x00]),
    ] {
        let data = vec![0_u8; length];
        let written = body(|e| e.opaque(air_sync::SYNC, &data));
        assert_eq!(written, [&[0x45, 0xC3], prefix, &data, &[0x01]].concat());
    }
    let mut output = Vec::new();
    push_integer(&mut output, u32::MAX);
    assert_eq!(output, [0x8F, 0xFF, 0xFF, 0xFF, 0x7F]);
}

#[test]
fn what_is_rolled_back_was_never_written() {
    let expected = body(|e| {
        e.start(air_sync::SYNC);
        e.text(air_sync::SYNC_KEY, "1");
        e.text(air_sync::STATUS, "1");
        e.end();
    });
    let written = body(|e| {
        e.start(air_sync::SYNC);
        let fresh = e.checkpoint();
        // Closes what was open at the checkpoint, and on another page.
        e.empty(email::SUBJECT);
        e.end();
        e.end();
        e.rollback(fresh);
        e.end();
        e.rollback(fresh);
        e.text(air_sync::SYNC_KEY, "1");
        let later = e.checkpoint();
        e.start(email::SUBJECT);
        e.push_text("unfinished");
        e.rollback(later);
        e.text(air_sync::STATUS, "1");
        assert_eq!(e.depth(), 1);
        e.end();
    });
    assert_eq!(written, expected);
}

#[test]
fn a_string_goes_on_after_a_rollback() {
    let expected = body(|e| e.text(air_sync::SYNC, "ab"));
    let written = body(|e| {
        e.begin_text(air_sync::SYNC);
        e.push_text("a");
        let within = e.checkpoint();
        e.push_text("x");
        e.end_text();
        e.rollback(within);
        e.push_text("b");
        e.end_text();
    });
    assert_eq!(written, expected);
}

#[test]
fn a_checkpoint_behind_the_end_changes_nothing() {
    let mut encoder = Encoder::new();
    let start = encoder.checkpoint();
    encoder.text(air_sync::SYNC, "a");
    let later = encoder.checkpoint();
    encoder.rollback(start);
    encoder.rollback(later);
    assert!(encoder.is_empty());
    assert_eq!(encoder.len(), 4);
    assert_eq!(encoder.finish(), HEADER);
}

#[test]
fn an_empty_element_can_be_put_before_what_was_written_since() {
    let expected = body(|e| {
        e.start(air_sync::SYNC);
        e.text(air_sync::STATUS, "1");
        e.empty(air_sync::MORE_AVAILABLE);
        e.text(email::SUBJECT, "a");
        e.end();
    });
    let written = body(|e| {
        let before = e.checkpoint();
        assert!(!e.insert_empty(before, email::SUBJECT), "another page");
        e.start(air_sync::SYNC);
        let within = e.checkpoint();
        e.text(air_sync::STATUS, "1");
        let place = e.checkpoint();
        e.text(email::SUBJECT, "a");
        assert!(!e.insert_empty(within, air_sync::MORE_AVAILABLE));
        assert!(e.insert_empty(place, air_sync::MORE_AVAILABLE));
        e.end();
    });
    assert_eq!(written, expected);
}

#[test]
fn an_end_too_many_is_ignored() {
    let written = body(|e| {
        e.end();
        e.empty(air_sync::SYNC);
        e.end();
    });
    assert_eq!(written, [0x05]);
}
