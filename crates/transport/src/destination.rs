//! Where mail to an address goes: into a mailbox of ours, or out to another server.

use std::sync::Arc;

use fieldpost_directory::{self as directory, Group};

use crate::{Address, NextHop, Recipient, Refusal, Relay, Status, Transport};

/// Where mail to one address goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Into a mailbox of ours.
    Local(Recipient),
    /// To another server.
    Remote(Address),
    /// To everybody in a group.
    Group(Arc<Group>),
}

/// Who looks after a recipient of the queue next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Next {
    /// We do.
    Local,
    /// Another server.
    Hop(NextHop),
}

impl Transport {
    /// Where mail of `sender` to `address` goes; a refusal if nobody takes it. For mail of people who have signed in: others may
    /// not send to the world through us ([`Self::inbound`]).
    pub fn destination(
        &self,
        address: &Address,
        sender: Option<&Address>,
    ) -> Result<Destination, Refusal> {
        match self.next(address)? {
            Next::Local => self.inbound(address, sender),
            Next::Hop(_) => Ok(Destination::Remote(address.clone())),
        }
    }

    /// Where mail from outside goes: to a mailbox or a group of ours, and nowhere else.
    pub fn inbound(
        &self,
        address: &Address,
        sender: Option<&Address>,
    ) -> Result<Destination, Refusal> {
        match self.group(address, sender)? {
            Some(group) => Ok(Destination::Group(group)),
            None => self.recipient(address).map(Destination::Local),
        }
    }

    /// Who looks after mail to `address`.
    pub(crate) fn next(&self, address: &Address) -> Result<Next, Refusal> {
        let Some(domain) = address.domain() else {
            return Ok(Next::Local);
        };
        if self.directory.is_local_domain(domain) {
            return Ok(Next::Local);
        }
        match self.settings.relay {
            Relay::Off => Err(Refusal::no_relay(address)),
            Relay::Smarthost => Ok(Next::Hop(NextHop::Smarthost)),
            Relay::Mx => canonical_domain(domain)
                .map(|domain| Next::Hop(NextHop::Domain(domain)))
                .ok_or_else(|| {
                    Refusal::new(
                        550,
                        Status(5, 1, 2),
                        format!(
                            "<{address}>: mail is sent to domains only, not to addresses of hosts"
                        ),
                    )
                }),
        }
    }
}

/// A domain in A-labels and lower case.
pub(crate) fn canonical_domain(domain: &str) -> Option<Box<str>> {
    let address = directory::Address::parse(&format!("postmaster@{domain}")).ok()?;
    Some(address.domain().into())
}
