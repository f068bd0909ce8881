//! The encoded form of a body: blocks that are packed and checked one by one, and a trailer that knows them all,
//! so that any range is read without what lies before it, and a body can be written before its length is known.
//!
//! ```text
//! body    = "FPbd" id:16 *block trailer
//! block   = bytes, packed where that pays; of 64 KiB each before they are packed, but the last
//! trailer = *(stored:u32 crc:u32) count:u32 size:u64 blake3:32 crc:u32 "FPbe"
//! ```
//!
//! The two highest bits of `stored` say what the block is: 0 the bytes themselves, 1 packed (see `packing`), 2 compressed with
//! zstd, as blocks once were. Block checksums are CRC-32C over the stored bytes; the last one covers the table and the
//! fields after it, and begins from the id.

use std::cell::RefCell;

use bytes::Bytes;

use crate::{BodyId, StoreError};

use super::{super::codec::Cursor, packing};

/// A block before it is packed.
pub(crate) const BLOCK: usize = 64 * 1024;
/// The bytes before the first block.
pub(crate) const HEADER: usize = 20;
/// The fixed end of the trailer.
pub(crate) const FOOTER: usize = 4 + 8 + 32 + 4 + 4;
/// No body has more blocks (256 GiB).
const MAX_BLOCKS: u32 = 1 << 22;

const MAGIC: &[u8; 4] = b"FPbd";
const END: &[u8; 4] = b"FPbe";
/// Where in `stored` the form begins.
const FORM_SHIFT: u32 = 30;

/// Encodes a body as it arrives. What has been encoded is taken with `take`.
pub(crate) struct Encoder {
    id: BodyId,
    /// Encoded and not yet taken.
    out: Vec<u8>,
    /// Encoded in all.
    written: u64,
    block: Vec<u8>,
    table: Vec<u8>,
    size: u64,
    hasher: blake3::Hasher,
}

/// What is known of a body once it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    pub(crate) size: u64,
    pub(crate) digest: [u8; 32],
    pub(crate) len: u64,
}

impl Encoder {
    pub(crate) fn new(id: BodyId, size_hint: u64) -> Self {
        let mut out = Vec::with_capacity((size_hint as usize).min(BLOCK) + HEADER + FOOTER + 16);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&id.0);
        Self {
            id,
            written: out.len() as u64,
            out,
            block: Vec::new(),
            table: Vec::new(),
            size: 0,
            hasher: blake3::Hasher::new(),
        }
    }

    pub(crate) fn write(&mut self, mut data: &[u8]) {
        self.size += data.len() as u64;
        self.hasher.update(data);
        while !data.is_empty() {
            if self.block.is_empty() && data.len() >= BLOCK {
                let (block, rest) = data.split_at(BLOCK);
                self.seal(block);
                data = rest;
                continue;
            }
            let count = data.len().min(BLOCK - self.block.len());
            self.block.extend_from_slice(&data[..count]);
            data = &data[count..];
            if self.block.len() == BLOCK {
                self.seal_gathered();
            }
        }
    }

    /// The encoded bytes so far, and where in the encoded form they stand.
    pub(crate) fn take(&mut self) -> (u64, Vec<u8>) {
        let out = std::mem::take(&mut self.out);
        (self.written - out.len() as u64, out)
    }

    /// Bytes held in memory.
    pub(crate) fn pending(&self) -> usize {
        self.out.len()
    }

    /// Ends the body; the last encoded bytes are left for `take`.
    pub(crate) fn finish(&mut self) -> Finished {
        if !self.block.is_empty() {
            self.seal_gathered();
        }
        let digest = *self.hasher.finalize().as_bytes();
        let count = (self.table.len() / 8) as u32;
        let mut trailer = std::mem::take(&mut self.table);
        trailer.extend_from_slice(&count.to_le_bytes());
        trailer.extend_from_slice(&self.size.to_le_bytes());
        trailer.extend_from_slice(&digest);
        let crc = trailer_crc(self.id, &trailer);
        trailer.extend_from_slice(&crc.to_le_bytes());
        trailer.extend_from_slice(END);
        self.written += trailer.len() as u64;
        self.out.extend_from_slice(&trailer);
        Finished {
            size: self.size,
            digest,
            len: self.written,
        }
    }

    fn seal_gathered(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        self.seal(&block);
        block.clear();
        self.block = block;
    }

    fn seal(&mut self, block: &[u8]) {
        let start = self.out.len();
        let form = if packing::pack(block, &mut self.out) {
            Form::Packed
        } else {
            self.out.extend_from_slice(block);
            Form::Plain
        };
        let stored = &self.out[start..];
        let crc = crc32c::crc32c(stored);
        self.written += stored.len() as u64;
        self.table
            .extend_from_slice(&(stored.len() as u32 | form.bits()).to_le_bytes());
        self.table.extend_from_slice(&crc.to_le_bytes());
    }
}

/// What a block's stored bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Its content.
    Plain,
    Packed,
    /// Compressed with zstd: read, but no longer written.
    Zstd,
}

impl Form {
    fn bits(self) -> u32 {
        match self {
            Self::Plain => 0,
            Self::Packed => 1 << FORM_SHIFT,
            Self::Zstd => 2 << FORM_SHIFT,
        }
    }

    fn of(stored: u32) -> Option<Self> {
        [Self::Plain, Self::Packed, Self::Zstd]
            .into_iter()
            .find(|form| form.bits() >> FORM_SHIFT == stored >> FORM_SHIFT)
    }
}

/// A body's trailer, checked: where each block lies.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) size: u64,
    pub(crate) digest: [u8; 32],
    blocks: Vec<Block>,
}

/// One block in its body's encoded form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) offset: u64,
    pub(crate) stored: u32,
    form: Form,
    crc: u32,
    raw: u32,
}

impl Layout {
    /// How long the whole trailer is, from the last bytes of an encoded body of `len` bytes.
    pub(crate) fn trailer_len(footer: &[u8], len: u64) -> Result<u64, &'static str> {
        let mut cursor = Cursor::new(footer);
        let count = cursor.u32().map_err(|_| "too short")?;
        let trailer = u64::from(count) * 8 + FOOTER as u64;
        if count > MAX_BLOCKS || trailer + HEADER as u64 > len || !footer.ends_with(END) {
            return Err("no trailer");
        }
        Ok(trailer)
    }

    /// Reads a whole trailer of the body `id`, whose encoded form has `len` bytes.
    pub(crate) fn decode(id: BodyId, trailer: &[u8], len: u64) -> Result<Self, &'static str> {
        let (covered, rest) = trailer
            .split_at_checked(trailer.len().wrapping_sub(8))
            .ok_or("too short")?;
        let mut rest = Cursor::new(rest);
        if rest.u32() != Ok(trailer_crc(id, covered)) || rest.array() != Ok(*END) {
            return Err("trailer checksum");
        }
        let (table, fields) = covered
            .split_at_checked(covered.len().wrapping_sub(FOOTER - 8))
            .ok_or("too short")?;
        let mut fields = Cursor::new(fields);
        let malformed = |_| "trailer";
        let count = fields.u32().map_err(malformed)?;
        let size = fields.u64().map_err(malformed)?;
        let digest = fields.array().map_err(malformed)?;
        if table.len() as u64 != u64::from(count) * 8
            || u64::from(count) != size.div_ceil(BLOCK as u64)
        {
            return Err("block count");
        }
        let mut blocks = Vec::with_capacity(count as usize);
        let mut offset = HEADER as u64;
        let mut left = size;
        let mut table = Cursor::new(table);
        while let (Ok(stored), Ok(crc)) = (table.u32(), table.u32()) {
            let raw = left.min(BLOCK as u64) as u32;
            left -= u64::from(raw);
            let block = Block {
                offset,
                stored: stored & !(u32::MAX << FORM_SHIFT),
                form: Form::of(stored).ok_or("block form")?,
                crc,
                raw,
            };
            if block.stored > raw || (block.form == Form::Plain && block.stored != raw) {
                return Err("block length");
            }
            offset += u64::from(block.stored);
            blocks.push(block);
        }
        if offset + trailer.len() as u64 != len {
            return Err("length");
        }
        Ok(Self {
            size,
            digest,
            blocks,
        })
    }

    /// The block that holds the byte at `position` of the body.
    pub(crate) fn block_at(&self, position: u64) -> Option<&Block> {
        self.blocks.get((position / BLOCK as u64) as usize)
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

impl Block {
    /// The block's content from its stored bytes.
    pub(crate) fn decode(&self, stored: Bytes) -> Result<Bytes, &'static str> {
        if crc32c::crc32c(&stored) != self.crc {
            return Err("block checksum");
        }
        let raw = self.raw as usize;
        match self.form {
            Form::Plain => Ok(stored),
            Form::Packed => Ok(packing::unpack(&stored, raw)?.into()),
            Form::Zstd => match decompress(&stored, raw) {
                Some(content) if content.len() == raw => Ok(content.into()),
                _ => Err("block does not decompress"),
            },
        }
    }
}

/// Whether the encoded bytes begin as the body `id` does.
pub(crate) fn begins(id: BodyId, header: &[u8]) -> bool {
    header.len() >= HEADER && header[..4] == *MAGIC && header[4..HEADER] == id.0
}

/// The id in the first bytes of an encoded body.
pub(crate) fn id_of(header: &[u8]) -> Option<BodyId> {
    let id = header.strip_prefix(MAGIC)?.first_chunk()?;
    Some(BodyId(*id))
}

/// Reads a whole encoded body from memory and checks everything.
pub fn decode_all(encoded: &[u8]) -> Result<(BodyId, Vec<u8>), StoreError> {
    let damaged = |what: &str| StoreError::Damaged {
        what: format!("body: {what}"),
    };
    let id = id_of(encoded).ok_or_else(|| damaged("no header"))?;
    let len = encoded.len();
    let footer = encoded
        .len()
        .checked_sub(FOOTER)
        .map(|start| &encoded[start..])
        .ok_or_else(|| damaged("too short"))?;
    let trailer = Layout::trailer_len(footer, len as u64).map_err(damaged)? as usize;
    let layout = Layout::decode(id, &encoded[len - trailer..], len as u64).map_err(damaged)?;
    let mut content = Vec::new();
    for block in layout.blocks() {
        let start = block.offset as usize;
        let stored = Bytes::copy_from_slice(&encoded[start..start + block.stored as usize]);
        content.extend_from_slice(&block.decode(stored).map_err(damaged)?);
    }
    if *blake3::hash(&content).as_bytes() != layout.digest {
        return Err(damaged("digest"));
    }
    Ok((id, content))
}

fn trailer_crc(id: BodyId, trailer: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&id.0), trailer)
}

fn decompress(stored: &[u8], raw: usize) -> Option<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|context| {
        let context = match context {
            Some(context) => context,
            None => context.insert(zstd::bulk::Decompressor::new().ok()?),
        };
        context.decompress(stored, raw).ok()
    })
}

thread_local! {
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(data: &[u8], chunk: usize) -> (Vec<u8>, Finished) {
        let mut encoder = Encoder::new(BodyId([7; 16]), 0);
        for part in data.chunks(chunk) {
            encoder.write(part);
        }
        let finished = encoder.finish();
        let (start, out) = encoder.take();
        assert_eq!((start, out.len() as u64), (0, finished.len));
        (out, finished)
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"noise");
        let mut out = vec![0; len];
        hasher.finalize_xof().fill(&mut out);
        out
    }

    #[test]
    fn bodies_of_all_lengths_come_back_whole() {
        for len in [0, 1, 127, 128, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17] {
            for data in [
                noise(len),
                b"From: alice ".repeat(len / 12 + 1)[..len].to_vec(),
            ] {
                let (encoded, finished) = encode(&data, 1000);
                assert_eq!(encode(&data, usize::MAX).0, encoded);
                assert_eq!(finished.size, len as u64);
                assert_eq!(decode_all(&encoded).unwrap(), (BodyId([7; 16]), data));
            }
        }
    }

    #[test]
    fn text_shrinks_and_noise_does_not_grow_much() {
        assert!(
            encode(&b"Subject: hello world\r\n".repeat(2000), 4096)
                .0
                .len()
                < 3000
        );
        assert!(encode(&noise(BLOCK), 4096).0.len() < BLOCK + 100);
    }

    #[test]
    fn blocks_compressed_with_zstd_are_read() {
        let data = b"Subject: hello world\r\n".repeat(BLOCK / 10);
        let (id, mut table, mut encoded) = (BodyId([7; 16]), Vec::new(), MAGIC.to_vec());
        encoded.extend_from_slice(&id.0);
        for block in data.chunks(BLOCK) {
            let stored = zstd::bulk::compress(block, 1).unwrap();
            table.extend_from_slice(&(stored.len() as u32 | 1 << 31).to_le_bytes());
            table.extend_from_slice(&crc32c::crc32c(&stored).to_le_bytes());
            encoded.extend(stored);
        }
        table.extend_from_slice(&(table.len() as u32 / 8).to_le_bytes());
        table.extend_from_slice(&(data.len() as u64).to_le_bytes());
        table.extend_from_slice(blake3::hash(&data).as_bytes());
        let crc = trailer_crc(id, &table);
        encoded.extend(table);
        encoded.extend_from_slice(&crc.to_le_bytes());
        encoded.extend_from_slice(END);
        assert_eq!(decode_all(&encoded).unwrap(), (id, data));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes() {
        let (encoded, _) = encode(&b"Subject: hello world\r\n".repeat(20), 4096);
        for bit in 0..encoded.len() * 8 {
            let mut flipped = encoded.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_all(&flipped).is_err(), "bit {bit}");
        }
        for cut in 0..encoded.len() {
            assert!(decode_all(&encoded[..cut]).is_err());
        }
    }
}
