//! Tests of the decoder; the hostile documents first.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Element;

const HEADER: [u8; 4] = [0x03, 0x01, 0x6A, 0x00];

fn document(body: &[u8]) -> Vec<u8> {
    [&HEADER, body].concat()
}

fn parse(body: &[u8]) -> Result<String, Error> {
    Element::parse(&document(body), Limits::default()).map(|element| element.to_xml(|_| false))
}

fn tokens(input: &[u8], limits: Limits) -> Result<usize, Error> {
    let mut decoder = Decoder::new(input, limits)?;
    let mut count = 0;
    while decoder.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Fault 32: an element within an element, 100,000 times.
#[test]
fn fault_32_depth_of_100_000() {
    let mut body = vec![0x45; 100_000];
    assert_eq!(parse(&body), Err(Error::DepthLimit(4 + 64)));
    body.extend(vec![0x01; 100_000]);
    assert_eq!(parse(&body), Err(Error::DepthLimit(4 + 64)));
    // Whoever asks for more does not get it: the tree has to be dropped.
    let limits = Limits {
        depth: usize::MAX,
        ..Limits::default()
    };
    assert_eq!(
        Element::parse(&document(&body), limits),
        Err(Error::DepthLimit(4 + Limits::DEEPEST))
    );
    let deepest = [vec![0x45; 63], vec![0x05], vec![0x01; 63]].concat();
    assert!(parse(&deepest).is_ok());
}

/// Fault 33: a string table longer than the document, and references into one.
#[test]
fn fault_33_string_table() {
    for length in [&[0x7F][..], &[0x8F, 0xFF, 0xFF, 0xFF, 0x7F]] {
        let input = [&[0x03, 0x01, 0x6A], length, b"abc\0", &[0x05]].concat();
        assert!(matches!(
            Decoder::new(&input, Limits::default()).map(drop),
            Err(Error::StringTable(_))
        ));
    }
    // One that fits is skipped.
    let input = b"\x03\x01\x6A\x04abc\0\x05";
    assert_eq!(tokens(input, Limits::default()), Ok(2));
    // Past the end, inside a character, or right: references are not used.
    for offset in [0x00, 0x02, 0x7F] {
        let input = [b"\x03\x01\x6A\x05a\xC3\xA4b\0\x45\x83", &[offset, 0x01][..]].concat();
        assert_eq!(
            tokens(&input, Limits::default()),
            Err(Error::StringTableReference(10))
        );
    }
}

/// Fault 34: a multi-byte integer without an end, wherever one stands.
#[test]
fn fault_34_integer_without_end() {
    let endless = [0xFF; 32];
    for (prefix, offset) in [
        (&[0x03][..], 1),
        (&[0x03, 0x00], 2),
        (&[0x03, 0x01], 2),
        (&[0x03, 0x01, 0x6A], 3),
        (&[0x03, 0x01, 0x6A, 0x00, 0x45, 0xC3], 6),
    ] {
        let input = [prefix, &endless].concat();
        assert_eq!(
            tokens(&input, Limits::default()),
            Err(Error::Integer(offset))
        );
        let cut = [prefix, &endless[..3]].concat();
        assert_eq!(
            tokens(&cut, Limits::default()),
            Err(Error::Truncated(cut.len()))
        );
    }
}

/// Fault 35: opaque data of 2^32 bytes, of one less, and of one more than there are.
#[test]
fn fault_35_opaque_of_4_gib() {
    assert_eq!(
        parse(&[0x45, 0xC3, 0x90, 0x80, 0x80, 0x80, 0x00, 0x01]),
        Err(Error::Integer(6))
    );
    assert_eq!(
        parse(&[0x45, 0xC3, 0x8F, 0xFF, 0xFF, 0xFF, 0x7F, 0x01]),
        Err(Error::OpaqueLimit(5))
    );
    assert_eq!(
        parse(&[0x45, 0xC3, 0x03, 0x01, 0x01]),
        Err(Error::Truncated(9))
    );
    let unlimited = Limits {
        opaque: usize::MAX,
        ..Limits::default()
    };
    let input = document(&[0x45, 0xC3, 0x8F, 0xFF, 0xFF, 0xFF, 0x7F, 0x01]);
    assert_eq!(tokens(&input, unlimited), Err(Error::Truncated(12)));
}

/// Fault 36: pages and tokens that no table has are read by number; entities, processing instructions, literals, extensions and attributes
/// are refused (MS-ASWBXML_R656).
#[test]
fn fault_36_unknown_page_token_and_global_tokens() {
    assert_eq!(
        parse(&[0x00, 0xFF, 0x7F, 0x00, 0x07, 0x3F, 0x01]).unwrap(),
        "<p255:x3F><p7:x3F/></p255:x3F>"
    );
    for token in [
        0x02, 0x04, 0x40, 0x41, 0x42, 0x43, 0x44, 0x80, 0x81, 0x82, 0x84, 0xC0, 0xC1, 0xC2, 0xC4,
    ] {
        for (body, offset) in [(&[token, 0x01, 0x01][..], 4), (&[0x45, token, 0x01], 5)] {
            assert_eq!(parse(body), Err(Error::Unsupported { token, offset }));
        }
    }
    for tag in [0x85, 0xC5, 0xFF] {
        assert_eq!(parse(&[tag, 0x01]), Err(Error::Attributes(4)));
    }
}

#[test]
fn nothing_stands_outside_the_root() {
    assert_eq!(parse(&[0x01]), Err(Error::OutsideRoot(4)));
    assert_eq!(parse(&[0x03, 0x00, 0x05]), Err(Error::OutsideRoot(4)));
    assert_eq!(parse(&[0xC3, 0x00, 0x05]), Err(Error::OutsideRoot(4)));
}

#[test]
fn what_ends_too_early_is_refused_at_every_byte() {
    let input = document(&[
        0x45, 0x4B, 0x03, b'1', 0x00, 0x01, 0x00, 0x02, 0x50, 0xC3, 0x02, 1, 2, 0x01, 0x01,
    ]);
    assert!(tokens(&input, Limits::default()).is_ok());
    for length in 0..input.len() {
        assert!(
            matches!(
                tokens(&input[..length], Limits::default()),
                Err(Error::Truncated(_))
            ),
            "{length}"
        );
    }
}

#[test]
fn the_header_is_taken_leniently() {
    for header in [
        &[0x03, 0x01, 0x6A, 0x00][..],
        &[0x01, 0x01, 0x6A, 0x00],
        &[0x02, 0x01, 0x6A, 0x00],
        &[0x03, 0x01, 0x00, 0x00],
        // A public identifier in the string table.
        &[0x03, 0x00, 0x00, 0x6A, 0x02, b'x', 0x00],
        // 0x9F51: a public identifier of several bytes.
        &[0x03, 0xBE, 0x51, 0x6A, 0x00],
        // UTF-8's number with a needless zero in front.
        &[0x03, 0x01, 0x80, 0x6A, 0x00],
    ] {
        let input = [header, &[0x05]].concat();
        assert_eq!(tokens(&input, Limits::default()), Ok(2), "{header:?}");
    }
    for version in [0x00, 0x04, 0x3C, 0xFF] {
        assert_eq!(
            tokens(&[version, 0x01, 0x6A, 0x00, 0x05], Limits::default()),
            Err(Error::WbxmlVersion(version))
        );
    }
    assert_eq!(
        tokens(&[0x03, 0x01, 0x04, 0x00, 0x05], Limits::default()),
        Err(Error::Charset(4))
    );
}

#[test]
fn a_page_lasts_beyond_the_element_it_was_switched_in() {
    assert_eq!(
        parse(&[0x45, 0x00, 0x02, 0x54, 0x01, 0x05, 0x01]).unwrap(),
        "<airsync:Sync><email:Subject/><email:Attachment/></airsync:Sync>"
    );
}

#[test]
fn an_empty_element_with_its_end_is_like_one_without() {
    assert_eq!(parse(&[0x45, 0x4B, 0x01, 0x01]), parse(&[0x45, 0x0B, 0x01]));
}

/// Quirk A9: a broken subject must not stop a mailbox.
#[test]
fn a_string_that_is_not_utf_8_is_kept_as_it_is() {
    let body = [0x45, 0x03, b'a', 0xC3, 0x28, 0xED, 0xA0, 0x80, 0x00, 0x01];
    let input = document(&body);
    let mut decoder = Decoder::new(&input, Limits::default()).unwrap();
    assert!(matches!(decoder.next(), Ok(Some(Token::Start(_)))));
    let octets = &[b'a', 0xC3, 0x28, 0xED, 0xA0, 0x80][..];
    assert_eq!(decoder.next(), Ok(Some(Token::Opaque(octets))));
    let element = Element::parse(&input, Limits::default()).unwrap();
    assert_eq!(element.text(), "a\u{FFFD}(\u{FFFD}\u{FFFD}\u{FFFD}");
    assert_eq!(*element.bytes(), *octets);
}

#[test]
fn bytes_behind_the_root_are_counted_and_ignored() {
    let input = document(&[0x45, 0x01, 0x00, 0x00, 0x01, 0xFF]);
    let mut decoder = Decoder::new(&input, Limits::default()).unwrap();
    while decoder.next().unwrap().is_some() {}
    assert_eq!(decoder.trailing(), 4);
    assert_eq!(decoder.next(), Ok(None));
    assert_eq!(parse(&[0x05, 0x05]).unwrap(), "<airsync:Sync/>");
}

#[test]
fn limits_are_errors_and_what_just_fits_is_none() {
    let input = document(&[
        0x45, 0x03, b'a', b'b', b'c', 0x00, 0xC3, 0x02, 1, 2, 0x05, 0x01,
    ]);
    let exact = Limits {
        document: input.len(),
        depth: 2,
        string: 3,
        opaque: 2,
        elements: 4,
    };
    assert_eq!(tokens(&input, exact), Ok(6));
    for (limits, error) in [
        (
            Limits {
                document: input.len() - 1,
                ..exact
            },
            Error::DocumentLimit(input.len()),
        ),
        (Limits { depth: 1, ..exact }, Error::DepthLimit(14)),
        (Limits { string: 2, ..exact }, Error::StringLimit(5)),
        (Limits { opaque: 1, ..exact }, Error::OpaqueLimit(10)),
        (
            Limits {
                elements: 3,
                ..exact
            },
            Error::ElementLimit(14),
        ),
    ] {
        assert_eq!(tokens(&input, limits), Err(error));
    }
    // A flood of strings takes no more memory than one of elements.
    let flood = [&[0x45][..], &[0x03, b'a', 0x00].repeat(5)].concat();
    let limits = Limits {
        elements: 3,
        ..Limits::default()
    };
    assert_eq!(
        tokens(&document(&flood), limits),
        Err(Error::ElementLimit(11))
    );
}
