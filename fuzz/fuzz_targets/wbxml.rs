//! Any bytes as WBXML: they are refused, or what they say is encoded and decoded to the same, and every command's tree can be held against it.
#![no_main]

use fieldpost_wbxml::{
    Command, Decoder, Element, Limits, Token, Version,
    schema::{self, Direction, Mode},
};

/// Small, so that the fuzzer finds their edges.
const LIMITS: Limits = Limits {
    document: 4096,
    depth: 16,
    string: 1024,
    opaque: 1024,
    elements: 256,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut depth = 0_usize;
    if let Ok(mut decoder) = Decoder::new(bytes, LIMITS) {
        while let Ok(Some(token)) = decoder.next() {
            match token {
                Token::Start(_) => depth += 1,
                Token::End => depth -= 1,
                Token::Text(_) | Token::Opaque(_) => assert!(depth > 0),
            }
            assert!(depth <= LIMITS.depth);
        }
        assert!(decoder.position() + decoder.trailing() == bytes.len());
    }
    // Whatever stands in an inline string comes out of it.
    if !bytes.contains(&0) {
        let document = [&b"\x03\x01\x6A\x00\x45\x03"[..], bytes, b"\x00\x01"].concat();
        let element = Element::parse(&document, Limits::default()).expect("a string");
        assert_eq!(*element.bytes(), *bytes);
    }
    let Ok(element) = Element::parse(bytes, LIMITS) else {
        return;
    };
    assert_eq!(depth, 0);
    let encoded = element.to_wbxml();
    let again = Element::parse(&encoded, Limits::default()).expect("what is encoded is decoded");
    assert_eq!(again.to_wbxml(), encoded);
    let legal = !element.to_xml(|_| false).contains("&#x");
    assert!(!legal || again == element);

    drop(again.to_xml(|tag| tag.token() % 2 == 0));
    for command in Command::ALL {
        for direction in [Direction::Request, Direction::Response] {
            for mode in [Mode::Strict, Mode::Lenient] {
                let _ = schema::validate_in(mode, &again, command, direction, Version::V16_1);
            }
        }
    }
});
