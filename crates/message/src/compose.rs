//! Header lines that a server writes: folded at 78 columns, and safe whatever a peer put into the values.

use std::{borrow::Cow, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{address, date, encoded_word};

/// `name: value` with line end, for a value that is a run of words. Control characters become blanks, so that no value can begin a
/// line of its own; lines are folded between words (RFC 5322 §2.2.3) to 78 columns, and words longer than a line may be (§2.1.1:
/// 998) are cut.
pub fn field(name: &str, value: &str) -> String {
    let mut out = String::with_capacity(name.len() + value.len() + 4);
    out.push_str(name);
    out.push(':');
    let mut column = out.len();
    let mut empty = true;
    for word in value.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut word = word;
        while !word.is_empty() {
            let (piece, rest) = word.split_at(word.floor_char_boundary(MAX_WORD));
            word = rest;
            if column + 1 + piece.len() > COLUMNS && !empty {
                out.push_str("\r\n");
                column = 0;
            }
            out.push(' ');
            out.push_str(piece);
            column += 1 + piece.len();
            empty = false;
        }
    }
    out.push_str("\r\n");
    out
}

/// `Return-Path: <address>` (RFC 5321 §4.4), `<>` for the null reverse path.
pub fn return_path(reverse_path: Option<&str>) -> String {
    format!(
        "Return-Path: <{}>\r\n",
        path(reverse_path.unwrap_or_default())
    )
}

/// `Delivered-To: address`: the recipient as the mailbox knows him, which stops loops (RFC 9228).
pub fn delivered_to(recipient: &str) -> String {
    format!("Delivered-To: {}\r\n", path(recipient))
}

/// A trace field (RFC 5321 §4.4).
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// What the peer called itself in EHLO or LHLO.
    pub helo: &'a str,
    /// Where it really came from: an address, or something like `local socket`.
    pub peer: Option<&'a str>,
    /// Our own name.
    pub by: &'a str,
    /// `ESMTPS`, `LMTP` … (RFC 3848).
    pub with: &'a str,
    /// TLS version and cipher, shown as a comment.
    pub tls: Option<&'a str>,
    /// Our id of the transaction.
    pub id: &'a str,
    /// The recipient; leave out when there is more than one, which would tell them of each other.
    pub recipient: Option<&'a str>,
    /// Seconds since 1970.
    pub unix: i64,
    /// Zone to show the time in, minutes east of UTC.
    pub offset_minutes: i16,
}

impl Received<'_> {
    /// The whole field with its line end.
    pub fn field(&self) -> String {
        let mut value = format!("from {}", token(self.helo));
        // Writing to a String cannot fail.
        if let Some(peer) = self.peer {
            let _ = write!(value, " ({})", comment(peer));
        }
        let _ = write!(value, " by {} with {}", token(self.by), token(self.with));
        if let Some(tls) = self.tls {
            let _ = write!(value, " ({})", comment(tls));
        }
        let _ = write!(value, " id {}", token(self.id));
        if let Some(recipient) = self.recipient {
            let _ = write!(value, " for <{}>", path(recipient));
        }
        value.push_str("; ");
        value.push_str(&date::format_rfc5322(self.unix, self.offset_minutes));
        field("Received", &value)
    }
}

/// An address as text after `To:` and the like: `"Name" <mailbox@host>`.
pub fn mailbox(name: Option<&str>, addr_spec: &str) -> String {
    match name {
        Some(name) if !name.is_empty() => {
            let clean: String = name.chars().filter(|c| !c.is_control()).collect();
            format!("{} <{}>", address::quoted(&clean), path(addr_spec))
        }
        _ => path(addr_spec),
    }
}

/// The same in ASCII, for a field of a message that may not hold more: a name that is not is written in encoded words.
pub fn ascii_mailbox(name: Option<&str>, addr_spec: &str) -> String {
    match name.map(encoded_word::encode) {
        Some(Cow::Owned(words)) => format!("{words} <{}>", path(addr_spec)),
        Some(Cow::Borrowed(name)) => mailbox(Some(name), addr_spec),
        None => mailbox(None, addr_spec),
    }
}

/// A body in base64, in lines of 76 characters (RFC 2045 §6.8).
pub fn base64_body(body: &[u8]) -> String {
    let mut lines = String::with_capacity(body.len() / 57 * 78 + 80);
    for line in body.chunks(57) {
        STANDARD.encode_string(line, &mut lines);
        lines.push_str("\r\n");
    }
    lines
}

/// A file name as a parameter of Content-Disposition: `filename="a.txt"`, or as RFC 2231 writes what is not ASCII.
pub fn file_name_param(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|c| {
            if c.is_control() || "/\\\"".contains(c) {
                '_'
            } else {
                c
            }
        })
        .take(MAX_TOKEN)
        .collect();
    if clean.is_ascii() {
        return format!("filename=\"{clean}\"");
    }
    let mut out = String::from("filename*=utf-8''");
    for byte in clean.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// An address in one piece: no control characters, no angle brackets that would end it early.
fn path(address: &str) -> String {
    let clean = address
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '<' | '>'));
    let mut text: String = clean.collect();
    text.truncate(text.floor_char_boundary(MAX_WORD));
    text
}

/// A word without anything that means something in a trace field.
fn token(text: &str) -> String {
    if text.is_empty() {
        return "unknown".to_owned();
    }
    text.chars()
        .take(MAX_TOKEN)
        .map(|c| {
            let special = c.is_whitespace() || c.is_control() || "()<>;,\\\"".contains(c);
            if special { '?' } else { c }
        })
        .collect()
}

/// Inside of a comment (RFC 5322 §3.2.2).
fn comment(text: &str) -> String {
    text.chars()
        .take(MAX_TOKEN)
        .map(|c| {
            if c.is_control() || "()\\".contains(c) {
                '?'
            } else {
                c
            }
        })
        .collect()
}

const COLUMNS: usize = 78;
const MAX_WORD: usize = 900;
const MAX_TOKEN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_is_folded_and_cannot_be_broken_out_of() {
        let received = Received {
            helo: "mail.demo.test (x)\r\nSubject: evil",
            peer: Some("[192.0.2.1])\r\nBcc: (all"),
            by: "post.demo.test",
            with: "LMTPS",
            tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384"),
            id: "1A2B",
            recipient: Some("alice@demo.test"),
            unix: 1_795_453_270,
            offset_minutes: 60,
        };
        let text = received.field();
        let fields: Vec<_> = crate::header::fields(text.as_bytes()).collect();
        assert_eq!(fields.len(), 1);
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
        let unfolded = fields[0].unfolded();
        assert!(
            unfolded.ends_with("; Mon, 23 Nov 2026 18:01:10 +0100"),
            "{text}"
        );
        assert!(unfolded.contains("for <alice@demo.test>"), "{text}");
    }

    #[test]
    fn paths() {
        assert_eq!(return_path(None), "Return-Path: <>\r\n");
        assert_eq!(
            return_path(Some("a@b>\r\nX: y")),
            "Return-Path: <a@bX: y>\r\n"
        );
        assert_eq!(delivered_to("a@b\n"), "Delivered-To: a@b\r\n");
        assert_eq!(mailbox(Some("A \"B\"\n"), "a@b"), "\"A \\\"B\\\"\" <a@b>");
        for (name, written) in [
            ("", "a@b"),
            ("A, B", "\"A, B\" <a@b>"),
            ("Jürgen", "=?utf-8?B?SsO8cmdlbg==?= <a@b>"),
        ] {
            assert_eq!(ascii_mailbox(Some(name), "a@b"), written);
        }
    }

    #[test]
    fn long_words_are_cut() {
        let text = field("X", &"a".repeat(5000));
        assert!(text.lines().all(|line| line.len() <= 998));
        assert_eq!(text.matches('a').count(), 5000);
    }
}
