//! A part's header as it passes by: what it says of the body's encoding, and the same header with another one.

use super::{MAX_FIELD, Obstacle};
use crate::header::split;

/// What a header line is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Line {
    /// The empty line that ends the header.
    End,
    /// More of the field before it.
    Fold,
    Encoding,
    Type,
    Version,
    Other,
}

/// Tells what each line of a header is, by the scanner's reading.
#[derive(Clone, Debug, Default)]
struct Reading {
    any_field: bool,
}

impl Reading {
    fn line(&mut self, line: &[u8]) -> Line {
        let text = without_line_end(line);
        match text.first() {
            None => return Line::End,
            Some(b' ' | b'\t') if self.any_field => return Line::Fold,
            Some(_) => {}
        }
        let Some((name, _)) = split(text) else {
            return Line::Other;
        };
        self.any_field = true;
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("Content-Transfer-Encoding") {
            Line::Encoding
        } else if is("Content-Type") {
            Line::Type
        } else if is("MIME-Version") {
            Line::Version
        } else {
            Line::Other
        }
    }
}

/// Puts the lines of a header together.
#[derive(Clone, Debug, Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// Hands each whole line to `each`, its end included. `false`: one was too long.
    fn push(&mut self, mut piece: &[u8], mut each: impl FnMut(&[u8])) -> bool {
        while !piece.is_empty() {
            let end = memchr::memchr(b'\n', piece).map_or(piece.len(), |at| at + 1);
            let (line, rest) = piece.split_at(end);
            piece = rest;
            if self.0.len() + line.len() > MAX_FIELD {
                return false;
            }
            self.0.extend_from_slice(line);
            if line.ends_with(b"\n") {
                each(&self.0);
                self.0.clear();
            }
        }
        true
    }

    /// A last line without an end.
    fn finish(&mut self, each: impl FnOnce(&[u8])) {
        if !self.0.is_empty() {
            each(&self.0);
            self.0.clear();
        }
    }
}

/// Reads what a header says of its part's body.
#[derive(Debug, Default)]
pub(super) struct HeaderReader {
    lines: Lines,
    fields: Fields,
}

/// What a header says of its part's body.
#[derive(Debug, Default)]
pub(super) struct Fields {
    reading: Reading,
    /// The field whose lines are being read.
    current: Option<Line>,
    value: Vec<u8>,
    is_too_long: bool,
    has_type: bool,
    /// Content-Type without parameters, in lower case.
    pub(super) media_type: String,
    /// Content-Transfer-Encoding in lower case, empty if there is none.
    pub(super) encoding: String,
    pub(super) has_version: bool,
}

impl HeaderReader {
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Obstacle> {
        if !piece.is_ascii() {
            return Err(Obstacle::Header);
        }
        let fields = &mut self.fields;
        if self.lines.push(piece, |line| fields.line(line)) {
            Ok(())
        } else {
            Err(Obstacle::Large)
        }
    }

    pub(super) fn finish(mut self) -> Result<Fields, Obstacle> {
        let fields = &mut self.fields;
        self.lines.finish(|line| fields.line(line));
        fields.end_field();
        if fields.is_too_long {
            return Err(Obstacle::Large);
        }
        Ok(self.fields)
    }
}

impl Fields {
    fn line(&mut self, line: &[u8]) {
        let kind = self.reading.line(line);
        let text = without_line_end(line);
        if kind == Line::Fold {
            if self.current.is_some() {
                self.keep(text);
            }
            return;
        }
        self.end_field();
        match kind {
            Line::Encoding | Line::Type => {
                self.current = Some(kind);
                self.keep(split(text).map_or(&b""[..], |(_, value)| value));
            }
            Line::Version => self.has_version = true,
            Line::End | Line::Fold | Line::Other => {}
        }
    }

    fn keep(&mut self, text: &[u8]) {
        if self.value.len() + text.len() > MAX_FIELD {
            self.is_too_long = true;
        } else {
            self.value.extend_from_slice(text);
        }
    }

    /// The first Content-Type counts, and the first Content-Transfer-Encoding that says more than `7bit`.
    fn end_field(&mut self) {
        let head = || crate::parameter::parse(&self.value, 0).0;
        match self.current.take() {
            Some(Line::Type) if !self.has_type => {
                self.media_type = head();
                self.has_type = true;
            }
            Some(Line::Encoding) if matches!(&*self.encoding, "" | "7bit") => {
                self.encoding = head();
            }
            _ => {}
        }
        self.value.clear();
    }
}

/// What is to become of a header.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    /// The Content-Transfer-Encoding that it is to have; `None`: what it has.
    pub(super) encoding: Option<&'static str>,
    /// Whether a MIME-Version is to be added.
    pub(super) add_version: bool,
}

/// Writes a header anew.
#[derive(Clone, Debug)]
pub(super) struct HeaderWriter {
    lines: Lines,
    rewriting: Rewriting,
}

#[derive(Clone, Debug)]
struct Rewriting {
    reading: Reading,
    /// What is still to be put in.
    change: Change,
    replaces: bool,
    /// Whether the lines of a field that was replaced are passing.
    skips: bool,
    /// Whether what went out ends with a line end.
    at_line_start: bool,
}

impl HeaderWriter {
    pub(super) fn new(change: Change) -> Self {
        Self {
            lines: Lines::default(),
            rewriting: Rewriting {
                reading: Reading::default(),
                replaces: change.encoding.is_some(),
                change,
                skips: false,
                at_line_start: true,
            },
        }
    }

    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let rewriting = &mut self.rewriting;
        // The survey has met every line, and none was too long.
        self.lines.push(piece, |line| rewriting.line(line, out));
    }

    /// The header is over. One that did not end with an empty line does so now, if something was put in.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        let rewriting = &mut self.rewriting;
        self.lines.finish(|line| rewriting.line(line, out));
        if rewriting.change.encoding.is_some() || rewriting.change.add_version {
            if !rewriting.at_line_start {
                out.extend_from_slice(b"\r\n");
            }
            rewriting.put_in(out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl Rewriting {
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        match self.reading.line(line) {
            Line::Fold if self.skips => return,
            Line::Encoding if self.replaces => {
                self.skips = true;
                self.put_encoding(out);
                return;
            }
            Line::End => self.put_in(out),
            Line::Fold | Line::Encoding | Line::Type | Line::Version | Line::Other => {}
        }
        self.skips = false;
        out.extend_from_slice(line);
        self.at_line_start = line.ends_with(b"\n");
    }

    fn put_in(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.change.add_version) {
            out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        }
        self.put_encoding(out);
    }

    fn put_encoding(&mut self, out: &mut Vec<u8>) {
        if let Some(encoding) = self.change.encoding.take() {
            out.extend_from_slice(b"Content-Transfer-Encoding: ");
            out.extend_from_slice(encoding.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    }
}
