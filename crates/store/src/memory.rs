//! A store in memory: the model that the other backends are compared with, and the fast ground for front-end tests.
//!
//! It keeps every promise of the trait but durability.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::{Bound, Range},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use crate::{
    AccountId, BodyId, BodyReader, BodyWriter, BoxFuture, Bus, Commit, Committed, Hold, Lsn,
    MAX_KEY, MAX_OPS, MAX_VALUE, Op, Pair, Receipt, Scan, StageOptions, StagedBody, Store,
    StoreError, Subscription, Topics,
};

const SCAN_BYTES: usize = 4 * 1024 * 1024;
const CHUNK: u64 = 64 * 1024;

/// A [`Store`] that forgets everything when dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    bus: Arc<Bus>,
    next_body: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    pairs: BTreeMap<(AccountId, Bytes), Bytes>,
    holds: BTreeSet<Hold>,
    bodies: HashMap<BodyId, Bytes>,
    /// Bodies that no item has held yet, alive while somebody has the staged body in hand.
    staged: HashMap<BodyId, Weak<()>>,
    lsn: u64,
    closed: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How many bodies are kept.
    pub fn bodies(&self) -> usize {
        let mut state = self.state.lock();
        state.sweep();
        state.bodies.len()
    }
}

impl State {
    fn check(&self, commit: &Commit) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        check_limits(commit)?;
        for body in &commit.bodies {
            if !self.bodies.contains_key(&body.id) {
                return Err(StoreError::NoSuchBody(body.id));
            }
        }
        for op in &commit.ops {
            if let Op::Hold { body, .. } = op
                && !is_held(&self.holds, *body)
                && !commit.bodies.iter().any(|staged| staged.id == *body)
            {
                return Err(StoreError::NoSuchBody(*body));
            }
        }
        Ok(())
    }

    fn apply(&mut self, account: AccountId, op: Op) {
        match op {
            Op::Put { key, value } => {
                self.pairs.insert((account, key), value);
            }
            Op::Delete { key } => {
                self.pairs.remove(&(account, key));
            }
            Op::Hold { body, item } => {
                self.holds.insert(Hold {
                    body,
                    account,
                    item,
                });
            }
            Op::Release { body, item } => {
                self.holds.remove(&Hold {
                    body,
                    account,
                    item,
                });
            }
        }
    }

    fn sweep(&mut self) {
        self.staged.retain(|_, owner| owner.strong_count() > 0);
        let (holds, staged) = (&self.holds, &self.staged);
        self.bodies
            .retain(|id, _| staged.contains_key(id) || is_held(holds, *id));
    }
}

fn is_held(holds: &BTreeSet<Hold>, body: BodyId) -> bool {
    let first = Hold {
        body,
        account: AccountId(0),
        item: 0,
    };
    holds
        .range(first..)
        .next()
        .is_some_and(|hold| hold.body == body)
}

/// Refuses what is larger than the trait allows; every backend calls it first.
pub(crate) fn check_limits(commit: &Commit) -> Result<(), StoreError> {
    let too_large = |what, size: usize, limit: usize| {
        if size > limit {
            Err(StoreError::TooLarge {
                what,
                size: size as u64,
                limit: limit as u64,
            })
        } else {
            Ok(())
        }
    };
    too_large("commit", commit.ops.len(), MAX_OPS)?;
    for op in &commit.ops {
        match op {
            Op::Put { key, value } => {
                too_large("key", key.len(), MAX_KEY)?;
                too_large("value", value.len(), MAX_VALUE)?;
            }
            Op::Delete { key } => too_large("key", key.len(), MAX_KEY)?,
            Op::Hold { .. } | Op::Release { .. } => {}
        }
    }
    Ok(())
}

impl Store for MemoryStore {
    fn get<'a>(
        &'a self,
        account: AccountId,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move {
            let key = (account, Bytes::copy_from_slice(key));
            Ok(self.state.lock().pairs.get(&key).cloned())
        })
    }

    fn scan(&self, account: AccountId, scan: Scan) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        Box::pin(async move {
            let state = self.state.lock();
            let start = Bound::Included((account, scan.start.clone()));
            let end = match &scan.end {
                Some(end) if *end <= scan.start => return Ok(Vec::new()),
                Some(end) => Bound::Excluded((account, end.clone())),
                None => match account.0.checked_add(1) {
                    Some(next) => Bound::Excluded((AccountId(next), Bytes::new())),
                    None => Bound::Unbounded,
                },
            };
            let range = state.pairs.range((start, end));
            let pairs = range.map(|((_, key), value)| (key.clone(), value.clone()));
            let mut size = 0;
            let fits = |pair: &Pair| {
                let before = size;
                size += pair.0.len() + pair.1.len();
                before < SCAN_BYTES
            };
            Ok(if scan.reverse {
                pairs.rev().take(scan.limit).take_while(fits).collect()
            } else {
                pairs.take(scan.limit).take_while(fits).collect()
            })
        })
    }

    fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<AccountId>, StoreError>> {
        Box::pin(async move {
            let state = self.state.lock();
            let mut found: Vec<AccountId> = Vec::new();
            let mut next = match after {
                None => Some(AccountId(0)),
                Some(id) => id.0.checked_add(1).map(AccountId),
            };
            while let Some(from) = next {
                if found.len() >= limit {
                    break;
                }
                let Some(((id, _), _)) = state.pairs.range((from, Bytes::new())..).next() else {
                    break;
                };
                found.push(*id);
                next = id.0.checked_add(1).map(AccountId);
            }
            Ok(found)
        })
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let lsn = {
                let mut state = self.state.lock();
                state.check(&commit)?;
                for precondition in commit.preconditions {
                    let key = (commit.account, precondition.key);
                    if state.pairs.get(&key) != precondition.expected.as_ref() {
                        return Ok(Committed::Conflict { key: key.1 });
                    }
                }
                for op in commit.ops {
                    state.apply(commit.account, op);
                }
                state.sweep();
                state.lsn += 1;
                Lsn(state.lsn)
            };
            self.bus.publish(commit.account, &commit.marks);
            Ok(Committed::Accepted(Receipt::ready(lsn)))
        })
    }

    fn stage_body(
        &self,
        options: StageOptions,
    ) -> BoxFuture<'_, Result<Box<dyn BodyWriter>, StoreError>> {
        let id = options.id.unwrap_or_else(|| {
            BodyId((1 + u128::from(self.next_body.fetch_add(1, Ordering::Relaxed))).to_be_bytes())
        });
        let writer = Writer {
            id,
            state: Arc::clone(&self.state),
            data: BytesMut::new(),
        };
        Box::pin(async move { Ok(Box::new(writer) as Box<dyn BodyWriter>) })
    }

    fn body(
        &self,
        id: BodyId,
        range: Range<u64>,
    ) -> BoxFuture<'_, Result<Box<dyn BodyReader>, StoreError>> {
        Box::pin(async move {
            let data = self
                .state
                .lock()
                .bodies
                .get(&id)
                .cloned()
                .ok_or(StoreError::NoSuchBody(id))?;
            let end = range.end.min(data.len() as u64);
            let start = range.start.min(end);
            Ok(Box::new(Reader(data.slice(start as usize..end as usize))) as Box<dyn BodyReader>)
        })
    }

    fn holds(
        &self,
        after: Option<Hold>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Hold>, StoreError>> {
        Box::pin(async move {
            let start = after.map_or(Bound::Unbounded, Bound::Excluded);
            Ok(self
                .state
                .lock()
                .holds
                .range((start, Bound::Unbounded))
                .take(limit)
                .copied()
                .collect())
        })
    }

    fn subscribe(&self, account: AccountId, topics: Topics) -> Subscription {
        self.bus.subscribe(account, topics)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.state.lock().closed = true;
            self.bus.close();
            Ok(())
        })
    }
}

struct Writer {
    id: BodyId,
    state: Arc<Mutex<State>>,
    data: BytesMut,
}

impl BodyWriter for Writer {
    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, Result<(), StoreError>> {
        self.data.extend_from_slice(&chunk);
        Box::pin(async { Ok(()) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<StagedBody, StoreError>> {
        Box::pin(async move {
            let data = self.data.freeze();
            let owner = Arc::new(());
            let staged = StagedBody {
                id: self.id,
                size: data.len() as u64,
                digest: *blake3::hash(&data).as_bytes(),
                backing: owner.clone(),
            };
            let mut state = self.state.lock();
            state.staged.insert(self.id, Arc::downgrade(&owner));
            state.bodies.insert(self.id, data);
            Ok(staged)
        })
    }
}

struct Reader(Bytes);

impl BodyReader for Reader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>> {
        let size = CHUNK.min(self.remaining()) as usize;
        let chunk = (size > 0).then(|| self.0.split_to(size));
        Box::pin(async move { Ok(chunk) })
    }

    fn remaining(&self) -> u64 {
        self.0.len() as u64
    }
}
