//! The embedded store as this process has it open.

use std::sync::Arc;

use fieldpost_store::{MemoryStore, Store};

use crate::{config::Config, exchange::Failure};

/// The open store.
pub struct Storage {
    store: Arc<MemoryStore>,
}

impl Storage {
    /// Opens the store in the data directory.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        crate::engine::make_private_directory(&config.server.data_dir)?;
        Ok(Self {
            store: MemoryStore::new(),
        })
    }

    /// Why the store takes no writes, if it does not.
    pub fn trouble(&self) -> Option<String> {
        None
    }

    /// For all that reads and writes.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }
}
