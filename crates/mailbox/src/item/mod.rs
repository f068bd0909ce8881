//! Items: how they come, change, move, leave, and are read.

mod append;
mod append_all;
mod copy;
mod expunge;
mod flags;
pub(crate) mod imported;
mod read;
pub(crate) mod record;

pub use append::{Appended, NewItem};
pub use append_all::has_room_for_more;
pub use copy::Copied;
pub use expunge::{EXPUNGED_AT_ONCE, Expunge, Expunged};
pub use flags::{FlagUpdate, Stored, UpdateMode};
pub use imported::{ImportKey, Imported};
pub use read::{Header, Item, ItemReader};

pub(crate) use append::{Arrival, Coming};
pub(crate) use flags::Change;
