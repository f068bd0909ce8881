//! Counters and figures for operators.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::StoreError;

use super::{
    EmbeddedStore,
    inner::{Inner, io_error},
    scan::Damage,
};

/// What has happened since the store was opened.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) syncs: AtomicU64,
    pub(crate) body_syncs: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    /// Bytes of records, without bodies.
    pub(crate) record_bytes: AtomicU64,
    pub(crate) index_failures: AtomicU64,
    pub(crate) regions_rebuilt: AtomicU64,
    pub(crate) caught_up: AtomicU64,
    pub(crate) swept: AtomicU64,
    pub(crate) moved_bytes: AtomicU64,
}

/// A store's figures.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The engine of the index.
    pub index: &'static str,
    /// Files of the log.
    pub log_segments: u64,
    /// Bytes in them.
    pub log_bytes: u64,
    /// Files that hold one large body each.
    pub body_segments: u64,
    /// Bytes in them.
    pub body_bytes: u64,
    /// Bytes of the index on disk.
    pub index_bytes: u64,
    /// Snapshots kept.
    pub snapshots: u64,
    /// Bytes in them.
    pub snapshot_bytes: u64,
    /// The last commit accepted.
    pub accepted_lsn: u64,
    /// The last commit on disk.
    pub durable_lsn: u64,
    /// The last commit in the index.
    pub applied_lsn: u64,
    /// The last commit known to be in the index durably.
    pub checkpoint_lsn: u64,
    /// Commits made durable since the store was opened.
    pub commits: u64,
    /// Syncs of the log since then; commits / syncs is what grouping saves.
    pub syncs: u64,
    /// Syncs of body segments since then.
    pub body_syncs: u64,
    /// How often the whole index was set aside since then.
    pub index_failures: u64,
    /// How many accounts or body buckets were rebuilt since then.
    pub regions_rebuilt: u64,
    /// Whether the whole index was built anew when the store was opened.
    pub index_rebuilt: bool,
    /// Commits that the index said it had when the store was opened, and that were brought into it again because a check
    /// said otherwise.
    pub caught_up: u64,
    /// Dead bodies removed since then.
    pub bodies_swept: u64,
    /// Bytes of bodies moved by compaction since then.
    pub bytes_moved: u64,
    /// Whether all of the index has been checked since the last unclean stop.
    pub verified: bool,
    /// Why the store takes no writes, if it does not.
    pub read_only: Option<String>,
    /// What was found damaged since the store was opened.
    pub damage: Vec<Damage>,
    /// The last failure of upkeep in the background.
    pub upkeep_error: Option<String>,
    /// How far a rebuild of the index has come, of how much.
    pub rebuilding: Option<(u64, u64)>,
}

impl Inner {
    pub(crate) fn stats(&self) -> Result<Stats, StoreError> {
        let list = |dir: &'static str| {
            let files = self.disk.list(dir).map_err(io_error(dir))?;
            let bytes = files.iter().map(|file| file.len).sum::<u64>();
            Ok::<_, StoreError>((files.len() as u64, bytes))
        };
        let ((log_segments, log_bytes), (body_segments, body_bytes), (snapshots, snapshot_bytes)) =
            (list("log")?, list("bodies")?, list("snapshot")?);
        let (accepted, read_only) = {
            let queue = self.queue.lock();
            let reason = match &queue.refusing {
                Some(StoreError::ReadOnly { reason }) => Some(reason.clone()),
                _ => None,
            };
            (queue.next_lsn - 1, reason)
        };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        Ok(Stats {
            index: self.settings.index.name(),
            log_segments,
            log_bytes,
            body_segments,
            body_bytes,
            index_bytes: self.index().map_or(0, |index| index.size()),
            snapshots,
            snapshot_bytes,
            accepted_lsn: accepted,
            durable_lsn: self.durable.lock().lsn.0,
            applied_lsn: self.applied.lock().lsn.0,
            checkpoint_lsn: self.keeper.checkpoint_lsn().0,
            commits: count(&counters.commits),
            syncs: count(&counters.syncs),
            body_syncs: count(&counters.body_syncs),
            index_failures: count(&counters.index_failures),
            regions_rebuilt: count(&counters.regions_rebuilt),
            index_rebuilt: self.index_rebuilt,
            caught_up: count(&counters.caught_up),
            bodies_swept: count(&counters.swept),
            bytes_moved: count(&counters.moved_bytes),
            verified: self.verification.all_done(),
            read_only,
            damage: self.keeper.damage(),
            upkeep_error: self.keeper.last_error(),
            rebuilding: self.keeper.rebuild_progress(),
        })
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.queue.lock().refusing.is_some()
    }
}

impl EmbeddedStore {
    /// Why the store takes no writes, if it does not: cheap, for health checks.
    pub fn read_only_reason(&self) -> Option<String> {
        match &self.inner.queue.lock().refusing {
            Some(StoreError::ReadOnly { reason }) => Some(reason.clone()),
            Some(_) | None => None,
        }
    }
}
