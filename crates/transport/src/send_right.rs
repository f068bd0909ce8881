//! In whose name people of ours send (RFC 6409 §6.1), whatever protocol they speak: their own, that of an account that lets them send
//! as it, or, told as the Sender, that of one that lets them send on its behalf (RFC 5322 §3.6.2).

use fieldpost_directory::{Directory, Identity, SendRight};
use fieldpost_mailbox::device::unique;
use fieldpost_message::{
    self as message, compose,
    outgoing::{self, Outgoing, Submitter},
};

use crate::{Address, Refusal, Status, Transport};

impl Transport {
    /// The envelope's sender of a message that `identity` sends and whose client named `address` for it. What comes back of a
    /// message sent on behalf of another comes to who sent it.
    pub fn return_address(
        &self,
        identity: &Identity,
        address: &Address,
    ) -> Result<Address, Refusal> {
        let right = self
            .directory
            .send_right(identity.account, address.as_str());
        match right {
            Some(SendRight::SendAs) => Ok(address.clone()),
            Some(SendRight::SendOnBehalf) => {
                identity.address.parse().map_err(|_| Refusal::temporary())
            }
            None => Err(Refusal::new(
                553,
                Status(5, 7, 1),
                format!("<{address}>: you may not send as this address"),
            )),
        }
    }

    /// Makes a message that `identity` sends fit to travel; it may be the header alone. `host` is the right side of a Message-ID
    /// that is missing. Refused if From names anybody in whose name `identity` may not send; Sender says who sends on behalf of
    /// others, and never lies.
    pub fn outgoing(
        &self,
        identity: &Identity,
        host: &str,
        message: &[u8],
    ) -> Result<Outgoing, Refusal> {
        let account = self.directory.account(identity.account);
        let name = account.as_ref().map_or("", |account| &account.display_name);
        let mut outgoing = outgoing::prepare(
            message,
            Submitter {
                name,
                address: &identity.address,
                host,
                unique: &unique(),
                now: self.now(),
            },
        );
        let mut is_on_behalf = false;
        for from in &outgoing.from {
            let spec = from.addr_spec().unwrap_or_default();
            match self.directory.send_right(identity.account, &spec) {
                Some(SendRight::SendAs) => {}
                Some(SendRight::SendOnBehalf) => is_on_behalf = true,
                None => {
                    return Err(Refusal::new(
                        550,
                        Status(5, 7, 1),
                        format!("From: <{spec}>: you may not send as this address"),
                    ));
                }
            }
        }
        // RFC 5322 §3.6.2: of several authors one has sent it, too.
        if is_on_behalf || outgoing.from.len() > 1 {
            if !matches!(&outgoing.sender[..], [only] if is_own(&self.directory, identity, only)) {
                let own = compose::ascii_mailbox(Some(name), &identity.address);
                outgoing.set_sender(Some(&own));
            }
        } else if !outgoing.sender.iter().all(|sender| {
            let spec = sender.addr_spec().unwrap_or_default();
            self.directory.send_right(identity.account, &spec) == Some(SendRight::SendAs)
        }) {
            // Nobody but the author has sent it.
            outgoing.set_sender(None);
        }
        Ok(outgoing)
    }
}

fn is_own(directory: &Directory, identity: &Identity, address: &message::Address) -> bool {
    let spec = address.addr_spec().unwrap_or_default();
    directory.resolve(&spec) == Some(identity.account)
}
