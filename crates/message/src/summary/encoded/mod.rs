//! A summary in its stored form, read where it lies: nothing is copied, and nothing is read that nobody asks for.
//!
//! [`Summary::decode`] holds a tree of strings and costs some microseconds. A FETCH of ten thousand envelopes and a search
//! that looks at one field come here instead.

mod envelope;
mod list;
mod part;

pub use envelope::EncodedEnvelope;
pub use list::{EncodedAddress, EncodedEntries, EncodedList, EncodedParam};
pub use part::{EncodedContent, EncodedDisposition, EncodedPart, PartVisitor};

use super::{
    Summary,
    encode::{VERSION, fact},
    reader::{Raw, Reader},
};
use crate::{date::SentDate, error::Error};

/// What [`Summary::encode`] wrote, borrowed.
///
/// Only the front has been read. Damage behind it shows when [`EncodedSummary::envelope`], [`EncodedSummary::structure`], one of
/// their lists or a walk meets it, always as an [`Error`].
#[derive(Clone, Copy, Debug)]
pub struct EncodedSummary<'a> {
    size: u64,
    header_len: u64,
    lines: u64,
    pub(super) facts: u64,
    sent: Option<SentDate>,
    pub(super) list_id: Option<&'a str>,
    references: EncodedList<'a, &'a str>,
    pub(super) raw_preview: Raw<'a>,
    /// Where the envelope begins.
    pub(super) behind: Reader<'a>,
}

impl<'a> EncodedSummary<'a> {
    /// Reads the front of what [`Summary::encode`] wrote.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > Summary::MAX_ENCODED {
            return Err(Error::SummaryTooLong(bytes.len()));
        }
        let (&version, rest) = bytes.split_first().ok_or(Error::SummaryTruncated)?;
        if version != VERSION {
            return Err(Error::SummaryVersion(version, VERSION));
        }
        let mut reader = Reader::new(rest);
        let size = reader.varint()?;
        let header_len = reader.varint()?;
        if header_len > size {
            return Err(Error::SummaryDamaged("header length"));
        }
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
        Ok(Self {
            size,
            header_len,
            lines,
            facts,
            sent,
            list_id: reader.optional(facts & fact::LIST)?,
            references: EncodedList::take(&mut reader)?,
            raw_preview: reader.raw()?,
            behind: reader,
        })
    }

    /// Size of the message in bytes (RFC822.SIZE).
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Length of the header with the empty line that ends it; 0 when the message has none.
    pub fn header_len(&self) -> u64 {
        self.header_len
    }

    /// Lines of the whole message, header included.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether a reader should show the paper clip.
    pub fn has_attachments(&self) -> bool {
        self.facts & fact::ATTACHMENTS != 0
    }

    /// Date field, parsed; `None` when missing or beyond reading.
    pub fn sent(&self) -> Option<SentDate> {
        self.sent
    }

    /// Start of the text for a message list; of a damaged one what comes before the damage.
    pub fn preview(&self) -> &'a str {
        self.raw_preview.readable()
    }

    /// Ids of References, without angle brackets.
    pub fn references(&self) -> EncodedEntries<'a, &'a str> {
        self.references.iter()
    }

    /// IMAP's ENVELOPE.
    ///
    /// # Errors
    /// Damage in the envelope.
    pub fn envelope(&self) -> Result<EncodedEnvelope<'a>, Error> {
        EncodedEnvelope::take(&mut { self.behind })
    }

    /// Root of the part tree: IMAP's BODYSTRUCTURE.
    ///
    /// # Errors
    /// Damage in the root part's own fields or before them.
    pub fn structure(&self) -> Result<EncodedPart<'a>, Error> {
        let mut reader = self.behind;
        EncodedEnvelope::skip(&mut reader)?;
        EncodedPart::take(&mut reader, 0, self.size, 0)
    }
}

#[cfg(test)]
mod tests;
