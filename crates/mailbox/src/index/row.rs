//! One item as the folder's array knows it.

use std::ops::{BitOr, BitOrAssign};

use crate::{ContentId, EntryId, LabelSet, ThreadId};

/// All that lists, searches by flag or date and synchronisation need to know of an item, without opening its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// IMAP's uid, unique in the folder.
    pub uid: u32,
    /// The system flags.
    pub flags: Flags,
    /// What else is known for good.
    pub facts: Facts,
    /// The item's stay in this folder.
    pub entry: EntryId,
    /// When flags, keywords or categories last changed, or the item came.
    pub mod_seq: u64,
    /// Bytes of the item: its own prefix and the body.
    pub size: u64,
    /// Keywords and categories.
    pub labels: LabelSet,
    /// IMAP's internal date, seconds since 1970.
    pub internal_date: i64,
    /// When the item came into this folder (RFC 8514), seconds since 1970.
    pub save_date: i64,
    /// By what a client's time window judges the item, seconds since 1970; `i64::MAX` = always inside.
    pub window_date: i64,
    /// The content.
    pub content: ContentId,
    /// The conversation.
    pub thread: ThreadId,
}

/// System flags (RFC 9051 §2.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub(crate) u8);

impl Flags {
    /// No flag.
    pub const EMPTY: Self = Self(0);
    /// `\Seen`
    pub const SEEN: Self = Self(1);
    /// `\Answered`
    pub const ANSWERED: Self = Self(2);
    /// `\Flagged`
    pub const FLAGGED: Self = Self(4);
    /// `\Deleted`
    pub const DELETED: Self = Self(8);
    /// `\Draft`
    pub const DRAFT: Self = Self(16);
    /// Every flag.
    pub const ALL: Self = Self(31);

    /// Whether all of `other` is set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no flag is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// It without `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The flags that are set, one by one.
    pub fn iter(self) -> impl Iterator<Item = Self> {
        (0..5)
            .map(|bit| Self(1 << bit))
            .filter(move |flag| self.contains(*flag))
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What is known of an item for good, for searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts(pub(crate) u8);

impl Facts {
    /// The item came with a POP3 unique-id of its own (an import or a restore).
    pub const STORED_UIDL: Self = Self(1);
    /// The message has attachments.
    pub const ATTACHMENTS: Self = Self(2);
    /// The last line does not end with CRLF: a protocol that sends whole lines (POP3) sends two octets more.
    pub const OPEN_END: Self = Self(4);

    pub(crate) const ALL: Self = Self(7);

    /// Whether all of `other` holds.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn with(self, other: Self, holds: bool) -> Self {
        Self(self.0 & !other.0 | if holds { other.0 } else { 0 })
    }
}
