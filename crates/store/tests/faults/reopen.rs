//! How much an open after an unclean stop has to do: checkpoints go on whatever else the store does, an index is believed
//! as far as its digests bear it out, and a kill while sled is opened anew costs nothing.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use fieldpost_store::{
    AccountId, Commit, Committed, StageOptions, Store,
    disk::faulty::FaultyDisk,
    embedded::{EmbeddedStore, FsckOptions, IndexKind, Settings},
};

use crate::{
    history::{History, Random, settings},
    rounds,
};

/// One commit with a body that stays alive, on disk when this returns.
async fn commit(store: &Arc<EmbeddedStore>, number: u64) {
    let mut writer = store.stage_body(StageOptions::default()).await.unwrap();
    writer
        .write(Bytes::from(format!("body {number}")))
        .await
        .unwrap();
    let staged = writer.finish().await.unwrap();
    let mut commit = Commit::new(AccountId(1));
    commit.put(format!("key {:03}", number % 100), vec![7; 400]);
    commit.hold(staged.id, number);
    commit.bodies.push(staged);
    match store.commit(commit).await.unwrap() {
        Committed::Accepted(receipt) => receipt.durable().await.unwrap(),
        Committed::Conflict { .. } => panic!("no precondition was made"),
    };
}

/// Compaction in the background is slowed down on purpose and can take minutes; were there no checkpoint meanwhile, an open
/// would have to read all that was written in that time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_go_on_while_compaction_takes_its_time() {
    const ENOUGH: u64 = 100_000;
    let disk = FaultyDisk::new(3);
    let store = EmbeddedStore::open_on(
        Arc::new(disk.clone()),
        Settings {
            background: true,
            checkpoint_records: 20,
            snapshot_bytes: 100_000,
            // After the first bodies it rests for longer than any test runs.
            compact_bytes_per_second: 1,
            body_grace: Duration::from_hours(1),
            ..settings(IndexKind::Memory)
        },
    )
    .unwrap();
    let mut number = 0;
    while store.stats().unwrap().bytes_moved == 0 {
        commit(&store, number).await;
        number += 1;
        assert!(number < ENOUGH, "compaction has not begun");
    }
    // And it goes on for many checkpoints, not only for one that was under way.
    for _ in 0..5 {
        let now = store.stats().unwrap().durable_lsn;
        let last = number + 5_000;
        while store.stats().unwrap().checkpoint_lsn < now {
            commit(&store, number).await;
            number += 1;
            assert!(
                number < last,
                "no checkpoint since {}",
                store.stats().unwrap().checkpoint_lsn
            );
        }
    }
}

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

/// Waits until nobody has sled's files open any more: it gives its lock back some time after it was dropped.
fn released(dir: &Path) {
    let file = std::fs::File::open(dir.join("index/sled/db")).unwrap();
    file.lock().unwrap();
}

fn sled_tree(dir: &Path) -> sled::Db {
    released(dir);
    sled::open(dir.join("index/sled")).unwrap()
}

fn sled_pairs(tree: &sled::Db) -> Pairs {
    tree.iter()
        .map(|pair| {
            let (key, value) = pair.unwrap();
            (key.to_vec(), value.to_vec())
        })
        .collect()
}

/// A power cut may take any of what sled wrote since the last checkpoint, although what it wrote later is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_lacks_what_it_says_it_has_catches_up() {
    let mut caught_up = 0;
    for seed in 0..rounds() {
        let mut random = Random(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::default();
        let open = || EmbeddedStore::open(dir.path(), settings(IndexKind::Sled)).unwrap();
        let store = open();
        history.run(&store, &mut random, 40).await;
        history.check_at_rest(&store, "before").await;
        drop(store);
        // Opening it writes a checkpoint.
        let before = sled_pairs(&sled_tree(dir.path()));
        released(dir.path());
        let store = open();
        history.run(&store, &mut random, 10).await;
        history.check(&store, "before the cut").await;
        drop(store);
        let tree = sled_tree(dir.path());
        let after = sled_pairs(&tree);
        let mut undone = 0;
        let old_too = random.below(3) == 0;
        for key in before.keys().chain(after.keys()) {
            let changed = before.get(key) != after.get(key);
            if key.starts_with(b"M") || !changed || random.below(2) == 0 {
                continue;
            }
            undone += 1;
            match before.get(key) {
                Some(value) => tree.insert(key, &value[..]).unwrap(),
                None => tree.remove(key).unwrap(),
            };
        }
        let mut lost = false;
        if old_too {
            // The place of a body: unlike a pair it is never put again with the same value.
            let old = before
                .iter()
                .find(|(key, value)| key.starts_with(b"P") && after.get(*key) == Some(*value));
            if let Some((key, _)) = old {
                tree.remove(key).unwrap();
                lost = true;
            }
        }
        tree.flush().unwrap();
        drop(tree);
        released(dir.path());
        let store = open();
        store.verify(&mut |_, _| {}).unwrap();
        let stats = store.stats().unwrap();
        assert!(!stats.index_rebuilt, "seed {seed}");
        assert_eq!(
            stats.caught_up > 0,
            undone > 0 || lost,
            "seed {seed}: {undone} undone"
        );
        // What was in the index before the checkpoint is not in the log behind it.
        assert_eq!(stats.regions_rebuilt > 0, lost, "seed {seed}");
        caught_up += stats.caught_up;
        history.check(&store, &format!("seed {seed}")).await;
        history.run(&store, &mut random, 10).await;
        history
            .check_at_rest(&store, &format!("seed {seed}, later"))
            .await;
    }
    assert!(caught_up > 0);
}

const CHILD: &str = "FIELDPOST_RENEW_CHILD";

/// The process that is killed: it opens sled anew all the time, and says on its output what has been acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_renews_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else {
        return;
    };
    let store = EmbeddedStore::open(Path::new(&dir), renewing()).unwrap();
    let first = store.get(AccountId(1), b"count").await.unwrap();
    let mut count = first.map_or(0, |count| number(&count));
    loop {
        count += 1;
        let mut commit = Commit::new(AccountId(1));
        commit.put(&b"count"[..], count.to_string());
        commit.put(
            format!("item {:03}", count % 500),
            vec![b'x'; (count % 2900) as usize],
        );
        match store.commit(commit).await.unwrap() {
            Committed::Accepted(receipt) => receipt.durable().await.unwrap(),
            Committed::Conflict { .. } => panic!("no precondition was made"),
        };
        println!("acknowledged {count}");
    }
}

fn renewing() -> Settings {
    Settings {
        background: true,
        background_verification: false,
        checkpoint_records: 5,
        renew_after: 1,
        ..settings(IndexKind::Sled)
    }
}

fn number(text: &[u8]) -> u64 {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

/// The names of the snapshots that sled makes whenever it is opened: the one that is being written, and those that are done.
fn snapshots(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir.join("index/sled"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.starts_with("snap."))
        .collect();
    names.sort();
    names
}

/// Waits for a renew to be at one of its steps: the end of an earlier one, a snapshot being written, the old and the new one
/// both there.
fn watch(child: &mut Child, dir: &Path, step: u64) {
    let before = snapshots(dir);
    loop {
        let now = snapshots(dir);
        let there = match step {
            0 => now != before,
            1 => now.iter().any(|name| name.ends_with(".generating")),
            _ => now.len() > 1,
        };
        if there {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "the child has ended");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_sled_is_opened_anew_costs_no_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(5);
    let mut acknowledged = 0;
    for round in 0..rounds() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "reopen::child_that_renews_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..=random.below(40) {
            let Some(Ok(line)) = lines.next() else { break };
            if let Some(count) = line.rsplit_once("acknowledged ") {
                acknowledged = acknowledged.max(number(count.1.as_bytes()));
            }
        }
        if round % 4 != 3 {
            // So few lines that nobody needs to read them meanwhile.
            watch(&mut child, dir.path(), round % 4);
            for _ in 0..random.below(200_000) {
                std::hint::spin_loop();
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let left = snapshots(dir.path());
        for line in lines.map_while(Result::ok) {
            if let Some(count) = line.rsplit_once("acknowledged ") {
                // The last line may be cut off.
                acknowledged = acknowledged.max(count.1.parse().unwrap_or(0));
            }
        }
        let store = EmbeddedStore::open(
            dir.path(),
            Settings {
                background: false,
                ..renewing()
            },
        )
        .unwrap();
        let context = format!("round {round}, sled had {left:?}");
        store.verify(&mut |_, _| {}).unwrap();
        let stats = store.stats().unwrap();
        assert!(!stats.index_rebuilt, "{context}");
        assert_eq!(
            (stats.regions_rebuilt, stats.caught_up),
            (0, 0),
            "{context}"
        );
        let count = store.get(AccountId(1), b"count").await.unwrap();
        let count = count.map_or(0, |count| number(&count));
        assert!(count >= acknowledged, "{context}: {count}, {acknowledged}");
        let report = store.fsck(FsckOptions::default(), &mut |_, _| {}).unwrap();
        assert!(report.is_clean(), "{context}: {:?}", report.problems);
    }
    assert!(acknowledged > 0);
    assert!(!dir.path().join("index/sled.damaged").exists());
}
