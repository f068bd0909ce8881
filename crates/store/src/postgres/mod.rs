//! The store on PostgreSQL: the same trait on an engine that is not ours.
//!
//! It is small on purpose. Its work today is to keep the trait honest, by passing the same contract as the embedded
//! backend; it is also the ground that a cluster backend will stand on. Pairs lie in one table, (account, key) → value;
//! a commit is one SERIALIZABLE transaction, tried again when the engine refuses it (SQLSTATE 40001, 40P01); bodies lie
//! in chunks of 64 KiB.
//!
//! What it does not do: marks reach only the subscribers of this process, and connections are not encrypted.
//! Account ids and items above 2^63 are refused by the engine's integers and never given out.

mod body;
mod schema;

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use parking_lot::RwLock;
use tokio_postgres::{IsolationLevel, NoTls, Transaction, error::SqlState, types::ToSql};

use crate::{
    AccountId, BodyId, BodyReader, BodyWriter, BoxFuture, Bus, Commit, Committed, Hold, Lsn, Op,
    Pair, Receipt, Scan, StageOptions, Store, StoreError, Subscription, Topics,
    memory::check_limits,
};

/// A [`Store`] on a PostgreSQL database of its own.
pub struct PostgresStore {
    pool: Pool,
    bus: Arc<Bus>,
    closed: RwLock<bool>,
}

impl PostgresStore {
    /// Connects (`config` as in libpq: `host=/run/postgresql user=fieldpost dbname=fieldpost`), with at most
    /// `connections` at a time, and makes the tables if they are not there.
    pub async fn open(config: &str, connections: usize) -> Result<Arc<Self>, StoreError> {
        let config = config.parse().map_err(unavailable)?;
        let manager = Manager::from_config(
            config,
            NoTls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(connections)
            .build()
            .map_err(unavailable)?;
        let client = pool.get().await.map_err(unavailable)?;
        client
            .batch_execute(schema::CREATE)
            .await
            .map_err(unavailable)?;
        drop(client);
        Ok(Arc::new(Self {
            pool,
            bus: Bus::new(),
            closed: RwLock::new(false),
        }))
    }

    /// Deletes the bodies that nobody holds and that were staged more than `grace_seconds` ago; how many they were.
    pub async fn sweep(&self, grace_seconds: f64) -> Result<u64, StoreError> {
        self.client()
            .await?
            .execute(schema::SWEEP, &[&grace_seconds])
            .await
            .map_err(unavailable)
    }

    async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(unavailable)
    }

    async fn try_commit(&self, commit: &Commit) -> Result<Lsn, Refusal> {
        let mut client = self.client().await.map_err(Refusal::Failed)?;
        let transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::Serializable)
            .start()
            .await?;
        let account = signed(commit.account.0);
        for precondition in &commit.preconditions {
            let row = transaction
                .query_opt(schema::GET, &[&account, &&precondition.key[..]])
                .await?;
            if row.as_ref().map(|row| row.get::<_, &[u8]>(0)) != precondition.expected.as_deref() {
                return Err(Refusal::Conflict(precondition.key.clone()));
            }
        }
        apply(&transaction, account, &commit.ops).await?;
        let lsn: i64 = transaction.query_one(schema::NEXT_LSN, &[]).await?.get(0);
        transaction.commit().await?;
        Ok(Lsn(unsigned(lsn)))
    }
}

impl Store for PostgresStore {
    fn get<'a>(
        &'a self,
        account: AccountId,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move {
            let client = self.client().await?;
            let get = client
                .prepare_cached(schema::GET)
                .await
                .map_err(unavailable)?;
            let row = client
                .query_opt(&get, &[&signed(account.0), &key])
                .await
                .map_err(unavailable)?;
            Ok(row.map(|row| Bytes::copy_from_slice(row.get(0))))
        })
    }

    fn scan(&self, account: AccountId, scan: Scan) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        Box::pin(async move {
            let client = self.client().await?;
            let text = if scan.reverse {
                schema::SCAN_REVERSE
            } else {
                schema::SCAN
            };
            let statement = client.prepare_cached(text).await.map_err(unavailable)?;
            let limit = i64::try_from(scan.limit.min(SCAN_ROWS)).unwrap_or(i64::MAX);
            let (account, start, end) = (signed(account.0), &scan.start[..], scan.end.as_deref());
            let rows = client
                .query(&statement, &[&account, &start, &end, &limit])
                .await
                .map_err(unavailable)?;
            let (mut pairs, mut size) = (Vec::with_capacity(rows.len()), 0);
            for row in rows {
                if size >= SCAN_BYTES {
                    break;
                }
                let (key, value): (&[u8], &[u8]) = (row.get(0), row.get(1));
                size += key.len() + value.len();
                pairs.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            }
            Ok(pairs)
        })
    }

    fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<AccountId>, StoreError>> {
        Box::pin(async move {
            let client = self.client().await?;
            let after = after.map_or(-1, |id| signed(id.0));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = client
                .query(schema::ACCOUNTS, &[&after, &limit])
                .await
                .map_err(unavailable)?;
            Ok(rows
                .iter()
                .map(|row| AccountId(unsigned(row.get(0))))
                .collect())
        })
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            if *self.closed.read() {
                return Err(StoreError::Closed);
            }
            check_limits(&commit)?;
            for attempt in 0..ATTEMPTS {
                match self.try_commit(&commit).await {
                    Ok(lsn) => {
                        self.bus.publish(commit.account, &commit.marks);
                        return Ok(Committed::Accepted(Receipt::ready(lsn)));
                    }
                    Err(Refusal::Conflict(key)) => return Ok(Committed::Conflict { key }),
                    Err(Refusal::Failed(error)) => return Err(error),
                    // Longer each time, up to 64 ms, so that many writers do not refuse each other for ever.
                    Err(Refusal::TryAgain) => {
                        tokio::time::sleep(Duration::from_millis(1 << (attempt / 4).min(6))).await;
                    }
                }
            }
            Err(StoreError::Unavailable(format!(
                "the engine refused a transaction {ATTEMPTS} times"
            )))
        })
    }

    fn stage_body(
        &self,
        options: StageOptions,
    ) -> BoxFuture<'_, Result<Box<dyn BodyWriter>, StoreError>> {
        Box::pin(async move {
            if *self.closed.read() {
                return Err(StoreError::Closed);
            }
            let writer = body::Writer::begin(self.pool.clone(), options)?;
            Ok(Box::new(writer) as Box<dyn BodyWriter>)
        })
    }

    fn body(
        &self,
        id: BodyId,
        range: Range<u64>,
    ) -> BoxFuture<'_, Result<Box<dyn BodyReader>, StoreError>> {
        Box::pin(async move {
            let row = self
                .client()
                .await?
                .query_opt(schema::BODY_SIZE, &[&&id.0[..]])
                .await
                .map_err(unavailable)?;
            let size = unsigned(row.ok_or(StoreError::NoSuchBody(id))?.get(0));
            let end = range.end.min(size);
            let reader = body::Reader::new(self.pool.clone(), id, range.start.min(end)..end);
            Ok(Box::new(reader) as Box<dyn BodyReader>)
        })
    }

    fn holds(
        &self,
        after: Option<Hold>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Hold>, StoreError>> {
        Box::pin(async move {
            let (body, account, item) = after.map_or((vec![], -1, -1), |hold| {
                (
                    hold.body.0.to_vec(),
                    signed(hold.account.0),
                    signed(hold.item),
                )
            });
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let client = self.client().await?;
            let rows = client
                .query(schema::HOLDS, &[&body, &account, &item, &limit])
                .await
                .map_err(unavailable)?;
            rows.iter()
                .map(|row| {
                    let body = row.get::<_, &[u8]>(0).try_into();
                    let body = body.map_err(|_| StoreError::Damaged {
                        what: "a body id in the table of holds".into(),
                    })?;
                    let (account, item) = (AccountId(unsigned(row.get(1))), unsigned(row.get(2)));
                    Ok(Hold {
                        body: BodyId(body),
                        account,
                        item,
                    })
                })
                .collect()
        })
    }

    fn subscribe(&self, account: AccountId, topics: Topics) -> Subscription {
        self.bus.subscribe(account, topics)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            *self.closed.write() = true;
            self.bus.close();
            Ok(())
        })
    }
}

/// Why a transaction did not go through.
enum Refusal {
    Conflict(Bytes),
    TryAgain,
    Failed(StoreError),
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code)
                if *code == SqlState::T_R_SERIALIZATION_FAILURE
                    || *code == SqlState::T_R_DEADLOCK_DETECTED =>
            {
                Self::TryAgain
            }
            Some(code) if *code == SqlState::DISK_FULL => Self::Failed(StoreError::NoSpace),
            _ => Self::Failed(unavailable(error)),
        }
    }
}

/// Writes a commit's changes, the last one to a key only, in one statement a kind.
async fn apply(transaction: &Transaction<'_>, account: i64, ops: &[Op]) -> Result<(), Refusal> {
    let (mut pairs, mut holds) = (BTreeMap::new(), BTreeMap::new());
    for op in ops {
        match op {
            Op::Put { key, value } => drop(pairs.insert(&key[..], Some(&value[..]))),
            Op::Delete { key } => drop(pairs.insert(&key[..], None)),
            Op::Hold { body, item } => drop(holds.insert((body.0, signed(*item)), true)),
            Op::Release { body, item } => drop(holds.insert((body.0, signed(*item)), false)),
        }
    }
    let (keys, values): (Vec<_>, Vec<_>) = pairs
        .iter()
        .filter_map(|(key, value)| value.map(|value| (*key, value)))
        .unzip();
    let deleted: Vec<_> = pairs
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(key, _)| *key)
        .collect();
    let split = |wanted: bool| {
        let chosen = holds.iter().filter(|(_, held)| **held == wanted);
        chosen
            .map(|((body, item), _)| (&body[..], *item))
            .unzip::<_, _, Vec<_>, Vec<_>>()
    };
    let ((held, held_by), (released, released_by)) = (split(true), split(false));
    let statements: [(bool, &str, &[&(dyn ToSql + Sync)]); 4] = [
        (keys.is_empty(), schema::PUT, &[&account, &keys, &values]),
        (deleted.is_empty(), schema::DELETE, &[&account, &deleted]),
        (held.is_empty(), schema::HOLD, &[&account, &held, &held_by]),
        (
            released.is_empty(),
            schema::RELEASE,
            &[&account, &released, &released_by],
        ),
    ];
    for (nothing, statement, values) in statements {
        if !nothing {
            transaction.execute(statement, values).await?;
        }
    }
    Ok(())
}

fn unavailable(error: impl std::error::Error) -> StoreError {
    let cause = error
        .source()
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    StoreError::Unavailable(format!("{error}{cause}"))
}

/// The engine's integers are signed; ids stay below 2^63, so nothing changes but the type.
fn signed(id: u64) -> i64 {
    id.cast_signed()
}

fn unsigned(id: i64) -> u64 {
    id.cast_unsigned()
}

const ATTEMPTS: u32 = 100;
const SCAN_BYTES: usize = 4 * 1024 * 1024;
/// Rows come whole from the engine, so that a page is bounded by their number too; the caller asks again.
const SCAN_ROWS: usize = 4096;
