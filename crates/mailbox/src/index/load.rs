//! Reads a folder's rows: its blocks, the newer change keys, less the newer tombstones.

use std::collections::BTreeMap;

use fieldpost_store::{Scan, Store};

use super::{block, row::Row};
use crate::{Error, Folder, FolderId, account::Account, change_log, keys, pages::Pages};

/// All rows of a folder in uid order. A damaged value costs the rows in it, and is logged.
pub(crate) async fn rows(
    store: &dyn Store,
    account: &Account,
    folder: &Folder,
) -> Result<Vec<Row>, Error> {
    let mut rows: Vec<Row> = Vec::with_capacity(folder.counters.exists.min(1 << 20) as usize);
    let mut pages = Pages::new(
        store,
        account.id,
        Scan::prefix(keys::folder_prefix(keys::BLOCKS, folder.id)),
    );
    while let Some((key, value)) = pages.next().await? {
        match block::unpack(&value) {
            Ok(block) => rows.extend(block.rows),
            Err(wrong) => {
                tracing::error!(account = %account.id, folder = %folder.id, uid = ?keys::uid_of(&key), %wrong, "damaged block of the folder index");
            }
        }
    }
    let changed = changed_since(store, account, folder.id, folder.folded_to).await?;
    let gone: Vec<u32> = change_log::gone_since(store, account, folder.id, folder.folded_to)
        .await?
        .into_iter()
        .map(|gone| gone.uid)
        .collect();
    Ok(merge(rows, changed, gone))
}

/// The newest rows from the change keys behind `since`, by uid; those of items that left meanwhile included.
pub(crate) async fn changed_since(
    store: &dyn Store,
    account: &Account,
    folder: FolderId,
    since: u64,
) -> Result<BTreeMap<u32, Row>, Error> {
    let mut changed = BTreeMap::new();
    let mut scan = Scan::prefix(keys::folder_prefix(keys::CHANGES, folder));
    scan.start = keys::change(folder, since.saturating_add(1), 0);
    let mut pages = Pages::new(store, account.id, scan);
    while let Some((key, value)) = pages.next().await? {
        match block::unpack(&value) {
            Ok(block) => changed.extend(block.rows.into_iter().map(|row| (row.uid, row))),
            Err(wrong) => {
                tracing::error!(account = %account.id, %folder, mod_seq = ?keys::mod_seq_of(&key), %wrong, "damaged change key");
            }
        }
    }
    Ok(changed)
}

fn merge(mut rows: Vec<Row>, changed: BTreeMap<u32, Row>, mut gone: Vec<u32>) -> Vec<Row> {
    if !rows.is_sorted_by(|one, next| one.uid < next.uid) {
        // Only after damage: the newest of each uid stands.
        rows.sort_unstable_by_key(|row| (row.uid, row.mod_seq));
        rows.reverse();
        rows.dedup_by_key(|row| row.uid);
        rows.reverse();
    }
    for (uid, row) in changed {
        match rows.last() {
            Some(last) if last.uid >= uid => match rows.binary_search_by_key(&uid, |row| row.uid) {
                Ok(position) => rows[position] = row,
                Err(position) => rows.insert(position, row),
            },
            Some(_) | None => rows.push(row),
        }
    }
    if !gone.is_empty() {
        gone.sort_unstable();
        rows.retain(|row| gone.binary_search(&row.uid).is_err());
    }
    rows
}
