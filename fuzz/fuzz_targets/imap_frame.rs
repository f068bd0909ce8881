//! Any bytes as what a client sends: lines and literals become commands within the limit, and after a refusal the next command is found again.
#![no_main]

use fieldpost_imap::codec::{
    frame::{Frame, Framer, literal_spec},
    request::{AppendNext, Mode, append, parse},
};

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// The next line without its end, as a connection reads it.
    fn line(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.0)?;
        let (line, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn octets(&mut self, count: u64) -> &'a [u8] {
        let count = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(self.0.len());
        let (octets, rest) = self.0.split_at(count);
        self.0 = rest;
        octets
    }

    /// Throws away a literal and what is left of its command.
    fn skip(&mut self, mut octets: u64) {
        while octets > 0 {
            self.octets(octets);
            let Some(line) = self.line() else { return };
            octets = match literal_spec(line) {
                Some(literal) if literal.non_sync => literal.size,
                _ => 0,
            };
        }
    }
}

fn converse(input: &[u8], limit: usize, mode: Mode) {
    let mut input = Input(input);
    let mut framer = Framer::new(limit);
    while let Some(line) = input.line() {
        match framer.line(line, mode) {
            Frame::Command(command) => {
                assert!(command.len() <= limit && framer.is_empty());
                drop(parse(&command, mode));
            }
            Frame::Literal { size, wait: _ } => {
                assert!(size == framer.wanted() && size <= limit && !framer.is_empty());
                // In two pieces, as the network may cut them.
                framer.literal(input.octets(size as u64 / 2));
                let wanted = framer.wanted() as u64;
                framer.literal(input.octets(wanted));
                if framer.wanted() > 0 {
                    return;
                }
            }
            Frame::Message(Err(_)) => {
                assert!(framer.is_empty());
                if let Some(literal) = literal_spec(line)
                    && literal.non_sync
                {
                    input.skip(literal.size);
                }
            }
            Frame::Message(Ok(head)) => {
                assert!(framer.is_empty());
                let mut message = head.message;
                loop {
                    let literal = message.literal.expect("a head announces a literal");
                    input.octets(literal.size);
                    let Some(line) = input.line() else { return };
                    match append::next(&head.tag, line, literal_spec(line), message.utf8) {
                        Ok(AppendNext::Message(next)) => message = next,
                        Ok(AppendNext::End) | Err(_) => break,
                    }
                }
            }
            Frame::Refused { skip, .. } => {
                assert!(framer.is_empty());
                input.skip(skip);
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [limit, utf8, input @ ..] = input else {
        return;
    };
    let mode = Mode {
        utf8: utf8 % 2 == 1,
    };
    converse(input, usize::from(*limit) * 4, mode);
});
