//! One pass over a message as it streams in: where its parts lie, and what the summary keeps of their headers.
//!
//! The scanner works line by line. A line's first bytes decide what it is (delimiter, header field, continuation, text); only header
//! fields that the summary needs and the start of the text are copied. Memory: the longest kept field, one
//! boundary per open multipart, the start of one text, and the summary being built, all bounded by [`Limits`].
//!
//! What odd mail means:
//! - A line ends with LF; one CR before it belongs to the line end. A bare CR is text.
//! - A header ends with its first empty line. When its very first line is no field (a mailbox's `From ` line apart) there is no
//!   header and that line is the body's first. Later lines that are no field are skipped.
//! - A delimiter is `--boundary` and nothing more but white space, so that boundaries may begin with one another. The innermost
//!   multipart that knows the boundary takes it, and all below it end there, header or not.
//! - What follows a closing delimiter is nobody's until an outer delimiter comes.
//! - Parts over the limits are not listed; a container over the depth limit is an opaque leaf.

mod facts;
mod fields;
mod preview;
mod tree;

use memchr::memchr;

use crate::{header, limits::Limits, summary::Summary};
use fields::Known;
use preview::Previews;
use tree::{Kind, Tree};

/// Reads a message in pieces of any size and makes its [`Summary`]. Never fails; where the pieces are cut makes no difference.
///
/// ```
/// use fieldpost_message::{Limits, Scanner};
///
/// let mut scanner = Scanner::new(Limits::default());
/// scanner.push(b"Subject: Hello\r\n\r\nHow are");
/// scanner.push(b" you?\r\n");
/// let summary = scanner.finish();
/// assert_eq!(summary.envelope.subject.as_deref(), Some("Hello"));
/// assert_eq!((summary.header_len, summary.size), (18, 32));
/// assert_eq!(summary.preview, "How are you?");
/// ```
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
    /// Where the current line begins.
    line_start: u64,
    /// Start of a line of which more is to come, cut at `limits.field_bytes`, and its full length so far.
    partial: Vec<u8>,
    partial_length: u64,
    /// Last byte of the partial line: it may be beyond what is kept.
    partial_last: u8,
    /// Line ends seen.
    line_feeds: u64,
    previous: PreviousLine,
    tree: Tree,
    /// Open containers, outermost first.
    frames: Vec<Frame>,
    place: Place,
    /// The field being read: what is kept of its value, and which it is.
    field: Vec<u8>,
    known: Option<Known>,
    /// Whether the current header has had a field.
    any_field: bool,
    previews: Previews,
}

/// What the line before the current one contributes should the current one be a delimiter.
#[derive(Debug, Default)]
struct PreviousLine {
    /// Length of its line end: 0, 1 or 2.
    ending: u64,
    /// Whether it had text.
    text: bool,
}

/// An open container.
#[derive(Debug)]
struct Frame {
    node: usize,
    /// Delimiter without the dashes; empty for an attached message and a multipart that was closed.
    boundary: Vec<u8>,
}

/// What the next line is part of. `None` is a preamble, an epilogue or a part beyond the limits.
#[derive(Clone, Copy, Debug)]
enum Place {
    Header(usize),
    Body(Option<usize>),
}

/// A line without its end.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// Its first bytes: at most `limits.field_bytes` of them.
    kept: &'a [u8],
    /// Its whole length.
    length: u64,
    /// Length of its line end: 0 (end of the message), 1 or 2.
    ending: u64,
}

impl Line<'_> {
    fn end(&self, start: u64) -> u64 {
        start + self.length + self.ending
    }
}

impl Scanner {
    /// A scanner for one message.
    pub fn new(limits: Limits) -> Self {
        let mut tree = Tree::new(&limits);
        let root = tree.root();
        Self {
            limits,
            line_start: 0,
            partial: Vec::new(),
            partial_length: 0,
            partial_last: 0,
            line_feeds: 0,
            previous: PreviousLine::default(),
            tree,
            frames: Vec::new(),
            place: Place::Header(root),
            field: Vec::new(),
            known: None,
            any_field: false,
            previews: Previews::default(),
        }
    }

    /// Takes the next bytes of the message.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some(feed) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(feed);
            bytes = rest.get(1..).unwrap_or_default();
            if self.partial_length == 0 {
                let text = line.strip_suffix(b"\r").unwrap_or(line);
                self.line(Line {
                    kept: &text[..text.len().min(self.limits.field_bytes)],
                    length: text.len() as u64,
                    ending: 1 + (line.len() - text.len()) as u64,
                });
            } else {
                self.keep_partial(line);
                self.end_partial(1);
            }
            self.line_feeds += 1;
        }
        if !bytes.is_empty() {
            self.keep_partial(bytes);
        }
    }

    /// Ends the message.
    pub fn finish(mut self) -> Summary {
        if self.partial_length > 0 {
            self.end_partial(0);
        }
        let end = self.line_start;
        self.end_field();
        self.end_parts(
            0,
            end,
            self.line_feeds,
            self.previous.text && self.previous.ending == 0,
        );
        self.tree.finish(end, self.line_feeds, self.previews)
    }

    fn keep_partial(&mut self, bytes: &[u8]) {
        let room = self.limits.field_bytes - self.partial.len();
        self.partial
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.partial_length += bytes.len() as u64;
        if let Some(last) = bytes.last() {
            self.partial_last = *last;
        }
    }

    /// The line that came in pieces is whole: `feed` is the length of its LF.
    fn end_partial(&mut self, feed: u64) {
        let mut kept = std::mem::take(&mut self.partial);
        let carriage_return = u64::from(feed == 1 && self.partial_last == b'\r');
        let length = self.partial_length - carriage_return;
        kept.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        self.partial_length = 0;
        self.line(Line {
            kept: &kept,
            length,
            ending: feed + carriage_return,
        });
        kept.clear();
        self.partial = kept;
    }

    fn line(&mut self, line: Line<'_>) {
        if line.kept.starts_with(b"--")
            && let Some((frame, closing)) = self.delimiter(&line)
        {
            self.end_at_delimiter(frame, closing, &line);
        } else {
            match self.place {
                Place::Header(node) => self.header_line(node, &line),
                Place::Body(node) => self.body_line(node, &line),
            }
        }
        self.line_start = line.end(self.line_start);
        self.previous = PreviousLine {
            ending: line.ending,
            text: line.length > 0,
        };
    }

    /// Which open multipart the line delimits (RFC 2046 §5.1.1), and whether it closes it.
    fn delimiter(&self, line: &Line<'_>) -> Option<(usize, bool)> {
        if line.length != line.kept.len() as u64 {
            return None;
        }
        let text = line.kept.get(2..)?.trim_ascii_end();
        let closing = text.strip_suffix(b"--");
        self.frames
            .iter()
            .enumerate()
            .rev()
            .find_map(|(index, frame)| {
                if frame.boundary.is_empty() {
                    None
                } else if frame.boundary == text {
                    Some((index, false))
                } else {
                    closing
                        .filter(|text| frame.boundary == *text)
                        .map(|_| (index, true))
                }
            })
    }

    fn end_at_delimiter(&mut self, frame: usize, closing: bool, line: &Line<'_>) {
        self.end_field();
        let end = self.line_start - self.previous.ending;
        let feeds = self.line_feeds - u64::from(self.previous.ending > 0);
        self.end_parts(frame + 1, end, feeds, self.previous.text);
        let frame = &mut self.frames[frame];
        self.place = Place::Body(None);
        if closing {
            frame.boundary.clear();
        } else if let Some(node) = self.tree.begin_part(frame.node, line.end(self.line_start)) {
            self.begin_header(node);
        }
    }

    /// Ends the part being read and the containers from `keep` on. `end` is where their bodies end, after `feeds` line ends and, if
    /// `unfinished`, a last line without one.
    fn end_parts(&mut self, keep: usize, mut end: u64, mut feeds: u64, mut unfinished: bool) {
        let current = match self.place {
            Place::Header(node) | Place::Body(Some(node)) => Some(node),
            Place::Body(None) => None,
        };
        let containers = self.frames.drain(keep..).rev().map(|frame| frame.node);
        for node in current.into_iter().chain(containers) {
            let ended = self.tree.end(node, end, feeds, unfinished);
            if ended > end {
                // The header's empty line is right before the delimiter: both have a claim to its line end. The part keeps it,
                // and so do those around it, so that every part lies within its parent.
                end = ended;
                feeds = self.line_feeds;
                unfinished = false;
            }
        }
        self.previews.end_part();
    }

    fn begin_header(&mut self, node: usize) {
        self.place = Place::Header(node);
        self.any_field = false;
        self.known = None;
        self.field.clear();
    }

    fn header_line(&mut self, node: usize, line: &Line<'_>) {
        match line.kept.first() {
            None => {
                self.end_field();
                let body = line.end(self.line_start);
                self.begin_body(node, body, self.line_feeds + u64::from(line.ending > 0));
            }
            Some(b' ' | b'\t') if self.any_field => {
                if self.known.is_some() {
                    self.keep_field(line.kept);
                }
            }
            _ => {
                self.end_field();
                if let Some((name, value)) = header::split(line.kept) {
                    self.any_field = true;
                    self.known = self.tree.wants(node, name);
                    if self.known.is_some() {
                        self.keep_field(value);
                    }
                } else if !self.any_field && !header::is_mailbox_from_line(line.kept) {
                    self.begin_body(node, self.line_start, self.line_feeds);
                    // The body may be an attached message, whose header this line may open: at most one level at a time, since
                    // a line that is no field begins a body there as well.
                    match self.place {
                        Place::Header(inner) => self.header_line(inner, line),
                        Place::Body(inner) => self.body_line(inner, line),
                    }
                }
            }
        }
    }

    fn keep_field(&mut self, bytes: &[u8]) {
        let room = self.limits.field_bytes - self.field.len();
        self.field
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_field(&mut self) {
        if let (Some(known), Place::Header(node)) = (self.known.take(), self.place) {
            self.tree.field(node, known, &self.field, &self.limits);
        }
        self.field.clear();
    }

    /// The header of `node` is over, its body starts at `body`.
    fn begin_body(&mut self, node: usize, body: u64, feeds: u64) {
        self.tree.begin_body(node, body, feeds);
        self.place = Place::Body(Some(node));
        let deep = self.frames.len() >= self.limits.depth.min(Limits::MAX_DEPTH);
        match self.tree.kind(node) {
            Kind::Multipart(boundary) if !deep => {
                self.tree.open(node);
                self.frames.push(Frame { node, boundary });
                self.place = Place::Body(None);
            }
            Kind::Message if !deep => {
                if let Some(inner) = self.tree.begin_message(node, body) {
                    self.frames.push(Frame {
                        node,
                        boundary: Vec::new(),
                    });
                    self.begin_header(inner);
                }
            }
            Kind::Text => {
                if !self
                    .frames
                    .iter()
                    .any(|frame| self.tree.is_message(frame.node))
                {
                    self.previews.begin_part(self.tree.part(node));
                }
            }
            Kind::Multipart(_) | Kind::Message | Kind::Other => {}
        }
    }

    fn body_line(&mut self, node: Option<usize>, line: &Line<'_>) {
        if node.is_some() {
            self.previews.line(line.kept, line.ending > 0);
        }
    }
}

#[cfg(test)]
mod tests;
