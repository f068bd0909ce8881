//! POP3 front-end (RFC 1939): the inbox of one account, or another folder, to one client at a time.
//!
//! - [`codec`]: octets to requests, replies to octets. No I/O, no clock.
//! - `session`: the states AUTHORIZATION, TRANSACTION and UPDATE, with what exists only in each.
//! - `command`: one file per command.
//! - [`serve`]: the driver of one connection.
//!
//! Rules:
//! - Nothing is deleted but at QUIT, in one commit that is on disk before its `+OK`.
//! - A session sees the folder as it was at sign-in, and is the only one that has it open by POP3.
//! - Sign-in reads no message, RETR writes nothing; messages and long listings are sent as fast as the client takes them, never gathered.
//!
//! What it does not do: `APOP` (RFC 1939 §7) is not offered, since it needs passwords kept in the clear.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod codec;
mod command;
mod error;
mod maildrop;
mod outgoing;
mod serve;
mod service;
mod session;
mod settings;
#[cfg(test)]
mod testing;

pub use error::Error;
pub use serve::serve;
pub use service::Service;
pub use settings::{Deleted, Expire, Serve, Settings};
