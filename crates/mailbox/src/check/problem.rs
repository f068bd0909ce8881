//! What a check can find.

use fieldpost_store::{AccountId, BodyId};

use crate::{Counters, EntryId, FolderId};

/// Something in an account that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value does not parse.
    #[error("{what} does not parse: {wrong}")]
    Malformed {
        /// Which value.
        what: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// A folder's counters are not those of its rows.
    #[error("folder {folder} counts {counted:?}, has {actual:?}")]
    Counters {
        /// The folder.
        folder: FolderId,
        /// What its record says.
        counted: Counters,
        /// What its rows say.
        actual: Counters,
    },
    /// The account's use of its quota is not the sum of its items.
    #[error("the quota counts {counted:?} bytes and items, they are {actual:?}")]
    Quota {
        /// Bytes and items by the head record.
        counted: (u64, u64),
        /// Bytes and items by the items' records.
        actual: (u64, u64),
    },
    /// A row has no item record.
    #[error("item {folder}:{uid} has a row and no record")]
    NoRecord {
        /// The folder.
        folder: FolderId,
        /// The uid.
        uid: u32,
    },
    /// An item record has no row.
    #[error("item {folder}:{uid} has a record and no row")]
    NoRow {
        /// The folder.
        folder: FolderId,
        /// The uid.
        uid: u32,
    },
    /// A row and its item's record say different things.
    #[error("item {folder}:{uid}: its row and its record differ")]
    Differ {
        /// The folder.
        folder: FolderId,
        /// The uid.
        uid: u32,
    },
    /// A number was given out that the counter says is still to come.
    #[error("{counter} of {place} is {next}, but {used} is in use")]
    Counter {
        /// Which counter.
        counter: &'static str,
        /// "the account", or the folder.
        place: String,
        /// Its value.
        next: u64,
        /// The largest number in use.
        used: u64,
    },
    /// A folder's parent is not there.
    #[error("folder {folder} lies in folder {parent}, which is not there")]
    NoParent {
        /// The folder.
        folder: FolderId,
        /// Its parent.
        parent: FolderId,
    },
    /// Records lie under a folder that is not there.
    #[error("records of folder {folder}, which is not there")]
    NoFolder {
        /// The folder.
        folder: FolderId,
    },
    /// An item's body can't be read.
    #[error("item {folder}:{uid}: its body {body} can't be read: {wrong}")]
    NoBody {
        /// The folder.
        folder: FolderId,
        /// The uid.
        uid: u32,
        /// The body.
        body: BodyId,
        /// What the store says.
        wrong: String,
    },
    /// An item does not hold its body, which may be swept under it.
    #[error("account {account}: entry {entry} does not hold its body {body}")]
    NotHeld {
        /// The account.
        account: AccountId,
        /// The item's entry.
        entry: EntryId,
        /// The body.
        body: BodyId,
    },
    /// A body is held by an item that is not there.
    #[error("account {account}: body {body} is held by entry {entry}, which is not there")]
    HeldByNobody {
        /// The account.
        account: AccountId,
        /// The entry.
        entry: EntryId,
        /// The body.
        body: BodyId,
    },
}
