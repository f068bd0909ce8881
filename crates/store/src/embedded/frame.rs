//! The one frame format of the log, and the header of a log segment.
//!
//! ```text
//! segment = "FPLOG\0\0\x01" number:u64 salt:u64 first_lsn:u64 crc:u32 pad  (64 bytes), then frames
//! frame   = "FPfr" kind:u8 0 0 0 len:u32 lsn:u64 synced:u64 payload_crc:u32 header_crc:u32, then `len` bytes
//! ```
//!
//! Both checksums are CRC-32C and begin from the segment's salt, so that bytes of another segment or of an earlier
//! file never pass for a frame. The header has a checksum of its own, so that a body can be skipped unread. `synced`
//! is the last LSN that was known to be on disk when the frame was written: it tells a torn tail, where nothing
//! was acknowledged, from damage to what once was.

use crate::Lsn;

use super::codec::{Cursor, Malformed};

/// Length of a segment's header.
pub(crate) const SEGMENT_HEADER: u64 = 64;

/// Length of a frame's header.
pub(crate) const FRAME_HEADER: usize = 36;

/// The longest payload of a frame: a commit of the largest values that the trait takes stays below it.
pub(crate) const MAX_PAYLOAD: u32 = 1 << 30;

const SEGMENT_MAGIC: [u8; 8] = *b"FPLOG\0\0\x01";
pub(crate) const FRAME_MAGIC: [u8; 4] = *b"FPfr";

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A [`super::record::Record`].
    Record,
    /// An encoded body, placed by the record of the same LSN that follows.
    Body,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: Kind,
    pub(crate) len: u32,
    pub(crate) lsn: Lsn,
    pub(crate) synced: Lsn,
    pub(crate) payload_crc: u32,
}

impl FrameHeader {
    /// Appends a whole frame.
    pub(crate) fn write(
        out: &mut Vec<u8>,
        salt: u64,
        kind: Kind,
        lsn: Lsn,
        synced: Lsn,
        payload: &[u8],
    ) {
        let start = out.len();
        out.extend_from_slice(&FRAME_MAGIC);
        out.extend_from_slice(&[kind as u8, 0, 0, 0]);
        out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        out.extend_from_slice(&lsn.0.to_le_bytes());
        out.extend_from_slice(&synced.0.to_le_bytes());
        out.extend_from_slice(&checksum(salt, payload).to_le_bytes());
        let header_crc = checksum(salt, &out[start..]);
        out.extend_from_slice(&header_crc.to_le_bytes());
        out.extend_from_slice(payload);
    }

    pub(crate) fn decode(data: &[u8], salt: u64) -> Result<Self, Malformed> {
        let header = data.get(..FRAME_HEADER).ok_or(Malformed)?;
        let mut cursor = Cursor::new(header);
        if cursor.array()? != FRAME_MAGIC {
            return Err(Malformed);
        }
        let kind = match cursor.array()? {
            [0, 0, 0, 0] => Kind::Record,
            [1, 0, 0, 0] => Kind::Body,
            _ => return Err(Malformed),
        };
        let header = Self {
            kind,
            len: cursor.u32()?,
            lsn: Lsn(cursor.u64()?),
            synced: Lsn(cursor.u64()?),
            payload_crc: cursor.u32()?,
        };
        let crc = cursor.u32()?;
        if header.len > MAX_PAYLOAD || crc != checksum(salt, &data[..FRAME_HEADER - 4]) {
            return Err(Malformed);
        }
        Ok(header)
    }

    pub(crate) fn fits(&self, salt: u64, payload: &[u8]) -> bool {
        self.payload_crc == checksum(salt, payload)
    }
}

/// A log segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u64,
    pub(crate) salt: u64,
    /// No frame of the segment has a lower LSN, none of an earlier segment has this one or a higher.
    pub(crate) first: Lsn,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER as usize] {
        let mut out = [0; SEGMENT_HEADER as usize];
        out[..8].copy_from_slice(&SEGMENT_MAGIC);
        out[8..16].copy_from_slice(&self.number.to_le_bytes());
        out[16..24].copy_from_slice(&self.salt.to_le_bytes());
        out[24..32].copy_from_slice(&self.first.0.to_le_bytes());
        let crc = crc32c::crc32c(&out[..32]);
        out[32..36].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(data);
        if cursor.array()? != SEGMENT_MAGIC {
            return Err(Malformed);
        }
        let header = Self {
            number: cursor.u64()?,
            salt: cursor.u64()?,
            first: Lsn(cursor.u64()?),
        };
        if cursor.u32()? != crc32c::crc32c(&data[..32]) {
            return Err(Malformed);
        }
        Ok(header)
    }
}

fn checksum(salt: u64, data: &[u8]) -> u32 {
    crc32c::crc32c_append(salt as u32 ^ (salt >> 32) as u32, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_its_own_segment_only_and_no_flipped_bit_passes() {
        let mut out = Vec::new();
        FrameHeader::write(&mut out, 42, Kind::Body, Lsn(9), Lsn(8), b"payload");
        let header = FrameHeader::decode(&out, 42).unwrap();
        assert_eq!((header.lsn, header.synced, header.len), (Lsn(9), Lsn(8), 7));
        assert!(header.fits(42, b"payload"));
        assert!(FrameHeader::decode(&out, 43).is_err());
        for bit in 0..out.len() * 8 {
            let mut flipped = out.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let whole = FrameHeader::decode(&flipped, 42)
                .is_ok_and(|header| header.fits(42, &flipped[FRAME_HEADER..]));
            assert!(!whole, "bit {bit}");
        }
    }

    #[test]
    fn a_segment_header_comes_back() {
        let header = SegmentHeader {
            number: 3,
            salt: 77,
            first: Lsn(1000),
        };
        assert_eq!(SegmentHeader::decode(&header.encode()), Ok(header));
        assert!(SegmentHeader::decode(&header.encode()[..30]).is_err());
    }
}
