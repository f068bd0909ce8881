//! The SMTP wire: LMTP in; later submission in and the relay's client side.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod codec;
mod command;
mod delivering;
mod message;
mod serve;
mod service;
mod session;

pub use serve::serve;
pub use service::{Service, Settings, Timeouts};
