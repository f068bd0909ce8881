//! A document as a small tree.

use std::borrow::Cow;

use crate::{Decoder, Encoder, Error, Limits, Tag, Token};

/// An element with all that is in it. Strings and opaque data are borrowed from the document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: Tag,
    content: Vec<Content<'a>>,
}

/// What stands in an element, in its order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// An element.
    Element(Element<'a>),
    /// A string, not empty.
    Text(Cow<'a, str>),
    /// Opaque data, or a string that is not UTF-8; not empty.
    Opaque(&'a [u8]),
}

impl<'a> Element<'a> {
    /// Reads a whole document; the root element is what it gives. Strings and opaque data of no length are left out, strings behind one
    /// another are one.
    pub fn parse(input: &'a [u8], limits: Limits) -> Result<Self, Error> {
        let mut decoder = Decoder::new(input, limits)?;
        // The open elements, outermost first.
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        while let Some(token) = decoder.next()? {
            match token {
                Token::Start(tag) => open.push(Self {
                    tag,
                    content: Vec::new(),
                }),
                Token::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.push_text(text);
                    }
                }
                Token::Opaque(bytes) => {
                    if let Some(element) = open.last_mut()
                        && !bytes.is_empty()
                    {
                        element.content.push(Content::Opaque(bytes));
                    }
                }
                Token::End => {
                    let closed = open.pop();
                    match (open.last_mut(), closed) {
                        (Some(parent), Some(closed)) => {
                            parent.content.push(Content::Element(closed));
                        }
                        (None, closed) => root = closed,
                        (Some(_), None) => {}
                    }
                }
            }
        }
        root.ok_or(Error::Truncated(decoder.position()))
    }

    /// All that is in it.
    pub fn content(&self) -> &[Content<'a>] {
        &self.content
    }

    /// The elements in it.
    pub fn children(&self) -> impl Iterator<Item = &Element<'a>> {
        self.content.iter().filter_map(|content| match content {
            Content::Element(element) => Some(element),
            Content::Text(_) | Content::Opaque(_) => None,
        })
    }

    /// The first element of that tag in it.
    pub fn child(&self, tag: Tag) -> Option<&Element<'a>> {
        self.children().find(|child| child.tag == tag)
    }

    /// All elements of that tag in it.
    pub fn all(&self, tag: Tag) -> impl Iterator<Item = &Element<'a>> {
        self.children().filter(move |child| child.tag == tag)
    }

    /// Its strings and opaque data joined, as UTF-8 with U+FFFD for what is not; empty if there are none. Clients send the same value as the
    /// one or the other.
    pub fn text(&self) -> Cow<'_, str> {
        if let [Content::Text(text)] = &self.content[..] {
            return Cow::Borrowed(text);
        }
        match self.bytes() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        }
    }

    /// Its strings and opaque data joined, octet for octet as they were sent; empty if there are none.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        let mut pieces = self.content.iter().filter_map(|content| match content {
            Content::Text(text) => Some(text.as_bytes()),
            Content::Opaque(bytes) => Some(*bytes),
            Content::Element(_) => None,
        });
        let mut bytes = Cow::Borrowed(pieces.next().unwrap_or_default());
        for piece in pieces {
            bytes.to_mut().extend_from_slice(piece);
        }
        bytes
    }

    /// The text of the first element of that tag in it. `None`: there is no such element.
    pub fn text_of(&self, tag: Tag) -> Option<Cow<'_, str>> {
        self.child(tag).map(Element::text)
    }

    /// The first element of that tag in it as a boolean: `1` and an empty one are true, `0` is false. `None`: there is no such element, or it
    /// is neither.
    pub fn flag(&self, tag: Tag) -> Option<bool> {
        match self.child(tag)?.text().trim() {
            "" | "1" => Some(true),
            "0" => Some(false),
            _ => None,
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// As XML for the wire log and for tests: `<prefix:Name>`, opaque data as `{base64:…}`, tags without a name as `p7:x3F`. Where `redact`
    /// says so, the length in bytes of all that is within stands for it: `{12 bytes}`.
    pub fn to_xml(&self, redact: impl Fn(Tag) -> bool) -> String {
        crate::xml::of(self, &redact)
    }

    /// As a document of its own. What XML 1.0 does not allow in strings is left out.
    pub fn to_wbxml(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        let mut open = Vec::new();
        encoder.start(self.tag);
        open.push(self.content.iter());
        while let Some(content) = open.last_mut() {
            match content.next() {
                Some(Content::Element(element)) => {
                    encoder.start(element.tag);
                    open.push(element.content.iter());
                }
                Some(Content::Text(text)) => encoder.push_text(text),
                Some(Content::Opaque(bytes)) => encoder.push_opaque(bytes),
                None => {
                    encoder.end();
                    open.pop();
                }
            }
        }
        encoder.finish()
    }

    fn push_text(&mut self, text: &'a str) {
        if text.is_empty() {
            return;
        }
        if let Some(Content::Text(last)) = self.content.last_mut() {
            last.to_mut().push_str(text);
        } else {
            self.content.push(Content::Text(text.into()));
        }
    }
}

#[cfg(test)]
mod tests;
