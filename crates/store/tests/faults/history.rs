//! Random commits and the model of what must be found after a fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use fieldpost_store::{
    AccountId, BodyId, Commit, Committed, Hold, Op, Receipt, StageOptions, StagedBody, Store,
    StoreError,
    disk::FaultyDisk,
    embedded::{EmbeddedStore, FsckOptions, IndexKind, Settings},
    read_to_end, transfer,
};

/// splitmix64: the same history for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Settings in which little data sets everything in motion.
pub fn settings(index: IndexKind) -> Settings {
    Settings {
        index,
        cache_bytes: 4 << 20,
        inline_limit: 4096,
        segment_bytes: 64 * 1024,
        reserve_bytes: 0,
        body_grace: std::time::Duration::ZERO,
        background: false,
        ..Settings::default()
    }
}

pub fn open(disk: &FaultyDisk, index: IndexKind) -> Result<Arc<EmbeddedStore>, StoreError> {
    EmbeddedStore::open_on(Arc::new(disk.clone()), settings(index))
}

/// What a store should hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Content {
    pub pairs: BTreeMap<(AccountId, Bytes), Bytes>,
    pub holds: BTreeSet<Hold>,
}

/// A history with what has been acknowledged of it.
#[derive(Default)]
pub struct History {
    /// The content after each accepted commit, for the commits whose fate is open, by account: the newest acknowledged
    /// first, then each one accepted since.
    pub sure: Content,
    pub bodies: BTreeMap<BodyId, Bytes>,
    /// Accepted in this order and not acknowledged.
    open: Vec<Commit>,
    /// Accepted after those; nobody has asked what became of them.
    unheard: Vec<(Commit, Receipt)>,
    held: Vec<BodyId>,
    items: u64,
    pub acknowledged: u64,
}

impl History {
    /// Makes commits until `count` of them are done or the store fails. Some are waited for, some are left open.
    pub async fn run(&mut self, store: &Arc<EmbeddedStore>, random: &mut Random, count: u64) {
        self.give_up();
        let mut waiting: Vec<(Commit, Receipt)> = Vec::new();
        for _ in 0..count {
            let Ok(commit) = self.commit(store, random).await else {
                break;
            };
            match store.commit(commit.clone()).await {
                Ok(Committed::Accepted(receipt)) => waiting.push((commit, receipt)),
                Ok(Committed::Conflict { .. }) => panic!("no precondition was made"),
                Err(_) => break,
            }
            if random.below(3) == 0 {
                self.settle(&mut waiting).await;
            }
        }
        if random.below(2) == 0 {
            self.settle(&mut waiting).await;
        }
        self.unheard.extend(waiting);
    }

    /// Asks what became of the commits that nobody has asked about: once a store has closed, each has its answer, and one that
    /// a full disk refused did not happen, whatever came after it.
    pub async fn hear(&mut self) {
        let mut unheard = std::mem::take(&mut self.unheard);
        self.settle(&mut unheard).await;
    }

    /// Gives up asking: they may have happened or not.
    fn give_up(&mut self) {
        let unheard = std::mem::take(&mut self.unheard);
        self.open
            .extend(unheard.into_iter().map(|(commit, _)| commit));
    }

    /// Waits for receipts; what is acknowledged is sure, what is not is open. A store that acknowledges a commit after it
    /// refused an earlier one of the same account would be caught by the order.
    async fn settle(&mut self, waiting: &mut Vec<(Commit, Receipt)>) {
        for (commit, receipt) in waiting.drain(..) {
            match receipt.durable().await {
                Ok(_) => {
                    self.acknowledged += 1;
                    // What was accepted before it is on disk before it.
                    for earlier in std::mem::take(&mut self.open) {
                        apply(&mut self.sure, &earlier);
                    }
                    apply(&mut self.sure, &commit);
                }
                Err(StoreError::NoSpace) => {}
                Err(_) => self.open.push(commit),
            }
        }
    }

    async fn commit(
        &mut self,
        store: &Arc<EmbeddedStore>,
        random: &mut Random,
    ) -> Result<Commit, StoreError> {
        let account = AccountId(random.below(3));
        let mut commit = Commit::new(account);
        for _ in 0..=random.below(4) {
            let key = Bytes::from(format!("key {:02}", random.below(30)));
            if random.below(4) == 0 {
                commit.delete(key);
            } else {
                let len = [5, 100, 1000, 5000][random.below(4) as usize];
                commit.put(key, vec![random.below(256) as u8; len]);
            }
        }
        match random.below(4) {
            0 => {
                let staged = self.stage(store, random).await?;
                self.items += 1;
                commit.hold(staged.id, self.items);
                self.held.push(staged.id);
                commit.bodies.push(staged);
            }
            1 => {
                let mine: Vec<Hold> = self
                    .sure
                    .holds
                    .iter()
                    .filter(|hold| hold.account == account)
                    .copied()
                    .collect();
                if !mine.is_empty() {
                    let hold = mine[random.below(mine.len() as u64) as usize];
                    commit.release(hold.body, hold.item);
                }
            }
            _ => {}
        }
        Ok(commit)
    }

    async fn stage(
        &mut self,
        store: &Arc<EmbeddedStore>,
        random: &mut Random,
    ) -> Result<StagedBody, StoreError> {
        let len = [0, 700, 3000, 20_000, 90_000][random.below(5) as usize];
        let data: Bytes = (0..=len / 8)
            .flat_map(|_| random.next().to_le_bytes())
            .take(len)
            .collect::<Vec<u8>>()
            .into();
        let mut writer = store.stage_body(StageOptions::default()).await?;
        for chunk in data.chunks(9000) {
            writer.write(Bytes::copy_from_slice(chunk)).await?;
        }
        let staged = writer.finish().await?;
        self.bodies.insert(staged.id, data);
        Ok(staged)
    }

    /// The same for a store that goes on: what is accepted becomes durable first.
    pub async fn check_at_rest(&mut self, store: &Arc<EmbeddedStore>, context: &str) {
        // Everything accepted before it in the order is acknowledged before it.
        match store.commit(Commit::new(AccountId(0))).await.unwrap() {
            Committed::Accepted(receipt) => receipt.durable().await.unwrap(),
            Committed::Conflict { .. } => panic!("no precondition was made"),
        };
        store.checkpoint().await.unwrap();
        self.check(store, context).await;
    }

    /// What the store holds must be the acknowledged commits and some first part of the open ones. From then on that is
    /// what is sure.
    pub async fn check(&mut self, store: &Arc<EmbeddedStore>, context: &str) {
        self.give_up();
        let found = content(store).await;
        let mut expected = self.sure.clone();
        let mut matched = found == expected;
        for commit in std::mem::take(&mut self.open) {
            if matched {
                break;
            }
            apply(&mut expected, &commit);
            matched = found == expected;
        }
        assert!(matched, "{context}: {}", difference(&self.sure, &found));
        self.sure = found;
        for hold in &self.sure.holds {
            let mut reader = store
                .body(hold.body, 0..u64::MAX)
                .await
                .unwrap_or_else(|error| panic!("{context}: {error}"));
            let data = read_to_end(&mut *reader, u64::MAX).await.unwrap();
            assert_eq!(data, self.bodies[&hold.body], "{context}");
        }
        let report = store.fsck(FsckOptions::default(), &mut |_, _| {}).unwrap();
        assert!(report.is_clean(), "{context}: {:?}", report.problems);
    }
}

pub async fn content(store: &Arc<EmbeddedStore>) -> Content {
    let (pairs, holds) = transfer::content(&**store).await.unwrap();
    Content {
        pairs: pairs
            .into_iter()
            .map(|(account, key, value)| ((account, key), value))
            .collect(),
        holds: holds.into_iter().collect(),
    }
}

fn apply(content: &mut Content, commit: &Commit) {
    let account = commit.account;
    for op in &commit.ops {
        match op.clone() {
            Op::Put { key, value } => {
                content.pairs.insert((account, key), value);
            }
            Op::Delete { key } => {
                content.pairs.remove(&(account, key));
            }
            Op::Hold { body, item } => {
                content.holds.insert(Hold {
                    body,
                    account,
                    item,
                });
            }
            Op::Release { body, item } => {
                content.holds.remove(&Hold {
                    body,
                    account,
                    item,
                });
            }
        }
    }
}

/// The first thing in which two contents differ, short enough to read.
fn difference(expected: &Content, found: &Content) -> String {
    for (key, value) in &expected.pairs {
        match found.pairs.get(key) {
            Some(other) if other == value => {}
            other => {
                return format!(
                    "{key:?}: {} bytes expected, found {:?}",
                    value.len(),
                    other.map(Bytes::len)
                );
            }
        }
    }
    for key in found.pairs.keys() {
        if !expected.pairs.contains_key(key) {
            return format!("{key:?} was not expected");
        }
    }
    format!(
        "holds: {} expected, {} found",
        expected.holds.len(),
        found.holds.len()
    )
}
