//! Any bytes as an mbox file: a mail stream comes of it that reads to its end.
#![no_main]

use std::io::{Cursor, Read};

use fieldpost_server::{command::import::mbox, mail_stream::Parser};

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let mut stream = Vec::new();
    if mbox::stream(Cursor::new(file.to_vec())).read_to_end(&mut stream).is_ok() {
        let mut parser = Parser::default();
        parser.push(&stream);
        while parser.step().expect("what we write, we read").is_some() {}
        parser.finish().expect("it ends between two items");
    }
});
