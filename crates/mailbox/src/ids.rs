//! The numbers by which folders and items are known. None of them ever comes back, restore included.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A folder of an account (IMAP's MAILBOXID, ActiveSync's CollectionId). Stays over renames and moves.
    FolderId
);
id!(
    /// An item's stay in a folder: new with every delivery, copy and move (ActiveSync's ServerId is folder:entry).
    EntryId
);
id!(
    /// An item's content (IMAP's EMAILID): the same after copy and move, new when the bytes change.
    ContentId
);
id!(
    /// A conversation (IMAP's THREADID): the content id of the message that began it.
    ThreadId
);

impl FolderId {
    /// The topic of marks that say that the list of folders itself changed. No folder has this id.
    pub const HIERARCHY: Self = Self(0);
}
