//! The body as a reader sees it: which parts are the text, and their text in UTF-8.

use crate::{
    charset::{self, Charset},
    html,
    part::{Content, Part},
    transfer,
};

/// Which parts make the body, by the rules of RFC 8621 §4.1.4: two versions of it, and what belongs to neither.
///
/// Where a message has only one version, both lists have it: a part of [`Bodies::text`] may be text/html, to be turned into text by
/// [`TextReader`]. Pictures and sound that stand between texts are in the lists too.
#[derive(Clone, Debug, Default)]
pub struct Bodies<'a> {
    /// Parts to show a reader who prefers plain text, in order.
    pub text: Vec<&'a Part>,
    /// Parts to show a reader who prefers HTML, in order.
    pub html: Vec<&'a Part>,
    /// All other leaves: files, attached messages, pictures that the HTML refers to.
    pub attachments: Vec<&'a Part>,
}

impl<'a> Bodies<'a> {
    /// Sorts the leaves of a message.
    pub fn of(root: &'a Part) -> Self {
        let mut bodies = Self::default();
        bodies.sort(std::slice::from_ref(root), "mixed", false, true, true);
        bodies
    }

    /// The first text of the plain version: text/plain, or what has to do instead.
    pub fn first_text(&self) -> Option<&'a Part> {
        let mut texts = self.text.iter().filter(|part| part.media_type == "text");
        let plain = texts.clone().find(|part| part.subtype == "plain");
        plain.or_else(|| texts.next()).copied()
    }

    /// The first text/html of the HTML version, if the message has one.
    pub fn first_html(&self) -> Option<&'a Part> {
        let mut parts = self.html.iter();
        parts.find(|part| part.is("text", "html")).copied()
    }

    /// `into_text` and `into_html` say whether the parts at hand may still be part of that version. Depth is bounded by
    /// [`Limits::MAX_DEPTH`](crate::Limits::MAX_DEPTH).
    fn sort(
        &mut self,
        parts: &'a [Part],
        multipart: &str,
        in_alternative: bool,
        mut into_text: bool,
        mut into_html: bool,
    ) {
        let (texts, htmls) = (self.text.len(), self.html.len());
        for (index, part) in parts.iter().enumerate() {
            if let Content::Multipart(children) = &part.content {
                let alternative = in_alternative || part.subtype == "alternative";
                self.sort(children, &part.subtype, alternative, into_text, into_html);
                continue;
            }
            let plain = part.is("text", "plain");
            let is_html = part.is("text", "html");
            let media = matches!(part.media_type.as_str(), "image" | "audio" | "video");
            let inline = !part.is_disposed_as_attachment()
                && (plain || is_html || media)
                && (index == 0
                    || (multipart != "related" && (media || part.file_name().is_none())));
            if !inline {
                self.attachments.push(part);
                continue;
            }
            if multipart == "alternative" {
                match (plain, is_html) {
                    (true, _) => self.text.push(part),
                    (_, true) => self.html.push(part),
                    _ => self.attachments.push(part),
                }
                continue;
            }
            if in_alternative {
                into_html &= !plain;
                into_text &= !is_html;
            }
            if into_text {
                self.text.push(part);
            }
            if into_html {
                self.html.push(part);
            }
            if media && !(into_text && into_html) {
                self.attachments.push(part);
            }
        }
        if multipart == "alternative" && into_text && into_html {
            // A version that is missing here takes what the other has.
            if self.text.len() == texts && self.html.len() > htmls {
                self.text.extend_from_slice(&self.html[htmls..]);
            } else if self.html.len() == htmls && self.text.len() > texts {
                self.html.extend_from_slice(&self.text[texts..]);
            }
        }
    }
}

/// Turns the body of one text part, fed as it lies in the message, into UTF-8. It holds at most the text asked for.
///
/// Line ends stay as they are in the part.
pub struct TextReader {
    transfer: transfer::Decoder,
    charset: CharsetState,
    limit: usize,
    text: String,
    size: u64,
    scratch: Vec<u8>,
}

/// Decided with the first bytes, as an HTML document may name its charset itself.
enum CharsetState {
    Undecided(Vec<u8>),
    Decided(charset::Decoder),
}

/// What a [`TextReader`] made of a part.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Text {
    /// The text, cut at a character's boundary.
    pub text: String,
    /// Size of the whole text in bytes of UTF-8, as far as it was fed.
    pub size: u64,
}

impl Text {
    /// Whether something was cut off.
    pub fn is_truncated(&self) -> bool {
        self.size > self.text.len() as u64
    }
}

impl TextReader {
    /// A reader for `part` that keeps no more than `limit` bytes of text.
    pub fn new(part: &Part, limit: usize) -> Self {
        let declared = Charset::named(part.charset().unwrap_or_default());
        let undecided = declared == Charset::Guess && part.subtype == "html";
        Self {
            transfer: transfer::Decoder::new(part.transfer_encoding()),
            charset: if undecided {
                CharsetState::Undecided(Vec::new())
            } else {
                CharsetState::Decided(charset::Decoder::new(declared))
            },
            limit,
            text: String::new(),
            size: 0,
            scratch: Vec::new(),
        }
    }

    /// Takes the next bytes of the part's body. False once the limit is reached: what comes after only counts in [`Text::size`].
    pub fn push(&mut self, raw: &[u8]) -> bool {
        // In pieces, so that memory stays bounded whatever the caller has at hand.
        for piece in raw.chunks(PIECE) {
            self.scratch.clear();
            self.transfer.push(piece, &mut self.scratch);
            self.decode(false);
        }
        self.size <= self.limit as u64
    }

    /// The text.
    pub fn finish(mut self) -> Text {
        self.scratch.clear();
        let transfer = std::mem::take(&mut self.transfer);
        transfer.finish(&mut self.scratch);
        self.decode(true);
        Text {
            text: self.text,
            size: self.size,
        }
    }

    fn decode(&mut self, last: bool) {
        if let CharsetState::Undecided(held) = &mut self.charset {
            held.append(&mut self.scratch);
            if held.len() < SNIFF && !last {
                return;
            }
            self.scratch = std::mem::take(held);
            let charset = charset_in_html(&self.scratch).unwrap_or(Charset::Guess);
            self.charset = CharsetState::Decided(charset::Decoder::new(charset));
        }
        let CharsetState::Decided(decoder) = &mut self.charset else {
            return;
        };
        let before = self.text.len();
        let complete = self.size == before as u64;
        decoder.push(&self.scratch, last, &mut self.text);
        self.size += (self.text.len() - before) as u64;
        if complete {
            self.text
                .truncate(self.text.floor_char_boundary(self.limit));
        } else {
            self.text.truncate(before);
        }
    }
}

/// Plain text of a part that is text/html, or of any other text as it is, cut to `limit` bytes.
pub fn plain_text(part: &Part, text: &str, limit: usize) -> String {
    let mut plain = if part.subtype == "html" {
        html::to_text(text, limit)
    } else {
        text.to_owned()
    };
    plain.truncate(plain.floor_char_boundary(limit));
    plain
}

/// The charset that a document's beginning names in `<meta charset=…>` or `<meta … content="text/html; charset=…">`.
fn charset_in_html(document: &[u8]) -> Option<Charset> {
    let start = document[..document.len().min(SNIFF)].to_ascii_lowercase();
    let meta = memchr::memmem::find(&start, b"<meta")?;
    let at = memchr::memmem::find(&start[meta..], b"charset=")? + meta + b"charset=".len();
    let name: Vec<u8> = start[at..]
        .iter()
        .copied()
        .skip_while(|byte| matches!(byte, b'"' | b'\'' | b' '))
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(byte))
        .collect();
    let charset = Charset::named(str::from_utf8(&name).ok()?);
    // A document read as bytes up to here cannot be in UTF-16.
    match charset {
        Charset::Known(encoding) if !encoding.is_ascii_compatible() => None,
        Charset::Guess => None,
        _ => Some(charset),
    }
}

const PIECE: usize = 16 * 1024;
const SNIFF: usize = 1024;

#[cfg(test)]
mod tests;
