//! The fields of a header in an mbox file that are not the message's: what mutt, Dovecot, Pine and we write there.
//!
//! `X-Fieldpost-Fields: N` in front says that the N fields behind it are ours, and all others the message's.

use super::source::{Origin, Uids};
use crate::{command::export::FIELDS, mail_stream::ItemHead};

/// What a header says of its message.
#[derive(Debug, Default)]
pub struct Fields {
    /// Its flags and keywords.
    pub head: ItemHead,
    /// Its uid and unique-id.
    pub origin: Origin,
    /// The folder's uids (X-IMAPbase), in the first message of a file.
    pub uids: Option<Uids>,
    /// It has Pine's field for the folder's uids, and its subject.
    has_folder_data: (bool, bool),
    /// It is the first one of the file.
    is_first: bool,
    mode: Mode,
    /// Which field the line before was part of, if that is not the message's.
    within: Option<Field>,
}

/// Which fields speak of flags.
#[derive(Clone, Copy, Debug, Default)]
enum Mode {
    /// The first one tells.
    #[default]
    First,
    /// So many more, which we added.
    Ours(u32),
    /// All of those names.
    Any,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Status,
    ExtendedStatus,
    Keywords,
    Uid,
    /// The folder's uids; whether the message is there for nothing else.
    Base {
        is_internal: bool,
    },
    /// Ours only: others' files have fields of this name that come from other servers.
    Uidl,
}

impl Fields {
    /// Those of a message that begins there.
    pub fn of(head: ItemHead, is_first: bool) -> Self {
        Self {
            head,
            is_first,
            ..Self::default()
        }
    }

    /// It is no message: Pine keeps the folder's uids there, at the beginning of a file.
    pub fn is_internal(&self) -> bool {
        self.is_first && self.has_folder_data == (true, true)
    }

    /// Notes what a line of the header says; true if it is not part of the message.
    pub fn take(&mut self, line: &[u8]) -> bool {
        match self.mode {
            Mode::First => {
                let count = std::str::from_utf8(line)
                    .ok()
                    .and_then(|text| text.strip_prefix(FIELDS)?.strip_prefix(':'))
                    .and_then(|count| count.trim().parse().ok());
                if let Some(count) = count {
                    self.mode = Mode::Ours(count);
                    return true;
                }
                self.mode = Mode::Any;
                self.any(line)
            }
            Mode::Ours(0) => false,
            Mode::Ours(left) => {
                self.mode = Mode::Ours(left - 1);
                self.field(line, true)
            }
            Mode::Any => self.any(line),
        }
    }

    /// A line of a header in which every field of those names counts, folded ones too.
    fn any(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if self.within == Some(Field::Keywords) {
                self.keywords(&String::from_utf8_lossy(line));
            }
            return self.within.is_some();
        }
        self.field(line, false)
    }

    fn field(&mut self, line: &[u8], is_ours: bool) -> bool {
        let text = String::from_utf8_lossy(line);
        let parts = text.split_once(':').and_then(|(name, value)| {
            let field = field(name.trim_end())?;
            (is_ours || field != Field::Uidl).then_some((field, value.trim()))
        });
        self.within = parts.map(|(field, _)| field);
        self.has_folder_data.1 |= text.starts_with("Subject:") && text.contains(FOLDER_DATA);
        let Some((field, value)) = parts else {
            return false;
        };
        match field {
            Field::Status => self.flags(value, &[('R', "seen")]),
            Field::ExtendedStatus => self.flags(
                value,
                &[
                    ('A', "answered"),
                    ('F', "flagged"),
                    ('T', "draft"),
                    ('D', "deleted"),
                ],
            ),
            Field::Keywords => self.keywords(value),
            Field::Uid => self.origin.uid = value.parse().ok(),
            Field::Base { is_internal } => {
                self.uids = base(value);
                self.has_folder_data.0 |= is_internal;
            }
            Field::Uidl => self.origin.uidl = Some(value.to_owned()),
        }
        true
    }

    fn flags(&mut self, value: &str, letters: &[(char, &str)]) {
        for (letter, flag) in letters {
            if value.contains(*letter) {
                self.head.flags.push((*flag).to_owned());
            }
        }
    }

    fn keywords(&mut self, value: &str) {
        let room = MAX_KEYWORDS.saturating_sub(self.head.keywords.len());
        let words = value.split_whitespace();
        let words = words.filter(|word| word.len() <= MAX_KEYWORD).take(room);
        self.head.keywords.extend(words.map(String::from));
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name.to_ascii_lowercase().as_str() {
        "status" => Field::Status,
        "x-status" => Field::ExtendedStatus,
        "x-keywords" => Field::Keywords,
        "x-uid" => Field::Uid,
        "x-imapbase" => Field::Base { is_internal: false },
        "x-imap" => Field::Base { is_internal: true },
        "x-uidl" => Field::Uidl,
        _ => return None,
    })
}

/// `1500000000 0000000017 keyword…`: the uid_validity and the last uid that was given out.
fn base(value: &str) -> Option<Uids> {
    let mut words = value.split_ascii_whitespace();
    let validity = words.next()?.parse().ok().filter(|number| *number > 0)?;
    let last: u32 = words.next()?.parse().ok()?;
    Some(Uids {
        validity,
        next: last.checked_add(1)?,
    })
}

/// In the subject of what is no message.
const FOLDER_DATA: &str = "FOLDER INTERNAL DATA";

/// Of how many keywords of a message note is taken; the core keeps fewer.
const MAX_KEYWORDS: usize = 256;

/// And of which length; the core takes shorter ones.
pub const MAX_KEYWORD: usize = 200;
