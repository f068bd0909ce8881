//! IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501) front-end.
//!
//! - [`codec`]: bytes to typed requests, responses to bytes. No I/O, no clock.
//! - `session`: the states, with what exists only in each; `selected`: a selected mailbox, what its client was told and is
//!   to be told; `numbers`: sequence numbers.
//! - `command`: one file per command.
//! - [`serve`]: the driver of one connection.
//!
//! Rules:
//! - A success reply means that it is on disk; the core sees to that.
//! - Nothing is kept a message and session: the client's list is a few ranges of uids, flags come from the array that all share.
//! - Long answers are sent as fast as the client takes them, messages stream in and out, nothing is gathered.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
pub mod codec;
mod command;
mod error;
mod hierarchy;
mod numbers;
mod output;
mod section;
mod selected;
mod serve;
mod service;
mod session;
mod settings;
#[cfg(test)]
mod testing;
mod user;

pub use error::Error;
pub use serve::serve;
pub use service::Service;
pub use settings::{Mask, Settings};
