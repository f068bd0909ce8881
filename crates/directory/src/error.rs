//! What the directory refuses to do, and why.

use fieldpost_store::{AccountId, StoreError};

use crate::{AddressError, Busy};

/// Why a change to, or a read of, the directory did not happen. Sign-in has its own [`SignInError`](crate::SignInError).
#[derive(Clone, Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The store did not do as it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Text that should be an address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Another account has that address.
    #[error("{address} already belongs to account {account}")]
    AddressTaken {
        /// The address, in its canonical form.
        address: String,
        /// Whose it is.
        account: AccountId,
    },
    /// There is no such account (or it was removed).
    #[error("there is no account {0}; `fieldpost account list` shows those there are")]
    NoSuchAccount(AccountId),
    /// Mail addressed to the domain is not ours.
    #[error("{0} is not a local domain")]
    NoSuchDomain(String),
    /// There is no such group.
    #[error("there is no group {0}")]
    NoSuchGroup(String),
    /// The address is a group's.
    #[error("{0} is the address of a group")]
    AddressOfGroup(String),
    /// The domain can't go while accounts have addresses in it.
    #[error("{domain} still has {addresses} addresses; remove them first")]
    DomainInUse {
        /// The domain.
        domain: String,
        /// How many addresses lie in it.
        addresses: usize,
    },
    /// A field is longer, or has more entries, than the directory takes.
    #[error("{what} is too large: {size}, at most {limit}")]
    TooLarge {
        /// Which field.
        what: &'static str,
        /// Its size: bytes of a text, entries of a list.
        size: usize,
        /// The limit, in the same unit.
        limit: usize,
    },
    /// A display name with control characters.
    #[error("the display name has control characters in it")]
    DisplayName,
    /// The password can't be used.
    #[error("the password {0}")]
    Password(PasswordFault),
    /// The cost settings are outside of what Argon2 or SCRAM allow.
    #[error("setting {setting}: {value} is out of range ({range})")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: u64,
        /// What it may be.
        range: &'static str,
    },
    /// Too many password hashes are waiting for a processor.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The operating system gave no random bytes.
    #[error("the system's random number generator failed: {0}")]
    Random(String),
    /// A passwd-file could not be read.
    #[error("reading the passwd-file failed after line {line}: {error}")]
    PasswdFile {
        /// The last line that was read whole.
        line: u64,
        /// What the system said.
        error: String,
    },
    /// Other nodes changed the directory again and again while this change tried to come in between.
    #[error("the directory is being changed by others; try again")]
    Contended,
    /// The process is shutting down.
    #[error("the directory is shutting down")]
    Stopped,
}

/// What is wrong with a password that was to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// No bytes at all.
    Empty,
    /// More than [`MAX_PASSWORD`](crate::MAX_PASSWORD) bytes.
    TooLong,
    /// NUL or another ASCII control character, which PLAIN can't carry or nobody can type.
    ControlCharacter,
}

impl std::fmt::Display for PasswordFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::TooLong => "is longer than 1024 bytes",
            Self::ControlCharacter => "contains a control character",
        })
    }
}

impl DirectoryError {
    /// Whether the same request may work later without anybody changing it.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Busy(_) | Self::Random(_) | Self::Contended | Self::Stopped => true,
            Self::Address(_)
            | Self::AddressTaken { .. }
            | Self::NoSuchAccount(_)
            | Self::NoSuchDomain(_)
            | Self::NoSuchGroup(_)
            | Self::AddressOfGroup(_)
            | Self::DomainInUse { .. }
            | Self::TooLarge { .. }
            | Self::DisplayName
            | Self::Password(_)
            | Self::Setting { .. }
            | Self::PasswdFile { .. } => false,
        }
    }
}
