//! Any lines of a server: a reply or an error, never a panic, bounded, and what it says can't break a notice's header.
#![no_main]

use fieldpost_smtp::client::ReplyParser;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parser = ReplyParser::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        match parser.line(line) {
            Ok(None) => {}
            Ok(Some(reply)) => {
                assert!((200..600).contains(&reply.code) && reply.lines.len() <= 100);
                let refusal = reply.refusal("mx.test");
                assert!((400..600).contains(&refusal.code));
                assert_eq!(u16::from(refusal.status.0), refusal.code / 100);
                assert!(refusal.text.len() < 1200);
                assert!(!refusal.text.chars().any(char::is_control));
            }
            Err(_) => return,
        }
    }
});
