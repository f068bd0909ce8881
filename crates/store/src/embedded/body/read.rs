//! Reading bodies by range; every block is checked before a byte of it is handed out.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{BodyId, BodyReader, BoxFuture, StoreError, disk::DiskFile};

use super::{
    super::{
        inner::Inner,
        overlay::PendingPlace,
        record::{FileId, Place},
    },
    encoding::{FOOTER, HEADER, Layout, begins},
    stage::{Staged, UNPLACED, blocking},
};

/// Where the encoded bytes come from.
#[derive(Clone)]
pub(crate) enum Source {
    Memory(Bytes),
    File {
        file: Arc<dyn DiskFile>,
        offset: u64,
        len: u64,
    },
}

impl Source {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(data) => data.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    fn read(&self, range: Range<u64>) -> std::io::Result<Bytes> {
        match self {
            Self::Memory(data) if range.end <= data.len() as u64 => {
                Ok(data.slice(range.start as usize..range.end as usize))
            }
            Self::Memory(_) => Err(std::io::ErrorKind::UnexpectedEof.into()),
            Self::File { file, offset, .. } => {
                let mut data = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut data, offset + range.start)?;
                Ok(data.into())
            }
        }
    }
}

/// A body that has been found and whose trailer is good.
#[derive(Clone)]
pub(crate) struct Opened {
    id: BodyId,
    source: Source,
    layout: Arc<Layout>,
}

impl Opened {
    /// Finds a body. `Damaged` says that what lies at its place is not it.
    pub(crate) fn find(store: &Inner, id: BodyId) -> Result<Self, StoreError> {
        // A body that compaction moves between the look at its place and the opening of the file is looked up again.
        let mut last = StoreError::NoSuchBody(id);
        for _ in 0..3 {
            let found = match store.overlay.place(id) {
                Some(PendingPlace::Staged(staged)) => Self::of_staged(store, &staged),
                Some(PendingPlace::Gone) => return Err(StoreError::NoSuchBody(id)),
                Some(PendingPlace::Moved) | None => match store.indexed_place(id)? {
                    Some(place) => Self::at(store, id, &place),
                    None => {
                        let staged = store.staged.lock().get(&id).cloned();
                        match staged.and_then(|staged| staged.upgrade()) {
                            Some(staged) => Self::of_staged(store, &staged),
                            // Applied and forgotten between the two looks, or not there.
                            None => Err(StoreError::NoSuchBody(id)),
                        }
                    }
                },
            };
            match found {
                Ok(opened) => return Ok(opened),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The body at a place that is known.
    pub(crate) fn at(store: &Inner, id: BodyId, place: &Place) -> Result<Self, StoreError> {
        let file = store.files.open(&*store.disk, place.file)?;
        let source = Source::File {
            file,
            offset: place.offset,
            len: place.len,
        };
        let opened = Self::with(id, source).map_err(|what| StoreError::Damaged {
            what: format!(
                "body {id} in {} at {}: {what}",
                place.file.path(),
                place.offset
            ),
        })?;
        if opened.layout.digest != place.digest || opened.layout.size != place.size {
            return Err(StoreError::Damaged {
                what: format!("body {id}: another one lies at its place"),
            });
        }
        Ok(opened)
    }

    fn of_staged(store: &Inner, staged: &Arc<Staged>) -> Result<Self, StoreError> {
        match &staged.inline {
            Some(data) => Self::with(staged.id, Source::Memory(data.clone())).map_err(|what| {
                StoreError::Damaged {
                    what: format!("staged body {}: {what}", staged.id),
                }
            }),
            None if staged.place.file == FileId::Log(UNPLACED) => {
                Err(StoreError::NoSuchBody(staged.id))
            }
            None => Self::at(store, staged.id, &staged.place),
        }
    }

    fn with(id: BodyId, source: Source) -> Result<Self, String> {
        let io = |error: std::io::Error| error.to_string();
        let len = source.len();
        // A small body is read at once.
        let source = match source {
            Source::File { .. } if len <= SMALL => Source::Memory(source.read(0..len).map_err(io)?),
            other => other,
        };
        let footer = len.checked_sub(FOOTER as u64).ok_or("too short")?;
        let header = source.read(0..(HEADER as u64).min(len)).map_err(io)?;
        if !begins(id, &header) {
            return Err("it does not begin there".to_owned());
        }
        let trailer = Layout::trailer_len(&source.read(footer..len).map_err(io)?, len)?;
        let trailer = source.read(len - trailer..len).map_err(io)?;
        let layout = Layout::decode(id, &trailer, len)?;
        Ok(Self {
            id,
            source,
            layout: Arc::new(layout),
        })
    }

    pub(crate) fn size(&self) -> u64 {
        self.layout.size
    }

    /// The content of the block that holds `position`.
    pub(crate) fn block(&self, position: u64) -> Result<Bytes, StoreError> {
        let damaged = |what: String| StoreError::Damaged {
            what: format!("body {} at {position}: {what}", self.id),
        };
        let block = self
            .layout
            .block_at(position)
            .ok_or_else(|| damaged("no such block".to_owned()))?;
        let stored = self
            .source
            .read(block.offset..block.offset + u64::from(block.stored))
            .map_err(|error| damaged(error.to_string()))?;
        block
            .decode(stored)
            .map_err(|what| damaged(what.to_owned()))
    }

    /// The whole encoded form.
    pub(crate) fn encoded(&self) -> Result<Bytes, StoreError> {
        self.source
            .read(0..self.source.len())
            .map_err(|error| StoreError::Damaged {
                what: format!("body {}: {error}", self.id),
            })
    }

    /// Reads everything and checks the digest.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let mut hasher = blake3::Hasher::new();
        let mut position = 0;
        while position < self.size() {
            let block = self.block(position)?;
            hasher.update(&block);
            position += block.len() as u64;
        }
        if *hasher.finalize().as_bytes() == self.layout.digest {
            Ok(())
        } else {
            Err(StoreError::Damaged {
                what: format!("body {}: its digest is another one", self.id),
            })
        }
    }
}

/// The reader behind [`crate::Store::body`].
pub(crate) struct Reader {
    opened: Opened,
    position: u64,
    end: u64,
}

impl Reader {
    pub(crate) fn new(opened: Opened, range: Range<u64>) -> Self {
        let end = range.end.min(opened.size());
        Self {
            position: range.start.min(end),
            end,
            opened,
        }
    }
}

impl BodyReader for Reader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, StoreError>> {
        Box::pin(async move {
            if self.position >= self.end {
                return Ok(None);
            }
            let position = self.position;
            let block = match &self.opened.source {
                // Nothing to wait for.
                Source::Memory(_) => self.opened.block(position)?,
                Source::File { .. } => {
                    let opened = self.opened.clone();
                    blocking(move || opened.block(position)).await?
                }
            };
            let start = (position % super::encoding::BLOCK as u64) as usize;
            let count = (block.len().saturating_sub(start) as u64).min(self.end - position);
            if count == 0 {
                return Err(StoreError::Damaged {
                    what: format!("body {}: a block is too short", self.opened.id),
                });
            }
            self.position += count;
            Ok(Some(block.slice(start..start + count as usize)))
        })
    }

    fn remaining(&self) -> u64 {
        self.end - self.position
    }
}

const SMALL: u64 = 128 * 1024;
