//! Reading the log: all records from an LSN on, in order, with a judgement on what is damaged.
//!
//! A frame that is not whole is either the torn end of what was being written when the power went (nothing of it
//! was acknowledged: the log ends before it) or damage to what once was whole (that frame alone is lost, and said so).
//! It is damage if something later in the log says that its LSN had been synced: a frame that carries a higher
//! `synced`, a later segment, or the checkpoint.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Lsn, StoreError,
    disk::{Disk, DiskFile},
};

use super::{
    frame::{FRAME_HEADER, FRAME_MAGIC, FrameHeader, Kind, SEGMENT_HEADER, SegmentHeader},
    inner::io_error,
    record::{FileId, Record},
};

/// A log segment with a good header.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) len: u64,
}

/// A part of a file that can't be read as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, relative to the data directory.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// What is wrong there, and what that means.
    pub what: String,
}

/// What a scan is to look at.
pub(crate) struct ScanLog<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) segments: &'a [Segment],
    /// Records behind this LSN are wanted.
    pub(crate) after: Lsn,
    /// Everything up to this LSN is known to have been synced.
    pub(crate) synced: Lsn,
    /// Bodies behind this LSN are read and checked too; before it they are skipped.
    pub(crate) check_bodies_after: Lsn,
    /// Segments of records up to here may have been retired from between others.
    pub(crate) gaps_after: Lsn,
    /// The log is read up to here (segment, offset): behind it, it is being written.
    pub(crate) until: Option<(u64, u64)>,
}

/// Where the log ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScanEnd {
    pub(crate) last: Lsn,
    /// The last segment and the end of its last good frame.
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    /// Where the frames begin in it that nothing later proves to have been synced: the last group.
    pub(crate) unproven: u64,
    /// Whether something that was not acknowledged follows.
    pub(crate) torn: bool,
    pub(crate) damage: Vec<Damage>,
    pub(crate) frames: u64,
}

/// Lists the log's segments in order; what has no good header is named as damage, unless it holds nothing else either: then
/// it was being created when the machine stopped.
pub(crate) fn segments(disk: &dyn Disk) -> Result<(Vec<Segment>, Vec<Damage>), StoreError> {
    let mut found = Vec::new();
    let mut damage = Vec::new();
    for entry in disk.list("log").map_err(io_error("listing log"))? {
        let number = entry
            .name
            .strip_suffix(".log")
            .and_then(|number| u64::from_str_radix(number, 16).ok());
        let Some(number) = number else {
            continue;
        };
        let path = FileId::Log(number).path();
        let file = disk.open(&path).map_err(io_error(&*path))?;
        let mut header = [0; SEGMENT_HEADER as usize];
        let read = file.read_at(&mut header, 0).map_err(io_error(&*path))?;
        match SegmentHeader::decode(&header[..read]) {
            Ok(header) if header.number == number => found.push(Segment {
                header,
                len: entry.len,
            }),
            _ if entry.len <= SEGMENT_HEADER => {}
            _ => damage.push(Damage {
                file: path,
                offset: 0,
                what: "the segment's header is damaged; its frames can't be read".to_owned(),
            }),
        }
    }
    Ok((found, damage))
}

impl ScanLog<'_> {
    /// Hands every wanted record to `visit`.
    pub(crate) fn run(
        &self,
        visit: &mut dyn FnMut(Record) -> Result<(), StoreError>,
    ) -> Result<ScanEnd, StoreError> {
        let mut end = ScanEnd::default();
        for (at, segment) in self.segments.iter().enumerate() {
            let number = segment.header.number;
            if self.until.is_some_and(|(last, _)| number > last) {
                break;
            }
            let later = self.segments.get(at + 1);
            // All of its records come before the wanted ones.
            if later.is_some_and(|later| later.header.first.0 <= self.after.0 + 1) {
                continue;
            }
            if end.segment != 0
                && segment.header.first.0 > end.last.0 + 1
                && segment.header.first.0 > self.gaps_after.0 + 1
            {
                end.damage.push(Damage {
                    file: FileId::Log(number).path(),
                    offset: 0,
                    what: format!(
                        "records {} to {} before it are missing",
                        end.last.0 + 1,
                        segment.header.first.0 - 1
                    ),
                });
            }
            end.segment = number;
            end.offset = SEGMENT_HEADER;
            end.unproven = SEGMENT_HEADER;
            end.last = end.last.max(Lsn(segment.header.first.0.saturating_sub(1)));
            let proof = later.map_or(self.synced, |later| {
                Lsn(self.synced.0.max(later.header.first.0 - 1))
            });
            self.segment(segment, proof, later.is_none(), &mut end, visit)?;
        }
        Ok(end)
    }

    fn segment(
        &self,
        segment: &Segment,
        proof: Lsn,
        is_last: bool,
        end: &mut ScanEnd,
        visit: &mut dyn FnMut(Record) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let number = segment.header.number;
        let path = FileId::Log(number).path();
        let len = match self.until {
            Some((last, offset)) if last == number => offset.min(segment.len),
            _ => segment.len,
        };
        let mut reader = Reader::new(
            self.disk.open(&path).map_err(io_error(&*path))?,
            len,
            path.clone(),
        );
        let mut offset = SEGMENT_HEADER;
        let mut group = Lsn(0);
        let mut proof = proof;
        let mut looked_for_proof = false;
        while offset < len {
            let frame = self.frame(&mut reader, offset, segment.header.salt, end.last)?;
            match frame {
                Ok((header, payload)) => {
                    let next = offset + (FRAME_HEADER as u64) + u64::from(header.len);
                    end.frames += 1;
                    // All frames of a group carry the same.
                    if header.synced > group {
                        group = header.synced;
                        end.unproven = offset;
                    }
                    if header.kind == Kind::Record {
                        end.last = header.lsn;
                        if header.lsn > self.after
                            && let Some(payload) = payload
                        {
                            match Record::decode(header.lsn, &payload, number, offset) {
                                Ok(record) => visit(record)?,
                                Err(_) => end.damage.push(Damage {
                                    file: path.clone(),
                                    offset,
                                    what: format!("record {} does not parse", header.lsn),
                                }),
                            }
                        }
                        end.offset = next;
                    }
                    offset = next;
                }
                Err(what) => {
                    if proof <= end.last && !looked_for_proof {
                        looked_for_proof = true;
                        proof = proof.max(find_proof(&mut reader, offset, segment.header.salt)?);
                    }
                    let next = if proof > end.last {
                        next_frame(&mut reader, offset + 1, segment.header.salt, end.last)?
                    } else {
                        None
                    };
                    if proof <= end.last {
                        // Or the end of a segment that an earlier start left behind.
                        end.torn = is_last;
                        return Ok(());
                    }
                    end.damage.push(Damage {
                        file: path.clone(),
                        offset,
                        what: format!("{what}; what stood there is lost"),
                    });
                    match next {
                        Some((next, _)) => offset = next,
                        None => {
                            end.offset = len;
                            return Ok(());
                        }
                    }
                }
            }
        }
        if offset > len {
            end.torn = true;
        }
        Ok(())
    }

    /// The frame at an offset, with its payload if that is wanted; the inner error says what is wrong with it.
    #[allow(clippy::type_complexity)]
    fn frame(
        &self,
        reader: &mut Reader,
        offset: u64,
        salt: u64,
        last: Lsn,
    ) -> Result<Result<(FrameHeader, Option<Bytes>), &'static str>, StoreError> {
        let Some(bytes) = reader.bytes(offset, FRAME_HEADER)? else {
            return Ok(Err("cut off"));
        };
        let Ok(header) = FrameHeader::decode(&bytes, salt) else {
            return Ok(Err("no frame begins here"));
        };
        if header.lsn <= last {
            return Ok(Err("a frame out of order"));
        }
        let start = offset + FRAME_HEADER as u64;
        if start + u64::from(header.len) > reader.len {
            return Ok(Err("cut off"));
        }
        let wanted = match header.kind {
            Kind::Record => header.lsn > self.after || header.lsn > self.check_bodies_after,
            Kind::Body => header.lsn > self.check_bodies_after,
        };
        if !wanted {
            return Ok(Ok((header, None)));
        }
        let Some(payload) = reader.bytes(start, header.len as usize)? else {
            return Ok(Err("cut off"));
        };
        if !header.fits(salt, &payload) {
            return Ok(Err("a checksum fails"));
        }
        Ok(Ok((header, Some(payload))))
    }
}

/// The highest LSN that the frames behind `offset` know to have been synced.
fn find_proof(reader: &mut Reader, offset: u64, salt: u64) -> Result<Lsn, StoreError> {
    let mut proof = Lsn(0);
    let mut at = offset + 1;
    while let Some((found, header)) = next_frame(reader, at, salt, Lsn(0))? {
        proof = proof.max(header.synced);
        at = found + FRAME_HEADER as u64;
    }
    Ok(proof)
}

/// The next whole frame of a higher LSN than `last`.
fn next_frame(
    reader: &mut Reader,
    from: u64,
    salt: u64,
    last: Lsn,
) -> Result<Option<(u64, FrameHeader)>, StoreError> {
    const STEP: usize = 256 * 1024;
    let mut at = from;
    while at < reader.len {
        let count = STEP.min((reader.len - at) as usize);
        let Some(bytes) = reader.bytes(at, count)? else {
            return Ok(None);
        };
        let found = bytes
            .windows(FRAME_MAGIC.len())
            .position(|window| window == FRAME_MAGIC);
        match found {
            Some(position) => {
                let offset = at + position as u64;
                if let Some(header) = whole_frame(reader, offset, salt)?
                    && header.lsn > last
                {
                    return Ok(Some((offset, header)));
                }
                at = offset + 1;
            }
            None if count < STEP => return Ok(None),
            None => at += (count - FRAME_MAGIC.len() + 1) as u64,
        }
    }
    Ok(None)
}

fn whole_frame(
    reader: &mut Reader,
    offset: u64,
    salt: u64,
) -> Result<Option<FrameHeader>, StoreError> {
    let Some(bytes) = reader.bytes(offset, FRAME_HEADER)? else {
        return Ok(None);
    };
    let Ok(header) = FrameHeader::decode(&bytes, salt) else {
        return Ok(None);
    };
    let payload = reader.bytes(offset + FRAME_HEADER as u64, header.len as usize)?;
    Ok(payload
        .is_some_and(|payload| header.fits(salt, &payload))
        .then_some(header))
}

/// A file read in large pieces.
struct Reader {
    file: Arc<dyn DiskFile>,
    len: u64,
    path: String,
    buffer: Bytes,
    start: u64,
}

impl Reader {
    fn new(file: Arc<dyn DiskFile>, len: u64, path: String) -> Self {
        Self {
            file,
            len,
            path,
            buffer: Bytes::new(),
            start: 0,
        }
    }

    /// `count` bytes at `offset`; `None` if the file ends before.
    fn bytes(&mut self, offset: u64, count: usize) -> Result<Option<Bytes>, StoreError> {
        const AHEAD: usize = 256 * 1024;
        if offset + count as u64 > self.len {
            return Ok(None);
        }
        let end = self.start + self.buffer.len() as u64;
        if offset < self.start || offset + count as u64 > end {
            let mut want = count.max(AHEAD);
            // Behind a body that was skipped only the next header is needed at first.
            if offset > end && count <= FRAME_HEADER {
                want = count.max(16 * 1024);
            }
            let want = want.min((self.len - offset) as usize);
            let mut buffer = vec![0; want];
            self.file
                .read_exact_at(&mut buffer, offset)
                .map_err(io_error(&*self.path))?;
            self.buffer = buffer.into();
            self.start = offset;
        }
        let at = (offset - self.start) as usize;
        Ok(Some(self.buffer.slice(at..at + count)))
    }
}
