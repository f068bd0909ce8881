//! A store that does as it is told: what is damaged, and which commits fail.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use fieldpost_mailbox::AccountId;
use fieldpost_store::{
    BodyId, BodyReader, BodyWriter, BoxFuture, Commit, Committed, Hold, MemoryStore, Pair, Scan,
    StageOptions, Store, StoreError, Subscription, Topics,
};
use parking_lot::Mutex;

/// What to do with a commit in place of making it.
pub type Meddler = Box<dyn FnMut(&Commit) -> Option<Result<Committed, StoreError>> + Send>;

pub struct FaultyStore {
    inner: Arc<dyn Store>,
    /// Bodies can be read up to there.
    pub readable: Mutex<Option<u64>>,
    /// The account whose records can't be read.
    pub damaged: Mutex<Option<AccountId>>,
    pub meddler: Mutex<Option<Meddler>>,
}

impl FaultyStore {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(),
            readable: Mutex::default(),
            damaged: Mutex::default(),
            meddler: Mutex::default(),
        })
    }

    fn check(&self, account: AccountId) -> Result<(), StoreError> {
        match *self.damaged.lock() {
            Some(damaged) if damaged == account => Err(damage()),
            Some(_) | None => Ok(()),
        }
    }
}

fn damage() -> StoreError {
    StoreError::Damaged {
        what: "a flipped bit".to_owned(),
    }
}

impl Store for FaultyStore {
    fn get<'a>(
        &'a self,
        account: AccountId,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move {
            self.check(account)?;
            self.inner.get(account, key).await
        })
    }

    fn scan(&self, account: AccountId, scan: Scan) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        Box::pin(async move {
            self.check(account)?;
            self.inner.scan(account, scan).await
        })
    }

    fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<AccountId>, StoreError>> {
        self.inner.accounts(after, limit)
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        let meddled = self.meddler.lock().as_mut().and_then(|one| one(&commit));
        match meddled {
            Some(result) => Box::pin(async { result }),
            None => self.inner.commit(commit),
        }
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
        let Some(readable) = *self.readable.lock() else {
            return self.inner.body(id, range);
        };
        let range = range.start..range.end.min(readable);
        Box::pin(async move {
            if readable == 0 {
                return Err(damage());
            }
            let inner = self.inner.body(id, range).await?;
            Ok(Box::new(Cut(inner)) as Box<dyn BodyReader>)
        })
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

/// A body whose end is damaged.
struct Cut(Box<dyn BodyReader>);

impl BodyReader for Cut {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move {
            match self.0.next().await? {
                Some(chunk) => Ok(Some(chunk)),
                None => Err(damage()),
            }
        })
    }

    fn remaining(&self) -> u64 {
        self.0.remaining()
    }
}
