//! Any bytes as an IMAP command: read or refused, in either mode; a refusal fits on one line, and no password is shown.
#![no_main]

use fieldpost_imap::codec::request::{Command, Mode, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for utf8 in [false, true] {
        let tag = match parse(bytes, Mode { utf8 }) {
            Ok(request) => {
                let shown = format!("{:?}", request.command);
                if let Command::Login { .. } = request.command {
                    assert!(shown.contains("REDACTED"));
                }
                Some(request.tag)
            }
            Err(bad) => {
                let said = bad.problem.to_string();
                assert!(said.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && said.len() < 200);
                bad.tag
            }
        };
        if let Some(tag) = tag {
            let tag = tag.to_string();
            assert!(bytes.starts_with(tag.as_bytes()) && (1..=64).contains(&tag.len()));
        }
    }
});
