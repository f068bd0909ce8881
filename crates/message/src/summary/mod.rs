//! What is known of a message without opening it: made once on arrival, stored in a few hundred bytes.

mod decode;
mod encode;
mod encoded;
mod reader;

pub use encoded::{
    EncodedAddress, EncodedContent, EncodedDisposition, EncodedEntries, EncodedEnvelope,
    EncodedList, EncodedParam, EncodedPart, EncodedSummary, PartVisitor,
};

use crate::{
    address::{self, Address},
    date::SentDate,
    encoded_word,
    envelope::Envelope,
    error::Error,
    part::Part,
    subject,
};

/// All that the protocols show of a message without reading its body.
///
/// Header text is kept once, as written; what is decoded is computed when asked for ([`Summary::subject`],
/// [`Summary::search_text`]), which costs nothing for the usual plain field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Summary {
    /// Size of the message in bytes (RFC822.SIZE).
    pub size: u64,
    /// Length of the header with the empty line that ends it; 0 when the message has none.
    pub header_len: u64,
    /// Lines of the whole message, header included.
    pub lines: u64,
    /// IMAP's ENVELOPE.
    pub envelope: Envelope,
    /// Root of the part tree: IMAP's BODYSTRUCTURE.
    pub structure: Part,
    /// Date field, parsed; `None` when missing or beyond reading.
    pub sent: Option<SentDate>,
    /// Ids of References, without angle brackets, first and last ones when there are too many.
    pub references: Vec<String>,
    /// Start of the text for a message list: at most [`Summary::PREVIEW_CHARS`] characters, white space collapsed.
    pub preview: String,
    /// Whether a reader should show the paper clip.
    pub has_attachments: bool,
    /// Importance, X-Priority, Priority or X-MSMail-Priority.
    pub importance: Importance,
    /// List-Id, or an empty string when another List- field shows that the message came through a list.
    pub list_id: Option<String>,
    /// Auto-Submitted (RFC 3834 §5).
    pub auto_submitted: AutoSubmitted,
    /// Precedence, which older software sets.
    pub precedence: Precedence,
    /// X-Auto-Response-Suppress asks that nothing answers by itself.
    pub suppress_auto_response: bool,
}

/// How urgent the sender thinks the message is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Importance {
    /// Low.
    Low,
    /// Said or by default.
    #[default]
    Normal,
    /// High.
    High,
}

/// Auto-Submitted (RFC 3834 §5).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AutoSubmitted {
    /// By hand, as far as anybody says.
    #[default]
    No,
    /// auto-generated.
    Generated,
    /// auto-replied.
    Replied,
    /// Another value than "no", such as auto-notified (RFC 5436).
    Other,
}

/// Precedence (not standard; RFC 2076 §3.9).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Precedence {
    /// Missing, or a value that means nothing here.
    #[default]
    Normal,
    /// bulk.
    Bulk,
    /// junk.
    Junk,
    /// list.
    List,
}

/// Fields that a search looks into by name (RFC 9051 §6.4.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SearchField {
    /// Subject.
    Subject,
    /// From.
    From,
    /// To.
    To,
    /// Cc.
    Cc,
    /// Bcc.
    Bcc,
}

impl Summary {
    /// Characters of [`Summary::preview`].
    pub const PREVIEW_CHARS: usize = 256;
    /// Bytes that no summary made by a scanner with default limits exceeds when encoded.
    pub const MAX_SCANNED: usize = 256 * 1024;
    /// Bytes beyond which [`Summary::decode`] does not look at a value.
    pub const MAX_ENCODED: usize = 1024 * 1024;

    /// The stored form: versioned and compact, see [`Summary::decode`].
    pub fn encode(&self) -> Vec<u8> {
        encode::encode(self)
    }

    /// Reads what [`Summary::encode`] wrote. A damaged or hostile value is an error; it never panics, and never makes the
    /// program hold more than a small multiple of the value's own length.
    ///
    /// # Errors
    /// Every length, count, offset and enumeration is checked: see [`Error`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        decode::decode(bytes)
    }

    /// Counts `prefix`, whole header lines put before the message, into sizes, lines and all offsets. The fields in it
    /// (Return-Path, Delivered-To) are not looked at.
    ///
    /// A message that has no header (`header_len == 0`) needs a prefix that ends in an empty line, or its text would be read as header.
    pub fn prepend(&mut self, prefix: &[u8]) {
        let by = prefix.len() as u64;
        self.size += by;
        self.header_len += by;
        self.lines += memchr::memchr_iter(b'\n', prefix).count() as u64;
        self.structure.shift(by);
        self.structure.header = 0;
    }

    /// Subject, decoded.
    pub fn subject(&self) -> String {
        self.envelope
            .subject
            .as_deref()
            .map(|subject| encoded_word::decode(subject).into_owned())
            .unwrap_or_default()
    }

    /// Base subject for threading and sorting (RFC 5256 §2.1), decoded, case as written, and whether something showed a
    /// reply or a forward.
    pub fn base_subject(&self) -> subject::BaseSubject {
        subject::base_subject(&self.subject())
    }

    /// Message-ID without angle brackets.
    pub fn message_id(&self) -> Option<&str> {
        self.envelope
            .message_id
            .as_deref()
            .and_then(|id| message_ids(id).next())
    }

    /// Ids in In-Reply-To, without angle brackets.
    pub fn in_reply_to(&self) -> impl Iterator<Item = &str> {
        message_ids(self.envelope.in_reply_to.as_deref().unwrap_or_default())
    }

    /// A field as a search sees it: decoded; addresses as `Name <mailbox@host>`, separated by `, `.
    pub fn search_text(&self, field: SearchField) -> String {
        match field {
            SearchField::Subject => self.subject(),
            SearchField::From => address::search_text(&self.envelope.from),
            SearchField::To => address::search_text(&self.envelope.to),
            SearchField::Cc => address::search_text(&self.envelope.cc),
            SearchField::Bcc => address::search_text(&self.envelope.bcc),
        }
    }

    /// First real address of From, for lists that show one sender.
    pub fn first_from(&self) -> Option<&Address> {
        self.envelope
            .from
            .iter()
            .find(|address| address.is_mailbox())
    }

    /// Whether an automatic answer would be wrong: the message came from a program or a list (RFC 3834 §2, RFC 5230 §4.6).
    pub fn is_automatic(&self) -> bool {
        self.auto_submitted != AutoSubmitted::No
            || self.list_id.is_some()
            || self.precedence != Precedence::Normal
            || self.suppress_auto_response
    }
}

/// The ids in a Message-ID, In-Reply-To or References field: what stands between angle brackets; where there are no
/// brackets, each word that has an `@`, since some programs write that.
pub fn message_ids(value: &str) -> impl Iterator<Item = &str> {
    let bracketed = value.contains('<');
    let mut rest = value;
    std::iter::from_fn(move || {
        loop {
            if bracketed {
                let open = rest.find('<')?;
                let after = &rest[open + 1..];
                let close = after.find(['>', '<'])?;
                let id = after[..close].trim();
                rest = &after[close..];
                if !id.is_empty() && after[close..].starts_with('>') {
                    return Some(id);
                }
            } else {
                rest = rest.trim_start();
                if rest.is_empty() {
                    return None;
                }
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let word = &rest[..end];
                rest = &rest[end..];
                if word.contains('@') {
                    return Some(word);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests;
