//! `value; name=value; …` of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183), with RFC 2231 and the
//! liberties that mail programs take.

use crate::{
    charset::{self, Charset},
    part::Param,
    transfer,
};

/// Splits a field into what stands before the first `;`, comments taken out, and its parameters, RFC 2231 segments joined (see
/// [`Param`]). At most `limit` parameters or segments are looked at; the first of a name counts.
pub fn parse(value: &[u8], limit: usize) -> (String, Vec<Param>) {
    let mut cursor = Cursor {
        bytes: value,
        position: 0,
    };
    let head = cursor.head();
    let mut raw = Vec::new();
    while raw.len() < limit {
        let Some(param) = cursor.param() else { break };
        raw.push(param);
    }
    (head, join_segments(raw))
}

/// Text of an RFC 2231 extended value: `charset'language'percent-encoded`. Without the two quotes the whole is text.
pub fn decode_extended(value: &str) -> String {
    let mut fields = value.splitn(3, '\'');
    let (charset, text) = match (fields.next(), fields.next(), fields.next()) {
        (Some(charset), Some(_language), Some(text)) => (charset, text),
        _ => ("", value),
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (transfer::hex(*high), transfer::hex(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    let text = Charset::named(charset).decode(&bytes);
    // Control characters have no business in a file name, and line ends would end a header field.
    text.chars().filter(|c| !c.is_control()).collect()
}

/// `name*index*=value` as written.
struct Segment {
    base: String,
    index: Option<u32>,
    extended: bool,
    value: String,
}

impl Segment {
    fn new(name: &str, value: String) -> Self {
        let (stem, extended) = name
            .strip_suffix('*')
            .map_or((name, false), |stem| (stem, true));
        let (base, index) = match stem.rsplit_once('*') {
            Some((base, digits)) if !base.is_empty() => match digits.parse() {
                Ok(index) => (base, Some(index)),
                Err(_) => (stem, None),
            },
            _ => (stem, None),
        };
        Self {
            base: base.to_owned(),
            index,
            extended,
            value,
        }
    }
}

/// The number of segments is limited, which bounds the work of the searches here.
fn join_segments(raw: Vec<(String, String)>) -> Vec<Param> {
    let mut out: Vec<Param> = Vec::new();
    let mut continued: Vec<Segment> = Vec::new();
    for (name, value) in raw {
        let segment = Segment::new(&name, value);
        if segment.index.is_some() {
            continued.push(segment);
        } else if !out.iter().any(|param| param.name == name) {
            out.push(Param {
                name,
                value: segment.value,
            });
        }
    }
    continued.sort_by(|a, b| (&a.base, a.index).cmp(&(&b.base, b.index)));
    for group in continued.chunk_by(|a, b| a.base == b.base) {
        if let Some(param) = join(group)
            && !out.iter().any(|other| other.name == param.name)
        {
            out.push(param);
        }
    }
    out
}

/// Joins the segments of one name, sorted, up to the first gap. Some programs count from 1.
fn join(group: &[Segment]) -> Option<Param> {
    let first = group.first()?;
    let mut expected = first.index.filter(|index| *index <= 1)?;
    let mut taken: Vec<&Segment> = Vec::new();
    for segment in group {
        if segment.index == Some(expected) {
            taken.push(segment);
            expected += 1;
        } else if segment.index > Some(expected) {
            break;
        }
    }
    if !taken.iter().any(|segment| segment.extended) {
        return Some(Param {
            name: first.base.clone(),
            value: taken.iter().map(|segment| segment.value.as_str()).collect(),
        });
    }
    let mut value = String::new();
    if !first.extended {
        value.push_str("''");
    }
    for segment in &taken {
        if segment.extended {
            value.push_str(&segment.value);
        } else {
            percent_encode(&segment.value, &mut value);
        }
    }
    Some(Param {
        name: format!("{}*", first.base),
        value,
    })
}

/// `attribute-char` of RFC 2231 §7 stays, the rest is encoded.
fn percent_encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"*'%()<>@,;:\\\"/[]?=".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push('%');
            out.push(HEX[usize::from(byte >> 4)] as char);
            out.push(HEX[usize::from(byte & 15)] as char);
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    /// Lower case, white space and comments taken out. `text/plain charset=x`, its semicolon forgotten, ends before the blank.
    fn head(&mut self) -> String {
        let mut text: Vec<u8> = Vec::new();
        loop {
            let start = self.position;
            self.blanks();
            let Some(byte) = self.peek() else { break };
            let joined =
                start == self.position || byte == b'/' || matches!(text.last(), None | Some(b'/'));
            if byte == b';' || !joined {
                break;
            }
            if byte.is_ascii_graphic() || byte >= 0x80 {
                text.push(byte);
            }
            self.position += 1;
        }
        text.make_ascii_lowercase();
        charset::header_text(&text)
    }

    /// The next `name=value`, name in lower case; pieces without a name or `=` are skipped.
    fn param(&mut self) -> Option<(String, String)> {
        loop {
            self.skip_to_name();
            self.peek()?;
            let start = self.position;
            while self.peek().is_some_and(|byte| {
                !matches!(byte, b'=' | b';' | b'(') && !byte.is_ascii_whitespace()
            }) {
                self.position += 1;
            }
            let name = &self.bytes[start..self.position];
            self.blanks();
            if self.peek() != Some(b'=') || name.is_empty() || name.len() > MAX_NAME {
                // `;name;` or junk: on to the next `;`, quoted strings skipped whole.
                self.value();
                continue;
            }
            self.position += 1;
            self.blanks();
            let name = charset::header_text(&name.to_ascii_lowercase());
            let value = self.value();
            return Some((name, value));
        }
    }

    fn skip_to_name(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'(' => self.comment(),
                b';' => self.position += 1,
                _ if byte.is_ascii_whitespace() || byte == 0 => self.position += 1,
                _ => return,
            }
        }
    }

    fn blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'(' => self.comment(),
                _ if byte.is_ascii_whitespace() => self.position += 1,
                _ => return,
            }
        }
    }

    /// A value up to the next `;`: quoted, or bare and then with blanks inside it, which file names are given without quotes.
    fn value(&mut self) -> String {
        let mut text = Vec::new();
        if self.peek() == Some(b'"') {
            self.position += 1;
            while let Some(byte) = self.peek() {
                self.position += 1;
                match byte {
                    b'"' => break,
                    b'\\' => {
                        if let Some(next) = self.peek() {
                            text.push(next);
                            self.position += 1;
                        }
                    }
                    _ => text.push(byte),
                }
            }
            // What stands between the closing quote and the next `;` belongs to nothing.
            let rest = &self.bytes[self.position..];
            self.position += memchr::memchr(b';', rest).unwrap_or(rest.len());
            return charset::header_text(&text);
        }
        let rest: &'a [u8] = &self.bytes[self.position..];
        let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
        self.position += length;
        let value = rest[..length].trim_ascii();
        // `token (comment)`: only a comment set off by white space and closed at the end, so that `report (1).pdf` stays whole.
        let comment = memchr::memmem::find(value, b" (").filter(|_| value.ends_with(b")"));
        let value = comment.map_or(value, |at| value[..at].trim_ascii_end());
        charset::header_text(value)
    }

    /// Skips a comment, at whose `(` we stand, nested ones included. One that is never closed ends with the field.
    fn comment(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            self.position += 1;
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                b'\\' => self.position += 1,
                _ => {}
            }
        }
        // A backslash at the very end steps over it.
        self.position = self.position.min(self.bytes.len());
    }
}

const MAX_NAME: usize = 128;

#[cfg(test)]
mod tests;
