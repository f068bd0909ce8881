//! Header fields that a search need not open the message for.

use fieldpost_message::{SearchField, Summary, encoded_word};

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
    pub(super) fn fold(self, summary: &Summary, out: &mut Vec<u8>) -> Kept {
        let envelope = &summary.envelope;
        let start = out.len();
        let found = match self {
            Self::Subject => decoded(envelope.subject.as_deref(), out),
            Self::Date => decoded(envelope.date.as_deref(), out),
            Self::MessageId => decoded(envelope.message_id.as_deref(), out),
            Self::InReplyTo => decoded(envelope.in_reply_to.as_deref(), out),
            Self::From => addresses(summary, SearchField::From, out),
            Self::To => addresses(summary, SearchField::To, out),
            Self::Cc => addresses(summary, SearchField::Cc, out),
            Self::Bcc => addresses(summary, SearchField::Bcc, out),
            Self::References => {
                for id in &summary.references {
                    fold(" <", out);
                    fold(id, out);
                    fold(">", out);
                }
                kept(!summary.references.is_empty())
            }
        };
        let is_long = out.len() - start > SURELY_WHOLE
            || (self == Self::References && summary.references.len() > SURELY_ALL);
        if is_long { Kept::Beginning } else { found }
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

fn addresses(summary: &Summary, field: SearchField, out: &mut Vec<u8>) -> Kept {
    let text = summary.search_text(field);
    fold(&text, out);
    kept(!text.is_empty())
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
const SURELY_ALL: usize = 32;
