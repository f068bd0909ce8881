//! One contract for every backend, so that the trait is not shaped by one engine.

#![allow(clippy::unwrap_used)]

mod suite;

#[cfg(feature = "postgres")]
mod postgres;

use std::sync::Arc;

use fieldpost_store::{
    MemoryStore,
    disk::FaultyDisk,
    embedded::{EmbeddedStore, IndexKind, Settings},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    for (name, check) in suite::ALL {
        println!("memory: {name}");
        check(MemoryStore::new()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_with_an_index_in_memory() {
    for (name, check) in suite::ALL {
        println!("embedded, memory: {name}");
        let disk = Arc::new(FaultyDisk::new(1));
        check(EmbeddedStore::open_on(disk, settings(IndexKind::Memory)).unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_with_sled() {
    on_disk(IndexKind::Sled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_with_redb() {
    on_disk(IndexKind::Redb).await;
}

async fn on_disk(index: IndexKind) {
    for (name, check) in suite::ALL {
        println!("embedded, {}: {name}", index.name());
        let dir = tempfile::tempdir().unwrap();
        check(EmbeddedStore::open(dir.path(), settings(index)).unwrap()).await;
    }
}

fn settings(index: IndexKind) -> Settings {
    Settings {
        index,
        cache_bytes: 8 << 20,
        reserve_bytes: 1 << 20,
        ..Settings::default()
    }
}
