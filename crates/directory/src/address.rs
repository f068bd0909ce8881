//! Addresses in one canonical form, and the forms of a name that people sign in with.
//!
//! Two spellings of one address must meet in one account: upper and lower case (the local part too: RFC 5321 §2.4 lets
//! the receiving host decide, and nobody runs `Alice` beside `alice`), composed and decomposed characters (RFC 6532
//! §3.1 recommends NFC), `xn--` and Unicode spellings of a domain (RFC 5891). So an [`Address`] is made in one place
//! only, and equality of addresses is equality of bytes.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
pub const MAX_LOCAL_PART: usize = 64;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
pub const MAX_ADDRESS: usize = 254;

/// The longest name that sign-in looks at, in bytes, in any form.
pub const MAX_LOGIN: usize = 512;

/// An address of ours in its canonical form: local part in lower case and NFC, domain as lower-case A-labels.
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

impl Address {
    /// Makes the canonical form of `text`, which has the form `local@domain` with a dot-atom (RFC 5322 §3.2.3, RFC 6531
    /// §3.3) or a quoted string that says the same as one (`"alice"@demo.test`).
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > 4 * MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoDomain)?;
        Self::from_parts(&canonical_local_part(local)?, &canonical_domain(domain)?)
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.split().0
    }

    /// The part behind the `@`, as A-labels.
    pub fn domain(&self) -> &str {
        self.split().1
    }

    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For people: the domain's `xn--` labels shown in their own script.
    pub fn to_unicode(&self) -> String {
        let (local, domain) = self.split();
        let domain = to_unicode(domain);
        format!("{local}@{domain}")
    }

    /// Joins parts that are canonical already.
    pub(crate) fn from_parts(local: &str, domain: &str) -> Result<Self, AddressError> {
        if local.len() + 1 + domain.len() > MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
        Ok(Self(format!("{local}@{domain}").into()))
    }

    fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('@').unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl Borrow<str> for Address {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a text is no address of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@`.
    #[error("an address has the form name@domain")]
    NoDomain,
    /// The local part or the whole is too long.
    #[error("the address is too long")]
    TooLong,
    /// The local part is empty, or has characters or dots where none may be.
    #[error("the part before the @ is not valid")]
    LocalPart,
    /// The domain is no host name, in ASCII or (RFC 5891) in Unicode.
    #[error("the part behind the @ is not a valid domain")]
    Domain,
}

/// A name as somebody types it into a sign-in form, taken apart but not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginName {
    /// `user`
    Local(String),
    /// `user@domain`
    Address(Address),
    /// `DOMAIN\user`: what Windows and some phones send. The domain is a whole one or its first label.
    Domain {
        /// Before the backslash, canonical.
        domain: String,
        /// Behind it, canonical.
        local: String,
    },
}

impl LoginName {
    /// Takes a name apart. `DOMAIN\user@domain` is read as `user@domain`: iOS sends it when both of its fields are
    /// filled in. NUL, control characters and whatever is no UTF-8 make a name that nobody has (fault 13).
    pub fn parse(name: &[u8]) -> Result<Self, AddressError> {
        if name.len() > MAX_LOGIN {
            return Err(AddressError::TooLong);
        }
        let text = std::str::from_utf8(name).map_err(|_| AddressError::LocalPart)?;
        let (domain, rest) = match text.split_once('\\') {
            Some((domain, rest)) => (Some(domain), rest),
            None => (None, text),
        };
        if rest.contains('@') {
            return Address::parse(rest).map(Self::Address);
        }
        let local = canonical_local_part(rest)?;
        match domain {
            // `\user` is what a Windows form sends when its domain field was left empty.
            None | Some("") => Ok(Self::Local(local)),
            Some(domain) => Ok(Self::Domain {
                domain: canonical_domain(domain)?,
                local,
            }),
        }
    }
}

/// The canonical form of a domain: lower-case A-labels.
pub(crate) fn canonical_domain(text: &str) -> Result<String, AddressError> {
    if text.len() > 4 * MAX_ADDRESS {
        return Err(AddressError::TooLong);
    }
    let domain = to_ascii(text.strip_suffix('.').unwrap_or(text))?;
    // An A-label may hide one that looks like an A-label itself (`xn--xn--…`); what people see must lead back here.
    if domain.contains("xn--") && to_ascii(&to_unicode(&domain)).as_ref() != Ok(&domain) {
        return Err(AddressError::Domain);
    }
    Ok(domain)
}

fn to_ascii(domain: &str) -> Result<String, AddressError> {
    Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map(Into::into)
        .map_err(|_| AddressError::Domain)
}

fn to_unicode(domain: &str) -> String {
    let (domain, _) =
        Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
    domain.into_owned()
}

/// The canonical form of a local part: without quotes, NFC, lower case.
pub(crate) fn canonical_local_part(text: &str) -> Result<String, AddressError> {
    if text.len() > 4 * MAX_LOCAL_PART {
        return Err(AddressError::TooLong);
    }
    let unquoted = match text.strip_prefix('"') {
        Some(rest) => unquote(rest)?,
        None => text.to_owned(),
    };
    let mut local = fold(&unquoted);
    // Composing after folding may bring up a character that folds again; this ends at once or never should.
    for _ in 0..3 {
        let again = fold(&local);
        if again == local {
            return if is_dot_atom(&local) {
                Ok(local)
            } else if local.len() > MAX_LOCAL_PART {
                Err(AddressError::TooLong)
            } else {
                Err(AddressError::LocalPart)
            };
        }
        local = again;
    }
    Err(AddressError::LocalPart)
}

/// Lower case character by character (the final sigma's exception for whole words would make `ΟΔΟΣ` and `οδοσ` two),
/// between two rounds of NFC.
fn fold(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// Reads the rest of a quoted string, RFC 5321 §4.1.2: `quoted-pairSMTP = %d92 %d32-126`.
fn unquote(rest: &str) -> Result<String, AddressError> {
    let inner = rest.strip_suffix('"').ok_or(AddressError::LocalPart)?;
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(characters.next().ok_or(AddressError::LocalPart)?),
            '"' => return Err(AddressError::LocalPart),
            other => plain.push(other),
        }
    }
    Ok(plain)
}

fn is_dot_atom(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LOCAL_PART
        && text
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character))
}

/// `atext` of RFC 5322 §3.2.3, with RFC 6531 §3.3's UTF-8, less the characters that nobody sees (so that no two
/// addresses look the same and no log line or admin page is turned around).
fn is_atom_character(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric()
            || b"!#$%&'*+-/=?^_`{|}~".contains(&(character as u8));
    }
    !character.is_control()
        && !character.is_whitespace()
        && !matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests;
