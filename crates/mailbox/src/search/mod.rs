//! Searching, sorting and threading a folder's items, in the core's own words.
//!
//! Invariants:
//! - What the rows can tell opens no record, and what the summaries can tell opens no body.
//! - A message is read once, however many texts are looked for, and never held whole.
//! - Other tasks run in between, and the caller is asked whether to go on ([`Pace`]).

mod asking;
mod column;
mod field;
mod fold;
mod key_cache;
mod message;
mod pace;
mod plan;
mod query;
mod reading;
mod run;
mod sort;
mod thread;

pub(crate) use key_cache::KeyCache;
pub use pace::Pace;
pub use query::Query;
pub use sort::{SortBy, SortKey};
pub(crate) use thread::ThreadNames;
pub use thread::{Threaded, Threading};
