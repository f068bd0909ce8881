//! Where mail to an address goes: into a mailbox of ours, or out to another server.

use fieldpost_directory as directory;
use fieldpost_store::AccountId;

use crate::{Address, NextHop, Recipient, Refusal, Relay, Status, Transport};

/// Where mail to one address goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Into a mailbox of ours.
    Local(Recipient),
    /// To another server.
    Remote(Address),
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
    /// not send to the world through us ([`Self::recipient`]).
    pub fn destination(
        &self,
        address: &Address,
        sender: AccountId,
    ) -> Result<Destination, Refusal> {
        let _ = sender;
        match self.next(address)? {
            Next::Local => self.recipient(address).map(Destination::Local),
            Next::Hop(_) => Ok(Destination::Remote(address.clone())),
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
fn canonical_domain(domain: &str) -> Option<Box<str>> {
    let address = directory::Address::parse(&format!("postmaster@{domain}")).ok()?;
    Some(address.domain().into())
}
