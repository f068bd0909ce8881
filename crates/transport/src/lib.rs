//! Mail on its way: recipients, local delivery and its hooks.
//!
//! Whoever takes a message in (LMTP, the command line, later submission and the front-ends that send) does the same
//! four steps: [`Transport::recipient`] for each address, [`Transport::receive`] for the bytes,
//! [`Transport::deliver`], and [`Deliveries::next`] for each recipient's result.
//!
//! Invariants:
//! - `Ok` for a recipient means on disk, in its mailbox.
//! - A message streams: no step holds more of it than the chunk in hand, and its recipients share one body.
//! - Nothing that a sender writes into an envelope gets into a header but through [`Address`], which can't hold a line end.
//!
//! What it does not do: it speaks no protocol (`smtp` does), and it has no queue yet; mail for other hosts is refused as
//! unknown.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod deliveries;
mod envelope;
mod hook;
mod hops;
mod incoming;
mod recipient;
mod refusal;
mod settings;
mod transport;

pub use address::{Address, AddressError, MAX_ADDRESS, MAX_DOMAIN};
pub use deliveries::{Delivered, Deliveries};
pub use envelope::{BodyType, Envelope};
pub use hook::{Delivery, Hook, Placement};
pub use hops::HopCounter;
pub use incoming::{Incoming, Received};
pub use recipient::Recipient;
pub use refusal::{Refusal, Status};
pub use settings::{DisabledAccounts, OverQuota, Settings};
pub use transport::Transport;
