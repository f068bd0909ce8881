//! Building the index, or one region of it, from the newest snapshot and the log.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;

use crate::{AccountId, Lsn, StoreError, disk::Disk};

use super::{
    Settings,
    applier::{apply_records, note_digests},
    digest::{Digests, Region},
    index::{self, Index, IndexBatch, IndexError, IndexKind},
    inner::Inner,
    record::{Change, Record},
    scan::{self, Damage, ScanEnd, ScanLog},
    snapshot::{self, Snapshot},
    table,
    verify::Believed,
};

/// What is said while something long goes on: how much is done, of how much in all.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// A new index and what was learned on the way.
pub(crate) struct Rebuilt {
    pub(crate) index: Arc<dyn Index>,
    pub(crate) digests: Digests,
    pub(crate) end: ScanEnd,
    pub(crate) damage: Vec<Damage>,
}

/// Where the index of a store lies.
#[derive(Clone)]
pub(crate) struct IndexPlace {
    pub(crate) kind: IndexKind,
    /// The directory that holds the directories of the engines.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) cache_bytes: u64,
    pub(crate) renew_after: u64,
}

impl IndexPlace {
    pub(crate) fn of(settings: &Settings, dir: Option<PathBuf>) -> Self {
        Self {
            kind: settings.index,
            dir,
            cache_bytes: settings.cache_bytes,
            renew_after: settings.renew_after,
        }
    }

    pub(crate) fn open(&self, disk: &Arc<dyn Disk>) -> Result<Box<dyn Index>, IndexError> {
        let dir = self.dir.as_ref().map(|dir| dir.join(self.kind.name()));
        index::open(
            self.kind,
            dir.as_deref(),
            disk,
            self.cache_bytes,
            self.renew_after,
        )
    }

    /// Moves what is there out of the way; the last one set aside is kept for whoever wants to know what happened.
    pub(crate) fn set_aside(&self, disk: &Arc<dyn Disk>) -> std::io::Result<()> {
        if self.kind == IndexKind::Memory {
            Ok(())
        } else if let Some(dir) = &self.dir {
            let (from, to) = (
                dir.join(self.kind.name()),
                dir.join(format!("{}.damaged", self.kind.name())),
            );
            if from.exists() {
                if to.exists() {
                    std::fs::remove_dir_all(&to)?;
                }
                std::fs::rename(from, to)?;
            }
            Ok(())
        } else {
            match disk.rename("index/index.redb", "index/index.redb.damaged") {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        }
    }
}

/// Builds a whole index. `until` ends the log where it is still being written.
pub(crate) fn build(
    disk: &Arc<dyn Disk>,
    place: &IndexPlace,
    synced: Lsn,
    until: Option<(u64, u64)>,
    progress: Progress<'_>,
) -> Result<Rebuilt, StoreError> {
    let failed = |error: IndexError| StoreError::Io {
        what: "building the index".to_owned(),
        error: error.to_string(),
    };
    let (segments, mut damage) = scan::segments(&**disk)?;
    let snapshot = snapshot::newest(&**disk, true, &mut damage)?;
    place
        .set_aside(disk)
        .map_err(super::inner::io_error("setting the index aside"))?;
    let index = place.open(disk).map_err(failed)?;
    let mut digests = Digests::default();
    let (mut after, mut known) = (Lsn(0), Lsn(0));
    let log_bytes: u64 = segments.iter().map(|segment| segment.len).sum();
    let mut total = log_bytes;
    if let Some(snapshot) = &snapshot {
        total += snapshot.len;
        load(&*index, snapshot, &mut |done| {
            progress(snapshot.len * done / snapshot.entries.max(1), total);
        })?;
        (after, known) = (snapshot.start, snapshot.end);
        digests = snapshot.digests.clone();
    }
    if let Some(first) = segments.first()
        && first.header.first.0 > after.0 + 1
    {
        damage.push(Damage {
            file: "log".to_owned(),
            offset: 0,
            what: format!(
                "records {} to {} are missing",
                after.0 + 1,
                first.header.first.0 - 1
            ),
        });
    }
    let scan = ScanLog {
        disk: &**disk,
        segments: &segments,
        after,
        synced,
        check_bodies_after: synced,
        gaps_after: after,
        until,
    };
    let mut pending = Pending::default();
    let mut done = total - log_bytes;
    let end = scan.run(&mut |record| {
        if record.lsn > known {
            note_digests(&mut digests, &record);
        }
        done = (done + 1).min(total);
        pending.add(record);
        if pending.full() {
            progress(done, total);
            pending.flush(&*index).map_err(failed)?;
        }
        Ok(())
    })?;
    pending.flush(&*index).map_err(failed)?;
    let last = end.last.max(after);
    apply_records(&*index, std::iter::empty(), last).map_err(failed)?;
    index.sync().and_then(|()| index.renew()).map_err(failed)?;
    progress(total, total);
    let mut end = end;
    end.last = last;
    damage.extend(end.damage.iter().cloned());
    Ok(Rebuilt {
        index: Arc::from(index),
        digests,
        end,
        damage,
    })
}

fn load(
    index: &dyn Index,
    snapshot: &Snapshot,
    progress: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let failed = |error: IndexError| StoreError::Io {
        what: "loading a snapshot".to_owned(),
        error: error.to_string(),
    };
    let mut batch = IndexBatch::default();
    let mut done = 0;
    snapshot.read(&[], None, &mut |key, value| {
        batch.put(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        if batch.changes.len() >= LOAD_BATCH {
            done += batch.changes.len() as u64;
            index.apply(std::mem::take(&mut batch)).map_err(failed)?;
            progress(done);
        }
        Ok(())
    })?;
    index.apply(batch).map_err(failed)
}

const LOAD_BATCH: usize = 32 * 1024;
/// Records are gathered further, so that a key that changes often is written once.
const REPLAY_BATCH: usize = 64 * 1024;

/// Records on their way into an index.
#[derive(Default)]
pub(crate) struct Pending {
    records: Vec<Record>,
    changes: usize,
}

impl Pending {
    pub(crate) fn add(&mut self, record: Record) {
        self.changes += record.changes.len();
        self.records.push(record);
    }

    pub(crate) fn full(&self) -> bool {
        self.changes >= REPLAY_BATCH
    }

    pub(crate) fn flush(&mut self, index: &dyn Index) -> Result<(), IndexError> {
        if let Some(last) = self.records.last() {
            apply_records(index, self.records.iter(), last.lsn)?;
        }
        self.records.clear();
        self.changes = 0;
        Ok(())
    }
}

/// Gives a running store a new index in place of one that failed. `false`: it can't be had, the store is read-only.
pub(crate) fn replace_index(store: &Arc<Inner>) -> bool {
    if store.index.read().is_some() {
        return true;
    }
    let place = IndexPlace::of(&store.settings, store.index_dir.clone());
    for attempt in 1..=3 {
        let durable = *store.durable.lock();
        let built = build(
            &store.disk,
            &place,
            durable.lsn,
            Some((durable.segment, durable.offset)),
            &mut |done, total| store.keeper.rebuilding(done, total),
        );
        match built {
            Ok(rebuilt) => {
                {
                    let mut applied = store.applied.lock();
                    applied.lsn = rebuilt.end.last.max(durable.lsn);
                    applied.digests = rebuilt.digests;
                }
                store.keeper.note_damage(rebuilt.damage);
                *store.index.write() = Some(rebuilt.index);
                tracing::warn!("the index has been rebuilt from snapshot and log");
                return true;
            }
            Err(error) => tracing::error!(%error, attempt, "rebuilding the index failed"),
        }
    }
    store.stop_writing("the index can't be rebuilt".to_owned());
    false
}

/// Builds one region anew in an index whose other regions are in use. Nothing may be written to the region meanwhile.
pub(crate) fn region(store: &Inner, index: &dyn Index, wanted: Region) -> Result<(), StoreError> {
    match region_from(store, index, wanted, false) {
        // Only a damaged snapshot is worth reading all of them through.
        Err(StoreError::Damaged { .. }) => region_from(store, index, wanted, true),
        other => other,
    }
}

fn region_from(
    store: &Inner,
    index: &dyn Index,
    region: Region,
    check: bool,
) -> Result<(), StoreError> {
    let failed = |error: IndexError| StoreError::Io {
        what: format!("rebuilding {region}"),
        error: error.to_string(),
    };
    let disk = &*store.disk;
    let mut damage = Vec::new();
    let (segments, _) = scan::segments(disk)?;
    let snapshot = snapshot::newest(disk, check, &mut damage)?;
    let ranges: Vec<(Bytes, Bytes)> = match region {
        Region::Account(account) => vec![
            table::account_range(table::PAIRS, account),
            table::account_range(table::CHUNKS, account),
        ],
        Region::Bucket(bucket) => [table::HOLDS, table::PLACES]
            .into_iter()
            .map(|kind| {
                let (start, end) = table::bucket_range(kind, bucket);
                (Bytes::copy_from_slice(&start), Bytes::copy_from_slice(&end))
            })
            .collect(),
    };
    for (start, end) in &ranges {
        clear(index, start, end).map_err(failed)?;
    }
    let mut after = Lsn(0);
    if let Some(snapshot) = &snapshot {
        after = snapshot.start;
        for (start, end) in &ranges {
            let mut batch = IndexBatch::default();
            snapshot.read(start, Some(end), &mut |key, value| {
                batch.put(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
                if batch.changes.len() >= LOAD_BATCH {
                    index.apply(std::mem::take(&mut batch)).map_err(failed)?;
                }
                Ok(())
            })?;
            index.apply(batch).map_err(failed)?;
        }
    }
    let durable = *store.durable.lock();
    let scan = ScanLog {
        disk,
        segments: &segments,
        after,
        synced: durable.lsn,
        check_bodies_after: durable.lsn,
        gaps_after: after,
        until: Some((durable.segment, durable.offset)),
    };
    let mut batch = IndexBatch::default();
    scan.run(&mut |record| {
        for change in &record.changes {
            if region_of(record.account, change) == region {
                table::apply_change(record.account, change, &mut batch);
            }
        }
        if batch.changes.len() >= LOAD_BATCH {
            index.apply(std::mem::take(&mut batch)).map_err(failed)?;
        }
        Ok(())
    })?;
    index.apply(batch).map_err(failed)
}

/// Brings records that the index was believed to have into it; the regions that are `done` are left as they are. Returns how
/// many there were.
pub(crate) fn again(
    store: &Inner,
    index: &dyn Index,
    believed: Believed,
    done: &dyn Fn(Region) -> bool,
) -> Result<u64, StoreError> {
    let failed = |error: IndexError| StoreError::Io {
        what: "catching up with the log".to_owned(),
        error: error.to_string(),
    };
    let (segments, _) = scan::segments(&*store.disk)?;
    let durable = *store.durable.lock();
    let scan = ScanLog {
        disk: &*store.disk,
        segments: &segments,
        after: believed.after,
        synced: durable.lsn,
        check_bodies_after: durable.lsn,
        gaps_after: believed.after,
        until: Some((durable.segment, durable.offset)),
    };
    let mut count = 0;
    let mut batch = IndexBatch::default();
    scan.run(&mut |record| {
        // What came later touched only what had been checked.
        if record.lsn > believed.last {
            return Ok(());
        }
        count += 1;
        for change in &record.changes {
            if !done(region_of(record.account, change)) {
                table::apply_change(record.account, change, &mut batch);
            }
        }
        if batch.changes.len() >= LOAD_BATCH {
            batch.settle();
            index.apply(std::mem::take(&mut batch)).map_err(failed)?;
        }
        Ok(())
    })?;
    batch.settle();
    index.apply(batch).map_err(failed)?;
    Ok(count)
}

fn region_of(account: AccountId, change: &Change) -> Region {
    match change {
        Change::Put { .. } | Change::Delete { .. } => Region::Account(account),
        Change::Hold(hold) | Change::Release(hold) => Region::of_body(hold.body),
        Change::Place { body, .. } | Change::Unplace { body } => Region::of_body(*body),
    }
}

fn clear(index: &dyn Index, start: &[u8], end: &[u8]) -> Result<(), IndexError> {
    let mut from = start.to_vec();
    loop {
        let mut batch = IndexBatch::default();
        index.scan(&from, end, false, &mut |key, _| {
            batch.delete(Bytes::copy_from_slice(key));
            batch.changes.len() < LOAD_BATCH
        })?;
        let Some((last, _)) = batch.changes.last() else {
            return Ok(());
        };
        from = last.to_vec();
        from.push(0);
        index.apply(batch)?;
    }
}
