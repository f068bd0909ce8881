//! Header fields that a search need not open the message for.

use fieldpost_message::{
    EncodedAddress, EncodedEnvelope, EncodedList, EncodedSummary, Error, encoded_word,
};

use super::fold::fold;

/// A field that the summary keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Subject,
    From,
    To,
    Cc,
    Bcc,
    Date,
    MessageId,
    InReplyTo,
    References,
}

/// What the summary has of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// All of it, as far as anybody could look for it.
    All,
    /// Its beginning, as it is long.
    Beginning,
    /// There is no such field.
    Nothing,
    /// Nothing was found in it, or there is no such field.
    NothingReadable,
}

impl Field {
    /// How many there are.
    pub(super) const COUNT: usize = FIELDS.len();

    /// The field of that name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim().as_bytes();
        FIELDS
            .into_iter()
            .find(|field| field.name().eq_ignore_ascii_case(name))
    }

    /// Its name, folded.
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Subject => b"SUBJECT",
            Self::From => b"FROM",
            Self::To => b"TO",
            Self::Cc => b"CC",
            Self::Bcc => b"BCC",
            Self::Date => b"DATE",
            Self::MessageId => b"MESSAGE-ID",
            Self::InReplyTo => b"IN-REPLY-TO",
            Self::References => b"REFERENCES",
        }
    }

    /// Appends the field's text, folded.
    pub(super) fn fold(
        self,
        summary: &EncodedSummary<'_>,
        envelope: &EncodedEnvelope<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Kept, Error> {
        let start = out.len();
        let mut entries = 0;
        let found = match self {
            Self::Subject => decoded(envelope.subject, out),
            Self::Date => decoded(envelope.date, out),
            Self::MessageId => decoded(envelope.message_id, out),
            Self::InReplyTo => decoded(envelope.in_reply_to, out),
            Self::From => addresses(envelope.from, out)?,
            Self::To => addresses(envelope.to, out)?,
            Self::Cc => addresses(envelope.cc, out)?,
            Self::Bcc => addresses(envelope.bcc, out)?,
            Self::References => {
                for id in summary.references() {
                    fold(" <", out);
                    fold(id?, out);
                    fold(">", out);
                    entries += 1;
                }
                kept(entries > 0)
            }
        };
        let is_long = out.len() - start > SURELY_WHOLE || entries > SURELY_ALL;
        Ok(if is_long { Kept::Beginning } else { found })
    }
}

fn decoded(text: Option<&str>, out: &mut Vec<u8>) -> Kept {
    match text {
        Some(text) => {
            fold(&encoded_word::decode(text), out);
            Kept::All
        }
        None => Kept::Nothing,
    }
}

/// `Name <mailbox@host>, …`; a group's name stands before its members.
fn addresses(list: EncodedList<'_, EncodedAddress<'_>>, out: &mut Vec<u8>) -> Result<Kept, Error> {
    for (number, address) in list.iter().enumerate() {
        let address = address?;
        if number > 0 && (address.mailbox.is_some() || address.name.is_some()) {
            fold(", ", out);
        }
        let name = address.name.unwrap_or_default();
        fold(&encoded_word::decode(name), out);
        match address.host {
            Some(_) => {
                let (before, behind) = if name.is_empty() {
                    ("", "")
                } else {
                    (" <", ">")
                };
                fold(before, out);
                fold_spec(&address, out);
                fold(behind, out);
            }
            None => fold(
                &encoded_word::decode(address.mailbox.unwrap_or_default()),
                out,
            ),
        }
    }
    Ok(kept(!list.is_empty()))
}

/// Appends `mailbox@host`, folded; a local part that needs quotes is left without.
pub(super) fn fold_spec(address: &EncodedAddress<'_>, out: &mut Vec<u8>) {
    fold(address.mailbox.unwrap_or_default(), out);
    if let Some(host) = address.host.filter(|host| !host.is_empty()) {
        fold("@", out);
        fold(host, out);
    }
}

fn kept(any: bool) -> Kept {
    if any {
        Kept::All
    } else {
        Kept::NothingReadable
    }
}

const FIELDS: [Field; 9] = [
    Field::Subject,
    Field::From,
    Field::To,
    Field::Cc,
    Field::Bcc,
    Field::Date,
    Field::MessageId,
    Field::InReplyTo,
    Field::References,
];

/// A field that takes more bytes in the summary may have been cut by the scanner's limits, all of which are larger.
const SURELY_WHOLE: usize = 4096;

/// And more ids of References than this.
const SURELY_ALL: u32 = 32;
