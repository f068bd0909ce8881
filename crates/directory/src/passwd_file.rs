//! Importing a Dovecot passwd-file: accounts with the hashes they had, so that nobody needs a new password.
//!
//! ```text
//! user:password:uid:gid:(gecos):home:(shell):extra_fields
//! ```
//!
//! Hashes are taken over as they are and give way to ours at the user's next sign-in with a password. A plain password,
//! where taking one is allowed, is hashed at once and never stored.

use std::{
    io::{BufRead, Read},
    sync::Arc,
};

use fieldpost_store::AccountId;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::{
    Account, Address, AddressError, Directory, DirectoryError, Protocols, Secret,
    account::MAX_DISPLAY_NAME,
    audit,
    change::Edit,
    credential::{Credentials, Refused, Taken, take},
    manage::now,
    random,
};

/// How to import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Where users without a domain belong; without it they are skipped.
    pub default_domain: Option<String>,
    /// Take `{PLAIN}` passwords (and hash them).
    pub allow_plain: bool,
    /// Give accounts that exist the password of the file; otherwise they are skipped.
    pub replace_passwords: bool,
}

/// What became of a passwd-file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// What happened to each line that is neither empty nor a comment, with the line's number from 1.
    pub lines: Vec<(u64, Line)>,
}

/// What became of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Its account exists now, with its password.
    Taken(TakenLine),
    /// Nothing was done.
    Skipped {
        /// The user as the line names it, if it could be read.
        user: String,
        /// Why.
        reason: Skipped,
    },
}

/// A line that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenLine {
    /// The account.
    pub account: AccountId,
    /// Its address.
    pub address: Address,
    /// Whether the account was there before, and only its password is new.
    pub replaced: bool,
    /// The quota that the line gives; the directory keeps none, so the caller passes it on to the mailbox.
    pub quota: Option<Quota>,
    /// Names of extra fields that mean nothing here.
    pub ignored: Vec<String>,
}

/// A quota, as `userdb_quota_rule=*:storage=1G:messages=1000` gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Messages.
    pub messages: Option<u64>,
}

/// Why a line was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    /// Longer than 4096 bytes.
    #[error("the line is too long")]
    TooLong,
    /// Not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// No user, or no second field.
    #[error("the line has no user or no password field")]
    NoFields,
    /// The user is no address.
    #[error("the user is no address: {0}")]
    Address(AddressError),
    /// The user has no domain, and no default domain was given.
    #[error("the user has no domain; give a default domain")]
    NoDomain,
    /// No password, or a locked one.
    #[error("there is no password, or a locked one")]
    NoPassword,
    /// A password scheme that is not supported.
    #[error("the password scheme is not supported")]
    Scheme,
    /// The password hash is not well formed, or would cost too much to check.
    #[error("the password hash is malformed, or would cost too much to check")]
    Hash,
    /// A plain password, where none may be taken.
    #[error(
        "plain passwords are not taken; allow them for this import, or give the user a new password"
    )]
    Plain,
    /// A plain password that can't be used: empty, too long, with control characters.
    #[error("the plain password can't be used")]
    UnusablePassword,
    /// The account exists and its password was not to be replaced.
    #[error("the account exists already")]
    Exists,
}

/// A line as it was read, before anything was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedLine {
    /// The user's address.
    pub address: Address,
    /// The person's name (gecos), if there is one that can be taken.
    pub display_name: String,
    /// `false` if the line has `nologin`.
    pub enabled: bool,
    /// See [`TakenLine::quota`].
    pub quota: Option<Quota>,
    /// See [`TakenLine::ignored`].
    pub ignored: Vec<String>,
    pub(crate) password: Taken,
}

/// Reads one line, without its line end; `None` for an empty line or a comment. The error comes with the user's name as
/// far as it could be read.
pub fn parse_line(
    line: &[u8],
    options: &ImportOptions,
) -> Option<Result<ParsedLine, (String, Skipped)>> {
    if line.len() > MAX_PASSWD_LINE {
        return Some(Err((String::new(), Skipped::TooLong)));
    }
    let Ok(line) = std::str::from_utf8(line) else {
        return Some(Err((String::new(), Skipped::NotUtf8)));
    };
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.trim().is_empty() || line.starts_with('#') {
        return None;
    }
    let mut fields = line.splitn(8, ':');
    let user = fields.next().unwrap_or_default();
    let parsed = parse_fields(user, fields, options);
    Some(parsed.map_err(|reason| (user.to_owned(), reason)))
}

impl Directory {
    /// Imports a passwd-file. Lines that can't be taken are skipped and listed; the others are durable when this
    /// returns, and so are those before a line at which reading failed.
    pub async fn import_passwd_file(
        self: &Arc<Self>,
        file: impl Read + Send + 'static,
        options: ImportOptions,
    ) -> Result<Import, DirectoryError> {
        // Files are read on a blocking thread, one batch ahead.
        let (sender, mut batches) = mpsc::channel(1);
        let reading = tokio::task::spawn_blocking({
            let options = options.clone();
            move || read_batches(file, &options, &sender)
        });
        let mut import = Import::default();
        while let Some(batch) = batches.recv().await {
            self.import_batch(batch, &options, &mut import).await?;
        }
        reading.await.map_err(|_| DirectoryError::Stopped)??;
        Ok(import)
    }

    /// Makes the accounts of a batch in one change.
    async fn import_batch(
        self: &Arc<Self>,
        batch: Vec<ReadLine>,
        options: &ImportOptions,
        import: &mut Import,
    ) -> Result<(), DirectoryError> {
        let first = import.lines.len();
        let mut wanted = Vec::new();
        for (number, line) in batch {
            let parsed = match line {
                Ok(parsed) => parsed,
                Err((user, reason)) => {
                    import.lines.push((number, Line::Skipped { user, reason }));
                    continue;
                }
            };
            let exists = self.resolve_address(&parsed.address).is_some();
            if exists && !options.replace_passwords {
                let user = parsed.address.to_string();
                let reason = Skipped::Exists;
                import.lines.push((number, Line::Skipped { user, reason }));
                continue;
            }
            let generation = u64::from_be_bytes(random::array()?);
            let credentials = match &parsed.password {
                Taken::Verifier(verifier) => Credentials::imported(verifier.clone(), generation),
                Taken::Plain(password) => self.derive_patiently(password, generation).await?,
            };
            wanted.push((number, parsed, credentials));
        }
        let replace = options.replace_passwords;
        let done = self
            .change(move |draft| {
                let mut done = Vec::with_capacity(wanted.len());
                // The names do not show what this very change adds.
                let mut added = std::collections::HashSet::new();
                for (number, line, credentials) in &wanted {
                    let existing = draft.names.by_address(line.address.as_str());
                    if added.contains(&line.address) || (existing.is_some() && !replace) {
                        let user = line.address.to_string();
                        let reason = Skipped::Exists;
                        done.push((*number, Line::Skipped { user, reason }));
                        continue;
                    }
                    let account = match existing {
                        Some(id) => {
                            draft
                                .edits
                                .push(Edit::Credentials(id, Some(credentials.clone())));
                            id
                        }
                        None => {
                            added.insert(line.address.clone());
                            let account = line.account();
                            draft.add(account, Some(credentials.clone()))?.id
                        }
                    };
                    let taken = TakenLine {
                        account,
                        address: line.address.clone(),
                        replaced: existing.is_some(),
                        quota: line.quota,
                        ignored: line.ignored.clone(),
                    };
                    done.push((*number, Line::Taken(taken)));
                }
                Ok(done)
            })
            .await?;
        for (_, line) in &done {
            if let Line::Taken(taken) = line
                && let Some(account) = self.account(taken.account)
            {
                audit::managed("account_imported", &account);
            }
        }
        import.lines.extend(done);
        import.lines[first..].sort_by_key(|(number, _)| *number);
        Ok(())
    }

    /// Hashes a password for an import, which has time: people who sign in go first.
    async fn derive_patiently(
        &self,
        password: &Secret,
        generation: u64,
    ) -> Result<Credentials, DirectoryError> {
        loop {
            match self.derive_credentials(password, generation).await {
                Err(DirectoryError::Busy(_)) => tokio::task::yield_now().await,
                done => return done,
            }
        }
    }
}

impl ParsedLine {
    fn account(&self) -> Account {
        Account {
            id: AccountId::ORGANISATION,
            address: self.address.clone(),
            aliases: Vec::new(),
            display_name: self.display_name.clone(),
            enabled: self.enabled,
            protocols: Protocols::ALL,
            created: now(),
            save_sent: None,
        }
    }
}

type ReadLine = (u64, Result<ParsedLine, (String, Skipped)>);

/// Reads a file to its end and sends its lines in batches.
fn read_batches(
    file: impl Read,
    options: &ImportOptions,
    sender: &mpsc::Sender<Vec<ReadLine>>,
) -> Result<(), DirectoryError> {
    let mut file = std::io::BufReader::new(file);
    let mut batch = Vec::new();
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_PASSWD_LINE + 2));
    let mut number = 0;
    let outcome = loop {
        line.clear();
        let fault = |error: std::io::Error| DirectoryError::PasswdFile {
            line: number,
            error: error.to_string(),
        };
        match read_line(&mut file, &mut line) {
            Ok(false) => break Ok(()),
            Ok(true) => {}
            Err(error) => break Err(fault(error)),
        }
        number += 1;
        if let Some(parsed) = parse_line(&line, options) {
            batch.push((number, parsed));
            if batch.len() == BATCH && sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                // The import has failed and gone.
                return Ok(());
            }
        }
    };
    if !batch.is_empty() {
        drop(sender.blocking_send(batch));
    }
    outcome
}

/// Reads a line without its LF; of a line that is too long only so much that it shows. `false` at the end of the file.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut any = false;
    loop {
        let available = match file.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        let room = (MAX_PASSWD_LINE + 1).saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = end.map_or(available.len(), |end| end + 1);
        file.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

fn parse_fields<'a>(
    user: &str,
    mut fields: impl Iterator<Item = &'a str>,
    options: &ImportOptions,
) -> Result<ParsedLine, Skipped> {
    let password = fields.next().ok_or(Skipped::NoFields)?;
    if user.is_empty() {
        return Err(Skipped::NoFields);
    }
    let address = match (user.contains('@'), &options.default_domain) {
        (true, _) => Address::parse(user),
        (false, Some(domain)) => Address::parse(&format!("{user}@{domain}")),
        (false, None) => return Err(Skipped::NoDomain),
    }
    .map_err(Skipped::Address)?;
    let password = match take(password) {
        Ok(Taken::Plain(_)) if !options.allow_plain => return Err(Skipped::Plain),
        Ok(Taken::Plain(password)) if password.check().is_err() => {
            return Err(Skipped::UnusablePassword);
        }
        Ok(password) => password,
        Err(Refused::Empty) => return Err(Skipped::NoPassword),
        Err(Refused::Scheme) => return Err(Skipped::Scheme),
        Err(Refused::Value) => return Err(Skipped::Hash),
    };
    // uid and gid belong to another machine.
    let gecos = fields.nth(2).unwrap_or_default();
    // Commas part a gecos field's name from room and telephone numbers.
    let name = gecos.split(',').next().unwrap_or_default().trim();
    let usable = name.len() <= MAX_DISPLAY_NAME && !name.chars().any(char::is_control);
    let mut line = ParsedLine {
        address,
        display_name: if usable {
            name.to_owned()
        } else {
            String::new()
        },
        enabled: true,
        quota: None,
        ignored: Vec::new(),
        password,
    };
    // Behind home and shell.
    for field in fields.nth(2).unwrap_or_default().split_whitespace() {
        line.extra_field(field);
    }
    Ok(line)
}

impl ParsedLine {
    fn extra_field(&mut self, field: &str) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        match name {
            "nologin" => self.enabled = matches!(value, "n" | "no" | "0" | "false"),
            "userdb_quota_rule" => match quota_rule(value) {
                Some(quota) => self.quota = Some(quota),
                None => self.ignored.push(name.to_owned()),
            },
            // Dovecot 2.4 has settings in the place of rules.
            "userdb_quota_storage_size" => match size(value, 1) {
                Some(bytes) => self.quota.get_or_insert_default().bytes = Some(bytes),
                None => self.ignored.push(name.to_owned()),
            },
            "userdb_quota_message_count" => match value.parse() {
                Ok(messages) => self.quota.get_or_insert_default().messages = Some(messages),
                Err(_) => self.ignored.push(name.to_owned()),
            },
            _ => self.ignored.push(name.to_owned()),
        }
    }
}

/// Reads `*:storage=1G:messages=1000` and the older `*:bytes=…`. Rules for single folders are not ours to keep.
fn quota_rule(rule: &str) -> Option<Quota> {
    let mut quota = Quota::default();
    let mut limits = rule.strip_prefix("*:")?.split(':');
    limits.try_for_each(|limit| {
        match limit.split_once('=')? {
            // Without a unit it is kilobytes.
            ("storage", value) => quota.bytes = Some(size(value, 1024)?),
            ("bytes", value) => quota.bytes = Some(size(value, 1)?),
            ("messages", value) => quota.messages = Some(value.parse().ok()?),
            _ => return None,
        }
        Some(())
    })?;
    Some(quota)
}

/// Reads a number with a unit: `b`, `k`, `M`, `G`, `T`, each in any case and with or without a `B`.
fn size(text: &str, without_unit: u64) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" => without_unit,
        "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The longest line, in bytes.
const MAX_PASSWD_LINE: usize = 4096;
/// Accounts made in one commit.
const BATCH: usize = 256;

#[cfg(test)]
mod tests;
