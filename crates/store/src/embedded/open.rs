//! Opening a store: the log is read from the checkpoint on and brought into the index, or the index is built anew.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
        mpsc,
    },
    thread,
    time::Instant,
};

use parking_lot::{Condvar, Mutex, RwLock};

use crate::{
    Bus, Lsn, StoreError,
    disk::{Disk, remove_if_there},
};

use super::{
    EmbeddedStore, Settings, Threads,
    accept::Queue,
    applier::{self, note_digests},
    checkpoint::Checkpoint,
    digest::Digests,
    directory::{Lock, check_format},
    files::OpenFiles,
    frame::SEGMENT_HEADER,
    index::{Index, IndexError, IndexKind},
    inner::{Applied, BACKLOG_KIB, Durable, Inner, io_error},
    keeper::{self, Keeper},
    log::{LogWriter, make_reserve},
    overlay::Overlay,
    rebuild::{self, IndexPlace, Pending, Progress},
    record::FileId,
    scan::{self, Damage, ScanEnd, ScanLog, Segment},
    snapshot,
    stats::Counters,
    table,
    verify::{Believed, Verification},
};

/// What opening found.
struct Found {
    index: Arc<dyn Index>,
    digests: Digests,
    end: ScanEnd,
    damage: Vec<Damage>,
    /// Nothing of the index is in doubt.
    believed: bool,
    /// The last stop was an orderly one, and nothing has come since.
    clean: bool,
    /// The checkpoint on disk says what the index holds.
    checkpointed: bool,
    /// What the index says it has of what is behind the checkpoint.
    taken: Option<Believed>,
    /// The index has been built from snapshot and log.
    rebuilt: bool,
}

pub(crate) fn open(
    disk: Arc<dyn Disk>,
    settings: Settings,
    progress: Progress<'_>,
) -> Result<EmbeddedStore, StoreError> {
    let lock = match disk.real_path() {
        Some(path) if !settings.read_only => Some(Lock::acquire(&path)?),
        _ => None,
    };
    check_format(&*disk, !settings.read_only)?;
    if !settings.read_only {
        prepare(&*disk)?;
    }
    let index_dir = settings
        .index_path
        .clone()
        .or_else(|| disk.real_path().map(|path| path.join("index")));
    let place = IndexPlace::of(&settings, index_dir.clone());
    let checkpoint = Checkpoint::read(&*disk)?;
    let (segments, header_damage) = scan::segments(&*disk)?;
    let mut found = find_index(
        &disk,
        &settings,
        &place,
        checkpoint.as_ref(),
        &segments,
        progress,
    )?;
    found.damage.extend(header_damage);
    for damage in &found.damage {
        tracing::error!(
            file = damage.file,
            offset = damage.offset,
            "{}",
            damage.what
        );
    }
    let checkpoint_lsn = checkpoint.as_ref().map_or(Lsn(0), |c| c.lsn);
    let last = found.end.last.max(checkpoint_lsn);
    let next_file = next_file(&*disk, checkpoint.as_ref())?;
    if !settings.read_only {
        let start = Instant::now();
        if !found.clean {
            settle_end(&*disk, &segments, &found.end)?;
        }
        tracing::debug!(
            ms = start.elapsed().as_millis(),
            "the end of the log is settled"
        );
        if !found.checkpointed {
            found.index.sync().map_err(|error| StoreError::Io {
                what: "syncing the index".to_owned(),
                error: error.to_string(),
            })?;
            Checkpoint {
                lsn: last,
                clean: false,
                next_file,
                digests: found.digests.clone(),
            }
            .write(&*disk)?;
            tracing::debug!(
                ms = start.elapsed().as_millis(),
                "and a checkpoint is behind it"
            );
        }
    }
    let (to_applier, messages) = mpsc::channel();
    let read_only = settings.read_only;
    let inner = Arc::new(Inner {
        bus: Bus::new(),
        overlay: Overlay::new(),
        queue: Mutex::new(Queue {
            next_lsn: last.0 + 1,
            digests: found.digests.clone(),
            pending: Vec::new(),
            busy: false,
            seal: false,
            refusing: read_only.then(|| StoreError::ReadOnly {
                reason: "it was opened for reading".to_owned(),
            }),
            stopping: false,
        }),
        queue_wake: Condvar::new(),
        queue_idle: Condvar::new(),
        index: RwLock::new(Some(found.index)),
        to_applier,
        applied: Mutex::new(Applied {
            lsn: last,
            digests: found.digests,
        }),
        applied_wake: Condvar::new(),
        applying: RwLock::new(()),
        durable: Mutex::new(Durable {
            lsn: last,
            segment: found.end.segment,
            offset: found.end.offset,
        }),
        verification: Verification::default(),
        files: OpenFiles::default(),
        bodies: RwLock::new(()),
        placing: [const { Mutex::new(()) }; 64],
        staged: Mutex::new(HashMap::new()),
        pinned: RwLock::new(()),
        next_file: AtomicU64::new(next_file),
        first_own_file: next_file,
        counters: Counters::default(),
        backlog: Arc::new(tokio::sync::Semaphore::new(BACKLOG_KIB)),
        keeper: Keeper::default(),
        scarce: AtomicBool::new(false),
        index_dir,
        index_rebuilt: found.rebuilt,
        disk,
        settings,
    });
    inner.verification.believe(found.taken);
    if found.believed {
        inner.verification.believe_all();
    }
    inner.keeper.note_damage(found.damage);
    inner.keeper.checkpointed(last);
    if let Some((start, len)) = snapshot::list(&*inner.disk)?.first() {
        let entries = snapshot::Snapshot::open(&*inner.disk, *start).map_or(0, |s| s.entries);
        inner.keeper.snapshot_taken(entries, *len, 0);
    }
    let threads = if read_only {
        Threads::default()
    } else {
        inner.look_at_space();
        match make_reserve(&inner) {
            // A full disk must not keep anybody from reading and deleting mail.
            Ok(()) | Err(StoreError::NoSpace) => {}
            Err(error) => return Err(error),
        }
        start_threads(&inner, messages)?
    };
    Ok(EmbeddedStore {
        inner,
        threads: Mutex::new(threads),
        _lock: lock,
    })
}

fn prepare(disk: &dyn Disk) -> Result<(), StoreError> {
    for dir in ["log", "bodies", "snapshot"] {
        disk.create_dir(dir).map_err(io_error(dir))?;
    }
    for left_behind in ["snapshot/unfinished", "checkpoint.new", "FORMAT.new"] {
        remove_if_there(disk, left_behind).map_err(io_error(left_behind))?;
    }
    Ok(())
}

/// Opens the index and brings it up to the end of the log, or builds another one.
fn find_index(
    disk: &Arc<dyn Disk>,
    settings: &Settings,
    place: &IndexPlace,
    checkpoint: Option<&Checkpoint>,
    segments: &[Segment],
    progress: Progress<'_>,
) -> Result<Found, StoreError> {
    let synced = checkpoint.map_or(Lsn(0), |checkpoint| checkpoint.lsn);
    let mut noted = Vec::new();
    if settings.index != IndexKind::Memory && !settings.read_only {
        let start = Instant::now();
        let is_clean = checkpoint.is_some_and(|checkpoint| checkpoint.clean);
        let opened = place.open(disk).and_then(|mut index| {
            if is_clean || index.examine()? {
                return Ok(index);
            }
            Err(IndexError {
                engine: settings.index.name(),
                what: "its pages do not have the checksums that they should have".to_owned(),
            })
        });
        tracing::debug!(
            ms = start.elapsed().as_millis(),
            "the index's engine is open"
        );
        let kept = match (opened, checkpoint) {
            (Ok(index), Some(checkpoint)) => {
                replay(disk, Arc::from(index), checkpoint, segments, &mut noted)?
            }
            (Ok(index), None) => {
                // A new store, or one whose checkpoint is gone: then nothing vouches for the index.
                let new = segments.is_empty()
                    && snapshot::list(&**disk)?.is_empty()
                    && table::applied(&*index).is_ok_and(|applied| applied == Lsn(0));
                new.then(|| Found {
                    index: Arc::from(index),
                    digests: Digests::default(),
                    end: ScanEnd::default(),
                    damage: Vec::new(),
                    believed: true,
                    clean: false,
                    checkpointed: false,
                    taken: None,
                    rebuilt: false,
                })
            }
            (Err(error), _) => {
                tracing::error!(%error, "the index can't be opened: it is set aside and rebuilt");
                None
            }
        };
        if let Some(found) = kept {
            return Ok(found);
        }
        tracing::warn!("building the index from snapshot and log");
    }
    let rebuilt = rebuild::build(disk, place, synced, None, progress)?;
    noted.extend(rebuilt.damage);
    Ok(Found {
        believed: noted.is_empty(),
        clean: false,
        index: rebuilt.index,
        digests: rebuilt.digests,
        end: rebuilt.end,
        damage: noted,
        checkpointed: false,
        taken: None,
        rebuilt: true,
    })
}

/// Brings an index up to the end of the log. `None`: it is not to be used.
fn replay(
    disk: &Arc<dyn Disk>,
    index: Arc<dyn Index>,
    checkpoint: &Checkpoint,
    segments: &[Segment],
    noted: &mut Vec<Damage>,
) -> Result<Option<Found>, StoreError> {
    let applied = match table::applied(&*index) {
        Ok(applied) if applied >= checkpoint.lsn => applied,
        Ok(applied) => {
            tracing::warn!(%applied, checkpoint = %checkpoint.lsn, "the index is older than the checkpoint");
            return Ok(None);
        }
        Err(error) => {
            tracing::error!(%error, "the index can't be read");
            return Ok(None);
        }
    };
    let mut digests = checkpoint.digests.clone();
    let mut pending = Pending::default();
    let mut failed = None;
    let scan = ScanLog {
        disk: &**disk,
        segments,
        after: checkpoint.lsn,
        synced: checkpoint.lsn,
        check_bodies_after: checkpoint.lsn,
        gaps_after: checkpoint.lsn,
        until: None,
    };
    let start = Instant::now();
    let (mut count, mut taken) = (0u64, 0u64);
    let end = scan.run(&mut |record| {
        count += 1;
        note_digests(&mut digests, &record);
        if record.lsn <= applied {
            // Most of the time of an open would go into finding that it is so. No region is used before its digest has
            // been checked, and if one does not fit, this is made up for.
            taken += 1;
            return Ok(());
        }
        pending.add(record);
        if pending.full() && failed.is_none() {
            failed = pending.flush(&*index).err();
        }
        Ok(())
    })?;
    let failed = failed.or_else(|| pending.flush(&*index).err());
    if let Some(error) = failed {
        tracing::error!(%error, "the index can't be written");
        return Ok(None);
    }
    let last = end.last.max(checkpoint.lsn);
    tracing::debug!(
        ms = start.elapsed().as_millis(),
        records = count,
        taken,
        frames = end.frames,
        from = %checkpoint.lsn,
        %applied,
        "the log behind the checkpoint is in the index"
    );
    if applied > last {
        noted.push(Damage {
            file: FileId::Log(end.segment).path(),
            offset: end.offset,
            what: format!("records {} to {applied} are gone from the log", last.0 + 1),
        });
        return Ok(None);
    }
    let believed = checkpoint.clean && count == 0 && end.damage.is_empty();
    Ok(Some(Found {
        index,
        digests,
        damage: end.damage.clone(),
        end,
        believed,
        clean: believed,
        checkpointed: count == 0 && !checkpoint.clean,
        taken: (taken > 0).then_some(Believed {
            after: checkpoint.lsn,
            last,
        }),
        rebuilt: false,
    }))
}

/// Makes the end of the log what it was read as. A torn end is cut off, so that it is never taken for part of what is
/// written next. What a killed process wrote last may be in the page cache only, and after a sync that failed not even
/// another sync would bring it to the disk: the last group is written again.
fn settle_end(disk: &dyn Disk, segments: &[Segment], end: &ScanEnd) -> Result<(), StoreError> {
    if let Some(last) = segments.last()
        && last.header.number == end.segment
    {
        let path = FileId::Log(end.segment).path();
        let settle = || {
            let file = disk.open(&path)?;
            if last.len > end.offset {
                tracing::info!(
                    file = path,
                    from = end.offset,
                    "cutting off a commit that was not finished"
                );
                file.set_len(end.offset)?;
            }
            let mut group = vec![0; end.offset.saturating_sub(end.unproven) as usize];
            file.read_exact_at(&mut group, end.unproven)?;
            file.write_at(&group, end.unproven)?;
            file.sync_data()
        };
        settle().map_err(io_error(&*path))?;
    }
    let known: Vec<u64> = segments.iter().map(|s| s.header.number).collect();
    for entry in disk.list("log").map_err(io_error("log"))? {
        let number = entry
            .name
            .strip_suffix(".log")
            .and_then(|number| u64::from_str_radix(number, 16).ok());
        if let Some(number) = number
            && !known.contains(&number)
            && entry.len <= SEGMENT_HEADER
        {
            let path = FileId::Log(number).path();
            disk.remove(&path).map_err(io_error(path))?;
        }
    }
    disk.sync_dir("log").map_err(io_error("log"))
}

fn next_file(disk: &dyn Disk, checkpoint: Option<&Checkpoint>) -> Result<u64, StoreError> {
    let mut next = checkpoint.map_or(1, |checkpoint| checkpoint.next_file);
    for dir in ["log", "bodies"] {
        for entry in disk.list(dir).map_err(io_error(dir))? {
            let number = entry
                .name
                .split('.')
                .next()
                .and_then(|number| u64::from_str_radix(number, 16).ok());
            next = next.max(number.map_or(0, |number| number + 1));
        }
    }
    Ok(next)
}

fn start_threads(
    inner: &Arc<Inner>,
    messages: mpsc::Receiver<applier::Message>,
) -> Result<Threads, StoreError> {
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(io_error("starting a thread"))
    };
    let writer = LogWriter::new(Arc::clone(inner));
    let store = Arc::clone(inner);
    let log = spawn("store-log", Box::new(move || writer.run()))?;
    let applier = spawn(
        "store-applier",
        Box::new(move || applier::run(&store, &messages)),
    )?;
    let store = Arc::clone(inner);
    let keeper = if inner.settings.background {
        Some(spawn(
            "store-keeper",
            Box::new(move || keeper::run(&store)),
        )?)
    } else {
        None
    };
    let store = Arc::clone(inner);
    let checkpoints = if inner.settings.background {
        Some(spawn(
            "store-points",
            Box::new(move || keeper::run_checkpoints(&store)),
        )?)
    } else {
        None
    };
    Ok(Threads {
        log: Some(log),
        applier: Some(applier),
        keeper,
        checkpoints,
    })
}
