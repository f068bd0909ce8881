//! POP3 front-end (RFC 1939): the INBOX of one account to one client at a time.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod codec;
mod settings;

pub use settings::Settings;
