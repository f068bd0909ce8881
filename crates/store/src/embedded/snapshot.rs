//! Snapshots: a sorted dump of the index, taken while it serves.
//!
//! ```text
//! file   = "FPSNAP\0\x01" start:u64 crc:u32 *block footer footer_len:u32 crc:u32 "FPsE"
//! block  = raw:u32 stored:u32 crc:u32, then zstd of *(key value), each with its length before it
//! footer = end:u64 entries:u64 digests count:u32 *(offset:u64 first_key)
//! ```
//!
//! The scan is not one moment: it holds what was applied up to `start` and some of what came after. The log from
//! `start` to at least `end` makes it one, because records are absolute. The digests are those at `end`.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;

use crate::{
    Lsn, StoreError,
    disk::{self, Disk, DiskFile},
};

use super::{
    checkpoint::{put_digests, take_digests},
    codec::{Cursor, Malformed, put_sized},
    digest::Digests,
    inner::{Inner, io_error},
    scan::Damage,
};

const MAGIC: [u8; 8] = *b"FPSNAP\0\x01";
const END: [u8; 4] = *b"FPsE";
const HEADER: usize = 20;
const BLOCK_HEADER: usize = 12;
const TAIL: usize = 12;
const BLOCK_BYTES: usize = 256 * 1024;
/// A block ends behind the pair that fills it; the index has no pair longer than a spilled chunk.
const MAX_BLOCK: usize = 2 * BLOCK_BYTES;
const MAX_FOOTER: u64 = 1 << 30;

/// What is done with each pair.
type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>;

/// An open snapshot whose header and footer are good.
pub(crate) struct Snapshot {
    file: Arc<dyn DiskFile>,
    path: String,
    /// Replay the log from behind this LSN.
    pub(crate) start: Lsn,
    /// And at least to this one.
    pub(crate) end: Lsn,
    pub(crate) digests: Digests,
    pub(crate) entries: u64,
    pub(crate) len: u64,
    blocks: Vec<(u64, Bytes)>,
}

pub(crate) fn path(start: Lsn) -> String {
    format!("snapshot/{:016x}.snap", start.0)
}

/// The snapshots on disk by their first LSN, newest first.
pub(crate) fn list(disk: &dyn Disk) -> Result<Vec<(Lsn, u64)>, StoreError> {
    let files = disk
        .list("snapshot")
        .map_err(io_error("listing snapshot"))?;
    let mut found: Vec<(Lsn, u64)> = files
        .iter()
        .filter_map(|entry| {
            let number = entry.name.strip_suffix(".snap")?;
            Some((Lsn(u64::from_str_radix(number, 16).ok()?), entry.len))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    Ok(found)
}

impl Snapshot {
    pub(crate) fn open(disk: &dyn Disk, start: Lsn) -> Result<Self, StoreError> {
        let path = path(start);
        let file = disk.open(&path).map_err(io_error(&*path))?;
        let len = file.len().map_err(io_error(&*path))?;
        Self::parse(file, len, path)
    }

    fn parse(file: Arc<dyn DiskFile>, len: u64, path: String) -> Result<Self, StoreError> {
        let damaged = |what: &str| StoreError::Damaged {
            what: format!("{path}: {what}"),
        };
        let read = |offset: u64, count: usize| {
            let mut data = vec![0; count];
            file.read_exact_at(&mut data, offset)
                .map_err(|_| damaged("cut off"))?;
            Ok::<_, StoreError>(data)
        };
        let header = read(0, HEADER)?;
        let start = parse_header(&header).map_err(|_| damaged("header"))?;
        let tail_at = len
            .checked_sub(TAIL as u64)
            .ok_or_else(|| damaged("cut off"))?;
        let tail = read(tail_at, TAIL)?;
        let mut cursor = Cursor::new(&tail);
        let malformed = |_| damaged("tail");
        let footer_len = u64::from(cursor.u32().map_err(malformed)?);
        let crc = cursor.u32().map_err(malformed)?;
        if cursor.array() != Ok(END) || footer_len > MAX_FOOTER || footer_len > tail_at {
            return Err(damaged("tail"));
        }
        let footer = Bytes::from(read(tail_at - footer_len, footer_len as usize)?);
        if crc32c::crc32c(&footer) != crc {
            return Err(damaged("footer checksum"));
        }
        let (end, entries, digests, blocks) =
            parse_footer(&footer).map_err(|_| damaged("footer"))?;
        Ok(Self {
            file,
            path,
            start,
            end,
            digests,
            entries,
            len,
            blocks,
        })
    }

    /// Hands out every pair with `start <= key < end` (`None`: to the last one), in order; returns how many.
    pub(crate) fn read(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<u64, StoreError> {
        let first = self
            .blocks
            .partition_point(|(_, key)| &key[..] <= start)
            .saturating_sub(1);
        let mut count = 0;
        for (offset, key) in &self.blocks[first.min(self.blocks.len())..] {
            if end.is_some_and(|end| &key[..] >= end) {
                break;
            }
            let block = self.block(*offset)?;
            let mut cursor = Cursor::new(&block);
            while !cursor.is_empty() {
                let pair = take_pair(&mut cursor).map_err(|_| StoreError::Damaged {
                    what: format!("{} at {offset}: pairs", self.path),
                })?;
                if pair.0 >= start && end.is_none_or(|end| pair.0 < end) {
                    count += 1;
                    visit(pair.0, pair.1)?;
                }
            }
        }
        Ok(count)
    }

    /// Reads everything back.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let mut last = Vec::new();
        let mut sorted = true;
        let count = self.read(&[], None, &mut |key, _| {
            sorted &= last.is_empty() || key > &last[..];
            last.clear();
            last.extend_from_slice(key);
            Ok(())
        })?;
        if count == self.entries && sorted {
            Ok(())
        } else {
            Err(StoreError::Damaged {
                what: format!(
                    "{}: {count} pairs of {}, in order: {sorted}",
                    self.path, self.entries
                ),
            })
        }
    }

    fn block(&self, offset: u64) -> Result<Vec<u8>, StoreError> {
        let damaged = |what: &str| StoreError::Damaged {
            what: format!("{} at {offset}: {what}", self.path),
        };
        let mut header = [0; BLOCK_HEADER];
        self.file
            .read_exact_at(&mut header, offset)
            .map_err(|_| damaged("cut off"))?;
        let stored_len = block_lens(&header).map_err(|_| damaged("block header"))?.1;
        let mut stored = vec![0; stored_len];
        self.file
            .read_exact_at(&mut stored, offset + BLOCK_HEADER as u64)
            .map_err(|_| damaged("cut off"))?;
        decode_block(&header, &stored).map_err(|_| damaged("block"))
    }
}

/// The newest snapshot that is whole (with `check`: all of it, without: its header and footer), and what is wrong with
/// newer ones.
pub(crate) fn newest(
    disk: &dyn Disk,
    check: bool,
    damage: &mut Vec<Damage>,
) -> Result<Option<Snapshot>, StoreError> {
    for (start, _) in list(disk)? {
        match Snapshot::open(disk, start).and_then(|snapshot| {
            if check {
                snapshot.check()?;
            }
            Ok(snapshot)
        }) {
            Ok(snapshot) => return Ok(Some(snapshot)),
            Err(error) => {
                tracing::warn!(%error, "a snapshot can't be read: an older one is used");
                damage.push(Damage {
                    file: path(start),
                    offset: 0,
                    what: error.to_string(),
                });
            }
        }
    }
    Ok(None)
}

impl Inner {
    /// Takes a snapshot, reads it back, and removes all but the newest two. Returns its first LSN.
    pub(crate) fn take_snapshot(
        &self,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Lsn, StoreError> {
        let start = self.applied.lock().lsn;
        let expected = self.keeper.snapshot_entries();
        let disk = &*self.disk;
        disk.create_dir("snapshot")
            .map_err(io_error("creating snapshot"))?;
        let temporary = "snapshot/unfinished";
        disk::remove_if_there(disk, temporary).map_err(io_error(temporary))?;
        let result = (|| {
            let file = disk.create(temporary).map_err(io_error(temporary))?;
            let (entries, len) = self.write_snapshot(start, &*file, expected, progress)?;
            file.sync_data().map_err(io_error(temporary))?;
            Snapshot::parse(file, len, temporary.to_owned())?.check()?;
            disk.rename(temporary, &path(start))
                .and_then(|()| disk.sync_dir("snapshot"))
                .map_err(io_error(temporary))?;
            Ok((entries, len))
        })();
        let (entries, len) = match result {
            Ok(done) => done,
            Err(error) => {
                drop(disk::remove_if_there(disk, temporary));
                return Err(error);
            }
        };
        for (old, _) in list(disk)?.into_iter().skip(2) {
            let _unpinned = self.pinned.write();
            disk.remove(&path(old)).map_err(io_error(path(old)))?;
        }
        self.keeper.snapshot_taken(
            entries,
            len,
            self.counters.record_bytes.load(Ordering::Relaxed),
        );
        Ok(start)
    }

    fn write_snapshot(
        &self,
        start: Lsn,
        file: &dyn DiskFile,
        expected: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(u64, u64), StoreError> {
        let mut offset = 0u64;
        let mut append = |data: &[u8]| {
            let at = offset;
            offset += data.len() as u64;
            file.write_at(data, at)
                .map_err(io_error("writing a snapshot"))?;
            Ok::<_, StoreError>(at)
        };
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&start.0.to_le_bytes());
        let crc = crc32c::crc32c(&header);
        header.extend_from_slice(&crc.to_le_bytes());
        append(&header)?;
        let mut compressor =
            zstd::bulk::Compressor::new(1).map_err(io_error("starting compression"))?;
        let mut blocks: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut entries = 0u64;
        let mut from: Vec<u8> = Vec::new();
        loop {
            let mut first = Vec::new();
            let mut last = Vec::new();
            let mut block = Vec::with_capacity(BLOCK_BYTES + 8192);
            self.with_index(|index| {
                index.scan(&from, &[0xff], false, &mut |key, value| {
                    if first.is_empty() {
                        first.extend_from_slice(key);
                    }
                    last.clear();
                    last.extend_from_slice(key);
                    put_sized(&mut block, key);
                    put_sized(&mut block, value);
                    entries += 1;
                    block.len() < BLOCK_BYTES
                })
            })?;
            if block.is_empty() {
                break;
            }
            let stored = compressor
                .compress(&block)
                .map_err(io_error("compressing a snapshot"))?;
            let mut head = Vec::with_capacity(BLOCK_HEADER);
            head.extend_from_slice(&(block.len() as u32).to_le_bytes());
            head.extend_from_slice(&(stored.len() as u32).to_le_bytes());
            head.extend_from_slice(&crc32c::crc32c(&stored).to_le_bytes());
            blocks.push((append(&head)?, first));
            append(&stored)?;
            from = last;
            from.push(0);
            progress(entries, expected.max(entries));
            if self.keeper.stopping() {
                return Err(StoreError::Closed);
            }
        }
        let (end, digests) = {
            let applied = self.applied.lock();
            (applied.lsn, applied.digests.clone())
        };
        let mut footer = Vec::new();
        footer.extend_from_slice(&end.0.to_le_bytes());
        footer.extend_from_slice(&entries.to_le_bytes());
        put_digests(&mut footer, &digests);
        footer.extend_from_slice(&(blocks.len() as u32).to_le_bytes());
        for (offset, first) in &blocks {
            footer.extend_from_slice(&offset.to_le_bytes());
            put_sized(&mut footer, first);
        }
        let crc = crc32c::crc32c(&footer);
        let len = footer.len() as u32;
        append(&footer)?;
        let mut tail = len.to_le_bytes().to_vec();
        tail.extend_from_slice(&crc.to_le_bytes());
        tail.extend_from_slice(&END);
        append(&tail)?;
        Ok((entries, offset))
    }
}

fn parse_header(header: &[u8]) -> Result<Lsn, Malformed> {
    let mut cursor = Cursor::new(header);
    if cursor.array()? != MAGIC {
        return Err(Malformed);
    }
    let start = cursor.u64()?;
    if cursor.u32()? != crc32c::crc32c(&header[..HEADER - 4]) {
        return Err(Malformed);
    }
    Ok(Lsn(start))
}

type Footer = (Lsn, u64, Digests, Vec<(u64, Bytes)>);

fn parse_footer(footer: &Bytes) -> Result<Footer, Malformed> {
    let mut cursor = Cursor::new(footer);
    let end = Lsn(cursor.u64()?);
    let entries = cursor.u64()?;
    let digests = take_digests(&mut cursor)?;
    let count = cursor.u32()? as usize;
    if count > cursor.remaining() / 9 {
        return Err(Malformed);
    }
    let mut blocks = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = cursor.u64()?;
        let key = footer.slice_ref(cursor.sized(1024)?);
        blocks.push((offset, key));
    }
    if cursor.is_empty() {
        Ok((end, entries, digests, blocks))
    } else {
        Err(Malformed)
    }
}

fn block_lens(header: &[u8; BLOCK_HEADER]) -> Result<(usize, usize, u32), Malformed> {
    let mut cursor = Cursor::new(header);
    let (raw, stored) = (cursor.u32()? as usize, cursor.u32()? as usize);
    if raw > MAX_BLOCK || stored > MAX_BLOCK {
        return Err(Malformed);
    }
    Ok((raw, stored, cursor.u32()?))
}

fn decode_block(header: &[u8; BLOCK_HEADER], stored: &[u8]) -> Result<Vec<u8>, Malformed> {
    let (raw, _, crc) = block_lens(header)?;
    if crc32c::crc32c(stored) != crc {
        return Err(Malformed);
    }
    let block = zstd::bulk::decompress(stored, raw).map_err(|_| Malformed)?;
    if block.len() == raw {
        Ok(block)
    } else {
        Err(Malformed)
    }
}

fn take_pair<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a [u8], &'a [u8]), Malformed> {
    Ok((cursor.sized(1024)?, cursor.sized(MAX_BLOCK)?))
}

/// Reads a snapshot from memory as far as it goes; for fuzzing.
pub fn check_bytes(data: &[u8]) -> Result<u64, StoreError> {
    let disk = disk::FaultyDisk::new(0);
    let file = disk
        .create("snapshot")
        .and_then(|file| file.write_at(data, 0).map(|()| file))
        .map_err(io_error("memory"))?;
    let snapshot = Snapshot::parse(file, data.len() as u64, "snapshot".to_owned())?;
    snapshot.check()?;
    Ok(snapshot.entries)
}
