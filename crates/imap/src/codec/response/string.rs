//! Strings: quoted where that is possible, else literals.

use bytes::{BufMut, BytesMut};

/// Bytes up to which a string is quoted; longer ones are literals, since clients bound the length of a line.
const MAX_QUOTED: usize = 1_000;

/// `string` of RFC 9051 §9. With `utf8` (IMAP4rev2, or UTF8=ACCEPT) a quoted string may hold UTF-8, else what is not ASCII goes
/// into a literal.
///
/// A NUL, which no string can hold, becomes U+FFFD.
pub fn write_string(out: &mut BytesMut, text: &str, utf8: bool) {
    let bytes = text.as_bytes();
    if bytes.len() > MAX_QUOTED {
        return write_literal(out, text);
    }
    let seen = bytes.iter().fold(0, |seen, byte| seen | class(*byte));
    if seen & BREAKS != 0 || (seen & EIGHT_BIT != 0 && !utf8) {
        write_literal(out, text);
    } else if seen & ESCAPED != 0 {
        write_escaped(out, bytes);
    } else {
        out.reserve(bytes.len() + 2);
        out.put_u8(b'"');
        out.put_slice(bytes);
        out.put_u8(b'"');
    }
}

/// `nstring` of RFC 9051 §9: a string or NIL.
pub fn write_nstring(out: &mut BytesMut, text: Option<&str>, utf8: bool) {
    match text {
        Some(text) => write_string(out, text, utf8),
        None => out.put_slice(b"NIL"),
    }
}

/// A number in decimal.
pub(super) fn write_number(out: &mut BytesMut, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.put_slice(&digits[start..]);
}

const ESCAPED: u8 = 1;
const BREAKS: u8 = 1 << 1;
const EIGHT_BIT: u8 = 0x80;

/// Written so that the compiler can look at many bytes at once.
#[inline]
fn class(byte: u8) -> u8 {
    let escaped = u8::from(byte == b'"') | u8::from(byte == b'\\');
    let breaks = u8::from(byte == b'\r') | u8::from(byte == b'\n') | u8::from(byte == 0);
    (escaped * ESCAPED) | (breaks * BREAKS) | (byte & EIGHT_BIT)
}

fn write_escaped(out: &mut BytesMut, mut bytes: &[u8]) {
    out.put_u8(b'"');
    while let Some(at) = memchr::memchr2(b'"', b'\\', bytes) {
        let (before, rest) = bytes.split_at(at);
        out.put_slice(before);
        out.put_u8(b'\\');
        out.put_slice(&rest[..1]);
        bytes = &rest[1..];
    }
    out.put_slice(bytes);
    out.put_u8(b'"');
}

#[cold]
fn write_literal(out: &mut BytesMut, text: &str) {
    const REPLACED: &str = "\u{fffd}";
    let bytes = text.as_bytes();
    let nuls = memchr::memchr_iter(0, bytes).count();
    out.put_u8(b'{');
    write_number(out, (bytes.len() + nuls * (REPLACED.len() - 1)) as u64);
    out.put_slice(b"}\r\n");
    for (index, piece) in text.split('\0').enumerate() {
        if index > 0 {
            out.put_slice(REPLACED.as_bytes());
        }
        out.put_slice(piece.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str, utf8: bool) -> String {
        let mut out = BytesMut::new();
        write_string(&mut out, text, utf8);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn quoted_where_possible() {
        assert_eq!(string("", false), "\"\"");
        assert_eq!(string("NIL", false), "\"NIL\"");
        assert_eq!(string("a\tb\x7f", false), "\"a\tb\x7f\"");
        assert_eq!(string("\"x\\y\"z", false), r#""\"x\\y\"z""#);
        assert_eq!(string("Grüße", true), "\"Grüße\"");
        assert_eq!(string(&"x".repeat(1_000), true).len(), 1_002);
    }

    #[test]
    fn literals_else() {
        assert_eq!(string("Grüße", false), "{7}\r\nGrüße");
        assert_eq!(string("a\r\nb", true), "{4}\r\na\r\nb");
        assert_eq!(string("a\nb", true), "{3}\r\na\nb");
        assert_eq!(string("\0a\0", true), "{7}\r\n\u{fffd}a\u{fffd}");
        let long = "\"".repeat(1_001);
        assert_eq!(string(&long, true), format!("{{1001}}\r\n{long}"));
    }

    #[test]
    fn nil() {
        let mut out = BytesMut::new();
        write_nstring(&mut out, None, false);
        write_nstring(&mut out, Some("NIL"), false);
        assert_eq!(&out[..], b"NIL\"NIL\"");
    }

    #[test]
    fn numbers() {
        for number in [0, 9, 10, 12_345, u64::MAX] {
            let mut out = BytesMut::new();
            write_number(&mut out, number);
            assert_eq!(&out[..], number.to_string().as_bytes());
        }
    }
}
