//! Ordered key-value pairs, bodies and a change bus behind one trait.
//!
//! A [`Store`] holds, for every account (and for the organisation, [`AccountId::ORGANISATION`]), an ordered map of
//! byte keys to byte values, and beside it *bodies*: large immutable byte strings, written once and held by items.
//! Everything changes through [`Store::commit`], which is atomic for one account, and durable once its
//! [`Receipt`] says so; only then are the commit's [`Mark`]s published to those who subscribed.
//!
//! Invariants:
//! - A receipt that resolves to `Ok` means on disk (or in the engine's committed state): kill -9 and power loss keep it.
//! - Commits of one account become visible in the order in which they were accepted; a read through the trait sees
//!   every accepted commit, durable or not, so that the single writer of an account need not wait for the disk
//!   between two commits. What a client is told must wait for the receipt.
//! - Nothing of sled, of files or of SQL shows through this trait.
//!
//! What it does not do: it knows no mailbox, folder or message, and no protocol.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod body;
mod bus;
mod commit;
pub mod disk;
pub mod embedded;
mod error;
mod ids;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod transfer;

use std::{future::Future, ops::Range, pin::Pin};

pub use body::{BodyId, BodyReader, BodyWriter, StageOptions, StagedBody, read_to_end};
pub use bus::{Bus, Mark, Subscription, Topics};
pub use commit::{Commit, Committed, Op, Precondition, Receipt, ReceiptSender};
pub use error::StoreError;
pub use ids::{AccountId, Lsn};
pub use memory::MemoryStore;

use bytes::Bytes;

/// A boxed future, so that the trait can stand behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The longest key a store takes, in bytes.
pub const MAX_KEY: usize = 256;

/// The longest value a store takes, in bytes (1 MiB).
pub const MAX_VALUE: usize = 1024 * 1024;

/// The most operations one commit may carry.
pub const MAX_OPS: usize = 65_536;

/// One (key, value) pair of a scan.
pub type Pair = (Bytes, Bytes);

/// What to scan and in which direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// First key of the range, included.
    pub start: Bytes,
    /// End of the range, excluded; `None` = to the end of the account.
    pub end: Option<Bytes>,
    /// From the end towards the start.
    pub reverse: bool,
    /// At most so many pairs.
    pub limit: usize,
}

impl Scan {
    /// All keys that begin with `prefix`, in order.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        let start = prefix.into();
        let end = prefix_end(&start);
        Self {
            start,
            end,
            reverse: false,
            limit: usize::MAX,
        }
    }

    /// All keys in `range`, in order.
    pub fn range(range: Range<Bytes>) -> Self {
        Self {
            start: range.start,
            end: Some(range.end),
            reverse: false,
            limit: usize::MAX,
        }
    }

    /// The same, from the end towards the start.
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// The same, with at most `limit` pairs.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Whether `key` lies in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= &self.start[..] && self.end.as_ref().is_none_or(|end| key < &end[..])
    }
}

/// One holder of a body, as [`Store::holds`] lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hold {
    /// The body that is held.
    pub body: BodyId,
    /// The account whose item holds it.
    pub account: AccountId,
    /// The item, in that account's own numbering.
    pub item: u64,
}

/// An ordered key-value store with bodies and a change bus. See the crate's own page for its invariants.
pub trait Store: Send + Sync + 'static {
    /// The value of `key`, if there is one.
    fn get<'a>(
        &'a self,
        account: AccountId,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>>;

    /// The pairs of a range, in order, at most `scan.limit` of them and at most about 4 MiB in all;
    /// a caller that wants more scans again from behind the last key.
    fn scan(&self, account: AccountId, scan: Scan) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>>;

    /// The accounts that have at least one key, in order, from behind `after`.
    fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<AccountId>, StoreError>>;

    /// Accepts a commit: all of it or nothing. It is visible to reads when this returns [`Committed::Accepted`], and
    /// durable when the receipt resolves. A precondition that does not hold is [`Committed::Conflict`], not an error.
    /// Dropping the receipt does not take the commit back.
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>>;

    /// Begins a new body. Bytes are written as they come; a body that no commit holds within the grace period is swept.
    fn stage_body(
        &self,
        options: StageOptions,
    ) -> BoxFuture<'_, Result<Box<dyn BodyWriter>, StoreError>>;

    /// Reads `range` of a body, in chunks of at most 64 KiB. A range beyond the end is cut off there.
    fn body(
        &self,
        id: BodyId,
        range: Range<u64>,
    ) -> BoxFuture<'_, Result<Box<dyn BodyReader>, StoreError>>;

    /// The holders of bodies in order of (body, account, item), from behind `after`.
    fn holds(
        &self,
        after: Option<Hold>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Hold>, StoreError>>;

    /// Change marks of an account, from commits that become durable after this call.
    fn subscribe(&self, account: AccountId, topics: Topics) -> Subscription;

    /// Waits until all that was accepted is durable, then stops taking commits. Reads still work.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// The first key behind all keys that begin with `prefix`; `None` if there is none (all bytes 0xff).
pub fn prefix_end(prefix: &[u8]) -> Option<Bytes> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    Some(end.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_key_that_does_not_begin_with_it() {
        assert_eq!(prefix_end(b"ab"), Some(Bytes::from_static(b"ac")));
        assert_eq!(prefix_end(b"a\xff"), Some(Bytes::from_static(b"b")));
        assert_eq!(prefix_end(b"\xff\xff"), None);
        assert_eq!(prefix_end(b""), None);
    }
}
