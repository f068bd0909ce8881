//! The embedded backend: a durable log as the truth, an index over it that can be rebuilt at any time, bodies written once.
//!
//! A commit is *accepted* ([`accept`]): its place in the order is taken and reads see it through the overlay. The log
//! thread ([`log`]) writes and syncs all that waits as one group; only then it is acknowledged and published. The
//! applier brings it into the index ([`index`]). The keeper ([`keeper`]) checkpoints, snapshots, sweeps and compacts.
//!
//! Invariants:
//! - Nothing is acknowledged before it is in the log and synced. A sync that failed is never tried again: the store
//!   is read-only from then on.
//! - The index is never the only copy of anything. What it should hold is known without it (digests in the log and in
//!   the checkpoint), and is checked after an unclean stop before each part is used.
//! - All records are absolute, so replaying from any earlier point ends in the same state.
//! - A file is removed only after what replaces it is durable.

mod accept;
mod applier;
mod backup;
mod body;
mod checkpoint;
mod codec;
mod compact;
mod digest;
mod directory;
mod files;
mod frame;
mod fsck;
mod index;
mod inner;
mod keeper;
mod log;
mod open;
mod overlay;
mod read;
mod rebuild;
mod record;
mod scan;
mod snapshot;
mod standing;
mod stats;
mod table;
pub mod untrusted;
mod verify;

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{
    AccountId, BodyId, BodyReader, BodyWriter, BoxFuture, Commit, Committed, Hold, Op, Pair, Scan,
    StageOptions, Store, StoreError, Subscription, Topics,
    disk::{self, Disk, RealDisk},
    memory::check_limits,
};

use self::{
    body::{
        read::{Opened, Reader},
        stage::{Writer, blocking},
    },
    digest::Region,
    inner::{BACKLOG_KIB, Inner, io_error},
};

pub use self::{
    backup::{BackupReport, restore, verify_backup},
    compact::{CompactOptions, Compacted},
    directory::FORMAT,
    fsck::{FsckOptions, FsckReport, Problem},
    index::IndexKind,
    scan::Damage,
    standing::{Standing, clear_unfinished, repair_format, standing},
    stats::Stats,
};

/// How to open an embedded store. `Settings::default()` is right for a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The engine of the index.
    pub index: IndexKind,
    /// Memory for the engine's own cache, in bytes.
    pub cache_bytes: u64,
    /// sled is opened anew after so many changes to the index: see there.
    pub renew_after: u64,
    /// Bodies of at most so many encoded bytes go into the log beside their commit.
    pub inline_limit: usize,
    /// A new log segment is begun when the last one has so many bytes.
    pub segment_bytes: u64,
    /// Writes that need room are refused when the file system has less than this free.
    pub reserve_bytes: u64,
    /// How long a body without holders is kept.
    pub body_grace: Duration,
    /// A checkpoint is written after so many commits (and after 30 s, and after 128 MiB of bodies).
    pub checkpoint_records: u64,
    /// A snapshot is taken when the records since the last one (bodies excluded) outgrow this, and it.
    pub snapshot_bytes: u64,
    /// Compaction in the background moves at most so many bytes a second.
    pub compact_bytes_per_second: u64,
    /// Whether upkeep runs by itself. Without it checkpoints, snapshots and compaction happen only when asked for.
    pub background: bool,
    /// Whether the index is checked in the background after an unclean stop, and not only where it is used.
    pub background_verification: bool,
    /// Opens for reading only and changes nothing on disk: for backups. The index is built in memory, or for sled and
    /// redb in `index_path`.
    pub read_only: bool,
    /// The directory of the index, if not `index` in the data directory.
    pub index_path: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            index: IndexKind::default(),
            cache_bytes: 256 * MIB,
            renew_after: index::RENEW_AFTER,
            inline_limit: 128 * 1024,
            segment_bytes: 64 * MIB,
            reserve_bytes: 64 * MIB,
            body_grace: Duration::from_hours(1),
            checkpoint_records: 10_000,
            snapshot_bytes: 128 * MIB,
            compact_bytes_per_second: 16 * MIB,
            background: true,
            background_verification: true,
            read_only: false,
            index_path: None,
        }
    }
}

/// A [`Store`] in a directory of this machine.
pub struct EmbeddedStore {
    inner: Arc<Inner>,
    threads: Mutex<Threads>,
    _lock: Option<directory::Lock>,
}

#[derive(Default)]
struct Threads {
    log: Option<JoinHandle<()>>,
    applier: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
    checkpoints: Option<JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in `dir`, which is made if it is not there.
    pub fn open(dir: &Path, settings: Settings) -> Result<Arc<Self>, StoreError> {
        Self::open_with_progress(dir, settings, &mut |_, _| {})
    }

    /// The same, and tells how far a rebuild of the index has come, if one is needed: (done, of how much).
    pub fn open_with_progress(
        dir: &Path,
        settings: Settings,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Arc<Self>, StoreError> {
        let disk = if settings.read_only {
            RealDisk::existing(dir)
        } else {
            RealDisk::new(dir)
        }
        .map_err(io_error(dir.display().to_string()))?;
        open::open(Arc::new(disk), settings, progress).map(Arc::new)
    }

    /// Opens the store on any disk.
    pub fn open_on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Arc<Self>, StoreError> {
        open::open(disk, settings, &mut |_, _| {}).map(Arc::new)
    }

    /// The store's figures.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        self.inner.stats()
    }

    /// Makes the index durable as it is, so that the next open has little to replay.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            inner.settle()?;
            inner.checkpoint(false)
        })
        .await
    }

    /// Takes a snapshot of the index now.
    pub fn snapshot(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let _one = self.inner.keeper.maintenance.lock();
        self.inner.settle()?;
        self.inner.checkpoint(false)?;
        self.inner.take_snapshot(progress).map(drop)
    }

    /// Takes a snapshot, sweeps dead bodies and gives all space back that can be had. Blocks: for a thread of its own.
    pub fn compact(
        &self,
        options: &CompactOptions,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Compacted, StoreError> {
        let _one = self.inner.keeper.maintenance.lock();
        self.inner.settle()?;
        self.inner.checkpoint(false)?;
        self.inner.take_snapshot(&mut |_, _| {})?;
        self.inner.retire(options, progress)
    }

    /// Checks every part of the index that has not been checked since an unclean stop. Blocks.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        self.inner.verify_all(progress)
    }

    /// Checks everything, on a store that may be in use. Blocks: for a thread of its own.
    pub fn fsck(
        &self,
        options: FsckOptions,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<FsckReport, StoreError> {
        let _one = self.inner.keeper.maintenance.lock();
        self.inner.fsck(options, progress)
    }

    /// Copies the store to `target` while it serves; of an earlier backup there, only what is missing or no longer what was
    /// written. Every file is read back and compared, and the store is checked: what is damaged is copied as it is and named
    /// in the report. A target that holds anything but a backup is refused. Blocks.
    pub fn backup(
        &self,
        target: &dyn Disk,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<BackupReport, StoreError> {
        self.inner.backup(target, progress)
    }

    /// Opens a backup for reading, as a store of its own: so that one account or folder can be taken from it.
    pub fn open_backup(dir: &Path, settings: Settings) -> Result<Arc<Self>, StoreError> {
        let settings = Settings {
            read_only: true,
            background: false,
            ..settings
        };
        let disk = RealDisk::existing(dir).map_err(io_error(dir.display().to_string()))?;
        let disk: Arc<dyn Disk> = Arc::new(disk);
        directory::check_format(&*disk, false)?;
        match backup::Listed::new(Arc::clone(&disk))? {
            Some(listed) => Self::open_on(Arc::new(listed), settings),
            None => Self::open_on(disk, settings),
        }
    }

    /// Whether this store came from a backup and nobody has said yet that its counters have been moved on: ids that were
    /// given out after the backup must not be given out again.
    pub fn restored(&self) -> Result<bool, StoreError> {
        let found = disk::read_file(&*self.inner.disk, backup::RESTORED, 4096);
        Ok(found.map_err(io_error(backup::RESTORED))?.is_some())
    }

    /// Says that the counters have been moved on, durably. Until then [`Self::restored`] says so at every start.
    pub fn restore_done(&self) -> Result<(), StoreError> {
        let disk = &*self.inner.disk;
        disk::remove_if_there(disk, backup::RESTORED)
            .and_then(|()| disk.sync_dir(""))
            .map_err(io_error(backup::RESTORED))
    }

    /// Says that the store is about to be filled by an import, durably: until [`Self::import_done`] nobody opens it again,
    /// and [`clear_unfinished`] makes room for the next attempt.
    pub fn import_begins(&self) -> Result<(), StoreError> {
        standing::begin(&*self.inner.disk, standing::BY_IMPORT)
    }

    /// Says that the import is complete and all of it on disk, durably.
    pub fn import_done(&self) -> Result<(), StoreError> {
        standing::finished(&*self.inner.disk)
    }

    /// Stops the threads after everything accepted is on disk and in the index.
    fn stop(&self) {
        self.inner.keeper.stop();
        {
            let mut queue = self.inner.queue.lock();
            queue.stopping = true;
            queue.refusing.get_or_insert(StoreError::Closed);
            self.inner.queue_wake.notify_all();
        }
        let mut threads = self.threads.lock();
        for thread in [
            threads.keeper.take(),
            threads.checkpoints.take(),
            threads.log.take(),
            threads.applier.take(),
        ] {
            if let Some(thread) = thread
                && thread.join().is_err()
            {
                tracing::error!("a thread of the store has panicked");
            }
        }
    }

    /// Checks the regions that an operation touches, off the caller's thread if there is something to check.
    async fn verified(
        &self,
        regions: impl Iterator<Item = Region> + Send,
    ) -> Result<(), StoreError> {
        if self.inner.verification.all_done() {
            return Ok(());
        }
        let doubtful: Vec<Region> = regions
            .filter(|region| !self.inner.verification.is_done(*region))
            .collect();
        if doubtful.is_empty() {
            return Ok(());
        }
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            doubtful
                .into_iter()
                .try_for_each(|region| inner.verify(region))
        })
        .await
    }
}

impl Store for EmbeddedStore {
    fn get<'a>(
        &'a self,
        account: AccountId,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move {
            self.verified([Region::Account(account)].into_iter())
                .await?;
            let shard = self.inner.overlay.shard(account).read();
            self.inner.read(&shard, account, key)
        })
    }

    fn scan(&self, account: AccountId, scan: Scan) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        Box::pin(async move {
            self.verified([Region::Account(account)].into_iter())
                .await?;
            self.inner.scan(account, &scan)
        })
    }

    fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<AccountId>, StoreError>> {
        Box::pin(async move {
            let queue = self.inner.queue.lock();
            let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
            let accounts = &queue.digests.accounts;
            let range = accounts.range((from, std::ops::Bound::Unbounded));
            Ok(range.map(|(account, _)| *account).take(limit).collect())
        })
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            check_limits(&commit)?;
            let bodies = commit.ops.iter().filter_map(|op| match op {
                Op::Hold { body, .. } | Op::Release { body, .. } => Some(*body),
                Op::Put { .. } | Op::Delete { .. } => None,
            });
            let bodies = bodies.chain(commit.bodies.iter().map(|body| body.id));
            let regions = [Region::Account(commit.account)].into_iter();
            self.verified(regions.chain(bodies.map(Region::of_body)))
                .await?;
            let permits = cost(&commit);
            let permit = Arc::clone(&self.inner.backlog)
                .acquire_many_owned(permits)
                .await
                .map_err(|_| StoreError::Closed)?;
            self.inner.accept(commit, permit)
        })
    }

    fn stage_body(
        &self,
        options: StageOptions,
    ) -> BoxFuture<'_, Result<Box<dyn BodyWriter>, StoreError>> {
        Box::pin(async move {
            if let Some(error) = &self.inner.queue.lock().refusing {
                return Err(error.clone());
            }
            if self.inner.scarce.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(StoreError::NoSpace);
            }
            let writer = Writer::new(Arc::clone(&self.inner), &options)?;
            Ok(Box::new(writer) as Box<dyn BodyWriter>)
        })
    }

    fn body(
        &self,
        id: BodyId,
        range: Range<u64>,
    ) -> BoxFuture<'_, Result<Box<dyn BodyReader>, StoreError>> {
        Box::pin(async move {
            self.verified([Region::of_body(id)].into_iter()).await?;
            // A hop to another thread costs more than to read what is in memory.
            let opened = match Opened::find_now(&self.inner, id) {
                Some(opened) => opened,
                None => {
                    let inner = Arc::clone(&self.inner);
                    blocking(move || Opened::find(&inner, id)).await?
                }
            };
            Ok(Box::new(Reader::new(opened, range)) as Box<dyn BodyReader>)
        })
    }

    fn holds(
        &self,
        after: Option<Hold>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Hold>, StoreError>> {
        Box::pin(async move {
            let inner = Arc::clone(&self.inner);
            blocking(move || inner.holds_after(after, limit)).await
        })
    }

    fn subscribe(&self, account: AccountId, topics: Topics) -> Subscription {
        self.inner.bus.subscribe(account, topics)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            // Short enough to do here: the threads have little left to do, and nothing else uses the store any more.
            self.stop();
            self.inner.bus.close();
            let writable = !self.inner.settings.read_only
                && !matches!(
                    self.inner.queue.lock().refusing,
                    Some(StoreError::ReadOnly { .. })
                );
            if writable {
                let inner = Arc::clone(&self.inner);
                blocking(move || inner.checkpoint(inner.verification.all_done())).await?;
            }
            Ok(())
        })
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How many KiB of the backlog a commit takes: its memory, and a KiB at least for each change that has to go into the index.
fn cost(commit: &Commit) -> u32 {
    let ops: usize = commit
        .ops
        .iter()
        .map(|op| match op {
            Op::Put { key, value } => (key.len() + value.len()).div_ceil(1024),
            Op::Delete { .. } | Op::Hold { .. } | Op::Release { .. } => 1,
        })
        .sum();
    let bodies: u64 = commit.bodies.iter().map(|body| body.size).sum();
    let kib = ops as u64 + bodies.min(128 * 1024) / 1024 + 1;
    kib.min(BACKLOG_KIB as u64 / 4) as u32
}
