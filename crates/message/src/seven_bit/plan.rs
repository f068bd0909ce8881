//! Which octets of a message belong to what, and what becomes of them.

use std::sync::Arc;

use super::{Converter, header::Change};
use crate::{
    part::{Content, Part},
    transfer::{Encoding, SevenBit},
};

/// How a message is made 7-bit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Plan(pub(super) Arc<Steps>);

impl Plan {
    /// Begins to convert the message, which is read from its start once more.
    pub fn converter(&self) -> Converter {
        Converter::new(Arc::clone(&self.0))
    }
}

/// A plan's steps.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) layout: Layout,
    /// What becomes of each part.
    pub(super) parts: Vec<Step>,
}

/// What becomes of a part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    pub(super) header: Change,
    /// From which encoding into which its body goes.
    pub(super) body: Option<(Encoding, SevenBit)>,
}

/// A message cut into pieces, without gaps.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) pieces: Vec<Piece>,
    /// Of each part what its header means by default.
    pub(super) parts: Vec<Facts>,
}

/// A piece of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// The first octet behind it.
    pub(super) end: u64,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The header of the part of that number.
    Header(usize),
    /// Its body.
    Leaf(usize),
    /// The body of a multipart/signed.
    Signed,
    /// Delimiters and what is not part of anything.
    Between,
}

/// What is known of a part beside its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Whether its header is that of a message, attached or not.
    pub(super) is_message: bool,
    /// Whether it is text where its header says nothing (RFC 2046 §5.1.5 has messages in a digest).
    pub(super) is_text: bool,
}

impl Layout {
    pub(super) fn of(root: &Part, size: u64) -> Self {
        let mut layout = Self::default();
        layout.add(root, true);
        layout.piece(size, Kind::Between);
        layout
    }

    /// Depth is bounded by [`Limits::MAX_DEPTH`](crate::Limits::MAX_DEPTH).
    fn add(&mut self, part: &Part, is_message: bool) {
        let number = self.parts.len();
        self.parts.push(Facts {
            is_message,
            is_text: part.media_type == "text",
        });
        self.piece(part.header, Kind::Between);
        // Even if there is none: one may be put in.
        self.pieces.push(Piece {
            end: part.body,
            kind: Kind::Header(number),
        });
        match &part.content {
            Content::Multipart(_) if part.subtype == "signed" => self.piece(part.end, Kind::Signed),
            Content::Multipart(parts) => {
                for part in parts {
                    self.add(part, false);
                }
                self.piece(part.end, Kind::Between);
            }
            // RFC 6532 §3.7: it may be encoded as a whole, whatever is in it.
            Content::Message(_) if part.subtype == "global" => {
                self.piece(part.end, Kind::Leaf(number));
            }
            Content::Message(message) => {
                self.add(&message.root, true);
                self.piece(part.end, Kind::Between);
            }
            Content::Leaf => self.piece(part.end, Kind::Leaf(number)),
        }
    }

    /// Adds what lies between the last piece and `end`.
    fn piece(&mut self, end: u64, kind: Kind) {
        if self.pieces.last().map_or(0, |last| last.end) < end {
            self.pieces.push(Piece { end, kind });
        }
    }
}

/// Goes through a message's pieces as its octets come.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    next: usize,
    at: u64,
}

impl Cursor {
    /// What of `bytes` belongs to the piece in hand, and whether that ends it. `None`: more octets are needed, or there are no
    /// more pieces.
    pub(super) fn take<'a>(
        &mut self,
        pieces: &[Piece],
        bytes: &mut &'a [u8],
    ) -> Option<(Piece, &'a [u8], bool)> {
        let piece = *pieces.get(self.next)?;
        let left = piece.end.saturating_sub(self.at);
        if left > 0 && bytes.is_empty() {
            return None;
        }
        let size = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (taken, rest) = bytes.split_at(size);
        *bytes = rest;
        self.at += size as u64;
        let is_over = self.at >= piece.end;
        self.next += usize::from(is_over);
        Some((piece, taken, is_over))
    }
}
