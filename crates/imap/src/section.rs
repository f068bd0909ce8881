//! Which octets of a message a section of FETCH means (RFC 9051 §6.4.5.1), and header fields chosen by name.

use std::ops::Range;

use fieldpost_message::{Content, Part, Summary};
use memchr::memchr;

use crate::codec::request::{Partial, SectionText};

/// The octets of the message itself that a section without part numbers means: of `size` octets, `header_len` of them the header.
/// For chosen header fields these are the octets of the header that they are chosen from.
pub(crate) fn whole(size: u64, header_len: u64, text: Option<&SectionText>) -> Option<Range<u64>> {
    match text {
        None => Some(0..size),
        Some(
            SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_),
        ) => Some(0..header_len),
        Some(SectionText::Text) => Some(header_len..size),
        Some(SectionText::Mime) => None,
    }
}

/// The octets of the whole item that a section means, before a partial is cut out of them; `None`: there is no such part.
pub(crate) fn range(
    summary: &Summary,
    part: &[u32],
    text: Option<&SectionText>,
) -> Option<Range<u64>> {
    if part.is_empty() {
        return whole(summary.size, summary.header_len, text);
    }
    let found = summary.structure.section(part)?;
    match text {
        None => Some(found.body_range()),
        Some(SectionText::Mime) => Some(found.header_range()),
        // Only an attached message has a header and a text of its own.
        Some(
            SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_),
        ) => attached(found).map(Part::header_range),
        Some(SectionText::Text) => attached(found).map(Part::body_range),
    }
}

/// The root part of an attached message.
fn attached(part: &Part) -> Option<&Part> {
    match &part.content {
        Content::Message(message) => Some(&message.root),
        Content::Leaf | Content::Multipart(_) => None,
    }
}

/// Cuts `<start.count>` out of `length` octets.
pub(crate) fn cut(length: u64, partial: Option<Partial>) -> Range<u64> {
    match partial {
        None => 0..length,
        Some(Partial { start, count }) => {
            let start = start.min(length);
            start..start.saturating_add(count).min(length)
        }
    }
}

/// Chooses fields of a header that comes in pieces: the original octets of each field, folds and all.
#[derive(Debug)]
pub(crate) struct FieldFilter<'a> {
    names: &'a [String],
    /// The named fields are left out, all others kept.
    negated: bool,
    /// The beginning of a line, until its name is known.
    line: Vec<u8>,
    /// Within a line whose name is known, and whether its field is kept.
    within: Option<bool>,
    /// Whether the field before is kept: a folded line goes with it.
    last: bool,
    /// The empty line was met: what follows is no header.
    over: bool,
}

impl<'a> FieldFilter<'a> {
    /// The filter of a section.
    pub(crate) fn new(text: &'a SectionText) -> Option<Self> {
        let (names, negated) = match text {
            SectionText::HeaderFields(names) => (names, false),
            SectionText::HeaderFieldsNot(names) => (names, true),
            SectionText::Header | SectionText::Text | SectionText::Mime => return None,
        };
        Some(Self {
            names,
            negated,
            line: Vec::new(),
            within: None,
            last: false,
            over: false,
        })
    }

    /// Whether the header ended with an empty line: then the chosen fields do, too (RFC 9051 §6.4.5.1).
    pub(crate) fn met_the_end(&self) -> bool {
        self.over
    }

    /// Takes a piece and hands on what is kept of it.
    pub(crate) fn push(&mut self, mut piece: &[u8], keep: &mut impl FnMut(&[u8])) {
        while !piece.is_empty() && !self.over {
            let (line, is_end) = match memchr(b'\n', piece) {
                Some(end) => (&piece[..=end], true),
                None => (piece, false),
            };
            piece = &piece[line.len()..];
            match self.within {
                Some(kept) => {
                    if kept {
                        keep(line);
                    }
                }
                None => self.begin(line, is_end, keep),
            }
            if is_end {
                self.within = None;
            }
        }
    }

    /// The beginning of a line: its name, or what shows that it is a fold.
    fn begin(&mut self, line: &[u8], is_end: bool, keep: &mut impl FnMut(&[u8])) {
        let mut held = std::mem::take(&mut self.line);
        let begun = if held.is_empty() {
            line
        } else {
            held.extend_from_slice(line);
            &held
        };
        match self.decide(begun, is_end) {
            Some(kept) => {
                self.last = kept;
                self.within = Some(kept);
                if kept {
                    keep(begun);
                }
            }
            None => self.line = begun.to_vec(),
        }
    }

    /// Whether the line is kept, if it can be told yet.
    fn decide(&mut self, begun: &[u8], is_end: bool) -> Option<bool> {
        let first = *begun.first()?;
        if first == b' ' || first == b'\t' {
            return Some(self.last);
        }
        if is_end && matches!(begun, b"\r\n" | b"\n") {
            self.over = true;
            return Some(false);
        }
        match memchr(b':', begun) {
            Some(colon) => {
                let name = begun[..colon].trim_ascii_end();
                let is_named = self
                    .names
                    .iter()
                    .any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
                Some(is_named != self.negated)
            }
            // No field at all: an mbox line, or rubbish.
            None if is_end || begun.len() > LONGEST_NAME => Some(false),
            None => None,
        }
    }
}

/// A longer beginning of a line without a colon is no field's name.
const LONGEST_NAME: usize = 1024;

#[cfg(test)]
mod tests {
    use fieldpost_message::Scanner;

    use super::*;

    fn scan(text: &str) -> Summary {
        let mut scanner = Scanner::new(fieldpost_message::Limits::default());
        scanner.push(text.as_bytes());
        scanner.finish()
    }

    fn section<'a>(
        text: &'a str,
        summary: &Summary,
        part: &[u32],
        what: Option<SectionText>,
    ) -> Option<&'a str> {
        let range = range(summary, part, what.as_ref())?;
        Some(&text[range.start as usize..range.end as usize])
    }

    const NESTED: &str = "Subject: outer\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n--x\r\n\r\none\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\nContent-Type: text/plain\r\n\r\nplain\r\n--y\r\nContent-Type: text/html\r\n\r\n<p>\r\n--y--\r\n--x--\r\n";

    #[test]
    fn parts_of_nested_messages() {
        let summary = scan(NESTED);
        let get = |part: &[u32], what| section(NESTED, &summary, part, what);
        assert_eq!(get(&[], None), Some(NESTED));
        assert!(
            get(&[], Some(SectionText::Header))
                .is_some_and(|header| header.ends_with("boundary=x\r\n\r\n"))
        );
        assert!(get(&[], Some(SectionText::Text)).is_some_and(|text| text.starts_with("preamble")));
        assert_eq!(get(&[1], None), Some("one"));
        assert_eq!(get(&[1], Some(SectionText::Mime)), Some("\r\n"));
        assert_eq!(get(&[1], Some(SectionText::Header)), None);
        assert_eq!(
            get(&[2], Some(SectionText::Mime)),
            Some("Content-Type: message/rfc822\r\n\r\n")
        );
        assert_eq!(
            get(&[2], Some(SectionText::Header)),
            Some("Subject: inner\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n")
        );
        assert!(get(&[2], Some(SectionText::Text)).is_some_and(|text| text.starts_with("--y\r\n")));
        assert!(get(&[2], None).is_some_and(|text| text.starts_with("Subject: inner")));
        assert_eq!(get(&[2, 1], None), Some("plain"));
        assert_eq!(get(&[2, 2], None), Some("<p>"));
        assert_eq!(
            get(&[2, 2], Some(SectionText::Mime)),
            Some("Content-Type: text/html\r\n\r\n")
        );
        assert_eq!(get(&[3], None), None);
        assert_eq!(get(&[2, 3], None), None);
    }

    #[test]
    fn a_message_that_is_no_multipart_has_one_part() {
        let text = "Subject: x\r\n\r\nbody\r\n";
        let summary = scan(text);
        assert_eq!(section(text, &summary, &[1], None), Some("body\r\n"));
        assert_eq!(
            section(text, &summary, &[1], Some(SectionText::Mime)),
            Some("Subject: x\r\n\r\n")
        );
        assert_eq!(section(text, &summary, &[1, 1], None), None);
        assert_eq!(section(text, &summary, &[2], None), None);
    }

    #[test]
    fn partials_are_clipped() {
        let partial = |start, count| Some(Partial { start, count });
        assert_eq!(cut(10, None), 0..10);
        assert_eq!(cut(10, partial(3, 4)), 3..7);
        assert_eq!(cut(10, partial(3, u64::MAX)), 3..10);
        assert_eq!(cut(10, partial(30, 4)), 10..10);
    }

    #[test]
    fn fields_are_chosen_wherever_the_pieces_are_cut() {
        let header = "From: a\r\nSubject: one\r\n two\r\n\tthree\r\nrubbish\r\nTo : b\r\nX-Long: y\r\n\r\nSubject: body\r\n";
        let chosen = |text: &SectionText, cut: usize| {
            let mut filter = FieldFilter::new(text).unwrap();
            let mut kept = Vec::new();
            let mut keep = |piece: &[u8]| kept.extend_from_slice(piece);
            for piece in header.as_bytes().chunks(cut) {
                filter.push(piece, &mut keep);
            }
            String::from_utf8(kept).unwrap()
        };
        let names = vec!["subject".to_owned(), "TO".to_owned()];
        for cut in [1, 2, 5, 13, 1000] {
            assert_eq!(
                chosen(&SectionText::HeaderFields(names.clone()), cut),
                "Subject: one\r\n two\r\n\tthree\r\nTo : b\r\n"
            );
            assert_eq!(
                chosen(&SectionText::HeaderFieldsNot(names.clone()), cut),
                "From: a\r\nX-Long: y\r\n"
            );
        }
    }
}
