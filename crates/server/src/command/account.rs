//! `fieldpost account …`

pub mod add;
pub mod import;
pub mod list;
pub mod password;
pub mod remove;
pub mod set;
pub mod show;

use std::time::UNIX_EPOCH;

use clap::Subcommand;
use fieldpost_directory::{Account, Address};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::exchange::{Failure, FailureKind};

/// What to do with accounts.
#[derive(Subcommand)]
pub enum Command {
    /// Make an account.
    Add(add::Arguments),
    /// Change an account: name, further addresses, quota, whether it may sign in.
    Set(set::Arguments),
    /// List all accounts.
    List(list::Arguments),
    /// Show one account with its folders and what it holds.
    Show(show::Arguments),
    /// Remove an account and its mail.
    Remove(remove::Arguments),
    /// Set an account's password.
    Password(password::Arguments),
    /// Take over accounts and password hashes from a Dovecot passwd-file.
    Import(import::Arguments),
}

/// Runs one of them.
pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::Add(arguments) => add::run(arguments, context),
        Command::Set(arguments) => set::run(arguments, context),
        Command::List(arguments) => list::run(&arguments, context),
        Command::Show(arguments) => show::run(arguments, context),
        Command::Remove(arguments) => remove::run(arguments, context),
        Command::Password(arguments) => password::run(arguments, context),
        Command::Import(arguments) => import::run(arguments, context),
    }
}

/// An account as listings show it.
#[derive(Debug, Deserialize, Serialize)]
pub struct AccountRow {
    /// Names its data in the store.
    pub id: u64,
    /// Its primary address.
    pub address: String,
    /// Further addresses.
    pub aliases: Vec<String>,
    /// The person's name.
    pub display_name: String,
    /// Whether its user may sign in.
    pub enabled: bool,
    /// Through which protocols.
    pub protocols: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub created: u64,
}

impl AccountRow {
    /// The row of `account`.
    pub fn of(account: &Account) -> Self {
        Self {
            id: account.id.0,
            address: account.address.to_unicode(),
            aliases: account.aliases.iter().map(Address::to_unicode).collect(),
            display_name: account.display_name.clone(),
            enabled: account.enabled,
            protocols: account
                .protocols
                .iter()
                .map(|protocol| protocol.to_string())
                .collect(),
            created: account
                .created
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        }
    }
}

/// A password on its way to the directory: shown to nobody.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Reads it from standard input's first line, or asks for it at the terminal.
    pub fn read(from_stdin: bool) -> anyhow::Result<Self> {
        use std::io::IsTerminal;
        if from_stdin {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            return Ok(Self(line.trim_end_matches(['\r', '\n']).to_owned()));
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(
                FailureKind::Usage,
                "no password given, and no terminal to ask at",
            )
            .advise("pipe it in with --password-stdin, or let one be made with --generate")
            .into());
        }
        let first = rpassword::prompt_password("Password: ")?;
        let second = rpassword::prompt_password("Once more: ")?;
        if first != second {
            return Err(Failure::new(FailureKind::Usage, "the two are not the same").into());
        }
        Ok(Self(first))
    }

    /// Makes a random one.
    pub fn generate() -> anyhow::Result<Self> {
        let secret = fieldpost_directory::Secret::generate()?;
        Ok(Self(String::from_utf8_lossy(secret.expose()).into_owned()))
    }

    /// As the directory takes it.
    pub fn secret(&self) -> fieldpost_directory::Secret {
        fieldpost_directory::Secret::new(self.0.as_bytes())
    }

    /// To show a generated one, once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("/* REDACTED */")
    }
}

/// Reads an address as the user wrote it.
pub fn parse_address(text: &str) -> Result<Address, Failure> {
    Address::parse(text)
        .map_err(|error| Failure::new(FailureKind::Usage, format!("{text}: {error}")))
}
