//! Full disks. faults.md: ENOSPC at every write point.

use std::sync::Arc;

use fieldpost_store::{
    AccountId, Commit, Committed, Store, StoreError,
    disk::faulty::{Fault, FaultyDisk},
    embedded::{EmbeddedStore, IndexKind, Settings},
};

use crate::history::{History, Random, open, settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_goes_on_once_there_is_room() {
    for point in 0..crate::rounds() * 3 {
        let mut random = Random(point);
        let disk = FaultyDisk::new(point);
        let mut history = History::default();
        let context = format!("full at operation {point}");
        let store = open(&disk, IndexKind::Memory).unwrap();
        history.run(&store, &mut random, 3).await;
        disk.inject(point, Fault::NoSpace);
        history.run(&store, &mut random, 20).await;
        assert!(store.stats().unwrap().read_only.is_none(), "{context}");
        disk.clear();
        // Looked at again by whoever writes next to the log, or by the keeper; here by opening again.
        drop(store.close().await);
        drop(store);
        history.hear().await;
        let disk = if point % 2 == 0 {
            disk.kill()
        } else {
            disk.power_cut()
        };
        let store = open(&disk, IndexKind::Memory).unwrap();
        history.check(&store, &context).await;
        history.run(&store, &mut random, 10).await;
        history.check_at_rest(&store, &context).await;
    }
}

#[tokio::test]
async fn little_room_is_kept_for_deleting_mail() {
    let disk = FaultyDisk::new(1);
    disk.set_free_space(1000);
    let settings = Settings {
        reserve_bytes: 1 << 20,
        ..settings(IndexKind::Memory)
    };
    let store: Arc<dyn Store> = EmbeddedStore::open_on(Arc::new(disk.clone()), settings).unwrap();
    let mut large = Commit::new(AccountId(1));
    large.put(&b"large"[..], vec![0; 100_000]);
    assert!(matches!(
        store.commit(large).await,
        Err(StoreError::NoSpace)
    ));
    let refused = store
        .stage_body(fieldpost_store::StageOptions::default())
        .await;
    assert!(matches!(refused.map(|_| ()), Err(StoreError::NoSpace)));
    let mut small = Commit::new(AccountId(1));
    small
        .put(&b"tombstone"[..], &b"7"[..])
        .delete(&b"message"[..]);
    match store.commit(small).await.unwrap() {
        Committed::Accepted(receipt) => receipt.durable().await.unwrap(),
        Committed::Conflict { .. } => panic!("no precondition was made"),
    };
}
