//! Mail on its way: recipients, local delivery and its hooks.
//!
//! Whoever takes a message in from outside (LMTP, the command line) does the same
//! four steps: [`Transport::recipient`] for each address, [`Transport::receive`] for the bytes,
//! [`Transport::deliver`], and [`Deliveries::next`] for each recipient's result.
//!
//! Whoever sends for people of ours (submission, ActiveSync) makes the header fit to travel by [`Transport::outgoing`], asks
//! [`Transport::destination`] for each address, takes the message in by [`Transport::compose`], and hands it to [`Transport::submit`]: recipients of ours have it at once, all others
//! through the [`queue`], which hands it to whoever speaks SMTP behind the trait [`Wire`].
//!
//! Invariants:
//! - `Ok` for a recipient means on disk, in its mailbox.
//! - A message streams: no step holds more of it than the chunk in hand, and its recipients share one body.
//! - Nothing that a sender writes into an envelope gets into a header but through [`Address`], which can't hold a line end.
//!
//! - Mail from outside goes to mailboxes of ours only ([`Transport::recipient`]); to the world goes what people of ours send.
//!
//! What it does not do: it speaks no protocol (`smtp` does).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod deliveries;
mod destination;
mod dkim;
mod envelope;
mod group;
mod hook;
mod hops;
mod incoming;
mod loops;
mod out_of_office;
mod outbound;
pub mod queue;
mod recipient;
mod refusal;
mod send_right;
mod settings;
mod spam;
mod submit;
mod transport;
mod wire;

pub use address::{Address, AddressError, MAX_ADDRESS, MAX_DOMAIN};
pub use deliveries::{Delivered, Deliveries};
pub use destination::Destination;
pub use dkim::{DkimKey, DkimKeyError, DkimSigner};
pub use envelope::{BodyType, Envelope, Notify, Ret};
pub use hook::{Delivery, Hook, Placement};
pub use hops::HopCounter;
pub use incoming::{Incoming, Received};
pub use out_of_office::OutOfOfficeReplies;
pub use outbound::Outbound;
pub use queue::{Pending, QueueEntry, QueueId, QueueSettings, QueueStatistics, QueueStop};
pub use recipient::Recipient;
pub use refusal::{Refusal, Status};
pub use settings::{DisabledAccounts, OverQuota, Relay, Settings};
pub use spam::{NotAMark, SpamFiling, SpamMark};
pub use submit::{Addressee, SentCopy, Submission, Submitted};
pub use transport::Transport;
pub use wire::{BoxFuture, Handed, NextHop, Parcel, Wire, WireSession};
