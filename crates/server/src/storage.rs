//! The embedded store as this process has it open.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use fieldpost_store::{
    Store, StoreError,
    embedded::{EmbeddedStore, IndexKind as Engine, Settings},
};

use crate::{
    config::{Config, IndexKind},
    engine::{make_private_directory, of_store},
    exchange::{Failure, FailureKind},
};

/// The open store.
pub struct Storage {
    embedded: Arc<EmbeddedStore>,
    directory: PathBuf,
}

impl Storage {
    /// Opens the store in the data directory, and makes it the first time. An index that has to be built anew is told to
    /// the log as it grows.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        make_private_directory(&config.server.data_dir)?;
        let directory = directory(config);
        let settings = settings(config);
        let path = directory.clone();
        let embedded = blocking(move || {
            let mut told = Instant::now();
            EmbeddedStore::open_with_progress(&path, settings, &mut |done, total| {
                if told.elapsed() >= TELL_EVERY {
                    told = Instant::now();
                    tracing::info!(done, total, "building the index");
                }
            })
        })
        .await?;
        Ok(Self {
            embedded,
            directory,
        })
    }

    /// For all that reads and writes.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.embedded) as Arc<dyn Store>
    }

    /// For its maintenance.
    pub fn embedded(&self) -> Arc<EmbeddedStore> {
        Arc::clone(&self.embedded)
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Why the store takes no writes, if it does not.
    pub fn trouble(&self) -> Option<String> {
        self.embedded.read_only_reason()
    }
}

/// Where the store of a configuration lies.
pub fn directory(config: &Config) -> PathBuf {
    config.server.data_dir.join("store")
}

/// How to open it.
pub fn settings(config: &Config) -> Settings {
    Settings {
        index: match config.store.index {
            IndexKind::Sled => Engine::Sled,
            IndexKind::Redb => Engine::Redb,
        },
        cache_bytes: config.store.cache.bytes(),
        ..Settings::default()
    }
}

/// Runs work on the store that blocks, off the threads that serve connections.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::new(FailureKind::Failed, error))?
        .map_err(of_store)
}

/// How often a long open tells how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);
