//! Responses, written behind one another into the connection's buffer (RFC 9051 §7).
//!
//! A response is one line, except for the literals in it: what comes from elsewhere (an error's text, a name in a log line) has its
//! control characters replaced.

pub mod body_structure;
pub mod code;
pub mod envelope;
pub mod flags;
pub mod number;
pub mod string;

use std::fmt::{self, Write as _};

use bytes::BytesMut;

pub use self::code::Code;
use super::request::Tag;

/// What a tagged response, or an untagged one of the same kind, says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was done.
    Ok,
    /// It was not.
    No,
    /// It was not understood, or has no place here.
    Bad,
    /// The server closes; untagged only.
    Bye,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
        }
    }
}

/// Writes responses behind those that wait in the buffer already.
#[derive(Debug)]
pub struct Replies<'a> {
    octets: &'a mut BytesMut,
}

impl<'a> Replies<'a> {
    /// Behind what is in the buffer.
    pub fn new(octets: &'a mut BytesMut) -> Self {
        Self { octets }
    }

    /// The buffer itself, for those who write responses with literals in them.
    pub fn octets(&mut self) -> &mut BytesMut {
        self.octets
    }

    /// `tag OK text`, or with `[code]`.
    pub fn tagged(
        &mut self,
        tag: &Tag,
        status: Status,
        code: Option<Code<'_>>,
        text: impl fmt::Display,
    ) {
        self.line(tag, status, code, text);
    }

    /// `* OK text`, or with `[code]`.
    pub fn untagged(&mut self, status: Status, code: Option<Code<'_>>, text: impl fmt::Display) {
        self.line("*", status, code, text);
    }

    /// A line of data: `* data`.
    pub fn data(&mut self, data: impl fmt::Display) {
        self.octets.extend_from_slice(b"* ");
        self.text_line(data);
    }

    /// `+ text`: the client may go on (RFC 9051 §7.6).
    pub fn go_ahead(&mut self, text: impl fmt::Display) {
        self.octets.extend_from_slice(b"+ ");
        self.text_line(text);
    }

    fn line(
        &mut self,
        begin: impl fmt::Display,
        status: Status,
        code: Option<Code<'_>>,
        text: impl fmt::Display,
    ) {
        // Writing to a `BytesMut` fails only where memory ends.
        let _ = write!(self.octets, "{begin} {} ", status.word());
        if let Some(code) = code {
            let _ = write!(self.octets, "[{code}] ");
        }
        self.text_line(text);
    }

    /// Text up to the line end. A control character in it becomes a space: a response is one line.
    fn text_line(&mut self, text: impl fmt::Display) {
        let start = self.octets.len();
        let _ = write!(self.octets, "{text}");
        for octet in &mut self.octets[start..] {
            if octet.is_ascii_control() {
                *octet = b' ';
            }
        }
        self.octets.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let mut octets = BytesMut::new();
        let mut replies = Replies::new(&mut octets);
        let tag = Tag("a1".into());
        replies.untagged(Status::Ok, Some(Code::UidValidity(3)), "UIDs valid");
        replies.data(format_args!("{} EXISTS", 4));
        replies.go_ahead("go on\r\n* BYE");
        replies.tagged(&tag, Status::No, None, "no\0");
        assert_eq!(
            octets,
            "* OK [UIDVALIDITY 3] UIDs valid\r\n* 4 EXISTS\r\n+ go on  * BYE\r\na1 NO no \r\n"
        );
    }
}
