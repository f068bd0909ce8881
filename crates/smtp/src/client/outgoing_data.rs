//! A message into the bytes of DATA (RFC 5321 §4.5.2): dots doubled, line ends made good, the end marked.
//!
//! A lone CR or LF never leaves us (RFC 5321 §2.3.8): what a careless server behind us would take for a line end, and a
//! dot behind it for the message's end, can't be said by anybody's message (SMTP smuggling). They become what they become on
//! the way in ([`super::super::codec::data`]).

use bytes::{BufMut, Bytes, BytesMut};

use crate::codec::data::{Decoder, Framing};

/// Encodes a message that comes in chunks, cut anywhere.
#[derive(Debug)]
pub struct DataEncoder {
    line_ends: Decoder,
    /// The last bytes out, as far as they matter.
    after: After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    LineStart,
    Cr,
    Text,
}

impl DataEncoder {
    /// At the start of a message.
    pub fn new() -> Self {
        Self {
            line_ends: Decoder::new(Framing::Counted),
            after: After::LineStart,
        }
    }

    /// The next bytes on the wire.
    pub fn push(&mut self, chunk: &Bytes, out: &mut BytesMut) {
        let piece = self.line_ends.decode(chunk).piece.of(chunk);
        self.stuff(&piece, out);
    }

    /// The last bytes: the message's last line ended, and the dot.
    pub fn finish(mut self, out: &mut BytesMut) {
        let held_back = self.line_ends.finish();
        self.stuff(held_back, out);
        if self.after != After::LineStart {
            out.put_slice(b"\r\n");
        }
        out.put_slice(b".\r\n");
    }

    /// Doubles dots at the start of lines. All line ends are CRLF here.
    fn stuff(&mut self, mut bytes: &[u8], out: &mut BytesMut) {
        out.reserve(bytes.len() + 16);
        while let Some(first) = bytes.first() {
            if self.after == After::LineStart && *first == b'.' {
                out.put_u8(b'.');
            }
            if self.after == After::Cr && *first == b'\n' {
                out.put_u8(b'\n');
                bytes = &bytes[1..];
                self.after = After::LineStart;
                continue;
            }
            match memchr::memchr(b'\n', bytes) {
                Some(end) => {
                    out.put_slice(&bytes[..=end]);
                    bytes = &bytes[end + 1..];
                    self.after = After::LineStart;
                }
                None => {
                    out.put_slice(bytes);
                    self.after = if bytes.ends_with(b"\r") {
                        After::Cr
                    } else {
                        After::Text
                    };
                    return;
                }
            }
        }
    }
}

impl Default for DataEncoder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(pieces: &[&[u8]]) -> Vec<u8> {
        let mut encoder = DataEncoder::new();
        let mut out = BytesMut::new();
        for piece in pieces {
            encoder.push(&Bytes::copy_from_slice(piece), &mut out);
        }
        encoder.finish(&mut out);
        out.to_vec()
    }

    #[test]
    fn dots_are_doubled_and_the_end_is_marked() {
        assert_eq!(encode(&[b""]), b".\r\n");
        assert_eq!(encode(&[b"a\r\n.b\r\n"]), b"a\r\n..b\r\n.\r\n");
        assert_eq!(encode(&[b".", b".\r", b"\n.\r\n"]), b"...\r\n..\r\n.\r\n");
        assert_eq!(encode(&[b"no end"]), b"no end\r\n.\r\n");
    }

    /// Fault 31, on the way out: no line end but CRLF leaves us.
    #[test]
    fn smuggled_line_ends_end_no_message() {
        for end in [
            "\n.\n",
            "\r.\r",
            "\n.\r\n",
            "\r\n.\n",
            "\r.\r\n",
            "\r\n.\r",
            "\r\n.\r\n",
        ] {
            let message = format!("a{end}MAIL FROM:<evil@x.test>\r\n");
            let sent = encode(&[message.as_bytes()]);
            let ends = sent.windows(5).filter(|five| five == b"\r\n.\r\n").count();
            assert_eq!(ends, 1, "{end:?}: {}", String::from_utf8_lossy(&sent));
            assert!(sent.ends_with(b"\r\n.\r\n"));
        }
    }

    proptest! {
        /// Whoever decodes it has the message back, its line ends made good, however it was cut.
        #[test]
        fn what_is_encoded_is_decoded_again(
            message in proptest::collection::vec(proptest::sample::select(&b"ab.\r\n"[..]), 0..60),
            cut in 0usize..60,
        ) {
            let cut = cut.min(message.len());
            let sent = encode(&[&message[..cut], &message[cut..]]);
            prop_assert!(!sent.windows(2).any(|two| two[1] == b'\n' && two[0] != b'\r'));
            let mut decoder = Decoder::new(Framing::Dot);
            let decoded = decoder.decode(&sent);
            prop_assert!(decoded.ended);
            prop_assert_eq!(decoded.consumed, sent.len());
            prop_assert!(!decoder.met_stray());
            let got = decoded.piece.of(&Bytes::from(sent));
            let mut plain = Decoder::new(Framing::Counted);
            let whole = Bytes::from(message);
            let mut expected = plain.decode(&whole).piece.of(&whole).to_vec();
            expected.extend_from_slice(plain.finish());
            if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                expected.extend_from_slice(b"\r\n");
            }
            prop_assert_eq!(&got[..], &expected[..]);
        }
    }
}
