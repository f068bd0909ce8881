//! What this crate's tests share.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use fieldpost_store::{
    AccountId, BodyId, BodyReader, BodyWriter, BoxFuture, Commit, Committed, Hold, Pair, Receipt,
    Scan, StageOptions, Store, StoreError, Subscription, Topics,
};

use crate::{Address, Argon2Cost, AttemptLimits, Directory, NewAccount, Settings};

/// Settings that cost as little as possible, and let tests fail as often as they like.
pub(crate) fn settings() -> Settings {
    Settings {
        argon2: Argon2Cost::CHEAPEST,
        scram_iterations: 4096,
        attempts: AttemptLimits {
            free_per_account: 1000,
            free_per_network: 1000,
            ..AttemptLimits::default()
        },
        ..Settings::default()
    }
}

pub(crate) async fn open(store: &Arc<dyn Store>) -> Arc<Directory> {
    Directory::open(Arc::clone(store), settings())
        .await
        .unwrap()
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn new(text: &str, password: &str) -> NewAccount {
    NewAccount {
        password: Some(password.into()),
        ..NewAccount::new(address(text))
    }
}

/// A store that can be told to fail.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    /// Reads fail.
    pub(crate) fail_reads: AtomicBool,
    /// Commits are accepted, and never become durable as far as anybody is told.
    pub(crate) fail_durable: AtomicBool,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            fail_reads: AtomicBool::new(false),
            fail_durable: AtomicBool::new(false),
        })
    }
}

impl Store for FaultyStore {
    fn get<'a>(
        &'a self,
        account: AccountId,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        if self.fail_reads.load(Relaxed) {
            return Box::pin(async { Err(StoreError::Unavailable("told to fail".into())) });
        }
        self.inner.get(account, key)
    }

    fn scan(&self, account: AccountId, scan: Scan) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        self.inner.scan(account, scan)
    }

    fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<AccountId>, StoreError>> {
        self.inner.accounts(after, limit)
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let committed = self.inner.commit(commit).await?;
            match committed {
                Committed::Accepted(receipt) if self.fail_durable.load(Relaxed) => {
                    let (sender, failing) = Receipt::channel(receipt.lsn());
                    sender.resolve(Err(StoreError::ReadOnly {
                        reason: "told to fail".into(),
                    }));
                    Ok(Committed::Accepted(failing))
                }
                other => Ok(other),
            }
        })
    }

    fn stage_body(
        &self,
        options: StageOptions,
    ) -> BoxFuture<'_, Result<Box<dyn BodyWriter>, StoreError>> {
        self.inner.stage_body(options)
    }

    fn body(
        &self,
        id: BodyId,
        range: Range<u64>,
    ) -> BoxFuture<'_, Result<Box<dyn BodyReader>, StoreError>> {
        self.inner.body(id, range)
    }

    fn holds(
        &self,
        after: Option<Hold>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Hold>, StoreError>> {
        self.inner.holds(after, limit)
    }

    fn subscribe(&self, account: AccountId, topics: Topics) -> Subscription {
        self.inner.subscribe(account, topics)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}
