//! Mail on its way: recipients, local delivery and its hooks.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod envelope;
mod hops;
mod refusal;

pub use address::{Address, AddressError, MAX_ADDRESS, MAX_DOMAIN};
pub use envelope::{BodyType, Envelope};
pub use hops::HopCounter;
pub use refusal::{Refusal, Status};
