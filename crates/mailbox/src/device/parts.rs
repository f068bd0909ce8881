//! Values of any length in keys of bounded ones: the index takes values up to 4 KB.

use bytes::Bytes;
use fieldpost_store::{Commit, Scan};

use super::{DeviceId, SyncKey};
use crate::{Error, FolderId, Mailbox, keys, pages::Pages};

/// One generation as it lies in the store.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    /// The value of its first part, by which a commit knows that nobody wrote in between.
    pub(super) first: Option<Bytes>,
    /// Its bytes; empty: there is none.
    pub(super) bytes: Vec<u8>,
    parts: u16,
}

impl Mailbox {
    /// Both generations of a device's state of a folder.
    pub(super) async fn stored_generations(
        &self,
        device: &DeviceId,
        folder: FolderId,
    ) -> Result<[Stored; 2], Error> {
        let mut stored = [Stored::default(), Stored::default()];
        let prefix = keys::sync_state(device, folder);
        let behind = prefix.len();
        let mut pages = Pages::new(&*self.mailboxes.store, self.account(), Scan::prefix(prefix));
        while let Some((key, value)) = pages.next().await? {
            let Some(slot) = key
                .get(behind)
                .and_then(|slot| stored.get_mut(usize::from(*slot)))
            else {
                continue;
            };
            slot.bytes.extend_from_slice(&value);
            slot.parts = slot.parts.saturating_add(1);
            slot.first.get_or_insert(value);
        }
        Ok(stored)
    }
}

/// Of two generations the one that `key` names (`None`: the newest), its slot, and the newest one's counter.
pub(super) fn named<T>(
    generations: [Option<T>; 2],
    key: Option<SyncKey>,
    key_of: impl Fn(&T) -> SyncKey,
) -> Option<(u8, T, u64)> {
    let newest = generations
        .iter()
        .flatten()
        .map(|one| key_of(one).counter())
        .max()?;
    let (slot, one) = (0u8..).zip(generations).find_map(|(slot, one)| {
        let one = one?;
        let own = key_of(&one);
        let fits = match key {
            Some(key) => own == key,
            None => own.counter() == newest,
        };
        fits.then_some((slot, one))
    })?;
    Some((slot, one, newest))
}

/// Writes a generation over what lies in its slot.
pub(super) fn put(
    commit: &mut Commit,
    device: &DeviceId,
    folder: FolderId,
    slot: u8,
    bytes: &[u8],
    old: &Stored,
) {
    commit.require(
        keys::sync_state_part(device, folder, slot, 0),
        old.first.clone(),
    );
    let mut written = 0u16;
    for part in bytes.chunks(PART) {
        commit.put(
            keys::sync_state_part(device, folder, slot, written),
            Bytes::copy_from_slice(part),
        );
        written += 1;
    }
    for part in written..old.parts {
        commit.delete(keys::sync_state_part(device, folder, slot, part));
    }
}

impl Stored {
    /// What lies there once `bytes` are written.
    pub(super) fn written(bytes: Vec<u8>) -> Self {
        Self {
            first: Some(Bytes::copy_from_slice(&bytes[..bytes.len().min(PART)])),
            parts: bytes.len().div_ceil(PART) as u16,
            bytes,
        }
    }
}

const PART: usize = 3 * 1024;
