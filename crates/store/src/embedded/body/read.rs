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
    /// A file, as far as it is in memory: all other reads fail.
    Cached {
        file: Arc<dyn DiskFile>,
        offset: u64,
        len: u64,
    },
}

impl Source {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(data) => data.len() as u64,
            Self::File { len, .. } | Self::Cached { len, .. } => *len,
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
            Self::Cached { file, offset, .. } => {
                let mut data = vec![0; (range.end - range.start) as usize];
                if file.read_cached_at(&mut data, offset + range.start) {
                    Ok(data.into())
                } else {
                    Err(std::io::ErrorKind::WouldBlock.into())
                }
            }
        }
    }

    /// The same bytes without waiting for the disk.
    fn cached(&self) -> Self {
        match self.clone() {
            Self::File { file, offset, len } => Self::Cached { file, offset, len },
            other => other,
        }
    }

    /// The same bytes, whatever it takes.
    fn patient(self) -> Self {
        match self {
            Self::Cached { file, offset, len } => Self::File { file, offset, len },
            other => other,
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

    /// Finds a body if that needs no wait for the disk. `None` says nothing: whoever asks [`Self::find`] next learns what the
    /// matter is.
    pub(crate) fn find_now(store: &Inner, id: BodyId) -> Option<Self> {
        let place = match store.overlay.place(id) {
            Some(PendingPlace::Staged(staged)) if staged.inline.is_some() => {
                return Self::of_staged(store, &staged).ok();
            }
            Some(PendingPlace::Staged(_) | PendingPlace::Gone) => return None,
            Some(PendingPlace::Moved) | None => store.indexed_place(id).ok()??,
        };
        let source = Source::Cached {
            file: store.files.opened(place.file)?,
            offset: place.offset,
            len: place.len,
        };
        let mut opened = Self::with(id, source).ok()?;
        if opened.layout.digest != place.digest || opened.layout.size != place.size {
            return None;
        }
        opened.source = opened.source.patient();
        Some(opened)
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
            Source::File { .. } | Source::Cached { .. } if len <= SMALL => {
                Source::Memory(source.read(0..len).map_err(io)?)
            }
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

    /// The same, if that needs no wait for the disk.
    fn block_now(&self, position: u64) -> Option<Bytes> {
        let now = Self {
            source: self.source.cached(),
            ..self.clone()
        };
        now.block(position).ok()
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
                Source::File { .. } | Source::Cached { .. } => {
                    match self.opened.block_now(position) {
                        Some(block) => block,
                        None => {
                            let opened = self.opened.clone();
                            blocking(move || opened.block(position)).await?
                        }
                    }
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
