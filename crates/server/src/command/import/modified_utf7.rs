//! Folder names as Maildir++ and IMAP4rev1 write them (RFC 3501 §5.1.3).

use std::fmt::Write;

use base64::{Engine, alphabet, engine::GeneralPurpose, engine::general_purpose};

/// ASCII as it is, `&` as `&-`, all else as UTF-16 in base64 with `,` for `/`.
pub fn encode(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if first == '&' {
            out.push_str("&-");
            rest = &rest[1..];
        } else if (' '..='~').contains(&first) {
            out.push(first);
            rest = &rest[1..];
        } else {
            let end = rest
                .find(|c| (' '..='~').contains(&c))
                .unwrap_or(rest.len());
            let bytes: Vec<u8> = rest[..end]
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect();
            // Writing to a String cannot fail.
            let _ = write!(out, "&{}-", engine().encode(bytes));
            rest = &rest[end..];
        }
    }
    out
}

/// The other way; what is not well formed stays as it is.
pub fn decode(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('-').map(|end| at + end) else {
            return name.to_owned();
        };
        let coded = &rest[at + 1..end];
        if coded.is_empty() {
            out.push('&');
        } else {
            let Some(text) = engine()
                .decode(coded)
                .ok()
                .filter(|bytes| bytes.len() % 2 == 0)
                .and_then(|bytes| {
                    let units: Vec<u16> = bytes
                        .chunks_exact(2)
                        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                        .collect();
                    String::from_utf16(&units).ok()
                })
            else {
                return name.to_owned();
            };
            out.push_str(&text);
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

fn engine() -> GeneralPurpose {
    GeneralPurpose::new(&alphabet::IMAP_MUTF7, general_purpose::NO_PAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (name, coded) in [
            ("INBOX", "INBOX"),
            ("a & b", "a &- b"),
            ("台北", "&U,BTFw-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("😀x", "&2D3eAA-x"),
        ] {
            assert_eq!(encode(name), coded);
            assert_eq!(decode(coded), name);
        }
        for broken in ["&", "a&b", "&A-", "&2D0-"] {
            assert_eq!(decode(broken), broken);
        }
    }
}
