//! Who a message is for.

use fieldpost_directory::Directory;
use fieldpost_store::AccountId;

use crate::{Address, DisabledAccounts, Refusal, Settings, destination::canonical_domain};

/// A recipient that exists. Made by [`Transport::recipient`](crate::Transport::recipient) only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    address: Address,
    account: AccountId,
    /// The folder that the address names besides (`user+folder`).
    folder: Option<Box<str>>,
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

    /// The folder that the address names besides, if it does.
    pub fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }

    /// The Delivered-To field of its copy.
    pub(crate) fn delivered_to(&self) -> String {
        format!("Delivered-To: {}\r\n", self.address)
    }
}

/// Looks `address` up: as it is, then without the folder that it names, then as the postmaster of a domain of ours, then as what
/// the domain's catch-all gets.
pub(crate) fn resolve(
    address: &Address,
    directory: &Directory,
    settings: &Settings,
) -> Result<Recipient, Refusal> {
    let mut folder = None;
    let found = look_up(address, directory).or_else(|| {
        let (plain, named) = without_folder(address, settings.subaddress?)?;
        let account = look_up(&plain, directory)?;
        folder = Some(named);
        Some(account)
    });
    let account = found
        .or_else(|| postmaster(address, directory, settings))
        .or_else(|| catch_all(address, directory, settings))
        .and_then(|id| directory.account(id))
        .ok_or_else(|| Refusal::unknown_recipient(address))?;
    if !account.enabled && settings.disabled_accounts == DisabledAccounts::Refuse {
        return Err(Refusal::disabled_recipient(address));
    }
    Ok(Recipient {
        address: address.clone(),
        account: account.id,
        folder,
    })
}

/// Whose address it is; one without a domain belongs to the default one.
fn look_up(address: &Address, directory: &Directory) -> Option<AccountId> {
    match address.domain() {
        Some(_) => directory.resolve(address.as_str()),
        None => directory
            .settings()
            .default_domain
            .as_deref()
            .and_then(|domain| address.or_domain(domain).ok())
            .and_then(|address| directory.resolve(address.as_str())),
    }
}

/// The address without the folder that it names, and the folder.
fn without_folder(address: &Address, separator: char) -> Option<(Address, Box<str>)> {
    let (user, folder) = address.local_part().split_once(separator)?;
    if user.is_empty() || folder.is_empty() || user.starts_with('"') {
        return None;
    }
    let plain = match address.domain() {
        Some(domain) => format!("{user}@{domain}"),
        None => user.to_owned(),
    };
    Some((plain.parse().ok()?, folder.into()))
}

/// Who gets what nobody of the domain has.
fn catch_all(address: &Address, directory: &Directory, settings: &Settings) -> Option<AccountId> {
    if settings.catch_all.is_empty() {
        return None;
    }
    let domain = match address.domain() {
        Some(domain) => domain,
        None => directory.settings().default_domain.as_deref()?,
    };
    let domain = canonical_domain(domain)?;
    let stand_in = settings.catch_all.get(&*domain)?;
    directory.resolve(stand_in.as_str())
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
