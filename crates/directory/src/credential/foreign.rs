//! Password hashes that other servers made: how Dovecot writes them, and how to check them.
//!
//! A hash is kept as its own text (`$6$…`, `$2y$…`, `{SSHA}…`) and taken apart again when it is needed; only
//! [`Foreign::parse`] makes one, so a kept hash is well formed and its cost bounded.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha_crypt::{PasswordVerifier, ShaCrypt};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::{Argon2id, Cost, ScramKeys, Verifier};
use crate::{Secret, statistics::Work};

/// A password hash from elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Foreign {
    text: String,
    cost: Cost,
}

impl Foreign {
    /// Reads `$6$…`, `$5$…`, `$2a$…`/`$2b$…`/`$2x$…`/`$2y$…` or `{SSHA}base64`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_HASH {
            return None;
        }
        let cost = match (text.get(..3)?, text.strip_prefix("{SSHA}")) {
            (_, Some(encoded)) => {
                // The salt follows the 20 bytes of SHA-1.
                let decoded = STANDARD.decode(encoded).ok()?;
                (21..=20 + 64)
                    .contains(&decoded.len())
                    .then_some(Cost::Ssha)?
            }
            ("$6$", _) => Cost::Sha512Crypt {
                rounds: sha_crypt_rounds(&text[3..], 86)?,
            },
            ("$5$", _) => Cost::Sha256Crypt {
                rounds: sha_crypt_rounds(&text[3..], 43)?,
            },
            ("$2a" | "$2b" | "$2x" | "$2y", _) => {
                let parts: bcrypt::HashParts = text.parse().ok()?;
                (4..=MAX_BCRYPT_COST)
                    .contains(&parts.get_cost())
                    .then_some(Cost::Bcrypt {
                        cost: parts.get_cost(),
                    })?
            }
            _ => return None,
        };
        Some(Self {
            text: text.to_owned(),
            cost,
        })
    }

    /// A hash of that cost that no password has.
    pub(super) fn decoy(cost: Cost) -> Self {
        let text = match cost {
            Cost::Sha512Crypt { rounds } => {
                format!("$6$rounds={rounds}$aaaaaaaaaaaaaaaa${}", ".".repeat(86))
            }
            Cost::Sha256Crypt { rounds } => {
                format!("$5$rounds={rounds}$aaaaaaaaaaaaaaaa${}", ".".repeat(43))
            }
            Cost::Bcrypt { cost } => format!("$2y${cost:02}${}", ".".repeat(53)),
            Cost::Ssha | Cost::Argon2id(_) | Cost::Scram { .. } => {
                format!("{{SSHA}}{}", STANDARD.encode([0; 24]))
            }
        };
        Self { text, cost }
    }

    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    pub(crate) fn verify(&self, password: &[u8], work: &Work) -> bool {
        match self.cost {
            Cost::Sha512Crypt { rounds } | Cost::Sha256Crypt { rounds } => {
                work.sha_crypt(rounds);
                ShaCrypt::default()
                    .verify_password(password, self.text.as_str())
                    .is_ok()
            }
            Cost::Bcrypt { cost } => {
                work.bcrypt(cost);
                // crypt(3) cuts at 72 bytes, and so must we, or long passwords would stop working on import.
                bcrypt::verify(password, &self.text).unwrap_or(false)
            }
            Cost::Ssha => {
                work.ssha();
                self.verify_ssha(password)
            }
            Cost::Argon2id(_) | Cost::Scram { .. } => false,
        }
    }

    /// Salted SHA-1, RFC 3112's scheme as LDAP servers write it: base64 of (SHA-1(password, salt), salt).
    fn verify_ssha(&self, password: &[u8]) -> bool {
        let decoded = self
            .text
            .strip_prefix("{SSHA}")
            .and_then(|encoded| STANDARD.decode(encoded).ok());
        let Some((digest, salt)) = decoded.as_deref().and_then(<[u8]>::split_first_chunk::<20>)
        else {
            return false;
        };
        let computed: [u8; 20] = Sha1::new()
            .chain_update(password)
            .chain_update(salt)
            .finalize()
            .into();
        computed.ct_eq(digest).into()
    }
}

impl fmt::Display for Foreign {
    /// The text that [`Foreign::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Foreign({:?}, /* REDACTED */)", self.cost)
    }
}

/// A password field that can be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A hash of a kind we can check.
    Verifier(Verifier),
    /// The password itself.
    Plain(Secret),
}

/// Why a password field can't be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No password at all, or one locked with `!` or `*`.
    Empty,
    /// A scheme that we do not know.
    Scheme,
    /// The scheme is known, its value is not well formed or beyond our limits.
    Value,
}

/// Reads the password field of a Dovecot passwd-file: `{SCHEME}value`, `{SCHEME.ENCODING}value`, or a crypt string alone.
pub(crate) fn take(field: &str) -> Result<Taken, Refused> {
    let (scheme, value) = match field
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
    {
        Some((scheme, value)) => (scheme.to_ascii_uppercase(), value),
        // Dovecot's passwd-file has CRYPT as its default scheme.
        None => ("CRYPT".to_owned(), field),
    };
    // What locks a password in a passwd-file stands before a crypt hash; no base64 begins like that, it is a slip there.
    let locked = value.starts_with(['!', '*']) && !scheme.starts_with("SSHA");
    if value.is_empty() || locked {
        return Err(Refused::Empty);
    }
    if value.len() > MAX_HASH {
        return Err(Refused::Value);
    }
    let (scheme, encoding) = match scheme.split_once('.') {
        Some((scheme, encoding)) => (scheme, Some(encoding)),
        None => (scheme.as_str(), None),
    };
    let binary = match encoding {
        None => None,
        Some("B64" | "BASE64") => Some(STANDARD.decode(value).map_err(|_| Refused::Value)?),
        Some("HEX") => Some(from_hex(value).ok_or(Refused::Value)?),
        Some(_) => return Err(Refused::Scheme),
    };
    // All but SSHA are texts, in whatever encoding they come.
    let text = match &binary {
        None => Some(value),
        Some(bytes) => std::str::from_utf8(bytes).ok(),
    };
    let text = || text.ok_or(Refused::Value);
    let foreign = |text: &str, prefixes: &[&str]| {
        prefixes
            .iter()
            .any(|prefix| text.starts_with(prefix))
            .then(|| Foreign::parse(text))
            .flatten()
            .map(|hash| Taken::Verifier(Verifier::Foreign(hash)))
            .ok_or(Refused::Value)
    };
    let argon2id = |text: &str| {
        Argon2id::parse(text)
            .map(|hash| Taken::Verifier(Verifier::Argon2id(hash)))
            .ok_or(Refused::Value)
    };
    match scheme {
        "ARGON2ID" => argon2id(text()?),
        "SHA512-CRYPT" => foreign(text()?, &["$6$"]),
        "SHA256-CRYPT" => foreign(text()?, &["$5$"]),
        "BLF-CRYPT" => foreign(text()?, &["$2"]),
        "CRYPT" => match text()? {
            text if text.starts_with("$argon2id$") => argon2id(text),
            text if ["$6$", "$5$", "$2"].iter().any(|p| text.starts_with(p)) => {
                foreign(text, &["$"])
            }
            _ => Err(Refused::Scheme),
        },
        "SSHA" => {
            let encoded = binary.map_or_else(|| value.to_owned(), |bytes| STANDARD.encode(bytes));
            foreign(&format!("{{SSHA}}{encoded}"), &["{"])
        }
        "SCRAM-SHA-256" => scram(text()?).ok_or(Refused::Value),
        "PLAIN" | "CLEAR" | "CLEARTEXT" => Ok(Taken::Plain(match binary {
            Some(bytes) => Secret::new(bytes),
            None => Secret::from(value),
        })),
        _ => Err(Refused::Scheme),
    }
}

/// Dovecot's own form: `iterations,salt,stored key,server key`.
fn scram(text: &str) -> Option<Taken> {
    let mut fields = text.split(',');
    let iterations = fields.next()?.parse().ok()?;
    let mut next = || STANDARD.decode(fields.next()?).ok();
    let (salt, stored_key, server_key) = (next()?, next()?, next()?);
    if fields.next().is_some()
        || !(4096..=MAX_SCRAM_ITERATIONS).contains(&iterations)
        || !(8..=64).contains(&salt.len())
    {
        return None;
    }
    Some(Taken::Verifier(Verifier::ScramSha256(ScramKeys {
        iterations,
        salt,
        stored_key: stored_key.try_into().ok()?,
        server_key: server_key.try_into().ok()?,
    })))
}

/// Checks `[rounds=N$]salt$hash` and tells the rounds.
fn sha_crypt_rounds(rest: &str, hash_length: usize) -> Option<u32> {
    let mut fields = rest.split('$');
    let mut salt = fields.next()?;
    let mut rounds = 5000;
    if let Some(number) = salt.strip_prefix("rounds=") {
        rounds = number.parse().ok()?;
        salt = fields.next()?;
    }
    let hash = fields.next()?;
    let is_crypt = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/')
    };
    (fields.next().is_none()
        && (1000..=MAX_ROUNDS).contains(&rounds)
        && (1..=16).contains(&salt.len())
        && is_crypt(salt)
        && hash.len() == hash_length
        && is_crypt(hash))
    .then_some(rounds)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// The longest hash in text; the longest real one (Argon2id with long salt and hash) has about 230 bytes.
const MAX_HASH: usize = 1024;
/// About half a minute on one processor, 200 times what Dovecot and Debian use by default.
const MAX_ROUNDS: u32 = 1_000_000;
const MAX_BCRYPT_COST: u32 = 16;
const MAX_SCRAM_ITERATIONS: u32 = 1_000_000;
