//! Crashes during compaction, snapshot, checkpoint, backup and restore. faults.md: kill during compaction, backup, restore.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_store::{
    AccountId, Commit, Committed, StageOptions, Store, StoreError,
    disk::{
        Disk, RealDisk,
        faulty::{Fault, FaultyDisk},
    },
    embedded::{
        CompactOptions, EmbeddedStore, FsckOptions, IndexKind, Settings, Standing,
        clear_unfinished, restore, standing, verify_backup,
    },
    transfer,
};

use crate::{
    history::{History, Random, content, open, settings},
    rounds,
};

fn shared(disk: &FaultyDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_of_compaction_loses_nothing() {
    for step in 0..rounds() * 2 {
        let mut random = Random(step);
        let disk = FaultyDisk::new(step);
        let mut history = History::default();
        let store = open(&disk, IndexKind::Memory).unwrap();
        history.run(&store, &mut random, 60).await;
        history.check_at_rest(&store, "before").await;
        disk.inject(step, Fault::Crash);
        drop(store.compact(&CompactOptions::thorough(Duration::ZERO), &mut |_, _| {}));
        drop(store);
        let disk = if step % 3 == 0 {
            disk.kill()
        } else {
            disk.power_cut()
        };
        let store = open(&disk, IndexKind::Memory).unwrap();
        history
            .check(&store, &format!("crash at step {step} of compaction"))
            .await;
        let done = store
            .compact(&CompactOptions::thorough(Duration::ZERO), &mut |_, _| {})
            .unwrap();
        assert_eq!(done.waiting, 0);
        history
            .check(&store, &format!("after compaction, step {step}"))
            .await;
    }
}

/// A message to several people: their commits bring the same body along at the same time, and only one places it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_body_that_several_commits_bring_along_at_once_is_placed_once() {
    let disk = FaultyDisk::new(1);
    let store = Arc::new(open(&disk, IndexKind::Memory).unwrap());
    for item in 0..rounds() * 20 {
        let mut writer = store.stage_body(StageOptions::default()).await.unwrap();
        writer.write(Bytes::from_static(b"to all")).await.unwrap();
        let body = writer.finish().await.unwrap();
        let together = Arc::new(tokio::sync::Barrier::new(4));
        let commits: Vec<_> = (1..=4)
            .map(|account| {
                let mut commit = Commit::new(AccountId(account));
                commit.hold(body.id, item);
                commit.bodies.push(body.clone());
                let (store, together) = (Arc::clone(&store), Arc::clone(&together));
                tokio::spawn(async move {
                    together.wait().await;
                    match store.commit(commit).await.unwrap() {
                        Committed::Accepted(receipt) => receipt.durable().await.unwrap(),
                        Committed::Conflict { .. } => panic!("a conflict over nothing"),
                    }
                })
            })
            .collect();
        for commit in commits {
            commit.await.unwrap();
        }
    }
    let report = store.fsck(FsckOptions::default(), &mut |_, _| {}).unwrap();
    assert_eq!(report.problems, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compaction_gives_back_the_space_of_dead_bodies() {
    let disk = FaultyDisk::new(1);
    let store = open(&disk, IndexKind::Memory).unwrap();
    let mut random = Random(7);
    let mut history = History::default();
    history.run(&store, &mut random, 400).await;
    history.check_at_rest(&store, "before").await;
    let size = || disk.files().iter().map(|(_, len)| len).sum::<u64>();
    let before = size();
    let done = store
        .compact(&CompactOptions::thorough(Duration::ZERO), &mut |_, _| {})
        .unwrap();
    assert!(
        done.swept > 0 && done.files_removed > 0 && done.moved > 0,
        "{done:?}"
    );
    assert!(size() < before);
    history.check(&store, "after").await;
    drop(store);
    let store = open(&disk.power_cut(), IndexKind::Memory).unwrap();
    history.check(&store, "after a power cut").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_whole_after_a_crash_at_any_step_of_the_next_one() {
    for step in 0..rounds() * 2 {
        let mut random = Random(step);
        let (disk, target) = (FaultyDisk::new(step), FaultyDisk::new(step + 1));
        let mut history = History::default();
        let store = open(&disk, IndexKind::Memory).unwrap();
        history.run(&store, &mut random, 30).await;
        history.check_at_rest(&store, "first").await;
        let first = content(&store).await;
        store.backup(&target, &mut |_, _| {}).unwrap();
        history.run(&store, &mut random, 30).await;
        history.check_at_rest(&store, "second").await;
        let second = content(&store).await;
        target.inject(step, Fault::Crash);
        let done = store.backup(&target, &mut |_, _| {}).is_ok();
        let target = target.power_cut();
        let verified = verify_backup(&shared(&target), &mut |_, _| {}).unwrap();
        assert_eq!(verified.damage, [""; 0], "step {step}");
        let new = FaultyDisk::new(9);
        // The first try of the restore is cut off as well.
        new.inject(step % 20, Fault::Crash);
        drop(restore(&target, &new, &mut |_, _| {}));
        let new = new.power_cut();
        let half = standing(&new).unwrap();
        if matches!(half, Standing::Unfinished(_)) {
            assert!(
                open(&new, IndexKind::Memory).is_err(),
                "step {step}: half a restore opens"
            );
        }
        if half != Standing::Store {
            restore(&target, &new, &mut |_, _| {}).unwrap();
        }
        let restored = open(&new, IndexKind::Memory).unwrap();
        assert!(restored.restored().unwrap());
        restored.restore_done().unwrap();
        assert!(!restored.restored().unwrap());
        let found = content(&restored).await;
        if done {
            assert!(found == second, "step {step}");
        } else {
            assert!(found == first || found == second, "step {step}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_backup_copies_only_what_is_new_and_opens_for_reading() {
    let (disk, target) = (FaultyDisk::new(3), FaultyDisk::new(4));
    let mut random = Random(3);
    let mut history = History::default();
    let store = open(&disk, IndexKind::Memory).unwrap();
    history.run(&store, &mut random, 100).await;
    history.check_at_rest(&store, "first").await;
    let first = store.backup(&target, &mut |_, _| {}).unwrap();
    history.run(&store, &mut random, 5).await;
    history.check_at_rest(&store, "second").await;
    let second = store.backup(&target, &mut |_, _| {}).unwrap();
    assert!(second.copied < first.copied / 2, "{first:?} {second:?}");
    let settings = Settings {
        read_only: true,
        ..settings(IndexKind::Memory)
    };
    let operations = target.operations();
    let backup = EmbeddedStore::open_on(Arc::new(target.clone()), settings).unwrap();
    history.check(&backup, "the backup").await;
    backup.close().await.unwrap();
    drop(backup);
    assert_eq!(
        target.operations(),
        operations,
        "nothing is written to a backup"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_comes_back_in_another_store_and_a_damaged_one_is_refused() {
    let store = open(&FaultyDisk::new(1), IndexKind::Memory).unwrap();
    let mut random = Random(5);
    let mut history = History::default();
    history.run(&store, &mut random, 60).await;
    history.check_at_rest(&store, "source").await;
    let mut stream = Vec::new();
    let out = transfer::export(&*store, None, &mut stream, &mut |_| {})
        .await
        .unwrap();
    let other = open(&FaultyDisk::new(2), IndexKind::Memory).unwrap();
    let back = transfer::import(&*other, &mut &stream[..], &mut |_| {})
        .await
        .unwrap();
    assert_eq!(out, back);
    history.check(&other, "target").await;
    // Again: the same.
    transfer::import(&*other, &mut &stream[..], &mut |_| {})
        .await
        .unwrap();
    history.check(&other, "target, twice").await;
    for seed in 0..20 {
        let mut damaged = stream.clone();
        let bit = Random(seed).below(stream.len() as u64 * 8);
        damaged[bit as usize / 8] ^= 1 << (bit % 8);
        let other = open(&FaultyDisk::new(2), IndexKind::Memory).unwrap();
        assert!(
            transfer::import(&*other, &mut &damaged[..], &mut |_| {})
                .await
                .is_err()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restore_did_not_finish_is_not_opened_and_can_be_restored_into_again() {
    let (disk, backup) = (FaultyDisk::new(1), FaultyDisk::new(2));
    let mut random = Random(11);
    let mut history = History::default();
    let store = open(&disk, IndexKind::Memory).unwrap();
    history.run(&store, &mut random, 60).await;
    history.check_at_rest(&store, "source").await;
    store.backup(&backup, &mut |_, _| {}).unwrap();
    // The last file of the list is damaged: all others are there when the restore stops.
    let path = &backup.files().last().unwrap().0.clone();
    assert!(path.starts_with("snapshot/"), "{path}");
    assert!(backup.flip(path, 100));
    let target = FaultyDisk::new(3);
    assert!(restore(&backup, &target, &mut |_, _| {}).is_err());
    for _ in 0..2 {
        let refused = open(&target, IndexKind::Memory).err().unwrap();
        assert!(matches!(refused, StoreError::Unfinished { .. }));
        assert!(refused.to_string().contains("a restore into"), "{refused}");
        assert!(refused.to_string().contains("run it again"), "{refused}");
    }
    // The same without the mark, as older versions left it.
    Disk::remove(&target, "UNFINISHED").unwrap();
    let refused = open(&target, IndexKind::Memory).err().unwrap();
    assert!(matches!(refused, StoreError::Unfinished { .. }));
    assert!(backup.flip(path, 100));
    restore(&backup, &target, &mut |_, _| {}).unwrap();
    assert_eq!(standing(&target).unwrap(), Standing::Store);
    history
        .check(&open(&target, IndexKind::Memory).unwrap(), "restored")
        .await;
    let refused = restore(&backup, &target, &mut |_, _| {}).err().unwrap();
    assert!(matches!(refused, StoreError::Occupied { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_import_did_not_finish_is_not_opened_and_starts_over() {
    let store = open(&FaultyDisk::new(1), IndexKind::Memory).unwrap();
    let mut random = Random(5);
    let mut history = History::default();
    history.run(&store, &mut random, 60).await;
    history.check_at_rest(&store, "source").await;
    let mut stream = Vec::new();
    transfer::export(&*store, None, &mut stream, &mut |_| {})
        .await
        .unwrap();
    let target = FaultyDisk::new(2);
    let half = open(&target, IndexKind::Memory).unwrap();
    half.import_begins().unwrap();
    let cut = &stream[..stream.len() / 2];
    assert!(
        transfer::import(&*half, &mut &cut[..], &mut |_| {})
            .await
            .is_err()
    );
    half.close().await.unwrap();
    drop(half);
    let refused = open(&target, IndexKind::Memory).err().unwrap();
    assert!(matches!(refused, StoreError::Unfinished { .. }));
    assert!(refused.to_string().contains("an import into"), "{refused}");
    assert!(clear_unfinished(&target).unwrap());
    let whole = open(&target, IndexKind::Memory).unwrap();
    assert!(whole.accounts(None, 1).await.unwrap().is_empty());
    whole.import_begins().unwrap();
    transfer::import(&*whole, &mut &stream[..], &mut |_| {})
        .await
        .unwrap();
    whole.close().await.unwrap();
    whole.import_done().unwrap();
    drop(whole);
    assert!(!clear_unfinished(&target).unwrap());
    history
        .check(&open(&target, IndexKind::Memory).unwrap(), "imported")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_a_backup_that_was_damaged_since_is_copied_again() {
    let (disk, target) = (FaultyDisk::new(5), FaultyDisk::new(6));
    let mut random = Random(21);
    let mut history = History::default();
    let store = open(&disk, IndexKind::Memory).unwrap();
    history.run(&store, &mut random, 100).await;
    history.check_at_rest(&store, "source").await;
    store.backup(&target, &mut |_, _| {}).unwrap();
    let files: Vec<(String, u64)> = target
        .files()
        .into_iter()
        .filter(|(path, len)| path.contains('/') && *len > 0)
        .collect();
    for (path, len) in &files {
        assert!(target.flip(path, random.below(len * 8)));
    }
    let damaged = verify_backup(&shared(&target), &mut |_, _| {}).unwrap();
    assert!(damaged.damage.len() >= files.len(), "{damaged:?}");
    let again = store.backup(&target, &mut |_, _| {}).unwrap();
    let bytes: u64 = files.iter().map(|(_, len)| len).sum();
    assert_eq!((again.copied, again.damage), (bytes, Vec::new()));
    let verified = verify_backup(&shared(&target), &mut |_, _| {}).unwrap();
    assert_eq!(verified.damage, [""; 0]);
    assert_eq!(store.backup(&target, &mut |_, _| {}).unwrap().copied, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_damaged_store_is_made_and_names_the_damage() {
    let (disk, target) = (FaultyDisk::new(7), FaultyDisk::new(8));
    let mut random = Random(22);
    let mut history = History::default();
    let store = open(&disk, IndexKind::Memory).unwrap();
    history.run(&store, &mut random, 100).await;
    history.check_at_rest(&store, "source").await;
    let (body, len) = disk
        .files()
        .into_iter()
        .find(|(path, len)| {
            Path::new(path)
                .extension()
                .is_some_and(|kind| kind == "body")
                && *len > 0
        })
        .unwrap();
    assert!(disk.flip(&body, len * 4));
    for _ in 0..2 {
        let report = store.backup(&target, &mut |_, _| {}).unwrap();
        assert_eq!(report.damage.len(), 1, "{report:?}");
        assert!(report.damage[0].contains("body "), "{report:?}");
        assert!(!report.damage[0].contains("fsck"), "{report:?}");
    }
    assert!(target.files().iter().any(|(path, _)| *path == body));
    let verified = verify_backup(&shared(&target), &mut |_, _| {}).unwrap();
    assert_eq!(verified.damage.len(), 1, "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_goes_into_an_empty_directory_or_a_backup_only() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let store = EmbeddedStore::open(&at("store"), settings(IndexKind::Memory)).unwrap();
    let mut random = Random(23);
    let mut history = History::default();
    history.run(&store, &mut random, 20).await;
    std::fs::create_dir(at("photos")).unwrap();
    std::fs::write(at("photos/one.jpeg"), "a photo").unwrap();
    std::os::unix::fs::symlink(at("store"), at("link")).unwrap();
    let other = EmbeddedStore::open(&at("other"), settings(IndexKind::Memory)).unwrap();
    other.close().await.unwrap();
    for name in [
        "photos",
        "store",
        "store/within",
        "link/within",
        "other",
        "",
    ] {
        let target = RealDisk::new(&at(name)).unwrap();
        let before = std::fs::read_dir(at(name)).unwrap().count();
        let refused = store.backup(&target, &mut |_, _| {}).err().unwrap();
        assert!(
            matches!(refused, StoreError::Occupied { .. }),
            "{name}: {refused}"
        );
        let after = std::fs::read_dir(at(name)).unwrap().count();
        assert_eq!(before, after, "{name}");
    }
    let target = RealDisk::new(&at("backup")).unwrap();
    store.backup(&target, &mut |_, _| {}).unwrap();
    store.backup(&target, &mut |_, _| {}).unwrap();
    assert_eq!(standing(&target).unwrap(), Standing::Backup);
}
