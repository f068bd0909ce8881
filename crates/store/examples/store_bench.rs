//! Measures the embedded store: commits a second and CPU a commit, and what opening and rebuilding cost.
//!
//! `cargo run --release -p fieldpost-store --example store_bench -- DIR [INDEX] [commits|bodies|read|open|fill|reopen] [COUNT]`

#![allow(clippy::unwrap_used)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use fieldpost_store::{
    AccountId, Commit, Committed, StageOptions, Store,
    embedded::{EmbeddedStore, IndexKind, Settings},
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |at: usize, default: &str| arguments.get(at).cloned().unwrap_or(default.to_owned());
    let dir = argument(0, "/tmp/store-bench");
    let index = match argument(1, "sled").as_str() {
        "redb" => IndexKind::Redb,
        "memory" => IndexKind::Memory,
        _ => IndexKind::Sled,
    };
    let what = argument(2, "commits");
    let count: u64 = argument(3, "20000").parse().unwrap();
    let settings = Settings {
        index,
        ..Settings::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match what.as_str() {
        "open" => open(&runtime, Path::new(&dir), &settings, count),
        // For a kill -9 from outside, between the two.
        "fill" => fill(&runtime, Path::new(&dir), &settings, count),
        "reopen" => timed("open", Path::new(&dir), &settings),
        "bodies" => {
            for writers in [1, 8, 64] {
                write(&runtime, Path::new(&dir), &settings, writers, count, 33_000);
            }
        }
        "read" => read(&runtime, Path::new(&dir), &settings, count),
        _ => {
            for writers in [1, 8, 64] {
                let count = if writers == 1 { count / 10 } else { count };
                write(&runtime, Path::new(&dir), &settings, writers, count, 0);
            }
        }
    }
}

/// A commit as a delivery makes it: six small keys, a summary of 1 KB, perhaps a body.
async fn deliver(store: &Arc<dyn Store>, account: u64, number: u64, body: Option<&Bytes>) {
    let mut commit = Commit::new(AccountId(account));
    let key = |table: u8| {
        let mut key = vec![table];
        key.extend_from_slice(&number.to_be_bytes());
        key
    };
    commit.put(vec![1], vec![number as u8; 60]);
    commit.put(vec![2, 1], vec![number as u8; 80]);
    for table in 3..7 {
        commit.put(key(table), vec![table; 40]);
    }
    commit.put(key(7), vec![b's'; 1024]);
    if let Some(body) = body {
        let mut writer = store.stage_body(StageOptions::default()).await.unwrap();
        for chunk in body.chunks(8192) {
            writer.write(body.slice_ref(chunk)).await.unwrap();
        }
        let staged = writer.finish().await.unwrap();
        commit.hold(staged.id, number);
        commit.bodies.push(staged);
    }
    match store.commit(commit).await.unwrap() {
        Committed::Accepted(receipt) => receipt.durable().await.unwrap(),
        Committed::Conflict { .. } => panic!("no precondition was made"),
    };
}

/// Text as mail has it: half of it compresses.
fn content(len: usize) -> Bytes {
    let mut state = 7u64;
    let mut out = Vec::with_capacity(len + 80);
    while out.len() < len {
        for _ in 0..76 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            out.push(
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                    [(state >> 58) as usize],
            );
        }
        out.extend_from_slice(b"\r\n");
    }
    out.truncate(len);
    out.into()
}

fn write(
    runtime: &tokio::runtime::Runtime,
    dir: &Path,
    settings: &Settings,
    writers: u64,
    count: u64,
    body: usize,
) {
    drop(std::fs::remove_dir_all(dir));
    let embedded = EmbeddedStore::open(dir, settings.clone()).unwrap();
    let store: Arc<dyn Store> = embedded.clone();
    let body = (body > 0).then(|| content(body));
    let next = Arc::new(AtomicU64::new(0));
    let (start, cpu) = (Instant::now(), cpu_time());
    let slowest = runtime.block_on(async {
        let mut tasks = Vec::new();
        for writer in 0..writers {
            let (store, next, body) = (Arc::clone(&store), Arc::clone(&next), body.clone());
            tasks.push(tokio::spawn(async move {
                let mut slowest = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return slowest;
                    }
                    let begin = Instant::now();
                    deliver(&store, writer % 50, number, body.as_ref()).await;
                    slowest.push(begin.elapsed());
                }
            }));
        }
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all.sort();
        all
    });
    let (wall, cpu) = (start.elapsed(), cpu_since(cpu));
    let stats = embedded.stats().unwrap();
    println!(
        "{} {} writers, body {}: {:.0} commits/s, p50 {:.1} ms, p99 {:.1} ms, {:.3} ms CPU a commit, {:.1} commits a sync",
        stats.index,
        writers,
        body.map_or(0, |body| body.len()),
        count as f64 / wall.as_secs_f64(),
        slowest[slowest.len() / 2].as_secs_f64() * 1e3,
        slowest[slowest.len() * 99 / 100].as_secs_f64() * 1e3,
        cpu.as_secs_f64() * 1e3 / count as f64,
        stats.commits as f64 / stats.syncs as f64,
    );
    runtime.block_on(store.close()).unwrap();
}

/// What it costs to read bodies, or their first 2 KB, once they are in the page cache.
fn read(runtime: &tokio::runtime::Runtime, dir: &Path, settings: &Settings, count: u64) {
    const BODIES: u64 = 100;
    for size in [4_000, 33_000, 1_000_000] {
        drop(std::fs::remove_dir_all(dir));
        let store: Arc<dyn Store> = EmbeddedStore::open(dir, settings.clone()).unwrap();
        let body = content(size);
        let ids = runtime.block_on(async {
            for number in 0..BODIES {
                deliver(&store, 1, number, Some(&body)).await;
            }
            let holds = store.holds(None, BODIES as usize).await.unwrap();
            holds.iter().map(|hold| hold.body).collect::<Vec<_>>()
        });
        for range in [0..2048, 0..u64::MAX] {
            let count = if size > 100_000 { count / 20 } else { count };
            let (start, cpu) = (Instant::now(), cpu_time());
            // As a session does it: on a thread of the runtime.
            let (store, ids, range) = (Arc::clone(&store), ids.clone(), range.clone());
            let end = range.end;
            let bytes = runtime.block_on(async {
                let task = tokio::spawn(async move {
                    let mut bytes = 0;
                    for number in 0..count {
                        let id = ids[(number % BODIES) as usize];
                        let mut reader = store.body(id, range.clone()).await.unwrap();
                        while let Some(chunk) = reader.next().await.unwrap() {
                            bytes += chunk.len() as u64;
                        }
                    }
                    bytes
                });
                task.await.unwrap()
            });
            assert_eq!(bytes, count * end.min(size as u64));
            println!(
                "body of {size}, {} bytes read: {:.1} us wall, {:.1} us CPU",
                end.min(size as u64),
                start.elapsed().as_secs_f64() * 1e6 / count as f64,
                cpu_since(cpu).as_secs_f64() * 1e6 / count as f64,
            );
        }
        runtime.block_on(store.close()).unwrap();
    }
    drop(std::fs::remove_dir_all(dir));
}

/// Writes messages into what is there until it is stopped.
fn fill(runtime: &tokio::runtime::Runtime, dir: &Path, settings: &Settings, count: u64) {
    let store: Arc<dyn Store> = EmbeddedStore::open(dir, settings.clone()).unwrap();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for writer in 0..64 {
            let store = Arc::clone(&store);
            tasks.push(tokio::spawn(async move {
                for number in 0..count / 64 {
                    deliver(&store, writer % 50, number * 64 + writer, None).await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Fills a store with `count` messages without bodies, then opens it after an orderly stop, after an unclean one (a copy of
/// its files from while it was open, 5000 commits behind a checkpoint), and without its index.
fn open(runtime: &tokio::runtime::Runtime, dir: &Path, settings: &Settings, count: u64) {
    let unclean = dir.with_extension("unclean");
    let settings = &Settings {
        checkpoint_records: u64::MAX,
        ..settings.clone()
    };
    drop(std::fs::remove_dir_all(dir));
    drop(std::fs::remove_dir_all(&unclean));
    let embedded = EmbeddedStore::open(dir, settings.clone()).unwrap();
    let store: Arc<dyn Store> = embedded.clone();
    let start = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let mut tasks = Vec::new();
        let early = Arc::clone(&embedded);
        let written = Arc::clone(&next);
        tasks.push(tokio::spawn(async move {
            while written.load(Ordering::Relaxed) + 5000 < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            early.checkpoint().await.unwrap();
        }));
        for writer in 0..64 {
            let (store, next) = (Arc::clone(&store), Arc::clone(&next));
            tasks.push(tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    deliver(&store, writer % 50, number, None).await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    println!("{count} commits in {:.1} s", start.elapsed().as_secs_f64());
    let stats = embedded.stats().unwrap();
    println!(
        "log {} MB, index {} MB, snapshots {} MB, {} commits behind the checkpoint, RSS {} MB",
        stats.log_bytes >> 20,
        stats.index_bytes >> 20,
        stats.snapshot_bytes >> 20,
        stats.durable_lsn - stats.checkpoint_lsn,
        resident() >> 20,
    );
    let status = std::process::Command::new("cp")
        .args(["-r".as_ref(), dir.as_os_str(), unclean.as_os_str()])
        .status()
        .unwrap();
    assert!(status.success());
    runtime.block_on(store.close()).unwrap();
    drop((store, embedded));
    timed("open after a clean stop", dir, settings);
    timed("open after an unclean stop", &unclean, settings);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    timed("whole rebuild", dir, settings);
    drop(std::fs::remove_dir_all(&unclean));
    drop(std::fs::remove_dir_all(dir));
}

fn timed(what: &str, dir: &Path, settings: &Settings) {
    let settings = Settings {
        background: false,
        ..settings.clone()
    };
    let (start, cpu) = (Instant::now(), cpu_time());
    let store = EmbeddedStore::open(dir, settings).unwrap();
    println!(
        "{what}: {:.2} s, {:.2} s CPU",
        start.elapsed().as_secs_f64(),
        (cpu_since(cpu)).as_secs_f64()
    );
    drop(store);
}

/// User and system time of this process, in clock ticks of 10 ms as Linux reports them.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn cpu_since(start: Duration) -> Duration {
    cpu_time().saturating_sub(start)
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 4096
}
