//! The SMTP wire: LMTP in; later submission in and the relay's client side.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod codec;
