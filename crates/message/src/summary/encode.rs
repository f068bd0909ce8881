//! Summary to bytes.
//!
//! ```text
//! summary  = version, varints and strings in the order of the code below
//! varint   = LEB128, at most 10 bytes
//! string   = varint 2·length, bytes | varint 2·index+1 (a word of WORDS)
//! optional = varint 0 | varint 1, string        (inside parts: a bit in the part's flags says which are there)
//! ```
//! Offsets are written as distances from the offset before them, which makes them one or two bytes.

use super::{AutoSubmitted, Importance, Precedence, Summary};
use crate::{
    address::Address,
    envelope::Envelope,
    part::{Content, Param, Part},
};

/// First byte of every encoded summary. A change to the format, WORDS included, takes the next number.
pub(super) const VERSION: u8 = 1;

/// Bits of a part's flags.
pub(super) mod flag {
    pub(crate) const MULTIPART: u64 = 1;
    pub(crate) const MESSAGE: u64 = 1 << 1;
    pub(crate) const PARAMS: u64 = 1 << 2;
    pub(crate) const ID: u64 = 1 << 3;
    pub(crate) const DESCRIPTION: u64 = 1 << 4;
    pub(crate) const MD5: u64 = 1 << 5;
    pub(crate) const DISPOSITION: u64 = 1 << 6;
    pub(crate) const LANGUAGE: u64 = 1 << 7;
    pub(crate) const LOCATION: u64 = 1 << 8;
    pub(crate) const ALL: u64 = (1 << 9) - 1;
}

/// Bits of the summary's flags; importance, auto-submitted and precedence take two bits each above them.
pub(super) mod fact {
    pub(crate) const SENT: u64 = 1;
    pub(crate) const ATTACHMENTS: u64 = 1 << 1;
    pub(crate) const LIST: u64 = 1 << 2;
    pub(crate) const SUPPRESS: u64 = 1 << 3;
    pub(crate) const IMPORTANCE_SHIFT: u32 = 4;
    pub(crate) const AUTO_SHIFT: u32 = 6;
    pub(crate) const PRECEDENCE_SHIFT: u32 = 8;
    pub(crate) const ALL: u64 = (1 << 10) - 1;
}

/// Bits of an envelope's and an address's flags.
pub(super) mod present {
    pub(crate) const DATE: u64 = 1;
    pub(crate) const SUBJECT: u64 = 1 << 1;
    pub(crate) const IN_REPLY_TO: u64 = 1 << 2;
    pub(crate) const MESSAGE_ID: u64 = 1 << 3;
    pub(crate) const FROM: u64 = 1 << 4;
    pub(crate) const SENDER: u64 = 1 << 5;
    pub(crate) const REPLY_TO: u64 = 1 << 6;
    pub(crate) const TO: u64 = 1 << 7;
    pub(crate) const CC: u64 = 1 << 8;
    pub(crate) const BCC: u64 = 1 << 9;
    pub(crate) const ENVELOPE_ALL: u64 = (1 << 10) - 1;

    pub(crate) const NAME: u64 = 1;
    pub(crate) const ROUTE: u64 = 1 << 1;
    pub(crate) const MAILBOX: u64 = 1 << 2;
    pub(crate) const HOST: u64 = 1 << 3;
    pub(crate) const ADDRESS_ALL: u64 = (1 << 4) - 1;
}

/// Words that stand in most summaries, written as their index. Append only with a new [`VERSION`].
pub(super) const WORDS: &[&str] = &[
    "text",
    "plain",
    "html",
    "charset",
    "utf-8",
    "UTF-8",
    "7bit",
    "8bit",
    "base64",
    "quoted-printable",
    "binary",
    "multipart",
    "alternative",
    "mixed",
    "related",
    "report",
    "signed",
    "digest",
    "boundary",
    "format",
    "flowed",
    "delsp",
    "yes",
    "name",
    "name*",
    "filename",
    "filename*",
    "attachment",
    "inline",
    "application",
    "pdf",
    "octet-stream",
    "image",
    "png",
    "jpeg",
    "gif",
    "message",
    "rfc822",
    "delivery-status",
    "us-ascii",
    "US-ASCII",
    "iso-8859-1",
    "ISO-8859-1",
    "windows-1252",
    "size",
    "creation-date",
    "modification-date",
    "type",
    "text/html",
    "multipart/alternative",
    "calendar",
    "method",
    "REQUEST",
    "pgp-signature",
    "pkcs7-signature",
    "micalg",
    "protocol",
    "report-type",
    "zip",
    "msword",
    "gmail.com",
    "outlook.com",
    "en",
    "en-US",
    "video",
    "audio",
    "mp4",
    "css",
];

pub(super) fn encode(summary: &Summary) -> Vec<u8> {
    let mut out = Writer {
        bytes: Vec::with_capacity(768),
    };
    out.bytes.push(VERSION);
    out.varint(summary.size);
    out.varint(summary.header_len);
    out.varint(summary.lines);
    let importance = match summary.importance {
        Importance::Normal => 0,
        Importance::Low => 1,
        Importance::High => 2,
    };
    let auto = match summary.auto_submitted {
        AutoSubmitted::No => 0,
        AutoSubmitted::Generated => 1,
        AutoSubmitted::Replied => 2,
        AutoSubmitted::Other => 3,
    };
    let precedence = match summary.precedence {
        Precedence::Normal => 0,
        Precedence::Bulk => 1,
        Precedence::Junk => 2,
        Precedence::List => 3,
    };
    out.varint(
        bit(summary.sent.is_some(), fact::SENT)
            | bit(summary.has_attachments, fact::ATTACHMENTS)
            | bit(summary.list_id.is_some(), fact::LIST)
            | bit(summary.suppress_auto_response, fact::SUPPRESS)
            | importance << fact::IMPORTANCE_SHIFT
            | auto << fact::AUTO_SHIFT
            | precedence << fact::PRECEDENCE_SHIFT,
    );
    if let Some(sent) = summary.sent {
        out.signed(sent.unix);
        out.signed(sent.offset_minutes.into());
    }
    if let Some(list_id) = &summary.list_id {
        out.string(list_id);
    }
    out.strings(&summary.references);
    out.string(&summary.preview);
    out.envelope(&summary.envelope);
    out.part(&summary.structure, 0);
    out.bytes
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Zigzag.
    fn signed(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63) as u64);
    }

    fn string(&mut self, text: &str) {
        self.varint((text.len() as u64) << 1);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// A string that is likely to be in [`WORDS`].
    fn word(&mut self, text: &str) {
        match WORDS.iter().position(|word| *word == text) {
            Some(index) => self.varint((index as u64) << 1 | 1),
            None => self.string(text),
        }
    }

    fn strings(&mut self, list: &[String]) {
        self.varint(list.len() as u64);
        for text in list {
            self.string(text);
        }
    }

    fn optional(&mut self, text: Option<&String>) {
        if let Some(text) = text {
            self.string(text);
        }
    }

    fn params(&mut self, params: &[Param]) {
        self.varint(params.len() as u64);
        for param in params {
            self.word(&param.name);
            self.word(&param.value);
        }
    }

    fn addresses(&mut self, list: &[Address]) {
        if list.is_empty() {
            return;
        }
        self.varint(list.len() as u64);
        for address in list {
            self.varint(
                bit(address.name.is_some(), present::NAME)
                    | bit(address.route.is_some(), present::ROUTE)
                    | bit(address.mailbox.is_some(), present::MAILBOX)
                    | bit(address.host.is_some(), present::HOST),
            );
            self.optional(address.name.as_ref());
            self.optional(address.route.as_ref());
            self.optional(address.mailbox.as_ref());
            self.optional(address.host.as_ref());
        }
    }

    fn envelope(&mut self, envelope: &Envelope) {
        self.varint(
            bit(envelope.date.is_some(), present::DATE)
                | bit(envelope.subject.is_some(), present::SUBJECT)
                | bit(envelope.in_reply_to.is_some(), present::IN_REPLY_TO)
                | bit(envelope.message_id.is_some(), present::MESSAGE_ID)
                | bit(!envelope.from.is_empty(), present::FROM)
                | bit(!envelope.sender.is_empty(), present::SENDER)
                | bit(!envelope.reply_to.is_empty(), present::REPLY_TO)
                | bit(!envelope.to.is_empty(), present::TO)
                | bit(!envelope.cc.is_empty(), present::CC)
                | bit(!envelope.bcc.is_empty(), present::BCC),
        );
        self.optional(envelope.date.as_ref());
        self.optional(envelope.subject.as_ref());
        self.optional(envelope.in_reply_to.as_ref());
        self.optional(envelope.message_id.as_ref());
        self.addresses(&envelope.from);
        self.addresses(&envelope.sender);
        self.addresses(&envelope.reply_to);
        self.addresses(&envelope.to);
        self.addresses(&envelope.cc);
        self.addresses(&envelope.bcc);
    }

    /// `before` is the offset that the part's header is measured from. Returns the part's end.
    fn part(&mut self, part: &Part, before: u64) -> u64 {
        let content = match part.content {
            Content::Leaf => 0,
            Content::Multipart(_) => flag::MULTIPART,
            Content::Message(_) => flag::MESSAGE,
        };
        self.varint(
            content
                | bit(!part.params.is_empty(), flag::PARAMS)
                | bit(part.id.is_some(), flag::ID)
                | bit(part.description.is_some(), flag::DESCRIPTION)
                | bit(part.md5.is_some(), flag::MD5)
                | bit(part.disposition.is_some(), flag::DISPOSITION)
                | bit(!part.language.is_empty(), flag::LANGUAGE)
                | bit(part.location.is_some(), flag::LOCATION),
        );
        // Wrapping, so that a Summary put together by hand cannot panic here; the decoder refuses offsets out of order.
        self.varint(part.header.wrapping_sub(before));
        self.varint(part.body.wrapping_sub(part.header));
        self.varint(part.end.wrapping_sub(part.body));
        self.varint(part.lines);
        self.word(&part.media_type);
        self.word(&part.subtype);
        self.word(&part.encoding);
        if !part.params.is_empty() {
            self.params(&part.params);
        }
        self.optional(part.id.as_ref());
        self.optional(part.description.as_ref());
        self.optional(part.md5.as_ref());
        if let Some(disposition) = &part.disposition {
            self.word(&disposition.kind);
            self.params(&disposition.params);
        }
        if !part.language.is_empty() {
            self.varint(part.language.len() as u64);
            for tag in &part.language {
                self.word(tag);
            }
        }
        self.optional(part.location.as_ref());
        match &part.content {
            Content::Leaf => {}
            Content::Multipart(parts) => {
                self.varint(parts.len() as u64);
                let mut before = part.body;
                for part in parts {
                    before = self.part(part, before);
                }
            }
            Content::Message(message) => {
                self.envelope(&message.envelope);
                self.part(&message.root, part.body);
            }
        }
        part.end
    }
}

fn bit(set: bool, mask: u64) -> u64 {
    if set { mask } else { 0 }
}
