//! How the content of one block is packed: runs of base64 lines as the octets that they stand for, the rest with LZ4 where
//! that pays.
//!
//! ```text
//! packed = form:u8 runs:u8 *(text_before:u16 lines:u16 width:u8) text_stored:u16 text octets
//! ```
//!
//! Of `form`, bit 0 says that the text is LZ4, bit 1 that the octets are. LZ4 in place of a codec that packs closer: a mail
//! is written once and read many times, and most of what a read cost was decompression.

use std::borrow::Cow;

use lz4_flex::block::{compress, decompress_into};

use super::{
    super::codec::Cursor,
    base64_lines::{self, Run},
    encoding::BLOCK,
};

const TEXT: u8 = 1;
const OCTETS: u8 = 2;

/// Appends the packed form of a block of at most [`BLOCK`] bytes, if it saves at least an eighth and is read back as it was.
pub(super) fn pack(block: &[u8], out: &mut Vec<u8>) -> bool {
    if block.len() < SMALLEST || block.len() > BLOCK {
        return false;
    }
    let start = out.len();
    let is_packed = pack_unchecked(block, out).is_some()
        && out.len() - start <= block.len() - block.len() / 8
        && unpack(&out[start..], block.len()).is_ok_and(|content| content == block);
    if !is_packed {
        out.truncate(start);
    }
    is_packed
}

/// `None`: nothing is saved.
fn pack_unchecked(block: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let split = base64_lines::split(block);
    let (runs, text, octets) = match &split {
        Some(split) => (&split.runs[..], &split.text[..], &split.octets[..]),
        None => (&[][..], block, &[][..]),
    };
    let (text_form, text) = squeeze(text, TEXT);
    let (octets_form, octets) = squeeze(octets, OCTETS);
    out.push(text_form | octets_form);
    out.push(runs.len().try_into().ok()?);
    for run in runs {
        out.extend_from_slice(&run.text_before.to_le_bytes());
        out.extend_from_slice(&run.lines.to_le_bytes());
        out.push(run.width);
    }
    // All of a block, and not smaller.
    let text_stored: u16 = text.len().try_into().ok()?;
    out.extend_from_slice(&text_stored.to_le_bytes());
    out.extend_from_slice(&text);
    out.extend_from_slice(&octets);
    Some(())
}

/// LZ4 if that saves at least an eighth, and the bit that says so.
fn squeeze(part: &[u8], bit: u8) -> (u8, Cow<'_, [u8]>) {
    if part.len() >= SMALLEST {
        let packed = compress(part);
        if packed.len() <= part.len() - part.len() / 8 {
            return (bit, packed.into());
        }
    }
    (0, part.into())
}

/// The content of `raw` bytes of a block from its packed form, whatever that is.
pub(crate) fn unpack(packed: &[u8], raw: usize) -> Result<Vec<u8>, &'static str> {
    let mut cursor = Cursor::new(packed);
    let short = |_| "a packed block is too short";
    let form = cursor.u8().map_err(short)?;
    let count = cursor.u8().map_err(short)?;
    let mut runs = Vec::with_capacity(count.into());
    for _ in 0..count {
        runs.push(Run {
            text_before: cursor.u16().map_err(short)?,
            lines: cursor.u16().map_err(short)?,
            width: cursor.u8().map_err(short)?,
        });
    }
    let text_stored = cursor.u16().map_err(short)?;
    let text = cursor.take(text_stored.into()).map_err(short)?;
    let octets = cursor.take(cursor.remaining()).map_err(short)?;
    let of_runs: usize = runs.iter().copied().map(Run::len).sum();
    let misfit = "the parts of a packed block do not fit";
    let text_len = raw.checked_sub(of_runs).ok_or(misfit)?;
    let octets_len = runs.iter().copied().map(Run::octets).sum();
    if form & !(TEXT | OCTETS) != 0 {
        return Err("a packed block has an unknown form");
    }
    let text = loosen(text, form & TEXT != 0, text_len)?;
    if runs.is_empty() {
        let is_whole = text.len() == raw && octets.is_empty();
        return is_whole.then(|| text.into_owned()).ok_or(misfit);
    }
    let octets = loosen(octets, form & OCTETS != 0, octets_len)?;
    base64_lines::join(&runs, &text, &octets, raw).ok_or(misfit)
}

/// A part that has `len` bytes.
fn loosen(part: &[u8], is_packed: bool, len: usize) -> Result<Cow<'_, [u8]>, &'static str> {
    if !is_packed {
        return Ok(part.into());
    }
    let mut content = vec![0; len];
    match decompress_into(part, &mut content) {
        Ok(count) if count == len => Ok(content.into()),
        _ => Err("block does not decompress"),
    }
}

/// Less than this is not worth a look.
const SMALLEST: usize = 128;

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use proptest::prelude::*;

    use super::*;

    /// The packed form, or the block itself.
    fn packed(block: &[u8]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        if !pack(block, &mut out) {
            assert_eq!(out, b"before");
            return block.to_vec();
        }
        let packed = out.split_off(6);
        assert_eq!(unpack(&packed, block.len()).as_deref(), Ok(block));
        packed
    }

    fn attachment(octets: &[u8]) -> Vec<u8> {
        let letters = STANDARD.encode(octets);
        let mut out = b"Content-Transfer-Encoding: base64\r\n\r\n".to_vec();
        for line in letters.as_bytes().chunks(76) {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut out);
        out
    }

    #[test]
    fn an_attachment_is_kept_as_its_octets() {
        let block = attachment(&noise(40_000));
        let len = packed(&block).len();
        assert!(len < 40_000 + 200, "{len} of {}", block.len());
    }

    #[test]
    fn an_attachment_that_says_little_is_smaller_still() {
        let block = attachment(&b"a report, ".repeat(4000));
        assert!(packed(&block).len() < 2000);
    }

    #[test]
    fn noise_is_kept_as_it_is() {
        for len in [0, 1, SMALLEST - 1, SMALLEST, 5000, BLOCK] {
            let block = noise(len);
            assert_eq!(packed(&block), block);
        }
    }

    #[test]
    fn the_longest_blocks_come_back() {
        let cut = |mut block: Vec<u8>| {
            block.truncate(BLOCK);
            block
        };
        packed(&cut(attachment(&noise(BLOCK))));
        packed(&cut(STANDARD.encode(noise(BLOCK)).into_bytes()));
        packed(&vec![b'a'; BLOCK]);
        let lines: Vec<u8> = attachment(&noise(57 * 900))[37..].to_vec();
        packed(&cut(lines));
    }

    #[test]
    fn no_cut_passes() {
        let mut block = b"Some text before it.\r\n".repeat(20);
        block.extend(attachment(&noise(600)));
        let packed = packed(&block);
        assert!(packed.len() < block.len());
        for cut in 0..packed.len() {
            assert_ne!(
                unpack(&packed[..cut], block.len()).as_deref(),
                Ok(&block[..])
            );
        }
        assert!(unpack(&packed, block.len() - 1).is_err());
        assert!(unpack(&packed, block.len() + 1).is_err());
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_read_without_harm(bytes: Vec<u8>, raw in 0..=BLOCK) {
            if let Ok(content) = unpack(&bytes, raw) {
                prop_assert_eq!(content.len(), raw);
            }
        }
    }
}
