//! What is kept of ACME: the account, the certificate with its key, and how the last attempts went.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Attempts;
use crate::config::AcmeSection;

/// The directory `acme` in the data directory.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

/// An account with an authority: its key, and what the authority was told.
#[derive(Deserialize, Serialize)]
pub struct Account {
    /// Its URL and key.
    pub credentials: AccountCredentials,
    /// The address of mail that the authority has.
    pub contact: String,
}

impl Home {
    /// That of a data directory; nothing is made yet.
    pub fn new(data_dir: &Path) -> Self {
        Self {
            root: AcmeSection::home(data_dir),
        }
    }

    /// The account with the authority at `directory`. One that can't be read is an error: a new one takes its place only
    /// if an operator moves it away.
    pub fn account(&self, directory: &str) -> io::Result<Option<Account>> {
        self.read(&account_file(directory))
    }

    /// Keeps an account.
    pub fn keep_account(&self, directory: &str, account: &Account) -> io::Result<()> {
        self.write(&account_file(directory), &serde_json::to_vec(account)?)
    }

    /// Puts an account that the authority knows no more aside.
    pub fn put_account_aside(&self, directory: &str) -> io::Result<()> {
        let file = self.root.join(account_file(directory));
        fs::rename(&file, file.with_extension("json.unknown"))
    }

    /// How the last attempts went.
    pub fn attempts(&self) -> Attempts {
        // What can't be read counts as nothing: it is a matter of pace, and a certificate is worth more.
        self.read(ATTEMPTS).ok().flatten().unwrap_or_default()
    }

    /// Keeps how the last attempts went.
    pub fn keep_attempts(&self, attempts: &Attempts) -> io::Result<()> {
        self.write(ATTEMPTS, &serde_json::to_vec_pretty(attempts)?)
    }

    /// Keeps a certificate with its key, PEM both, in place of the one before.
    pub fn keep_certificate(&self, file: &Path, key: &str, chain: &str) -> io::Result<()> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        self.write(&name, format!("{}\n{chain}", key.trim_end()).as_bytes())
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        match fs::read(self.root.join(name)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file that its owner alone reads, whole or not at all.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        crate::engine::make_private_directory(&self.root).map_err(io::Error::other)?;
        let new = self.root.join(format!("{name}.new"));
        // What a crash left: its bits may be any.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.root.join(name))?;
        File::open(&self.root)?.sync_all()
    }
}

/// One file for each authority: whoever tries another one first comes back to his account with this one.
fn account_file(directory: &str) -> String {
    let name: String = directory
        .trim_start_matches("https://")
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
                c
            } else {
                '_'
            }
        })
        .take(200)
        .collect();
    format!("account-{name}.json")
}

const ATTEMPTS: &str = "attempts.json";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_read_by_its_owner_alone_and_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        assert_eq!(home.attempts(), Attempts::default());
        let attempts = Attempts {
            failures: 3,
            ..Attempts::default()
        };
        // What a crash left behind, open to everybody.
        fs::create_dir(dir.path().join("acme")).unwrap();
        let left = dir.path().join("acme/attempts.json.new");
        fs::write(&left, "half").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o666)).unwrap();
        home.keep_attempts(&attempts).unwrap();
        assert_eq!(home.attempts(), attempts);
        let file = dir.path().join("acme/attempts.json");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!left.exists());
        fs::write(&file, "{").unwrap();
        assert_eq!(home.attempts(), Attempts::default());
    }

    #[test]
    fn each_authority_has_a_file() {
        assert_eq!(
            account_file("https://acme.example/dir/../x"),
            "account-acme.example_dir_.._x.json"
        );
    }

    #[test]
    fn an_account_that_cannot_be_read_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        assert!(home.account("https://a.example/").unwrap().is_none());
        fs::create_dir(dir.path().join("acme")).unwrap();
        fs::write(dir.path().join("acme/account-a.example_.json"), "{}").unwrap();
        assert!(home.account("https://a.example/").is_err());
    }
}
