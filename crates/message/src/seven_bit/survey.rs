//! Looks at a message: whether it is 7-bit, which parts are not, and how they are encoded best.

use std::sync::Arc;

use super::{
    MAX_LINE, Obstacle, Plan,
    header::{Change, Fields, HeaderReader},
    plan::{Cursor, Kind, Layout, Step, Steps},
};
use crate::{
    Limits, Scanner,
    transfer::{Decoder, Encoder, Encoding, SevenBit, base64_size},
};

/// The first look: finds the parts of a message.
#[derive(Debug)]
pub struct Scan {
    scanner: Scanner,
    octets: Octets,
}

impl Scan {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self {
            scanner: Scanner::new(Limits {
                depth: Limits::MAX_DEPTH,
                parts: MAX_PARTS,
                structure_bytes: 1024 * 1024,
                addresses: 0,
                references: 0,
                ..Limits::default()
            }),
            octets: Octets::default(),
        }
    }

    /// Looks at the next octets.
    pub fn push(&mut self, bytes: &[u8]) {
        self.octets.push(bytes);
        self.scanner.push(bytes);
    }

    /// The message is over. `None`: it is 7-bit as it stands.
    pub fn finish(self) -> Result<Option<Survey>, Obstacle> {
        if self.octets.are_seven_bit() {
            return Ok(None);
        }
        let summary = self.scanner.finish();
        let layout = Layout::of(&summary.structure, summary.size);
        // What lies beyond is not in the tree.
        if layout.parts.len() >= MAX_PARTS {
            return Err(Obstacle::Large);
        }
        Ok(Some(Survey {
            parts: vec![Step::default(); layout.parts.len()],
            layout,
            cursor: Cursor::default(),
            fields: None,
            looking: Looking::Nothing,
            is_needed: false,
            obstacle: None,
        }))
    }
}

impl Default for Scan {
    fn default() -> Self {
        Self::new()
    }
}

/// The second look: what each part is, and how it is encoded best.
#[derive(Debug)]
pub struct Survey {
    layout: Layout,
    parts: Vec<Step>,
    cursor: Cursor,
    /// The header last read, which is the leaf's that follows.
    fields: Option<Fields>,
    looking: Looking,
    is_needed: bool,
    obstacle: Option<Obstacle>,
}

/// At what the survey looks.
#[derive(Debug)]
enum Looking {
    Nothing,
    Header(HeaderReader),
    Leaf(Box<Leaf>),
}

impl Survey {
    /// Looks at the next octets. `false`: there is an obstacle, and the rest makes no difference.
    pub fn push(&mut self, mut bytes: &[u8]) -> bool {
        while self.obstacle.is_none()
            && let Some((piece, taken, is_over)) = self.cursor.take(&self.layout.pieces, &mut bytes)
        {
            if let Err(obstacle) = self.look(piece.kind, taken, is_over) {
                self.obstacle = Some(obstacle);
            }
        }
        self.obstacle.is_none()
    }

    /// The message is over. `None`: it is 7-bit as it stands, but for lines too long in what is not to be touched.
    pub fn finish(mut self) -> Result<Option<Plan>, Obstacle> {
        self.push(&[]);
        if let Some(obstacle) = self.obstacle {
            return Err(obstacle);
        }
        Ok(self.is_needed.then(|| {
            Plan(Arc::new(Steps {
                layout: self.layout,
                parts: self.parts,
            }))
        }))
    }

    fn look(&mut self, kind: Kind, bytes: &[u8], is_over: bool) -> Result<(), Obstacle> {
        match kind {
            Kind::Header(number) => self.header(number, bytes, is_over),
            Kind::Leaf(number) => {
                self.leaf(bytes);
                if is_over {
                    self.end_leaf(number)
                } else {
                    Ok(())
                }
            }
            Kind::Signed if !bytes.is_ascii() => Err(Obstacle::Signed),
            Kind::Signed => Ok(()),
            Kind::Between => {
                self.is_needed |= !bytes.is_ascii();
                Ok(())
            }
        }
    }

    fn header(&mut self, number: usize, bytes: &[u8], is_over: bool) -> Result<(), Obstacle> {
        let mut reader = match std::mem::replace(&mut self.looking, Looking::Nothing) {
            Looking::Header(reader) => reader,
            Looking::Nothing | Looking::Leaf(_) => HeaderReader::default(),
        };
        reader.push(bytes)?;
        if !is_over {
            self.looking = Looking::Header(reader);
            return Ok(());
        }
        let fields = reader.finish()?;
        // In the end everything is.
        if matches!(&*fields.encoding, "8bit" | "8-bit" | "binary") {
            self.parts[number].header.encoding = Some("7bit");
        }
        self.fields = Some(fields);
        Ok(())
    }

    fn leaf(&mut self, bytes: &[u8]) {
        if !matches!(self.looking, Looking::Leaf(_)) {
            let fields = self.fields.take().unwrap_or_default();
            self.looking = Looking::Leaf(Box::new(Leaf::new(fields)));
        }
        if let Looking::Leaf(leaf) = &mut self.looking {
            leaf.push(bytes);
        }
    }

    fn end_leaf(&mut self, number: usize) -> Result<(), Obstacle> {
        let Looking::Leaf(leaf) = std::mem::replace(&mut self.looking, Looking::Nothing) else {
            return Ok(());
        };
        if leaf.octets.are_seven_bit() {
            return Ok(());
        }
        let facts = self.layout.parts[number];
        let (from, into) = leaf.judge(facts.is_text)?;
        self.parts[number] = Step {
            header: Change {
                encoding: Some(into.name()),
                add_version: facts.is_message && !leaf.fields.has_version,
            },
            body: Some((from, into)),
        };
        self.is_needed = true;
        Ok(())
    }
}

/// A leaf as it passes by.
#[derive(Debug)]
struct Leaf {
    fields: Fields,
    octets: Octets,
    decoder: Decoder,
    printable: Encoder,
    decoded: Vec<u8>,
    encoded: Vec<u8>,
    /// Octets of it decoded, and of that in quoted-printable.
    size: u64,
    printable_size: u64,
}

impl Leaf {
    fn new(fields: Fields) -> Self {
        Self {
            octets: Octets::default(),
            decoder: Decoder::new(Encoding::named(&fields.encoding)),
            fields,
            printable: Encoder::new(SevenBit::QuotedPrintable),
            decoded: Vec::new(),
            encoded: Vec::new(),
            size: 0,
            printable_size: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.octets.push(bytes);
        self.decoded.clear();
        self.decoder.push(bytes, &mut self.decoded);
        self.count();
    }

    fn count(&mut self) {
        self.encoded.clear();
        self.printable.push(&self.decoded, &mut self.encoded);
        self.size += self.decoded.len() as u64;
        self.printable_size += self.encoded.len() as u64;
    }

    /// From which encoding the leaf, which is not 7-bit, goes into which.
    fn judge(&self, is_text: bool) -> Result<(Encoding, SevenBit), Obstacle> {
        let media_type = &*self.fields.media_type;
        match media_type.split_once('/').unwrap_or((media_type, "")) {
            ("multipart", _) => return Err(Obstacle::Container),
            // RFC 6532 §3.7, RFC 6533 §6: those of internationalised mail may be encoded.
            ("message", subtype) if !subtype.starts_with("global") => {
                return Err(Obstacle::Container);
            }
            ("", _) if !is_text => return Err(Obstacle::Container),
            _ => {}
        }
        let from = Encoding::named(&self.fields.encoding);
        let is_plain = matches!(
            &*self.fields.encoding,
            "" | "7bit" | "8bit" | "7-bit" | "8-bit" | "binary"
        );
        if from == Encoding::Identity && !is_plain {
            return Err(Obstacle::Encoding);
        }
        // A text that people may have to read as it stands may cost a little more. The last octets, which the decoder may hold
        // back, make no difference.
        let is_text = media_type.starts_with("text/") || media_type.is_empty();
        let base64 = base64_size(self.size);
        let room = if is_text { base64 / 4 } else { 0 };
        let into = if self.printable_size <= base64 + room {
            SevenBit::QuotedPrintable
        } else {
            SevenBit::Base64
        };
        Ok((from, into))
    }
}

/// Whether octets are 7-bit text (RFC 2045 §2.7).
#[derive(Debug, Default)]
struct Octets {
    eight_bit: bool,
    nul: bool,
    /// Octets of the line in hand, and whether the last one is a CR.
    line: u64,
    ends_with_cr: bool,
    long_line: bool,
}

impl Octets {
    fn push(&mut self, bytes: &[u8]) {
        self.eight_bit |= !bytes.is_ascii();
        self.nul |= memchr::memchr(0, bytes).is_some();
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.add(&rest[..end]);
            self.long_line |= self.line - u64::from(self.ends_with_cr) > MAX_LINE;
            (self.line, self.ends_with_cr) = (0, false);
            rest = &rest[end + 1..];
        }
        self.add(rest);
    }

    fn add(&mut self, bytes: &[u8]) {
        self.line += bytes.len() as u64;
        if let Some(last) = bytes.last() {
            self.ends_with_cr = *last == b'\r';
        }
    }

    fn are_seven_bit(&self) -> bool {
        !self.eight_bit && !self.nul && !self.long_line && self.line <= MAX_LINE
    }
}

/// More parts are not looked at.
const MAX_PARTS: usize = 2500;
