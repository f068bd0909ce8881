//! RFC 2047 words in header text.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{charset::Charset, transfer};

/// Writes a text for a field that may hold no more than ASCII: as it is, if it is printable ASCII and could not be taken for an encoded word;
/// else in encoded words of at most 75 characters, each whole in itself (RFC 2047 §2, §5), between blanks that [`compose::field`] folds at.
///
/// [`compose::field`]: crate::compose::field
pub fn encode(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain && !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    // `=?utf-8?B??=` and four characters for three octets.
    const OCTETS: usize = 45;
    let mut words = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(OCTETS));
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str("=?utf-8?B?");
        STANDARD.encode_string(word, &mut words);
        words.push_str("?=");
        rest = after;
    }
    Cow::Owned(words)
}

/// Decodes all encoded words of an unfolded field. White space between two of them goes (RFC 2047 §6.2), and words of one
/// charset that follow each other are joined before they are decoded, since programs cut characters in two.
pub fn decode(text: &str) -> Cow<'_, str> {
    if memchr::memmem::find(text.as_bytes(), b"=?").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut run: Option<Run> = None;
    let mut rest = text;
    // Text not yet copied that will go if another encoded word follows.
    let mut gap = "";
    while let Some(at) = memchr::memmem::find(rest.as_bytes(), b"=?") {
        let Some(word) = Word::at_start(&rest.as_bytes()[at..]) else {
            // `=?` that opens nothing is text.
            if let Some(run) = run.take() {
                run.flush(&mut out);
                out.push_str(gap);
                gap = "";
            }
            let cut = at + 2;
            out.push_str(&rest[..cut]);
            rest = &rest[cut..];
            continue;
        };
        let between = &rest[..at];
        if let Some(previous) = run.take() {
            gap = between;
            if !between.trim_ascii().is_empty() {
                previous.flush(&mut out);
                out.push_str(gap);
            } else if previous.charset == word.charset() {
                run = Some(previous);
            } else {
                previous.flush(&mut out);
            }
            gap = "";
        } else {
            out.push_str(between);
        }
        let current = run.get_or_insert_with(|| Run {
            charset: word.charset(),
            bytes: Vec::new(),
        });
        word.decode(&mut current.bytes);
        rest = &rest[at + word.length..];
    }
    if let Some(run) = run {
        run.flush(&mut out);
    }
    out.push_str(gap);
    out.push_str(rest);
    Cow::Owned(out)
}

/// Decodes a raw field value: unfolded first, bytes that are not UTF-8 read as windows-1252.
pub fn decode_bytes(value: &[u8]) -> String {
    let text = crate::charset::header_text(value);
    decode(&text).into_owned()
}

/// Length of the encoded word that `bytes` begin with.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    Word::at_start(bytes).map(|word| word.length)
}

/// Decoded bytes of adjacent words of one charset.
struct Run {
    charset: Charset,
    bytes: Vec<u8>,
}

impl Run {
    fn flush(self, out: &mut String) {
        // Line ends and NUL in a word are an attempt at something.
        out.extend(
            self.charset
                .decode(&self.bytes)
                .chars()
                .filter(|c| !matches!(c, '\r' | '\n' | '\0')),
        );
    }
}

/// `=?charset?encoding?text?=`
struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    length: usize,
}

impl<'a> Word<'a> {
    fn at_start(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(b"=?")?;
        let charset_end = rest
            .iter()
            .take(MAX_CHARSET)
            .position(|byte| !byte.is_ascii_graphic() || *byte == b'?')?;
        let charset = &rest[..charset_end];
        let rest = rest[charset_end..].strip_prefix(b"?")?;
        let (&encoding, rest) = rest.split_first()?;
        let base64 = match encoding {
            b'b' | b'B' => true,
            b'q' | b'Q' => false,
            _ => return None,
        };
        let text = rest.strip_prefix(b"?")?;
        // A `?` inside Q text is not allowed and common: only `?=` ends the word. Blanks are tolerated for the same reason.
        let text_end = memchr::memmem::find(&text[..text.len().min(MAX_TEXT)], b"?=")?;
        let after = charset_end + 5;
        Some(Self {
            charset,
            base64,
            text: &text[..text_end],
            length: after + text_end + 2,
        })
    }

    /// RFC 2231 §5 adds `*language` to the charset.
    fn charset(&self) -> Charset {
        let name = self.charset.split(|byte| *byte == b'*').next();
        Charset::named(&String::from_utf8_lossy(name.unwrap_or_default()))
    }

    fn decode(&self, out: &mut Vec<u8>) {
        if self.base64 {
            out.extend(transfer::decode(transfer::Encoding::Base64, self.text));
            return;
        }
        let mut rest = self.text;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            match byte {
                b'_' => out.push(b' '),
                b'=' => match tail {
                    [high, low, after @ ..] => match (transfer::hex(*high), transfer::hex(*low)) {
                        (Some(high), Some(low)) => {
                            out.push(high << 4 | low);
                            rest = after;
                        }
                        _ => out.push(byte),
                    },
                    _ => out.push(byte),
                },
                _ => out.push(byte),
            }
        }
    }
}

const MAX_CHARSET: usize = 64;
/// RFC 2047 allows 75; some programs put a whole subject into one word.
const MAX_TEXT: usize = 2048;

#[cfg(test)]
mod tests;
