//! Whole ActiveSync conversations of one device: every command with any document, in any order. The server answers each
//! request with a document that parses or with an HTTP status that says something, and touches nobody else's mailbox.
//!
//! Input: requests one after the other: a byte for the command, two for the length of the document, the document. `@K` in a
//! document stands for the sync key that was last answered.
#![no_main]

mod activesync;

use std::sync::OnceLock;

use fieldpost_wbxml::Command;

use crate::activesync::{Office, key_in, sends, with};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static OFFICE: OnceLock<Office> = OnceLock::new();
    let office = OFFICE.get_or_init(Office::open);
    office.runtime.block_on(converse(office, input));
});

async fn converse(office: &Office, mut input: &[u8]) {
    let before = office.of_bob().await;
    let mut key = String::from("0");
    let mut has_sent = false;
    for _ in 0..16 {
        let [code, high, low, rest @ ..] = input else {
            break;
        };
        let length = (usize::from(*high) << 8 | usize::from(*low)).min(rest.len());
        let (document, rest) = rest.split_at(length);
        input = rest;
        let command = Command::ALL[usize::from(*code) % Command::ALL.len()];
        has_sent |= sends(command);
        let version = ["14.1", "14.0", "12.1"][usize::from(*code) / Command::ALL.len() % 3];
        let document = with(document, "@K", &key);
        let xml = office.ask(command, version, document).await;
        if let Some(new) = xml.as_deref().and_then(key_in) {
            key = new.to_owned();
        }
    }
    if !has_sent {
        assert_eq!(office.of_bob().await, before);
    }
}
