//! Reading an mbox file: mboxrd, and what older programs write. A message begins with a From line at the start of the
//! file or after an empty line: `From `, who sent it, and a date with weekday, month, day, time and year. Text that merely
//! begins with `From ` is text.
//!
//! What the fields of the header say of flags, keywords and uids is taken away from the message (the module
//! `mbox_fields`). Content-Length is a field like any other: programs that move mail have it wrong too often.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use super::{
    mail::{Producer, Source, produced},
    mbox_fields::Fields,
    mbox_tree,
    source::{SourceFolder, Uids},
};
use crate::{
    exchange::{Failure, FailureKind},
    mail_stream::ItemHead,
};

/// Reads all mail in a file, or in a directory of files with all their folders. `folder` is where it goes, INBOX for that of
/// a file if it is left out; a tree's own folders otherwise.
pub fn read(path: &Path, folder: Option<Vec<String>>) -> Result<Source, Failure> {
    if path.is_dir() {
        return mbox_tree::read(path, folder);
    }
    let folder = folder.unwrap_or_else(|| vec!["INBOX".into()]);
    let file = Mbox::open(path).map_err(|error| {
        let text = format!("{}: {error}", path.display());
        Failure::new(FailureKind::NotFound, text)
    })?;
    let Some(file) = file else {
        return Err(Failure::new(
            FailureKind::Usage,
            format!(
                "{} does not begin with a From line, so it is no mbox file",
                path.display()
            ),
        )
        .advise("one looks like this: From anna@example.org Thu Jan  1 00:00:00 1970"));
    };
    Ok(Source {
        folders: vec![SourceFolder {
            path: folder.clone(),
            uids: file.uids,
            ..SourceFolder::default()
        }],
        is_tree: false,
        left_out: Vec::new(),
        input: produced(move |producer| file.send(&folder, true, producer)),
    })
}

/// An mbox file.
pub struct Mbox {
    /// The folder's uids, if they stand in it.
    pub uids: Option<Uids>,
    reader: BufReader<File>,
}

impl Mbox {
    /// Opens it; `None`: it is none. An empty file is one.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut reader = BufReader::with_capacity(MAX_PIECE as usize, File::open(path)?);
        let start = reader.fill_buf()?;
        let mut lines = start.split_inclusive(|byte| *byte == b'\n');
        match lines.next() {
            Some(first) if from_line(first).is_none() => return Ok(None),
            Some(_) | None => {}
        }
        let mut fields = Fields::default();
        for line in lines.map(trimmed).take_while(|line| !line.is_empty()) {
            fields.take(line);
        }
        Ok(Some(Self {
            uids: fields.uids,
            reader,
        }))
    }

    /// Sends all messages.
    pub fn send(
        self,
        folder: &[String],
        keep_uids: bool,
        producer: &mut Producer,
    ) -> io::Result<()> {
        take(self.reader, folder, keep_uids, producer)
    }
}

/// Where in the file a line stands.
enum State {
    /// Before the first message.
    Before,
    /// In a header: what it says of the message, and its lines, which are kept until it ends.
    Header { fields: Fields, lines: Vec<u8> },
    /// In a body.
    Body(Before),
    /// In one that is no message's; whether the line before was empty.
    Passed(bool),
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

/// A file's messages as a mail stream.
pub fn stream(reader: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
    produced(move |producer| take(reader, &["INBOX".into()], true, producer))
}

fn take(
    mut reader: impl BufRead,
    folder: &[String],
    keep_uids: bool,
    producer: &mut Producer,
) -> io::Result<()> {
    let begin = |fields: &mut Fields, producer: &mut Producer| {
        if !keep_uids {
            fields.origin.uid = None;
        }
        producer.begin(&fields.head, &fields.origin)
    };
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
            State::Before | State::Body(Before::Header | Before::Empty) | State::Passed(true)
                if from.is_some() =>
            {
                if matches!(state, State::Body(_)) {
                    producer.end()?;
                }
                State::Header {
                    fields: Fields::of(
                        ItemHead {
                            folder: folder.to_vec(),
                            internal_date: from,
                            ..ItemHead::default()
                        },
                        matches!(state, State::Before),
                    ),
                    lines: Vec::new(),
                }
            }
            State::Before => State::Before,
            State::Passed(_) => State::Passed(begins && trimmed(&line).is_empty()),
            State::Header {
                mut fields,
                mut lines,
            } => {
                let text = trimmed(&line);
                let is_end = begins && text.is_empty() || lines.len() > MAX_HEADER;
                if is_end && fields.is_internal() {
                    State::Passed(true)
                } else if is_end {
                    begin(&mut fields, producer)?;
                    lines.extend(crlf(&line));
                    producer.write(&lines)?;
                    State::Body(Before::Header)
                } else {
                    if !(begins && fields.take(text)) {
                        lines.extend(crlf(unquoted(&line, begins)));
                    }
                    State::Header { fields, lines }
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
        State::Before | State::Passed(_) => {}
        State::Header { fields, .. } if fields.is_internal() => {}
        State::Header { mut fields, lines } => {
            begin(&mut fields, producer)?;
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

/// The line as it was before it was quoted, of which `begins` says whether it is there from its first byte.
fn unquoted(line: &[u8], begins: bool) -> &[u8] {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    if begins && quotes > 0 && line[quotes..].starts_with(b"From ") {
        &line[1..]
    } else {
        line
    }
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
    use crate::{
        command::import::source::Origin,
        mail_stream::{Parser, Step},
    };

    fn items(text: &'static str) -> Vec<(ItemHead, String)> {
        let items = with_origins(text);
        items
            .into_iter()
            .map(|(head, _, text)| (head, text))
            .collect()
    }

    fn with_origins(text: &'static str) -> Vec<(ItemHead, Origin, String)> {
        let mut reader =
            produced(move |producer| take(text.as_bytes(), &["F".into()], true, producer));
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        let mut parser = Parser::default();
        parser.push(&all);
        let mut items: Vec<(ItemHead, Origin, String)> = Vec::new();
        let mut begun = None;
        while let Some(step) = parser.step().unwrap() {
            match step {
                Step::Begin(head) => begun = Some(head),
                Step::Bytes(bytes) if begun.is_some() => {
                    let origin = serde_json::from_slice(&bytes).unwrap();
                    items.push((begun.take().unwrap(), origin, String::new()));
                }
                Step::Bytes(bytes) => {
                    items
                        .last_mut()
                        .unwrap()
                        .2
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
    fn uids_come_out_and_do_not_stay_in_the_message() {
        let text = "From a@b Thu Jan  1 00:00:07 1970\nX-IMAPbase: 1500000000 0000000017 one two\n three\nSubject: x\n\
             X-UID: 4\nX-Keywords: one\n\ttwo\nX-UIDL: theirs\n folded\nContent-Length: 3\n\nbody\n\n\
             From a@b Thu Jan  1 00:00:08 1970\nX-UID: 9     \nStatus: O\n\nbody\n";
        let items = with_origins(text);
        assert_eq!(items.len(), 2);
        let (head, origin, message) = &items[0];
        assert_eq!(head.keywords, ["one", "two"]);
        assert_eq!((origin.uid, &origin.uidl), (Some(4), &None));
        assert_eq!(
            message,
            "Subject: x\r\nX-UIDL: theirs\r\n folded\r\nContent-Length: 3\r\n\r\nbody\r\n"
        );
        assert_eq!(items[1].1.uid, Some(9));
        assert_eq!(items[1].2, "\r\nbody\r\n");
    }

    #[test]
    fn what_pine_keeps_in_a_message_is_none() {
        let items = with_origins(
            "From MAILER-DAEMON Thu Jan  1 00:00:07 1970\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\
             X-IMAP: 1500000000 0000000002\nStatus: RO\n\nThis text is part of the internal format.\n\n\
             From a@b Thu Jan  1 00:00:08 1970\nSubject: x\n\nbody\n",
        );
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].2, "Subject: x\r\n\r\nbody\r\n");
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
