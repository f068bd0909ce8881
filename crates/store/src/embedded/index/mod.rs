//! The index: an ordered map from small keys to small values that can be rebuilt at any time, and is never the only
//! copy of anything. Its bytes are not trusted: digests say whether it holds what the log says.

mod memory;
mod redb;
mod sled;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use bytes::Bytes;

use crate::disk::Disk;

pub(crate) use self::{
    memory::MemoryIndex,
    redb::RedbIndex,
    sled::{RENEW_AFTER, SledIndex},
};

/// Which engine serves as the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexKind {
    /// sled 0.34: the default.
    #[default]
    Sled,
    /// redb: the second engine behind the same trait, for those who distrust the first.
    Redb,
    /// A map in memory, built from snapshot and log at every open: for tests, and for looking into a backup.
    Memory,
}

impl IndexKind {
    /// The name that configuration and file names use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
            Self::Memory => "memory",
        }
    }
}

/// The engine failed or panicked. What it holds is not used again: it is set aside and rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{engine}: {what}")]
pub(crate) struct IndexError {
    pub(crate) engine: &'static str,
    pub(crate) what: String,
}

pub(crate) type IndexResult<T> = Result<T, IndexError>;

/// Puts and deletes that are applied together.
#[derive(Debug, Default)]
pub(crate) struct IndexBatch {
    /// `None` deletes. The last entry of a key wins.
    pub(crate) changes: Vec<(Bytes, Option<Bytes>)>,
    /// A pair that is put when all the others are in, so that after a crash of the process an index that has it has them.
    pub(crate) seal: Option<(Bytes, Bytes)>,
    pub(crate) bytes: usize,
}

impl IndexBatch {
    pub(crate) fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        let (key, value) = (key.into(), value.into());
        self.bytes += key.len() + value.len();
        self.changes.push((key, Some(value)));
    }

    /// Sorts, and keeps the last entry of each key only: the counters of a busy account change in every record.
    pub(crate) fn settle(&mut self) {
        self.changes.reverse();
        self.changes.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.changes
            .dedup_by(|(later, _), (first, _)| later == first);
    }

    pub(crate) fn delete(&mut self, key: impl Into<Bytes>) {
        let key = key.into();
        self.bytes += key.len();
        self.changes.push((key, None));
    }
}

/// An ordered map behind the log. Calls come from many threads.
pub(crate) trait Index: Send + Sync {
    fn get(&self, key: &[u8]) -> IndexResult<Option<Bytes>>;

    /// Visits the pairs with `start <= key < end`, in order or in reverse, until `visit` returns `false`.
    fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> IndexResult<()>;

    /// Applies a batch, its seal last. It need not be durable, nor atomic: readers see its records through the overlay until
    /// it is done, and after a crash the log is replayed from behind the last seal or from the checkpoint.
    fn apply(&self, batch: IndexBatch) -> IndexResult<()>;

    /// Makes durable all that was applied before the call.
    fn sync(&self) -> IndexResult<()>;

    /// Looks for damage that neither a walk nor a look-up would meet, as far as the engine can: a page of redb's own tree whose keys
    /// lie leads a look-up past a record that a walk finds. `false`: it is damaged. Called after an unclean stop.
    fn examine(&mut self) -> IndexResult<bool> {
        Ok(true)
    }

    /// Does what keeps the next open short, if it is time for it. All that was applied has been made durable before.
    fn renew(&self) -> IndexResult<()> {
        Ok(())
    }

    /// Bytes on disk.
    fn size(&self) -> u64;
}

/// Opens the index at `dir` (its own directory; `None` keeps a redb index on `disk`, for fault tests).
pub(crate) fn open(
    kind: IndexKind,
    dir: Option<&Path>,
    disk: &std::sync::Arc<dyn Disk>,
    cache_bytes: u64,
    renew_after: u64,
) -> IndexResult<Box<dyn Index>> {
    Ok(match (kind, dir) {
        (IndexKind::Memory, _) => Box::new(MemoryIndex::default()),
        (IndexKind::Sled, Some(dir)) => Box::new(SledIndex::open(dir, cache_bytes, renew_after)?),
        (IndexKind::Redb, Some(dir)) => Box::new(RedbIndex::open(dir, cache_bytes)?),
        (IndexKind::Redb, None) => Box::new(RedbIndex::on_disk(disk, cache_bytes)?),
        (IndexKind::Sled, None) => {
            return Err(IndexError {
                engine: "sled",
                what: "needs a directory of the file system".to_owned(),
            });
        }
    })
}

/// Calls into an engine: a panic inside it becomes an error, the process goes on.
fn guarded<T, E: std::fmt::Display>(
    engine: &'static str,
    call: impl FnOnce() -> Result<T, E>,
) -> IndexResult<T> {
    let error = |what| IndexError { engine, what };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(failed)) => Err(error(failed.to_string())),
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(error(format!(
                "panicked: {}",
                said.unwrap_or("without words")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, sync::Arc};

    /// All engines must do the same as a `BTreeMap`.
    fn behaves(index: &dyn Index) {
        let mut model: BTreeMap<Bytes, Bytes> = BTreeMap::new();
        let mut random = 7u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        for _ in 0..60 {
            let mut batch = IndexBatch::default();
            for _ in 0..next() % 30 {
                let key = Bytes::from((next() % 200).to_be_bytes()[6..].to_vec());
                if next().is_multiple_of(3) {
                    model.remove(&key);
                    batch.delete(key);
                } else {
                    let value = Bytes::from(vec![next() as u8; (next() % 900) as usize]);
                    model.insert(key.clone(), value.clone());
                    batch.put(key, value);
                }
            }
            index.apply(batch).unwrap();
            for reverse in [false, true] {
                let (start, end) = ([0, (next() % 200) as u8], [0, (next() % 200) as u8]);
                let limit = (next() % 40) as usize;
                let mut found = Vec::new();
                index
                    .scan(&start, &end, reverse, &mut |key, value| {
                        found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
                        found.len() < limit
                    })
                    .unwrap();
                let mut expected: Vec<_> = model
                    .iter()
                    .filter(|(key, _)| key[..] >= start[..] && key[..] < end[..])
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                if reverse {
                    expected.reverse();
                }
                expected.truncate(limit.max(1));
                assert_eq!(found, expected);
            }
        }
        index.sync().unwrap();
        index.renew().unwrap();
        for key in 0..200u64 {
            let key = &key.to_be_bytes()[6..];
            assert_eq!(index.get(key).unwrap(), model.get(key).cloned());
        }
    }

    #[test]
    fn memory_sled_and_redb_behave_alike() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(crate::disk::FaultyDisk::new(1));
        for kind in [IndexKind::Memory, IndexKind::Sled, IndexKind::Redb] {
            let dir = dir.path().join(kind.name());
            behaves(&*open(kind, Some(&dir), &disk, 1 << 20, 300).unwrap());
        }
        behaves(&*open(IndexKind::Redb, None, &disk, 1 << 20, 300).unwrap());
    }

    #[test]
    fn a_panic_inside_an_engine_is_an_error() {
        let result: IndexResult<()> = guarded("test", || -> Result<(), String> {
            panic!("page {} is gone", 3)
        });
        assert_eq!(result.unwrap_err().what, "panicked: page 3 is gone");
    }
}
