//! What a command gives back, and what it says instead when it can't.

use bytes::Bytes;
use fieldpost_wbxml::{Command, Encoder, Version};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::StatusCode;

/// The body of a response: one piece, or an attachment that streams.
pub type Body = UnsyncBoxBody<Bytes, fieldpost_mailbox::Error>;

/// The answer to a command.
pub enum Reply {
    /// 200 without a body: nothing to say.
    Empty,
    /// A WBXML document.
    Document(Vec<u8>),
    /// A WBXML document and the parts that it refers to (MS-ASCMD §2.2.1.10.1): part 0 is the document.
    Multipart(Vec<u8>, Vec<Bytes>),
    /// An attachment as it is (GetAttachment below 14.0): its content type, its bytes, their number if it is known.
    Attachment(String, Bytes),
}

/// Why a command as a whole was not carried out. What concerns one item or one collection is part of a [`Reply`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A status of the command's own, or one common to all commands (MS-ASCMD §2.2.2).
    #[error("status {0}")]
    Status(u16),
    /// The same, and clients are to come back after some seconds where it becomes an HTTP status.
    #[error("status {0}, try again in {1} s")]
    RetryAfter(u16, u32),
    /// It is no ActiveSync request at all.
    #[error("HTTP {0}")]
    Http(StatusCode),
    /// A newer waiting request of the device has come: the connection is to be closed (client-quirks A6).
    #[error("a newer request took over")]
    Superseded,
}

/// Statuses common to all commands (MS-ASCMD §2.2.2), as far as they are given.
pub mod status {
    pub const INVALID_CONTENT: u16 = 101;
    pub const INVALID_WBXML: u16 = 102;
    pub const INVALID_XML: u16 = 103;
    pub const INVALID_DATE_TIME: u16 = 104;
    pub const INVALID_COMBINATION_OF_IDS: u16 = 105;
    pub const INVALID_MIME: u16 = 107;
    pub const DEVICE_ID: u16 = 108;
    pub const DEVICE_TYPE: u16 = 109;
    pub const SERVER_ERROR: u16 = 110;
    pub const SERVER_ERROR_RETRY: u16 = 111;
    pub const QUOTA: u16 = 113;
    pub const RECIPIENT_UNRESOLVED: u16 = 116;
    pub const PREVIOUSLY_SENT: u16 = 118;
    pub const NO_RECIPIENT: u16 = 119;
    pub const SUBMISSION_FAILED: u16 = 120;
    pub const REPLY_FAILED: u16 = 121;
    pub const ATTACHMENT_TOO_LARGE: u16 = 122;
    pub const STATE_LOCKED: u16 = 133;
    pub const COMMAND_NOT_SUPPORTED: u16 = 137;
    pub const NOT_FULLY_PROVISIONABLE: u16 = 139;
    pub const NOT_PROVISIONED: u16 = 142;
    pub const POLICY_REFRESH: u16 = 143;
    pub const INVALID_POLICY_KEY: u16 = 144;
    pub const NO_RECURRENCE: u16 = 146;
    pub const ITEM_NOT_FOUND: u16 = 150;
    pub const DEVICE_INFORMATION_REQUIRED: u16 = 165;
    pub const INVALID_ACCOUNT: u16 = 166;
    pub const IRM_DISABLED: u16 = 168;
    pub const TOO_MANY_DEVICES: u16 = 177;
}

impl Failure {
    /// Its status, or HTTP's where that is all there is.
    pub fn code(&self) -> u16 {
        match self {
            Self::Status(status) | Self::RetryAfter(status, _) => *status,
            Self::Http(status) => status.as_u16(),
            Self::Superseded => 0,
        }
    }

    /// The HTTP status that stands for a common status below 14.0, where none of 100 or above may be sent (status.tsv).
    pub fn http_below_14(status: u16) -> StatusCode {
        let code = match status {
            112 | 125 | 126 | 129 | 130 | 131 | 132 | 177 => 403,
            111 | 133 => 503,
            113 => 507,
            137 => 501,
            138 => 505,
            140..=145 => 449,
            110 | 114 | 115 | 120 | 121 | 134..=136 => 500,
            150 => 404,
            _ => 400,
        };
        StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// The document that tells of a status: the command's root element with nothing else in it.
    pub fn document(command: Command, status: u16) -> Option<Vec<u8>> {
        let (root, tag) = crate::command::root_and_status(command)?;
        let mut out = Encoder::new();
        out.start(root);
        out.number(tag, status);
        out.end();
        Some(out.finish())
    }

    /// Whether this status can be told in a document to a client of this version.
    pub fn is_told_by_document(status: u16, version: Version) -> bool {
        status < 100 || version >= Version::V14_0
    }
}

impl From<fieldpost_mailbox::Error> for Failure {
    fn from(error: fieldpost_mailbox::Error) -> Self {
        use fieldpost_mailbox::Error;
        tracing::warn!(%error, "a command failed");
        match error {
            Error::OverQuota { .. } => Self::Status(status::QUOTA),
            error if error.is_temporary() => Self::RetryAfter(status::SERVER_ERROR_RETRY, 30),
            _ => Self::Status(status::SERVER_ERROR),
        }
    }
}
