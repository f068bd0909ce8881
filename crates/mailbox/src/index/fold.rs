//! Folding: takes the rows of many small change keys into the folder's blocks.

use std::collections::BTreeMap;

use bytes::Bytes;
use fieldpost_store::{Commit, Scan, Store};

use super::{block, row::Row};
use crate::{Error, Folder, account::Account, change_log, keys, pages::Pages};

/// From how many pending rows on a commit folds them. More in a large folder, so that each block that is rewritten
/// takes several rows; bounded, so that reading a folder and any one commit stay quick.
pub(crate) fn threshold(folder: &Folder) -> u32 {
    (folder.counters.exists / 64).clamp(64, 1024)
}

/// Adds to `commit` what folds everything up to `mod_seq` into `folder`'s blocks: the change keys in the store, the
/// newer tombstones there, and this commit's own rows `put` and uids `gone`, which then need no change key.
pub(crate) async fn fold(
    store: &dyn Store,
    account: &Account,
    folder: &mut Folder,
    put: &[Row],
    gone: &[Row],
    mod_seq: u64,
    commit: &mut Commit,
) -> Result<(), Error> {
    let mut touched: BTreeMap<u32, Option<Row>> = BTreeMap::new();
    let mut pages = Pages::new(
        store,
        account.id,
        Scan::prefix(keys::folder_prefix(keys::CHANGES, folder.id)),
    );
    while let Some((key, value)) = pages.next().await? {
        match block::unpack(&value) {
            Ok(block) => {
                touched.extend(block.rows.into_iter().map(|row| (row.uid, Some(row))));
                commit.delete(key);
            }
            // Left where it is for fsck to find.
            Err(wrong) => {
                tracing::error!(account = %account.id, folder = %folder.id, mod_seq = ?keys::mod_seq_of(&key), %wrong, "damaged change key");
            }
        }
    }
    touched.extend(put.iter().map(|row| (row.uid, Some(*row))));
    let left = change_log::gone_since(store, account, folder.id, folder.folded_to).await?;
    touched.extend(left.iter().map(|gone| (gone.uid, None)));
    touched.extend(gone.iter().map(|row| (row.uid, None)));
    into_blocks(store, account, folder, touched, mod_seq, commit).await?;
    folder.folded_to = mod_seq;
    folder.pending = 0;
    Ok(())
}

async fn into_blocks(
    store: &dyn Store,
    account: &Account,
    folder: &Folder,
    touched: BTreeMap<u32, Option<Row>>,
    mod_seq: u64,
    commit: &mut Commit,
) -> Result<(), Error> {
    let blocks = Scan::prefix(keys::folder_prefix(keys::BLOCKS, folder.id));
    let mut touched = touched.into_iter().peekable();
    while let Some((uid, _)) = touched.peek() {
        // The block that covers the uid, and where the next one begins.
        let mut until = blocks.clone();
        until.end = Some(keys::behind(&keys::block(folder.id, *uid)));
        let covering = store
            .scan(account.id, until.reversed().limit(1))
            .await?
            .pop();
        let mut from = blocks.clone();
        from.start = keys::behind(&keys::block(folder.id, *uid));
        let next = store.scan(account.id, from.limit(1)).await?.pop();
        let end = next
            .and_then(|(key, _)| keys::uid_of(&key))
            .unwrap_or(u32::MAX);
        let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
        let mut old: Option<Bytes> = None;
        if let Some((key, value)) = covering {
            match block::unpack(&value) {
                Ok(block) => {
                    rows.extend(block.rows.into_iter().map(|row| (row.uid, row)));
                    old = Some(key);
                }
                Err(wrong) => {
                    tracing::error!(account = %account.id, folder = %folder.id, %wrong, "damaged block of the folder index");
                }
            }
        }
        while let Some((uid, row)) = touched.next_if(|(uid, _)| *uid < end || end == u32::MAX) {
            match row {
                Some(row) => drop(rows.insert(uid, row)),
                None => drop(rows.remove(&uid)),
            }
        }
        let packed = block::pack(rows.values(), mod_seq);
        if let Some(old) = old
            && packed
                .first()
                .is_none_or(|(first, _)| keys::block(folder.id, *first) != old)
        {
            commit.delete(old);
        }
        for (first, value) in packed {
            commit.put(keys::block(folder.id, first), value);
        }
    }
    Ok(())
}
