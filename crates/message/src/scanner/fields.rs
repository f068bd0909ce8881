//! Which header fields the summary is made of.

/// A field that the scanner keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Known {
    // Of every part (RFC 2045, 2183, 3282, 2557, 1864).
    ContentType,
    ContentTransferEncoding,
    ContentDisposition,
    ContentId,
    ContentDescription,
    ContentMd5,
    ContentLanguage,
    ContentLocation,
    // Of a message's header.
    Date,
    Subject,
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
    InReplyTo,
    MessageId,
    // Of the outermost header.
    References,
    Importance,
    Priority,
    XPriority,
    ListId,
    ListOther,
    AutoSubmitted,
    Precedence,
    AutoResponseSuppress,
}

impl Known {
    /// The field of that name, in any case.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        FIELDS
            .iter()
            .find(|(known, _)| known.len() == name.len() && known.eq_ignore_ascii_case(name))
            .map(|(_, field)| *field)
    }

    /// Whether the field says something about any MIME part.
    pub(super) fn is_of_part(self) -> bool {
        (self as u8) <= Self::ContentLocation as u8
    }

    /// Whether the field belongs to the envelope of a message.
    pub(super) fn is_of_envelope(self) -> bool {
        !self.is_of_part() && (self as u8) <= Self::MessageId as u8
    }
}

const FIELDS: &[(&[u8], Known)] = &[
    (b"content-type", Known::ContentType),
    (b"content-transfer-encoding", Known::ContentTransferEncoding),
    (b"content-disposition", Known::ContentDisposition),
    (b"content-id", Known::ContentId),
    (b"content-description", Known::ContentDescription),
    (b"content-md5", Known::ContentMd5),
    (b"content-language", Known::ContentLanguage),
    (b"content-location", Known::ContentLocation),
    (b"date", Known::Date),
    (b"subject", Known::Subject),
    (b"from", Known::From),
    (b"sender", Known::Sender),
    (b"reply-to", Known::ReplyTo),
    (b"to", Known::To),
    (b"cc", Known::Cc),
    (b"bcc", Known::Bcc),
    (b"in-reply-to", Known::InReplyTo),
    (b"message-id", Known::MessageId),
    (b"references", Known::References),
    (b"importance", Known::Importance),
    (b"priority", Known::Priority),
    (b"x-priority", Known::XPriority),
    (b"x-msmail-priority", Known::XPriority),
    (b"list-id", Known::ListId),
    (b"list-post", Known::ListOther),
    (b"list-unsubscribe", Known::ListOther),
    (b"list-help", Known::ListOther),
    (b"list-owner", Known::ListOther),
    (b"list-archive", Known::ListOther),
    (b"list-subscribe", Known::ListOther),
    (b"auto-submitted", Known::AutoSubmitted),
    (b"precedence", Known::Precedence),
    (b"x-auto-response-suppress", Known::AutoResponseSuppress),
];
