//! HTML to plain text, for previews and for readers that take no HTML.
//!
//! Not a parser: one pass over the bytes that knows which elements break lines, hide their content or keep white space.
//! Nothing is nested, so depth costs nothing; each byte is looked at a fixed number of times, so time is linear.

mod entities;

use memchr::memchr;

/// Text of a document or fragment, lines ended by LF, stopping soon after `limit` bytes of text.
pub fn to_text(html: &str, limit: usize) -> String {
    let mut reader = Reader {
        rest: html,
        quotes_left: [true; 2],
        text: Text::default(),
    };
    while reader.text.out.len() < limit && reader.step() {}
    reader.text.finish()
}

struct Reader<'a> {
    rest: &'a str,
    /// Whether a closing `"` or `'` may still come: once a search for one has failed, none is made again.
    quotes_left: [bool; 2],
    text: Text,
}

impl<'a> Reader<'a> {
    /// Takes text up to a tag, or a tag with what it hides. False at the end.
    fn step(&mut self) -> bool {
        let bytes = self.rest.as_bytes();
        match (bytes.first(), bytes.get(1)) {
            (None, _) => return false,
            (Some(b'<'), Some(b'!' | b'?')) => self.declaration(),
            (Some(b'<'), Some(b'/' | b'a'..=b'z' | b'A'..=b'Z')) => self.tag(),
            (Some(b'<'), _) => {
                self.text.push_str("<");
                self.rest = &self.rest[1..];
            }
            (Some(_), _) => {
                // A bounded piece, so that the limit on the output is seen in time.
                let window = &self.rest[..self.rest.floor_char_boundary(TEXT_PIECE)];
                let mut length = memchr(b'<', window.as_bytes()).unwrap_or(window.len());
                // A character reference is not cut in two.
                if length == window.len()
                    && window.len() < self.rest.len()
                    && let Some(reference) = window.rfind('&').filter(|at| *at > 0)
                    && window.len() - reference < entities::LONGEST
                {
                    length = reference;
                }
                self.text.push_html(&window[..length]);
                self.rest = &self.rest[length..];
            }
        }
        true
    }

    /// Comments, doctypes, processing instructions.
    fn declaration(&mut self) {
        let body = self.rest.strip_prefix("<!--");
        let end = match body {
            // `<!-->` and `<!--->` are whole comments.
            Some(body) if body.starts_with('>') => Some(5),
            Some(body) if body.starts_with("->") => Some(6),
            Some(body) => memchr::memmem::find(body.as_bytes(), b"-->").map(|at| 4 + at + 3),
            None => memchr(b'>', self.rest.as_bytes()).map(|at| at + 1),
        };
        self.skip(end);
    }

    fn tag(&mut self) {
        let closing = self.rest.as_bytes().get(1) == Some(&b'/');
        let name_start = if closing { 2 } else { 1 };
        let after = &self.rest[name_start..];
        let name_length = after
            .bytes()
            .position(|byte| !byte.is_ascii_alphanumeric())
            .unwrap_or(after.len());
        let name = &after[..name_length];
        let element = Element::named(name);
        let end = self.tag_end(name_start + name_length);
        self.skip(end);
        match element {
            Element::Hidden if !closing => self.skip_element(name),
            Element::Break => self.text.line_break(),
            Element::Block => self.text.block(1),
            Element::Paragraph => self.text.block(2),
            Element::Item => {
                self.text.block(1);
                if !closing {
                    self.text.item();
                }
            }
            Element::Cell => self.text.space(),
            Element::Preformatted => {
                self.text.block(2);
                self.text.preformatted = !closing;
            }
            Element::Hidden | Element::Inline => {}
        }
    }

    /// Where the tag ends: at its `>`, those in quoted attribute values apart. A quote that is never closed is no quote.
    fn tag_end(&mut self, from: usize) -> Option<usize> {
        let bytes = self.rest.as_bytes();
        let mut at = from;
        loop {
            let found = memchr::memchr3(b'>', b'"', b'\'', &bytes[at..])? + at;
            let quote = bytes[found];
            if quote == b'>' {
                return Some(found + 1);
            }
            at = found + 1;
            let open = bytes[from..found].trim_ascii_end().ends_with(b"=");
            let index = usize::from(quote == b'\'');
            if open && self.quotes_left[index] {
                match memchr(quote, &bytes[at..]) {
                    Some(length) => at += length + 1,
                    None => self.quotes_left[index] = false,
                }
            }
        }
    }

    /// Skips to the end tag of an element whose content is not text; to the end of the document if there is none.
    fn skip_element(&mut self, name: &str) {
        let bytes = self.rest.as_bytes();
        let end = memchr::memmem::find_iter(bytes, b"</").find(|at| {
            bytes
                .get(at + 2..at + 2 + name.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        });
        self.skip(end);
    }

    fn skip(&mut self, to: Option<usize>) {
        let rest: &'a str = self.rest;
        self.rest = to.and_then(|to| rest.get(to..)).unwrap_or_default();
    }
}

/// What an element does to the text.
#[derive(Clone, Copy)]
enum Element {
    Inline,
    Break,
    Block,
    Paragraph,
    Item,
    Cell,
    Preformatted,
    Hidden,
}

impl Element {
    fn named(name: &str) -> Self {
        let mut lower = [0u8; 10];
        let Some(lower) = lower.get_mut(..name.len()) else {
            return Self::Inline;
        };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        match &*lower {
            b"br" => Self::Break,
            b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"ul" | b"ol" | b"dl"
            | b"hr" | b"blockquote" => Self::Paragraph,
            b"div" | b"tr" | b"table" | b"section" | b"article" | b"header" | b"footer"
            | b"nav" | b"main" | b"aside" | b"center" | b"form" | b"fieldset" | b"address"
            | b"figure" | b"figcaption" | b"caption" | b"dt" | b"dd" | b"body" | b"option" => {
                Self::Block
            }
            b"li" => Self::Item,
            b"td" | b"th" => Self::Cell,
            b"pre" => Self::Preformatted,
            b"script" | b"style" | b"title" | b"template" | b"noframes" => Self::Hidden,
            _ => Self::Inline,
        }
    }
}

/// Text being put together: line ends and spaces are owed until something follows them.
#[derive(Default)]
struct Text {
    out: String,
    newlines: usize,
    space: bool,
    preformatted: bool,
}

impl Text {
    /// Text between tags, with character references.
    fn push_html(&mut self, mut html: &str) {
        while let Some(at) = memchr(b'&', html.as_bytes()) {
            self.push_str(&html[..at]);
            html = &html[at..];
            match entities::decode(html) {
                Some((character, length)) => {
                    self.push_visible(character);
                    html = &html[length..];
                }
                None => {
                    self.push_visible('&');
                    html = &html[1..];
                }
            }
        }
        self.push_str(html);
    }

    fn push_str(&mut self, text: &str) {
        if self.preformatted {
            for line in text.split_inclusive('\n') {
                let shown = line.trim_end_matches(['\n', '\r']);
                if !shown.is_empty() {
                    self.settle();
                    self.out.push_str(shown);
                }
                if line.ends_with('\n') {
                    self.newlines = (self.newlines + 1).min(MAX_NEWLINES);
                }
            }
            return;
        }
        let mut rest = text;
        loop {
            let shown = rest.trim_ascii_start();
            if shown.len() < rest.len() {
                self.space = true;
            }
            if shown.is_empty() {
                return;
            }
            let end = shown
                .bytes()
                .position(|byte| byte.is_ascii_whitespace())
                .unwrap_or(shown.len());
            self.settle();
            self.out.push_str(&shown[..end]);
            rest = &shown[end..];
        }
    }

    /// A character from a reference: white space from one is kept, as its writer wished.
    fn push_visible(&mut self, character: char) {
        self.settle();
        self.out.push(if character == '\u{a0}' {
            ' '
        } else {
            character
        });
    }

    fn line_break(&mut self) {
        self.newlines = (self.newlines + 1).min(MAX_NEWLINES);
    }

    fn block(&mut self, newlines: usize) {
        self.newlines = self.newlines.max(newlines);
    }

    fn space(&mut self) {
        self.space = true;
    }

    fn item(&mut self) {
        self.settle();
        self.out.push_str("* ");
    }

    /// Writes what is owed.
    fn settle(&mut self) {
        if !self.out.is_empty() {
            if self.newlines > 0 {
                let kept = self.out.trim_end_matches(' ').len();
                self.out.truncate(kept);
                for _ in 0..self.newlines {
                    self.out.push('\n');
                }
            } else if self.space && !self.out.ends_with([' ', '\n']) {
                self.out.push(' ');
            }
        }
        self.newlines = 0;
        self.space = false;
    }

    fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out
    }
}

const MAX_NEWLINES: usize = 2;
const TEXT_PIECE: usize = 4096;

#[cfg(test)]
mod tests;
