//! Finding and mending what does not fit together in an account: fsck's view of the mailbox.
//!
//! Counters and quota can be counted anew. A row without its item's record is taken out (with a tombstone, so that clients
//! hear of it); an item without a row gets one, without flags; a value that does not parse is taken out and costs what
//! only it knew. Everything else stays as it is.

mod holds;
mod problem;
mod repair;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use fieldpost_store::{AccountId, BodyId, Scan, StoreError};

use crate::{
    Counters, Error, Facts, Flags, Folder, FolderId, Mailbox, Mailboxes, Row, change_log,
    error::Malformed,
    index::{block, load},
    item::record::ItemRecord,
    keys,
    outbox::OutgoingRecord,
    pages::Pages,
    quota::Quota,
};

pub use problem::Problem;

/// How much a check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Records only.
    Records,
    /// The first byte of every body too: whether the store still has it.
    Bodies,
}

impl Mailbox {
    /// Checks the account. It can't change meanwhile.
    pub async fn check(&self, depth: Depth) -> Result<Vec<Problem>, Error> {
        let _writer = self.account.writer.lock().await;
        // What the disk says counts, not what is in memory.
        self.account.cached.lock().state = None;
        self.mailboxes.load(&self.account).await?;
        let (folders, head) = {
            let cached = self.account.cached.lock();
            let Some(state) = &cached.state else {
                return Err(Error::Busy(self.account()));
            };
            (state.folders.clone(), state.head.clone())
        };
        let mut found = Found::default();
        self.check_folder_records(&folders, &mut found).await?;
        for folder in folders.values() {
            self.check_folder(folder, depth, &mut found).await?;
        }
        self.check_outbox(&mut found).await?;
        found.counter("next_entry", "the account", head.next_entry, found.entry, 1);
        found.counter(
            "next_content",
            "the account",
            head.next_content,
            found.content,
            1,
        );
        found.counter("mod_seq", "the account", head.mod_seq, found.mod_seq, 0);
        let (counted, actual) = (
            (head.quota.used_bytes, head.quota.used_items),
            (found.quota.used_bytes, found.quota.used_items),
        );
        if counted != actual {
            found.problems.push(Problem::Quota { counted, actual });
        }
        Ok(found.problems)
    }

    async fn check_folder_records(
        &self,
        folders: &BTreeMap<FolderId, Arc<Folder>>,
        found: &mut Found,
    ) -> Result<(), Error> {
        for folder in folders.values().filter(|folder| !folder.doomed) {
            if let Some(parent) = folder.parent
                && folders.get(&parent).is_none_or(|parent| parent.doomed)
            {
                found.problems.push(Problem::NoParent {
                    folder: folder.id,
                    parent,
                });
            }
        }
        let mut pages = self.pages(Scan::prefix(vec![keys::FOLDERS]));
        while let Some((key, value)) = pages.next().await? {
            if let Err(wrong) = Folder::decode(&value) {
                found.malformed(
                    &format!("record of folder {:?}", keys::folder_of(&key)),
                    &wrong,
                );
            }
        }
        for folder in self.strays(folders.keys().copied().collect()).await? {
            found.problems.push(Problem::NoFolder { folder });
        }
        Ok(())
    }

    async fn check_outbox(&self, found: &mut Found) -> Result<(), Error> {
        let mut pages = self.pages(Scan::prefix(vec![keys::OUTBOX]));
        while let Some((key, value)) = pages.next().await? {
            let (id, recipient) = keys::of_outgoing(&key).unwrap_or_default();
            if recipient.is_none() {
                found.entry = found.entry.max(id.0);
                if let Err(wrong) = OutgoingRecord::decode(&value) {
                    found.malformed(&format!("entry {id} of the outbox"), &wrong);
                }
            }
        }
        Ok(())
    }

    async fn check_folder(
        &self,
        folder: &Folder,
        depth: Depth,
        found: &mut Found,
    ) -> Result<(), Error> {
        let values = self.read_folder(folder, found).await?;
        if folder.doomed {
            return Ok(());
        }
        let mut actual = Counters::default();
        let (mut last_uid, mut newest) = (0, 0);
        for (uid, row) in &values.rows {
            add(&mut actual, row);
            (last_uid, newest) = (*uid, newest.max(row.mod_seq));
            match values.items.get(uid) {
                None => found.problems.push(Problem::NoRecord {
                    folder: folder.id,
                    uid: *uid,
                }),
                Some(item) if !agree(row, item) => found.problems.push(Problem::Differ {
                    folder: folder.id,
                    uid: *uid,
                }),
                Some(item) if depth == Depth::Bodies => {
                    self.check_body(folder.id, *uid, item, found).await?;
                }
                Some(_) => {}
            }
        }
        for uid in values
            .items
            .keys()
            .filter(|uid| !values.rows.contains_key(uid))
        {
            found.problems.push(Problem::NoRow {
                folder: folder.id,
                uid: *uid,
            });
        }
        if actual != folder.counters {
            found.problems.push(Problem::Counters {
                folder: folder.id,
                counted: folder.counters,
                actual,
            });
        }
        let place = format!("folder {}", folder.id);
        let last_uid = values
            .items
            .keys()
            .last()
            .copied()
            .unwrap_or(0)
            .max(last_uid);
        found.counter(
            "uid_next",
            &place,
            u64::from(folder.uid_next),
            u64::from(last_uid),
            1,
        );
        found.counter("highest_mod_seq", &place, folder.highest_mod_seq, newest, 0);
        found.mod_seq = found
            .mod_seq
            .max(folder.highest_mod_seq)
            .max(folder.changed);
        Ok(())
    }

    async fn check_body(
        &self,
        folder: FolderId,
        uid: u32,
        item: &ItemRecord,
        found: &mut Found,
    ) -> Result<(), Error> {
        let first = 0..item.body_size.min(1);
        let read = async {
            let mut reader = self.mailboxes.store.body(item.body, first).await?;
            reader.next().await
        };
        match read.await {
            Ok(first) if first.is_some() || item.body_size == 0 => {}
            Ok(_) => found.no_body(folder, uid, item.body, "it is empty"),
            Err(error @ (StoreError::NoSuchBody(_) | StoreError::Damaged { .. })) => {
                found.no_body(folder, uid, item.body, &error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Reads all of a folder's values, noting those that do not parse.
    async fn read_folder(&self, folder: &Folder, found: &mut Found) -> Result<Values, Error> {
        let mut values = Values::default();
        for table in [keys::BLOCKS, keys::CHANGES, keys::TOMBSTONES] {
            let mut pages = self.pages(Scan::prefix(keys::folder_prefix(table, folder.id)));
            while let Some((key, value)) = pages.next().await? {
                let mod_seq = keys::mod_seq_of(&key).unwrap_or_default();
                let (name, wrong) = if table == keys::TOMBSTONES {
                    ("tombstones", change_log::unpack(&value, mod_seq).err())
                } else if table == keys::BLOCKS {
                    let wrong = match block::unpack(&value) {
                        Ok(block) if block.folded_to > folder.folded_to => Some(Malformed::Order),
                        Ok(_) => None,
                        Err(wrong) => Some(wrong),
                    };
                    ("block", wrong)
                } else {
                    ("changes", block::unpack(&value).err())
                };
                if let Some(wrong) = wrong {
                    found.malformed(
                        &format!("{name} of folder {} at {mod_seq}", folder.id),
                        &wrong,
                    );
                    if table == keys::TOMBSTONES {
                        values.forgotten = mod_seq;
                    }
                    values.bad.push(key);
                }
            }
        }
        let rows = load::rows(&*self.mailboxes.store, &self.account, folder).await?;
        values.rows = rows.into_iter().map(|row| (row.uid, row)).collect();
        let mut pages = self.pages(Scan::prefix(keys::folder_prefix(keys::ITEMS, folder.id)));
        while let Some((key, value)) = pages.next().await? {
            let uid = keys::uid_of(&key).unwrap_or_default();
            match ItemRecord::decode(&value) {
                Ok(item) => {
                    found.quota.add(item.size());
                    found.entry = found.entry.max(item.entry.0);
                    found.content = found.content.max(item.content.0);
                    values.items.insert(uid, item);
                }
                Err(wrong) => {
                    found.malformed(&format!("record of item {}:{uid}", folder.id), &wrong);
                    values.bad.push(key);
                }
            }
        }
        Ok(values)
    }

    /// Folders that are not there but have records.
    async fn strays(&self, known: BTreeSet<FolderId>) -> Result<BTreeSet<FolderId>, Error> {
        let mut strays = BTreeSet::new();
        for table in [keys::BLOCKS, keys::CHANGES, keys::TOMBSTONES, keys::ITEMS] {
            let mut next = Some(FolderId(0));
            while let Some(from) = next {
                let mut scan = Scan::prefix(vec![table]);
                scan.start = keys::folder_prefix(table, from);
                let first = self
                    .mailboxes
                    .store
                    .scan(self.account(), scan.limit(1))
                    .await?;
                let Some(folder) = first.first().and_then(|(key, _)| keys::folder_of(key)) else {
                    break;
                };
                if !known.contains(&folder) {
                    strays.insert(folder);
                }
                next = folder.0.checked_add(1).map(FolderId);
            }
        }
        Ok(strays)
    }

    fn pages(&self, scan: Scan) -> Pages<'_> {
        Pages::new(&*self.mailboxes.store, self.account(), scan)
    }
}

impl Mailboxes {
    /// Checks every account; what was found in each. One whose state can't be read at all counts as one problem.
    pub async fn check_all(
        self: &Arc<Self>,
        depth: Depth,
    ) -> Result<Vec<(AccountId, Vec<Problem>)>, Error> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let accounts = self.accounts(after, 256).await?;
            let Some(last) = accounts.last() else {
                return Ok(all);
            };
            after = Some(*last);
            for account in accounts {
                let found = match self.handle(account).check(depth).await {
                    Ok(found) => found,
                    Err(Error::Damaged { what, .. }) => vec![Problem::Malformed {
                        what,
                        wrong: "nothing of the account can be read".to_owned(),
                    }],
                    Err(error) => return Err(error),
                };
                if !found.is_empty() {
                    all.push((account, found));
                }
            }
        }
    }
}

/// What a check has found so far.
#[derive(Debug, Default)]
struct Found {
    problems: Vec<Problem>,
    quota: Quota,
    /// The largest numbers in use.
    entry: u64,
    content: u64,
    mod_seq: u64,
}

impl Found {
    fn malformed(&mut self, what: &str, wrong: &dyn std::fmt::Display) {
        self.problems.push(Problem::Malformed {
            what: what.to_owned(),
            wrong: wrong.to_string(),
        });
    }

    fn no_body(&mut self, folder: FolderId, uid: u32, body: BodyId, wrong: &str) {
        self.problems.push(Problem::NoBody {
            folder,
            uid,
            body,
            wrong: wrong.to_owned(),
        });
    }

    fn counter(&mut self, counter: &'static str, place: &str, next: u64, used: u64, above: u64) {
        if used > 0 && next < used + above {
            self.problems.push(Problem::Counter {
                counter,
                place: place.to_owned(),
                next,
                used,
            });
        }
    }
}

/// A folder's values.
#[derive(Debug, Default)]
struct Values {
    rows: BTreeMap<u32, Row>,
    items: BTreeMap<u32, ItemRecord>,
    /// Keys of values that do not parse.
    bad: Vec<Bytes>,
    /// The newest mod_seq of tombstones that do not parse.
    forgotten: u64,
}

fn add(counters: &mut Counters, row: &Row) {
    counters.exists += 1;
    counters.unseen += u32::from(!row.flags.contains(Flags::SEEN));
    counters.deleted += u32::from(row.flags.contains(Flags::DELETED));
    counters.size = counters.size.saturating_add(row.size);
}

fn agree(row: &Row, item: &ItemRecord) -> bool {
    agreed(row, item) == *row
}

/// The row with what its item's record knows better.
fn agreed(row: &Row, item: &ItemRecord) -> Row {
    Row {
        entry: item.entry,
        size: item.size(),
        content: item.content,
        thread: item.thread,
        internal_date: item.internal_date,
        facts: row
            .facts
            .with(Facts::STORED_UIDL, item.stored_uidl.is_some()),
        ..*row
    }
}
