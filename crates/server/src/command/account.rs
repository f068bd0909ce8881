//! `fieldpost account …`

pub mod add;
pub mod clear;
pub mod import;
pub mod list;
pub mod out_of_office;
pub mod password;
pub mod remove;
pub mod set;
pub mod show;

use std::{io::BufRead, time::UNIX_EPOCH};

use clap::Subcommand;
use fieldpost_directory::{Account, Address, MAX_PASSWORD};
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
    /// Show or set what is answered while an account's owner is away.
    OutOfOffice(out_of_office::Arguments),
    /// Remove all of an account's mail, and let its devices begin anew.
    Clear(clear::Arguments),
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
        Command::OutOfOffice(arguments) => out_of_office::run(arguments, context),
        Command::Clear(arguments) => clear::run(arguments, context),
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
    /// Whether a copy of what its user submits is put into Sent; null = as `[submission] save_sent` says.
    pub save_sent: Option<bool>,
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
            save_sent: account.save_sent,
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
            return Ok(Self::of_line(std::io::stdin().lock())?);
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
        Ok(Self(first).checked()?)
    }

    /// Reads one that is set elsewhere, so once is enough.
    pub fn read_existing(stdin: bool) -> anyhow::Result<Self> {
        use std::io::IsTerminal;
        if stdin || !std::io::stdin().is_terminal() {
            return Ok(Self::of_line(std::io::stdin().lock())?);
        }
        Ok(Self(rpassword::prompt_password("Password: ")?).checked()?)
    }

    /// The first line of `input`. No more is read than a password may be long.
    pub fn of_line(input: impl BufRead) -> Result<Self, Failure> {
        let mut line = Vec::new();
        input
            .take(MAX_PASSWORD as u64 + 3)
            .read_until(b'\n', &mut line)
            .map_err(|error| {
                Failure::new(FailureKind::Failed, format!("standard input: {error}"))
            })?;
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(text) => Self(text.to_owned()).checked(),
            // Cut within a character by the bound, or no UTF-8 at all.
            Err(_) if line.len() > MAX_PASSWORD => Self("x".repeat(line.len())).checked(),
            Err(_) => Err(unusable("the password on standard input is not UTF-8")),
        }
    }

    fn checked(self) -> Result<Self, Failure> {
        match self.secret().check() {
            Ok(()) => Ok(self),
            Err(error) => Err(unusable(error)),
        }
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

fn unusable(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Usage, error).advise(format!(
        "give one line of UTF-8 text, 1 to {MAX_PASSWORD} bytes, or let one be made with --generate"
    ))
}

/// Reads an address as the user wrote it.
pub fn parse_address(text: &str) -> Result<Address, Failure> {
    Address::parse(text)
        .map_err(|error| Failure::new(FailureKind::Usage, format!("{text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_usable_line() {
        for (input, password) in [
            (&b"secret\r\nmore"[..], "secret"),
            (b"sec ret", "sec ret"),
            ("s\u{e9}cret\n".as_bytes(), "s\u{e9}cret"),
        ] {
            assert_eq!(Password::of_line(input).unwrap().expose(), password);
        }
        let longest = "x".repeat(MAX_PASSWORD) + "\r\n";
        assert!(Password::of_line(longest.as_bytes()).is_ok());
        for (input, says) in [
            (&b""[..], "is empty"),
            (b"\nsecret\n", "is empty"),
            (b"s\xe9cret\n", "not UTF-8"),
            (b"a\0b\n", "control character"),
            (&[b'x'; MAX_PASSWORD + 1], "longer than"),
            (&[0xe9; 5000], "longer than"),
        ] {
            let failure = Password::of_line(input).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Usage);
            assert!(failure.message.contains(says), "{failure}");
            assert!(failure.next_step.is_some());
        }
    }
}
