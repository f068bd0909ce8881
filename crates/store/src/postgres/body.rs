//! Bodies in chunks.

use std::{ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};
use deadpool_postgres::Pool;

use super::{schema, signed, unavailable};
use crate::{BodyId, BodyReader, BodyWriter, BoxFuture, StageOptions, StagedBody, StoreError};

const CHUNK: usize = 64 * 1024;

/// Writes each chunk as it fills. A body that is given up leaves chunks that the sweep finds.
pub(super) struct Writer {
    pool: Pool,
    id: BodyId,
    buffer: BytesMut,
    chunks: i64,
    size: u64,
    hasher: blake3::Hasher,
}

impl Writer {
    pub(super) fn begin(pool: Pool, options: StageOptions) -> Result<Self, StoreError> {
        let id = match options.id {
            Some(id) => id,
            None => fresh_id()?,
        };
        Ok(Self {
            pool,
            id,
            buffer: BytesMut::new(),
            chunks: 0,
            size: 0,
            hasher: blake3::Hasher::new(),
        })
    }

    async fn put(&mut self, size: usize) -> Result<(), StoreError> {
        let data = self.buffer.split_to(size);
        let client = self.pool.get().await.map_err(unavailable)?;
        let values: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
            &[&&self.id.0[..], &self.chunks, &&data[..]];
        client
            .execute(schema::PUT_CHUNK, values)
            .await
            .map_err(unavailable)?;
        self.chunks += 1;
        Ok(())
    }
}

impl BodyWriter for Writer {
    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.size += chunk.len() as u64;
            self.hasher.update(&chunk);
            self.buffer.extend_from_slice(&chunk);
            while self.buffer.len() >= CHUNK {
                self.put(CHUNK).await?;
            }
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<StagedBody, StoreError>> {
        Box::pin(async move {
            if !self.buffer.is_empty() {
                self.put(self.buffer.len()).await?;
            }
            let digest = *self.hasher.finalize().as_bytes();
            let client = self.pool.get().await.map_err(unavailable)?;
            let (id, size) = (&self.id.0[..], signed(self.size));
            client
                .execute(schema::PUT_BODY, &[&id, &size, &&digest[..]])
                .await
                .map_err(unavailable)?;
            Ok(StagedBody {
                id: self.id,
                size: self.size,
                digest,
                backing: Arc::new(()),
            })
        })
    }
}

/// Fetches one chunk at a time.
pub(super) struct Reader {
    pool: Pool,
    id: BodyId,
    range: Range<u64>,
}

impl Reader {
    pub(super) fn new(pool: Pool, id: BodyId, range: Range<u64>) -> Self {
        Self { pool, id, range }
    }
}

impl BodyReader for Reader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move {
            if self.range.is_empty() {
                return Ok(None);
            }
            let (number, skip) = (
                self.range.start / CHUNK as u64,
                (self.range.start % CHUNK as u64) as usize,
            );
            let client = self.pool.get().await.map_err(unavailable)?;
            let chunk = client
                .prepare_cached(schema::CHUNK)
                .await
                .map_err(unavailable)?;
            let row = client
                .query_opt(&chunk, &[&&self.id.0[..], &signed(number)])
                .await
                .map_err(unavailable)?;
            let damaged = || StoreError::Damaged {
                what: format!("chunk {number} of body {}", self.id),
            };
            let row = row.ok_or_else(damaged)?;
            let data: &[u8] = row.get(0);
            let end = data
                .len()
                .min(skip + self.remaining().min(CHUNK as u64) as usize);
            let part = data
                .get(skip..end)
                .filter(|part| !part.is_empty())
                .ok_or_else(damaged)?;
            self.range.start += part.len() as u64;
            Ok(Some(Bytes::copy_from_slice(part)))
        })
    }

    fn remaining(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }
}

fn fresh_id() -> Result<BodyId, StoreError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| StoreError::Io {
        what: "random numbers".into(),
        error: error.to_string(),
    })?;
    Ok(BodyId(id))
}
