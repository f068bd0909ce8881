//! The bytes of a message out of DATA (RFC 5321 §4.5.2) or BDAT (RFC 3030): dots taken off, line ends made good.
//!
//! **Line ends, and SMTP smuggling.** A message ends at CRLF `.` CRLF and at nothing else, and a dot is special only
//! behind a CRLF. So whatever a careless relay let through (LF `.` LF, CR `.` CR, LF `.` CRLF, CRLF `.` LF, ...), its
//! sender can't make one message look like two here. What then is to become of a lone CR or LF, which RFC 5321 §2.3.8
//! forbids, is the operator's choice, [`LineEnds`]. By default a lone LF becomes CRLF, and a lone CR becomes a space: the
//! stored message has no other line ends than CRLF, so that all protocols and all clients see the same lines, and no
//! new header line or end of header comes from a stray CR.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

/// What becomes of a CR or LF that stands alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnds {
    /// LF becomes CRLF, CR becomes a space.
    #[default]
    Normalise,
    /// The message is refused (550 5.6.11), once it has been read to its end.
    Refuse,
}

/// How the end of the message is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By a dot on a line of its own; leading dots are doubled.
    Dot,
    /// By counting: there is no special byte.
    Counted,
}

/// Decodes a message that comes in chunks, cut anywhere.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    state: State,
    stray: bool,
}

/// What one chunk came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// How many bytes of the input belong to the message; behind them stands the next command.
    pub consumed: usize,
    /// Whether the message ended (never with [`Framing::Counted`]).
    pub ended: bool,
    /// The message's next bytes.
    pub piece: Piece,
}

/// Decoded bytes: the input's own wherever nothing had to be changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A range of the input.
    Range(Range<usize>),
    /// Bytes that differ from the input.
    Copy(Bytes),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Behind a CRLF, or at the very start.
    LineStart,
    /// Behind CRLF `.`; the dot is held back.
    Dot,
    /// Behind CRLF `.` CR; both are held back.
    DotCr,
    /// Within a line.
    Text,
    /// Behind a CR within a line; it is held back.
    Cr,
}

impl Decoder {
    /// At the start of a message.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            state: State::LineStart,
            stray: false,
        }
    }

    /// Whether a lone CR or LF was met.
    pub fn met_stray(&self) -> bool {
        self.stray
    }

    /// Decodes the next bytes. Hands out at most `2 * input.len() + 2` of them.
    pub fn decode(&mut self, input: &[u8]) -> Decoded {
        let mut run = Run::new(input);
        let mut at = 0;
        while at < input.len() {
            match self.state {
                State::Text => match memchr::memchr2(b'\r', b'\n', &input[at..]) {
                    None => at = input.len(),
                    Some(end) => at = self.line_end(at + end, &mut run),
                },
                State::LineStart if input[at] == b'.' && self.framing == Framing::Dot => {
                    run.replace(at, 1, b"");
                    at += 1;
                    self.state = State::Dot;
                }
                State::Dot if input[at] == b'\r' => {
                    run.replace(at, 1, b"");
                    at += 1;
                    self.state = State::DotCr;
                }
                // Any other line; behind a dot that was stuffing.
                State::LineStart | State::Dot => self.state = State::Text,
                State::DotCr if input[at] == b'\n' => {
                    run.replace(at, 1, b"");
                    self.state = State::LineStart;
                    return Decoded {
                        consumed: at + 1,
                        ended: true,
                        piece: run.finish(at + 1),
                    };
                }
                State::Cr if input[at] == b'\n' => {
                    run.replace(at, 1, b"\r\n");
                    at += 1;
                    self.state = State::LineStart;
                }
                State::Cr | State::DotCr => {
                    run.replace(at, 0, b" ");
                    self.stray = true;
                    self.state = State::Text;
                }
            }
        }
        Decoded {
            consumed: at,
            ended: false,
            piece: run.finish(at),
        }
    }

    /// What was held back, at the end of a counted message.
    pub fn finish(&mut self) -> &'static [u8] {
        match std::mem::replace(&mut self.state, State::LineStart) {
            State::Cr => {
                self.stray = true;
                b" "
            }
            State::LineStart | State::Text | State::Dot | State::DotCr => b"",
        }
    }

    /// A CR or LF at `at`, within a line. Returns where to go on.
    fn line_end(&mut self, at: usize, run: &mut Run<'_>) -> usize {
        match (run.input[at], run.input.get(at + 1)) {
            (b'\r', Some(b'\n')) => {
                self.state = State::LineStart;
                at + 2
            }
            (b'\r', Some(_)) => {
                run.replace(at, 1, b" ");
                self.stray = true;
                at + 1
            }
            (b'\r', None) => {
                run.replace(at, 1, b"");
                self.state = State::Cr;
                at + 1
            }
            _ => {
                run.replace(at, 1, b"\r\n");
                self.stray = true;
                at + 1
            }
        }
    }
}

/// The decoded bytes of one chunk: a range of the input for as long as they are one, a copy from then on.
struct Run<'a> {
    input: &'a [u8],
    /// Where the bytes begin that are not in `copy` yet.
    start: usize,
    copy: BytesMut,
    /// A range that has ended, nothing being copied yet.
    whole: Option<Range<usize>>,
}

impl<'a> Run<'a> {
    fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            start: 0,
            copy: BytesMut::new(),
            whole: None,
        }
    }

    /// Puts `with` in the place of `count` bytes at `at`.
    fn replace(&mut self, at: usize, count: usize, with: &[u8]) {
        self.take(at);
        if !with.is_empty() {
            self.make_copy();
            self.copy.put_slice(with);
        }
        self.start = at + count;
    }

    /// The bytes up to `end`.
    fn finish(mut self, end: usize) -> Piece {
        self.take(end);
        match self.whole {
            Some(range) => Piece::Range(range),
            None => Piece::Copy(self.copy.freeze()),
        }
    }

    fn take(&mut self, end: usize) {
        let run = self.start..end;
        if run.is_empty() {
            return;
        }
        if self.whole.is_none() && self.copy.is_empty() {
            self.whole = Some(run);
        } else {
            self.make_copy();
            self.copy.put_slice(&self.input[run]);
        }
        self.start = end;
    }

    fn make_copy(&mut self) {
        if self.copy.capacity() == 0 {
            self.copy.reserve(self.input.len() + 64);
        }
        if let Some(range) = self.whole.take() {
            self.copy.put_slice(&self.input[range]);
        }
    }
}

impl Piece {
    /// The bytes, given the input they were decoded from.
    pub fn of(self, input: &Bytes) -> Bytes {
        match self {
            Self::Range(range) => input.slice(range),
            Self::Copy(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests;
