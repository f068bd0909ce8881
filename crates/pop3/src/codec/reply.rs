//! Replies: a status line, perhaps with a response code, perhaps with lines after it (RFC 1939 §3, RFC 2449 §4 and §8).
//!
//! ```abnf
//! single-line  =  status [SP text] CRLF
//! status       =  "+OK" / "-ERR"
//! resp-code    =  "[" resp-level *("/" resp-level) "]"
//! ```

use std::fmt::{self, Write as _};

use bytes::BytesMut;

/// Writes replies behind those that wait in the connection's buffer already, so that the answers to pipelined commands leave together.
#[derive(Debug)]
pub struct Replies<'a> {
    octets: &'a mut BytesMut,
}

impl<'a> Replies<'a> {
    /// Behind what is in the buffer.
    pub fn new(octets: &'a mut BytesMut) -> Self {
        Self { octets }
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

    /// A challenge of a SASL exchange, in base64: `+ base64` (RFC 5034 §4).
    pub fn challenge(&mut self, challenge: &str) {
        self.octets.extend_from_slice(b"+ ");
        self.text_line(challenge);
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

    /// Text up to the line end. A control character in it (from a name or an error of another crate) becomes a space: a reply is one line.
    fn text_line(&mut self, text: impl fmt::Display) {
        let start = self.octets.len();
        // Writing to a `BytesMut` fails only where memory ends.
        let _ = write!(&mut *self.octets, "{text}");
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
        let mut octets = BytesMut::new();
        let mut replies = Replies::new(&mut octets);
        replies.ok("ready");
        replies.err_with(ResponseCode::InUse, "busy");
        replies.challenge("aGVsbG8=");
        replies.challenge("");
        replies.line(".x");
        replies.line("y");
        replies.end();
        assert_eq!(
            octets,
            "+OK ready\r\n-ERR [IN-USE] busy\r\n+ aGVsbG8=\r\n+ \r\n..x\r\ny\r\n.\r\n"
        );
    }

    #[test]
    fn a_reply_stays_one_line() {
        let mut octets = BytesMut::new();
        Replies::new(&mut octets).err("a\r\n+OK b\0");
        assert_eq!(octets, "-ERR a  +OK b \r\n");
    }
}
