//! What goes into a commit, and what comes back.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{AccountId, BodyId, Lsn, Mark, StagedBody, StoreError};

/// One atomic change to one account.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Whose keys change.
    pub account: AccountId,
    /// What must hold, or nothing happens.
    pub preconditions: Vec<Precondition>,
    /// Absolute changes, in order; the last one to a key wins.
    pub ops: Vec<Op>,
    /// The staged bodies that `ops` hold for the first time. They are made durable together with the commit.
    pub bodies: Vec<StagedBody>,
    /// Published to subscribers once the commit is durable.
    pub marks: Vec<Mark>,
}

impl Commit {
    /// An empty commit for `account`.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            ..Self::default()
        }
    }

    /// Adds a put.
    pub fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        self.ops.push(Op::Put {
            key: key.into(),
            value: value.into(),
        });
        self
    }

    /// Adds a delete; deleting what is not there is no error.
    pub fn delete(&mut self, key: impl Into<Bytes>) -> &mut Self {
        self.ops.push(Op::Delete { key: key.into() });
        self
    }

    /// Lets `item` of the account hold `body`.
    pub fn hold(&mut self, body: BodyId, item: u64) -> &mut Self {
        self.ops.push(Op::Hold { body, item });
        self
    }

    /// Ends `item`'s hold on `body`.
    pub fn release(&mut self, body: BodyId, item: u64) -> &mut Self {
        self.ops.push(Op::Release { body, item });
        self
    }

    /// Demands that `key` has the value `expected` (`None`: is absent).
    pub fn require(&mut self, key: impl Into<Bytes>, expected: Option<Bytes>) -> &mut Self {
        self.preconditions.push(Precondition {
            key: key.into(),
            expected,
        });
        self
    }
}

/// One absolute change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sets a key.
    Put {
        /// The key, within the commit's account.
        key: Bytes,
        /// Its new value.
        value: Bytes,
    },
    /// Removes a key.
    Delete {
        /// The key, within the commit's account.
        key: Bytes,
    },
    /// An item of the account begins to hold a body.
    Hold {
        /// The body.
        body: BodyId,
        /// The item, in the account's own numbering.
        item: u64,
    },
    /// An item of the account no longer holds a body. A body without holders is dead and swept after the grace period.
    Release {
        /// The body.
        body: BodyId,
        /// The item, in the account's own numbering.
        item: u64,
    },
}

/// A key's value that a commit relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// The key, within the commit's account.
    pub key: Bytes,
    /// The value it must have; `None`: it must be absent.
    pub expected: Option<Bytes>,
}

/// What became of a commit.
#[derive(Debug)]
pub enum Committed {
    /// It has its place in the order and is visible to reads; the receipt tells when it is durable.
    Accepted(Receipt),
    /// A precondition did not hold; nothing happened.
    Conflict {
        /// The first key whose value was not the expected one.
        key: Bytes,
    },
}

/// Resolves once a commit is durable.
#[derive(Debug)]
pub struct Receipt {
    lsn: Lsn,
    durable: Option<oneshot::Receiver<Result<(), StoreError>>>,
}

impl Receipt {
    /// A receipt for a commit that is durable already.
    pub fn ready(lsn: Lsn) -> Self {
        Self { lsn, durable: None }
    }

    /// A receipt and the end by which the backend resolves it.
    pub fn channel(lsn: Lsn) -> (ReceiptSender, Self) {
        let (sender, receiver) = oneshot::channel();
        (
            ReceiptSender(sender),
            Self {
                lsn,
                durable: Some(receiver),
            },
        )
    }

    /// The same receipt with the place in the order that has become known.
    pub(crate) fn at(self, lsn: Lsn) -> Self {
        Self { lsn, ..self }
    }

    /// The commit's place in the order of all commits.
    pub fn lsn(&self) -> Lsn {
        self.lsn
    }

    /// Waits until the commit is durable. An error means that it may or may not be found after a restart, and that
    /// nobody may be told that it happened.
    pub async fn durable(self) -> Result<Lsn, StoreError> {
        match self.durable {
            None => Ok(self.lsn),
            Some(receiver) => receiver
                .await
                .unwrap_or(Err(StoreError::Closed))
                .map(|()| self.lsn),
        }
    }
}

/// The backend's end of a [`Receipt`].
#[derive(Debug)]
pub struct ReceiptSender(oneshot::Sender<Result<(), StoreError>>);

impl ReceiptSender {
    /// Resolves the receipt. That nobody waits any more is no error.
    pub fn resolve(self, result: Result<(), StoreError>) {
        drop(self.0.send(result));
    }
}
