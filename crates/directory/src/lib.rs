//! The organisation: accounts with their addresses and domains, credentials, and sign-in for every protocol.
//!
//! [`Directory`] is the one object; all of it lies in the store under
//! [`AccountId::ORGANISATION`](fieldpost_store::AccountId::ORGANISATION) (tables `0x01`..`0x3f`, see `record.rs`), with
//! accounts and addresses kept in memory beside it.
//!
//! Invariants:
//! - What a management function reports as done is on disk. Commit first, then show it to look-ups, then wake watchers.
//! - Account ids never come back, not even those of removed accounts.
//! - No password is printed, logged or stored; no answer to a failed sign-in tells whether the user or the password was
//!   wrong, and none takes a time that does.
//! - Passwords are hashed on blocking threads behind a bounded queue; nothing here sleeps.
//! - Everything that clients can make grow (tables of attempts, remembered passwords, exchanges) is bounded.
//!
//! What it does not do: it speaks no protocol and sends no answer, it reads no configuration, and it never touches an
//! account's mail (removing an account leaves its mailbox to whoever removes that).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod address;
mod attempts;
mod audit;
mod bounded;
mod change;
mod credential;
mod directory;
mod error;
mod group;
mod hashing;
mod manage;
mod names;
mod passwd_file;
mod random;
mod record;
pub mod sasl;
mod secret;
mod send_right;
mod settings;
mod sign_in;
mod statistics;
#[cfg(test)]
mod testing;
mod verified;

pub use account::{
    Account, AccountUpdate, MAX_ALIASES, MAX_DISPLAY_NAME, NewAccount, Protocol, Protocols,
};
pub use address::{Address, AddressError, LoginName, MAX_ADDRESS, MAX_LOCAL_PART, MAX_LOGIN};
pub use directory::Directory;
pub use error::{DirectoryError, PasswordFault};
pub use group::{Group, GroupSenders, GroupUpdate, MAX_MEMBERS};
pub use hashing::Busy;
pub use manage::Removed;
pub use passwd_file::{
    Import, ImportOptions, Line, ParsedLine, Quota, Skipped, TakenLine, parse_line,
};
pub use secret::{MAX_PASSWORD, Secret};
pub use send_right::SendRight;
pub use settings::{Argon2Cost, AttemptLimits, Settings};
pub use sign_in::{ChannelBinding, Identity, SignInContext, SignInError};
pub use statistics::Statistics;
