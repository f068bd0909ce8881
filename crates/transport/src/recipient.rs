//! Who a message is for.

use fieldpost_directory::Directory;
use fieldpost_store::AccountId;

use crate::{Address, DisabledAccounts, Refusal, Settings};

/// A recipient that exists. Made by [`Transport::recipient`](crate::Transport::recipient) only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    address: Address,
    account: AccountId,
}

impl Recipient {
    /// The address as the sender wrote it.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whose mailbox it is.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The Delivered-To field of its copy.
    pub(crate) fn delivered_to(&self) -> String {
        format!("Delivered-To: {}\r\n", self.address)
    }
}

/// Looks `address` up: as it is, then with the default domain, then as the postmaster of a domain of ours.
pub(crate) fn resolve(
    address: &Address,
    directory: &Directory,
    settings: &Settings,
) -> Result<Recipient, Refusal> {
    let found = match address.domain() {
        Some(_) => directory.resolve(address.as_str()),
        None => directory
            .settings()
            .default_domain
            .as_deref()
            .and_then(|domain| address.or_domain(domain).ok())
            .and_then(|address| directory.resolve(address.as_str())),
    };
    let account = found
        .or_else(|| postmaster(address, directory, settings))
        .and_then(|id| directory.account(id))
        .ok_or_else(|| Refusal::unknown_recipient(address))?;
    if !account.enabled && settings.disabled_accounts == DisabledAccounts::Refuse {
        return Err(Refusal::disabled_recipient(address));
    }
    Ok(Recipient {
        address: address.clone(),
        account: account.id,
    })
}

/// RFC 5321 §4.5.1: `postmaster`, alone or at any domain of ours, in any case.
fn postmaster(address: &Address, directory: &Directory, settings: &Settings) -> Option<AccountId> {
    let stand_in = settings.postmaster.as_ref()?;
    let is_ours = address
        .domain()
        .is_none_or(|domain| directory.is_local_domain(domain));
    let is_postmaster = address.local_part().eq_ignore_ascii_case("postmaster");
    (is_postmaster && is_ours)
        .then(|| directory.resolve(stand_in.as_str()))
        .flatten()
}
