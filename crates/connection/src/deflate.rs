//! Compression of a connection's stream (RFC 4978): raw deflate both ways.
//!
//! A few compressed bytes may become many: they are kept as they came, and unfolded no faster than they are read.

use std::io;

use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The state of both directions.
pub(crate) struct Deflate {
    compress: Compress,
    decompress: Decompress,
    /// What came and is not unfolded yet.
    raw: BytesMut,
    /// The last unfolding filled its room: more may follow without another byte from the socket.
    is_more: bool,
}

impl Deflate {
    pub(crate) fn new() -> Self {
        Self {
            compress: Compress::new(Compression::fast(), false),
            decompress: Decompress::new(false),
            raw: BytesMut::new(),
            is_more: false,
        }
    }

    /// Takes what came from the socket.
    pub(crate) fn push(&mut self, raw: &[u8]) {
        self.raw.extend_from_slice(raw);
    }

    /// Whether something can be unfolded without another byte from the socket.
    pub(crate) fn has_more(&self) -> bool {
        self.is_more || !self.raw.is_empty()
    }

    /// Unfolds at most `limit` bytes behind `input`; how many those were.
    pub(crate) fn unfold(&mut self, input: &mut BytesMut, limit: usize) -> io::Result<usize> {
        let mut room = vec![0; limit];
        let (read, written) = (self.decompress.total_in(), self.decompress.total_out());
        let status = self
            .decompress
            .decompress(&self.raw, &mut room, FlushDecompress::Sync)
            .map_err(|_| invalid())?;
        let taken = (self.decompress.total_in() - read) as usize;
        let made = (self.decompress.total_out() - written) as usize;
        self.raw.advance(taken);
        if self.raw.is_empty() {
            self.raw = BytesMut::new();
        }
        input.extend_from_slice(&room[..made]);
        self.is_more = made == limit;
        match status {
            // Nothing could be done with what is there: it is waited for, but not hoarded.
            Status::BufError if made == 0 && taken == 0 && !self.raw.is_empty() => Err(invalid()),
            Status::Ok | Status::BufError => Ok(made),
            Status::StreamEnd => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the client ended its compressed stream",
            )),
        }
    }

    /// Compresses all of `output`; with `flush`, so that the other side can unfold all of it.
    pub(crate) fn fold(&mut self, output: &[u8], flush: bool) -> io::Result<Vec<u8>> {
        let mut folded = Vec::with_capacity(output.len() / 2 + 64);
        let mut rest = output;
        let how = if flush {
            FlushCompress::Sync
        } else {
            FlushCompress::None
        };
        loop {
            if folded.capacity() - folded.len() < 64 {
                folded.reserve(folded.capacity().max(1024));
            }
            let before = self.compress.total_in();
            self.compress
                .compress_vec(rest, &mut folded, how)
                .map_err(|_| invalid())?;
            rest = &rest[(self.compress.total_in() - before) as usize..];
            // Room left over means that nothing more was to be written.
            if rest.is_empty() && folded.len() < folded.capacity() {
                return Ok(folded);
            }
        }
    }
}

fn invalid() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the client's compressed stream is damaged",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_folded_comes_back_however_it_is_cut() {
        let text: Vec<u8> = (0..200_000u32).map(|at| (at / 7 % 251) as u8).collect();
        let mut ours = Deflate::new();
        let mut wire = Vec::new();
        for piece in text.chunks(70_000) {
            wire.extend(ours.fold(piece, false).unwrap());
            wire.extend(ours.fold(b"", true).unwrap());
        }
        for cut in [1, 7, 1000, wire.len()] {
            let mut theirs = Deflate::new();
            let mut input = BytesMut::new();
            for piece in wire.chunks(cut) {
                theirs.push(piece);
                while theirs.has_more() {
                    if theirs.unfold(&mut input, 4096).unwrap() == 0 {
                        break;
                    }
                }
            }
            assert!(input == text, "cut at {cut}");
        }
    }

    /// A bomb: a megabyte of nothing in a kilobyte is unfolded piece by piece.
    #[test]
    fn few_bytes_that_become_many_are_unfolded_no_faster_than_asked() {
        let mut ours = Deflate::new();
        let wire = ours.fold(&vec![b'x'; 1 << 20], true).unwrap();
        assert!(wire.len() < 50_000);
        let mut theirs = Deflate::new();
        theirs.push(&wire);
        let mut input = BytesMut::new();
        assert_eq!(theirs.unfold(&mut input, 4096).unwrap(), 4096);
        assert_eq!(input.len(), 4096);
        assert!(theirs.has_more());
    }

    #[test]
    fn damage_is_an_error() {
        let mut theirs = Deflate::new();
        theirs.push(&[0xff; 100]);
        assert!(theirs.unfold(&mut BytesMut::new(), 4096).is_err());
    }
}
