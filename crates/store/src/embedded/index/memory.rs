//! An index in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::RwLock;

use super::{Index, IndexBatch, IndexResult};

/// A map; gone with the process.
#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    pairs: RwLock<BTreeMap<Bytes, Bytes>>,
}

impl Index for MemoryIndex {
    fn get(&self, key: &[u8]) -> IndexResult<Option<Bytes>> {
        Ok(self.pairs.read().get(key).cloned())
    }

    fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> IndexResult<()> {
        if start >= end {
            return Ok(());
        }
        let pairs = self.pairs.read();
        let range = pairs.range::<[u8], _>((
            std::ops::Bound::Included(start),
            std::ops::Bound::Excluded(end),
        ));
        if reverse {
            range.rev().any(|(key, value)| !visit(key, value));
        } else {
            let mut range = range;
            range.any(|(key, value)| !visit(key, value));
        }
        Ok(())
    }

    fn apply(&self, batch: IndexBatch) -> IndexResult<()> {
        let mut pairs = self.pairs.write();
        for (key, value) in batch.changes {
            // Slices of a log buffer would keep all of it alive.
            match value {
                Some(value) => {
                    pairs.insert(Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value))
                }
                None => pairs.remove(&key),
            };
        }
        pairs.extend(batch.seal);
        Ok(())
    }

    fn sync(&self) -> IndexResult<()> {
        Ok(())
    }

    fn size(&self) -> u64 {
        0
    }
}
