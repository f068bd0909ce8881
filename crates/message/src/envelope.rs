//! The envelope of RFC 9051 §7.5.2: header fields of a message, undecoded.

use crate::address::Address;

/// What IMAP's ENVELOPE shows (RFC 9051 §7.5.2).
///
/// Strings are unfolded and otherwise as written: RFC 2047 words are not decoded. Bytes that are not UTF-8 were read as
/// windows-1252, and NUL, CR and LF were taken out, so that every string can stand in any protocol's quoted string or literal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Envelope {
    /// Date, as written.
    pub date: Option<String>,
    /// Subject, as written.
    pub subject: Option<String>,
    /// From.
    pub from: Vec<Address>,
    /// Sender as written; empty when the field is missing. IMAP shows [`Envelope::sender`].
    pub sender: Vec<Address>,
    /// Reply-To as written; empty when the field is missing. IMAP shows [`Envelope::reply_to`].
    pub reply_to: Vec<Address>,
    /// To.
    pub to: Vec<Address>,
    /// Cc.
    pub cc: Vec<Address>,
    /// Bcc.
    pub bcc: Vec<Address>,
    /// In-Reply-To, as written.
    pub in_reply_to: Option<String>,
    /// Message-ID, as written.
    pub message_id: Option<String>,
}

impl Envelope {
    /// Sender, or From where there is none (RFC 9051 §7.5.2).
    pub fn sender(&self) -> &[Address] {
        if self.sender.is_empty() {
            &self.from
        } else {
            &self.sender
        }
    }

    /// Reply-To, or From where there is none (RFC 9051 §7.5.2).
    pub fn reply_to(&self) -> &[Address] {
        if self.reply_to.is_empty() {
            &self.from
        } else {
            &self.reply_to
        }
    }
}
