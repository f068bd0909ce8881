//! Exchange ActiveSync front-end: what phones speak.
//!
//! [`Service::handle`] takes one HTTP request and gives its response; whoever drives the connection (hyper, in the
//! server) knows nothing of ActiveSync. The rooms are those of every front-end: `codec/` reads the query, the headers and
//! the WBXML document and writes the response; `session.rs` signs the user in and decides whether the device may speak
//! (its policy); `command/` has one file a command; `serve.rs` is the thin driver.
//!
//! What a device holds of a folder lives in `mailbox` ([`fieldpost_mailbox::device`]), beside the items it speaks of.
//!
//! Invariants:
//! - A success answer means that it is on disk.
//! - A waiting request is a parked task with a subscription; it holds no document and no view of a folder.
//! - Below version 14.0 no status of 100 or above is sent; the HTTP status says it ([`Failure`]).
//! - Everything is looked for in the signed-in user's own mailbox: no id, key or reference names another account's.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod codec;
mod command;
mod item;
mod policy;
mod reply;
mod serve;
mod service;
mod session;
mod settings;
#[cfg(test)]
mod testing;
mod waiting;
mod wire_log;

pub use codec::authorization::{Credentials, credentials};
pub use policy::Policy;
pub use reply::Body;
pub use serve::Origin;
pub use service::{Ended, Service};
pub(crate) use session::Session;
pub use settings::Settings;
