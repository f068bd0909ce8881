//! The encoder: elements to bytes, with places to return to.

use std::fmt::{self, Write as _};

use crate::Tag;

/// WBXML 1.3, public identifier unknown (1), UTF-8 (106), no string table.
const HEADER: [u8; 4] = [0x03, 0x01, 0x6A, 0x00];
const SWITCH_PAGE: u8 = 0x00;
const END: u8 = 0x01;
const STR_I: u8 = 0x03;
const OPAQUE: u8 = 0xC3;
const HAS_CONTENT: u8 = 0x40;

/// Writes a document.
///
/// It cannot fail: an [`Encoder::end`] too many is ignored, and [`Encoder::finish`] closes what is open. An element that is closed without
/// content becomes a single byte, so `start` and `end` alone are [`Encoder::empty`].
///
/// Strings lose what XML 1.0 does not allow in a document, NUL included: several clients break off at such a character and ask for the same
/// item for ever (quirk A9). Code pages are switched only when the next tag stands on another one.
#[derive(Debug)]
pub struct Encoder {
    output: Vec<u8>,
    page: u8,
    /// Open elements.
    depth: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The last byte is the tag of the innermost open element.
    Started,
    /// Within an inline string.
    InText,
    /// Anywhere else.
    Between,
}

/// A place in a document that [`Encoder::rollback`] returns to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    length: usize,
    page: u8,
    depth: usize,
    state: State,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// A document with its header.
    pub fn new() -> Self {
        Self {
            output: HEADER.to_vec(),
            page: 0,
            depth: 0,
            state: State::Between,
        }
    }

    /// Begins an element.
    pub fn start(&mut self, tag: Tag) {
        self.close_text();
        if tag.page() != self.page {
            self.page = tag.page();
            self.output.extend([SWITCH_PAGE, self.page]);
        }
        self.output.push(tag.token() | HAS_CONTENT);
        self.depth += 1;
        self.state = State::Started;
    }

    /// Ends the innermost open element.
    pub fn end(&mut self) {
        self.close_text();
        if self.depth == 0 {
            return;
        }
        self.depth -= 1;
        if self.state == State::Started {
            if let Some(tag) = self.output.last_mut() {
                *tag &= !HAS_CONTENT;
            }
        } else {
            self.output.push(END);
        }
        self.state = State::Between;
    }

    /// An element with a string in it; without one if nothing of the string is allowed.
    pub fn text(&mut self, tag: Tag, text: &str) {
        self.start(tag);
        self.push_text(text);
        self.end();
    }

    /// An element with a number in it, or whatever else is displayed.
    pub fn number(&mut self, tag: Tag, number: impl fmt::Display) {
        self.start(tag);
        // Only the number's own `Display` could fail; what it wrote so far stands.
        let _ = write!(Pieces(self), "{number}");
        self.end();
    }

    /// An element with `1` or `0` in it.
    pub fn boolean(&mut self, tag: Tag, value: bool) {
        self.text(tag, if value { "1" } else { "0" });
    }

    /// An element without content.
    pub fn empty(&mut self, tag: Tag) {
        self.start(tag);
        self.end();
    }

    /// An element with opaque data in it, as it is; without content if there is none. What is beyond 4 GiB is cut off.
    pub fn opaque(&mut self, tag: Tag, bytes: &[u8]) {
        self.start(tag);
        self.push_opaque(bytes);
        self.end();
    }

    /// Begins an element whose string comes in pieces, by [`Encoder::push_text`].
    pub fn begin_text(&mut self, tag: Tag) {
        self.start(tag);
    }

    /// Appends to the string of the innermost open element.
    pub fn push_text(&mut self, text: &str) {
        for piece in legal_pieces(text) {
            if self.state != State::InText {
                self.output.push(STR_I);
                self.state = State::InText;
            }
            self.output.extend_from_slice(piece.as_bytes());
        }
    }

    /// Ends the element that [`Encoder::begin_text`] began.
    pub fn end_text(&mut self) {
        self.end();
    }

    /// Appends opaque data to the innermost open element.
    pub fn push_opaque(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
        if bytes.is_empty() {
            return;
        }
        self.close_text();
        self.output.push(OPAQUE);
        push_integer(&mut self.output, bytes.len() as u32);
        self.output.extend_from_slice(bytes);
        self.state = State::Between;
    }

    /// Bytes so far, the header included.
    pub fn len(&self) -> usize {
        self.output.len()
    }

    /// Whether there is nothing behind the header.
    pub fn is_empty(&self) -> bool {
        self.output.len() == HEADER.len()
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// This place, to return to.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            length: self.output.len(),
            page: self.page,
            depth: self.depth,
            state: self.state,
        }
    }

    /// Takes back all that was written since that place: a container that stayed empty, an item that got too large. Elements that were open
    /// there are open again. A place that lies behind the end, because an earlier one was returned to, changes nothing.
    pub fn rollback(&mut self, to: Checkpoint) {
        if to.length > self.output.len() {
            return;
        }
        self.output.truncate(to.length);
        self.page = to.page;
        self.depth = to.depth;
        self.state = to.state;
        // An element that was closed without content since lost its flag.
        if to.state == State::Started
            && let Some(tag) = self.output.last_mut()
        {
            *tag |= HAS_CONTENT;
        }
    }

    /// Puts an element without content at a place between two elements, before what was written since: what a container begins with may
    /// depend on what is found to fit into it. Later places stay good only behind this one. `false`: the place is within an element's
    /// text, or on another code page.
    #[must_use]
    pub fn insert_empty(&mut self, at: Checkpoint, tag: Tag) -> bool {
        let fits =
            at.length <= self.output.len() && at.state == State::Between && at.page == tag.page();
        if fits {
            self.output.insert(at.length, tag.token());
        }
        fits
    }

    /// The document, with everything closed.
    pub fn finish(mut self) -> Vec<u8> {
        self.close_text();
        while self.depth > 0 {
            self.end();
        }
        self.output
    }

    fn close_text(&mut self) {
        if self.state == State::InText {
            self.output.push(0);
            self.state = State::Between;
        }
    }
}

/// What is displayed into it becomes text of the innermost open element.
struct Pieces<'a>(&'a mut Encoder);

impl fmt::Write for Pieces<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_text(text);
        Ok(())
    }
}

/// `mb_u_int32` (WBXML 1.2, 5.1), as short as it goes.
fn push_integer(output: &mut Vec<u8>, value: u32) {
    for shift in [28, 21, 14, 7] {
        if value >> shift != 0 {
            output.push(0x80 | ((value >> shift) & 0x7F) as u8);
        }
    }
    output.push((value & 0x7F) as u8);
}

/// The text without what XML 1.0 does not allow, in pieces that are not empty.
fn legal_pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_illegal).filter(|piece| !piece.is_empty())
}

/// Whether XML 1.0 (2.2, `Char`) leaves that character out.
pub(crate) fn is_illegal(character: char) -> bool {
    matches!(character, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}')
}

#[cfg(test)]
mod tests;
