//! Writes a message anew, 7-bit.

use std::sync::Arc;

use super::{
    header::HeaderWriter,
    plan::{Cursor, Kind, Steps},
};
use crate::transfer::{Decoder, Encoder, SevenBit};

/// Converts a message, piece by piece: the same output wherever it is cut.
#[derive(Debug)]
pub struct Converter {
    steps: Arc<Steps>,
    cursor: Cursor,
    writing: Writing,
    decoded: Vec<u8>,
}

/// What is being written.
#[derive(Debug)]
enum Writing {
    Nothing,
    Header(HeaderWriter),
    Leaf(Box<(Decoder, Encoder)>),
}

impl Converter {
    pub(super) fn new(steps: Arc<Steps>) -> Self {
        Self {
            steps,
            cursor: Cursor::default(),
            writing: Writing::Nothing,
            decoded: Vec::new(),
        }
    }

    /// Converts the next octets of the message and appends to `out`.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        let steps = Arc::clone(&self.steps);
        let pieces = &steps.layout.pieces;
        while let Some((piece, taken, is_over)) = self.cursor.take(pieces, &mut bytes) {
            match piece.kind {
                Kind::Header(number) => self.header(&steps, number, taken, is_over, out),
                Kind::Leaf(number) => {
                    let is_last = pieces.last().is_some_and(|last| last.end == piece.end);
                    self.leaf(&steps, number, taken, is_over, out);
                    // Base64 has no line end of its own, and no delimiter brings one here.
                    if is_over
                        && is_last
                        && let Some((_, SevenBit::Base64)) = steps.parts[number].body
                    {
                        out.extend_from_slice(b"\r\n");
                    }
                }
                Kind::Signed => out.extend_from_slice(taken),
                Kind::Between => {
                    out.extend(taken.iter().map(
                        |octet| {
                            if octet.is_ascii() { *octet } else { b'?' }
                        },
                    ));
                }
            }
        }
    }

    /// The message is over.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.push(&[], out);
    }

    fn header(
        &mut self,
        steps: &Steps,
        number: usize,
        bytes: &[u8],
        is_over: bool,
        out: &mut Vec<u8>,
    ) {
        let mut writer = match std::mem::replace(&mut self.writing, Writing::Nothing) {
            Writing::Header(writer) => writer,
            Writing::Nothing | Writing::Leaf(_) => HeaderWriter::new(steps.parts[number].header),
        };
        writer.push(bytes, out);
        if is_over {
            writer.finish(out);
        } else {
            self.writing = Writing::Header(writer);
        }
    }

    fn leaf(
        &mut self,
        steps: &Steps,
        number: usize,
        bytes: &[u8],
        is_over: bool,
        out: &mut Vec<u8>,
    ) {
        let Some((from, into)) = steps.parts[number].body else {
            out.extend_from_slice(bytes);
            return;
        };
        let mut coders = match std::mem::replace(&mut self.writing, Writing::Nothing) {
            Writing::Leaf(coders) => coders,
            Writing::Nothing | Writing::Header(_) => {
                Box::new((Decoder::new(from), Encoder::new(into)))
            }
        };
        let (decoder, encoder) = &mut *coders;
        self.decoded.clear();
        decoder.push(bytes, &mut self.decoded);
        encoder.push(&self.decoded, out);
        if is_over {
            let (decoder, mut encoder) = *coders;
            self.decoded.clear();
            decoder.finish(&mut self.decoded);
            encoder.push(&self.decoded, out);
            encoder.finish(out);
        } else {
            self.writing = Writing::Leaf(coders);
        }
    }
}
