//! What every backend of `Store` must do, whatever engine it stands on.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use fieldpost_store::{
    AccountId, BodyId, BoxFuture, Commit, Committed, Hold, MAX_KEY, MAX_OPS, MAX_VALUE, Mark, Op,
    Scan, StageOptions, StagedBody, Store, StoreError, Topics, read_to_end,
};

/// One check of the contract, on a store of its own.
pub type Check = fn(Arc<dyn Store>) -> BoxFuture<'static, ()>;

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        /// All checks, by name.
        pub const ALL: &[(&str, Check)] = &[$((stringify!($name), |store| Box::pin($name(store)))),*];
    };
}

checks![
    a_put_is_read_and_a_delete_is_not,
    scans_keep_to_their_range_order_and_limit,
    a_long_scan_is_cut_and_goes_on_behind_its_last_key,
    accounts_are_worlds_apart,
    accounts_are_listed_by_pages,
    a_conflict_changes_nothing,
    the_last_change_to_a_key_wins,
    what_is_too_large_is_refused_whole,
    large_values_come_back_whole,
    bodies_are_read_by_range,
    bodies_of_lines_are_read_by_range,
    a_large_body_streams_in_and_out,
    a_body_is_there_while_anybody_holds_it,
    holders_are_listed_in_order_by_pages,
    an_import_keeps_its_body_ids,
    an_unknown_body_is_refused,
    marks_come_after_the_commit_and_only_to_those_who_asked,
    what_was_accepted_is_read_at_once,
    writers_of_one_account_never_lose_an_update,
    a_random_history_ends_as_in_a_map,
    a_closed_store_takes_no_commit_and_still_reads,
];

const ONE: AccountId = AccountId(1);
const TWO: AccountId = AccountId(2);

async fn a_put_is_read_and_a_delete_is_not(store: Arc<dyn Store>) {
    assert_eq!(store.get(ONE, b"key").await.unwrap(), None);
    put(&store, ONE, &[("key", "value"), ("empty", "")]).await;
    assert_eq!(
        store.get(ONE, b"key").await.unwrap(),
        Some(Bytes::from("value"))
    );
    assert_eq!(store.get(ONE, b"empty").await.unwrap(), Some(Bytes::new()));
    let mut commit = Commit::new(ONE);
    commit.delete("key").delete("never was");
    durable(&store, commit).await;
    assert_eq!(store.get(ONE, b"key").await.unwrap(), None);
}

async fn scans_keep_to_their_range_order_and_limit(store: Arc<dyn Store>) {
    put(
        &store,
        ONE,
        &[
            ("a", "1"),
            ("b", "2"),
            ("b\0", "3"),
            ("b\u{ff}", "4"),
            ("c", "5"),
        ],
    )
    .await;
    assert_eq!(
        keys(&store, Scan::prefix("b")).await,
        ["b", "b\0", "b\u{ff}"]
    );
    assert_eq!(
        keys(&store, Scan::prefix("b").reversed()).await,
        ["b\u{ff}", "b\0", "b"]
    );
    assert_eq!(keys(&store, Scan::prefix("").limit(2)).await, ["a", "b"]);
    assert_eq!(
        keys(&store, Scan::prefix("").reversed().limit(2)).await,
        ["c", "b\u{ff}"]
    );
    assert_eq!(
        keys(&store, Scan::range(Bytes::from("b")..Bytes::from("c"))).await,
        ["b", "b\0", "b\u{ff}"]
    );
    assert!(
        keys(&store, Scan::range(Bytes::from("c")..Bytes::from("a")))
            .await
            .is_empty()
    );
    assert!(keys(&store, Scan::prefix("").limit(0)).await.is_empty());
}

async fn a_long_scan_is_cut_and_goes_on_behind_its_last_key(store: Arc<dyn Store>) {
    let value = Bytes::from(vec![7; 500_000]);
    for number in 0..20u8 {
        let mut commit = Commit::new(ONE);
        commit.put(vec![number], value.clone());
        durable(&store, commit).await;
    }
    let (mut from, mut seen) = (Bytes::new(), Vec::new());
    loop {
        let some = store
            .scan(
                ONE,
                Scan {
                    end: None,
                    ..Scan::prefix(from.clone())
                },
            )
            .await
            .unwrap();
        assert!(
            some.iter().map(|(_, value)| value.len()).sum::<usize>() < 6_000_000,
            "a scan holds too much"
        );
        let Some((last, _)) = some.last() else { break };
        from = [last, &b"\0"[..]].concat().into();
        seen.extend(some.iter().map(|(key, _)| key[0]));
    }
    assert_eq!(seen, (0..20).collect::<Vec<u8>>());
}

async fn accounts_are_worlds_apart(store: Arc<dyn Store>) {
    put(&store, ONE, &[("key", "one")]).await;
    put(&store, TWO, &[("key", "two"), ("other", "two")]).await;
    assert_eq!(
        store.get(ONE, b"key").await.unwrap(),
        Some(Bytes::from("one"))
    );
    assert_eq!(
        store.get(TWO, b"key").await.unwrap(),
        Some(Bytes::from("two"))
    );
    let open_end = Scan {
        start: Bytes::new(),
        end: None,
        reverse: false,
        limit: 100,
    };
    assert_eq!(keys(&store, open_end.clone()).await, ["key"]);
    assert_eq!(keys(&store, open_end.reversed()).await, ["key"]);
    let mut commit = Commit::new(ONE);
    commit.delete("other");
    durable(&store, commit).await;
    assert_eq!(
        store.get(TWO, b"other").await.unwrap(),
        Some(Bytes::from("two"))
    );
}

async fn accounts_are_listed_by_pages(store: Arc<dyn Store>) {
    assert!(store.accounts(None, 10).await.unwrap().is_empty());
    for number in [3, 0, 1 << 40, 7] {
        put(&store, AccountId(number), &[("key", "value")]).await;
    }
    let first = store.accounts(None, 3).await.unwrap();
    assert_eq!(first, [AccountId(0), AccountId(3), AccountId(7)]);
    assert_eq!(
        store.accounts(first.last().copied(), 3).await.unwrap(),
        [AccountId(1 << 40)]
    );
    let mut commit = Commit::new(AccountId(3));
    commit.delete("key");
    durable(&store, commit).await;
    assert_eq!(
        store.accounts(None, 2).await.unwrap(),
        [AccountId(0), AccountId(7)]
    );
}

async fn a_conflict_changes_nothing(store: Arc<dyn Store>) {
    let mut first = Commit::new(ONE);
    first.require("head", None).put("head", "1");
    durable(&store, first.clone()).await;
    let Committed::Conflict { key } = store.commit(first).await.unwrap() else {
        panic!("no conflict")
    };
    assert_eq!(key, "head");
    let mut second = Commit::new(ONE);
    second
        .require("head", Some(Bytes::from("2")))
        .put("head", "3")
        .put("other", "x");
    assert!(matches!(
        store.commit(second).await.unwrap(),
        Committed::Conflict { .. }
    ));
    assert_eq!(keys(&store, Scan::prefix("")).await, ["head"]);
    let mut third = Commit::new(ONE);
    third
        .require("head", Some(Bytes::from("1")))
        .require("other", None)
        .put("head", "2");
    durable(&store, third).await;
    assert_eq!(
        store.get(ONE, b"head").await.unwrap(),
        Some(Bytes::from("2"))
    );
}

async fn the_last_change_to_a_key_wins(store: Arc<dyn Store>) {
    let mut commit = Commit::new(ONE);
    commit
        .put("a", "1")
        .delete("a")
        .put("a", "2")
        .put("b", "1")
        .delete("b")
        .delete("c")
        .put("c", "1");
    durable(&store, commit).await;
    assert_eq!(store.get(ONE, b"a").await.unwrap(), Some(Bytes::from("2")));
    assert_eq!(store.get(ONE, b"b").await.unwrap(), None);
    assert_eq!(store.get(ONE, b"c").await.unwrap(), Some(Bytes::from("1")));
}

async fn what_is_too_large_is_refused_whole(store: Arc<dyn Store>) {
    let mut long_key = Commit::new(ONE);
    long_key.put("fits", "x").put(vec![b'k'; MAX_KEY + 1], "x");
    let mut long_value = Commit::new(ONE);
    long_value
        .put("fits", "x")
        .put("key", vec![0; MAX_VALUE + 1]);
    let mut many = Commit::new(ONE);
    many.ops = vec![
        Op::Delete {
            key: Bytes::from("fits")
        };
        MAX_OPS + 1
    ];
    for commit in [long_key, long_value, many] {
        assert!(matches!(
            store.commit(commit).await,
            Err(StoreError::TooLarge { .. })
        ));
    }
    assert_eq!(store.get(ONE, b"fits").await.unwrap(), None);
}

async fn large_values_come_back_whole(store: Arc<dyn Store>) {
    let mut random = Random(3);
    for size in [0, 1, 3000, 3071, 3072, 3073, 4096, 70_000, MAX_VALUE] {
        let key = vec![b'k'; MAX_KEY];
        let value = random.bytes(size);
        let mut commit = Commit::new(ONE);
        commit
            .put(key.clone(), value.clone())
            .put("neighbour", "here");
        durable(&store, commit).await;
        assert!(
            store.get(ONE, &key).await.unwrap() == Some(value.clone()),
            "{size} bytes by get"
        );
        let scanned = store.scan(ONE, Scan::prefix("")).await.unwrap();
        assert_eq!(scanned.len(), 2, "{size} bytes by scan");
        assert!(scanned[0].1 == value, "{size} bytes by scan");
    }
    let mut commit = Commit::new(ONE);
    commit.delete(vec![b'k'; MAX_KEY]);
    durable(&store, commit).await;
    assert_eq!(keys(&store, Scan::prefix("")).await, ["neighbour"]);
}

async fn bodies_are_read_by_range(store: Arc<dyn Store>) {
    for size in [0usize, 1, 100, 65_535, 65_536, 65_537, 200_000] {
        let data = Random(size as u64).bytes(size);
        let body = hold(&store, ONE, size as u64, &data).await;
        assert_eq!(body.size, size as u64);
        assert_eq!(body.digest, *blake3::hash(&data).as_bytes());
        for (start, end) in [
            (0, size),
            (0, size + 10),
            (size / 3, size / 2),
            (size, size + 5),
            (size / 2, size / 2),
        ] {
            let read = read(&store, body.id, start as u64, end as u64).await;
            assert!(
                read == data[start..end.min(size)],
                "{start}..{end} of {size}"
            );
        }
        assert!(
            read(&store, body.id, u64::MAX - 1, u64::MAX)
                .await
                .is_empty()
        );
    }
}

/// Text, attachments in base64, lines that only look like them, cut anywhere: what a backend may keep in a form of its own.
async fn bodies_of_lines_are_read_by_range(store: Arc<dyn Store>) {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for seed in 0..12 {
        let mut random = Random(seed);
        let mut data = Vec::new();
        while data.len() < 40_000 * seed as usize {
            let width = [64, 76, 76, 77][random.below(4) as usize];
            for _ in 0..random.below(900) {
                data.extend(
                    random
                        .bytes(width)
                        .iter()
                        .map(|byte| letters[usize::from(byte % 64)]),
                );
                data.extend_from_slice(b"\r\n");
            }
            for _ in 0..random.below(200) {
                data.extend_from_slice(b"Some words of a text, and some more.\r\n");
            }
            data.truncate(data.len() - random.below(40).min(data.len() as u64) as usize);
        }
        let body = hold(&store, ONE, seed, &data).await;
        assert_eq!(body.digest, *blake3::hash(&data).as_bytes());
        let size = data.len() as u64;
        for _ in 0..20 {
            let start = random.below(size + 1);
            let end = start + random.below(size + 1 - start);
            let read = read(&store, body.id, start, end).await;
            assert!(
                read == data[start as usize..end as usize],
                "{start}..{end} of {size}"
            );
        }
        assert!(read(&store, body.id, 0, size).await == data);
    }
}

async fn a_large_body_streams_in_and_out(store: Arc<dyn Store>) {
    let mut random = Random(5);
    let mut writer = store
        .stage_body(StageOptions {
            account: ONE,
            ..StageOptions::default()
        })
        .await
        .unwrap();
    let mut hasher = blake3::Hasher::new();
    for _ in 0..300 {
        let size = random.below(40_000) as usize;
        let chunk = random.bytes(size);
        hasher.update(&chunk);
        writer.write(chunk).await.unwrap();
    }
    let body = writer.finish().await.unwrap();
    let mut commit = Commit::new(ONE);
    commit.hold(body.id, 1).bodies.push(body.clone());
    durable(&store, commit).await;
    let mut reader = store.body(body.id, 0..u64::MAX).await.unwrap();
    assert_eq!(reader.remaining(), body.size);
    let mut again = blake3::Hasher::new();
    while let Some(chunk) = reader.next().await.unwrap() {
        assert!(chunk.len() <= 65_536 && !chunk.is_empty());
        again.update(&chunk);
    }
    assert_eq!(reader.remaining(), 0);
    assert_eq!(again.finalize(), hasher.finalize());
    assert_eq!(body.digest, *hasher.finalize().as_bytes());
}

async fn a_body_is_there_while_anybody_holds_it(store: Arc<dyn Store>) {
    let body = hold(&store, ONE, 1, b"shared").await;
    let mut commit = Commit::new(TWO);
    commit.hold(body.id, 9).bodies.push(body.clone());
    durable(&store, commit).await;
    let id = body.id;
    drop(body);
    let mut commit = Commit::new(ONE);
    commit.hold(id, 2).release(id, 1);
    durable(&store, commit).await;
    let mut commit = Commit::new(ONE);
    commit.release(id, 2).release(id, 77);
    durable(&store, commit).await;
    assert_eq!(
        store.holds(None, 10).await.unwrap(),
        [Hold {
            body: id,
            account: TWO,
            item: 9
        }]
    );
    assert_eq!(read(&store, id, 0, 100).await, "shared");
}

async fn holders_are_listed_in_order_by_pages(store: Arc<dyn Store>) {
    let mut expected = Vec::new();
    for item in 0..5 {
        let body = hold(&store, TWO, item, b"body").await;
        let mut commit = Commit::new(ONE);
        commit.hold(body.id, item + 100);
        durable(&store, commit).await;
        expected.push(Hold {
            body: body.id,
            account: ONE,
            item: item + 100,
        });
        expected.push(Hold {
            body: body.id,
            account: TWO,
            item,
        });
    }
    expected.sort();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.holds(after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(*last);
        listed.extend(page);
    }
    assert_eq!(listed, expected);
}

async fn an_import_keeps_its_body_ids(store: Arc<dyn Store>) {
    let id = BodyId([0xab; 16]);
    let mut writer = store
        .stage_body(StageOptions {
            id: Some(id),
            ..StageOptions::default()
        })
        .await
        .unwrap();
    writer.write(Bytes::from("imported")).await.unwrap();
    let body = writer.finish().await.unwrap();
    assert_eq!(body.id, id);
    let mut commit = Commit::new(ONE);
    commit.hold(id, 1).bodies.push(body);
    durable(&store, commit).await;
    assert_eq!(read(&store, id, 0, 100).await, "imported");
}

async fn an_unknown_body_is_refused(store: Arc<dyn Store>) {
    let id = BodyId([0xcd; 16]);
    assert!(
        matches!(store.body(id, 0..10).await.err(), Some(StoreError::NoSuchBody(found)) if found == id)
    );
    let mut writer = store.stage_body(StageOptions::default()).await.unwrap();
    writer.write(Bytes::from("given up")).await.unwrap();
    drop(writer);
    assert!(store.holds(None, 10).await.unwrap().is_empty());
}

async fn marks_come_after_the_commit_and_only_to_those_who_asked(store: Arc<dyn Store>) {
    let mut all = store.subscribe(ONE, Topics::All);
    let mut five = store.subscribe(ONE, Topics::Only([5].into_iter().collect()));
    let mut other = store.subscribe(TWO, Topics::All);
    let mut commit = Commit::new(ONE);
    commit.put("key", "value").marks.extend([
        Mark {
            topic: 4,
            mod_seq: 1,
        },
        Mark {
            topic: 5,
            mod_seq: 1,
        },
    ]);
    durable(&store, commit).await;
    assert_eq!(
        all.next().await.unwrap()[..],
        [
            Mark {
                topic: 4,
                mod_seq: 1
            },
            Mark {
                topic: 5,
                mod_seq: 1
            }
        ]
    );
    assert_eq!(
        five.next().await.unwrap()[..],
        [Mark {
            topic: 5,
            mod_seq: 1
        }]
    );
    assert!(other.take().is_empty());
    let mut conflicting = Commit::new(ONE);
    conflicting.require("key", None).marks.push(Mark {
        topic: 5,
        mod_seq: 2,
    });
    assert!(matches!(
        store.commit(conflicting).await.unwrap(),
        Committed::Conflict { .. }
    ));
    assert!(five.take().is_empty());
}

async fn what_was_accepted_is_read_at_once(store: Arc<dyn Store>) {
    let mut receipts = Vec::new();
    for number in 0..100u32 {
        let mut commit = Commit::new(ONE);
        let before = number
            .checked_sub(1)
            .map(|before| Bytes::from(before.to_string()));
        commit
            .require("head", before)
            .put("head", number.to_string())
            .put(format!("item {number:03}"), "x");
        match store.commit(commit).await.unwrap() {
            Committed::Accepted(receipt) => receipts.push(receipt),
            Committed::Conflict { .. } => panic!("commit {number} does not see the one before it"),
        }
        let scan = Scan::prefix("item").reversed().limit(1);
        assert_eq!(keys(&store, scan).await, [format!("item {number:03}")]);
    }
    let mut before = None;
    for receipt in receipts {
        let lsn = receipt.durable().await.unwrap();
        assert!(before < Some(lsn), "the order of commits is lost");
        before = Some(lsn);
    }
}

async fn writers_of_one_account_never_lose_an_update(store: Arc<dyn Store>) {
    let mut tasks = Vec::new();
    for writer in 0..8 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let mut done = 0;
            while done < 10 {
                let head = store.get(ONE, b"head").await.unwrap();
                let next = head.as_deref().map_or(0, |text| {
                    str::from_utf8(text).unwrap().parse::<u32>().unwrap()
                }) + 1;
                let mut commit = Commit::new(ONE);
                commit
                    .require("head", head)
                    .put("head", next.to_string())
                    .put(format!("by {writer} {done}"), "x");
                match store.commit(commit).await.unwrap() {
                    Committed::Accepted(receipt) => {
                        receipt.durable().await.unwrap();
                        done += 1;
                    }
                    Committed::Conflict { .. } => tokio::task::yield_now().await,
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        store.get(ONE, b"head").await.unwrap(),
        Some(Bytes::from("80"))
    );
    assert_eq!(keys(&store, Scan::prefix("by ")).await.len(), 80);
}

async fn a_random_history_ends_as_in_a_map(store: Arc<dyn Store>) {
    let mut random = Random(11);
    let mut models: [BTreeMap<Vec<u8>, Bytes>; 3] = Default::default();
    for _ in 0..150 {
        let account = random.below(3) as usize;
        let mut commit = Commit::new(AccountId(account as u64));
        for _ in 0..=random.below(8) {
            let mut key = random.bytes(3).to_vec();
            for byte in &mut key {
                *byte = [0, 1, b'k', 0xff][usize::from(*byte) % 4];
            }
            if random.below(3) == 0 {
                models[account].remove(&key);
                commit.delete(key);
            } else {
                let size = if random.below(20) == 0 {
                    9000
                } else {
                    random.below(60) as usize
                };
                let value = random.bytes(size);
                models[account].insert(key.clone(), value.clone());
                commit.put(key, value);
            }
        }
        let Committed::Accepted(receipt) = store.commit(commit).await.unwrap() else {
            panic!("a conflict over nothing")
        };
        if random.below(4) == 0 {
            receipt.durable().await.unwrap();
        }
        let (mut start, mut end) = (random.bytes(2), random.bytes(2));
        if start > end {
            std::mem::swap(&mut start, &mut end);
        }
        let scan = Scan {
            reverse: random.below(2) == 0,
            ..Scan::range(start.clone()..end.clone())
        };
        let found = store
            .scan(AccountId(account as u64), scan.clone())
            .await
            .unwrap();
        let mut expected: Vec<_> = models[account]
            .range(start.to_vec()..end.to_vec())
            .collect();
        if scan.reverse {
            expected.reverse();
        }
        assert!(
            found
                .iter()
                .map(|(key, value)| (&key[..], value))
                .eq(expected.iter().map(|(key, value)| (&key[..], *value)))
        );
    }
    for (account, model) in models.iter().enumerate() {
        let found = store
            .scan(AccountId(account as u64), Scan::prefix(""))
            .await
            .unwrap();
        assert!(
            found
                .iter()
                .map(|(key, value)| (&key[..], value))
                .eq(model.iter().map(|(key, value)| (&key[..], value)))
        );
    }
}

async fn a_closed_store_takes_no_commit_and_still_reads(store: Arc<dyn Store>) {
    put(&store, ONE, &[("key", "value")]).await;
    let mut waiting = store.subscribe(ONE, Topics::All);
    store.close().await.unwrap();
    assert!(waiting.next().await.is_none());
    let mut commit = Commit::new(ONE);
    commit.put("key", "too late");
    assert!(matches!(
        store.commit(commit).await,
        Err(StoreError::Closed)
    ));
    assert_eq!(
        store.get(ONE, b"key").await.unwrap(),
        Some(Bytes::from("value"))
    );
}

async fn durable(store: &Arc<dyn Store>, commit: Commit) {
    match store.commit(commit).await.unwrap() {
        Committed::Accepted(receipt) => drop(receipt.durable().await.unwrap()),
        Committed::Conflict { key } => panic!("conflict over {key:?}"),
    }
}

async fn put(store: &Arc<dyn Store>, account: AccountId, pairs: &[(&str, &str)]) {
    let mut commit = Commit::new(account);
    for (key, value) in pairs {
        commit.put(key.as_bytes().to_vec(), value.as_bytes().to_vec());
    }
    durable(store, commit).await;
}

async fn keys(store: &Arc<dyn Store>, scan: Scan) -> Vec<String> {
    let pairs = store.scan(ONE, scan).await.unwrap();
    pairs
        .iter()
        .map(|(key, _)| String::from_utf8(key.to_vec()).unwrap())
        .collect()
}

async fn hold(store: &Arc<dyn Store>, account: AccountId, item: u64, data: &[u8]) -> StagedBody {
    let mut writer = store
        .stage_body(StageOptions {
            account,
            ..StageOptions::default()
        })
        .await
        .unwrap();
    for chunk in data.chunks(10_000) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    let body = writer.finish().await.unwrap();
    let mut commit = Commit::new(account);
    commit.hold(body.id, item).bodies.push(body.clone());
    durable(store, commit).await;
    body
}

async fn read(store: &Arc<dyn Store>, id: BodyId, start: u64, end: u64) -> Bytes {
    let mut reader = store.body(id, start..end).await.unwrap();
    read_to_end(&mut *reader, u64::MAX).await.unwrap()
}

/// splitmix64: the same history for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn bytes(&mut self, size: usize) -> Bytes {
        (0..size.div_ceil(8))
            .flat_map(|_| self.next().to_le_bytes())
            .take(size)
            .collect()
    }
}
