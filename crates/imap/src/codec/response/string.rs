//! Strings: quoted where that is possible, else literals.

use std::ops::Range;

use bytes::{BufMut, BytesMut};

/// Bytes up to which a string is quoted; longer ones are literals, since clients bound the length of a line.
const MAX_QUOTED: usize = 1_000;

/// Bytes that [`Out`] makes room for at a time.
const ROOM: usize = 1_024;

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

/// What writes many short strings in a row: it makes room ahead, so that a byte costs no more than storing it.
pub(super) struct Out<'o> {
    bytes: &'o mut BytesMut,
    /// Where what is written begins.
    start: usize,
    /// Where it ends so far; behind it is room.
    end: usize,
    utf8: bool,
}

impl<'o> Out<'o> {
    pub(super) fn new(bytes: &'o mut BytesMut, utf8: bool) -> Self {
        let start = bytes.len();
        Self {
            bytes,
            start,
            end: start,
            utf8,
        }
    }

    /// Keeps what was written, or after an error nothing.
    pub(super) fn finish<E>(self, written: Result<(), E>) -> Result<(), E> {
        let length = if written.is_ok() {
            self.end
        } else {
            self.start
        };
        self.bytes.truncate(length);
        written
    }

    /// The next `length` bytes, to be filled.
    #[inline]
    fn take(&mut self, length: usize) -> &mut [u8] {
        let start = self.end;
        self.end += length;
        if self.end > self.bytes.len() {
            self.grow();
        }
        &mut self.bytes[start..self.end]
    }

    #[cold]
    fn grow(&mut self) {
        self.bytes.resize(self.end + ROOM, 0);
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.take(1)[0] = byte;
    }

    /// For short constants.
    #[inline]
    pub(super) fn put<const N: usize>(&mut self, text: &[u8; N]) {
        self.take(N).copy_from_slice(text);
    }

    pub(super) fn nil(&mut self) {
        self.put(b"NIL");
    }

    pub(super) fn number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let digits = decimal(&mut digits, number);
        self.take(digits.len()).copy_from_slice(digits);
    }

    /// [`write_string`].
    #[inline]
    pub(super) fn string(&mut self, text: &str) {
        let start = self.end;
        let length = text.len();
        if length <= MAX_QUOTED {
            let room = self.take(length + 2);
            room[0] = b'"';
            room[length + 1] = b'"';
            if copy_plain(&mut room[1..=length], text.as_bytes()) {
                return;
            }
        }
        self.end = start;
        self.odd_string(text);
    }

    #[cold]
    fn odd_string(&mut self, text: &str) {
        self.bytes.truncate(self.end);
        write_string(self.bytes, text, self.utf8);
        self.end = self.bytes.len();
    }

    /// [`write_nstring`].
    #[inline]
    pub(super) fn nstring(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None => self.nil(),
        }
    }

    /// How much has been written.
    pub(super) fn position(&self) -> usize {
        self.end
    }

    /// Writes once more what was written at `range`, as [`Out::position`] told it.
    pub(super) fn repeat(&mut self, range: Range<usize>) {
        let to = self.end;
        self.take(range.len());
        self.bytes.copy_within(range, to);
    }
}

/// Copies text of which every byte can stand in quotes as it is; tells whether it is that.
#[inline]
fn copy_plain(to: &mut [u8], from: &[u8]) -> bool {
    let (words, last) = from.as_chunks::<8>();
    let (room, last_room) = to.as_chunks_mut::<8>();
    let mut odd = 0;
    for (room, word) in room.iter_mut().zip(words) {
        *room = *word;
        odd |= odd_bytes(u64::from_le_bytes(*word));
    }
    let mut word = [b' '; 8];
    for ((room, word), byte) in last_room.iter_mut().zip(&mut word).zip(last) {
        *room = *byte;
        *word = *byte;
    }
    odd | odd_bytes(u64::from_le_bytes(word)) == 0
}

/// Not 0 if a byte of `word` is not ASCII, a control character, a quote or a backslash.
#[inline]
fn odd_bytes(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // A byte below `limit` borrows from its highest bit, unless that was set, which is odd as well.
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
    let quote = below(word ^ (EACH * 0x22), 1);
    let backslash = below(word ^ (EACH * 0x5c), 1);
    (word | quote | backslash | below(word, 0x20)) & (EACH * 0x80)
}

/// A number in decimal, at the end of `digits`.
fn decimal(digits: &mut [u8; 20], mut number: u64) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
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
    let length = bytes.len() + nuls * (REPLACED.len() - 1);
    out.put_slice(decimal(&mut [0; 20], length as u64));
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
            assert_eq!(decimal(&mut [0; 20], number), number.to_string().as_bytes());
        }
    }

    /// Each byte in each place of a word and of what is left behind the words.
    #[test]
    fn many_strings_in_a_row() {
        for utf8 in [false, true] {
            let mut one_by_one = BytesMut::from("* ");
            let mut at_once = BytesMut::from("* ");
            let mut out = Out::new(&mut at_once, utf8);
            for character in (0..=0x100).filter_map(char::from_u32) {
                for place in 0..12 {
                    let text = format!("{:place$}{character}{:2$}", "", "", 11 - place);
                    write_nstring(&mut one_by_one, Some(&text), utf8);
                    out.nstring(Some(&text));
                }
            }
            let long = "x".repeat(3_000);
            write_string(&mut one_by_one, &long, utf8);
            write_string(&mut one_by_one, &long[..1_000], utf8);
            write_nstring(&mut one_by_one, None, utf8);
            out.string(&long);
            out.string(&long[..1_000]);
            out.nstring(None);
            assert_eq!(out.finish(Ok::<_, ()>(())), Ok(()));
            assert_eq!(one_by_one, at_once);
        }
    }
}
