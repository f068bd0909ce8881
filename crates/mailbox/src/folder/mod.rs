//! Folders: what one is, and how its record is kept.

mod adopt;
mod hierarchy;
mod name;

use bytes::Bytes;

use crate::{
    FolderId,
    error::Malformed,
    record::{Reader, Writer},
};

pub use name::{MAX_FOLDER_DEPTH, MAX_FOLDER_NAME, check_path};

pub use hierarchy::NewFolder;

pub(crate) use hierarchy::make_default_folders;

/// What a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FolderKind {
    /// Messages.
    #[default]
    Mail,
    /// Events.
    Calendar,
    /// People and their addresses.
    Contacts,
    /// Tasks.
    Tasks,
    /// Notes.
    Notes,
}

/// What a folder is for. An account has one folder of each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecialUse {
    /// Where mail arrives.
    Inbox,
    /// Messages being written (RFC 6154 `\Drafts`).
    Drafts,
    /// Messages sent (`\Sent`).
    Sent,
    /// Deleted items (`\Trash`).
    Trash,
    /// Unwanted mail (`\Junk`).
    Junk,
    /// What was put away (`\Archive`).
    Archive,
    /// The account's own calendar.
    Calendar,
    /// The account's own contacts.
    Contacts,
    /// The account's own tasks.
    Tasks,
    /// The account's own notes.
    Notes,
    /// What matters (RFC 8457 `\Important`): a folder that the user has made for it, if there is one.
    Important,
}

impl SpecialUse {
    /// All uses. The order is that of their codes on disk, and, as far as every account has a folder for them, that in which
    /// those are made.
    pub const ALL: [Self; 11] = [
        Self::Inbox,
        Self::Drafts,
        Self::Sent,
        Self::Trash,
        Self::Junk,
        Self::Archive,
        Self::Calendar,
        Self::Contacts,
        Self::Tasks,
        Self::Notes,
        Self::Important,
    ];

    /// The uses that every account has a folder for, which can't be deleted.
    pub fn of_every_account() -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(|special_use| special_use.is_of_every_account())
    }

    /// Whether every account has a folder for it.
    pub fn is_of_every_account(self) -> bool {
        self != Self::Important
    }

    /// The name that the folder is made with.
    pub fn default_name(self) -> &'static str {
        match self {
            Self::Inbox => "INBOX",
            Self::Drafts => "Drafts",
            Self::Sent => "Sent",
            Self::Trash => "Trash",
            Self::Junk => "Junk",
            Self::Archive => "Archive",
            Self::Calendar => "Calendar",
            Self::Contacts => "Contacts",
            Self::Tasks => "Tasks",
            Self::Notes => "Notes",
            Self::Important => "Important",
        }
    }

    /// What such a folder holds.
    pub fn kind(self) -> FolderKind {
        match self {
            Self::Inbox
            | Self::Drafts
            | Self::Sent
            | Self::Trash
            | Self::Junk
            | Self::Archive
            | Self::Important => FolderKind::Mail,
            Self::Calendar => FolderKind::Calendar,
            Self::Contacts => FolderKind::Contacts,
            Self::Tasks => FolderKind::Tasks,
            Self::Notes => FolderKind::Notes,
        }
    }
}

/// How much is in a folder. Kept up to date by every commit, so that asking is one read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Items.
    pub exists: u32,
    /// Items without `\Seen`.
    pub unseen: u32,
    /// Items with `\Deleted`.
    pub deleted: u32,
    /// Bytes of all items.
    pub size: u64,
}

/// A folder as it is after some change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its id, for ever.
    pub id: FolderId,
    /// The folder that it lies in; `None` at the top.
    pub parent: Option<FolderId>,
    /// Its own name, without its parents'.
    pub name: String,
    /// What it holds.
    pub kind: FolderKind,
    /// What it is for, if it is one of the account's special folders.
    pub special_use: Option<SpecialUse>,
    /// Whether the user wants to see it (IMAP's SUBSCRIBE).
    pub subscribed: bool,
    /// Together with a uid names one item for ever (RFC 9051 §2.3.1.1).
    pub uid_validity: u32,
    /// The uid that the next item gets, or a smaller one than it gets.
    pub uid_next: u32,
    /// The mod_seq of the last change to an item in it (RFC 7162 HIGHESTMODSEQ).
    pub highest_mod_seq: u64,
    /// The mod_seq of the last change to its name, parent or subscription.
    pub changed: u64,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// How much is in it.
    pub counters: Counters,
    /// What left before this mod_seq is forgotten.
    pub(crate) floor: u64,
    /// Changes up to this mod_seq lie in the blocks; later ones in keys of their own.
    pub(crate) folded_to: u64,
    /// How many rows the change keys hold, about.
    pub(crate) pending: u32,
    /// It is being deleted: nobody sees it, what it held goes in bounded steps.
    pub(crate) doomed: bool,
    /// Uids from `uid_next` to below this one were given out by the server that the folder comes from, and are for items
    /// that bring theirs along; 0 = there are none ([`crate::Mailbox::adopt_uids`]).
    pub(crate) kept_below: u32,
}

impl Folder {
    /// Whether every account has this folder: it can't be deleted.
    pub fn is_of_every_account(&self) -> bool {
        self.special_use
            .is_some_and(SpecialUse::is_of_every_account)
    }

    /// Whether `name` means this folder at its level: INBOX in any case is the inbox (RFC 9051 §5.1).
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name
            || (self.special_use == Some(SpecialUse::Inbox)
                && self.parent.is_none()
                && name.eq_ignore_ascii_case("INBOX"))
    }

    /// A folder whose record was lost, found by what lies under its id.
    pub(crate) fn found(id: FolderId, uid_validity: u32, mod_seq: u64, now: i64) -> Self {
        Self {
            id,
            parent: None,
            name: format!("Found {id}"),
            kind: FolderKind::Mail,
            special_use: None,
            subscribed: true,
            uid_validity,
            uid_next: 1,
            highest_mod_seq: mod_seq,
            changed: mod_seq,
            created: now,
            counters: Counters::default(),
            floor: mod_seq,
            folded_to: 0,
            pending: 1,
            doomed: false,
            kept_below: 0,
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(96 + self.name.len());
        writer.byte(if self.kept_below == 0 {
            VERSION
        } else {
            VERSION_ADOPTING
        });
        writer.number(self.id.0);
        writer.number(self.parent.map_or(0, |parent| parent.0));
        writer.bytes(self.name.as_bytes());
        writer.byte(kind_code(self.kind));
        writer.byte(self.special_use.map_or(0, |special| {
            1 + SpecialUse::ALL
                .iter()
                .position(|other| *other == special)
                .unwrap_or_default() as u8
        }));
        writer.byte(u8::from(self.subscribed) | u8::from(self.doomed) << 1);
        for number in [
            u64::from(self.uid_validity),
            u64::from(self.uid_next),
            self.highest_mod_seq,
            self.changed,
            self.floor,
            self.folded_to,
            u64::from(self.pending),
            u64::from(self.counters.exists),
            u64::from(self.counters.unseen),
            u64::from(self.counters.deleted),
            self.counters.size,
        ] {
            writer.number(number);
        }
        writer.signed(self.created);
        if self.kept_below != 0 {
            writer.number(u64::from(self.kept_below));
        }
        writer.0.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let is_adopting = match reader.byte()? {
            VERSION => false,
            VERSION_ADOPTING => true,
            _ => return Err(Malformed::Version),
        };
        let id = FolderId(reader.number()?);
        let parent = Some(FolderId(reader.number()?)).filter(|parent| parent.0 != 0);
        let name = reader.text()?.to_owned();
        let kind = kind_of(reader.byte()?)?;
        let special_use = match reader.byte()? {
            0 => None,
            code => Some(
                *SpecialUse::ALL
                    .get(usize::from(code) - 1)
                    .ok_or(Malformed::Range)?,
            ),
        };
        let bits = reader.byte()?;
        let folder = Self {
            id,
            parent,
            name,
            kind,
            special_use,
            subscribed: bits & 1 != 0,
            doomed: bits & 2 != 0,
            uid_validity: reader.number32()?,
            uid_next: reader.number32()?,
            highest_mod_seq: reader.number()?,
            changed: reader.number()?,
            floor: reader.number()?,
            folded_to: reader.number()?,
            pending: reader.number32()?,
            counters: Counters {
                exists: reader.number32()?,
                unseen: reader.number32()?,
                deleted: reader.number32()?,
                size: reader.number()?,
            },
            created: reader.signed()?,
            kept_below: if is_adopting { reader.number32()? } else { 0 },
        };
        reader.end()?;
        Ok(folder)
    }
}

fn kind_code(kind: FolderKind) -> u8 {
    match kind {
        FolderKind::Mail => 0,
        FolderKind::Calendar => 1,
        FolderKind::Contacts => 2,
        FolderKind::Tasks => 3,
        FolderKind::Notes => 4,
    }
}

fn kind_of(code: u8) -> Result<FolderKind, Malformed> {
    Ok(match code {
        0 => FolderKind::Mail,
        1 => FolderKind::Calendar,
        2 => FolderKind::Contacts,
        3 => FolderKind::Tasks,
        4 => FolderKind::Notes,
        _ => return Err(Malformed::Range),
    })
}

const VERSION: u8 = 1;

/// That of a folder with uids to be kept, which stand at the end.
const VERSION_ADOPTING: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_back_and_a_cut_one_is_refused() {
        let mut folder = Folder {
            id: FolderId(300),
            parent: Some(FolderId(2)),
            name: "Grüße".into(),
            kind: FolderKind::Notes,
            special_use: Some(SpecialUse::Notes),
            subscribed: true,
            uid_validity: 1_700_000_000,
            uid_next: 17,
            highest_mod_seq: 1 << 41,
            changed: 3,
            created: -5,
            counters: Counters {
                exists: 1,
                unseen: 2,
                deleted: 3,
                size: 1 << 33,
            },
            floor: 9,
            folded_to: 8,
            pending: 70,
            doomed: true,
            kept_below: 0,
        };
        for kept_below in [0, u32::MAX] {
            folder.kept_below = kept_below;
            let bytes = folder.encode();
            assert_eq!(Folder::decode(&bytes).as_ref(), Ok(&folder));
            for cut in 0..bytes.len() {
                assert!(Folder::decode(&bytes[..cut]).is_err());
            }
        }
    }
}
