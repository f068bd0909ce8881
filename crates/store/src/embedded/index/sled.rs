//! sled 0.34 as index, with its habits taken into account:
//!
//! - `flush` writes but does not fsync, so [`Index::sync`] syncs its files itself; `conf` and the directories are
//!   synced once at creation;
//! - a process killed during open leaves a `snap.*.generating` behind that blocks every later open: removed first;
//! - a damaged page panics, here or in one of its threads: every call is guarded, and after the first failure the
//!   handle is leaked, because dropping it may hang on a lock that the panic left behind.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;

use super::{Index, IndexBatch, IndexResult, guarded};

const ENGINE: &str = "sled";

/// One sled tree.
pub(crate) struct SledIndex {
    /// Taken by `drop` only.
    tree: Option<sled::Db>,
    dir: PathBuf,
    failed: AtomicBool,
}

impl SledIndex {
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> IndexResult<Self> {
        let tree = guarded(ENGINE, || {
            create_with_parents(dir)?;
            remove_unfinished_snapshots(dir)?;
            let fresh = !dir.join("conf").exists();
            let tree = sled::Config::new()
                .path(dir)
                .cache_capacity(cache_bytes)
                // Flushed at checkpoints, with the sync that sled leaves out.
                .flush_every_ms(None)
                .mode(sled::Mode::HighThroughput)
                .open()
                .map_err(|error| io::Error::other(error.to_string()))?;
            if fresh {
                sync_files(dir)?;
                sync_directories(dir)?;
            }
            Ok::<_, io::Error>(tree)
        })?;
        Ok(Self {
            tree: Some(tree),
            dir: dir.to_owned(),
            failed: AtomicBool::new(false),
        })
    }

    fn call<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> IndexResult<T> {
        let Some(tree) = &self.tree else {
            return guarded(ENGINE, || {
                Err(sled::Error::Unsupported("closed".to_owned()))
            });
        };
        let result = guarded(ENGINE, || call(tree));
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Index for SledIndex {
    fn get(&self, key: &[u8]) -> IndexResult<Option<Bytes>> {
        self.call(|tree| Ok(tree.get(key)?.map(|value| Bytes::copy_from_slice(&value))))
    }

    fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> IndexResult<()> {
        if start >= end {
            return Ok(());
        }
        self.call(|tree| {
            let mut range = tree.range(start..end);
            while let Some(pair) = if reverse {
                range.next_back()
            } else {
                range.next()
            } {
                let (key, value) = pair?;
                if !visit(&key, &value) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn apply(&self, mut batch: IndexBatch) -> IndexResult<()> {
        // Not as a batch of sled's own: that one goes through a hash map, and keys in order are much cheaper.
        batch.settle();
        self.call(|tree| {
            // A rebuild is worth every core.
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let share = batch.changes.len().div_ceil(cores).max(SHARE);
            std::thread::scope(|scope| {
                let mut shares = batch.changes.chunks(share);
                let own = shares.next().unwrap_or_default();
                let others: Vec<_> = shares
                    .map(|share| scope.spawn(move || write(tree, share)))
                    .collect();
                write(tree, own)?;
                for other in others {
                    match other.join() {
                        Ok(result) => result?,
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                }
                Ok(())
            })
        })
    }

    fn sync(&self) -> IndexResult<()> {
        self.call(|tree| {
            tree.flush()?;
            sync_files(&self.dir)?;
            Ok(())
        })
    }

    fn size(&self) -> u64 {
        files(&self.dir).map_or(0, |files| {
            files
                .iter()
                .filter_map(|file| fs::metadata(file).ok())
                .map(|meta| meta.len())
                .sum()
        })
    }
}

impl Drop for SledIndex {
    fn drop(&mut self) {
        if self.failed.load(Ordering::Relaxed) {
            // Leaked on purpose: see the module's page.
            std::mem::forget(self.tree.take());
        } else if let Some(tree) = self.tree.take() {
            drop(guarded(ENGINE, || {
                drop(tree);
                Ok::<_, sled::Error>(())
            }));
        }
    }
}

/// Fewer changes than this are not worth a thread.
const SHARE: usize = 4096;

fn write(tree: &sled::Db, changes: &[(Bytes, Option<Bytes>)]) -> sled::Result<()> {
    for (key, value) in changes {
        match value {
            Some(value) => tree.insert(&key[..], &value[..])?,
            None => tree.remove(&key[..])?,
        };
    }
    Ok(())
}

fn create_with_parents(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    if let Some(parent) = dir.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

fn remove_unfinished_snapshots(dir: &Path) -> io::Result<()> {
    for file in files(dir)? {
        let unfinished = file
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating"));
        if unfinished {
            tracing::warn!(file = %file.display(), "removing what an interrupted open of sled left behind");
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// All files of the directory and of its one level of subdirectories (`blobs`).
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                found.push(entry?.path());
            }
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn sync_files(dir: &Path) -> io::Result<()> {
    for file in files(dir)? {
        match File::open(&file) {
            Ok(file) => file.sync_data()?,
            // sled removes old snapshots and blobs as it goes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn sync_directories(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            File::open(path)?.sync_all()?;
        }
    }
    File::open(dir)?.sync_all()
}
