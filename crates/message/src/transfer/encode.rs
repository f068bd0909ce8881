//! The other direction: bytes into base64 or quoted-printable, as they stream.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// An encoding whose output fits through any transport: ASCII, lines of at most 76 characters (RFC 2045 §6.7, §6.8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SevenBit {
    /// RFC 2045 §6.8.
    Base64,
    /// RFC 2045 §6.7.
    QuotedPrintable,
}

impl SevenBit {
    /// Its name in Content-Transfer-Encoding.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::QuotedPrintable => "quoted-printable",
        }
    }
}

/// Encodes a body piece by piece: the same output wherever the input is cut.
///
/// No line of the output begins with a hyphen, so that none can be taken for a delimiter, whatever the boundaries around it
/// (RFC 2046 §5.1.1). The last line has no line end of its own: between parts that belongs to the delimiter.
#[derive(Clone, Debug)]
pub struct Encoder(State);

#[derive(Clone, Debug)]
enum State {
    Base64(Base64),
    QuotedPrintable(QuotedPrintable),
}

impl Encoder {
    /// An encoder for one body.
    pub fn new(encoding: SevenBit) -> Self {
        Self(match encoding {
            SevenBit::Base64 => State::Base64(Base64::default()),
            SevenBit::QuotedPrintable => State::QuotedPrintable(QuotedPrintable::default()),
        })
    }

    /// Encodes `input` and appends to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Base64(encoder) => encoder.push(input, out),
            State::QuotedPrintable(encoder) => encoder.push(input, out),
        }
    }

    /// Appends what was held back.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.0 {
            State::Base64(mut encoder) => encoder.line(out),
            State::QuotedPrintable(encoder) => encoder.finish(out),
        }
    }
}

/// How long `size` bytes are in base64, line ends included.
pub fn base64_size(size: u64) -> u64 {
    size.div_ceil(3) * 4 + size.saturating_sub(1) / LINE as u64 * 2
}

#[derive(Clone, Debug, Default)]
struct Base64 {
    /// The line in the making, less than [`LINE`] bytes.
    held: Vec<u8>,
    /// Whether a line went before.
    follows: bool,
}

impl Base64 {
    fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            let room = LINE - self.held.len();
            let (piece, rest) = input.split_at(input.len().min(room));
            self.held.extend_from_slice(piece);
            input = rest;
            if self.held.len() == LINE {
                self.line(out);
            }
        }
    }

    fn line(&mut self, out: &mut Vec<u8>) {
        if self.held.is_empty() {
            return;
        }
        if std::mem::replace(&mut self.follows, true) {
            out.extend_from_slice(b"\r\n");
        }
        let start = out.len();
        out.resize(start + self.held.len().div_ceil(3) * 4, 0);
        // The room is what it takes.
        let written = STANDARD.encode_slice(&self.held, &mut out[start..]);
        out.truncate(start + written.unwrap_or(0));
        self.held.clear();
    }
}

#[derive(Clone, Debug, Default)]
struct QuotedPrintable {
    /// Characters on the line so far.
    column: usize,
    /// A blank that may stand at the line's end, where it must be encoded.
    blank: Option<u8>,
    /// A CR that may be half a line end.
    carriage_return: bool,
}

impl QuotedPrintable {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        for byte in input {
            self.byte(*byte, out);
        }
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.carriage_return) {
            if byte == b'\n' {
                if let Some(blank) = self.blank.take() {
                    self.escaped(blank, out);
                }
                out.extend_from_slice(b"\r\n");
                self.column = 0;
                return;
            }
            self.release_blank(out);
            self.escaped(b'\r', out);
        }
        match byte {
            b'\r' => self.carriage_return = true,
            b' ' | b'\t' => {
                self.release_blank(out);
                self.blank = Some(byte);
            }
            b'-' => {
                self.release_blank(out);
                if self.column == 0 || self.column >= COLUMNS {
                    self.escaped(byte, out);
                } else {
                    self.plain(byte, out);
                }
            }
            b'!'..=b'<' | b'>'..=b'~' => {
                self.release_blank(out);
                self.plain(byte, out);
            }
            _ => {
                self.release_blank(out);
                self.escaped(byte, out);
            }
        }
    }

    fn finish(mut self, out: &mut Vec<u8>) {
        if self.carriage_return {
            self.release_blank(out);
            self.escaped(b'\r', out);
        }
        if let Some(blank) = self.blank.take() {
            self.escaped(blank, out);
        }
    }

    fn release_blank(&mut self, out: &mut Vec<u8>) {
        if let Some(blank) = self.blank.take() {
            self.plain(blank, out);
        }
    }

    fn plain(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.make_room(1, out);
        out.push(byte);
    }

    fn escaped(&mut self, byte: u8, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        self.make_room(3, out);
        out.extend_from_slice(&[
            b'=',
            HEX[usize::from(byte >> 4)],
            HEX[usize::from(byte & 15)],
        ]);
    }

    /// Breaks the line softly if `size` more characters would leave no room for that.
    fn make_room(&mut self, size: usize, out: &mut Vec<u8>) {
        if self.column + size > COLUMNS {
            out.extend_from_slice(b"=\r\n");
            self.column = 0;
        }
        self.column += size;
    }
}

/// Bytes on a line of base64, 76 characters.
const LINE: usize = 57;

/// Characters on a line of quoted-printable, the `=` of a soft line break left out.
const COLUMNS: usize = 75;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transfer::{Encoding, decode};

    fn encode(encoding: SevenBit, pieces: &[&[u8]]) -> Vec<u8> {
        let mut encoder = Encoder::new(encoding);
        let mut out = Vec::new();
        for piece in pieces {
            encoder.push(piece, &mut out);
        }
        encoder.finish(&mut out);
        out
    }

    #[test]
    fn quoted_printable_as_the_rfc_has_it() {
        for (input, expected) in [
            (&b"a=b\r\n"[..], &b"a=3Db\r\n"[..]),
            (b"end \r\n\t\r\nx ", b"end=20\r\n=09\r\nx=20"),
            (b"gr\xc3\xbcn\r\n", b"gr=C3=BCn\r\n"),
            (b"--b\r\na-b", b"=2D-b\r\na-b"),
            (b"\n\r \rx\0", b"=0A=0D =0Dx=00"),
            (b"", b""),
        ] {
            assert_eq!(encode(SevenBit::QuotedPrintable, &[input]), expected);
        }
        let long = encode(SevenBit::QuotedPrintable, &[&[b'-'; 200]]);
        for line in long.split(|byte| *byte == b'\n') {
            assert!(line.len() <= 77 && !line.starts_with(b"-"), "{line:?}");
        }
    }

    proptest! {
        /// Whoever decodes it has the bytes back, however they were cut; and it fits through anything.
        #[test]
        fn what_is_encoded_is_decoded_again(
            body in proptest::collection::vec(
                prop_oneof![proptest::sample::select(&b" \t\r\n=-aZ.\xfc\0"[..]), any::<u8>()], 0..400),
            cut in 0usize..400,
        ) {
            let cut = cut.min(body.len());
            for (encoding, undo) in [
                (SevenBit::Base64, Encoding::Base64),
                (SevenBit::QuotedPrintable, Encoding::QuotedPrintable),
            ] {
                let encoded = encode(encoding, &[&body[..cut], &body[cut..]]);
                prop_assert_eq!(&encoded, &encode(encoding, &[&body]));
                prop_assert!(encoded.is_ascii());
                for line in encoded.split(|byte| *byte == b'\n') {
                    prop_assert!(line.len() <= 77 && !line.starts_with(b"-"));
                }
                prop_assert_eq!(decode(undo, &encoded), body.clone());
                if encoding == SevenBit::Base64 {
                    prop_assert_eq!(encoded.len() as u64, base64_size(body.len() as u64));
                }
            }
        }
    }
}
