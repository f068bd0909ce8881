//! What an account is, what can be changed about it, and which protocols it may use.

use std::{fmt, time::SystemTime};

use fieldpost_store::AccountId;

use crate::{Address, DirectoryError, Secret};

/// The most further addresses one account may have.
pub const MAX_ALIASES: usize = 1000;

/// The longest display name, in bytes.
pub const MAX_DISPLAY_NAME: usize = 256;

/// One account of the organisation. Its credentials are kept apart and never leave the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Names its data in the store. Never given out twice.
    pub id: AccountId,
    /// The address that its mail comes from and that [`Identity`](crate::Identity) carries.
    pub address: Address,
    /// Further addresses: mail to them is delivered here, and they work at sign-in.
    pub aliases: Vec<Address>,
    /// The person's name, for people to read; may be empty.
    pub display_name: String,
    /// Whether its user may sign in. What becomes of mail to a disabled account is for whoever delivers it to decide.
    pub enabled: bool,
    /// Through which protocols its user may sign in.
    pub protocols: Protocols,
    /// When it was made.
    pub created: SystemTime,
    /// Whether a copy of what its user submits is put into its Sent folder. `None`: as the operator has decided for all.
    pub save_sent: Option<bool>,
}

impl Account {
    /// The primary address, then the others.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.address).chain(&self.aliases)
    }
}

/// What [`Directory::add`](crate::Directory::add) makes an account from.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its primary address. A new domain becomes a local domain with it.
    pub address: Address,
    /// Further addresses.
    pub aliases: Vec<Address>,
    /// The person's name.
    pub display_name: String,
    /// Its password; without one nobody can sign in until one is set.
    pub password: Option<Secret>,
    /// Whether its user may sign in.
    pub enabled: bool,
    /// Through which protocols.
    pub protocols: Protocols,
}

impl NewAccount {
    /// An enabled account with all protocols and without a password.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            aliases: Vec::new(),
            display_name: String::new(),
            password: None,
            enabled: true,
            protocols: Protocols::ALL,
        }
    }
}

/// What [`Directory::set`](crate::Directory::set) changes about an account; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUpdate {
    /// The new primary address. The old one stays, as a further address, unless `remove_aliases` names it.
    pub address: Option<Address>,
    /// Further addresses to add; one it has already is no error.
    pub add_aliases: Vec<Address>,
    /// Further addresses to take away; one it does not have is no error.
    pub remove_aliases: Vec<Address>,
    /// The person's name.
    pub display_name: Option<String>,
    /// Whether its user may sign in.
    pub enabled: Option<bool>,
    /// Through which protocols.
    pub protocols: Option<Protocols>,
    /// Whether a copy of what its user submits is put into its Sent folder; `Some(None)`: as for all.
    pub save_sent: Option<Option<bool>>,
}

impl AccountUpdate {
    /// The account as it is after the update.
    pub(crate) fn apply(&self, account: &Account) -> Result<Account, DirectoryError> {
        let mut updated = account.clone();
        if let Some(address) = &self.address
            && *address != updated.address
        {
            let old = std::mem::replace(&mut updated.address, address.clone());
            updated.aliases.push(old);
        }
        updated.aliases.extend(self.add_aliases.iter().cloned());
        updated
            .aliases
            .retain(|alias| !self.remove_aliases.contains(alias));
        if let Some(name) = &self.display_name {
            updated.display_name.clone_from(name);
        }
        if let Some(enabled) = self.enabled {
            updated.enabled = enabled;
        }
        if let Some(protocols) = self.protocols {
            updated.protocols = protocols;
        }
        if let Some(save_sent) = self.save_sent {
            updated.save_sent = save_sent;
        }
        normalise(&mut updated)?;
        Ok(updated)
    }
}

/// Sorts out doubled aliases and checks the limits.
pub(crate) fn normalise(account: &mut Account) -> Result<(), DirectoryError> {
    account.aliases.sort_unstable();
    account.aliases.dedup();
    let primary = &account.address;
    account.aliases.retain(|alias| alias != primary);
    if account.aliases.len() > MAX_ALIASES {
        return Err(DirectoryError::TooLarge {
            what: "the list of further addresses",
            size: account.aliases.len(),
            limit: MAX_ALIASES,
        });
    }
    if account.display_name.len() > MAX_DISPLAY_NAME {
        return Err(DirectoryError::TooLarge {
            what: "the display name",
            size: account.display_name.len(),
            limit: MAX_DISPLAY_NAME,
        });
    }
    if account.display_name.chars().any(char::is_control) {
        return Err(DirectoryError::DisplayName);
    }
    Ok(())
}

/// A way in that can be switched off for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// IMAP4.
    Imap,
    /// POP3.
    Pop3,
    /// Exchange ActiveSync.
    ActiveSync,
    /// Mail submission (RFC 6409).
    Submission,
    /// The account's own web pages.
    Web,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 5] = [
        Self::Imap,
        Self::Pop3,
        Self::ActiveSync,
        Self::Submission,
        Self::Web,
    ];

    /// Its name in configuration, logs and listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::ActiveSync => "activesync",
            Self::Submission => "submission",
            Self::Web => "web",
        }
    }

    /// The protocol of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }

    const fn bit(self) -> u32 {
        match self {
            Self::Imap => 1,
            Self::Pop3 => 2,
            Self::ActiveSync => 4,
            Self::Submission => 8,
            Self::Web => 16,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of protocols. Stored as the set of those switched *off*, so that a protocol that a later version brings is on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Protocols {
    off: u32,
}

impl Protocols {
    /// Every protocol, those to come too.
    pub const ALL: Self = Self { off: 0 };

    /// Whether `protocol` is in the set.
    pub const fn allows(self, protocol: Protocol) -> bool {
        self.off & protocol.bit() == 0
    }

    /// The set with `protocol`.
    pub const fn with(self, protocol: Protocol) -> Self {
        Self {
            off: self.off & !protocol.bit(),
        }
    }

    /// The set without `protocol`.
    pub const fn without(self, protocol: Protocol) -> Self {
        Self {
            off: self.off | protocol.bit(),
        }
    }

    /// Its members.
    pub fn iter(self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL
            .into_iter()
            .filter(move |protocol| self.allows(*protocol))
    }

    pub(crate) const fn to_bits(self) -> u32 {
        self.off
    }

    pub(crate) const fn from_bits(off: u32) -> Self {
        Self { off }
    }
}

impl Default for Protocols {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Debug for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn protocols_switch_off_and_on() {
        let set = Protocols::ALL.without(Protocol::Pop3);
        assert!(!set.allows(Protocol::Pop3));
        assert!(set.allows(Protocol::Imap));
        assert_eq!(set.with(Protocol::Pop3), Protocols::ALL);
        assert_eq!(Protocols::from_bits(set.to_bits()), set);
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::from_name(protocol.name()), Some(protocol));
        }
        assert_eq!(Protocol::from_name("gopher"), None);
    }

    #[test]
    fn a_new_primary_address_keeps_the_old_one_as_an_alias() {
        let account = Account {
            id: AccountId(1),
            address: address("a@demo.test"),
            aliases: vec![address("b@demo.test")],
            display_name: String::new(),
            enabled: true,
            protocols: Protocols::ALL,
            created: SystemTime::UNIX_EPOCH,
            save_sent: None,
        };
        let update = AccountUpdate {
            address: Some(address("b@demo.test")),
            ..AccountUpdate::default()
        };
        let updated = update.apply(&account).unwrap();
        assert_eq!(updated.address, address("b@demo.test"));
        assert_eq!(updated.aliases, [address("a@demo.test")]);
        let update = AccountUpdate {
            remove_aliases: vec![address("a@demo.test")],
            display_name: Some("A\tB".into()),
            ..AccountUpdate::default()
        };
        assert!(matches!(
            update.apply(&updated),
            Err(DirectoryError::DisplayName)
        ));
    }
}
