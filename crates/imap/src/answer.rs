//! How a command ends: what its tagged response says. What the mailbox refuses is put into words here, once.

use std::borrow::Cow;

use fieldpost_connection::ConnectionError;
use fieldpost_mailbox as mailbox;

use crate::{
    Error,
    codec::response::{Code, Status},
};

/// What a tagged response says behind its tag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    pub(crate) code: Option<Code<'static>>,
    pub(crate) text: Cow<'static, str>,
}

impl Answer {
    pub(crate) fn ok(text: &'static str) -> Self {
        Self {
            status: Status::Ok,
            code: None,
            text: text.into(),
        }
    }

    pub(crate) fn no(code: Code<'static>, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: Status::No,
            code: Some(code),
            text: text.into(),
        }
    }

    pub(crate) fn bad(text: &'static str) -> Self {
        Self {
            status: Status::Bad,
            code: None,
            text: text.into(),
        }
    }

    pub(crate) fn with(self, code: Code<'static>) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    /// What is said where a name means no mailbox.
    pub(crate) fn no_such_mailbox() -> Self {
        Self::no(Code::NonExistent, "No such mailbox")
    }
}

/// Why a command was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The client is told, and goes on.
    Answer(Answer),
    /// The mailbox that was selected is no more.
    MailboxGone,
    /// There is no going on.
    Broken(Error),
}

impl Refusal {
    /// Whether the client is told NO, not BAD.
    pub(crate) fn is_no(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status == Status::No)
    }
}

impl From<Answer> for Refusal {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl From<ConnectionError> for Refusal {
    fn from(error: ConnectionError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<mailbox::Error> for Refusal {
    fn from(error: mailbox::Error) -> Self {
        Self::Answer(refusal(&error))
    }
}

/// What a client is told of an error of the mailbox (RFC 5530).
fn refusal(error: &mailbox::Error) -> Answer {
    use mailbox::Error as E;
    match error {
        E::NoSuchFolder(_) => Answer::no_such_mailbox(),
        E::NoSuchItem { .. } => Answer::no(Code::ExpungeIssued, "A message is gone"),
        E::Name(wrong) => Answer::no(Code::Cannot, format!("Not a mailbox name: {wrong}")),
        E::FolderExists(_) => Answer::no(Code::AlreadyExists, "A mailbox of that name exists"),
        E::SpecialFolder(_) => Answer::no(Code::Cannot, "Every account has that mailbox; it stays"),
        E::SpecialUseTaken(_) | E::SpecialUseRefused(_) => {
            Answer::no(Code::UseAttr, error.to_string())
        }
        E::HasChildren(_) => Answer::no(
            Code::HasChildren,
            "The mailbox has others below it; delete them first",
        ),
        E::Cycle(_) => Answer::no(Code::Cannot, "A mailbox can't be moved below itself"),
        E::QueryTooDeep => Answer::no(Code::Limit, error.to_string()),
        // Only a client that has gone calls its own command off.
        E::Cancelled => Answer::no(Code::Unavailable, "Called off"),
        E::TooManyFolders(_) | E::TooManyKeywords(_) | E::UidsExhausted(_) => {
            Answer::no(Code::Limit, error.to_string())
        }
        E::OverQuota { .. } => Answer::no(Code::OverQuota, "Over quota; delete something first"),
        E::ItemTooLarge { .. } => Answer::no(Code::TooBig, error.to_string()),
        E::BadKeyword(_) => Answer::no(Code::Cannot, error.to_string()),
        E::Busy(_) | E::Store(_) if error.is_temporary() => {
            tracing::warn!(%error, "a command was refused for now");
            Answer::no(Code::Unavailable, "Not possible now, try again later")
        }
        E::Busy(_) | E::Store(_) | E::Damaged { .. } => {
            tracing::error!(%error, "a command failed");
            Answer::no(Code::ServerBug, "Internal error; the log has more")
        }
    }
}
