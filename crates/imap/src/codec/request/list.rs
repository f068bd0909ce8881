//! `LIST` (RFC 9051 §6.3.9; LIST-STATUS, SPECIAL-USE, CHILDREN included), `STATUS` and `SELECT`.

use super::MailboxName;
use crate::codec::set::SequenceSet;

/// A LIST.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// `(SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE)` in front.
    pub select: ListSelect,
    /// The reference name.
    pub reference: String,
    /// One pattern, or several in parentheses; decoded like names.
    pub patterns: Vec<String>,
    /// `RETURN (…)`.
    pub returns: ListReturn,
    /// Whether the command was in the extended form (selection options, several patterns or RETURN).
    pub extended: bool,
}

/// Selection options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListSelect {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `REMOTE`: there are none.
    pub remote: bool,
    /// `RECURSIVEMATCH`
    pub recursive_match: bool,
    /// `SPECIAL-USE`
    pub special_use: bool,
}

/// Return options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReturn {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `CHILDREN`
    pub children: bool,
    /// `SPECIAL-USE`
    pub special_use: bool,
    /// `STATUS (…)` (RFC 5819)
    pub status: Option<Vec<StatusItem>>,
}

/// A STATUS.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusRequest {
    /// Of which mailbox.
    pub mailbox: MailboxName,
    /// What of it.
    pub items: Vec<StatusItem>,
}

/// What is asked of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// `MESSAGES`
    Messages,
    /// `RECENT`
    Recent,
    /// `UIDNEXT`
    UidNext,
    /// `UIDVALIDITY`
    UidValidity,
    /// `UNSEEN`
    Unseen,
    /// `DELETED`
    Deleted,
    /// `SIZE` (RFC 8438)
    Size,
    /// `HIGHESTMODSEQ` (RFC 7162)
    HighestModSeq,
    /// `APPENDLIMIT` (RFC 7889)
    AppendLimit,
    /// `MAILBOXID` (RFC 8474)
    MailboxId,
    /// `DELETED-STORAGE` (RFC 9208)
    DeletedStorage,
}

/// A SELECT or EXAMINE.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// `(CONDSTORE)`
    pub condstore: bool,
    /// `(QRESYNC (…))`
    pub qresync: Option<QuickResync>,
}

/// QRESYNC's parameters (RFC 7162 §3.2.5).
#[derive(Clone, Debug, PartialEq)]
pub struct QuickResync {
    /// The uid_validity that the client knows.
    pub uid_validity: u32,
    /// The mod_seq up to which it knows all.
    pub mod_seq: u64,
    /// The uids it knows; `None`: all.
    pub known_uids: Option<SequenceSet>,
    /// Sequence numbers and the uids that they have: sets of equal length.
    pub known_sequence: Option<(SequenceSet, SequenceSet)>,
}
