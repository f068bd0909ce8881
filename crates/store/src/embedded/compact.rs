//! Sweeping dead bodies and giving their space back.
//!
//! A body is dead when nothing holds it, nobody has it staged, and that has been so for the grace period; this is looked
//! at again under the lock that commits with bodies take, so that no commit begins to hold what is being swept. A
//! segment of the log goes when all of its records lie before the oldest snapshot and the checkpoint, and no body in it
//! is alive; if few are, they are moved to the end of the log first. Each step is a record in the log before a file
//! goes, so that a crash at any moment leaves at worst a file that the next pass removes.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
    time::Duration,
};

use crate::{AccountId, BodyId, Hold, Lsn, StoreError};

use super::{
    Settings,
    accept::BodyChange,
    body::read::Opened,
    inner::{Inner, io_error},
    record::{FileId, Place},
    scan::{self, Damage, Segment},
    snapshot, table,
};

/// How to compact.
#[derive(Clone, Debug)]
pub struct CompactOptions {
    /// How long a body must have been dead.
    pub grace: Duration,
    /// A log segment is rewritten when at most this share of it is alive (0.0 to 1.0).
    pub live_share: f64,
    /// At most so many bytes of bodies are moved a second; `None`: as fast as it goes.
    pub bytes_per_second: Option<u64>,
    /// Log segments that are rewritten whatever is alive in them (repair).
    pub(crate) force: HashSet<u64>,
}

impl CompactOptions {
    pub(crate) fn background(settings: &Settings) -> Self {
        Self {
            grace: settings.body_grace,
            live_share: 0.5,
            bytes_per_second: Some(settings.compact_bytes_per_second),
            force: HashSet::new(),
        }
    }

    /// What an operator who asks for it wants: all that can be had, at once.
    pub fn thorough(grace: Duration) -> Self {
        Self {
            grace,
            live_share: 0.8,
            bytes_per_second: None,
            force: HashSet::new(),
        }
    }
}

/// What a compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Dead bodies removed.
    pub swept: u64,
    /// Dead bodies still within their grace period.
    pub waiting: u64,
    /// Bodies moved to the end of the log.
    pub moved: u64,
    /// Files removed.
    pub files_removed: u64,
    /// Bytes given back.
    pub bytes_removed: u64,
    /// Bytes of live bodies.
    pub live_bytes: u64,
}

/// What lies where.
#[derive(Default)]
struct Census {
    live: HashMap<FileId, u64>,
    dead: Vec<(BodyId, Place)>,
}

impl Inner {
    /// Sweeps, compacts and removes; the caller holds `keeper.maintenance`.
    pub(crate) fn retire(
        &self,
        options: &CompactOptions,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Compacted, StoreError> {
        // Where bodies lie and who holds them must be beyond doubt before anything is called dead.
        self.verify_all(&mut |_, _| {})?;
        let mut report = Compacted::default();
        let mut census = self.census(progress)?;
        self.sweep(&mut census, options, &mut report)?;
        report.live_bytes = census.live.values().sum();
        let (segments, _) = scan::segments(&*self.disk)?;
        let movable = self.retirable(&segments)?;
        let mut doomed = Vec::new();
        let mut crowded = HashSet::new();
        for segment in movable {
            let number = segment.header.number;
            let live = census.live.get(&FileId::Log(number)).copied().unwrap_or(0);
            if live == 0 {
                doomed.push(segment);
            } else if options.force.contains(&number)
                || (live as f64) < segment.len as f64 * options.live_share
            {
                crowded.insert(number);
                doomed.push(segment);
            }
        }
        if !crowded.is_empty() {
            let stuck = self.empty(&crowded, options, &mut report)?;
            doomed.retain(|segment| !stuck.contains(&segment.header.number));
        }
        if !doomed.is_empty() {
            // The index must have the new places durably before the old ones go.
            self.checkpoint(false)?;
            let _unpinned = self.pinned.write();
            for segment in doomed {
                let id = FileId::Log(segment.header.number);
                self.files.forget(id);
                self.disk.remove(&id.path()).map_err(io_error(id.path()))?;
                report.files_removed += 1;
                report.bytes_removed += segment.len;
            }
            self.disk.sync_dir("log").map_err(io_error("log"))?;
        }
        self.remove_orphans(&census, &mut report)?;
        Ok(report)
    }

    /// Walks over all bodies, bucket by bucket.
    fn census(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Census, StoreError> {
        let mut census = Census::default();
        for bucket in 0..=255 {
            let mut held: HashSet<BodyId> = HashSet::new();
            let mut places = Vec::new();
            let mut unreadable = 0u64;
            {
                let _still = self.applying.read();
                let (start, end) = table::bucket_range(table::HOLDS, bucket);
                self.with_index(|index| {
                    index.scan(&start, &end, false, &mut |key, _| {
                        held.extend(table::parse_hold(key).map(|hold| hold.body));
                        true
                    })
                })?;
                let (start, end) = table::bucket_range(table::PLACES, bucket);
                self.with_index(|index| {
                    index.scan(&start, &end, false, &mut |key, stored| {
                        let body = key.get(1..).and_then(|id| id.try_into().ok());
                        match (body, Place::decode(stored)) {
                            (Some(body), Ok(place)) => places.push((BodyId(body), place)),
                            _ => unreadable += 1,
                        }
                        true
                    })
                })?;
            }
            if unreadable > 0 {
                return Err(StoreError::Damaged {
                    what: format!("{unreadable} places in body bucket {bucket:02x}"),
                });
            }
            for (body, place) in places {
                if held.contains(&body) {
                    *census.live.entry(place.file).or_default() += place.len;
                } else {
                    census.dead.push((body, place));
                }
            }
            progress(u64::from(bucket) + 1, 256);
            if self.keeper.stopping() {
                return Err(StoreError::Closed);
            }
        }
        Ok(census)
    }

    fn sweep(
        &self,
        census: &mut Census,
        options: &CompactOptions,
        report: &mut Compacted,
    ) -> Result<(), StoreError> {
        let ids: Vec<BodyId> = census.dead.iter().map(|(body, _)| *body).collect();
        let ripe: HashSet<BodyId> = self
            .keeper
            .dead_for(&ids, options.grace)
            .into_iter()
            .collect();
        let mut spared = Vec::new();
        for batch in census.dead.chunks(256) {
            let mut changes = Vec::new();
            let mut files = Vec::new();
            let lsn = {
                let _nobody_holds = self.bodies.write();
                for (body, place) in batch {
                    if ripe.contains(body) && self.is_dead(*body)? {
                        changes.push(BodyChange::Sweep {
                            body: *body,
                            place: *place,
                        });
                        if let file @ FileId::Body(_) = place.file {
                            files.push((file, place.len));
                        }
                    } else {
                        spared.push((*body, *place));
                    }
                }
                if changes.is_empty() {
                    continue;
                }
                report.swept += changes.len() as u64;
                self.accept_body_changes(changes)?
            };
            if !self.wait_applied(lsn) {
                return Err(StoreError::Closed);
            }
            let _unpinned = self.pinned.write();
            for (file, len) in files {
                self.files.forget(file);
                if self.disk.remove(&file.path()).is_ok() {
                    report.files_removed += 1;
                    report.bytes_removed += len;
                }
            }
        }
        self.counters
            .swept
            .fetch_add(report.swept, Ordering::Relaxed);
        report.waiting = spared.len() as u64;
        for (_, place) in &spared {
            *census.live.entry(place.file).or_default() += place.len;
        }
        Ok(())
    }

    /// Whether nothing holds a body now; the caller keeps commits that hold bodies away.
    fn is_dead(&self, body: BodyId) -> Result<bool, StoreError> {
        let in_hand = self.staged.lock().get(&body).cloned();
        if in_hand.is_some_and(|staged| staged.strong_count() > 0) || self.place_of(body)?.is_none()
        {
            return Ok(false);
        }
        Ok(self.first_hold(body)?.is_none())
    }

    /// The first holder of a body, accepted ones included.
    fn first_hold(&self, body: BodyId) -> Result<Option<Hold>, StoreError> {
        let first = Hold {
            body,
            account: AccountId(0),
            item: 0,
        };
        let holds = self.holds_from(&table::hold_key(first), Some(body), 1)?;
        Ok(holds.first().copied())
    }

    /// The log segments whose records are needed no more.
    fn retirable(&self, segments: &[Segment]) -> Result<Vec<Segment>, StoreError> {
        let snapshots = snapshot::list(&*self.disk)?;
        let Some((oldest, _)) = snapshots.last() else {
            return Ok(Vec::new());
        };
        let keep = Lsn(oldest.0.min(self.keeper.checkpoint_lsn().0));
        let active = self.durable.lock().segment;
        Ok(segments
            .windows(2)
            .filter(|pair| pair[1].header.first.0 <= keep.0 + 1 && pair[0].header.number != active)
            .map(|pair| pair[0].clone())
            .collect())
    }

    /// Moves the bodies out of log segments; returns the segments that could not be emptied.
    pub(crate) fn empty(
        &self,
        segments: &HashSet<u64>,
        options: &CompactOptions,
        report: &mut Compacted,
    ) -> Result<HashSet<u64>, StoreError> {
        const BATCH: u64 = 4 * 1024 * 1024;
        let mut stuck = HashSet::new();
        for bucket in 0..=255 {
            let mut places = Vec::new();
            let (start, end) = table::bucket_range(table::PLACES, bucket);
            self.with_index(|index| {
                index.scan(&start, &end, false, &mut |key, stored| {
                    let body = key.get(1..).and_then(|id| id.try_into().ok());
                    if let (Some(body), Ok(place)) = (body, Place::decode(stored))
                        && let FileId::Log(number) = place.file
                        && segments.contains(&number)
                    {
                        places.push((BodyId(body), place));
                    }
                    true
                })
            })?;
            let mut places = places.into_iter().peekable();
            while places.peek().is_some() {
                let mut changes = Vec::new();
                let mut bytes = 0;
                while bytes < BATCH
                    && let Some((body, place)) = places.next()
                {
                    match Opened::at(self, body, &place).and_then(|opened| {
                        opened.check()?;
                        opened.encoded()
                    }) {
                        Ok(encoded) => {
                            bytes += encoded.len() as u64;
                            changes.push(BodyChange::Move {
                                body,
                                place,
                                encoded,
                            });
                        }
                        Err(error) => {
                            tracing::error!(%error, "a body can't be moved: its segment is kept");
                            stuck.insert(place.file.number());
                            self.keeper.note_damage(vec![Damage {
                                file: place.file.path(),
                                offset: place.offset,
                                what: error.to_string(),
                            }]);
                        }
                    }
                }
                if changes.is_empty() {
                    continue;
                }
                report.moved += changes.len() as u64;
                let lsn = {
                    let _nobody_holds = self.bodies.write();
                    self.accept_body_changes(changes)?
                };
                if !self.wait_applied(lsn) {
                    return Err(StoreError::Closed);
                }
                self.counters
                    .moved_bytes
                    .fetch_add(bytes, Ordering::Relaxed);
                if let Some(rate) = options.bytes_per_second {
                    let rest = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
                    self.keeper.pause(rest);
                }
            }
        }
        Ok(stuck)
    }

    /// Removes body segments from before this start that nothing names: staged when the machine stopped.
    fn remove_orphans(&self, census: &Census, report: &mut Compacted) -> Result<(), StoreError> {
        let _unpinned = self.pinned.write();
        for entry in self.disk.list("bodies").map_err(io_error("bodies"))? {
            let number = entry
                .name
                .strip_suffix(".body")
                .and_then(|number| u64::from_str_radix(number, 16).ok());
            let Some(number) = number else {
                continue;
            };
            let file = FileId::Body(number);
            if number < self.first_own_file && !census.live.contains_key(&file) {
                self.disk
                    .remove(&file.path())
                    .map_err(io_error(file.path()))?;
                report.files_removed += 1;
                report.bytes_removed += entry.len;
            }
        }
        Ok(())
    }
}
