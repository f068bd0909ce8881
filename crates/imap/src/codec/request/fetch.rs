//! `FETCH` (RFC 9051 §6.4.5; CHANGEDSINCE and VANISHED of RFC 7162; BINARY of RFC 3516; PREVIEW of RFC 8970; SAVEDATE of
//! RFC 8514; OBJECTID of RFC 8474).

use crate::codec::set::SequenceSet;

/// A FETCH.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// Which messages.
    pub set: SequenceSet,
    /// What of them; the macros ALL, FAST and FULL are spelt out.
    pub items: Vec<FetchItem>,
    /// `CHANGEDSINCE`: only what changed behind this mod_seq.
    pub changed_since: Option<u64>,
    /// `VANISHED`: also tell what is gone since then (QRESYNC).
    pub vanished: bool,
}

/// What is asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// `UID`
    Uid,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `SAVEDATE`
    SaveDate,
    /// `RFC822.SIZE`
    Rfc822Size,
    /// `ENVELOPE`
    Envelope,
    /// `BODY` without a section: BODYSTRUCTURE without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `MODSEQ`
    ModSeq,
    /// `EMAILID`
    EmailId,
    /// `THREADID`
    ThreadId,
    /// `PREVIEW`; `(LAZY)`
    Preview {
        /// `(LAZY)`: only if it is at hand.
        lazy: bool,
    },
    /// `RFC822`, shown as such: the whole message, sets `\Seen`.
    Rfc822,
    /// `RFC822.HEADER`, shown as such: the header, sets nothing.
    Rfc822Header,
    /// `RFC822.TEXT`, shown as such: the text, sets `\Seen`.
    Rfc822Text,
    /// `BODY[section]<partial>` or `BODY.PEEK[…]<…>`.
    Section(BodySection),
    /// `BINARY[part]<partial>` or `BINARY.PEEK[…]<…>`.
    Binary(BinaryPart),
    /// `BINARY.SIZE[part]`
    BinarySize(Vec<u32>),
}

/// `BODY[…]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodySection {
    /// Part numbers; empty: the message itself.
    pub part: Vec<u32>,
    /// What of the part; `None`: all of it.
    pub text: Option<SectionText>,
    /// `<start.count>`
    pub partial: Option<Partial>,
    /// `BODY.PEEK`: does not set `\Seen`.
    pub peek: bool,
}

/// What of a part (`section-msgtext` and `MIME`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// `HEADER`
    Header,
    /// `HEADER.FIELDS (…)`, names as written.
    HeaderFields(Vec<String>),
    /// `HEADER.FIELDS.NOT (…)`, names as written.
    HeaderFieldsNot(Vec<String>),
    /// `TEXT`
    Text,
    /// `MIME`; only with part numbers.
    Mime,
}

/// `BINARY[…]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinaryPart {
    /// Part numbers; empty: the message itself.
    pub part: Vec<u32>,
    /// `<start.count>`
    pub partial: Option<Partial>,
    /// `BINARY.PEEK`: does not set `\Seen`.
    pub peek: bool,
}

/// `<start.count>` (RFC 9051 §9 `partial`); `count` is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// First octet.
    pub start: u64,
    /// How many octets.
    pub count: u64,
}
