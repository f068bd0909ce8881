//! Replies: a status line, perhaps with a response code, perhaps with lines after it (RFC 1939 §3, RFC 2449 §4 and §8).
//!
//! ```abnf
//! single-line  =  status [SP text] CRLF
//! status       =  "+OK" / "-ERR"
//! resp-code    =  "[" resp-level *("/" resp-level) "]"
//! ```

use std::fmt::{self, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};

/// Replies that wait to be sent, in order.
///
/// What is written is one buffer, so that the answers to pipelined commands leave together.
#[derive(Debug, Default)]
pub struct Replies {
    octets: BytesMut,
}

impl Replies {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// `+OK text`
    pub fn ok(&mut self, text: impl fmt::Display) {
        self.octets.extend_from_slice(b"+OK ");
        self.text_line(text);
    }

    /// `-ERR text`
    pub fn err(&mut self, text: impl fmt::Display) {
        self.octets.extend_from_slice(b"-ERR ");
        self.text_line(text);
    }

    /// `-ERR [code] text` (RFC 2449 §8)
    pub fn err_with(&mut self, code: ResponseCode, text: impl fmt::Display) {
        self.err(format_args!("[{code}] {text}"));
    }

    /// A challenge of a SASL exchange: `+ base64` (RFC 5034 §4).
    pub fn challenge(&mut self, challenge: &[u8]) {
        self.octets.extend_from_slice(b"+ ");
        self.octets
            .extend_from_slice(STANDARD.encode(challenge).as_bytes());
        self.octets.extend_from_slice(b"\r\n");
    }

    /// One line of a multi-line reply. A dot at its start is doubled (RFC 1939 §3).
    pub fn line(&mut self, text: impl fmt::Display) {
        let start = self.octets.len();
        self.text_line(text);
        if self.octets.get(start) == Some(&b'.') {
            let line = self.octets.split_off(start);
            self.octets.extend_from_slice(b".");
            self.octets.unsplit(line);
        }
    }

    /// The end of a multi-line reply.
    pub fn end(&mut self) {
        self.octets.extend_from_slice(b".\r\n");
    }

    /// How many octets wait.
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// The buffer itself, for a writer of octets such as the dot-stuffing encoder.
    pub fn octets_mut(&mut self) -> &mut BytesMut {
        &mut self.octets
    }

    /// Takes all that waits.
    pub fn take(&mut self) -> Bytes {
        self.octets.split().freeze()
    }

    /// Text up to the line end. A control character in it (from a name or an error of another crate) becomes a space: a reply is one line.
    fn text_line(&mut self, text: impl fmt::Display) {
        let start = self.octets.len();
        // Writing to a `BytesMut` fails only where memory ends.
        let _ = write!(self.octets, "{text}");
        for octet in &mut self.octets[start..] {
            if octet.is_ascii_control() {
                *octet = b' ';
            }
        }
        self.octets.extend_from_slice(b"\r\n");
    }
}

/// Why a command was refused, for the client's program (RFC 2449 §8, RFC 3206).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResponseCode {
    /// Another session holds the maildrop (RFC 2449 §8.1.2).
    InUse,
    /// The last sign-in was too short a time ago (RFC 2449 §8.1.1).
    LoginDelay,
    /// A fault that will likely pass (RFC 3206 §4).
    SysTemp,
    /// A fault that someone has to mend (RFC 3206 §4).
    SysPerm,
    /// The credentials are wrong, or not accepted like this (RFC 3206 §4).
    Auth,
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InUse => "IN-USE",
            Self::LoginDelay => "LOGIN-DELAY",
            Self::SysTemp => "SYS/TEMP",
            Self::SysPerm => "SYS/PERM",
            Self::Auth => "AUTH",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_and_lists() {
        let mut replies = Replies::new();
        replies.ok("ready");
        replies.err_with(ResponseCode::InUse, "busy");
        replies.challenge(b"hello");
        replies.challenge(b"");
        replies.line(".x");
        replies.line("y");
        replies.end();
        assert_eq!(
            replies.take(),
            "+OK ready\r\n-ERR [IN-USE] busy\r\n+ aGVsbG8=\r\n+ \r\n..x\r\ny\r\n.\r\n"
        );
        assert!(replies.is_empty());
    }

    #[test]
    fn a_reply_stays_one_line() {
        let mut replies = Replies::new();
        replies.err("a\r\n+OK b\0");
        assert_eq!(replies.take(), "-ERR a  +OK b \r\n");
    }
}
