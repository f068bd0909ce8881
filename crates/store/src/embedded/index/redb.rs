//! redb as index: one table, applied without a sync, made durable at checkpoints.

use std::{fmt, fs::File, io, path::Path, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use redb::{Builder, Database, Durability, ReadableDatabase, StorageBackend, TableDefinition};

use crate::disk::{Disk, DiskFile};

use super::{Index, IndexBatch, IndexResult, guarded};

const ENGINE: &str = "redb";
const PAIRS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("pairs");

/// One redb table.
pub(crate) struct RedbIndex {
    database: Database,
    size: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl RedbIndex {
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> IndexResult<Self> {
        let file = dir.join("index.redb");
        let database = guarded(ENGINE, || {
            std::fs::create_dir_all(dir).map_err(redb::StorageError::from)?;
            let database = builder(cache_bytes).create(&file)?;
            File::open(dir)
                .and_then(|dir| dir.sync_all())
                .map_err(redb::StorageError::from)?;
            if let Some(parent) = dir.parent() {
                File::open(parent)
                    .and_then(|dir| dir.sync_all())
                    .map_err(redb::StorageError::from)?;
            }
            Ok::<_, redb::DatabaseError>(database)
        })?;
        let size = move || std::fs::metadata(&file).map_or(0, |meta| meta.len());
        Self::with(database, Box::new(size))
    }

    /// On the store's own disk, so that the disk's faults reach it.
    pub(crate) fn on_disk(disk: &Arc<dyn Disk>, cache_bytes: u64) -> IndexResult<Self> {
        const PATH: &str = "index/index.redb";
        let file = guarded(ENGINE, || {
            disk.create_dir("index")?;
            match disk.open(PATH) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let file = disk.create(PATH)?;
                    disk.sync_dir("index")?;
                    Ok(file)
                }
                other => other,
            }
        })?;
        let backend = OnDisk {
            file: Arc::clone(&file),
            writes: Mutex::new(()),
        };
        let database = guarded(ENGINE, || builder(cache_bytes).create_with_backend(backend))?;
        Self::with(database, Box::new(move || file.len().unwrap_or(0)))
    }

    fn with(database: Database, size: Box<dyn Fn() -> u64 + Send + Sync>) -> IndexResult<Self> {
        guarded(ENGINE, || {
            let transaction = database.begin_write()?;
            transaction.open_table(PAIRS)?;
            transaction.commit()?;
            Ok::<_, redb::Error>(())
        })?;
        Ok(Self { database, size })
    }
}

impl Index for RedbIndex {
    fn examine(&mut self) -> IndexResult<bool> {
        guarded(ENGINE, || self.database.check_integrity())
    }

    fn get(&self, key: &[u8]) -> IndexResult<Option<Bytes>> {
        guarded(ENGINE, || {
            let table = self.database.begin_read()?.open_table(PAIRS)?;
            let value = table.get(key)?;
            Ok::<_, redb::Error>(value.map(|value| Bytes::copy_from_slice(value.value())))
        })
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
        guarded(ENGINE, || {
            let table = self.database.begin_read()?.open_table(PAIRS)?;
            let mut range = table.range(start..end)?;
            while let Some(pair) = if reverse {
                range.next_back()
            } else {
                range.next()
            } {
                let (key, value) = pair?;
                if !visit(key.value(), value.value()) {
                    break;
                }
            }
            Ok::<_, redb::Error>(())
        })
    }

    fn apply(&self, batch: IndexBatch) -> IndexResult<()> {
        guarded(ENGINE, || {
            let mut transaction = self.database.begin_write()?;
            transaction
                .set_durability(Durability::None)
                .map_err(redb::Error::from)?;
            {
                let mut table = transaction.open_table(PAIRS)?;
                for (key, value) in &batch.changes {
                    match value {
                        Some(value) => table.insert(&key[..], &value[..])?,
                        None => table.remove(&key[..])?,
                    };
                }
                if let Some((key, value)) = &batch.seal {
                    table.insert(&key[..], &value[..])?;
                }
            }
            transaction.commit()?;
            Ok::<_, redb::Error>(())
        })
    }

    fn sync(&self) -> IndexResult<()> {
        guarded(ENGINE, || {
            let mut transaction = self.database.begin_write()?;
            transaction
                .set_durability(Durability::Immediate)
                .map_err(redb::Error::from)?;
            // Keeps the free-space map with the commit, so that an open after a crash need not walk the whole file.
            transaction.set_quick_repair(true);
            transaction.commit()?;
            Ok::<_, redb::Error>(())
        })
    }

    fn size(&self) -> u64 {
        (self.size)()
    }
}

fn builder(cache_bytes: u64) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(usize::try_from(cache_bytes).unwrap_or(usize::MAX));
    builder
}

struct OnDisk {
    file: Arc<dyn DiskFile>,
    writes: Mutex<()>,
}

impl fmt::Debug for OnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDisk")
    }
}

impl StorageBackend for OnDisk {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let _one = self.writes.lock();
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let _one = self.writes.lock();
        self.file.write_at(data, offset)
    }
}
