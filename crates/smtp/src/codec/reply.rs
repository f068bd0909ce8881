//! Replies (RFC 5321 §4.2) with enhanced status codes (RFC 2034), as the client gets them.

use std::{borrow::Cow, fmt::Write as _};

use bytes::{BufMut, BytesMut};
use fieldpost_transport::{Refusal, Status};

use super::command::CommandError;

/// One reply, of one line or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The reply code, 200 to 599.
    pub code: u16,
    /// The enhanced status code. Greeting, LHLO and 3yz replies have none (RFC 2034 §4).
    pub status: Option<Status>,
    /// The text; a line feed in it begins another line of the reply.
    pub text: Cow<'static, str>,
}

impl Reply {
    /// A reply with an enhanced status code.
    pub fn new(code: u16, status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            status: Some(status),
            text: text.into(),
        }
    }

    /// A reply without one.
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            status: None,
            text: text.into(),
        }
    }

    /// `503`: the command is right, and comes at the wrong moment.
    pub fn out_of_order(text: &'static str) -> Self {
        Self::new(503, Status(5, 5, 1), text)
    }

    /// `500`: a line beyond the limit (RFC 5321 §4.5.3.1.4).
    pub fn line_too_long() -> Self {
        Self::new(500, Status(5, 5, 2), "line too long")
    }

    /// `421`: the connection is about to be closed.
    pub fn closing(status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(421, status, text)
    }

    /// Whether the client did something wrong: what counts towards the limit of errors. A recipient that does not exist,
    /// or a full mailbox, is no error of the client's.
    pub fn is_protocol_error(&self) -> bool {
        matches!(self.code, 500..=504 | 555)
    }

    /// Appends the reply to `output`. Whatever the text quotes from the peer, the lines are of printable characters and at
    /// most 512 bytes long (RFC 5321 §4.5.3.1.5).
    pub fn write(&self, output: &mut BytesMut) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { '-' } else { ' ' };
            // Writing to a BytesMut does not fail: it grows.
            let _ = write!(output, "{}{separator}", self.code);
            if let Some(status) = self.status {
                let _ = write!(output, "{status} ");
            }
            // A challenge is ours, is base64, and is of no use cut off (RFC 4954 §4).
            let limit = if self.code == 334 {
                line.len()
            } else {
                MAX_TEXT
            };
            write_printable(line, limit, output);
            output.put_slice(b"\r\n");
        }
    }
}

impl From<&Refusal> for Reply {
    fn from(refusal: &Refusal) -> Self {
        Self::new(refusal.code, refusal.status, refusal.text.clone())
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.status, refusal.text)
    }
}

impl From<CommandError> for Reply {
    fn from(error: CommandError) -> Self {
        let (code, status) = match error {
            CommandError::Unknown => (500, Status(5, 5, 2)),
            CommandError::NotImplemented => (502, Status(5, 5, 1)),
            CommandError::Syntax(_) | CommandError::ParameterValue(_) => (501, Status(5, 5, 4)),
            // Reading on could take the chunk's bytes for commands.
            CommandError::ChunkSize => (421, Status(4, 5, 4)),
            CommandError::Sender(_) => (501, Status(5, 1, 7)),
            CommandError::Recipient(_) => (501, Status(5, 1, 3)),
            CommandError::Parameter => (555, Status(5, 5, 4)),
            CommandError::NeedsSmtpUtf8 => (553, Status(5, 6, 7)),
        };
        Self::new(code, status, error.to_string())
    }
}

/// Printable text without line ends; a control character becomes `?`, the end of a long line is cut off.
fn write_printable(line: &str, limit: usize, output: &mut BytesMut) {
    let end = line.floor_char_boundary(limit);
    if line
        .bytes()
        .take(end)
        .all(|byte| (b' '..=b'~').contains(&byte))
    {
        output.put_slice(&line.as_bytes()[..end]);
        return;
    }
    for character in line[..end].chars() {
        let character = if character.is_control() {
            '?'
        } else {
            character
        };
        output.put_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// With code, status and CRLF that stays below 512.
const MAX_TEXT: usize = 480;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply) -> String {
        let mut output = BytesMut::new();
        reply.write(&mut output);
        String::from_utf8(output.to_vec()).unwrap()
    }

    #[test]
    fn one_line_and_several() {
        assert_eq!(
            written(&Reply::new(250, Status(2, 1, 5), "recipient ok")),
            "250 2.1.5 recipient ok\r\n"
        );
        assert_eq!(
            written(&Reply::plain(250, "mx.demo.test\nPIPELINING\nSIZE 1000")),
            "250-mx.demo.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"
        );
    }

    #[test]
    fn quoted_text_can_not_make_another_reply() {
        let reply = Reply::new(550, Status(5, 1, 1), "a\r250 ok\0\u{7f}\u{85}é");
        assert_eq!(written(&reply), "550 5.1.1 a?250 ok???é\r\n");
        let long = Reply::new(550, Status(5, 1, 1), "é".repeat(400));
        assert!(written(&long).len() <= 512);
    }
}
