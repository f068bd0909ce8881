//! What can go wrong below the mailbox.

use crate::{AccountId, BodyId};

/// Why the store did not do as it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk (or the engine's quota) is full; nothing of the commit was kept.
    #[error("no space left for new data; free some space, then run `fieldpost compact`")]
    NoSpace,
    /// The store no longer takes writes, because a write or a sync failed and what is on disk can't be trusted to grow.
    #[error("the store is read-only: {reason}; restart fieldpost once the disk is healthy")]
    ReadOnly {
        /// What happened first.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("{what}: {error}")]
    Io {
        /// What was being done, with the file's name.
        what: String,
        /// What the system said.
        error: String,
    },
    /// A record fails its checksum or does not parse; the rest stays readable.
    #[error("damaged record: {what}")]
    Damaged {
        /// Which record, and how it is damaged.
        what: String,
    },
    /// There is no body of that id (never committed, or no longer held).
    #[error("no such body: {0}")]
    NoSuchBody(BodyId),
    /// A key, value or commit is larger than the store takes.
    #[error("{what} is too large: {size} bytes, at most {limit}")]
    TooLarge {
        /// "key", "value", "commit" or "body".
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Another process has the data directory open.
    #[error("{path} is in use by process {pid}; stop it first, or let the command speak to it")]
    Locked {
        /// The data directory.
        path: String,
        /// The other process, 0 if unknown.
        pid: u32,
    },
    /// The data directory was written by a version of fieldpost that this one does not understand.
    #[error(
        "{path} has on-disk format {found}, this fieldpost reads up to {supported}; use a newer fieldpost"
    )]
    Format {
        /// The data directory.
        path: String,
        /// The format found.
        found: u32,
        /// The newest one understood here.
        supported: u32,
    },
    /// The file FORMAT of a data directory is damaged or gone.
    #[error(
        "{path}/FORMAT is damaged or gone; `fieldpost fsck --repair` writes it anew if the rest of the store can be read"
    )]
    FormatDamaged {
        /// The data directory.
        path: String,
    },
    /// A restore, an import or a backup into the directory was cut off: what is there is a part only, and not opened.
    #[error("{by} into {path} was not finished, so what is there is a part only; run it again")]
    Unfinished {
        /// The directory.
        path: String,
        /// "a restore", "an import" or "a backup".
        by: String,
    },
    /// A restore or a backup was to go into a directory that holds something else.
    #[error("{path} holds {what}")]
    Occupied {
        /// The directory.
        path: String,
        /// What is there.
        what: String,
    },
    /// The account's part of the index is damaged and being rebuilt; try again shortly.
    #[error("account {0} is being rebuilt from the log")]
    Rebuilding(AccountId),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The engine behind a cluster store did not answer.
    #[error("the storage engine is unavailable: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// Whether the same request may work later without anybody changing it (a protocol's temporary failure).
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NoSpace
            | Self::ReadOnly { .. }
            | Self::Io { .. }
            | Self::Rebuilding(_)
            | Self::Closed
            | Self::Unavailable(_)
            | Self::Locked { .. } => true,
            Self::Damaged { .. }
            | Self::NoSuchBody(_)
            | Self::TooLarge { .. }
            | Self::Format { .. }
            | Self::FormatDamaged { .. }
            | Self::Unfinished { .. }
            | Self::Occupied { .. } => false,
        }
    }
}
