//! A mail address as it stands in an envelope (RFC 5321 §4.1.2 `Mailbox`), checked once, on the way in.

use std::{fmt, str::FromStr};

/// The longest address taken, in bytes, as written canonically. RFC 5321 §4.5.3.1.3 allows 254; senders with a return
/// path for every recipient (VERP) go beyond that, and a header line that carries it stays below 998 all the same.
pub const MAX_ADDRESS: usize = 512;

/// The longest domain taken, in bytes (RFC 5321 §4.5.3.1.2).
pub const MAX_DOMAIN: usize = 255;

/// An envelope address: a local part, and a domain or address literal. The domain is absent only in what LMTP clients and
/// RFC 5321 §4.5.1 write without one (`<postmaster>`).
///
/// The only way in is parsing, so that an address never holds CR, LF, NUL or another control character, and may be put
/// into a header or a reply as it is. It may hold UTF-8 (RFC 6531): [`Address::is_ascii`] tells.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// `local@domain`, the local part quoted only where it must be.
    text: Box<str>,
    /// Where the `@` before the domain stands; the length of `text` if there is no domain.
    at: usize,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing stands before the `@`.
    #[error("the local part is empty")]
    NoLocalPart,
    /// A character that must be quoted, or that no address may hold.
    #[error("a character that an address may not hold")]
    Character,
    /// A quoted local part without its closing quote.
    #[error("the quoted local part does not end")]
    Unterminated,
    /// A domain that is empty, has an empty label, or an address literal without its closing bracket.
    #[error("the domain is malformed")]
    Domain,
    /// Longer than [`MAX_ADDRESS`] or [`MAX_DOMAIN`].
    #[error("the address is too long")]
    TooLong,
}

impl Address {
    /// Reads the address that `input` begins with, and says how many bytes of it that took. What follows is the
    /// caller's: a `>`, a space, nothing.
    pub fn read(input: &str) -> Result<(Self, usize), AddressError> {
        let mut text = String::new();
        let mut at = read_local_part(input, &mut text)?;
        let local = text.len();
        if input[at..].starts_with('@') {
            let domain = &input[at + 1..];
            let length = domain_length(domain)?;
            text.push('@');
            text.push_str(&domain[..length]);
            at += 1 + length;
        }
        if text.len() > MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
        let address = Self {
            text: text.into(),
            at: local,
        };
        Ok((address, at))
    }

    /// The part before the `@`, quoted if it must be. Case-sensitive to anybody but the host that owns it.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// The domain or address literal, as written.
    pub fn domain(&self) -> Option<&str> {
        self.text.get(self.at + 1..)
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it can be sent without SMTPUTF8 (RFC 6531 §3.3).
    pub fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }

    /// The same address, with `domain` where it has none.
    pub fn or_domain(&self, domain: &str) -> Result<Self, AddressError> {
        if self.domain().is_some() {
            return Ok(self.clone());
        }
        format!("{}@{domain}", self.text).parse()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match Self::read(text)? {
            (address, length) if length == text.len() => Ok(address),
            _ => Err(AddressError::Character),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.text)
    }
}

/// ```abnf
/// Local-part = Dot-string / Quoted-string
/// ```
/// Modified: dots may stand anywhere in a Dot-string, because addresses with two dots in a row or one at the end exist
/// (Japanese mobile operators gave them out for years).
fn read_local_part(input: &str, text: &mut String) -> Result<usize, AddressError> {
    if let Some(quoted) = input.strip_prefix('"') {
        return read_quoted(quoted, text).map(|length| length + 1);
    }
    let length = input
        .find(|character: char| !is_atext(character) && character != '.')
        .unwrap_or(input.len());
    if length == 0 {
        return Err(match input.chars().next() {
            None | Some('@' | '>') => AddressError::NoLocalPart,
            Some(_) => AddressError::Character,
        });
    }
    if length > MAX_ADDRESS {
        return Err(AddressError::TooLong);
    }
    text.push_str(&input[..length]);
    Ok(length)
}

/// ```abnf
/// Quoted-string  = DQUOTE *QcontentSMTP DQUOTE
/// QcontentSMTP   = qtextSMTP / quoted-pairSMTP
/// ```
/// `input` begins behind the opening quote. Written back without quotes where none are needed, so that
/// `"alice"@example.org` and `alice@example.org` are one address (RFC 5321 §4.1.2).
fn read_quoted(input: &str, text: &mut String) -> Result<usize, AddressError> {
    let mut content = String::new();
    let mut characters = input.char_indices();
    let length = loop {
        let (at, character) = characters.next().ok_or(AddressError::Unterminated)?;
        match character {
            '"' => break at + 1,
            '\\' => match characters.next() {
                Some((_, escaped @ ' '..='~')) => content.push(escaped),
                Some(_) => return Err(AddressError::Character),
                None => return Err(AddressError::Unterminated),
            },
            other if other.is_control() => return Err(AddressError::Character),
            other => content.push(other),
        }
        if content.len() > MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
    };
    let plain = !content.is_empty()
        && content
            .chars()
            .all(|character| is_atext(character) || character == '.');
    if plain {
        text.push_str(&content);
    } else {
        text.push('"');
        for character in content.chars() {
            if matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        text.push('"');
    }
    Ok(length)
}

/// ```abnf
/// Domain          = sub-domain *("." sub-domain)
/// address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
/// ```
/// Modified: an underscore may stand in a label, as it does in host names of real networks.
fn domain_length(input: &str) -> Result<usize, AddressError> {
    let length = if input.starts_with('[') {
        let end = input.find(']').ok_or(AddressError::Domain)?;
        let inside = &input.as_bytes()[1..end];
        // dcontent: visible ASCII without the brackets and the backslash.
        if inside.is_empty()
            || !inside
                .iter()
                .all(|byte| matches!(byte, 33..=90 | 94..=126) && !matches!(byte, b'<' | b'>'))
        {
            return Err(AddressError::Domain);
        }
        end + 1
    } else {
        let length = input
            .find(|character: char| {
                !character.is_ascii_alphanumeric()
                    && !matches!(character, '-' | '_' | '.')
                    && (character.is_ascii() || character.is_control())
            })
            .unwrap_or(input.len());
        if length > MAX_DOMAIN {
            return Err(AddressError::TooLong);
        }
        if input[..length].split('.').any(str::is_empty) {
            return Err(AddressError::Domain);
        }
        length
    };
    if length > MAX_DOMAIN {
        return Err(AddressError::TooLong);
    }
    Ok(length)
}

/// RFC 5322 `atext`, with UTF-8 by RFC 6531 §3.3. C1 controls are UTF-8 too, but no part of an address.
fn is_atext(character: char) -> bool {
    match character {
        '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~' => true,
        _ if character.is_ascii() => character.is_ascii_alphanumeric(),
        _ => !character.is_control() && !is_line_or_space(character),
    }
}

/// Characters beyond ASCII that some readers take for a space or a line end.
fn is_line_or_space(character: char) -> bool {
    character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, AddressError> {
        text.parse()
            .map(|address: Address| address.as_str().to_owned())
    }

    #[test]
    fn ordinary_and_odd_addresses_are_taken() {
        for text in [
            "alice@demo.test",
            "a+b=c@x.test",
            "two..dots.@mobile.test",
            "x@[192.0.2.1]",
            "x@[IPv6:2001:db8::1]",
            "\"a b\"@demo.test",
            "\"a\\\"b\\\\\"@demo.test",
            "grüße@exämple.test",
            "postmaster",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn quotes_that_are_not_needed_go() {
        assert_eq!(
            parse("\"alice\"@demo.test").as_deref(),
            Ok("alice@demo.test")
        );
        assert_eq!(parse("\"\\a\"@demo.test").as_deref(), Ok("a@demo.test"));
        assert_eq!(parse("\"\"@demo.test").as_deref(), Ok("\"\"@demo.test"));
        let quoted: Address = "\"a@b\"@demo.test".parse().unwrap();
        assert_eq!(quoted.domain(), Some("demo.test"));
        assert_eq!(quoted.local_part(), "\"a@b\"");
    }

    #[test]
    fn what_could_break_out_of_a_header_or_a_reply_is_refused() {
        for (text, error) in [
            ("a\r\nBcc: b@demo.test", AddressError::Character),
            ("\"a\r\n\"@demo.test", AddressError::Character),
            ("\"a\\\r\"@demo.test", AddressError::Character),
            ("a\0@demo.test", AddressError::Character),
            ("a@demo.test\u{85}", AddressError::Character),
            ("a\u{2028}b@demo.test", AddressError::Character),
            ("a b@demo.test", AddressError::Character),
            ("a@b@c", AddressError::Character),
            ("<a@b>", AddressError::Character),
            ("@demo.test", AddressError::NoLocalPart),
            ("", AddressError::NoLocalPart),
            ("a@", AddressError::Domain),
            ("a@.test", AddressError::Domain),
            ("a@demo..test", AddressError::Domain),
            ("a@demo.", AddressError::Domain),
            ("a@[", AddressError::Domain),
            ("a@[]", AddressError::Domain),
            ("a@[1\r\n2]", AddressError::Domain),
            ("\"a", AddressError::Unterminated),
            ("\"a\\", AddressError::Unterminated),
        ] {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn length_is_bounded() {
        let long = "a".repeat(MAX_ADDRESS);
        assert_eq!(
            parse(&format!("{long}@demo.test")),
            Err(AddressError::TooLong)
        );
        assert_eq!(
            parse(&format!("\"{long}{long}\"@demo.test")),
            Err(AddressError::TooLong)
        );
        assert_eq!(
            parse(&format!("a@{}", "b".repeat(256))),
            Err(AddressError::TooLong)
        );
        assert_eq!(
            parse(&format!("a@[{}]", "1".repeat(256))),
            Err(AddressError::TooLong)
        );
    }

    #[test]
    fn a_missing_domain_can_be_given() {
        let postmaster: Address = "Postmaster".parse().unwrap();
        assert_eq!(postmaster.domain(), None);
        assert_eq!(
            postmaster.or_domain("demo.test").unwrap().as_str(),
            "Postmaster@demo.test"
        );
    }
}
