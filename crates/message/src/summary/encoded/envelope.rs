//! An envelope, borrowed.

use super::list::{EncodedAddress, EncodedList};
use crate::{
    error::Error,
    summary::{encode::present, reader::Reader},
};

/// An envelope inside an encoded summary: see [`Envelope`](crate::Envelope).
#[derive(Clone, Copy, Debug)]
pub struct EncodedEnvelope<'a> {
    /// Date, as written.
    pub date: Option<&'a str>,
    /// Subject, as written.
    pub subject: Option<&'a str>,
    /// In-Reply-To, as written.
    pub in_reply_to: Option<&'a str>,
    /// Message-ID, as written.
    pub message_id: Option<&'a str>,
    /// From.
    pub from: EncodedList<'a, EncodedAddress<'a>>,
    /// Sender as written; empty when the field is missing. IMAP shows [`EncodedEnvelope::sender`].
    pub sender: EncodedList<'a, EncodedAddress<'a>>,
    /// Reply-To as written; empty when the field is missing. IMAP shows [`EncodedEnvelope::reply_to`].
    pub reply_to: EncodedList<'a, EncodedAddress<'a>>,
    /// To.
    pub to: EncodedList<'a, EncodedAddress<'a>>,
    /// Cc.
    pub cc: EncodedList<'a, EncodedAddress<'a>>,
    /// Bcc.
    pub bcc: EncodedList<'a, EncodedAddress<'a>>,
}

impl<'a> EncodedEnvelope<'a> {
    /// The envelope at `reader`, which is left behind it.
    pub(super) fn take(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let flags = reader.flags(present::ENVELOPE_ALL, "envelope")?;
        Ok(Self {
            date: reader.optional(flags & present::DATE)?,
            subject: reader.optional(flags & present::SUBJECT)?,
            in_reply_to: reader.optional(flags & present::IN_REPLY_TO)?,
            message_id: reader.optional(flags & present::MESSAGE_ID)?,
            from: addresses(reader, flags & present::FROM)?,
            sender: addresses(reader, flags & present::SENDER)?,
            reply_to: addresses(reader, flags & present::REPLY_TO)?,
            to: addresses(reader, flags & present::TO)?,
            cc: addresses(reader, flags & present::CC)?,
            bcc: addresses(reader, flags & present::BCC)?,
        })
    }

    /// Leaves `reader` behind the envelope.
    pub(super) fn skip(reader: &mut Reader<'a>) -> Result<(), Error> {
        let flags = reader.flags(present::ENVELOPE_ALL, "envelope")?;
        let strings = present::DATE | present::SUBJECT | present::IN_REPLY_TO | present::MESSAGE_ID;
        for _ in 0..(flags & strings).count_ones() {
            reader.raw()?;
        }
        for _ in 0..(flags & !strings).count_ones() {
            addresses(reader, 1)?;
        }
        Ok(())
    }

    /// Sender, or From where there is none (RFC 9051 §7.5.2).
    pub fn sender(&self) -> EncodedList<'a, EncodedAddress<'a>> {
        if self.sender.is_empty() {
            self.from
        } else {
            self.sender
        }
    }

    /// Reply-To, or From where there is none (RFC 9051 §7.5.2).
    pub fn reply_to(&self) -> EncodedList<'a, EncodedAddress<'a>> {
        if self.reply_to.is_empty() {
            self.from
        } else {
            self.reply_to
        }
    }
}

fn addresses<'a>(
    reader: &mut Reader<'a>,
    present: u64,
) -> Result<EncodedList<'a, EncodedAddress<'a>>, Error> {
    if present == 0 {
        return Ok(EncodedList::none());
    }
    let list = EncodedList::take(reader)?;
    if list.is_empty() {
        return Err(Error::SummaryDamaged("address list"));
    }
    Ok(list)
}
