//! Passwords in memory: never printed, wiped when dropped, compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{DirectoryError, error::PasswordFault, random};

/// The longest password, in bytes. Longer ones are refused before anything is computed.
pub const MAX_PASSWORD: usize = 1024;

/// A password (or another secret a client sent). `Debug` shows nothing of it, not even its length.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// A random password that a person can copy from paper: 25 letters and digits without look-alikes, in groups of
    /// five, about 123 bits.
    pub fn generate() -> Result<Self, DirectoryError> {
        let mut password = Vec::with_capacity(GROUPS * GROUP + GROUPS - 1);
        let mut pool = Zeroizing::new([0_u8; 64]);
        let mut left = 0;
        while password.len() < GROUPS * GROUP + GROUPS - 1 {
            if left == 0 {
                random::fill(&mut pool[..])?;
                left = pool.len();
            }
            left -= 1;
            let byte = usize::from(pool[left]);
            // Bytes beyond the last whole multiple would favour the first letters.
            if byte >= 256 / ALPHABET.len() * ALPHABET.len() {
                continue;
            }
            password.push(ALPHABET[byte % ALPHABET.len()]);
            if password.len() % (GROUP + 1) == GROUP && password.len() < GROUPS * (GROUP + 1) - 1 {
                password.push(b'-');
            }
        }
        Ok(Self(password))
    }

    /// The bytes themselves, for hashing, and for showing a generated password once.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether the directory would take it as a new password.
    pub fn check(&self) -> Result<(), DirectoryError> {
        let fault = if self.0.is_empty() {
            PasswordFault::Empty
        } else if self.0.len() > MAX_PASSWORD {
            PasswordFault::TooLong
        } else if self.0.iter().any(u8::is_ascii_control) {
            PasswordFault::ControlCharacter
        } else {
            return Ok(());
        };
        Err(DirectoryError::Password(fault))
    }

    /// The form that is hashed: prepared by SASLprep (RFC 4013), so that the same password typed on another keyboard
    /// gives the same bytes. What SASLprep refuses (it knows Unicode 3.2 only, so every newer emoji) is put into NFKC
    /// instead, and what is no UTF-8 is taken as it is: both sides of every comparison do the same.
    pub fn prepared(&self) -> Self {
        let Ok(text) = std::str::from_utf8(&self.0) else {
            return self.clone();
        };
        if text.is_ascii() {
            return self.clone();
        }
        match stringprep::saslprep(text) {
            Ok(prepared) => Self(prepared.into_owned().into_bytes()),
            Err(_) => Self(text.nfkc().collect::<String>().into_bytes()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/* REDACTED */")
    }
}

impl PartialEq for Secret {
    /// Takes time by length only.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// No 0/o, 1/l/i: 31 letters and digits.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS: usize = 5;
const GROUP: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_printed() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "/* REDACTED */");
    }

    #[test]
    fn generated_passwords_are_well_formed_and_differ() {
        let one = Secret::generate().unwrap();
        let two = Secret::generate().unwrap();
        assert_ne!(one, two);
        one.check().unwrap();
        let text = std::str::from_utf8(one.expose()).unwrap();
        let groups: Vec<_> = text.split('-').collect();
        assert_eq!(groups.len(), 5, "{text}");
        assert!(
            groups
                .iter()
                .all(|group| group.len() == 5 && group.bytes().all(|b| ALPHABET.contains(&b)))
        );
    }

    #[test]
    fn preparation_makes_equal_what_looks_equal() {
        // RFC 4013 §3: SOFT HYPHEN goes, ROMAN NUMERAL NINE becomes IX, FEMININE ORDINAL becomes a.
        assert_eq!(Secret::from("I\u{ad}X").prepared(), Secret::from("IX"));
        assert_eq!(Secret::from("\u{2168}").prepared(), Secret::from("IX"));
        assert_eq!(Secret::from("\u{aa}").prepared(), Secret::from("a"));
        assert_eq!(
            Secret::from("pa\u{308}ss").prepared(),
            Secret::from("p\u{e4}ss")
        );
        // Unassigned in Unicode 3.2, so SASLprep refuses it; it stays usable.
        assert_eq!(
            Secret::from("\u{1f980}a\u{308}").prepared(),
            Secret::from("\u{1f980}\u{e4}")
        );
        assert_eq!(
            Secret::new([0xff, 0xfe]).prepared(),
            Secret::new([0xff, 0xfe])
        );
    }

    #[test]
    fn unusable_passwords_are_refused() {
        assert!(Secret::from("").check().is_err());
        assert!(Secret::from("a\0b").check().is_err());
        assert!(Secret::from("a\nb").check().is_err());
        assert!(Secret::new(vec![b'a'; MAX_PASSWORD + 1]).check().is_err());
        assert!(Secret::from("correct horse").check().is_ok());
    }
}
