//! The `relaxed` canonical forms (RFC 6376 §3.4.2, §3.4.4).

use sha2::{Digest as _, Sha256};

/// Appends the canonical form of a header field, with its CRLF: name in lower case, unfolded, runs of blanks one space, none at
/// either end of the value.
pub(super) fn field(raw: &[u8], out: &mut Vec<u8>) {
    let colon = memchr::memchr(b':', raw).unwrap_or(raw.len());
    let (name, value) = raw.split_at(colon);
    out.extend(name.trim_ascii().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let mut blank = false;
    let mut any = false;
    for byte in value.iter().skip(1) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => blank = true,
            byte => {
                if blank && any {
                    out.push(b' ');
                }
                (blank, any) = (false, true);
                out.push(*byte);
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The hash over a body in its canonical form: runs of blanks are one space, blanks at the ends of lines and empty lines at the
/// end of the body do not count.
#[derive(Clone, Debug)]
pub(super) struct BodyHash {
    hash: Sha256,
    /// Blanks that count only if something follows on the line.
    blank: bool,
    /// Empty lines that count only if something follows.
    empty_lines: u64,
    /// Whether the line in hand has something on it.
    is_open: bool,
}

impl BodyHash {
    pub(super) fn new() -> Self {
        Self {
            hash: Sha256::new(),
            blank: false,
            empty_lines: 0,
            is_open: false,
        }
    }

    /// Takes the next bytes. A CR counts with its LF only: a message has no other.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some(first) = bytes.first() {
            match first {
                b'\n' => {
                    if self.is_open {
                        self.hash.update(b"\r\n");
                    } else {
                        self.empty_lines += 1;
                    }
                    (self.is_open, self.blank) = (false, false);
                    bytes = &bytes[1..];
                }
                b' ' | b'\t' => {
                    self.blank = true;
                    bytes = &bytes[1..];
                }
                b'\r' => bytes = &bytes[1..],
                _ => {
                    let end = bytes
                        .iter()
                        .position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
                    let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
                    for _ in 0..std::mem::take(&mut self.empty_lines) {
                        self.hash.update(b"\r\n");
                    }
                    if std::mem::take(&mut self.blank) {
                        self.hash.update(b" ");
                    }
                    self.hash.update(text);
                    self.is_open = true;
                    bytes = rest;
                }
            }
        }
    }

    /// The hash of all that was pushed.
    pub(super) fn finish(mut self) -> [u8; 32] {
        if self.is_open {
            self.hash.update(b"\r\n");
        }
        self.hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(pieces: &[&[u8]]) -> [u8; 32] {
        let mut body = BodyHash::new();
        pieces.iter().for_each(|piece| body.push(piece));
        body.finish()
    }

    /// The example of RFC 6376 §3.4.5.
    #[test]
    fn the_rfcs_example() {
        let mut out = Vec::new();
        field(b"A: X\r\n", &mut out);
        field(b"B : Y\t\r\n\tZ  \r\n", &mut out);
        assert_eq!(out, b"a:X\r\nb:Y Z\r\n");
        let body = b" C \r\nD \t E\r\n\r\n\r\n";
        let expected: [u8; 32] = Sha256::digest(b" C\r\nD E\r\n").into();
        for cut in 0..body.len() {
            assert_eq!(
                hash(&[&body[..cut], &body[cut..]]),
                expected,
                "cut at {cut}"
            );
        }
        assert_eq!(hash(&[b"\r\n\r\n"]), <[u8; 32]>::from(Sha256::digest(b"")));
        assert_eq!(hash(&[b"a"]), <[u8; 32]>::from(Sha256::digest(b"a\r\n")));
        assert_eq!(
            hash(&[b"a\r\n\r\nb\r\n"]),
            <[u8; 32]>::from(Sha256::digest(b"a\r\n\r\nb\r\n"))
        );
    }
}
