//! Content-Transfer-Encoding (RFC 2045 §6): streaming decoders that make the most of damaged input, and streaming encoders.

mod encode;

pub use encode::{Encoder, SevenBit, base64_size};

/// A transfer encoding that can be undone. Everything else is read as it stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Encoding {
    /// 7bit, 8bit, binary, and names nobody knows.
    #[default]
    Identity,
    /// RFC 2045 §6.8.
    Base64,
    /// RFC 2045 §6.7.
    QuotedPrintable,
}

impl Encoding {
    /// The encoding of that name, in any case.
    pub fn named(name: &str) -> Self {
        let name = name.trim();
        if name.eq_ignore_ascii_case("base64") {
            Self::Base64
        } else if name.eq_ignore_ascii_case("quoted-printable") {
            Self::QuotedPrintable
        } else {
            Self::Identity
        }
    }
}

/// Undoes an encoding piece by piece: the same output wherever the input is cut.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    encoding: Encoding,
    /// Base64: bits of an unfinished group. Quoted-printable: bytes held back until it is known what they are.
    bits: u32,
    count: u8,
    held: Vec<u8>,
}

impl Decoder {
    /// A decoder for one body.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            ..Self::default()
        }
    }

    /// Decodes `input` and appends to `out`: never more bytes than came in, this and earlier pieces together.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity => out.extend_from_slice(input),
            Encoding::Base64 => self.base64(input, out),
            Encoding::QuotedPrintable => self.quoted_printable(input, out),
        }
    }

    /// Appends what was held back for input that never came.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity => {}
            Encoding::Base64 => self.flush_base64(out),
            Encoding::QuotedPrintable => {
                let held = std::mem::take(&mut self.held);
                // White space at the end of the body is transport padding; so is a soft break.
                if held.first() == Some(&b'=') && !held[1..].iter().all(u8::is_ascii_whitespace) {
                    out.extend_from_slice(&held);
                }
            }
        }
    }

    /// Characters outside the alphabet are skipped (RFC 2045 §6.8). Padding ends a group, not the body: some programs
    /// write several encoded pieces one after another.
    fn base64(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut input = input;
        while let Some((&byte, rest)) = input.split_first() {
            // Whole groups of four, the usual case, without the state.
            if self.count == 0
                && let Some(group) = input.first_chunk::<4>()
            {
                let values = group.map(|byte| VALUES[usize::from(byte)]);
                if values.iter().all(|value| *value < 64) {
                    let bits = values
                        .iter()
                        .fold(0u32, |bits, value| bits << 6 | u32::from(*value));
                    out.extend_from_slice(&bits.to_be_bytes()[1..]);
                    input = &input[4..];
                    continue;
                }
            }
            input = rest;
            match VALUES[usize::from(byte)] {
                value @ 0..64 => {
                    self.bits = self.bits << 6 | u32::from(value);
                    self.count += 1;
                    if self.count == 4 {
                        out.extend_from_slice(&self.bits.to_be_bytes()[1..]);
                        self.bits = 0;
                        self.count = 0;
                    }
                }
                PADDING => self.flush_base64(out),
                _ => {}
            }
        }
    }

    /// The bytes of an unfinished group: two characters make one, three make two.
    fn flush_base64(&mut self, out: &mut Vec<u8>) {
        match self.count {
            2 => out.push((self.bits >> 4) as u8),
            3 => out.extend_from_slice(&[(self.bits >> 10) as u8, (self.bits >> 2) as u8]),
            _ => {}
        }
        self.bits = 0;
        self.count = 0;
    }

    fn quoted_printable(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut input = input;
        while let Some((&byte, rest)) = input.split_first() {
            if self.held.is_empty() {
                let plain = input
                    .iter()
                    .position(|byte| matches!(byte, b'=' | b' ' | b'\t' | b'\r'))
                    .unwrap_or(input.len());
                if plain > 0 {
                    out.extend_from_slice(&input[..plain]);
                    input = &input[plain..];
                    continue;
                }
                self.held.push(byte);
                input = rest;
            } else if self.held[0] == b'=' {
                input = if self.escape(byte, out) { rest } else { input };
            } else if matches!(byte, b' ' | b'\t' | b'\r') && self.held.len() < MAX_HELD {
                self.held.push(byte);
                input = rest;
            } else {
                // White space before a line end is padding, elsewhere it is text (RFC 2045 §6.7 rule 3).
                if byte == b'\n' {
                    if self.held.last() == Some(&b'\r') {
                        out.push(b'\r');
                    }
                } else {
                    out.append(&mut self.held);
                }
                self.held.clear();
            }
        }
    }

    /// A byte after `=`; false when it is to be looked at again.
    fn escape(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        let soft = self.held.len() > 1 && !self.held[1].is_ascii_hexdigit();
        match (self.held.len(), hex(byte)) {
            (1, Some(_)) => self.held.push(byte),
            (2, Some(low)) if !soft => {
                let high = hex(self.held[1]).unwrap_or(0);
                out.push(high << 4 | low);
                self.held.clear();
            }
            _ if byte == b'\n' && (soft || self.held.len() == 1) => self.held.clear(),
            _ if matches!(byte, b' ' | b'\t' | b'\r')
                && (soft || self.held.len() == 1)
                && self.held.len() < MAX_HELD =>
            {
                self.held.push(byte);
            }
            _ => {
                // Not an escape after all: the text as it stands.
                out.append(&mut self.held);
                return false;
            }
        }
        true
    }
}

/// Decodes the whole of `input`.
pub fn decode(encoding: Encoding, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    let mut decoder = Decoder::new(encoding);
    decoder.push(input, &mut out);
    decoder.finish(&mut out);
    out
}

pub(crate) fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

const MAX_HELD: usize = 1024;
const PADDING: u8 = 64;
const SKIP: u8 = 65;

/// Base64 value of each byte.
const VALUES: [u8; 256] = {
    let mut table = [SKIP; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut index = 0;
    while index < 64 {
        table[alphabet[index] as usize] = index as u8;
        index += 1;
    }
    table[b'=' as usize] = PADDING;
    table
};

#[cfg(test)]
mod tests;
