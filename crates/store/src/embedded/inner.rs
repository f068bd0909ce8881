//! What the threads of an open store share.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
};

use parking_lot::{Condvar, Mutex, RwLock};

use crate::{
    AccountId, BodyId, Bus, Lsn, StoreError,
    disk::{Disk, DiskFile},
};

use super::{
    Settings,
    accept::Queue,
    applier::Message,
    body::stage::Staged,
    digest::Digests,
    files::OpenFiles,
    index::{Index, IndexError, IndexResult},
    keeper::Keeper,
    overlay::Overlay,
    record::{FileId, Place},
    stats::Counters,
    table,
    verify::Verification,
};

/// The shared state. Locks are taken in this order: `bodies`, a shard of the overlay, `overlay.holds`, `queue`; all
/// others are held for a moment and nothing is taken under them.
pub(crate) struct Inner {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) settings: Settings,
    pub(crate) bus: Arc<Bus>,
    /// Written by commits, emptied by the applier.
    pub(crate) overlay: Overlay,
    /// Filled by commits, emptied by the log thread.
    pub(crate) queue: Mutex<Queue>,
    pub(crate) queue_wake: Condvar,
    pub(crate) queue_idle: Condvar,
    /// `None` while the index is being rebuilt.
    pub(crate) index: RwLock<Option<Arc<dyn Index>>>,
    pub(crate) to_applier: mpsc::Sender<Message>,
    /// Written by the applier: what the index holds.
    pub(crate) applied: Mutex<Applied>,
    pub(crate) applied_wake: Condvar,
    /// Written while the index and `applied` are brought from one state to the next.
    pub(crate) applying: RwLock<()>,
    /// Written by the log thread: where the part of the log that is on disk ends.
    pub(crate) durable: Mutex<Durable>,
    pub(crate) verification: Verification,
    pub(crate) files: OpenFiles,
    /// Read by commits that hold bodies, written by whoever decides that a body is dead.
    pub(crate) bodies: RwLock<()>,
    /// Held, by the first byte of the id, from the question whether a body has a place until the commit that gives it one is
    /// in the order.
    pub(crate) placing: [Mutex<()>; 64],
    /// Staged bodies that somebody still has in hand.
    pub(crate) staged: Mutex<HashMap<BodyId, Weak<Staged>>>,
    /// Read while files are being copied, written by whoever removes files.
    pub(crate) pinned: RwLock<()>,
    pub(crate) next_file: AtomicU64,
    /// Files with lower numbers were made before this start.
    pub(crate) first_own_file: u64,
    pub(crate) counters: Counters,
    /// One permit per KiB of accepted and not yet applied commits, and no less than one for each of their changes.
    pub(crate) backlog: Arc<tokio::sync::Semaphore>,
    pub(crate) keeper: Keeper,
    /// Set while the disk has less room than the reserve.
    pub(crate) scarce: AtomicBool,
    pub(crate) index_dir: Option<PathBuf>,
    /// The index was built anew at this open.
    pub(crate) index_rebuilt: bool,
}

/// What the index holds.
pub(crate) struct Applied {
    pub(crate) lsn: Lsn,
    pub(crate) digests: Digests,
}

/// The end of the log on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Durable {
    pub(crate) lsn: Lsn,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

/// How many KiB may be accepted and not yet applied. What a killed process had not applied the next open has to, into an index that
/// nothing of is in memory: some 20 µs a change.
pub(crate) const BACKLOG_KIB: usize = 32 * 1024;

impl Inner {
    /// The index, unless it is being rebuilt.
    pub(crate) fn index(&self) -> Result<Arc<dyn Index>, StoreError> {
        let index = self.index.read().clone();
        index.ok_or(StoreError::Rebuilding(AccountId::ORGANISATION))
    }

    /// Reads from the index; when it fails it is taken out of service and rebuilt.
    pub(crate) fn with_index<T>(
        &self,
        read: impl FnOnce(&dyn Index) -> IndexResult<T>,
    ) -> Result<T, StoreError> {
        let index = self.index()?;
        read(&*index).map_err(|error| {
            self.index_failed(&index, &error);
            StoreError::Rebuilding(AccountId::ORGANISATION)
        })
    }

    /// Takes `failed` out of service, if it still serves, and asks for another.
    pub(crate) fn index_failed(&self, failed: &Arc<dyn Index>, error: &IndexError) {
        let mut current = self.index.write();
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, failed))
        {
            *current = None;
            tracing::error!(%error, "the index failed: it is set aside and rebuilt from the log");
            self.counters.index_failures.fetch_add(1, Ordering::Relaxed);
            // Nobody listens any more once the store has stopped.
            drop(self.to_applier.send(Message::IndexFailed));
        }
    }

    /// The place of a body as the index knows it.
    pub(crate) fn indexed_place(&self, body: BodyId) -> Result<Option<Place>, StoreError> {
        let stored = self.with_index(|index| index.get(&table::place_key(body)))?;
        stored
            .map(|stored| Place::decode(&stored))
            .transpose()
            .map_err(|_| StoreError::Damaged {
                what: format!("place of body {body}"),
            })
    }

    pub(crate) fn next_file(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn create_body_file(&self, id: FileId) -> Result<Arc<dyn DiskFile>, StoreError> {
        let path = id.path();
        self.disk
            .create(&path)
            .map_err(|error| self.write_failed(&path, &error))
    }

    /// Makes a body segment and its name durable.
    pub(crate) fn sync_body_file(&self, id: FileId, file: &dyn DiskFile) -> Result<(), StoreError> {
        let result = file.sync_data().and_then(|()| self.disk.sync_dir("bodies"));
        self.counters.body_syncs.fetch_add(1, Ordering::Relaxed);
        result.map_err(|error| self.sync_failed(&id.path(), &error))
    }

    /// Removes the file of a body that no commit has named.
    pub(crate) fn discard_body_file(&self, id: FileId) {
        self.files.forget(id);
        if let Err(error) = self.disk.remove(&id.path()) {
            tracing::debug!(file = id.path(), %error, "an unused body was not removed");
        }
    }

    /// The error of a write. A full disk is refused; anything else ends writing.
    pub(crate) fn write_failed(&self, path: &str, error: &io::Error) -> StoreError {
        if error.kind() == io::ErrorKind::StorageFull
            || error.kind() == io::ErrorKind::QuotaExceeded
        {
            self.scarce.store(true, Ordering::Relaxed);
            StoreError::NoSpace
        } else {
            self.stop_writing(format!("writing {path}: {error}"))
        }
    }

    /// The error of a sync: the pages that were to be written may be lost, and no second sync would say so. On some file
    /// systems space runs out only here, which changes nothing about that.
    pub(crate) fn sync_failed(&self, path: &str, error: &io::Error) -> StoreError {
        self.stop_writing(format!("syncing {path}: {error}"))
    }

    /// Makes the store read-only; the first reason stays.
    pub(crate) fn stop_writing(&self, reason: String) -> StoreError {
        let mut queue = self.queue.lock();
        if let Some(error @ StoreError::ReadOnly { .. }) = &queue.refusing {
            return error.clone();
        }
        tracing::error!(reason, "the store is read-only from now on");
        let error = StoreError::ReadOnly { reason };
        queue.refusing = Some(error.clone());
        error
    }

    /// Waits until the index holds everything up to `lsn`. `false` if the store stops first.
    pub(crate) fn wait_applied(&self, lsn: Lsn) -> bool {
        let mut applied = self.applied.lock();
        while applied.lsn < lsn {
            if self.keeper.stopping() || self.queue_refuses() {
                return false;
            }
            self.applied_wake
                .wait_for(&mut applied, std::time::Duration::from_millis(50));
        }
        true
    }

    fn queue_refuses(&self) -> bool {
        // A try, because the caller holds another lock.
        self.queue
            .try_lock()
            .is_some_and(|queue| matches!(queue.refusing, Some(StoreError::ReadOnly { .. })))
    }

    /// Looks how much room is left, and remembers whether it is scarce.
    pub(crate) fn look_at_space(&self) {
        match self.disk.free_space() {
            Ok(free) => self
                .scarce
                .store(free < self.settings.reserve_bytes, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "free space is unknown"),
        }
    }
}

/// Wraps an I/O error with what was being done.
pub(crate) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> StoreError {
    let what = what.into();
    move |error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::NoSpace,
        _ => StoreError::Io {
            what,
            error: error.to_string(),
        },
    }
}
