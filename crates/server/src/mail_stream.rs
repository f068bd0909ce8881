//! Mail on its way between a command and the store: items one after the other, each with where it belongs and how it
//! was marked, in one stream of bytes.
//!
//! ```text
//! stream = *item
//! item   = length head *chunk (end / void)    ; head: JSON of ItemHead
//! chunk  = length 1*OCTET                     ; length: 4 bytes, big endian, 1 to 65536
//! end    = %x00000000
//! void   = %xFFFFFFFF                         ; the rest cannot be read: what came of the item is to be forgotten
//! ```

use bytes::{Buf, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// What is known of an item beside its bytes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ItemHead {
    /// The folder's names from the top down.
    pub folder: Vec<String>,
    /// `seen`, `answered`, `flagged`, `deleted`, `draft`.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Keywords.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// When it arrived, in seconds since 1970.
    #[serde(default)]
    pub internal_date: Option<i64>,
}

/// One step of a stream.
#[derive(Debug, Eq, PartialEq)]
pub enum Step {
    /// An item begins.
    Begin(ItemHead),
    /// Bytes of it.
    Bytes(Bytes),
    /// It ends.
    End,
    /// It does not come to its end: what came of it is to be forgotten.
    Void,
}

/// The stream does not read as one.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A length beyond its bound.
    #[error("a piece of {0} bytes in the mail stream")]
    TooLong(usize),
    /// A head that does not parse.
    #[error("an item's head does not parse: {0}")]
    Head(#[from] serde_json::Error),
    /// The end came within an item.
    #[error("the mail stream ends within an item")]
    CutOff,
}

/// Takes a stream apart, however it is cut into pieces.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: BytesMut,
    within: bool,
}

impl Parser {
    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next step, if enough of the stream is there.
    pub fn step(&mut self) -> Result<Option<Step>, StreamError> {
        let Some(head) = self.buffer.first_chunk::<4>() else {
            return Ok(None);
        };
        if self.within && *head == VOID {
            self.buffer.advance(4);
            self.within = false;
            return Ok(Some(Step::Void));
        }
        let length = u32::from_be_bytes(*head) as usize;
        if length > MAX_CHUNK {
            return Err(StreamError::TooLong(length));
        }
        if self.buffer.len() < 4 + length {
            return Ok(None);
        }
        self.buffer.advance(4);
        let piece = self.buffer.split_to(length).freeze();
        Ok(Some(match (self.within, length) {
            (false, _) => {
                let head = serde_json::from_slice(&piece)?;
                self.within = true;
                Step::Begin(head)
            }
            (true, 0) => {
                self.within = false;
                Step::End
            }
            (true, _) => Step::Bytes(piece),
        }))
    }

    /// The stream has ended: between two items, or too early.
    pub fn finish(&self) -> Result<(), StreamError> {
        if self.within || !self.buffer.is_empty() {
            Err(StreamError::CutOff)
        } else {
            Ok(())
        }
    }
}

/// The bytes that begin an item.
pub fn begin(head: &ItemHead) -> Result<Bytes, StreamError> {
    let json = serde_json::to_vec(head)?;
    if json.len() > MAX_CHUNK {
        return Err(StreamError::TooLong(json.len()));
    }
    Ok(with_length(&json))
}

/// The bytes of one chunk; at most [`MAX_CHUNK`], at least one.
pub fn chunk(bytes: &[u8]) -> Bytes {
    debug_assert!(!bytes.is_empty() && bytes.len() <= MAX_CHUNK);
    with_length(bytes)
}

/// The bytes that end an item.
pub const END: [u8; 4] = [0; 4];

/// The bytes that call an item off.
pub const VOID: [u8; 4] = [0xff; 4];

/// The longest head or chunk.
pub const MAX_CHUNK: usize = 64 * 1024;

fn with_length(bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + bytes.len());
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let head = ItemHead {
            folder: vec!["INBOX".into(), "a/b".into()],
            flags: vec!["seen".into()],
            keywords: vec![],
            internal_date: Some(-1),
        };
        let mut all = Vec::new();
        for body in [&b"one"[..], b""] {
            all.extend(begin(&head).unwrap());
            if !body.is_empty() {
                all.extend(chunk(body));
            }
            all.extend(END);
        }
        all
    }

    #[test]
    fn items_come_out_however_the_stream_is_cut() {
        let all = stream();
        for size in 1..all.len() {
            let mut parser = Parser::default();
            let mut steps = Vec::new();
            for piece in all.chunks(size) {
                parser.push(piece);
                while let Some(step) = parser.step().unwrap() {
                    steps.push(step);
                }
            }
            parser.finish().unwrap();
            assert_eq!(steps.len(), 5);
            assert_eq!(steps[1], Step::Bytes(Bytes::from_static(b"one")));
            assert_eq!((&steps[2], &steps[4]), (&Step::End, &Step::End));
        }
    }

    #[test]
    fn an_item_that_is_called_off_is_followed_by_the_next() {
        let mut all = begin(&ItemHead::default()).unwrap().to_vec();
        all.extend(chunk(b"half"));
        all.extend(VOID);
        all.extend(stream());
        let mut parser = Parser::default();
        let mut steps = Vec::new();
        for byte in all {
            parser.push(&[byte]);
            while let Some(step) = parser.step().unwrap() {
                steps.push(step);
            }
        }
        parser.finish().unwrap();
        assert_eq!(steps.len(), 8);
        assert_eq!(steps[2], Step::Void);
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        let mut parser = Parser::default();
        parser.push(&[0xff; 4]);
        assert!(matches!(parser.step(), Err(StreamError::TooLong(_))));
        let mut parser = Parser::default();
        parser.push(&[0, 0, 0, 1, b'x']);
        assert!(matches!(parser.step(), Err(StreamError::Head(_))));
        let all = stream();
        let mut parser = Parser::default();
        parser.push(&all[..all.len() - 1]);
        while parser.step().unwrap().is_some() {}
        assert!(matches!(parser.finish(), Err(StreamError::CutOff)));
    }
}
