//! The `Authorization` header (MS-ASHTTP §2.2.1.1.2.2): HTTP Basic.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use fieldpost_directory::Secret;
use hyper::header::{self, HeaderMap};

/// A name and a password as the client sent them, in UTF-8.
#[derive(Debug)]
pub struct Credentials {
    /// Who it says it is.
    pub login: Vec<u8>,
    /// How it proves it.
    pub password: Secret,
}

/// Reads the credentials. `None`: there are none, or none that can be read, which is answered alike.
pub fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = all.next()?.as_bytes();
    // Two of them: who reads the first and who reads the second would see different users.
    if all.next().is_some() {
        return None;
    }
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, token) = value.split_at(space);
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return None;
    }
    let mut login = utf_8(BASE64.decode(token.trim_ascii()).ok()?);
    let colon = login.iter().position(|byte| *byte == b':')?;
    let password = login.split_off(colon + 1);
    login.truncate(colon);
    Some(Credentials {
        login,
        password: Secret::new(password),
    })
}

/// Phones send UTF-8, Outlook sends ISO-8859-1 (client-quirks A12): what is no UTF-8 is the latter.
fn utf_8(bytes: Vec<u8>) -> Vec<u8> {
    if std::str::from_utf8(&bytes).is_ok() {
        return bytes;
    }
    let text: String = bytes.iter().copied().map(char::from).collect();
    text.into_bytes()
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, Secret)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        let read = credentials(&headers)?;
        Some((String::from_utf8(read.login).unwrap(), read.password))
    }

    fn basic(bytes: &[u8]) -> String {
        format!("Basic {}", BASE64.encode(bytes))
    }

    /// MS-ASHTTP_R128.
    #[test]
    fn basic_credentials_are_read_up_to_the_first_colon() {
        assert_eq!(
            read(&basic(b"alice@demo.test:a:b")),
            Some(("alice@demo.test".into(), "a:b".into()))
        );
        assert_eq!(
            read("bAsIc YTpi"),
            Some(("a".into(), "b".into())),
            "the scheme in any case"
        );
        assert_eq!(read("Basic YTo"), Some(("a".into(), "".into())));
        for bad in ["", "Basic", "Basic !!!!", "Basic YWI=", "Bearer YTpi"] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn outlook_sends_latin_1_a12() {
        assert_eq!(
            read(&basic(b"ren\xe9:pass\xe4")),
            Some(("ren\u{e9}".into(), "pass\u{e4}".into()))
        );
        assert_eq!(
            read(&basic("ren\u{e9}:\u{2713}".as_bytes())),
            Some(("ren\u{e9}".into(), "\u{2713}".into()))
        );
    }

    #[test]
    fn two_headers_are_as_good_as_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, "Basic YTpi".parse().unwrap());
        headers.append(header::AUTHORIZATION, "Basic YzpK".parse().unwrap());
        assert!(credentials(&headers).is_none());
    }
}
