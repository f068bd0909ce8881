//! What changed since: rows by their mod_seq, and tombstones of what left.
//!
//! The work is that of the changes, never of the folder's size: chunks of the array that hold nothing newer are skipped,
//! a folder that is not in memory is not loaded while its change keys reach back far enough, and tombstones lie in
//! the order of their mod_seq.

use std::collections::BTreeMap;

use bytes::Bytes;
use fieldpost_store::{Scan, Store};

use crate::{
    EntryId, Error, Folder, FolderId, Mailbox, Row,
    account::Account,
    error::Malformed,
    index::{block::MAX_BLOCK, load},
    keys,
    pages::Pages,
    record::{Reader, Writer},
};

/// An item that left its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its uid there.
    pub uid: u32,
    /// Its entry there.
    pub entry: EntryId,
    /// When it left.
    pub mod_seq: u64,
    /// Its window date.
    pub window_date: i64,
}

/// What changed in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// All changes up to this mod_seq are told; ask from here next time.
    pub up_to: u64,
    /// The rows that are new or changed, in uid order.
    pub changed: Vec<Row>,
    /// What left, oldest first. May name items that came only after the mod_seq asked for.
    pub gone: Vec<Gone>,
}

/// An answer to "what changed since".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangesSince {
    /// All of it.
    Known(Changes),
    /// What left before `floor` is forgotten, or the account was restored since: compare with the whole view.
    TooOld {
        /// The oldest mod_seq that can be asked for.
        floor: u64,
    },
}

/// What changed in the list of folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HierarchySince {
    /// All of it.
    Known {
        /// All changes up to this mod_seq are told.
        up_to: u64,
        /// Folders that are new, or whose name, parent or subscription changed.
        changed: Vec<std::sync::Arc<Folder>>,
        /// Folders that were deleted.
        gone: Vec<FolderId>,
    },
    /// Compare with the whole list.
    TooOld {
        /// The oldest mod_seq that can be asked for.
        floor: u64,
    },
}

impl Mailbox {
    /// What changed in `folder` after mod_seq `since`.
    pub async fn changes(&self, folder: FolderId, since: u64) -> Result<ChangesSince, Error> {
        let record = self.shown(|state| state.folder(folder).cloned()).await?;
        if since < record.floor {
            return Ok(ChangesSince::TooOld {
                floor: record.floor,
            });
        }
        if since >= record.highest_mod_seq {
            return Ok(ChangesSince::Known(Changes {
                up_to: since,
                ..Changes::default()
            }));
        }
        let is_loaded = self
            .shown(|state| Ok(state.indexes.contains_key(&folder)))
            .await?;
        if !is_loaded
            && since >= record.folded_to
            && let Some(changes) = self.changes_by_key(&record, since).await?
        {
            return Ok(ChangesSince::Known(changes));
        }
        let view = self.view(folder).await?;
        let store = &*self.mailboxes.store;
        let mut gone = gone_since(store, &self.account, folder, since).await?;
        gone.retain(|gone| gone.mod_seq <= view.highest_mod_seq);
        // A purge may have run while the tombstones were read.
        let floor = self.shown(|state| Ok(state.folder(folder)?.floor)).await?;
        if since < floor {
            return Ok(ChangesSince::TooOld { floor });
        }
        Ok(ChangesSince::Known(Changes {
            up_to: view.highest_mod_seq,
            changed: view.changed_since(since).copied().collect(),
            gone,
        }))
    }

    /// What changed in the list of folders after mod_seq `since`: names, parents, subscriptions, deletions.
    pub async fn hierarchy_changes(&self, since: u64) -> Result<HierarchySince, Error> {
        let (floor, up_to, changed) = self
            .shown(|state| {
                let changed = state.visible().filter(|folder| folder.changed > since);
                Ok((
                    state.head.hierarchy_floor,
                    state.head.mod_seq,
                    changed.cloned().collect(),
                ))
            })
            .await?;
        if since < floor {
            return Ok(HierarchySince::TooOld { floor });
        }
        let mut scan = Scan::prefix(vec![keys::FOLDER_TOMBSTONES]);
        scan.start = keys::folder_tombstone(since.saturating_add(1), FolderId(0));
        let mut pages = Pages::new(&*self.mailboxes.store, self.account.id, scan);
        let mut gone = Vec::new();
        while let Some((key, _)) = pages.next().await? {
            if let (Some(mod_seq), Some(folder)) = (keys::number(&key, 1), keys::number(&key, 9))
                && mod_seq <= up_to
            {
                gone.push(FolderId(folder));
            }
        }
        Ok(HierarchySince::Known {
            up_to,
            changed,
            gone,
        })
    }

    /// The answer from the change keys alone; `None` if they were folded meanwhile.
    async fn changes_by_key(&self, asked: &Folder, since: u64) -> Result<Option<Changes>, Error> {
        let store = &*self.mailboxes.store;
        let (changes, seen) = {
            let _writer = self.account.writer.lock().await;
            self.mailboxes.load(&self.account).await?;
            let (record, seen) = {
                let cached = self.account.cached.lock();
                let Some(state) = &cached.state else {
                    return Ok(None);
                };
                (state.folder(asked.id)?.clone(), cached.seen())
            };
            if since < record.folded_to || since < record.floor {
                return Ok(None);
            }
            let mut changed: BTreeMap<u32, Row> =
                load::changed_since(store, &self.account, record.id, since).await?;
            let gone = gone_since(store, &self.account, record.id, since).await?;
            for gone in &gone {
                changed.remove(&gone.uid);
            }
            let changes = Changes {
                up_to: record.highest_mod_seq,
                changed: changed.into_values().collect(),
                gone,
            };
            (changes, seen)
        };
        // Otherwise they are read another way, from what is so now.
        Ok(self.account.durable(seen).await.then_some(changes))
    }
}

/// What left a folder after mod_seq `since`, oldest first.
pub(crate) async fn gone_since(
    store: &dyn Store,
    account: &Account,
    folder: FolderId,
    since: u64,
) -> Result<Vec<Gone>, Error> {
    let mut scan = Scan::prefix(keys::folder_prefix(keys::TOMBSTONES, folder));
    scan.start = keys::tombstone(folder, since.saturating_add(1), 0);
    let mut pages = Pages::new(store, account.id, scan);
    let mut all = Vec::new();
    while let Some((key, value)) = pages.next().await? {
        let mod_seq = keys::mod_seq_of(&key).unwrap_or_default();
        match unpack(&value, mod_seq) {
            Ok((_, gone)) => all.extend(gone),
            Err(wrong) => {
                tracing::error!(account = %account.id, %folder, mod_seq, %wrong, "damaged tombstones");
            }
        }
    }
    Ok(all)
}

/// Packs rows that leave at time `now` into as few values as they need.
pub(crate) fn pack(gone: &[Row], now: i64) -> Vec<Bytes> {
    gone.chunks(MAX_BLOCK / LARGEST)
        .map(|rows| {
            let mut writer = Writer::with_capacity(16 + rows.len() * 8);
            writer.byte(VERSION);
            writer.signed(now);
            writer.number(rows.len() as u64);
            let (mut uid, mut entry, mut date) = (0u32, 0u64, 0i64);
            for row in rows {
                writer.number(u64::from(row.uid.wrapping_sub(uid)));
                writer.signed(row.entry.0.wrapping_sub(entry) as i64);
                writer.signed(row.window_date.wrapping_sub(date));
                (uid, entry, date) = (row.uid, row.entry.0, row.window_date);
            }
            Bytes::from(writer.0)
        })
        .collect()
}

/// Reads what [`pack`] wrote: when it happened, and what left.
pub(crate) fn unpack(bytes: &[u8], mod_seq: u64) -> Result<(i64, Vec<Gone>), Malformed> {
    let mut reader = Reader(bytes);
    reader.version(VERSION)?;
    let time = reader.signed()?;
    let count = usize::try_from(reader.number()?).map_err(|_| Malformed::Range)?;
    let mut all = Vec::with_capacity(count.min(bytes.len() / 3));
    let (mut uid, mut entry, mut date) = (0u32, 0u64, 0i64);
    for _ in 0..count {
        uid = uid
            .checked_add(reader.number32()?)
            .ok_or(Malformed::Range)?;
        entry = entry.wrapping_add(reader.signed()? as u64);
        date = date.wrapping_add(reader.signed()?);
        all.push(Gone {
            uid,
            entry: EntryId(entry),
            mod_seq,
            window_date: date,
        });
    }
    reader.end()?;
    Ok((time, all))
}

const VERSION: u8 = 1;

/// The most bytes one tombstone takes.
const LARGEST: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::block::tests::row;

    #[test]
    fn tombstones_come_back_in_values_of_bounded_size() {
        let mut rows: Vec<_> = (1..1000).map(|uid| row(uid * 3)).collect();
        rows[7].window_date = i64::MIN;
        rows[8].window_date = i64::MAX;
        rows[9].entry = EntryId(u64::MAX);
        let packed = pack(&rows, -3);
        let mut back = Vec::new();
        for value in &packed {
            assert!(value.len() <= MAX_BLOCK);
            let (time, gone) = unpack(value, 11).unwrap();
            assert_eq!(time, -3);
            back.extend(gone);
            for cut in 0..value.len().min(200) {
                assert!(unpack(&value[..cut], 11).is_err());
            }
        }
        let expected: Vec<_> = rows
            .iter()
            .map(|row| Gone {
                uid: row.uid,
                entry: row.entry,
                mod_seq: 11,
                window_date: row.window_date,
            })
            .collect();
        assert_eq!(back, expected);
        assert!(pack(&[], 0).is_empty());
    }
}
