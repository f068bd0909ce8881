//! Bytes to summary, trusting nothing: see [`super::encode`] for the format.

use super::encode::{VERSION, WORDS, fact, flag, present};
use super::{AutoSubmitted, Importance, Precedence, Summary};
use crate::{
    address::Address,
    date::SentDate,
    envelope::Envelope,
    error::Error,
    limits::Limits,
    part::{AttachedMessage, Content, Disposition, Param, Part},
};

/// Addresses, parts, parameters and ids that one summary may hold. They take more memory than bytes in the value, so the
/// length alone does not bound them.
const MAX_ENTRIES: usize = 64 * 1024;

pub(super) fn decode(bytes: &[u8]) -> Result<Summary, Error> {
    if bytes.len() > Summary::MAX_ENCODED {
        return Err(Error::SummaryTooLong(bytes.len()));
    }
    let (&version, rest) = bytes.split_first().ok_or(Error::SummaryTruncated)?;
    if version != VERSION {
        return Err(Error::SummaryVersion(version, VERSION));
    }
    let mut reader = Reader {
        rest,
        entries_left: MAX_ENTRIES,
    };
    let size = reader.varint()?;
    let header_len = reader.varint()?;
    let lines = reader.varint()?;
    let facts = reader.flags(fact::ALL, "facts")?;
    let sent = if facts & fact::SENT == 0 {
        None
    } else {
        let unix = reader.signed()?;
        let offset_minutes = i16::try_from(reader.signed()?)
            .map_err(|_| Error::SummaryDamaged("zone of the date"))?;
        Some(SentDate {
            unix,
            offset_minutes,
        })
    };
    let list_id = reader.optional(facts & fact::LIST)?;
    let references = reader.strings()?;
    let preview = reader.string()?;
    let envelope = reader.envelope()?;
    let structure = reader.part(0, size, 0)?;
    if !reader.rest.is_empty() {
        return Err(Error::SummaryTrailing);
    }
    if header_len > size {
        return Err(Error::SummaryDamaged("header length"));
    }
    Ok(Summary {
        size,
        header_len,
        lines,
        envelope,
        structure,
        sent,
        references,
        preview,
        has_attachments: facts & fact::ATTACHMENTS != 0,
        importance: match facts >> fact::IMPORTANCE_SHIFT & 3 {
            0 => Importance::Normal,
            1 => Importance::Low,
            2 => Importance::High,
            _ => return Err(Error::SummaryDamaged("importance")),
        },
        list_id,
        auto_submitted: match facts >> fact::AUTO_SHIFT & 3 {
            0 => AutoSubmitted::No,
            1 => AutoSubmitted::Generated,
            2 => AutoSubmitted::Replied,
            _ => AutoSubmitted::Other,
        },
        precedence: match facts >> fact::PRECEDENCE_SHIFT & 3 {
            0 => Precedence::Normal,
            1 => Precedence::Bulk,
            2 => Precedence::Junk,
            _ => Precedence::List,
        },
        suppress_auto_response: facts & fact::SUPPRESS != 0,
    })
}

struct Reader<'a> {
    rest: &'a [u8],
    entries_left: usize,
}

impl Reader<'_> {
    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && byte > 1 {
                return Err(Error::SummaryDamaged("number"));
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() >= 10 {
            Error::SummaryDamaged("number")
        } else {
            Error::SummaryTruncated
        })
    }

    fn signed(&mut self) -> Result<i64, Error> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn flags(&mut self, known: u64, what: &'static str) -> Result<u64, Error> {
        let flags = self.varint()?;
        if flags & !known == 0 {
            Ok(flags)
        } else {
            Err(Error::SummaryDamaged(what))
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let tag = self.varint()?;
        let length = usize::try_from(tag >> 1).map_err(|_| Error::SummaryTruncated)?;
        if tag & 1 == 1 {
            let word = WORDS.get(length).ok_or(Error::SummaryDamaged("word"))?;
            return Ok((*word).to_owned());
        }
        let (text, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Error::SummaryTruncated)?;
        self.rest = rest;
        str::from_utf8(text)
            .map(str::to_owned)
            .map_err(|_| Error::SummaryDamaged("text"))
    }

    fn optional(&mut self, present: u64) -> Result<Option<String>, Error> {
        if present == 0 {
            Ok(None)
        } else {
            self.string().map(Some)
        }
    }

    /// A number of things to come, each at least one byte.
    fn count(&mut self) -> Result<usize, Error> {
        let count = usize::try_from(self.varint()?).map_err(|_| Error::SummaryTruncated)?;
        if count > self.rest.len() {
            return Err(Error::SummaryTruncated);
        }
        self.entries_left = self
            .entries_left
            .checked_sub(count)
            .ok_or(Error::SummaryDamaged("too many entries"))?;
        Ok(count)
    }

    fn strings(&mut self) -> Result<Vec<String>, Error> {
        let count = self.count()?;
        (0..count).map(|_| self.string()).collect()
    }

    fn params(&mut self) -> Result<Vec<Param>, Error> {
        let count = self.count()?;
        (0..count)
            .map(|_| {
                Ok(Param {
                    name: self.string()?,
                    value: self.string()?,
                })
            })
            .collect()
    }

    fn addresses(&mut self, present: u64) -> Result<Vec<Address>, Error> {
        if present == 0 {
            return Ok(Vec::new());
        }
        let count = self.count()?;
        if count == 0 {
            return Err(Error::SummaryDamaged("address list"));
        }
        (0..count)
            .map(|_| {
                let flags = self.flags(present::ADDRESS_ALL, "address")?;
                Ok(Address {
                    name: self.optional(flags & present::NAME)?,
                    route: self.optional(flags & present::ROUTE)?,
                    mailbox: self.optional(flags & present::MAILBOX)?,
                    host: self.optional(flags & present::HOST)?,
                })
            })
            .collect()
    }

    fn envelope(&mut self) -> Result<Envelope, Error> {
        let flags = self.flags(present::ENVELOPE_ALL, "envelope")?;
        Ok(Envelope {
            date: self.optional(flags & present::DATE)?,
            subject: self.optional(flags & present::SUBJECT)?,
            in_reply_to: self.optional(flags & present::IN_REPLY_TO)?,
            message_id: self.optional(flags & present::MESSAGE_ID)?,
            from: self.addresses(flags & present::FROM)?,
            sender: self.addresses(flags & present::SENDER)?,
            reply_to: self.addresses(flags & present::REPLY_TO)?,
            to: self.addresses(flags & present::TO)?,
            cc: self.addresses(flags & present::CC)?,
            bcc: self.addresses(flags & present::BCC)?,
        })
    }

    /// The part whose header is measured from `before` and that must end by `last`.
    fn part(&mut self, before: u64, last: u64, depth: usize) -> Result<Part, Error> {
        // One more than the scanner opens: the leaf inside the deepest container.
        if depth > Limits::MAX_DEPTH {
            return Err(Error::SummaryDamaged("depth"));
        }
        let flags = self.flags(flag::ALL, "part")?;
        let offset = |from: u64, by: u64| {
            from.checked_add(by)
                .filter(|offset| *offset <= last)
                .ok_or(Error::SummaryDamaged("part range"))
        };
        let header = offset(before, self.varint()?)?;
        let body = offset(header, self.varint()?)?;
        let end = offset(body, self.varint()?)?;
        let mut part = Part {
            header,
            body,
            end,
            lines: self.varint()?,
            media_type: self.string()?,
            subtype: self.string()?,
            encoding: self.string()?,
            params: if flags & flag::PARAMS == 0 {
                Vec::new()
            } else {
                self.params()?
            },
            id: self.optional(flags & flag::ID)?,
            description: self.optional(flags & flag::DESCRIPTION)?,
            md5: self.optional(flags & flag::MD5)?,
            disposition: if flags & flag::DISPOSITION == 0 {
                None
            } else {
                Some(Disposition {
                    kind: self.string()?,
                    params: self.params()?,
                })
            },
            language: if flags & flag::LANGUAGE == 0 {
                Vec::new()
            } else {
                self.strings()?
            },
            location: self.optional(flags & flag::LOCATION)?,
            content: Content::Leaf,
        };
        part.content = match flags & (flag::MULTIPART | flag::MESSAGE) {
            0 => Content::Leaf,
            flag::MULTIPART => {
                let count = self.count()?;
                if count == 0 {
                    return Err(Error::SummaryDamaged("multipart without parts"));
                }
                let mut parts = Vec::new();
                let mut before = body;
                for _ in 0..count {
                    let child = self.part(before, end, depth + 1)?;
                    before = child.end;
                    parts.push(child);
                }
                Content::Multipart(parts)
            }
            flag::MESSAGE => Content::Message(Box::new(AttachedMessage {
                envelope: self.envelope()?,
                root: self.part(body, end, depth + 1)?,
            })),
            _ => return Err(Error::SummaryDamaged("part content")),
        };
        Ok(part)
    }
}
