//! What the queue needs of whoever speaks SMTP to other servers; the server joins the two.
//!
//! Rule: a recipient counts as handed over only when the next hop has taken the whole message for it. Whatever else happens,
//! a lost connection after the message's last byte included, is a refusal, and the recipient is tried again.

use std::fmt;

pub use fieldpost_store::BoxFuture;

use crate::{Envelope, Outbound, Refusal, queue::Pending};

/// Where mail goes next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NextHop {
    /// The one host that takes all mail.
    Smarthost,
    /// The mail exchangers of a domain, in A-labels and lower case.
    Domain(Box<str>),
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Smarthost => f.write_str("smarthost"),
            Self::Domain(domain) => f.write_str(domain),
        }
    }
}

/// Opens connections to next hops.
pub trait Wire: Send + Sync {
    /// A connection on which messages can be sent; ready, signed in, and no other than the operator allows.
    fn connect<'a>(
        &'a self,
        hop: &'a NextHop,
    ) -> BoxFuture<'a, Result<Box<dyn WireSession>, Refusal>>;
}

/// A connection to a next hop.
pub trait WireSession: Send {
    /// Sends one message to recipients of this hop.
    fn send<'a>(&'a mut self, parcel: Parcel<'a>) -> BoxFuture<'a, Handed>;

    /// Says goodbye.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// One message for one next hop.
pub struct Parcel<'a> {
    /// Sender and parameters.
    pub envelope: &'a Envelope,
    /// For whom; at least one.
    pub recipients: &'a [Pending],
    /// The message as it was sent; for a next hop without 8BITMIME it is to be made [7-bit](Outbound::seven_bit).
    pub message: Outbound<'a>,
}

/// What became of a parcel.
#[derive(Debug)]
pub struct Handed {
    /// For each recipient, in order: what the next hop said when it took the message, or why it is not taken.
    pub results: Vec<Result<String, Refusal>>,
    /// Whether the next hop tells the sender what becomes of the message (RFC 3461), as it was asked to.
    pub notifies: bool,
    /// Whether another message may follow on this connection.
    pub reusable: bool,
    /// Whether the connection was lost before the next hop had said anything to this message.
    pub untouched: bool,
}

impl Handed {
    /// The same refusal for each of `recipients`.
    pub fn refused(recipients: usize, refusal: &Refusal, reusable: bool) -> Self {
        Self {
            results: vec![Err(refusal.clone()); recipients],
            notifies: false,
            reusable,
            untouched: false,
        }
    }
}
