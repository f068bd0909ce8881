//! The keeper: two threads that do in the background what keeps the store small and quick to open. One checks the
//! index after an unclean stop, takes snapshots, sweeps dead bodies and compacts segments, which may take minutes and is
//! slowed down on purpose. The other writes checkpoints, which must not wait for that: what an open has to read grows with
//! every commit behind the last one.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::{BodyId, Lsn, StoreError};

use super::{
    compact::CompactOptions,
    inner::Inner,
    log::make_reserve,
    record::{Change, Record},
    scan::Damage,
};

/// What the keeper knows and is told.
#[derive(Default)]
pub(crate) struct Keeper {
    state: Mutex<State>,
    wake: Condvar,
    /// A checkpoint is due.
    due: Condvar,
    stop: AtomicBool,
    /// Held by whoever snapshots, compacts, checks or copies the store: one at a time.
    pub(crate) maintenance: Mutex<()>,
    /// Held by whoever writes a checkpoint, for as long as that takes and under no other lock than the one above.
    pub(crate) checkpointing: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Applied since the last checkpoint.
    records: u64,
    log_bytes: u64,
    dirty_since: Option<Instant>,
    checkpoint: Lsn,
    snapshot: SnapshotFacts,
    records_since_snapshot: u64,
    /// Holders that were let go since the last look for dead bodies.
    released: u64,
    /// Bodies that had no holder at that look, and since when.
    dead: HashMap<BodyId, Instant>,
    damage: Vec<Damage>,
    rebuilding: Option<(u64, u64)>,
    last_error: Option<String>,
}

/// What is known of the newest snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SnapshotFacts {
    pub(crate) entries: u64,
    pub(crate) len: u64,
    /// `record_bytes` when it was taken.
    pub(crate) record_bytes: u64,
}

/// A disk that has had something to say is given a checkpoint after at most this long.
const DIRTY: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_secs(1);
/// A look for dead bodies costs a walk over all bodies: not for a few of them.
const RELEASED: u64 = 1000;

pub(crate) fn run(store: &Arc<Inner>) {
    let mut quiet_until = Instant::now();
    let mut last_look = Instant::now();
    while !store.keeper.stopping() {
        store.keeper.wait();
        if store.keeper.stopping() {
            break;
        }
        if last_look.elapsed() > 10 * TICK {
            last_look = Instant::now();
            store.look_at_space();
            if !store.scarce.load(Ordering::Relaxed)
                && let Err(error) = make_reserve(store)
            {
                tracing::warn!(%error, "the reserve can't be made");
            }
        }
        // After a failure the disk is given a rest before the next try.
        if Instant::now() < quiet_until {
            continue;
        }
        if let Err(error) = tend(store)
            && !matches!(error, StoreError::Closed | StoreError::Rebuilding(_))
        {
            tracing::warn!(%error, "upkeep of the store failed and is tried again");
            store.keeper.state.lock().last_error = Some(error.to_string());
            quiet_until = Instant::now() + DIRTY;
        }
    }
}

/// Writes checkpoints as they become due.
pub(crate) fn run_checkpoints(store: &Arc<Inner>) {
    let keeper = &store.keeper;
    let mut quiet_until = Instant::now();
    while !keeper.stopping() {
        keeper.wait_for_checkpoint(store.settings.checkpoint_records);
        if keeper.stopping() {
            break;
        }
        // After a failure the disk is given a rest before the next try.
        if Instant::now() < quiet_until {
            keeper.pause(TICK);
            continue;
        }
        if !store.is_read_only()
            && keeper.wants_checkpoint(store.settings.checkpoint_records)
            && let Err(error) = store.checkpoint(false)
        {
            if !matches!(error, StoreError::Closed | StoreError::Rebuilding(_)) {
                tracing::warn!(%error, "a checkpoint failed and is tried again");
                keeper.state.lock().last_error = Some(error.to_string());
            }
            quiet_until = Instant::now() + DIRTY;
        }
    }
}

fn tend(store: &Arc<Inner>) -> Result<(), StoreError> {
    if store.settings.background_verification {
        store.verify_all(&mut |_, _| {})?;
    }
    if store.is_read_only() {
        return Ok(());
    }
    let settings = &store.settings;
    let record_bytes = store.counters.record_bytes.load(Ordering::Relaxed);
    let facts = store.keeper.snapshot_facts();
    let grown = record_bytes.saturating_sub(facts.record_bytes);
    if grown > settings.snapshot_bytes.max(facts.len) {
        let _one = store.keeper.maintenance.lock();
        store.checkpoint(false)?;
        store.take_snapshot(&mut |_, _| {})?;
        store.retire(&CompactOptions::background(settings), &mut |_, _| {})?;
    } else if store.keeper.state.lock().released > RELEASED {
        let _one = store.keeper.maintenance.lock();
        store.retire(&CompactOptions::background(settings), &mut |_, _| {})?;
    }
    Ok(())
}

impl Keeper {
    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        let _state = self.state.lock();
        self.wake.notify_all();
        self.due.notify_all();
    }

    fn wait_for_checkpoint(&self, records: u64) {
        let mut state = self.state.lock();
        if !self.stopping() && !state.due(records) {
            self.due.wait_for(&mut state, TICK);
        }
    }

    fn wait(&self) {
        let mut state = self.state.lock();
        if !self.stopping() {
            self.wake.wait_for(&mut state, TICK);
        }
    }

    /// Sleeps, but not past a stop.
    pub(crate) fn pause(&self, time: Duration) {
        let mut state = self.state.lock();
        let until = Instant::now() + time;
        while !self.stopping() && Instant::now() < until {
            self.wake.wait_until(&mut state, until);
        }
    }

    /// Takes note of records that have come into the index; `checkpoint_records` of them make a checkpoint due.
    pub(crate) fn applied(&self, records: &[Record], checkpoint_records: u64) {
        if records.is_empty() {
            return;
        }
        let released = records
            .iter()
            .flat_map(|record| &record.changes)
            .filter(|change| matches!(change, Change::Release(_)))
            .count();
        let bodies: u64 = records
            .iter()
            .flat_map(|record| &record.changes)
            .map(|change| match change {
                Change::Place { place, .. } => place.len,
                _ => 64,
            })
            .sum();
        let mut state = self.state.lock();
        let before = state.due(checkpoint_records);
        state.records += records.len() as u64;
        state.records_since_snapshot += records.len() as u64;
        state.log_bytes += bodies;
        state.released += released as u64;
        state.dirty_since.get_or_insert_with(Instant::now);
        if !before && state.due(checkpoint_records) {
            self.due.notify_all();
        }
    }

    fn wants_checkpoint(&self, records: u64) -> bool {
        self.state.lock().due(records)
    }

    pub(crate) fn checkpointed(&self, lsn: Lsn) {
        let mut state = self.state.lock();
        state.records = 0;
        state.log_bytes = 0;
        state.dirty_since = None;
        state.checkpoint = lsn;
    }

    pub(crate) fn checkpoint_lsn(&self) -> Lsn {
        self.state.lock().checkpoint
    }

    pub(crate) fn snapshot_taken(&self, entries: u64, len: u64, record_bytes: u64) {
        let mut state = self.state.lock();
        state.records_since_snapshot = 0;
        state.snapshot = SnapshotFacts {
            entries,
            len,
            record_bytes,
        };
    }

    pub(crate) fn snapshot_facts(&self) -> SnapshotFacts {
        self.state.lock().snapshot
    }

    pub(crate) fn snapshot_entries(&self) -> u64 {
        self.state.lock().snapshot.entries
    }

    /// A backup without a new snapshot would have to replay much.
    pub(crate) fn wants_snapshot_for_backup(&self) -> bool {
        self.state.lock().records_since_snapshot > 10_000
    }

    pub(crate) fn note_damage(&self, damage: Vec<Damage>) {
        self.state.lock().damage.extend(damage);
    }

    pub(crate) fn damage(&self) -> Vec<Damage> {
        self.state.lock().damage.clone()
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        self.state.lock().last_error.clone()
    }

    pub(crate) fn rebuilding(&self, done: u64, total: u64) {
        let mut state = self.state.lock();
        state.rebuilding = (done < total).then_some((done, total));
    }

    pub(crate) fn rebuild_progress(&self) -> Option<(u64, u64)> {
        self.state.lock().rebuilding
    }

    /// Notes which bodies have no holder now; returns those that have had none for `grace`.
    pub(crate) fn dead_for(&self, dead: &[BodyId], grace: Duration) -> Vec<BodyId> {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.released = 0;
        let before = std::mem::take(&mut state.dead);
        let mut ripe = Vec::new();
        for body in dead {
            let since = before.get(body).copied().unwrap_or(now);
            if now.duration_since(since) >= grace {
                ripe.push(*body);
            } else {
                state.dead.insert(*body, since);
            }
        }
        // They ripen without anything being released: look again then.
        if !state.dead.is_empty() && state.dead.len() as u64 > RELEASED {
            state.released = RELEASED / 2;
        }
        ripe
    }
}

impl State {
    fn due(&self, records: u64) -> bool {
        /// Bodies behind the checkpoint are read at the next open: that must not take long.
        const LOG_BYTES: u64 = 128 * 1024 * 1024;
        self.records > 0
            && (self.records >= records
                || self.log_bytes >= LOG_BYTES
                || self
                    .dirty_since
                    .is_some_and(|since| since.elapsed() >= DIRTY))
    }
}
