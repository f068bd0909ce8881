//! Commands: their types, and the parser that makes them of bytes.
//!
//! [`parse`] takes one whole command as the framer hands it out: the line, with each literal in its place behind its
//! `{n}` and CRLF, without the last CRLF. `APPEND` never comes here: its messages stream (see [`append`]).
//!
//! Every list, depth and length in here is bounded by [`limit`]; what goes beyond is a [`BadCommand`], never a panic.

mod account;
pub mod append;
pub(crate) mod command;
pub mod fetch;
pub(crate) mod grammar;
pub mod list;
mod mailbox;
pub mod search;
mod search_key;
mod sort;
pub mod store;

use std::fmt;

use zeroize::Zeroizing;

pub use self::{
    append::{AppendHead, AppendNext},
    fetch::{BinaryPart, BodySection, Fetch, FetchItem, Partial, SectionText},
    list::{List, ListReturn, ListSelect, QuickResync, Select, StatusItem, StatusRequest},
    search::{Search, SearchKey, SearchReturn, Sort, SortKey, Thread, ThreadAlgorithm},
    store::{FlagList, Store, StoreMode},
};
use super::set::SequenceSet;

/// A tag (RFC 9051 §9 `tag`), as the client wrote it. 1 to [`limit::TAG`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(pub(crate) Box<str>);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tagged command.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// The tag.
    pub tag: Tag,
    /// What is asked.
    pub command: Command,
}

/// Whether a command speaks of messages by sequence number or, behind `UID`, by uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// By sequence number.
    Sequence,
    /// By uid.
    Uid,
}

/// A mailbox's name as the client means it: modified UTF-7 decoded (or UTF-8 taken, after `ENABLE UTF8=ACCEPT` or
/// IMAP4rev2), levels separated by `/`. Any text; whether a mailbox can be called so is for the core to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(pub String);

/// A password or SASL response: Debug hides it, memory is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Veiled(pub Zeroizing<Vec<u8>>);

impl fmt::Debug for Veiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/* REDACTED */")
    }
}

/// A command (RFC 9051 §6 and extensions).
#[derive(Debug, PartialEq)]
pub enum Command {
    /// `CAPABILITY`
    Capability,
    /// `NOOP`
    Noop,
    /// `LOGOUT`
    Logout,
    /// `ID` (RFC 2971): field and value pairs; `NIL` is empty.
    Id(Vec<(String, Option<String>)>),
    /// `STARTTLS`
    StartTls,
    /// `AUTHENTICATE mechanism [initial-response]` (SASL-IR, RFC 4959): the response in base64, or `=`.
    Authenticate {
        /// The mechanism's name as written.
        mechanism: String,
        /// The initial response as written.
        initial: Option<Veiled>,
    },
    /// `LOGIN user password`
    Login {
        /// The user's name, bytes as sent.
        user: Vec<u8>,
        /// The password, bytes as sent.
        password: Veiled,
    },
    /// `ENABLE capability …` (RFC 5161), upper case.
    Enable(Vec<String>),
    /// `SELECT`
    Select(Select),
    /// `EXAMINE`
    Examine(Select),
    /// `CREATE name [(USE (\attr …))]` (RFC 6154 §5.2).
    Create {
        /// The name; one `/` at its end is taken off (RFC 9051 §6.3.4).
        mailbox: MailboxName,
        /// Special uses asked for, as written, with the backslash.
        special_use: Vec<String>,
    },
    /// `DELETE`
    Delete(MailboxName),
    /// `RENAME`
    Rename {
        /// The old name.
        from: MailboxName,
        /// The new name.
        to: MailboxName,
    },
    /// `SUBSCRIBE`
    Subscribe(MailboxName),
    /// `UNSUBSCRIBE`
    Unsubscribe(MailboxName),
    /// `LIST`, basic or extended.
    List(List),
    /// `LSUB reference pattern`
    Lsub {
        /// The reference name.
        reference: MailboxName,
        /// The pattern, decoded like a name.
        pattern: String,
    },
    /// `XLIST reference pattern` (Outlook 2013 and 2016 ask so): LIST with special uses.
    XList {
        /// The reference name.
        reference: MailboxName,
        /// The pattern, decoded like a name.
        pattern: String,
    },
    /// `NAMESPACE`
    Namespace,
    /// `STATUS`
    Status(StatusRequest),
    /// `IDLE`
    Idle,
    /// `COMPRESS algorithm` (RFC 4978), upper case.
    Compress(String),
    /// `GETQUOTA root` (RFC 9208)
    GetQuota(String),
    /// `GETQUOTAROOT mailbox`
    GetQuotaRoot(MailboxName),
    /// `SETQUOTA root (…)`: always refused, so its limits are not kept.
    SetQuota(String),
    /// `UNAUTHENTICATE` (RFC 8437)
    Unauthenticate,
    /// `CHECK`
    Check,
    /// `CLOSE`
    Close,
    /// `UNSELECT`
    Unselect,
    /// `EXPUNGE`, or `UID EXPUNGE set`.
    Expunge(Option<SequenceSet>),
    /// `SEARCH`
    Search(Addressing, Search),
    /// `SORT`
    Sort(Addressing, Sort),
    /// `THREAD`
    Thread(Addressing, Thread),
    /// `FETCH`
    Fetch(Addressing, Fetch),
    /// `STORE`
    Store(Addressing, Store),
    /// `COPY`
    Copy(Addressing, SequenceSet, MailboxName),
    /// `MOVE`
    Move(Addressing, SequenceSet, MailboxName),
}

impl Command {
    /// Whether it speaks of messages by number or by uid.
    pub fn addressing(&self) -> Option<Addressing> {
        match self {
            Self::Search(by, _)
            | Self::Sort(by, _)
            | Self::Thread(by, _)
            | Self::Fetch(by, _)
            | Self::Store(by, _)
            | Self::Copy(by, ..)
            | Self::Move(by, ..) => Some(*by),
            _ => None,
        }
    }

    /// The command's name for logs, without arguments.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::Id(_) => "ID",
            Self::StartTls => "STARTTLS",
            Self::Authenticate { .. } => "AUTHENTICATE",
            Self::Login { .. } => "LOGIN",
            Self::Enable(_) => "ENABLE",
            Self::Select(_) => "SELECT",
            Self::Examine(_) => "EXAMINE",
            Self::Create { .. } => "CREATE",
            Self::Delete(_) => "DELETE",
            Self::Rename { .. } => "RENAME",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::List(_) => "LIST",
            Self::Lsub { .. } => "LSUB",
            Self::XList { .. } => "XLIST",
            Self::Namespace => "NAMESPACE",
            Self::Status(_) => "STATUS",
            Self::Idle => "IDLE",
            Self::Compress(_) => "COMPRESS",
            Self::GetQuota(_) => "GETQUOTA",
            Self::GetQuotaRoot(_) => "GETQUOTAROOT",
            Self::SetQuota(_) => "SETQUOTA",
            Self::Unauthenticate => "UNAUTHENTICATE",
            Self::Check => "CHECK",
            Self::Close => "CLOSE",
            Self::Unselect => "UNSELECT",
            Self::Expunge(_) => "EXPUNGE",
            Self::Search(..) => "SEARCH",
            Self::Sort(..) => "SORT",
            Self::Thread(..) => "THREAD",
            Self::Fetch(..) => "FETCH",
            Self::Store(..) => "STORE",
            Self::Copy(..) => "COPY",
            Self::Move(..) => "MOVE",
        }
    }
}

/// How the client's bytes are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// `ENABLE UTF8=ACCEPT` or `ENABLE IMAP4rev2` was said: mailbox names and quoted strings are UTF-8.
    pub utf8: bool,
}

/// Why a command was not understood. Display says it to the client in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCommand {
    /// The tag, if the line began with one; the answer is untagged otherwise.
    pub tag: Option<Tag>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The line begins with no tag.
    #[error("No tag")]
    NoTag,
    /// There is a tag and nothing else.
    #[error("No command")]
    NoCommand,
    /// No such command.
    #[error("Unknown command")]
    UnknownCommand,
    /// The arguments are not those of the command.
    #[error("{0}: {1}")]
    Arguments(&'static str, &'static str),
    /// A list, depth or length is beyond the limit.
    #[error("{0}: too many or too deep")]
    TooMuch(&'static str),
    /// The charset of a search is not known (RFC 9051 §6.4.4): answered `NO [BADCHARSET]`.
    #[error("Charset not supported")]
    BadCharset {
        /// `RETURN (SAVE)`: `$` is empty from now on (RFC 5182 §2.1).
        saves: bool,
    },
}

/// Bounds of what one command may hold. The framer bounds its bytes.
pub mod limit {
    /// Bytes of a tag.
    pub const TAG: usize = 64;
    /// Levels of keys in a search, the whole of it being the first.
    pub const SEARCH_DEPTH: usize = 100;
    /// Keys in a search, all together.
    pub const SEARCH_KEYS: usize = 2_000;
    /// Items in a FETCH, fields in a header list, patterns in a LIST, flags in a list, pairs in an ID.
    pub const LIST: usize = 500;
    /// Numbers in a section (`1.2.3`).
    pub const SECTION: usize = 100;
}

/// Reads one whole command.
pub fn parse(bytes: &[u8], mode: Mode) -> Result<Request, BadCommand> {
    let (tag, rest) =
        command::read_tag(bytes).map_err(|problem| BadCommand { tag: None, problem })?;
    match command::read(rest, mode) {
        Ok(command) => Ok(Request { tag, command }),
        Err(problem) => Err(BadCommand {
            tag: Some(tag),
            problem,
        }),
    }
}

#[cfg(test)]
mod tests;
