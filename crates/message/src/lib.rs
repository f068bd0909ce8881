//! RFC 5322 and MIME as the front-ends need them: envelope, body structure, part ranges, previews, text and HTML bodies.
//!
//! - [`Scanner`] reads a message once, as it streams in, and gives its [`Summary`]: IMAP's ENVELOPE and BODYSTRUCTURE, byte ranges of all
//!   parts, a preview, and what the mailbox stores and searches. Its memory does not grow with the message.
//! - [`seven_bit`] makes a message 7-bit for a server that takes nothing else, as it streams.
//!
//! Invariant: no I/O, no clock. Mail is never an error: whatever the bytes, the answer is the best reading of them.
//! Every depth, count and length that a sender controls is bounded by [`Limits`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod address;
pub mod body;
pub mod charset;
pub mod compose;
pub mod date;
pub mod encoded_word;
mod envelope;
mod error;
pub mod header;
pub mod html;
mod limits;
pub mod outgoing;
pub mod parameter;
mod part;
mod scanner;
pub mod seven_bit;
pub mod subject;
mod summary;
pub mod transfer;

pub use address::Address;
pub use date::SentDate;
pub use envelope::Envelope;
pub use error::Error;
pub use limits::Limits;
pub use part::{AttachedMessage, Content, Disposition, Param, Part};
pub use scanner::Scanner;
pub use summary::{
    AutoSubmitted, EncodedAddress, EncodedContent, EncodedDisposition, EncodedEntries,
    EncodedEnvelope, EncodedList, EncodedParam, EncodedPart, EncodedSummary, Importance,
    PartVisitor, Precedence, SearchField, Summary, message_ids,
};
