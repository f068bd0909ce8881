//! A message's own text: its header, then its text parts, streamed and decoded.

use std::ops::Range;

use bytes::{Buf, Bytes};
use fieldpost_message::{
    Content, Part, Summary,
    charset::{self, Charset},
    header, html, transfer,
};

use super::{fold, pace::Slices};
use crate::{Error, Item, ItemReader, Mailbox};

/// The folded fields of one header, in one buffer.
#[derive(Default)]
pub(super) struct FoldedHeader {
    text: Vec<u8>,
    /// Where each field's name and value lie.
    fields: Vec<(Range<usize>, Range<usize>)>,
}

impl FoldedHeader {
    /// Takes another header instead.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        self.text.clear();
        self.fields.clear();
        for field in header::fields(bytes) {
            let name = self.text.len();
            self.text.extend(field.name.to_ascii_uppercase());
            let end = self.text.len();
            self.text.extend_from_slice(b": ");
            let value = self.text.len();
            fold::fold(&field.decoded(), &mut self.text);
            self.fields.push((name..end, value..self.text.len()));
            // In no text: nothing is found across two fields.
            self.text.push(0xff);
        }
    }

    /// All of it.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The values of the fields of that name, which is folded.
    pub(super) fn values(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |(known, _)| &self.text[known.clone()] == name)
            .map(|(_, value)| &self.text[value.clone()])
    }
}

/// Where something that is searched lies in a message.
pub(super) struct Segment<'s> {
    pub(super) range: Range<u64>,
    pub(super) kind: SegmentKind<'s>,
}

/// What lies there.
pub(super) enum SegmentKind<'s> {
    /// The header of a part or of an attached message.
    Header,
    /// The body of a part of type text.
    Text(&'s Part),
}

/// What is searched behind a message's own header, in order.
pub(super) fn segments(summary: &Summary, with_headers: bool) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    for (number, part) in summary.structure.walk().enumerate() {
        if with_headers && number > 0 && !part.header_range().is_empty() {
            segments.push(Segment {
                range: part.header_range(),
                kind: SegmentKind::Header,
            });
        }
        let is_text = part.media_type == "text" && matches!(part.content, Content::Leaf);
        if is_text && part.size() > 0 {
            segments.push(Segment {
                range: part.body_range(),
                kind: SegmentKind::Text(part),
            });
        }
    }
    segments
}

/// Reads ranges of a message that ascend. What lies between them is read along if it is short.
pub(super) struct Source<'a> {
    mailbox: &'a Mailbox,
    item: &'a Item,
    reader: Option<ItemReader>,
    chunk: Bytes,
    /// Where `chunk` begins.
    at: u64,
    /// Where the reader ends.
    end: u64,
}

impl<'a> Source<'a> {
    pub(super) fn new(mailbox: &'a Mailbox, item: &'a Item) -> Self {
        Self {
            mailbox,
            item,
            reader: None,
            chunk: Bytes::new(),
            at: 0,
            end: 0,
        }
    }

    /// Begins to read `range`, and says how far it is going to be read on.
    pub(super) async fn open(&mut self, range: Range<u64>) -> Result<(), Error> {
        self.at = range.start;
        self.end = range.end;
        self.chunk = Bytes::new();
        self.reader = Some(self.mailbox.read(self.item, range).await?);
        Ok(())
    }

    /// Whether `range` lies in what is being read.
    pub(super) fn reaches(&self, range: &Range<u64>) -> bool {
        self.reader.is_some() && self.at <= range.start && range.end <= self.end
    }

    /// The next bytes that lie in `range`, at most 64 KiB; `None` at its end.
    pub(super) async fn next(&mut self, range: &Range<u64>) -> Result<Option<Bytes>, Error> {
        while self.at < range.end {
            if self.chunk.is_empty() {
                let Some(reader) = &mut self.reader else {
                    return Ok(None);
                };
                match reader.next().await? {
                    Some(chunk) => self.chunk = chunk,
                    None => return Ok(None),
                }
            }
            let here = self.chunk.len() as u64;
            if self.at < range.start {
                let skipped = here.min(range.start - self.at);
                self.chunk.advance(skipped as usize);
                self.at += skipped;
                continue;
            }
            let wanted = here.min(range.end - self.at);
            self.at += wanted;
            return Ok(Some(self.chunk.split_to(wanted as usize)));
        }
        Ok(None)
    }

    /// The first bytes of `range`, at most `limit` of them.
    pub(super) async fn bytes(
        &mut self,
        range: &Range<u64>,
        limit: usize,
        slices: &mut Slices<'_>,
    ) -> Result<Bytes, Error> {
        let Some(first) = self.next(range).await? else {
            return Ok(Bytes::new());
        };
        slices.spend(first.len()).await?;
        if first.len() as u64 == range.end - range.start {
            return Ok(first);
        }
        let mut all = first.to_vec();
        while all.len() < limit
            && let Some(chunk) = self.next(range).await?
        {
            slices.spend(chunk.len()).await?;
            all.extend_from_slice(&chunk);
        }
        all.truncate(limit);
        Ok(all.into())
    }
}

/// Decodes the body of a text part piece by piece.
pub(super) struct TextDecoder {
    transfer: transfer::Decoder,
    charset: charset::Decoder,
    is_html: bool,
    bytes: Vec<u8>,
    text: String,
    plain: String,
}

impl TextDecoder {
    pub(super) fn new(part: &Part) -> Self {
        let charset = Charset::named(part.charset().unwrap_or_default());
        Self {
            transfer: transfer::Decoder::new(part.transfer_encoding()),
            charset: charset::Decoder::new(charset),
            is_html: part.subtype == "html",
            bytes: Vec::new(),
            text: String::new(),
            plain: String::new(),
        }
    }

    /// The text that the next bytes of the body end; may be empty.
    pub(super) fn push(&mut self, raw: &[u8]) -> &str {
        self.bytes.clear();
        self.transfer.push(raw, &mut self.bytes);
        self.decode(false)
    }

    /// The text that was held back.
    pub(super) fn finish(&mut self) -> &str {
        self.bytes.clear();
        std::mem::take(&mut self.transfer).finish(&mut self.bytes);
        self.decode(true)
    }

    fn decode(&mut self, is_last: bool) -> &str {
        if !self.is_html {
            self.text.clear();
            self.charset.push(&self.bytes, is_last, &mut self.text);
            return &self.text;
        }
        // Markup is taken off larger pieces, so that few tags are cut in two.
        self.charset.push(&self.bytes, is_last, &mut self.text);
        self.plain.clear();
        if is_last || self.text.len() >= MARKUP_AT_ONCE {
            let cut = if is_last {
                self.text.len()
            } else {
                self.text
                    .rfind('<')
                    .filter(|at| *at > 0)
                    .unwrap_or(self.text.len())
            };
            self.plain = html::to_text(&self.text[..cut], usize::MAX);
            // White space at the cut is lost otherwise.
            self.plain.push(' ');
            self.text.drain(..cut);
        }
        &self.plain
    }
}

/// After how many bytes of HTML the markup is taken off.
const MARKUP_AT_ONCE: usize = 256 * 1024;
