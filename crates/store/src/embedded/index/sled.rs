//! sled 0.34 as index, with its habits taken into account:
//!
//! - `flush` writes but does not fsync, so [`Index::sync`] syncs its files itself; `conf` and the directories are
//!   synced once at creation;
//! - a process killed during open leaves a `snap.*.generating` behind that blocks every later open: removed first;
//! - it notes where its pages lie only when it opens, and must read all that it wrote since to open again: so it is
//!   opened anew from time to time, [`Index::renew`];
//! - a damaged page panics, here or in one of its threads: every call is guarded, and after the first failure the
//!   handle is leaked, because dropping it may hang on a lock that the panic left behind.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::RwLock;

use super::{Index, IndexBatch, IndexResult, guarded};

const ENGINE: &str = "sled";

/// One sled tree.
pub(crate) struct SledIndex {
    /// Read by every call; written by `renew` and taken by `drop`.
    tree: RwLock<Option<sled::Db>>,
    dir: PathBuf,
    cache_bytes: u64,
    renew_after: u64,
    /// Changes since sled was opened.
    changes: AtomicU64,
    failed: AtomicBool,
}

impl SledIndex {
    pub(crate) fn open(dir: &Path, cache_bytes: u64, renew_after: u64) -> IndexResult<Self> {
        let tree = guarded(ENGINE, || {
            create_with_parents(dir)?;
            remove_unfinished_snapshots(dir)?;
            let fresh = !dir.join("conf").exists();
            let tree = open_tree(dir, cache_bytes)?;
            if fresh {
                sync_files(dir)?;
                sync_directories(dir)?;
            }
            Ok::<_, io::Error>(tree)
        })?;
        Ok(Self {
            tree: RwLock::new(Some(tree)),
            dir: dir.to_owned(),
            cache_bytes,
            renew_after,
            changes: AtomicU64::new(0),
            failed: AtomicBool::new(false),
        })
    }

    fn call<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> IndexResult<T> {
        let tree = self.tree.read();
        let Some(tree) = &*tree else {
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
        self.changes
            .fetch_add(batch.changes.len() as u64, Ordering::Relaxed);
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
                if let Some((key, value)) = &batch.seal {
                    // After a kill sled finds a prefix of what it wrote.
                    tree.insert(&key[..], &value[..])?;
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

    fn renew(&self) -> IndexResult<()> {
        if self.changes.load(Ordering::Relaxed) < self.renew_after {
            return Ok(());
        }
        let start = Instant::now();
        let mut tree = self.tree.write();
        self.changes.store(0, Ordering::Relaxed);
        tracing::debug!("opening sled anew");
        let result = guarded(ENGINE, || {
            drop(tree.take());
            *tree = Some(loop {
                match open_tree(&self.dir, self.cache_bytes) {
                    Ok(tree) => break tree,
                    // Threads of the old handle hold the lock on its file until their last write and sync is through, which
                    // on a busy disk takes a while. Nothing is lost by waiting; giving up would cost a whole rebuild.
                    Err(error) if is_locked(&error) && start.elapsed() < RENEW_PATIENCE => {
                        thread::sleep(RENEW_PAUSE);
                    }
                    Err(error) => return Err(error),
                }
            });
            sync_files(&self.dir)?;
            sync_directories(&self.dir)
        });
        tracing::debug!(ms = start.elapsed().as_millis(), "sled is open anew");
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        result
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
        let tree = self.tree.get_mut().take();
        if self.failed.load(Ordering::Relaxed) {
            // Leaked on purpose: see the module's page.
            std::mem::forget(tree);
        } else if let Some(tree) = tree {
            drop(guarded(ENGINE, || {
                drop(tree);
                Ok::<_, sled::Error>(())
            }));
        }
    }
}

/// Opening sled costs about a third of a second for so many changes made since the last time, and reads and commits wait
/// while it is opened anew: not often, then, and an open after a crash stays short.
pub(crate) const RENEW_AFTER: u64 = 200_000;
const RENEW_PATIENCE: Duration = Duration::from_mins(1);
const RENEW_PAUSE: Duration = Duration::from_millis(20);

fn is_locked(error: &io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

fn open_tree(dir: &Path, cache_bytes: u64) -> io::Result<sled::Db> {
    sled::Config::new()
        .path(dir)
        .cache_capacity(cache_bytes)
        // Flushed at checkpoints, with the sync that sled leaves out.
        .flush_every_ms(None)
        .mode(sled::Mode::HighThroughput)
        .open()
        .map_err(|error| io::Error::other(error.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewed_sled_holds_what_it_held_while_others_read() {
        let dir = tempfile::tempdir().unwrap();
        let index = SledIndex::open(dir.path(), 1 << 20, RENEW_AFTER).unwrap();
        let mut batch = IndexBatch::default();
        for number in 0..5000u32 {
            batch.put(number.to_be_bytes().to_vec(), vec![7; 100]);
        }
        index.apply(batch).unwrap();
        index.renew().unwrap();
        assert_eq!(index.changes.load(Ordering::Relaxed), 5000, "not yet time");
        index.changes.store(RENEW_AFTER, Ordering::Relaxed);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                for number in 0..5000u32 {
                    let value = index.get(&number.to_be_bytes()).unwrap();
                    assert_eq!(value.map(|value| value.len()), Some(100));
                }
            });
            index.renew().unwrap();
            reader.join().unwrap();
        });
        assert_eq!(index.changes.load(Ordering::Relaxed), 0);
        assert!(index.get(&4999u32.to_be_bytes()).unwrap().is_some());
    }
}
