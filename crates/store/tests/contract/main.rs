//! One contract for every backend, so that the trait is not shaped by one engine.

#![allow(clippy::unwrap_used)]

mod suite;

#[cfg(feature = "postgres")]
mod postgres;

use fieldpost_store::MemoryStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    for (name, check) in suite::ALL {
        println!("memory: {name}");
        check(MemoryStore::new()).await;
    }
}
