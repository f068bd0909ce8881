//! Every parser of bytes from the disk, over bytes of unknown quality. Whatever they are given they return; the fuzz
//! targets hold them to it.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    BodyId, Lsn, StoreError,
    disk::{Disk, FaultyDisk},
};

use super::{
    body::{encoding, packing},
    checkpoint::Checkpoint,
    frame::{FrameHeader, Kind, SegmentHeader},
    record::Record,
    scan,
    scan::ScanLog,
    snapshot,
};

/// Reads bytes as a log segment, as recovery does. Returns how many records it found.
pub fn log_segment(data: &[u8]) -> Result<u64, StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new(0));
    let written = disk
        .create("log/0000000000000001.log")
        .and_then(|file| file.write_at(data, 0));
    written.map_err(super::io_error("memory"))?;
    let (segments, _) = scan::segments(&*disk)?;
    let mut count = 0;
    let mut last = Lsn(0);
    ScanLog {
        disk: &*disk,
        segments: &segments,
        after: Lsn(0),
        synced: Lsn(0),
        check_bodies_after: Lsn(0),
        gaps_after: Lsn(0),
        until: None,
    }
    .run(&mut |record| {
        assert!(record.lsn > last, "records come in order");
        last = record.lsn;
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

/// Reads payloads of unknown quality in frames whose checksums are right, some of them cut or turned over: `flip` is a
/// byte of the segment that is changed, `cut` how many bytes are missing at its end. Returns how many records it found.
pub fn log_of_payloads(payloads: &[&[u8]], flip: usize, cut: usize) -> Result<u64, StoreError> {
    let header = SegmentHeader {
        number: 1,
        salt: 7,
        first: Lsn(1),
    };
    let mut data = header.encode().to_vec();
    for (at, payload) in payloads.iter().enumerate() {
        let kind = match payload.first() {
            Some(0) => Kind::Body,
            _ => Kind::Record,
        };
        let (lsn, synced) = (Lsn(at as u64 + 1), Lsn(at as u64));
        FrameHeader::write(&mut data, header.salt, kind, lsn, synced, payload);
    }
    let len = data.len();
    if let Some(byte) = data.get_mut(flip) {
        *byte ^= 0x10;
    }
    data.truncate(len - cut.min(len));
    log_segment(&data)
}

/// Reads bytes as the payload of a record's frame; what is accepted must come back the same when it is written again.
pub fn record(data: &[u8]) -> bool {
    let data = Bytes::copy_from_slice(data);
    let Ok(record) = Record::decode(Lsn(1), &data, 1, u64::from(u32::MAX)) else {
        return false;
    };
    let again = Bytes::from(record.encode(u64::from(u32::MAX)));
    let decoded = Record::decode(Lsn(1), &again, 1, u64::from(u32::MAX));
    assert_eq!(decoded, Ok(record), "a record comes back as it was");
    true
}

/// Reads bytes as a snapshot. Returns how many pairs it has.
pub fn snapshot(data: &[u8]) -> Result<u64, StoreError> {
    snapshot::check_bytes(data)
}

/// Reads bytes as a checkpoint; what is accepted must come back the same when it is written again.
pub fn checkpoint(data: &[u8]) -> bool {
    let Ok(checkpoint) = Checkpoint::decode(data) else {
        return false;
    };
    assert_eq!(
        Checkpoint::decode(&checkpoint.encode()).as_ref(),
        Ok(&checkpoint)
    );
    true
}

/// Reads bytes as an encoded body. Returns its size.
pub fn body(data: &[u8]) -> Result<u64, StoreError> {
    encoding::decode_all(data).map(|(_, content)| content.len() as u64)
}

/// Reads bytes as a packed block of `size` bytes, behind the checksum that would keep most of them away. Whether it is one.
pub fn packed_block(data: &[u8], size: u16) -> bool {
    let content = packing::unpack(data, size.into());
    if let Ok(content) = &content {
        assert_eq!(content.len(), usize::from(size));
    }
    content.is_ok()
}

/// Encodes bytes as a body, in pieces of `piece` bytes, and reads that: they must come back.
pub fn body_round_trip(content: &[u8], piece: usize) {
    let id = BodyId([7; 16]);
    let mut encoder = encoding::Encoder::new(id, 0);
    for piece in content.chunks(piece.max(1)) {
        encoder.write(piece);
    }
    encoder.finish();
    let (_, encoded) = encoder.take();
    let comes_back = encoding::decode_all(&encoded)
        .is_ok_and(|(read_id, read)| read_id == id && read == content);
    assert!(comes_back, "a body comes back as it was");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_kind_are_read_without_harm() {
        let mut state = 1u64;
        for len in 0..300 {
            let data: Vec<u8> = (0..len)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            assert!(log_segment(&data).is_ok());
            assert!(snapshot(&data).is_err() && !checkpoint(&data) && body(&data).is_err());
            record(&data);
            packed_block(&data, len as u16);
            body_round_trip(&data, len / 3);
            let found = log_of_payloads(&[&data, &[0; 9], &data], len * 3, len / 2);
            assert!(found.is_ok());
        }
    }
}
