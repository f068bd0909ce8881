//! Reading an mbox file: mboxrd, and what older programs write. A message begins with a `From ` line at the start of
//! the file or after an empty line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use super::mail::{Producer, produced};
use crate::{
    exchange::{Failure, FailureKind},
    mail_stream::ItemHead,
};

/// Reads all mail in `file`, to go into `folder`.
pub fn read(file: &Path, folder: Vec<String>) -> Result<Box<dyn Read + Send>, Failure> {
    let failed = |error: io::Error| {
        Failure::new(
            FailureKind::NotFound,
            format!("{}: {error}", file.display()),
        )
    };
    let mut reader = BufReader::new(File::open(file).map_err(failed)?);
    let start = reader.fill_buf().map_err(failed)?;
    if !start.is_empty() && !start.starts_with(b"From ") {
        return Err(Failure::new(
            FailureKind::Usage,
            format!(
                "{} does not begin with a From line, so it is no mbox file",
                file.display()
            ),
        ));
    }
    Ok(produced(move |producer| take(reader, &folder, producer)))
}

/// Where in the file a line stands.
enum State {
    /// Before the first message.
    Before,
    /// In a header: what it says of flags, and its lines, which are kept until it ends.
    Header { head: ItemHead, lines: Vec<u8> },
    /// In a body.
    Body(Before),
}

/// The line before the next one of a body.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Before {
    /// Some text.
    Text,
    /// The empty line between header and body.
    Header,
    /// An empty line, not yet passed on: it is the message's only if the message goes on.
    Empty,
}

fn take(mut reader: impl BufRead, folder: &[String], producer: &mut Producer) -> io::Result<()> {
    let mut state = State::Before;
    let mut line = Vec::new();
    let mut whole = true;
    loop {
        line.clear();
        // Lines of any length, in pieces.
        let count = (&mut reader).take(MAX_PIECE).read_until(b'\n', &mut line)?;
        if count == 0 {
            break;
        }
        let begins = std::mem::replace(&mut whole, line.ends_with(b"\n"));
        let is_from = begins && line.starts_with(b"From ");
        state = match state {
            State::Before | State::Body(Before::Header | Before::Empty) if is_from => {
                if matches!(state, State::Body(_)) {
                    producer.end()?;
                }
                State::Header {
                    head: ItemHead {
                        folder: folder.to_vec(),
                        internal_date: from_date(&line),
                        ..ItemHead::default()
                    },
                    lines: Vec::new(),
                }
            }
            State::Before => State::Before,
            State::Header {
                mut head,
                mut lines,
            } => {
                let text = trimmed(&line);
                if begins && text.is_empty() || lines.len() > MAX_HEADER {
                    producer.begin(&head)?;
                    lines.extend(crlf(&line));
                    producer.write(&lines)?;
                    State::Body(Before::Header)
                } else {
                    if !(begins && status(text, &mut head)) {
                        lines.extend(crlf(&line));
                    }
                    State::Header { head, lines }
                }
            }
            State::Body(before) => {
                if before == Before::Empty {
                    producer.write(b"\r\n")?;
                }
                let text = trimmed(&line);
                if begins && text.is_empty() {
                    State::Body(Before::Empty)
                } else {
                    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
                    let unquoted = if begins && quotes > 0 && line[quotes..].starts_with(b"From ") {
                        &line[1..]
                    } else {
                        &line[..]
                    };
                    producer.write(&crlf(unquoted))?;
                    State::Body(Before::Text)
                }
            }
        };
    }
    match state {
        State::Before => {}
        State::Header { head, lines } => {
            producer.begin(&head)?;
            if !lines.is_empty() {
                producer.write(&lines)?;
            }
            producer.end()?;
        }
        // The empty line that mbox puts behind each message is not the message's.
        State::Body(_) => producer.end()?,
    }
    Ok(())
}

/// Notes what a Status field says; true if it was one, which is not part of the message.
fn status(line: &[u8], head: &mut ItemHead) -> bool {
    let Ok(text) = std::str::from_utf8(line) else {
        return false;
    };
    let Some((name, value)) = text.split_once(':') else {
        return false;
    };
    let letters: &[(char, &str)] = match name.to_ascii_lowercase().as_str() {
        "status" => &[('R', "seen")],
        "x-status" => &[
            ('A', "answered"),
            ('F', "flagged"),
            ('T', "draft"),
            ('D', "deleted"),
        ],
        "x-keywords" => {
            head.keywords
                .extend(value.split_whitespace().map(String::from));
            return true;
        }
        _ => return false,
    };
    for (letter, flag) in letters {
        if value.contains(*letter) {
            head.flags.push((*flag).to_owned());
        }
    }
    true
}

/// `From sender Thu Jan  1 00:00:00 1970`, in UTC.
fn from_date(line: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(trimmed(line)).ok()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let date = words.get(words.len().checked_sub(5)?..)?.join(" ");
    let date = jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", &date).ok()?;
    date.to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|date| date.timestamp().as_second())
}

fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The piece of a line with the line end of mail.
fn crlf(line: &[u8]) -> Vec<u8> {
    let mut out = line.to_vec();
    if out.ends_with(b"\n") && !out.ends_with(b"\r\n") {
        out.pop();
        out.extend(b"\r\n");
    }
    out
}

/// The longest piece of a line that is kept at once.
const MAX_PIECE: u64 = 64 * 1024;

/// A header beyond this is taken for the body that it probably is.
const MAX_HEADER: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail_stream::{Parser, Step};

    fn items(text: &'static str) -> Vec<(ItemHead, String)> {
        let mut reader = produced(move |producer| take(text.as_bytes(), &["F".into()], producer));
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        let mut parser = Parser::default();
        parser.push(&all);
        let mut items: Vec<(ItemHead, String)> = Vec::new();
        while let Some(step) = parser.step().unwrap() {
            match step {
                Step::Begin(head) => items.push((head, String::new())),
                Step::Bytes(bytes) => {
                    items
                        .last_mut()
                        .unwrap()
                        .1
                        .push_str(std::str::from_utf8(&bytes).unwrap());
                }
                Step::End => {}
            }
        }
        parser.finish().unwrap();
        items
    }

    #[test]
    fn messages_flags_and_dates_come_out() {
        let items = items(
            "From a@b Thu Jan  1 00:00:07 1970\nStatus: RO\nX-Status: AF\nX-Keywords: one two\nSubject: x\n\n\
             >From me\n>>From you\n\nFrom here it goes on? No:\n\nFrom c Fri Jan  2 00:00:00 1970\nSubject: y\r\n\r\nz\n\n\n",
        );
        // The line "From here…" stands behind an empty line, so it begins a message, as every mbox reader has it.
        assert_eq!(items.len(), 3);
        let (head, text) = &items[0];
        assert_eq!(text, "Subject: x\r\n\r\nFrom me\r\n>From you\r\n");
        assert_eq!(head.flags, ["seen", "answered", "flagged"]);
        assert_eq!(head.keywords, ["one", "two"]);
        assert_eq!(head.internal_date, Some(7));
        let (head, text) = &items[2];
        assert_eq!(text, "Subject: y\r\n\r\nz\r\n\r\n");
        assert_eq!(head.internal_date, Some(86_400));
    }

    #[test]
    fn a_message_without_body_or_end_is_taken() {
        assert_eq!(items("From a\nSubject: x")[0].1, "Subject: x");
        assert_eq!(items("").len(), 0);
    }
}
