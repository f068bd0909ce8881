//! Fields of a header that is at hand as bytes: for fetches by field name, and for fields that no summary keeps.
//!
//! The reading is the scanner's: see [`Scanner`](crate::Scanner) for what odd headers mean.

use memchr::memchr;

use crate::{
    address::{self, Address, Room},
    charset, encoded_word,
};

/// A field where it stands in the header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field<'a> {
    /// The whole field, name, folds and last line end included.
    pub raw: &'a [u8],
    /// Name as written.
    pub name: &'a [u8],
    /// Value as written, folded, without its line end.
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether the field has that name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Value in one line: line ends out, the blanks after them kept (RFC 5322 §2.2.3); other charsets than UTF-8 read as
    /// windows-1252.
    pub fn unfolded(&self) -> String {
        charset::header_text(self.value.trim_ascii())
    }

    /// Value in one line with RFC 2047 words decoded.
    pub fn decoded(&self) -> String {
        encoded_word::decode(&self.unfolded()).into_owned()
    }

    /// Value as an address list.
    pub fn addresses(&self, room: Room) -> Vec<Address> {
        address::parse(self.value, room)
    }
}

/// The fields of a header, in order. What follows an empty line is not looked at; lines that are no field are skipped.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        loop {
            let line_length = line_length(rest);
            let line = &rest[..line_length];
            if without_line_end(line).is_empty() {
                return None;
            }
            let Some((name, _)) = split(line) else {
                rest = &rest[line_length..];
                continue;
            };
            let mut length = line_length;
            while matches!(rest.get(length), Some(b' ' | b'\t')) {
                length += self::line_length(&rest[length..]);
            }
            let (raw, tail) = rest.split_at(length);
            rest = tail;
            let colon = memchr(b':', raw).map_or(raw.len(), |at| at + 1);
            return Some(Field {
                raw,
                name,
                value: without_line_end(&raw[colon..]),
            });
        }
    })
}

/// The first field of that name, in any case.
pub fn find<'a>(header: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(header).find(|field| field.is(name))
}

/// Length of the header that `message` begins with, the empty line that ends it included: the scanner's
/// [`header_len`](crate::Summary::header_len).
pub fn length(message: &[u8]) -> usize {
    let mut at = 0;
    let mut any_field = false;
    while at < message.len() {
        let line = &message[at..at + line_length(&message[at..])];
        let text = without_line_end(line);
        if text.is_empty() {
            return at + line.len();
        }
        if split(text).is_some() {
            any_field = true;
        } else if !any_field && !is_mailbox_from_line(text) {
            return at;
        }
        at += line.len();
    }
    at
}

/// Name and value of a line that opens a field (`field-name *WSP ":"`, RFC 5322 §2.2 and §4.5); the value's leading blanks are kept off.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', &line[..line.len().min(MAX_NAME)])?;
    let name = line[..colon].trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    Some((name, line[colon + 1..].trim_ascii_start()))
}

/// `From alice@demo.test Mon Nov 23 …`, which mailbox files put before a message, quoted or not.
pub(crate) fn is_mailbox_from_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

fn line_length(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

fn without_line_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    }
}

/// Longest name taken for one.
const MAX_NAME: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From x Mon\r\nReceived: by a;\r\n Mon, 1\r\nSUBJECT : =?utf-8?Q?gr=C3=BCn?=\r\n\t =?utf-8?Q?er?= Tee\r\n\
        garbage\r\nTo: a@b\nsubject: second\r\n\r\nSubject: body\r\n";

    #[test]
    fn fields_in_order() {
        let names: Vec<_> = fields(HEADER).map(|field| field.name).collect();
        assert_eq!(names, [&b"Received"[..], b"SUBJECT", b"To", b"subject"]);
        let subject = find(HEADER, "subject").unwrap();
        assert_eq!(
            subject.unfolded(),
            "=?utf-8?Q?gr=C3=BCn?=\t =?utf-8?Q?er?= Tee"
        );
        assert_eq!(subject.decoded(), "grüner Tee");
        assert_eq!(find(HEADER, "to").unwrap().raw, b"To: a@b\n");
        assert!(find(HEADER, "x").is_none());
    }

    #[test]
    fn length_is_the_scanners() {
        for message in [
            HEADER,
            b"",
            b"\r\nbody",
            b"no header",
            b"A: b",
            b"A: b\r\n",
            b"A: b\n\nc",
            b" A: b\r\n\r\n",
            b"A: b\r\njunk\r\n\r\nx",
        ] {
            let mut scanner = crate::Scanner::new(crate::Limits::default());
            scanner.push(message);
            assert_eq!(scanner.finish().header_len, length(message) as u64);
        }
    }
}
