//! A message to the multi-line form of RFC 1939 §3: a dot at the start of a line is doubled, a line with one dot ends it.
//!
//! **What counts as a line.** The octets of a message are sent as they were stored, a bare LF or CR among them included: `LIST` promised
//! their number. But a dot is doubled after *any* LF, not only after CRLF. Most clients (Python's poplib, fetchmail,
//! Thunderbird) end their lines at the LF alone, so that a message with LF, dot, CRLF inside would end there for them, and what follows would
//! be read as the server's next reply, in words that the sender of the mail chose. A client that insists on CRLF sees one dot too many in such a mail.

use bytes::{BufMut as _, BytesMut};
use memchr::memmem;

/// Doubles the dots of one message that comes in chunks of any size.
#[derive(Clone, Debug)]
pub struct DotStuffer {
    place: Place,
}

impl DotStuffer {
    /// At the start of a message.
    pub fn new() -> Self {
        Self {
            place: Place::LineStart,
        }
    }

    /// Appends `chunk` in its wire form.
    pub fn encode(&mut self, chunk: &[u8], out: &mut BytesMut) {
        let Some(last) = chunk.last() else {
            return;
        };
        out.reserve(chunk.len() + chunk.len() / 64 + 2);
        if matches!(self.place, Place::LineStart | Place::BareLineFeed) && chunk[0] == b'.' {
            out.put_u8(b'.');
        }
        let mut sent = 0;
        for at in memmem::find_iter(chunk, b"\n.") {
            out.extend_from_slice(&chunk[sent..=at]);
            out.put_u8(b'.');
            sent = at + 1;
        }
        out.extend_from_slice(&chunk[sent..]);

        let before = match chunk {
            [.., before, _] => *before == b'\r',
            _ => matches!(self.place, Place::CarriageReturn),
        };
        self.place = match (last, before) {
            (b'\n', true) => Place::LineStart,
            (b'\n', false) => Place::BareLineFeed,
            (b'\r', _) => Place::CarriageReturn,
            _ => Place::Inside,
        };
    }

    /// Ends the message: the CRLF that its last line lacks, if it does, then the line with one dot.
    pub fn finish(self, out: &mut BytesMut) {
        match self.place {
            Place::LineStart => {}
            Place::BareLineFeed | Place::CarriageReturn | Place::Inside => {
                out.extend_from_slice(b"\r\n");
            }
        }
        out.extend_from_slice(b".\r\n");
    }
}

impl Default for DotStuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the octets so far have ended.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// After a CRLF, or before anything.
    LineStart,
    /// After an LF without CR.
    BareLineFeed,
    /// After a CR.
    CarriageReturn,
    /// Anywhere else.
    Inside,
}

/// Takes the wire form apart again as a client does that ends its lines at LF: the message, and what follows it.
///
/// The counterpart of the encoder, for tests and fuzz targets. `None`: no end was found.
pub fn unstuff(mut wire: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut message = Vec::new();
    loop {
        let end = memchr::memchr(b'\n', wire)? + 1;
        let (line, rest) = wire.split_at(end);
        wire = rest;
        if matches!(line, b".\r\n" | b".\n") {
            return Some((message, wire));
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
}

/// Encodes `message` in chunks that end at `cuts` and checks what comes out: it reads back, it ends only at its end, and the chunks leave no trace.
///
/// # Panics
/// Where one of that does not hold; tests and fuzz targets call it for that.
pub fn assert_round_trip(message: &[u8], cuts: &[usize]) {
    let mut wire = BytesMut::new();
    let mut stuffer = DotStuffer::new();
    let mut start = 0;
    for cut in cuts.iter().copied().chain([message.len()]) {
        let cut = cut.clamp(start, message.len());
        stuffer.encode(&message[start..cut], &mut wire);
        start = cut;
    }
    stuffer.finish(&mut wire);

    assert!(wire.ends_with(b".\r\n"));
    assert_eq!(wire, naive(message), "differs from the model");
    wire.extend_from_slice(b"+OK next");
    let (read, rest) = unstuff(&wire).unwrap_or_default();
    assert_eq!(rest, b"+OK next", "the message ends elsewhere");
    let mut expected = message.to_vec();
    if !message.is_empty() && !message.ends_with(b"\r\n") {
        expected.extend_from_slice(b"\r\n");
    }
    assert_eq!(read, expected);
}

/// The definition, octet by octet.
fn naive(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut line_start = true;
    for octet in message {
        if line_start && *octet == b'.' {
            wire.push(b'.');
        }
        wire.push(*octet);
        line_start = *octet == b'\n';
    }
    if !message.is_empty() && !message.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(message: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        let mut stuffer = DotStuffer::new();
        stuffer.encode(message, &mut out);
        stuffer.finish(&mut out);
        out.to_vec()
    }

    #[test]
    fn known_forms() {
        assert_eq!(whole(b""), b".\r\n");
        assert_eq!(whole(b"a\r\n"), b"a\r\n.\r\n");
        assert_eq!(whole(b"."), b"..\r\n.\r\n");
        assert_eq!(whole(b".\r\n..\r\n.a\r\n"), b"..\r\n...\r\n..a\r\n.\r\n");
        assert_eq!(whole(b"no end"), b"no end\r\n.\r\n");
        assert_eq!(whole(b"half an end\r"), b"half an end\r\r\n.\r\n");
    }

    /// Fault 22: a bare LF before the dot, which many clients take for the end.
    #[test]
    fn fault_22_a_dot_after_a_bare_line_feed() {
        assert_eq!(
            whole(b"a\n.\r\n+OK forged\r\n"),
            b"a\n..\r\n+OK forged\r\n.\r\n"
        );
        assert_eq!(whole(b"a\n"), b"a\n\r\n.\r\n");
        assert_eq!(whole(b"a\r.\r\n"), b"a\r.\r\n.\r\n");
    }

    /// Fault 22: dot-stuffing at chunk edges, every edge and every pair of edges.
    #[test]
    fn fault_22_every_chunk_edge() {
        let message = b".a\r\n.\r\n..\n.\r.\r\n\r\n.b";
        for first in 0..=message.len() {
            for second in first..=message.len() {
                assert_round_trip(message, &[first, second]);
            }
        }
    }

    proptest! {
        #[test]
        fn matches_the_naive_encoder(
            message in prop::collection::vec(
                prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), Just(b'a'), any::<u8>()],
                0..200,
            ),
            mut cuts in prop::collection::vec(0..200_usize, 0..8),
        ) {
            cuts.sort_unstable();
            assert_round_trip(&message, &cuts);
        }
    }
}
