//! Reading an mbox file: mboxrd, and what older programs write. A message begins with a From line at the start of the
//! file or after an empty line: `From `, who sent it, and a date with weekday, month, day, time and year. Text that merely
//! begins with `From ` is text.
//!
//! Status, X-Status and X-Keywords are taken for flags and keywords, and away from the message; of a message that we
//! wrote, which `X-Fieldpost-Fields` tells, only those that we added.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use super::mail::{Producer, produced};
use crate::{
    command::export::FIELDS,
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
    let first = start.split(|byte| *byte == b'\n').next();
    if !start.is_empty() && first.and_then(from_line).is_none() {
        return Err(Failure::new(
            FailureKind::Usage,
            format!(
                "{} does not begin with a From line, so it is no mbox file",
                file.display()
            ),
        )
        .advise("one looks like this: From anna@example.org Thu Jan  1 00:00:00 1970"));
    }
    Ok(produced(move |producer| take(reader, &folder, producer)))
}

/// Where in the file a line stands.
enum State {
    /// Before the first message.
    Before,
    /// In a header: what it says of flags, and its lines, which are kept until it ends.
    Header {
        head: ItemHead,
        lines: Vec<u8>,
        fields: Fields,
    },
    /// In a body.
    Body(Before),
}

/// Which fields of a header speak of flags.
#[derive(Clone, Copy)]
enum Fields {
    /// The first one tells.
    First,
    /// So many more, which we added.
    Ours(u32),
    /// All of those names.
    Any,
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
        let from = if begins { from_line(&line) } else { None };
        state = match state {
            State::Before | State::Body(Before::Header | Before::Empty) if from.is_some() => {
                if matches!(state, State::Body(_)) {
                    producer.end()?;
                }
                State::Header {
                    head: ItemHead {
                        folder: folder.to_vec(),
                        internal_date: from,
                        ..ItemHead::default()
                    },
                    lines: Vec::new(),
                    fields: Fields::First,
                }
            }
            State::Before => State::Before,
            State::Header {
                mut head,
                mut lines,
                mut fields,
            } => {
                let text = trimmed(&line);
                if begins && text.is_empty() || lines.len() > MAX_HEADER {
                    producer.begin(&head)?;
                    lines.extend(crlf(&line));
                    producer.write(&lines)?;
                    State::Body(Before::Header)
                } else {
                    if !(begins && fields.take(text, &mut head)) {
                        lines.extend(crlf(unquoted(&line, begins)));
                    }
                    State::Header {
                        head,
                        lines,
                        fields,
                    }
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
                    producer.write(&crlf(unquoted(&line, begins)))?;
                    State::Body(Before::Text)
                }
            }
        };
    }
    match state {
        State::Before => {}
        State::Header { head, lines, .. } => {
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

impl Fields {
    /// Notes what a field says of flags; true if that is all that it is for, so that it is not part of the message.
    fn take(&mut self, line: &[u8], head: &mut ItemHead) -> bool {
        match *self {
            Self::First => {
                let count = std::str::from_utf8(line)
                    .ok()
                    .and_then(|text| text.strip_prefix(FIELDS)?.strip_prefix(':'))
                    .and_then(|count| count.trim().parse().ok());
                if let Some(count) = count {
                    *self = Self::Ours(count);
                    return true;
                }
                *self = Self::Any;
                status(line, head)
            }
            Self::Ours(0) => false,
            Self::Ours(left) => {
                *self = Self::Ours(left - 1);
                status(line, head)
            }
            Self::Any => status(line, head),
        }
    }
}

/// The line as it was before it was quoted, of which `begins` says whether it is there from its first byte.
fn unquoted(line: &[u8], begins: bool) -> &[u8] {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    if begins && quotes > 0 && line[quotes..].starts_with(b"From ") {
        &line[1..]
    } else {
        line
    }
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

/// The date of a From line, in seconds since 1970; `None` = the line is none. `From sender Thu Jan  1 00:00:00 1970` is the
/// form; the sender may be left out or be `anna at example.org`, seconds may be left out, and a zone's name may stand
/// before the year and anything behind it, all of which programs have written. The time is taken for UTC.
fn from_line(line: &[u8]) -> Option<i64> {
    if line.len() > MAX_FROM {
        return None;
    }
    let rest = line.strip_prefix(b"From ")?;
    let text = String::from_utf8_lossy(trimmed(rest));
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    (0..=3).find_map(|sender| date(words.get(sender..)?))
}

fn date(words: &[&str]) -> Option<i64> {
    let (&[weekday, month, day, time], rest) = words.split_first_chunk::<4>()?;
    if !WEEKDAYS.contains(&weekday) {
        return None;
    }
    let month = 1 + MONTHS.iter().position(|one| *one == month)?;
    let year = rest
        .iter()
        .take(2)
        .find(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))?;
    let mut parts = time.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let second = parts.next().map_or(Some(0), |second| second.parse().ok())?;
    if parts.next().is_some() {
        return None;
    }
    let date = jiff::civil::DateTime::new(
        year.parse().ok()?,
        i8::try_from(month).ok()?,
        day.parse().ok()?,
        hour,
        minute,
        second,
        0,
    )
    .ok()?;
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

/// No From line is longer.
const MAX_FROM: usize = 1024;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

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
                Step::End | Step::Void => {}
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
        // The line "From here…" stands behind an empty line, but is no From line.
        assert_eq!(items.len(), 2);
        let (head, text) = &items[0];
        assert_eq!(
            text,
            "Subject: x\r\n\r\nFrom me\r\n>From you\r\n\r\nFrom here it goes on? No:\r\n"
        );
        assert_eq!(head.flags, ["seen", "answered", "flagged"]);
        assert_eq!(head.keywords, ["one", "two"]);
        assert_eq!(head.internal_date, Some(7));
        let (head, text) = &items[1];
        assert_eq!(text, "Subject: y\r\n\r\nz\r\n\r\n");
        assert_eq!(head.internal_date, Some(86_400));
    }

    #[test]
    fn a_message_without_body_or_end_is_taken() {
        let text = "From a Thu Jan  1 00:00:00 1970\nSubject: x";
        assert_eq!(items(text)[0].1, "Subject: x");
        assert_eq!(items("").len(), 0);
    }

    #[test]
    fn what_a_from_line_is() {
        for (line, date) in [
            ("From a@b Thu Jan  1 00:00:07 1970", 7),
            ("From MAILER-DAEMON Thu Jan 1 00:01 1970\r\n", 60),
            ("From anna at example.org  Thu Jan  1 00:00:07 1970\n", 7),
            ("From a Thu Jan  1 00:00:07 CET 1970 remote from b", 7),
            ("From  Thu Jan  1 00:00:07 1970 +0100", 7),
        ] {
            assert_eq!(from_line(line.as_bytes()), Some(date), "{line}");
        }
        for line in [
            "From a@b",
            "From here on it is Thu Jan 1 00:00:07 1970",
            "From me to you, Thu",
            "From a Thu Jan 41 00:00:07 1970",
            "From a Thu Jan 1 25:00:07 1970",
            "From a Day Jan 1 00:00:07 1970",
            ">From a@b Thu Jan  1 00:00:07 1970",
        ] {
            assert_eq!(from_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn fields_of_a_message_by_the_names_of_ours_stay() {
        let own = "Status: R\r\nX-Keywords: mine\r\nX-Fieldpost-Fields: 9\r\n>From a@b\r\nFrom c\r\n\r\nFrom d\r\n";
        let mut file = Vec::new();
        for flags in [vec![], vec!["seen".to_owned()]] {
            let head = ItemHead {
                flags,
                keywords: vec!["k".into()],
                ..ItemHead::default()
            };
            file.extend(crate::command::export::mbox_of(&head, own.as_bytes()));
        }
        let items = items(String::from_utf8(file).unwrap().leak());
        assert_eq!(items.len(), 2);
        for (head, text) in &items {
            assert_eq!(text, own);
            assert_eq!(head.keywords, ["k"]);
        }
        assert_eq!(items[0].0.flags.len(), 0);
        assert_eq!(items[1].0.flags, ["seen"]);
    }
}
