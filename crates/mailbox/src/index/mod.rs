//! The folder index: one row an item, packed in blocks in the store, in one shared array in memory while in use.
//!
//! A change writes its rows under a small key of its own (the change log); every so many rows a commit *folds* them
//! into their blocks. Reading a folder = its blocks, then the newer change keys, less the newer tombstones. Flags, status,
//! sequence numbers, searches by flag or date and ActiveSync windows walk the array; no key is read per message.

pub(crate) mod block;
pub(crate) mod fold;
pub(crate) mod load;
mod row;
mod view;

pub use row::{Facts, Flags, Row};
pub use view::{View, WindowPosition};

pub(crate) use view::FolderIndex;
