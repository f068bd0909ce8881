//! Why a message or a recipient was not taken, in the words of SMTP.

use std::{borrow::Cow, fmt};

use fieldpost_mailbox::Error;
use fieldpost_store::StoreError;

use crate::{Address, OverQuota};

/// A refusal as the peer gets it: reply code (RFC 5321 §4.2), enhanced status code (RFC 3463) and text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {status} {text}")]
pub struct Refusal {
    /// The reply code, 400 to 599.
    pub code: u16,
    /// The enhanced status code.
    pub status: Status,
    /// One line for humans. It may quote what the peer sent; whoever writes it to a wire escapes it.
    pub text: Cow<'static, str>,
}

/// An enhanced status code, `class.subject.detail` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8, pub u16, pub u16);

impl Refusal {
    /// A refusal; the class of `status` is that of `code`.
    pub fn new(code: u16, status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            status,
            text: text.into(),
        }
    }

    /// Whether the peer should try again later.
    pub fn is_temporary(&self) -> bool {
        self.code < 500
    }

    /// There is no such mailbox here.
    pub fn unknown_recipient(address: &Address) -> Self {
        Self::new(
            550,
            Status(5, 1, 1),
            format!("<{address}>: no such mailbox here"),
        )
    }

    /// Mail for other servers, and none is sent to any.
    pub fn no_relay(address: &Address) -> Self {
        Self::new(
            550,
            Status(5, 7, 1),
            format!("<{address}>: this server sends no mail to other servers"),
        )
    }

    /// What is said of a recipient who has the message.
    pub(crate) fn success() -> Self {
        Self::new(250, Status(2, 1, 5), "delivered")
    }

    /// The account exists, but takes no mail.
    pub fn disabled_recipient(address: &Address) -> Self {
        Self::new(
            550,
            Status(5, 2, 1),
            format!("<{address}>: the mailbox is disabled"),
        )
    }

    /// The message would not fit, and the peer is to try again later.
    pub fn over_quota_temporary() -> Self {
        Self::new(452, Status(4, 2, 2), "the mailbox is full, try again later")
    }

    /// The message would not fit, and the peer is to give up.
    pub fn over_quota_permanent() -> Self {
        Self::new(552, Status(5, 2, 2), "the mailbox is full")
    }

    /// The message went through too many hosts already (RFC 5321 §6.3).
    pub fn routing_loop(hops: usize) -> Self {
        Self::new(
            554,
            Status(5, 4, 6),
            format!("routing loop: {hops} Received fields"),
        )
    }

    /// The message was delivered here to the same mailbox or group already (RFC 9228 §1).
    pub fn delivered_before(address: &Address) -> Self {
        Self::new(
            554,
            Status(5, 4, 6),
            format!("<{address}>: mail loop: the message was delivered there before"),
        )
    }

    /// The disk is full.
    pub fn no_space() -> Self {
        Self::new(452, Status(4, 3, 1), "no space left, try again later")
    }

    /// The store can't do it now. What exactly happened is for our log, not for the peer.
    pub fn temporary() -> Self {
        Self::new(
            451,
            Status(4, 3, 0),
            "temporary failure of the mail store, try again later",
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What the peer is told of a failure that has nothing to do with one recipient.
pub(crate) fn of_message(error: Error) -> Refusal {
    tracing::warn!(%error, "message not taken");
    of_mailbox(&error, OverQuota::default())
}

/// What the peer is told of a mailbox's failure. Only what the peer can act on is told apart; our own troubles are
/// temporary, because the operator can mend them and the sender's queue keeps the mail until then.
pub(crate) fn of_mailbox(error: &Error, over_quota: OverQuota) -> Refusal {
    match error {
        Error::OverQuota { .. } => match over_quota {
            OverQuota::Temporary => Refusal::over_quota_temporary(),
            OverQuota::Permanent => Refusal::over_quota_permanent(),
        },
        Error::ItemTooLarge { limit, .. } => Refusal::new(
            552,
            Status(5, 3, 4),
            format!("message too large, at most {limit} bytes"),
        ),
        Error::Store(StoreError::NoSpace) => Refusal::no_space(),
        Error::Store(_)
        | Error::NoSuchFolder(_)
        | Error::NoSuchItem { .. }
        | Error::Name(_)
        | Error::FolderExists(_)
        | Error::SpecialFolder(_)
        | Error::SpecialUseTaken(_)
        | Error::SpecialUseRefused(_)
        | Error::HasChildren(_)
        | Error::Cycle(_)
        | Error::TooManyFolders(_)
        | Error::TooManyKeywords(_)
        | Error::BadKeyword(_)
        | Error::UidsExhausted(_)
        | Error::Cancelled
        | Error::QueryTooDeep
        | Error::Busy(_)
        | Error::Damaged { .. } => Refusal::temporary(),
    }
}
