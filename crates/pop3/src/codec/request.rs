//! One command line to a [`Request`] (RFC 1939 §3, with the grammar of RFC 2449 §4).
//!
//! ```abnf
//! command      =  keyword *(SP param) CRLF
//! keyword      =  3*4VCHAR
//! param        =  1*VCHAR
//! ```
//!
//! The line end is already gone. Keywords are taken in any case, and several spaces, or spaces at the end, count as one or as none:
//! old clients send them. `USER` and `PASS` take the whole rest of the line, spaces included (RFC 1939 §7).

use std::fmt;

/// A command as the client sent it, borrowed from its line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Request<'a> {
    /// `AUTH [mechanism [initial-response]]` (RFC 5034 §4); without a mechanism, the question which there are.
    Auth {
        /// The mechanism's name as sent; `None` asks for the list.
        mechanism: Option<&'a str>,
        /// The initial response in base64, `=` for an empty one.
        initial: Option<Veiled<'a>>,
    },
    /// `CAPA` (RFC 2449 §5).
    Capa,
    /// `DELE msg` (RFC 1939 §5).
    Dele(MessageNumber),
    /// `LANG [tag]` (RFC 6856 §3.2); without a tag, the question which there are.
    Lang(Option<&'a str>),
    /// `LIST [msg]` (RFC 1939 §5).
    List(Option<MessageNumber>),
    /// `NOOP` (RFC 1939 §5).
    Noop,
    /// `PASS string` (RFC 1939 §7).
    Pass(Veiled<'a>),
    /// `QUIT` (RFC 1939 §4 and §6).
    Quit,
    /// `RETR msg` (RFC 1939 §5).
    Retr(MessageNumber),
    /// `RSET` (RFC 1939 §5).
    Rset,
    /// `STAT` (RFC 1939 §5).
    Stat,
    /// `STLS` (RFC 2595 §4).
    Stls,
    /// `TOP msg n` (RFC 1939 §7).
    Top {
        /// Which message.
        message: MessageNumber,
        /// How many lines of the body.
        lines: u64,
    },
    /// `UIDL [msg]` (RFC 1939 §7).
    Uidl(Option<MessageNumber>),
    /// `USER name` (RFC 1939 §7).
    User(&'a str),
    /// `UTF8` (RFC 6856 §2.1).
    Utf8,
}

impl<'a> Request<'a> {
    /// Reads one line, without its line end.
    pub fn parse(line: &'a [u8]) -> Result<Self, RequestError> {
        let (keyword, rest) = split_word(line);
        if keyword.is_empty() {
            return Err(RequestError::Empty);
        }
        if keyword.len() > LONGEST_KEYWORD {
            return Err(RequestError::UnknownCommand);
        }
        let mut upper = [0; LONGEST_KEYWORD];
        let upper = &mut upper[..keyword.len()];
        upper.copy_from_slice(keyword);
        upper.make_ascii_uppercase();

        match &*upper {
            b"AUTH" => auth(rest),
            b"CAPA" => alone(rest, Self::Capa),
            b"DELE" => one_number(rest).map(Self::Dele),
            b"LANG" => language(rest),
            b"LIST" => optional_number(rest).map(Self::List),
            b"NOOP" => alone(rest, Self::Noop),
            b"PASS" => password(line),
            b"QUIT" => alone(rest, Self::Quit),
            b"RETR" => one_number(rest).map(Self::Retr),
            b"RSET" => alone(rest, Self::Rset),
            b"STAT" => alone(rest, Self::Stat),
            b"STLS" => alone(rest, Self::Stls),
            b"TOP" => top(rest),
            b"UIDL" => optional_number(rest).map(Self::Uidl),
            b"USER" => user(rest),
            b"UTF8" => alone(rest, Self::Utf8),
            _ => Err(RequestError::UnknownCommand),
        }
    }

    /// The command's keyword in upper case.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Auth { .. } => "AUTH",
            Self::Capa => "CAPA",
            Self::Dele(_) => "DELE",
            Self::Lang(_) => "LANG",
            Self::List(_) => "LIST",
            Self::Noop => "NOOP",
            Self::Pass(_) => "PASS",
            Self::Quit => "QUIT",
            Self::Retr(_) => "RETR",
            Self::Rset => "RSET",
            Self::Stat => "STAT",
            Self::Stls => "STLS",
            Self::Top { .. } => "TOP",
            Self::Uidl(_) => "UIDL",
            Self::User(_) => "USER",
            Self::Utf8 => "UTF8",
        }
    }
}

/// A message's number in this session: its place in the maildrop, from 1 (RFC 1939 §5).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageNumber(u32);

impl MessageNumber {
    /// The number of the message at `index` (from 0) of the maildrop.
    pub fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index).ok()?.checked_add(1).map(Self)
    }

    /// The place in the maildrop, from 0.
    pub fn index(self) -> usize {
        self.0 as usize - 1
    }

    fn parse(word: &[u8]) -> Result<Self, RequestError> {
        match decimal(word)? {
            0 => Err(RequestError::NoSuchNumber),
            number => {
                u32::try_from(number).map_or(Err(RequestError::NoSuchNumber), |n| Ok(Self(n)))
            }
        }
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Octets that must not get into a log: a password, or a SASL response that holds one.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Veiled<'a>(&'a [u8]);

impl<'a> Veiled<'a> {
    /// Wraps what the client sent.
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The octets themselves.
    pub fn reveal(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Veiled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/* REDACTED */")
    }
}

/// Why a line is no request. The text is what the client is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// Nothing on the line.
    #[error("Empty command")]
    Empty,
    /// The keyword is none of ours.
    #[error("Unknown command")]
    UnknownCommand,
    /// The command needs an argument, or one more.
    #[error("Argument missing")]
    MissingArgument,
    /// The command takes fewer arguments.
    #[error("Too many arguments")]
    TooManyArguments,
    /// Digits were expected.
    #[error("Not a number")]
    NotANumber,
    /// Zero, or a number beyond what a maildrop can hold.
    #[error("No such message")]
    NoSuchNumber,
    /// A user name that is not UTF-8, or has control characters in it.
    #[error("Name has forbidden characters")]
    ForbiddenCharacters,
}

/// Longest keyword (RFC 2449 §4).
const LONGEST_KEYWORD: usize = 4;

fn auth(rest: &[u8]) -> Result<Request<'_>, RequestError> {
    let (mechanism, rest) = split_word(rest);
    if mechanism.is_empty() {
        return Ok(Request::Auth {
            mechanism: None,
            initial: None,
        });
    }
    let mechanism = text(mechanism)?;
    let (initial, rest) = split_word(rest);
    nothing_more(rest)?;
    Ok(Request::Auth {
        mechanism: Some(mechanism),
        initial: (!initial.is_empty()).then_some(Veiled(initial)),
    })
}

/// The password is all that follows `PASS` and one space, with spaces at its start and its end: they may be part of it.
fn password(line: &[u8]) -> Result<Request<'_>, RequestError> {
    let start = line.len() - line.trim_ascii_start().len() + "PASS ".len();
    match line.get(start..) {
        None | Some([]) => Err(RequestError::MissingArgument),
        Some(password) => Ok(Request::Pass(Veiled(password))),
    }
}

fn user(rest: &[u8]) -> Result<Request<'_>, RequestError> {
    match trim_spaces(rest) {
        [] => Err(RequestError::MissingArgument),
        name => text(name).map(Request::User),
    }
}

fn language(rest: &[u8]) -> Result<Request<'_>, RequestError> {
    let (tag, rest) = split_word(rest);
    nothing_more(rest)?;
    match tag {
        [] => Ok(Request::Lang(None)),
        tag => text(tag).map(|tag| Request::Lang(Some(tag))),
    }
}

fn top(rest: &[u8]) -> Result<Request<'_>, RequestError> {
    let (message, rest) = split_word(rest);
    let (lines, rest) = split_word(rest);
    if lines.is_empty() {
        return Err(RequestError::MissingArgument);
    }
    nothing_more(rest)?;
    Ok(Request::Top {
        message: MessageNumber::parse(message)?,
        lines: decimal(lines)?,
    })
}

fn alone<'a>(rest: &[u8], request: Request<'a>) -> Result<Request<'a>, RequestError> {
    nothing_more(rest).map(|()| request)
}

fn one_number(rest: &[u8]) -> Result<MessageNumber, RequestError> {
    optional_number(rest)?.ok_or(RequestError::MissingArgument)
}

fn optional_number(rest: &[u8]) -> Result<Option<MessageNumber>, RequestError> {
    let (word, rest) = split_word(rest);
    if word.is_empty() {
        return Ok(None);
    }
    nothing_more(rest)?;
    MessageNumber::parse(word).map(Some)
}

fn nothing_more(rest: &[u8]) -> Result<(), RequestError> {
    match trim_spaces(rest) {
        [] => Ok(()),
        _ => Err(RequestError::TooManyArguments),
    }
}

/// A number in decimal digits. One too large for 64 bits counts as the largest: no message has it, and no body so many lines.
fn decimal(word: &[u8]) -> Result<u64, RequestError> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
        return Err(RequestError::NotANumber);
    }
    Ok(word.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}

fn text(octets: &[u8]) -> Result<&str, RequestError> {
    let text = std::str::from_utf8(octets).map_err(|_| RequestError::ForbiddenCharacters)?;
    if text.chars().any(char::is_control) {
        return Err(RequestError::ForbiddenCharacters);
    }
    Ok(text)
}

/// The first word, and what follows the space after it.
fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = trim_spaces(line);
    let end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    (word, trim_spaces(rest))
}

fn trim_spaces(mut line: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = line {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(number: u32) -> MessageNumber {
        MessageNumber(number)
    }

    #[test]
    fn each_command() {
        let cases: &[(&[u8], Request<'_>)] = &[
            (b"CAPA", Request::Capa),
            (b"dele 7", Request::Dele(number(7))),
            (b"LANG", Request::Lang(None)),
            (b"lang en", Request::Lang(Some("en"))),
            (b"LANG *", Request::Lang(Some("*"))),
            (b"LIST", Request::List(None)),
            (b"LIST ", Request::List(None)),
            (b"LIST 007", Request::List(Some(number(7)))),
            (b"NoOp", Request::Noop),
            (b"PASS secret", Request::Pass(Veiled(b"secret"))),
            (b"QUIT  ", Request::Quit),
            (b"RETR  4294967295", Request::Retr(number(u32::MAX))),
            (b"RSET", Request::Rset),
            (b"STAT", Request::Stat),
            (b"STLS", Request::Stls),
            (
                b"TOP 1 0",
                Request::Top {
                    message: number(1),
                    lines: 0,
                },
            ),
            (b"UIDL 2", Request::Uidl(Some(number(2)))),
            (b"USER alice@demo.test", Request::User("alice@demo.test")),
            (b"USER Alice Example ", Request::User("Alice Example")),
            (b"utf8", Request::Utf8),
            (b"USER m\xc3\xbcller", Request::User("müller")),
            (
                b"AUTH",
                Request::Auth {
                    mechanism: None,
                    initial: None,
                },
            ),
            (
                b"AUTH PLAIN =",
                Request::Auth {
                    mechanism: Some("PLAIN"),
                    initial: Some(Veiled(b"=")),
                },
            ),
        ];
        for (line, request) in cases {
            assert_eq!(Request::parse(line), Ok(*request), "{line:?}");
        }
    }

    #[test]
    fn a_password_keeps_its_spaces() {
        for (line, expected) in [
            (&b"PASS  two words "[..], &b" two words "[..]),
            (b"pass \xff\x00", b"\xff\x00"),
        ] {
            assert_eq!(Request::parse(line), Ok(Request::Pass(Veiled(expected))));
        }
        assert_eq!(Request::parse(b"PASS"), Err(RequestError::MissingArgument));
        assert_eq!(Request::parse(b"PASS "), Err(RequestError::MissingArgument));
    }

    #[test]
    fn what_is_no_request() {
        let cases: &[(&[u8], RequestError)] = &[
            (b"", RequestError::Empty),
            (b"   ", RequestError::Empty),
            (b"XTND XMIT", RequestError::UnknownCommand),
            (
                b"APOP a c4c9334bac560ecc979e58001b3e22fb",
                RequestError::UnknownCommand,
            ),
            (b"\xff\xfe", RequestError::UnknownCommand),
            (b"GET / HTTP/1.1", RequestError::UnknownCommand),
            (b"DELE", RequestError::MissingArgument),
            (b"DELE 1 2", RequestError::TooManyArguments),
            (b"DELE 0", RequestError::NoSuchNumber),
            (b"DELE -1", RequestError::NotANumber),
            (b"DELE +1", RequestError::NotANumber),
            (b"DELE 4294967296", RequestError::NoSuchNumber),
            (b"DELE 99999999999999999999999", RequestError::NoSuchNumber),
            (b"TOP 1", RequestError::MissingArgument),
            (b"TOP 1 x", RequestError::NotANumber),
            (b"STAT 1", RequestError::TooManyArguments),
            (b"USER", RequestError::MissingArgument),
            (b"UTF8 USER", RequestError::TooManyArguments),
            (b"LANG en de", RequestError::TooManyArguments),
        ];
        for (line, error) in cases {
            assert_eq!(Request::parse(line), Err(*error), "{line:?}");
        }
    }

    /// Fault 13: NUL and non-UTF-8 in user names.
    #[test]
    fn fault_13_names_that_are_no_text() {
        for line in [
            &b"USER a\0b"[..],
            b"USER \xff",
            b"USER a\tb",
            b"AUTH PL\0AIN",
        ] {
            assert_eq!(Request::parse(line), Err(RequestError::ForbiddenCharacters));
        }
    }

    #[test]
    fn lines_beyond_64_bits_are_all_lines() {
        assert_eq!(
            Request::parse(b"TOP 1 99999999999999999999999"),
            Ok(Request::Top {
                message: number(1),
                lines: u64::MAX
            })
        );
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        for line in [&b"PASS hunter2"[..], b"AUTH PLAIN hunter2"] {
            let shown = format!("{:?}", Request::parse(line));
            assert!(
                !shown.contains("hunter2") && shown.contains("REDACTED"),
                "{shown}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_line_is_answered(line in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Request::parse(&line);
        }

        #[test]
        fn numbers_come_back(n in 1..=u32::MAX) {
            let line = format!("RETR {n}");
            prop_assert_eq!(Request::parse(line.as_bytes()), Ok(Request::Retr(number(n))));
            prop_assert_eq!(MessageNumber::from_index(number(n).index()), Some(number(n)));
        }
    }
}
