//! What submission (RFC 6409) knows beyond LMTP: who may send, as whom, and how much.

mod header;
mod rates;

use std::sync::Arc;

use fieldpost_connection::Peer;
use fieldpost_directory::{Directory, Identity, Protocol, SignInContext};
use fieldpost_transport::Status;

use crate::{codec::reply::Reply, session::Context};
use rates::Rates;

pub(crate) use header::{Composed, HeaderReader};

/// The submission service's own part.
#[derive(Debug)]
pub struct Submission {
    pub(crate) directory: Arc<Directory>,
    pub(crate) settings: SubmissionSettings,
    rates: Rates,
}

/// What the operator decides about submission.
#[derive(Clone, Debug)]
pub struct SubmissionSettings {
    /// How many messages an account may send in an hour; 0: no bound.
    pub messages_per_hour: u32,
    /// To how many recipients an account may send in an hour; 0: no bound. A group counts as one and as each of its members elsewhere.
    pub recipients_per_hour: u32,
    /// Whether a copy of what is sent is put into the sender's Sent folder, unless his account says otherwise. Most programs do
    /// that themselves.
    pub save_sent: bool,
    /// After so many failed sign-ins the connection is closed.
    pub failed_sign_ins: u32,
}

impl Default for SubmissionSettings {
    fn default() -> Self {
        Self {
            messages_per_hour: 500,
            recipients_per_hour: 2000,
            save_sent: false,
            failed_sign_ins: 3,
        }
    }
}

impl Submission {
    /// Submission for the accounts of `directory`.
    pub fn new(directory: Arc<Directory>, settings: SubmissionSettings) -> Self {
        Self {
            rates: Rates::new(settings.messages_per_hour, settings.recipients_per_hour),
            directory,
            settings,
        }
    }

    /// What the directory needs to know of a connection.
    pub(crate) fn sign_in_context(cx: &Context<'_>) -> SignInContext {
        let address = match cx.peer {
            Peer::Inet(address) => Some(address.ip()),
            Peer::Unix(_) => None,
        };
        let mut context = SignInContext::new(Protocol::Submission, address, cx.secure);
        context.binding.exporter = cx.tls.and_then(|tls| tls.exporter);
        context.connection = cx.id.0;
        context
    }

    /// The mechanisms to offer: none where others could listen in.
    pub(crate) fn mechanisms(&self, cx: &Context<'_>) -> Vec<&'static str> {
        let context = Self::sign_in_context(cx);
        if !self.directory.takes_passwords(&context) {
            return Vec::new();
        }
        let mechanisms = self.directory.mechanisms(&context);
        mechanisms
            .iter()
            .map(|mechanism| mechanism.name())
            .collect()
    }

    /// Whether the account may still send: it may have been disabled since it signed in.
    pub(crate) fn is_still_allowed(&self, sender: &Identity) -> Result<(), Reply> {
        let allowed = self
            .directory
            .account(sender.account)
            .is_some_and(|account| {
                account.enabled && account.protocols.allows(Protocol::Submission)
            });
        if allowed {
            Ok(())
        } else {
            Err(Reply::new(
                550,
                Status(5, 7, 13),
                "this account may not send",
            ))
        }
    }

    /// Whether a copy of what he sends is put into his Sent folder.
    pub(crate) fn saves_sent(&self, sender: &Identity) -> bool {
        let account = self.directory.account(sender.account);
        let own = account.and_then(|account| account.save_sent);
        own.unwrap_or(self.settings.save_sent)
    }

    /// Counts a message that is about to come.
    pub(crate) fn count_message(&self, sender: &Identity) -> Result<(), Reply> {
        if self.rates.message(sender.account) {
            return Ok(());
        }
        tracing::warn!(account = %sender.account, "sends more messages than it may in an hour");
        let text = "you have sent as many messages as you may in an hour; try again later";
        Err(Reply::new(450, Status(4, 7, 1), text))
    }

    /// Counts a recipient: one, or a group with so many members elsewhere.
    ///
    /// A group counts as one and as each of its members elsewhere: the bound is there for what leaves, in whosever name the relay
    /// is believed. Members here cost nothing, so that a message to everybody in the house is one recipient; how many of those are sent,
    /// the bound on messages says.
    pub(crate) fn count_recipient(
        &self,
        sender: &Identity,
        members_elsewhere: usize,
    ) -> Result<(), Reply> {
        let count = u32::try_from(members_elsewhere).unwrap_or(u32::MAX);
        if self
            .rates
            .recipients(sender.account, count.saturating_add(1))
        {
            return Ok(());
        }
        tracing::warn!(account = %sender.account, "sends to more recipients than it may in an hour");
        let text = "you have sent to as many recipients as you may in an hour; try again later";
        Err(Reply::new(450, Status(4, 7, 1), text))
    }
}
