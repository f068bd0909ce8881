//! What can go wrong in a mailbox.

use fieldpost_store::{AccountId, StoreError};

use crate::{FolderId, SpecialUse};

/// Why the mailbox did not do as it was asked. Nothing of a failed operation remains, unless a variant says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such folder (any more).
    #[error("no such folder: {0}")]
    NoSuchFolder(FolderId),
    /// There is no such item in the folder (any more).
    #[error("no item with uid {uid} in folder {folder}")]
    NoSuchItem {
        /// The folder asked.
        folder: FolderId,
        /// The uid asked for.
        uid: u32,
    },
    /// The name can't be a folder's.
    #[error("not a folder name: {0}")]
    Name(#[from] NameError),
    /// A sibling has that name already.
    #[error("a folder of that name exists: {0}")]
    FolderExists(FolderId),
    /// The folder is one that every account has; it can't be deleted, and the inbox can't be renamed or moved either.
    #[error("folder {0} belongs to every account")]
    SpecialFolder(FolderId),
    /// Another folder has the special use already, and an account has one folder of each.
    #[error("{0} has that special use already")]
    SpecialUseTaken(String),
    /// No folder that is made can have the special use: the inbox's, or one that does not fit what the folder is to hold.
    #[error("a new folder can't have the special use {0:?}")]
    SpecialUseRefused(SpecialUse),
    /// The folder has child folders and can't be deleted before they are.
    #[error("folder {0} has child folders")]
    HasChildren(FolderId),
    /// A folder can't become its own descendant.
    #[error("folder {0} can't be moved below itself")]
    Cycle(FolderId),
    /// The account has as many folders as the settings allow.
    #[error("no more than {0} folders in an account")]
    TooManyFolders(usize),
    /// Taking the items in would exceed the account's quota.
    #[error("over quota: {wanted} more of {what} do not fit, {used} of {limit} are used")]
    OverQuota {
        /// "bytes" or "items".
        what: &'static str,
        /// How much is used now.
        used: u64,
        /// How much was to be added.
        wanted: u64,
        /// The limit.
        limit: u64,
    },
    /// The item is larger than the settings allow.
    #[error("an item of {size} bytes is too large, at most {limit}")]
    ItemTooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The account's table of keywords and categories is full.
    #[error("no more than {0} keywords and categories in an account")]
    TooManyKeywords(usize),
    /// Not a keyword (an IMAP atom of at most 128 bytes), or not a category (1 to 255 bytes).
    #[error("not a keyword or category: {0:?}")]
    BadKeyword(String),
    /// All uids or another counter of the folder are used up.
    #[error("folder {0} has given out all its uids")]
    UidsExhausted(FolderId),
    /// The caller did not want it any more (see [`crate::Pace`]).
    #[error("cancelled")]
    Cancelled,
    /// The query is deeper than [`crate::Query::MAX_DEPTH`].
    #[error("the query is more than {} levels deep", crate::Query::MAX_DEPTH)]
    QueryTooDeep,
    /// Others changed the account again and again while this operation was tried.
    #[error("account {0} is busy; try again")]
    Busy(AccountId),
    /// A record does not parse; the others stay readable.
    #[error("damaged record in account {account}: {what}; run `fieldpost fsck`")]
    Damaged {
        /// Whose record.
        account: AccountId,
        /// Which record, and what is wrong with it.
        what: String,
    },
}

impl Error {
    /// Whether the same request may work later without anybody changing it (a protocol's temporary failure).
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Busy(_) => true,
            Self::NoSuchFolder(_)
            | Self::NoSuchItem { .. }
            | Self::Name(_)
            | Self::FolderExists(_)
            | Self::SpecialFolder(_)
            | Self::SpecialUseTaken(_)
            | Self::SpecialUseRefused(_)
            | Self::HasChildren(_)
            | Self::Cycle(_)
            | Self::TooManyFolders(_)
            | Self::OverQuota { .. }
            | Self::ItemTooLarge { .. }
            | Self::TooManyKeywords(_)
            | Self::BadKeyword(_)
            | Self::UidsExhausted(_)
            | Self::Cancelled
            | Self::QueryTooDeep
            | Self::Damaged { .. } => false,
        }
    }
}

/// What is wrong with a folder's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no characters.
    #[error("it is empty")]
    Empty,
    /// It has more than [`crate::MAX_FOLDER_NAME`] bytes.
    #[error("it is longer than {} bytes", crate::MAX_FOLDER_NAME)]
    TooLong,
    /// It has a NUL, a control character or a line end in it.
    #[error("it has a control character")]
    Control,
    /// It has the hierarchy separator `/` in it.
    #[error("it has a / in it")]
    Separator,
    /// It is `.` or `..`, or begins or ends with a space.
    #[error("it would be mistaken for something else")]
    Ambiguous,
    /// The folder would lie more than [`crate::MAX_FOLDER_DEPTH`] levels deep.
    #[error("more than {} levels", crate::MAX_FOLDER_DEPTH)]
    TooDeep,
}

/// A record that does not parse; the reader adds where it lay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it is missing")]
    Missing,
    #[error("it is cut off")]
    Short,
    #[error("it has bytes left over")]
    Trailing,
    #[error("a number is out of range")]
    Range,
    #[error("text is not UTF-8")]
    Text,
    #[error("its version is not known here")]
    Version,
    #[error("its rows are out of order")]
    Order,
}
