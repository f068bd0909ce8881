//! The group commit: one thread gathers all that waits, writes it once, syncs once, then acknowledges all of it,
//! publishes the changes and passes them on to the applier.
//!
//! A full disk: the reserve is given up and the write tried once more; if that does not help, everything that is not
//! on disk is taken back and refused, and the store goes on. A failed sync, or any other failed write: the same,
//! and the store is read-only from then on.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    Lsn, StoreError,
    disk::{DiskFile, remove_if_there},
};

use super::{
    accept::Unit,
    applier::Message,
    body::stage::UNPLACED,
    frame::{FrameHeader, Kind, SEGMENT_HEADER, SegmentHeader},
    inner::{Durable, Inner, io_error},
    record::{Change, FileId},
};

/// A file whose blocks are given up when the disk is full, so that what has been accepted can still be written.
pub(crate) const RESERVE: &str = "reserve";
const RESERVE_BYTES: usize = 4 * 1024 * 1024;
/// A group is written in pieces of about this size.
const GROUP_BYTES: u64 = 16 * 1024 * 1024;

/// The log's writing end, owned by its thread.
pub(crate) struct LogWriter {
    store: Arc<Inner>,
    active: Option<Active>,
    /// Reused from group to group.
    buffer: Vec<u8>,
    since_space_check: u64,
    /// The active segment takes no more.
    seal: bool,
}

struct Active {
    file: Arc<dyn DiskFile>,
    number: u64,
    salt: u64,
    end: u64,
}

enum Failed {
    Full,
    Stop(StoreError),
}

impl LogWriter {
    pub(crate) fn new(store: Arc<Inner>) -> Self {
        Self {
            store,
            active: None,
            buffer: Vec::new(),
            since_space_check: 0,
            seal: false,
        }
    }

    /// Runs until the store stops and all that was accepted is written.
    pub(crate) fn run(mut self) {
        loop {
            let (units, stopping) = self.gather();
            if units.is_empty() && stopping {
                break;
            }
            self.commit(units);
        }
        // A stopped applier has lost its end already.
        drop(self.store.to_applier.send(Message::Stop));
    }

    fn gather(&mut self) -> (Vec<Unit>, bool) {
        let store = Arc::clone(&self.store);
        let mut queue = store.queue.lock();
        if queue.pending.is_empty() {
            queue.busy = false;
            self.store.queue_idle.notify_all();
        }
        while queue.pending.is_empty() && !queue.stopping {
            self.store.queue_wake.wait(&mut queue);
        }
        queue.busy = !queue.pending.is_empty();
        if std::mem::take(&mut queue.seal) {
            self.seal = true;
        }
        let units = std::mem::take(&mut queue.pending);
        let stopping = queue.stopping;
        (units, stopping)
    }

    fn commit(&mut self, units: Vec<Unit>) {
        let mut units = units.into_iter().peekable();
        while units.peek().is_some() {
            let mut group = Vec::new();
            let mut bytes = 0;
            let room = match self.room() {
                Ok(room) => room,
                Err(failed) => return self.take_back(units.collect(), failed),
            };
            while let Some(unit) = units.peek() {
                let len = unit.len();
                if !group.is_empty() && (bytes + len > room || bytes > GROUP_BYTES) {
                    break;
                }
                bytes += len;
                group.extend(units.next());
            }
            if let Err(failed) = self.write(&mut group) {
                group.extend(units);
                return self.take_back(group, failed);
            }
            self.acknowledge(group, bytes);
        }
    }

    /// How many bytes the active segment still takes; begins another one if it is full.
    fn room(&mut self) -> Result<u64, Failed> {
        let limit = self.store.settings.segment_bytes;
        let full = self
            .active
            .as_ref()
            .is_none_or(|active| active.end >= limit);
        if full || std::mem::take(&mut self.seal) {
            self.active = None;
            self.active = Some(self.with_reserve(Self::begin_segment)?);
        }
        let end = self.active.as_ref().map_or(0, |active| active.end);
        Ok(limit.saturating_sub(end))
    }

    /// Creates a segment and makes it durable before any frame goes in.
    fn begin_segment(&mut self) -> Result<Active, Failed> {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).map_err(|error| {
            Failed::Stop(self.store.stop_writing(format!("random bytes: {error}")))
        })?;
        let header = SegmentHeader {
            number: self.store.next_file(),
            salt: u64::from_le_bytes(salt),
            first: Lsn(self.store.durable.lock().lsn.0 + 1),
        };
        let path = FileId::Log(header.number).path();
        let disk = &*self.store.disk;
        let created = disk.create(&path).and_then(|file| {
            file.write_at(&header.encode(), 0)?;
            Ok(file)
        });
        let file = match created {
            Ok(file) => file,
            Err(error) => {
                // The half-made file is in nobody's way: it has no frames, and its number is not used again.
                drop(remove_if_there(disk, &path));
                return Err(self.failed(&path, &error));
            }
        };
        if let Err(error) = file.sync_data().and_then(|()| disk.sync_dir("log")) {
            return Err(Failed::Stop(self.store.sync_failed(&path, &error)));
        }
        Ok(Active {
            file,
            number: header.number,
            salt: header.salt,
            end: SEGMENT_HEADER,
        })
    }

    /// Writes and syncs a group, and fills in where its bodies lie now.
    fn write(&mut self, group: &mut [Unit]) -> Result<(), Failed> {
        let synced = self.store.durable.lock().lsn;
        let Some(active) = &self.active else {
            return Err(Failed::Stop(StoreError::Closed));
        };
        let (number, salt, start) = (active.number, active.salt, active.end);
        self.buffer.clear();
        for unit in group.iter_mut() {
            let begin = start + self.buffer.len() as u64;
            let lsn = unit.record.lsn;
            for body in std::mem::take(&mut unit.bodies) {
                FrameHeader::write(&mut self.buffer, salt, Kind::Body, lsn, synced, &body);
            }
            FrameHeader::write(
                &mut self.buffer,
                salt,
                Kind::Record,
                lsn,
                synced,
                &unit.payload,
            );
            for change in &mut unit.record.changes {
                if let Change::Place { place, .. } = change
                    && place.file == FileId::Log(UNPLACED)
                {
                    place.file = FileId::Log(number);
                    place.offset += begin;
                }
            }
        }
        self.with_reserve(|log| {
            let Some(active) = &log.active else {
                return Err(Failed::Stop(StoreError::Closed));
            };
            active
                .file
                .write_at(&log.buffer, active.end)
                .map_err(|error| log.failed(&FileId::Log(number).path(), &error))
        })?;
        let Some(active) = &mut self.active else {
            return Err(Failed::Stop(StoreError::Closed));
        };
        if let Err(error) = active.file.sync_data() {
            let path = FileId::Log(number).path();
            return Err(Failed::Stop(self.store.sync_failed(&path, &error)));
        }
        active.end += self.buffer.len() as u64;
        if let Some(last) = group.last() {
            *self.store.durable.lock() = Durable {
                lsn: last.record.lsn,
                segment: number,
                offset: active.end,
            };
        }
        if self.buffer.capacity() > 4 * GROUP_BYTES as usize {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    fn acknowledge(&mut self, group: Vec<Unit>, bytes: u64) {
        let counters = &self.store.counters;
        counters.syncs.fetch_add(1, Ordering::Relaxed);
        counters
            .commits
            .fetch_add(group.len() as u64, Ordering::Relaxed);
        counters.log_bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut applied = Vec::with_capacity(group.len());
        for unit in group {
            counters
                .record_bytes
                .fetch_add(unit.payload.len() as u64, Ordering::Relaxed);
            if let Some(receipt) = unit.receipt {
                receipt.resolve(Ok(()));
            }
            if !unit.marks.is_empty() {
                self.store.bus.publish(unit.record.account, &unit.marks);
            }
            applied.push((unit.record, unit.permit));
        }
        drop(self.store.to_applier.send(Message::Apply(applied)));
        self.since_space_check += bytes;
        if self.since_space_check > self.store.settings.reserve_bytes / 4 {
            self.since_space_check = 0;
            self.store.look_at_space();
        }
    }

    /// Tries once more after giving up the reserve, if the disk is full.
    fn with_reserve<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        match work(self) {
            Err(Failed::Full) => {
                let disk = &*self.store.disk;
                if disk.remove(RESERVE).is_err() {
                    return Err(Failed::Full);
                }
                tracing::warn!("the disk is full: the reserve is given up");
                work(self)
            }
            other => other,
        }
    }

    fn failed(&self, path: &str, error: &io::Error) -> Failed {
        match self.store.write_failed(path, error) {
            StoreError::NoSpace => Failed::Full,
            stop => Failed::Stop(stop),
        }
    }

    /// Refuses `units` and all that was accepted after them, as if they had never been.
    fn take_back(&mut self, mut units: Vec<Unit>, failed: Failed) {
        let error = match failed {
            Failed::Full => {
                // What the failed write left behind must not stand where the next frames go.
                let cut = self
                    .active
                    .as_ref()
                    .map_or(Ok(()), |active| active.file.set_len(active.end));
                match cut {
                    Ok(()) => StoreError::NoSpace,
                    Err(error) => self.store.stop_writing(format!("cutting the log: {error}")),
                }
            }
            Failed::Stop(error) => error,
        };
        let store = &self.store;
        {
            let mut queue = store.queue.lock();
            queue.refusing = Some(error.clone());
            units.append(&mut queue.pending);
            for (region, delta) in units.iter().flat_map(|unit| &unit.deltas) {
                queue.digests.add(*region, delta.wrapping_neg());
            }
        }
        // The overlay knows only the newest value of a key. Once the index has what was acknowledged, forgetting a newer
        // value uncovers the right one; before that a commit could read an older one, and leave out a change that seems
        // to change nothing.
        let durable = store.durable.lock().lsn;
        store.wait_applied(durable);
        {
            let _bodies = store.bodies.write();
            for unit in &units {
                for staged in &unit.placed {
                    staged.placed.store(false, Ordering::Release);
                }
                store.overlay.forget(&unit.record);
            }
        }
        // A commit that is being accepted has read what was taken back only while it held its shard, and finds the
        // refusal: by now nobody has.
        if matches!(error, StoreError::NoSpace) {
            let mut queue = store.queue.lock();
            if matches!(queue.refusing, Some(StoreError::NoSpace)) {
                queue.refusing = None;
            }
        }
        for unit in units {
            if let Some(receipt) = unit.receipt {
                receipt.resolve(Err(error.clone()));
            }
        }
    }
}

/// Makes the reserve if it is not there: blocks that are really written, not only promised.
pub(crate) fn make_reserve(store: &Inner) -> Result<(), StoreError> {
    let disk = &*store.disk;
    if store.settings.reserve_bytes == 0 || disk.open(RESERVE).is_ok() {
        return Ok(());
    }
    let made = disk.create(RESERVE).and_then(|file| {
        let bytes = RESERVE_BYTES.min(store.settings.reserve_bytes as usize);
        file.write_at(&vec![0; bytes], 0)?;
        file.sync_data()
    });
    made.map_err(|error| {
        drop(remove_if_there(disk, RESERVE));
        io_error("making the reserve")(error)
    })
}
