//! Lines and literals to whole commands, within limits.
//!
//! The driver reads a line and gives it to [`Framer::line`]; the [`Frame`] says what comes next. Literals are joined to the command, but a message's
//! (APPEND) is handed to the driver, so that it streams.

use bytes::Bytes;

use super::request::{AppendHead, BadCommand, Mode, Problem, Tag, append, command::read_tag};

/// What a line announces at its end: `{n}`, `{n+}`, `~{n}`, `~{n+}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteralSpec {
    /// Octets to come.
    pub size: u64,
    /// `+`: the client does not wait for a continuation (LITERAL+).
    pub non_sync: bool,
    /// `~`: a literal8 (RFC 3516), which may hold NUL.
    pub binary: bool,
}

/// What a line led to.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// A whole command, for [`request::parse`](super::request::parse). The framer is empty again.
    Command(Bytes),
    /// A literal to be joined: give its octets to [`Framer::literal`] until none is [`wanted`](Framer::wanted), then the next line.
    Literal {
        /// Octets to come.
        size: usize,
        /// The client waits for `+ ` before it sends them.
        wait: bool,
    },
    /// A message literal begins: the driver streams what `message.literal` announces, and reads the line behind it by
    /// [`append::next`]. On an error the octets come nevertheless if the literal does not wait
    /// ([`literal_spec`] of the line says so), and the rest of the command behind them. The framer is empty again.
    Message(Result<AppendHead, BadCommand>),
    /// Too large, or too many literals. The framer is empty again.
    Refused {
        /// The tag, if there was one.
        tag: Option<Tag>,
        /// Octets that will come and must be thrown away, and then the rest of the command (which may announce such octets again). 0: nothing
        /// more of this command comes.
        skip: u64,
        /// What is wrong.
        problem: Problem,
    },
}

/// Collects a command. Holds no memory between commands, and never more than it was allowed.
#[derive(Debug)]
pub struct Framer {
    /// Bytes of a command at most, literals included.
    max_command: usize,
    /// The command so far.
    command: Vec<u8>,
    /// Octets of the literal that are still to come.
    wanted: usize,
    /// Literals so far.
    literals: usize,
    /// The command is refused already, but its rest comes without a pause: behind `{0+}` no octet is there to be skipped.
    refused: Option<RefusedCommand>,
}

/// A command that will be refused when its end has come.
#[derive(Debug)]
struct RefusedCommand {
    tag: Option<Tag>,
}

impl Framer {
    /// For commands of at most `max_command` bytes, joined literals included.
    pub fn new(max_command: usize) -> Self {
        Self {
            max_command,
            command: Vec::new(),
            wanted: 0,
            literals: 0,
            refused: None,
        }
    }

    /// Takes a line, without its line end: a command's first, or what follows a literal.
    pub fn line(&mut self, line: &[u8], mode: Mode) -> Frame {
        let announced = literal_spec(line);
        if let Some(command) = self.refused.take() {
            return self.refuse_tagged(command.tag, announced);
        }
        let room = self.max_command.saturating_sub(self.command.len());
        let Some(room) = room.checked_sub(line.len()) else {
            return self.refuse(line, announced);
        };
        let Some(literal) = announced else {
            if self.command.is_empty() {
                self.reset();
                return Frame::Command(Bytes::copy_from_slice(line));
            }
            self.push(line);
            let command = std::mem::take(&mut self.command);
            self.reset();
            return Frame::Command(command.into());
        };
        self.literals += 1;
        self.push(line);
        if let Some(head) = append::head(&self.command, literal, mode) {
            self.reset();
            return Frame::Message(head);
        }
        let size = usize::try_from(literal.size).unwrap_or(usize::MAX);
        if self.literals > MAX_LITERALS || size.saturating_add(LINE_END.len()) > room {
            return self.refuse(b"", announced);
        }
        self.push(LINE_END);
        self.wanted = size;
        Frame::Literal {
            size,
            wait: !literal.non_sync,
        }
    }

    /// Takes what was kept of a line that was too long to be read: its first octets, where the tag stands unless the line goes on behind a literal,
    /// and its last ones, which may announce that more of the command comes.
    pub fn too_long(&mut self, start: &[u8], end: &[u8]) -> Frame {
        let announced = literal_spec(end);
        match self.refused.take() {
            Some(command) => self.refuse_tagged(command.tag, announced),
            None => self.refuse(start, announced),
        }
    }

    /// Takes octets of the literal that is to be joined; those beyond its end are not kept. The next call to [`line`](Self::line) continues the
    /// command.
    pub fn literal(&mut self, octets: &[u8]) {
        let octets = &octets[..octets.len().min(self.wanted)];
        self.push(octets);
        self.wanted -= octets.len();
    }

    /// Octets of the joined literal that are still to come.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether it is between commands.
    pub fn is_empty(&self) -> bool {
        self.command.is_empty() && self.refused.is_none()
    }

    /// Forgets the command so far.
    pub fn reset(&mut self) {
        *self = Self::new(self.max_command);
    }

    fn refuse(&mut self, line: &[u8], announced: Option<LiteralSpec>) -> Frame {
        let first = if self.command.is_empty() {
            line
        } else {
            &self.command
        };
        let tag = read_tag(first).ok().map(|(tag, _)| tag);
        self.refuse_tagged(tag, announced)
    }

    fn refuse_tagged(&mut self, tag: Option<Tag>, announced: Option<LiteralSpec>) -> Frame {
        self.reset();
        let skip = match announced {
            Some(literal) if literal.non_sync && literal.size == 0 => {
                self.refused = Some(RefusedCommand { tag });
                return Frame::Literal {
                    size: 0,
                    wait: false,
                };
            }
            Some(literal) if literal.non_sync => literal.size,
            Some(_) | None => 0,
        };
        Frame::Refused {
            tag,
            skip,
            problem: Problem::TooMuch("Command"),
        }
    }

    /// Grows by doubling, but never beyond the limit.
    fn push(&mut self, bytes: &[u8]) {
        let needed = self.command.len() + bytes.len();
        if needed > self.command.capacity() {
            let doubled = (self.command.capacity() * 2).min(self.max_command);
            let capacity = needed.max(doubled);
            self.command.reserve_exact(capacity - self.command.len());
        }
        self.command.extend_from_slice(bytes);
    }
}

/// What the line announces at its end, if it does. A size beyond 64 bits counts as the largest.
///
/// ```abnf
/// literal =  ["~"] "{" number64 ["+"] "}" CRLF
/// ```
pub fn literal_spec(line: &[u8]) -> Option<LiteralSpec> {
    let line = line.strip_suffix(b"}")?;
    let (line, non_sync) = match line.strip_suffix(b"+") {
        Some(line) => (line, true),
        None => (line, false),
    };
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let start = line.iter().rposition(|byte| !is_digit(byte))?;
    let (line, digits) = line.split_at(start + 1);
    let line = line.strip_suffix(b"{")?;
    if digits.is_empty() {
        return None;
    }
    let size = digits.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(LiteralSpec {
        size,
        non_sync,
        binary: line.last() == Some(&b'~'),
    })
}

/// Literals in one command at most: each may cost a round trip and a header of a few bytes (CVE-2024-34055).
const MAX_LITERALS: usize = 200;

const LINE_END: &[u8] = b"\r\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODE: Mode = Mode { utf8: false };

    fn spec(size: u64, non_sync: bool, binary: bool) -> LiteralSpec {
        LiteralSpec {
            size,
            non_sync,
            binary,
        }
    }

    fn refused(tag: &str, skip: u64) -> Frame {
        Frame::Refused {
            tag: Some(Tag(tag.into())),
            skip,
            problem: Problem::TooMuch("Command"),
        }
    }

    #[test]
    fn announcements() {
        for (line, expected) in [
            ("a LOGIN {5}", Some(spec(5, false, false))),
            ("{0+}", Some(spec(0, true, false))),
            ("x ~{7}", Some(spec(7, false, true))),
            ("x ~{7+}", Some(spec(7, true, true))),
            ("{00012}", Some(spec(12, false, false))),
            ("{18446744073709551615}", Some(spec(u64::MAX, false, false))),
            ("{99999999999999999999+}", Some(spec(u64::MAX, true, false))),
            ("{}", None),
            ("{+}", None),
            ("{-1}", None),
            ("{5++}", None),
            ("{5} ", None),
            ("{5", None),
            ("5}", None),
            ("}", None),
            ("\"{5}\"", None),
            ("", None),
        ] {
            assert_eq!(literal_spec(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_line_is_a_command() {
        let mut framer = Framer::new(100);
        assert_eq!(
            framer.line(b"a NOOP", MODE),
            Frame::Command("a NOOP".into())
        );
        assert_eq!(framer.line(b"", MODE), Frame::Command(Bytes::new()));
        assert!(framer.is_empty());
        assert_eq!(framer.command.capacity(), 0);
    }

    #[test]
    fn literals_are_joined() {
        let mut framer = Framer::new(100);
        let literal = |size, wait| Frame::Literal { size, wait };
        assert_eq!(framer.line(b"a LOGIN {3}", MODE), literal(3, true));
        framer.literal(b"b{");
        assert_eq!(framer.wanted(), 1);
        framer.literal(b"1} and more");
        assert_eq!(framer.wanted(), 0);
        // The brace is the literal's: only what stands in this line is an announcement.
        assert_eq!(framer.line(b" {2+}", MODE), literal(2, false));
        framer.literal(b"\r\n");
        assert!(!framer.is_empty());
        assert_eq!(
            framer.line(b"", MODE),
            Frame::Command("a LOGIN {3}\r\nb{1 {2+}\r\n\r\n".into())
        );
        assert!(framer.is_empty());
    }

    #[test]
    fn a_message_is_the_drivers() {
        let mut framer = Framer::new(100);
        let frame = framer.line(b"a append {5}", MODE);
        assert_eq!(
            frame,
            Frame::Literal {
                size: 5,
                wait: true
            }
        );
        framer.literal(b"Sent!");
        let Frame::Message(Ok(head)) = framer.line(b" (\\Seen) {99999999999+}", MODE) else {
            panic!("no message");
        };
        assert_eq!(head.mailbox.0, "Sent!");
        assert_eq!(
            head.message.literal,
            Some(spec(99_999_999_999, true, false))
        );
        assert!(framer.is_empty());
        assert!(matches!(
            framer.line(b"b APPEND x y {3}", MODE),
            Frame::Message(Err(_))
        ));
    }

    /// Fault 7: literals of absurd size.
    #[test]
    fn fault_7_literals_of_absurd_size() {
        let mut framer = Framer::new(1000);
        for (line, skip) in [
            ("a LOGIN {4294967295}", 0),
            ("a LOGIN {4294967295+}", 4_294_967_295),
            ("a LOGIN {99999999999999999999}", 0),
            ("a LOGIN {99999999999999999999+}", u64::MAX),
            ("a LOGIN {18446744073709551615}", 0),
        ] {
            assert_eq!(framer.line(line.as_bytes(), MODE), refused("a", skip));
            assert!(framer.is_empty());
        }
        let long = format!("b LOGIN {}", "x".repeat(1000));
        assert_eq!(framer.line(long.as_bytes(), MODE), refused("b", 0));
        let long = format!("{long}{{7+}}");
        assert_eq!(framer.line(long.as_bytes(), MODE), refused("b", 7));
    }

    /// Fault 8: thousands of small literals (CVE-2024-34055).
    #[test]
    fn a_line_that_is_too_long_ends_like_any_other() {
        let mut framer = Framer::new(100);
        assert_eq!(framer.too_long(b"a SEARCH 1,2", b"3,4"), refused("a", 0));
        assert_eq!(
            framer.too_long(b"b SEARCH 1,2", b"TEXT {9+}"),
            refused("b", 9)
        );
        assert_eq!(
            framer.line(b"c SEARCH TEXT {0+}", MODE),
            Frame::Literal {
                size: 0,
                wait: false
            }
        );
        assert_eq!(framer.too_long(b" OR 1,2", b"{5}"), refused("c", 0));
        assert!(framer.is_empty());
    }

    #[test]
    fn fault_8_thousands_of_small_literals() {
        let mut framer = Framer::new(65536);
        let mut line: &[u8] = b"a SEARCH {1+}";
        for _ in 0..MAX_LITERALS {
            let frame = framer.line(line, MODE);
            assert!(
                matches!(
                    frame,
                    Frame::Literal {
                        size: 1,
                        wait: false
                    }
                ),
                "{frame:?}"
            );
            framer.literal(b"x");
            line = b" {1+}";
        }
        assert_eq!(framer.line(line, MODE), refused("a", 1));
        assert_eq!(framer.command.capacity(), 0);
    }

    #[test]
    fn nothing_to_skip_but_a_rest() {
        let mut framer = Framer::new(20);
        let empty = Frame::Literal {
            size: 0,
            wait: false,
        };
        assert_eq!(framer.line(b"a LOGIN 12345678 {0+}", MODE), empty);
        assert!(!framer.is_empty());
        assert_eq!(framer.line(b" {0+}", MODE), empty);
        assert_eq!(framer.line(b" b", MODE), refused("a", 0));
        assert!(framer.is_empty());
        assert_eq!(
            framer.line(b"b NOOP", MODE),
            Frame::Command("b NOOP".into())
        );
    }

    proptest! {
        #[test]
        fn memory_stays_within_the_limit(
            limit in 0..300_usize,
            lines in prop::collection::vec(("[a-z ]{0,20}", prop::option::of((0..200_usize, any::<bool>()))), 1..60),
        ) {
            let mut framer = Framer::new(limit);
            for (text, literal) in lines {
                let line = match literal {
                    None => text,
                    Some((size, non_sync)) => format!("{text}{{{size}{}}}", if non_sync { "+" } else { "" }),
                };
                match framer.line(line.as_bytes(), MODE) {
                    Frame::Command(command) => prop_assert!(command.len() <= limit),
                    Frame::Literal { size, .. } => {
                        prop_assert_eq!(framer.wanted(), size);
                        while framer.wanted() > 0 {
                            framer.literal(b"abcdefg");
                        }
                    }
                    Frame::Message(_) | Frame::Refused { .. } => prop_assert!(framer.is_empty()),
                }
                prop_assert!(framer.command.capacity() <= limit);
            }
        }
    }
}
