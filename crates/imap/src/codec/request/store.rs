//! `STORE` (RFC 9051 §6.4.6; UNCHANGEDSINCE of RFC 7162).

use fieldpost_mailbox::Flags;

use crate::codec::set::SequenceSet;

/// A STORE.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Which messages.
    pub set: SequenceSet,
    /// How.
    pub mode: StoreMode,
    /// `.SILENT`
    pub silent: bool,
    /// Which flags.
    pub flags: FlagList,
    /// `UNCHANGEDSINCE`
    pub unchanged_since: Option<u64>,
}

/// `FLAGS`, `+FLAGS`, `-FLAGS`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// Flags as a client writes them. `\Recent` is passed over (clients of RFC 2060's day send it).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagList {
    /// System flags.
    pub system: Flags,
    /// Keywords, as written.
    pub keywords: Vec<String>,
}
