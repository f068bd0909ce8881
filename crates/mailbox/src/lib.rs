//! The core: one account's folders, items, flags, change log, watch and quota. Every protocol is a thin front-end over it.
//!
//! [`Mailboxes`] stands over a store; [`Mailboxes::open`] gives a [`Mailbox`], a cheap handle on one account. A message
//! comes in by [`Mailboxes::receive`], which tees it into a staged body and the message scanner, and goes into any number of
//! mailboxes by [`Mailbox::append`]. A folder is looked at by [`Mailbox::view`], an array of [`Row`]s shared by all who
//! look; what changed since, by [`Mailbox::changes`]; waiting is [`Mailbox::watch`].
//!
//! Invariants:
//! - What a call returned `Ok` for is on disk. What a client is shown is on disk, too.
//! - A uid never comes back in a (folder, uid_validity); folder, entry and content ids never come back; mod_seqs never go
//!   backward, restore included.
//! - One writer an account: each commit requires the head record that it was made from (the module `transaction`).
//! - Work is that of the change: neither a delivery nor "what changed since" costs more in a larger folder.
//! - A damaged record costs that record; the rest stays readable.
//! - Memory is bounded by the settings, however many accounts there are.
//!
//! What it does not do: it knows no protocol, no IMAP response, no ActiveSync status; it reads no clock but the one in
//! [`Settings`]; it sends nothing anywhere.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod change_log;
mod check;
pub mod device;
mod error;
mod folder;
mod head;
mod header_cache;
mod ids;
mod index;
mod item;
mod keys;
mod labels;
mod mailbox;
mod mailboxes;
mod maildrop;
mod maintenance;
mod out_of_office;
mod outbox;
mod pages;
mod quota;
mod record;
mod restore;
mod search;
mod settings;
mod thread;
mod transaction;
mod uid_set;
pub mod untrusted;
mod watch;

pub use change_log::{Changes, ChangesSince, Gone, HierarchySince};
pub use check::{Depth, Problem};
pub use device::{Device, DeviceId};
pub use error::{Error, NameError};
pub use folder::{
    Counters, Folder, FolderKind, MAX_FOLDER_DEPTH, MAX_FOLDER_NAME, NewFolder, SpecialUse,
    check_path,
};
pub use ids::{ContentId, EntryId, FolderId, ThreadId};
pub use index::{Facts, Flags, Row, View, WindowPosition};
pub use item::{
    Appended, Copied, EXPUNGED_AT_ONCE, Expunge, Expunged, FlagUpdate, Header, ImportKey, Imported,
    Item, ItemReader, NewItem, Stored, UpdateMode, has_room_for_more,
};
pub use labels::{LabelSet, Labels, MAX_LABELS};
pub use mailbox::Mailbox;
pub use mailboxes::{Incoming, Mailboxes, Received};
pub use maildrop::{MaildropGuard, UniqueIds};
pub use maintenance::Maintained;
pub use out_of_office::{AGAIN_AFTER, Audience, MAX_REPLY, OutOfOffice, Reply, When};
pub use outbox::{NewOutgoing, Outgoing, OutgoingChange};
pub use quota::{Limits, Quota};
pub use restore::{Restored, Selection, restored};
pub use search::{Pace, Query, SortBy, SortKey, Threaded, Threading};
pub use settings::{Clock, Settings};
pub use uid_set::UidSet;
pub use watch::Watch;

/// Names an account, for the front-ends, which do not look below this crate.
pub use fieldpost_store::AccountId;
