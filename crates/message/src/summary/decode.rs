//! Bytes to summary, trusting nothing: see [`super::encode`] for the format.

use super::{
    AutoSubmitted, EncodedSummary, Importance, Precedence, Summary,
    encode::{fact, flag, present},
    reader::Reader,
};
use crate::{
    address::Address,
    envelope::Envelope,
    error::Error,
    limits::Limits,
    part::{AttachedMessage, Content, Disposition, Param, Part},
};

pub(super) fn decode(bytes: &[u8]) -> Result<Summary, Error> {
    let front = EncodedSummary::new(bytes)?;
    let facts = front.facts;
    let mut reader = Decoder(front.behind);
    let envelope = reader.envelope()?;
    let structure = reader.part(0, front.size(), 0)?;
    if !reader.0.is_empty() {
        return Err(Error::SummaryTrailing);
    }
    Ok(Summary {
        size: front.size(),
        header_len: front.header_len(),
        lines: front.lines(),
        envelope,
        structure,
        sent: front.sent(),
        references: front
            .references()
            .map(|id| id.map(str::to_owned))
            .collect::<Result<_, _>>()?,
        preview: front.raw_preview.text()?.to_owned(),
        has_attachments: front.has_attachments(),
        importance: match facts >> fact::IMPORTANCE_SHIFT & 3 {
            0 => Importance::Normal,
            1 => Importance::Low,
            2 => Importance::High,
            _ => return Err(Error::SummaryDamaged("importance")),
        },
        list_id: front.list_id.map(str::to_owned),
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

/// A [`Reader`] whose strings are kept.
struct Decoder<'a>(Reader<'a>);

impl Decoder<'_> {
    fn string(&mut self) -> Result<String, Error> {
        self.0.string().map(str::to_owned)
    }

    fn optional(&mut self, present: u64) -> Result<Option<String>, Error> {
        Ok(self.0.optional(present)?.map(str::to_owned))
    }

    fn strings(&mut self) -> Result<Vec<String>, Error> {
        let count = self.0.count()?;
        (0..count).map(|_| self.string()).collect()
    }

    fn params(&mut self) -> Result<Vec<Param>, Error> {
        let count = self.0.count()?;
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
        let count = self.0.count()?;
        if count == 0 {
            return Err(Error::SummaryDamaged("address list"));
        }
        (0..count)
            .map(|_| {
                let flags = self.0.flags(present::ADDRESS_ALL, "address")?;
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
        let flags = self.0.flags(present::ENVELOPE_ALL, "envelope")?;
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
        let flags = self.0.flags(flag::ALL, "part")?;
        let offset = |from: u64, by: u64| {
            from.checked_add(by)
                .filter(|offset| *offset <= last)
                .ok_or(Error::SummaryDamaged("part range"))
        };
        let header = offset(before, self.0.varint()?)?;
        let body = offset(header, self.0.varint()?)?;
        let end = offset(body, self.0.varint()?)?;
        let mut part = Part {
            header,
            body,
            end,
            lines: self.0.varint()?,
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
                let count = self.0.count()?;
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
