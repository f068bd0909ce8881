//! Replies of a server (RFC 5321 §4.2), out of lines that may be anything.

use fieldpost_transport::{Refusal, Status};

/// A reply, of one line or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReply {
    /// The reply code, 200 to 599.
    pub code: u16,
    /// The enhanced status code that its first line begins with (RFC 2034 §4).
    pub status: Option<Status>,
    /// Its lines without code; printable, and cut off where they are too long or too many.
    pub lines: Vec<String>,
}

/// What is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line that does not begin with a code, or with one that no reply has.
    #[error("not a reply of SMTP")]
    Malformed,
    /// A line with another code than the one before it.
    #[error("a reply whose lines have different codes")]
    Mixed,
    /// More lines than any sensible reply has.
    #[error("a reply without end")]
    TooLong,
}

/// Puts a reply together, line by line.
#[derive(Debug, Default)]
pub struct ReplyParser {
    reply: Option<ServerReply>,
    count: usize,
}

impl ReplyParser {
    /// Takes the next line, without its end. `Some`: the reply is whole.
    ///
    /// ```abnf
    /// Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
    /// Reply-code = %x32-35 %x30-35 %x30-39
    /// ```
    /// Modified: any second digit is taken.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<ServerReply>, ReplyError> {
        let (code, text) = line.split_at_checked(3).ok_or(ReplyError::Malformed)?;
        if !matches!(code[0], b'2'..=b'5') || !code[1..].iter().all(u8::is_ascii_digit) {
            return Err(ReplyError::Malformed);
        }
        let code = code
            .iter()
            .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
        let (is_last, text) = match text.split_first() {
            None => (true, &b""[..]),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(ReplyError::Malformed),
        };
        self.count += 1;
        if self.count > MAX_LINES {
            return Err(ReplyError::TooLong);
        }
        let text = printable(text);
        let reply = self.reply.get_or_insert_with(|| ServerReply {
            code,
            status: enhanced(&text, code),
            lines: Vec::new(),
        });
        if reply.code != code {
            return Err(ReplyError::Mixed);
        }
        if reply.lines.len() < MAX_KEPT {
            reply.lines.push(text);
        }
        if !is_last {
            return Ok(None);
        }
        self.count = 0;
        Ok(self.reply.take())
    }
}

impl ServerReply {
    /// Whether the server does as it was asked.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// All its text in one line, without the enhanced status codes.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let line = match (self.status, line.split_once(' ')) {
                (Some(status), Some((first, rest))) if first == status.to_string() => rest,
                _ => line,
            };
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line);
        }
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text
    }

    /// The reply as a refusal by `host`.
    pub fn refusal(&self, host: &str) -> Refusal {
        let class = if self.code >= 500 { 5 } else { 4 };
        let code = if self.code < 400 { 451 } else { self.code };
        let status = self
            .status
            .filter(|status| status.0 == class)
            .unwrap_or(Status(class, 0, 0));
        Refusal::new(
            code,
            status,
            format!("{host} said: {} {}", self.code, self.text()),
        )
    }
}

/// The enhanced status code that `text` begins with, if it has the reply code's class.
fn enhanced(text: &str, code: u16) -> Option<Status> {
    let mut numbers = text.split(' ').next()?.split('.');
    let mut number = |digits: usize| {
        let text = numbers.next()?;
        let is_number =
            (1..=digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_number)
    };
    let (class, subject, detail) = (number(1)?, number(3)?, number(3)?);
    let is_whole = numbers.next().is_none() && class == code / 100;
    is_whole.then_some(Status(class as u8, subject, detail))
}

fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_TEXT)]);
    text.chars()
        .map(|character| {
            if character.is_control() {
                '?'
            } else {
                character
            }
        })
        .collect()
}

/// More lines make a reply one without end.
const MAX_LINES: usize = 1000;

/// So many lines of it are kept: EHLO's have as many as there are extensions.
const MAX_KEPT: usize = 100;

/// So many bytes of a text are kept.
const MAX_TEXT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Result<ServerReply, ReplyError> {
        let mut parser = ReplyParser::default();
        for line in lines {
            if let Some(reply) = parser.line(line.as_bytes())? {
                return Ok(reply);
            }
        }
        panic!("no end of {lines:?}");
    }

    #[test]
    fn replies_of_one_line_and_of_several() {
        let reply = parse(&["250-2.1.0 sender", "250-2.1.0 is", "250 2.1.0 ok"]).unwrap();
        assert_eq!((reply.code, reply.status), (250, Some(Status(2, 1, 0))));
        assert_eq!(reply.text(), "sender is ok");
        assert_eq!(parse(&["250"]).unwrap().text(), "");
        assert_eq!(parse(&["354 go on"]).unwrap().status, None);
        let refusal = parse(&["550 5.1.1 nobody\u{1}"])
            .unwrap()
            .refusal("mx.test");
        assert_eq!(refusal.to_string(), "550 5.1.1 mx.test said: 550 nobody?");
        // A status of another class than the code's says nothing.
        let refusal = parse(&["450 5.7.1 confused"]).unwrap().refusal("mx.test");
        assert_eq!((refusal.code, refusal.status), (450, Status(4, 0, 0)));
        assert_eq!(parse(&["220 1.2.3.4 ready"]).unwrap().status, None);
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for line in [
            "",
            "25",
            "abc hello",
            "150 early",
            "650 late",
            "250x",
            "2 50 ok",
        ] {
            assert_eq!(parse(&[line]), Err(ReplyError::Malformed), "{line}");
        }
        assert_eq!(parse(&["250-a", "251 b"]), Err(ReplyError::Mixed));
        let mut parser = ReplyParser::default();
        let mut result = Ok(None);
        for _ in 0..=MAX_LINES {
            result = parser.line(b"250-more and more");
        }
        assert_eq!(result, Err(ReplyError::TooLong));
        assert!(parser.reply.unwrap().lines.len() <= MAX_KEPT);
    }
}
