//! Bodies: large immutable byte strings, staged as they arrive and read by range.

use std::{any::Any, fmt, sync::Arc};

use bytes::Bytes;

use crate::{AccountId, BoxFuture, StoreError};

/// Names a body for as long as anything holds it; says nothing of where it lies. Never given out twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyId(pub [u8; 16]);

impl fmt::Display for BodyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for BodyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyId({self})")
    }
}

/// How to begin a body.
#[derive(Clone, Copy, Debug, Default)]
pub struct StageOptions {
    /// The account that will hold it first: a backend may keep an account's bodies together.
    pub account: AccountId,
    /// The expected size in bytes, if the peer said so (SMTP SIZE, an IMAP literal); only a hint.
    pub size_hint: Option<u64>,
    /// Import and restore keep the ids of what they bring in; everybody else leaves this empty.
    pub id: Option<BodyId>,
}

/// Takes a body's bytes as they arrive. Dropping it before `finish` discards them.
pub trait BodyWriter: Send {
    /// Appends a chunk.
    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Ends the body. It is not durable yet: the first commit that holds it makes it so.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<StagedBody, StoreError>>;
}

/// A finished body that may go into one or several commits. While a copy of it lives, the body is not swept.
#[derive(Clone)]
pub struct StagedBody {
    /// Its id.
    pub id: BodyId,
    /// Its size in bytes, as written (before compression).
    pub size: u64,
    /// BLAKE3 over its bytes.
    pub digest: [u8; 32],
    /// The backend's own part; dropping the last copy lets an unheld body be swept.
    pub backing: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for StagedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagedBody")
            .field("id", &self.id)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Hands out a body's bytes in order.
pub trait BodyReader: Send {
    /// The next chunk, at most 64 KiB; `None` at the end of the range.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>>;

    /// How many bytes are still to come.
    fn remaining(&self) -> u64;
}

/// Reads all that is left, if it is at most `limit` bytes.
pub async fn read_to_end(reader: &mut dyn BodyReader, limit: u64) -> Result<Bytes, StoreError> {
    let size = reader.remaining();
    if size > limit {
        return Err(StoreError::TooLarge {
            what: "body",
            size,
            limit,
        });
    }
    let Some(first) = reader.next().await? else {
        return Ok(Bytes::new());
    };
    if first.len() as u64 >= size {
        return Ok(first);
    }
    let mut all = Vec::with_capacity(size as usize);
    all.extend_from_slice(&first);
    while let Some(chunk) = reader.next().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}
