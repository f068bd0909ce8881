//! Certificates by ACME (RFC 8555): asked for, proved to be due, kept, renewed.
//!
//! One parked task ([`Renewal`]) waits until the certificate of `[acme]` has had two thirds of its life, asks the authority for
//! the next one ([`order`]), writes it in one step ([`Home`]) and has [`crate::tls::Certificates`] load it as any other: no
//! connection is dropped. The authority's questions are answered from [`Challenges`], over HTTP by a route and a listener of
//! protocol `acme`, over TLS by the `https` listeners. The protocol itself is the crate `instant-acme`'s.
//!
//! Invariants:
//! - What fails leaves the certificate in force where it is, and says in the log and in `fieldpost doctor` what to do.
//! - How often it failed, and when it may be tried again, is on disk before the next wait: a server that is started again
//!   and again asks no more often than one that runs.
//! - Keys are readable by their owner alone, from the moment that their file exists.

mod challenges;
mod home;
mod order;
mod renewal;
mod schedule;
mod transfer;

pub use challenges::{Challenges, accept};
pub use home::Home;
pub use renewal::Renewal;
pub use schedule::{Attempts, due};
