//! The start of the text, caught while it passes and made into the preview at the end.

use crate::{
    charset::Charset,
    html,
    part::Part,
    summary::Summary,
    transfer::{self, Encoding},
};

/// The first text/plain with something in it, and the first text/html should there be none.
#[derive(Debug, Default)]
pub(super) struct Previews {
    plain: Option<Capture>,
    html: Option<Capture>,
    /// Which of the two the lines go to.
    target: Target,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Target {
    #[default]
    None,
    Plain,
    Html,
}

/// Start of a part's body, still encoded.
#[derive(Debug)]
struct Capture {
    charset: Charset,
    encoding: Encoding,
    bytes: Vec<u8>,
    limit: usize,
}

impl Previews {
    /// A text part of the message itself begins.
    pub(super) fn begin_part(&mut self, part: &Part) {
        self.target = Target::None;
        if part.is_disposed_as_attachment() {
            return;
        }
        let (slot, target, limit) = match part.subtype.as_str() {
            "plain" => (&mut self.plain, Target::Plain, PLAIN_BYTES),
            "html" if self.plain.is_none() => (&mut self.html, Target::Html, HTML_BYTES),
            _ => return,
        };
        if slot.is_none() {
            *slot = Some(Capture {
                charset: Charset::named(part.charset().unwrap_or_default()),
                encoding: part.transfer_encoding(),
                bytes: Vec::new(),
                limit,
            });
            self.target = target;
        }
    }

    /// A line of the part that began last, or of what follows it.
    pub(super) fn line(&mut self, text: &[u8], ended: bool) {
        let capture = match self.target {
            Target::None => return,
            Target::Plain => &mut self.plain,
            Target::Html => &mut self.html,
        };
        let Some(capture) = capture else { return };
        let room = capture.limit - capture.bytes.len();
        capture
            .bytes
            .extend_from_slice(&text[..text.len().min(room)]);
        if ended && text.len() < room {
            capture.bytes.push(b'\n');
        }
        if capture.bytes.len() == capture.limit {
            self.target = Target::None;
        }
    }

    /// The part is over. One with nothing but white space gives way to the next.
    pub(super) fn end_part(&mut self) {
        let slot = match self.target {
            Target::None => return,
            Target::Plain => &mut self.plain,
            Target::Html => &mut self.html,
        };
        self.target = Target::None;
        if slot
            .as_ref()
            .is_some_and(|capture| capture.bytes.trim_ascii().is_empty())
        {
            *slot = None;
        }
    }

    /// The preview; empty when the message has no text.
    pub(super) fn finish(self) -> String {
        let plain = self
            .plain
            .map(|capture| squeeze(&capture.text(capture.bytes.len())));
        if let Some(text) = plain.filter(|text| !text.is_empty()) {
            return text;
        }
        let Some(capture) = self.html else {
            return String::new();
        };
        // Usually the beginning is enough; style sheets may make it all necessary.
        let mut text = String::new();
        for length in [HTML_BYTES / 8, HTML_BYTES] {
            let source = capture.text(length);
            text = squeeze(&html::to_text(&source, Summary::PREVIEW_CHARS * 8));
            if length >= capture.bytes.len() || text.chars().count() >= Summary::PREVIEW_CHARS {
                break;
            }
        }
        text
    }
}

impl Capture {
    fn text(&self, length: usize) -> String {
        let bytes = &self.bytes[..self.bytes.len().min(length)];
        let decoded = transfer::decode(self.encoding, bytes);
        let mut text = self.charset.decode(&decoded).into_owned();
        // The cut may have gone through a character.
        if bytes.len() == self.limit || bytes.len() < self.bytes.len() {
            let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER).len();
            text.truncate(whole);
        }
        text
    }
}

/// White space collapsed, invisible characters out, quoted lines out unless there is nothing else; at most
/// [`Summary::PREVIEW_CHARS`] characters.
fn squeeze(text: &str) -> String {
    let unquoted = collapse(text.lines().filter(|line| !line.starts_with('>')));
    if unquoted.is_empty() {
        collapse(text.lines())
    } else {
        unquoted
    }
}

fn collapse<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    let mut left = Summary::PREVIEW_CHARS;
    for word in lines.flat_map(str::split_whitespace) {
        let mut space = !out.is_empty();
        for character in word.chars().filter(|c| is_visible(*c)) {
            if std::mem::take(&mut space) {
                if left < 2 {
                    return out;
                }
                out.push(' ');
                left -= 1;
            }
            if left == 0 {
                return out;
            }
            out.push(character);
            left -= 1;
        }
    }
    out
}

/// Newsletters pad their first line with characters of no width.
fn is_visible(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Enough for 256 characters of three bytes in quoted-printable.
const PLAIN_BYTES: usize = 4 * 1024;
/// Enough to get past the style sheets that precede the text.
const HTML_BYTES: usize = 32 * 1024;
