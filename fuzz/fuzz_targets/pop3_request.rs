//! Any line as a POP3 command: it is a request or it is refused, and neither says a secret.
#![no_main]

use fieldpost_pop3::codec::Request;

libfuzzer_sys::fuzz_target!(|line: &[u8]| {
    match Request::parse(line) {
        Ok(request) => {
            let keyword = request.keyword().as_bytes();
            let sent = line.trim_ascii_start();
            assert!(
                sent.len() >= keyword.len() && sent[..keyword.len()].eq_ignore_ascii_case(keyword)
            );
            drop(format!("{request:?}"));
        }
        Err(error) => drop(error.to_string()),
    }
});
