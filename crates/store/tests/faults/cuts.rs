//! Power cuts and kills. faults.md: torn write; power loss (unsynced writes lost or torn at any 512-byte edge); truncated
//! tail; EIO on fsync.

use fieldpost_store::{
    Store, StoreError,
    disk::faulty::{Fault, FaultyDisk},
    embedded::IndexKind,
};

use crate::{
    history::{History, Random, open},
    rounds,
};

/// One life after the other on the same disk, each ended by a cut or a kill at a random operation.
async fn lives(index: IndexKind, seed: u64) -> u64 {
    let mut random = Random(seed);
    let mut disk = FaultyDisk::new(seed);
    let mut history = History::default();
    for life in 0..5 {
        let context = format!("{} seed {seed} life {life}", index.name());
        // Half of the cuts come at a chosen operation, even during the open.
        if random.below(2) == 0 {
            disk.inject(random.below(60), Fault::Crash);
        }
        if let Ok(store) = open(&disk, index) {
            history.check(&store, &context).await;
            let count = random.below(25);
            history.run(&store, &mut random, count).await;
            if random.below(3) == 0 {
                // Its failure is part of the game.
                drop(store.checkpoint().await);
            }
            if random.below(4) == 0 {
                drop(store.snapshot(&mut |_, _| {}));
            }
            if random.below(4) == 0 {
                drop(store.close().await);
            }
            disk = if random.below(4) == 0 {
                disk.kill()
            } else {
                disk.power_cut()
            };
        } else {
            assert!(disk.crashed(), "{context}: it did not open");
            disk = disk.power_cut();
        }
    }
    let store = open(&disk, index).unwrap();
    history
        .check(&store, &format!("{} seed {seed} at the end", index.name()))
        .await;
    history.acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_lose_nothing_acknowledged_with_an_index_in_memory() {
    let mut acknowledged = 0;
    for seed in 0..rounds() {
        acknowledged += lives(IndexKind::Memory, seed).await;
    }
    assert!(
        acknowledged > rounds(),
        "the test must have acknowledged something"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_lose_nothing_acknowledged_with_redb_on_the_same_disk() {
    for seed in 1000..1000 + rounds() {
        lives(IndexKind::Redb, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_makes_the_store_read_only_and_is_never_tried_again() {
    for seed in 0..rounds() {
        let mut random = Random(seed);
        let disk = FaultyDisk::new(seed);
        let mut history = History::default();
        let store = open(&disk, IndexKind::Memory).unwrap();
        disk.inject(10 + random.below(40), Fault::Io);
        history.run(&store, &mut random, 60).await;
        // The failure may have hit a removal or a checkpoint instead of the log.
        if store.stats().unwrap().read_only.is_some() {
            let syncs = disk.syncs();
            let mut more = History::default();
            more.run(&store, &mut random, 5).await;
            assert_eq!(more.acknowledged, 0);
            assert_eq!(disk.syncs(), syncs, "no sync after the one that failed");
            let refused = store.commit(fieldpost_store::Commit::default()).await;
            assert!(matches!(refused, Err(StoreError::ReadOnly { .. })));
        }
        drop(store.close().await);
        drop(store);
        let store = open(&disk.power_cut(), IndexKind::Memory).unwrap();
        history.check(&store, &format!("seed {seed}")).await;
    }
}
