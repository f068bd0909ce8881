//! Header fields, encoded words, parameters and dates: anything may stand in them, and nothing they hold breaks a line.
#![no_main]

use fieldpost_message::{compose, date, encoded_word, header, parameter, subject};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut length = 0;
    for field in header::fields(bytes) {
        length += field.raw.len();
        let decoded = field.decoded();
        assert!(!decoded.contains(['\r', '\n', '\0']));
        let written = compose::field("X", &decoded);
        assert_eq!(header::fields(written.as_bytes()).count(), 1);
    }
    assert!(length <= bytes.len());
    let (_, params) = parameter::parse(bytes, 16);
    assert!(params.len() <= 16);
    for param in params {
        let _ = parameter::decode_extended(&param.value);
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = date::parse(&text);
    let decoded = encoded_word::decode(&text);
    let base = subject::base_subject(&decoded);
    assert!(base.text.len() <= decoded.len());
});
