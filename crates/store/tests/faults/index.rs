//! Damage to the index itself: sled's files zeroed, dropped, flipped, truncated, an unfinished snapshot left behind; and a
//! second process, a kill -9 of a real one.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use fieldpost_store::{
    AccountId, Commit, Committed, Store, StoreError,
    embedded::{EmbeddedStore, FsckOptions, IndexKind, Settings},
};

use crate::{
    history::{History, Random, settings},
    rounds,
};

fn real(index: IndexKind) -> Settings {
    settings(index)
}

/// The files of an index, largest first.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u64, PathBuf)> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (fs::metadata(&path).unwrap().len(), path))
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// Does one kind of harm to the files of an index.
fn harm(dir: &Path, random: &mut Random) -> String {
    let files = files(dir);
    let file = &files[random.below(files.len().min(2) as u64) as usize];
    let mut data = fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let at = random.below(data.len().max(1) as u64) as usize;
    let what = match random.below(5) {
        0 => {
            let end = (at + 4096).min(data.len());
            data[at..end].fill(0);
            format!("{name}: a page zeroed at {at}")
        }
        1 => {
            data.truncate(at);
            format!("{name}: cut at {at}")
        }
        2 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
            format!("{name}: a bit flipped at {at}")
        }
        3 => {
            fs::remove_file(file).unwrap();
            return format!("{name}: dropped");
        }
        _ => {
            fs::write(dir.join("snap.0000000000000001.generating"), b"half").unwrap();
            return "an unfinished snapshot left behind".to_owned();
        }
    };
    fs::write(file, data).unwrap();
    what
}

async fn survives_harm(index: IndexKind, seed: u64) {
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut history = History::default();
    let store = EmbeddedStore::open(dir.path(), real(index)).unwrap();
    history.run(&store, &mut random, 40).await;
    history.check_at_rest(&store, "before").await;
    store.checkpoint().await.unwrap();
    history.run(&store, &mut random, 5).await;
    history.check_at_rest(&store, "before").await;
    // Without an orderly end.
    drop(store);
    let what = harm(&dir.path().join("index").join(index.name()), &mut random);
    let context = format!("{} seed {seed}: {what}", index.name());
    let store = EmbeddedStore::open(dir.path(), real(index))
        .unwrap_or_else(|error| panic!("{context}: {error}"));
    history.check(&store, &context).await;
    history.run(&store, &mut random, 10).await;
    history.check_at_rest(&store, &context).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sled_zeroed_dropped_flipped_or_truncated_is_rebuilt() {
    for seed in 0..rounds() {
        survives_harm(IndexKind::Sled, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redb_zeroed_dropped_flipped_or_truncated_is_rebuilt() {
    for seed in 0..rounds() {
        survives_harm(IndexKind::Redb, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_index_takes_over_and_the_first_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let mut history = History::default();
    for index in [
        IndexKind::Sled,
        IndexKind::Redb,
        IndexKind::Sled,
        IndexKind::Memory,
        IndexKind::Redb,
    ] {
        let store = EmbeddedStore::open(dir.path(), real(index)).unwrap();
        history.check(&store, index.name()).await;
        history.run(&store, &mut random, 20).await;
        history.check_at_rest(&store, index.name()).await;
        store.close().await.unwrap();
    }
}

/// faults.md: two processes on one data directory.
#[tokio::test]
async fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), real(IndexKind::Memory)).unwrap();
    match EmbeddedStore::open(dir.path(), real(IndexKind::Memory)).map(|_| ()) {
        Err(StoreError::Locked { pid, .. }) => assert_eq!(pid, std::process::id()),
        other => panic!("{other:?}"),
    }
    drop(store);
    EmbeddedStore::open(dir.path(), real(IndexKind::Memory)).unwrap();
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(dir.path(), real(IndexKind::Memory)).unwrap());
    fs::write(dir.path().join("FORMAT"), "fieldpost store 99\n").unwrap();
    let refused = EmbeddedStore::open(dir.path(), real(IndexKind::Memory)).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Format { found: 99, .. })));
}

const CHILD: &str = "FIELDPOST_FAULT_CHILD";

/// The process that is killed: it says on its output what has been acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else {
        return;
    };
    let settings = Settings {
        background: true,
        checkpoint_records: 20,
        snapshot_bytes: 20_000,
        ..real(IndexKind::Sled)
    };
    let store: Arc<dyn Store> = EmbeddedStore::open(Path::new(&dir), settings).unwrap();
    let first = store.get(AccountId(1), b"count").await.unwrap();
    let mut count: u64 = first.map_or(0, |count| {
        std::str::from_utf8(&count).unwrap().parse().unwrap()
    });
    loop {
        count += 1;
        let mut commit = Commit::new(AccountId(1));
        commit.put(&b"count"[..], count.to_string());
        commit.put(
            format!("item {count:08}"),
            vec![b'x'; (count % 5000) as usize],
        );
        match store.commit(commit).await.unwrap() {
            Committed::Accepted(receipt) => receipt.durable().await.unwrap(),
            Committed::Conflict { .. } => panic!("no precondition was made"),
        };
        println!("acknowledged {count}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_with_kill_9_has_lost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(11);
    let mut acknowledged = 0;
    for round in 0..rounds() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "index::child_that_writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Some are killed while they open.
        for _ in 0..random.below(120) {
            let Some(Ok(line)) = lines.next() else { break };
            if let Some(count) = line.rsplit_once("acknowledged ") {
                acknowledged = count.1.parse::<u64>().unwrap();
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(count) = line.rsplit_once("acknowledged ") {
                // The last line may be cut off.
                acknowledged = acknowledged.max(count.1.parse::<u64>().unwrap_or(0));
            }
        }
        if round % 4 == 3 {
            let store = EmbeddedStore::open(dir.path(), real(IndexKind::Sled)).unwrap();
            let count = store.get(AccountId(1), b"count").await.unwrap();
            let count: u64 = count.map_or(0, |count| {
                std::str::from_utf8(&count).unwrap().parse().unwrap()
            });
            assert!(
                count >= acknowledged,
                "round {round}: {count} of {acknowledged}"
            );
            for number in 1..=count {
                let item = store
                    .get(AccountId(1), format!("item {number:08}").as_bytes())
                    .await
                    .unwrap();
                assert_eq!(
                    item.map(|item| item.len()),
                    Some((number % 5000) as usize),
                    "round {round}"
                );
            }
            let report = store.fsck(FsckOptions::default(), &mut |_, _| {}).unwrap();
            assert!(report.is_clean(), "round {round}: {:?}", report.problems);
        }
    }
    assert!(acknowledged > 0);
}
