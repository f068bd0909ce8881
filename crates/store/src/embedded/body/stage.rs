//! Staged bodies: written as they arrive, small ones into memory (they go into the log beside their commit), large
//! ones into a body segment of their own, which is synced when the body ends, before any commit can name it.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;

use crate::{BodyId, BodyWriter, BoxFuture, StageOptions, StagedBody, StoreError, disk::DiskFile};

use super::{
    super::{
        inner::Inner,
        record::{FileId, Place},
    },
    encoding::Encoder,
};

/// A staged body's encoded bytes.
pub(crate) struct Staged {
    pub(crate) id: BodyId,
    pub(crate) place: Place,
    /// The encoded form of a small body.
    pub(crate) inline: Option<Bytes>,
    /// Whether an accepted commit has placed it.
    pub(crate) placed: AtomicBool,
    store: Weak<Inner>,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(store) = self.store.upgrade() {
            store.staged.lock().remove(&self.id);
            if !self.placed.load(Ordering::Acquire)
                && let file @ FileId::Body(_) = self.place.file
            {
                store.discard_body_file(file);
            }
        }
    }
}

/// The writer behind [`crate::Store::stage_body`].
pub(crate) struct Writer {
    id: BodyId,
    encoder: Encoder,
    file: Option<OwnFile>,
    store: Arc<Inner>,
}

struct OwnFile {
    id: FileId,
    file: Arc<dyn DiskFile>,
    store: Arc<Inner>,
    /// Cleared once a [`Staged`] has taken over the file.
    abandoned: bool,
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        if self.abandoned {
            self.store.discard_body_file(self.id);
        }
    }
}

impl Writer {
    pub(crate) fn new(store: Arc<Inner>, options: &StageOptions) -> Result<Self, StoreError> {
        let id = match options.id {
            Some(id) => id,
            None => new_id()?,
        };
        Ok(Self {
            id,
            encoder: Encoder::new(id, options.size_hint.unwrap_or(0)),
            file: None,
            store,
        })
    }

    /// Writes what has been encoded to the body's own file, which is created first if it is not there.
    async fn spill(&mut self) -> Result<(), StoreError> {
        let (offset, data) = self.encoder.take();
        let store = Arc::clone(&self.store);
        let own = self.file.take();
        let own = blocking(move || {
            let own = match own {
                Some(own) => own,
                None => {
                    let id = FileId::Body(store.next_file());
                    let file = store.create_body_file(id)?;
                    OwnFile {
                        id,
                        file,
                        store: Arc::clone(&store),
                        abandoned: true,
                    }
                }
            };
            own.file
                .write_at(&data, offset)
                .map_err(|error| store.write_failed(&own.id.path(), &error))?;
            Ok(own)
        })
        .await?;
        self.file = Some(own);
        Ok(())
    }

    async fn end(mut self) -> Result<StagedBody, StoreError> {
        let finished = self.encoder.finish();
        let mut place = Place {
            size: finished.size,
            digest: finished.digest,
            file: FileId::Log(UNPLACED),
            offset: 0,
            len: finished.len,
        };
        let mut inline = None;
        if self.file.is_some() || self.encoder.pending() > self.store.settings.inline_limit {
            self.spill().await?;
            if let Some(mut own) = self.file.take() {
                let store = Arc::clone(&self.store);
                let own = blocking(move || {
                    store.sync_body_file(own.id, &*own.file)?;
                    own.abandoned = false;
                    Ok(own)
                })
                .await?;
                place.file = own.id;
            }
        } else {
            inline = Some(Bytes::from(self.encoder.take().1));
        }
        let staged = Arc::new(Staged {
            id: self.id,
            place,
            inline,
            placed: AtomicBool::new(false),
            store: Arc::downgrade(&self.store),
        });
        self.store
            .staged
            .lock()
            .insert(self.id, Arc::downgrade(&staged));
        Ok(StagedBody {
            id: self.id,
            size: finished.size,
            digest: finished.digest,
            backing: staged,
        })
    }
}

impl BodyWriter for Writer {
    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.encoder.write(&chunk);
            if self.encoder.pending() > self.store.settings.inline_limit {
                self.spill().await?;
            }
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<StagedBody, StoreError>> {
        Box::pin(self.end())
    }
}

/// The segment number of a place in the log that the log has not given out yet.
pub(crate) const UNPLACED: u64 = u64::MAX;

/// Runs disk work away from the tasks that must not wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(StoreError::Closed))
}

/// A new id: one random byte, which spreads bodies over the buckets, then the time, so that new bodies lie together in
/// the index, then random bits, so that no two are ever alike, whatever the clock does.
fn new_id() -> Result<BodyId, StoreError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| StoreError::Io {
        what: "random bytes".to_owned(),
        error: error.to_string(),
    })?;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64);
    id[1..8].copy_from_slice(&now.to_be_bytes()[1..]);
    Ok(BodyId(id))
}
