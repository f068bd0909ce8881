//! What FETCH sends of a message's own octets: sections, chosen header fields, decoded parts.
//!
//! A literal's length is told before its octets: the first piece is read before that, so that what can't be read is `NIL`
//! and not a literal that breaks off.

use std::{fmt::Write as _, ops::Range};

use bytes::{Bytes, BytesMut};
use fieldpost_mailbox::{Header, Item, ItemReader, Mailbox};
use fieldpost_message::{
    Part, Summary,
    transfer::{Decoder, Encoding},
};
use memchr::memchr;

use super::Trouble;
use crate::{
    Error,
    answer::Refusal,
    codec::{
        request::{BinaryPart, BodySection, FetchItem, SectionText},
        response::number::write_number,
    },
    output::Output,
    section::{self, FieldFilter},
};

/// Whether fetching `item` makes a message `\Seen`.
pub(super) fn sets_seen(item: &FetchItem) -> bool {
    match item {
        FetchItem::Rfc822 | FetchItem::Rfc822Text => true,
        FetchItem::Section(section) => !section.peek,
        FetchItem::Binary(part) => !part.peek,
        _ => false,
    }
}

/// Writes one item's name and octets. Whether they could be read.
pub(super) async fn write(
    mailbox: &Mailbox,
    item: &Item,
    asked: &FetchItem,
    trouble: &mut Trouble,
    output: &mut Output<'_>,
) -> Result<bool, Refusal> {
    let whole = |text| BodySection {
        part: Vec::new(),
        text,
        partial: None,
        peek: true,
    };
    match asked {
        FetchItem::Rfc822 => {
            output.buffer().extend_from_slice(b"RFC822 ");
            section(mailbox, item, &whole(None), output).await
        }
        FetchItem::Rfc822Header => {
            output.buffer().extend_from_slice(b"RFC822.HEADER ");
            let header = whole(Some(SectionText::Header));
            section(mailbox, item, &header, output).await
        }
        FetchItem::Rfc822Text => {
            output.buffer().extend_from_slice(b"RFC822.TEXT ");
            let text = whole(Some(SectionText::Text));
            section(mailbox, item, &text, output).await
        }
        FetchItem::Section(asked) => {
            write_name(asked, output.buffer());
            section(mailbox, item, asked, output).await
        }
        FetchItem::Binary(asked) => {
            binary(mailbox, item, &item.summary()?, asked, trouble, output).await
        }
        FetchItem::BinarySize(part) => {
            binary_size(mailbox, item, &item.summary()?, part, trouble, output).await
        }
        _ => Ok(true),
    }
}

/// `BODY[1.2.HEADER.FIELDS (From)]<0> `, as it was asked for, `.PEEK` left out.
fn write_name(asked: &BodySection, out: &mut BytesMut) {
    out.extend_from_slice(b"BODY[");
    write_part(&asked.part, out);
    if let Some(text) = &asked.text {
        if !asked.part.is_empty() {
            out.extend_from_slice(b".");
        }
        match text {
            SectionText::Header => out.extend_from_slice(b"HEADER"),
            SectionText::Text => out.extend_from_slice(b"TEXT"),
            SectionText::Mime => out.extend_from_slice(b"MIME"),
            SectionText::HeaderFields(names) => write_names("HEADER.FIELDS (", names, out),
            SectionText::HeaderFieldsNot(names) => write_names("HEADER.FIELDS.NOT (", names, out),
        }
    }
    out.extend_from_slice(b"]");
    write_origin(asked.partial.map(|partial| partial.start), out);
}

fn write_names(begin: &str, names: &[String], out: &mut BytesMut) {
    out.extend_from_slice(begin.as_bytes());
    for (position, name) in names.iter().enumerate() {
        if position > 0 {
            out.extend_from_slice(b" ");
        }
        let is_atom = !name.is_empty()
            && name.bytes().all(|byte| {
                byte.is_ascii_graphic()
                    && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
            });
        if is_atom {
            out.extend_from_slice(name.as_bytes());
        } else {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = write!(out, "\"{}\"", quoted.replace(['\r', '\n', '\0'], ""));
        }
    }
    out.extend_from_slice(b")");
}

fn write_part(part: &[u32], out: &mut BytesMut) {
    for (position, number) in part.iter().enumerate() {
        if position > 0 {
            out.extend_from_slice(b".");
        }
        write_number(out, u64::from(*number));
    }
}

fn write_origin(start: Option<u64>, out: &mut BytesMut) {
    if let Some(start) = start {
        out.extend_from_slice(b"<");
        write_number(out, start);
        out.extend_from_slice(b">");
    }
    out.extend_from_slice(b" ");
}

async fn section(
    mailbox: &Mailbox,
    item: &Item,
    asked: &BodySection,
    output: &mut Output<'_>,
) -> Result<bool, Refusal> {
    let filter = asked.text.as_ref().and_then(FieldFilter::new);
    let is_whole_header = asked.part.is_empty()
        && matches!(&asked.text, Some(SectionText::Header)) | filter.is_some();
    if is_whole_header && let Ok(Header::Whole { prefix, own }) = mailbox.header(item).await {
        return Ok(from_memory(&[&prefix, &own], filter, asked, output));
    }
    let range = if asked.part.is_empty() {
        // Without the tree of parts, which most messages fetched whole need not be asked for.
        let header_len = item.encoded_summary()?.header_len() + item.prefix().len() as u64;
        section::whole(item.size(), header_len, asked.text.as_ref())
    } else {
        section::range(&item.summary()?, &asked.part, asked.text.as_ref())
    };
    let Some(range) = range else {
        output.buffer().extend_from_slice(b"NIL");
        return Ok(true);
    };
    if let Some(filter) = filter {
        return fields(mailbox, item, range, filter, asked, output).await;
    }
    let cut = section::cut(range.end - range.start, asked.partial);
    let range = range.start + cut.start..range.start + cut.end;
    let Some(mut text) = Reading::begin(mailbox, item, range, output).await else {
        return Ok(false);
    };
    begin_literal(text.remaining, output.buffer());
    while let Some(piece) = text.next().await? {
        put_text(&piece, output.buffer());
        output.ease().await?;
    }
    Ok(true)
}

/// A header that is in memory, or fields chosen from it.
fn from_memory(
    header: &[&[u8]; 2],
    filter: Option<FieldFilter<'_>>,
    asked: &BodySection,
    output: &mut Output<'_>,
) -> bool {
    let mut kept = Vec::with_capacity(header[0].len() + header[1].len() + 2);
    match filter {
        None => header
            .iter()
            .for_each(|piece| kept.extend_from_slice(piece)),
        Some(mut filter) => {
            for piece in header {
                filter.push(piece, &mut |octets| kept.extend_from_slice(octets));
            }
            if filter.met_the_end() {
                kept.extend_from_slice(b"\r\n");
            }
        }
    }
    let cut = section::cut(kept.len() as u64, asked.partial);
    let kept = &kept[cut.start as usize..cut.end as usize];
    begin_literal(kept.len() as u64, output.buffer());
    put_text(kept, output.buffer());
    true
}

/// The chosen fields of a header, and the empty line behind them.
async fn fields(
    mailbox: &Mailbox,
    item: &Item,
    range: Range<u64>,
    mut filter: FieldFilter<'_>,
    asked: &BodySection,
    output: &mut Output<'_>,
) -> Result<bool, Refusal> {
    let Some(mut header) = Reading::begin(mailbox, item, range, output).await else {
        return Ok(false);
    };
    let mut kept = Vec::new();
    loop {
        let piece = match header.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            // Nothing of it was sent yet.
            Err(error) => {
                unreadable(item, &error, output);
                return Ok(false);
            }
        };
        filter.push(&piece, &mut |octets| kept.extend_from_slice(octets));
        if kept.len() > LARGEST_FIELDS {
            tracing::warn!(uid = item.uid(), "the chosen header fields are too large");
            output.buffer().extend_from_slice(b"NIL");
            return Ok(false);
        }
    }
    if filter.met_the_end() {
        kept.extend_from_slice(b"\r\n");
    }
    let cut = section::cut(kept.len() as u64, asked.partial);
    let kept = &kept[cut.start as usize..cut.end as usize];
    begin_literal(kept.len() as u64, output.buffer());
    put_text(kept, output.buffer());
    Ok(true)
}

/// `BINARY[part]` (RFC 3516): a part with its transfer encoding undone.
async fn binary(
    mailbox: &Mailbox,
    item: &Item,
    summary: &Summary,
    asked: &BinaryPart,
    trouble: &mut Trouble,
    output: &mut Output<'_>,
) -> Result<bool, Refusal> {
    let out = output.buffer();
    out.extend_from_slice(b"BINARY[");
    write_part(&asked.part, out);
    out.extend_from_slice(b"]");
    write_origin(asked.partial.map(|partial| partial.start), out);
    let Some(decoded) = Decoded::of(summary, &asked.part, trouble) else {
        output.buffer().extend_from_slice(b"NIL");
        return Ok(true);
    };
    // Read once for the length and once for the octets: a part may be larger than memory is for.
    let Some(length) = decoded.length(mailbox, item, output).await else {
        return Ok(false);
    };
    let cut = section::cut(length.octets, asked.partial);
    let Some(mut raw) = Reading::begin(mailbox, item, decoded.range.clone(), output).await else {
        return Ok(false);
    };
    if length.has_nul {
        output.buffer().extend_from_slice(b"~");
    }
    begin_literal(cut.end - cut.start, output.buffer());
    let mut decoder = Some(Decoder::new(decoded.encoding));
    let (mut at, mut room) = (0u64, Vec::new());
    while decoder.is_some() && at < cut.end {
        room.clear();
        match raw.next().await? {
            Some(piece) => {
                if let Some(decoder) = &mut decoder {
                    decoder.push(&piece, &mut room);
                }
            }
            None => {
                if let Some(decoder) = decoder.take() {
                    decoder.finish(&mut room);
                }
            }
        }
        let here = at..at + room.len() as u64;
        let from = here.start.max(cut.start).min(here.end);
        let to = here.end.min(cut.end).max(from);
        let piece = &room[(from - here.start) as usize..(to - here.start) as usize];
        output.buffer().extend_from_slice(piece);
        at = here.end;
        output.ease().await?;
    }
    Ok(true)
}

/// `BINARY.SIZE[part]`
async fn binary_size(
    mailbox: &Mailbox,
    item: &Item,
    summary: &Summary,
    part: &[u32],
    trouble: &mut Trouble,
    output: &mut Output<'_>,
) -> Result<bool, Refusal> {
    let out = output.buffer();
    out.extend_from_slice(b"BINARY.SIZE[");
    write_part(part, out);
    out.extend_from_slice(b"] ");
    let Some(decoded) = Decoded::of(summary, part, trouble) else {
        output.buffer().extend_from_slice(b"0");
        return Ok(true);
    };
    if decoded.encoding == Encoding::Identity {
        write_number(output.buffer(), decoded.range.end - decoded.range.start);
        return Ok(true);
    }
    let before = output.buffer().len();
    let Some(length) = decoded.length(mailbox, item, output).await else {
        // `NIL` is no size.
        output.buffer().truncate(before);
        output.buffer().extend_from_slice(b"0");
        return Ok(false);
    };
    write_number(output.buffer(), length.octets);
    Ok(true)
}

/// A part whose transfer encoding is to be undone.
struct Decoded {
    range: Range<u64>,
    encoding: Encoding,
}

/// What a part is once its encoding is undone.
struct Length {
    octets: u64,
    has_nul: bool,
}

impl Decoded {
    fn of(summary: &Summary, part: &[u32], trouble: &mut Trouble) -> Option<Self> {
        if part.is_empty() {
            return Some(Self {
                range: 0..summary.size,
                encoding: Encoding::Identity,
            });
        }
        let part: &Part = summary.structure.section(part)?;
        let encoding = part.transfer_encoding();
        let is_known = encoding != Encoding::Identity
            || matches!(part.encoding.as_str(), "7bit" | "8bit" | "binary");
        if !is_known {
            trouble.unknown_encoding = true;
            return None;
        }
        Some(Self {
            range: part.body_range(),
            encoding,
        })
    }

    async fn length(
        &self,
        mailbox: &Mailbox,
        item: &Item,
        output: &mut Output<'_>,
    ) -> Option<Length> {
        let mut raw = Reading::begin(mailbox, item, self.range.clone(), output).await?;
        let mut decoder = Decoder::new(self.encoding);
        let mut length = Length {
            octets: 0,
            has_nul: false,
        };
        let mut room = Vec::new();
        let mut count = |room: &mut Vec<u8>| {
            length.octets += room.len() as u64;
            length.has_nul |= memchr(0, room).is_some();
            room.clear();
        };
        loop {
            match raw.next().await {
                Ok(Some(piece)) => decoder.push(&piece, &mut room),
                Ok(None) => break,
                Err(error) => {
                    unreadable(item, &error, output);
                    return None;
                }
            }
            count(&mut room);
        }
        decoder.finish(&mut room);
        count(&mut room);
        Some(length)
    }
}

/// Octets of an item, the first piece read already.
struct Reading {
    ahead: Option<Bytes>,
    reader: ItemReader,
    remaining: u64,
}

impl Reading {
    /// Begins to read. What can't be read is `NIL`.
    async fn begin(
        mailbox: &Mailbox,
        item: &Item,
        range: Range<u64>,
        output: &mut Output<'_>,
    ) -> Option<Self> {
        let begun = async {
            let mut reader = mailbox.read(item, range).await?;
            let remaining = reader.remaining();
            let ahead = reader.next().await?;
            Ok(Self {
                ahead,
                reader,
                remaining,
            })
        };
        match begun.await {
            Ok(reading) => Some(reading),
            Err(error) => {
                unreadable(item, &Error::Message(error), output);
                None
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match self.ahead.take() {
            Some(ahead) => Ok(Some(ahead)),
            None => self.reader.next().await.map_err(Error::Message),
        }
    }
}

fn unreadable(item: &Item, error: &Error, output: &mut Output<'_>) {
    tracing::error!(uid = item.uid(), %error, "a message could not be read");
    output.buffer().extend_from_slice(b"NIL");
}

/// `{n}` and CRLF.
fn begin_literal(length: u64, out: &mut BytesMut) {
    out.extend_from_slice(b"{");
    write_number(out, length);
    out.extend_from_slice(b"}\r\n");
}

/// Octets of a text literal, which has no NUL (RFC 9051 §9 `CHAR8`): 0x80 stands in for it, as Dovecot does it.
fn put_text(piece: &[u8], out: &mut BytesMut) {
    let start = out.len();
    out.extend_from_slice(piece);
    let mut at = start;
    while let Some(nul) = memchr(0, &out[at..]) {
        out[at + nul] = 0x80;
        at += nul + 1;
    }
}

/// How many octets of chosen header fields are gathered at most.
const LARGEST_FIELDS: usize = 1024 * 1024;
