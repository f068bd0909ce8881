//! Finding and mending what does not fit together in an account: fsck's view of the mailbox.
//!
//! Counters and quota can be counted anew. A row without its item's record is taken out (with a tombstone, so that clients
//! hear of it); an item without a row gets one, without flags; a value that does not parse is taken out and costs what
//! only it knew. Everything else stays as it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use fieldpost_message::Summary;
use fieldpost_store::{AccountId, BodyId, Commit, Committed, Hold, Mark, Scan, StoreError};

use crate::{
    Counters, EntryId, Error, Facts, Flags, Folder, FolderId, LabelSet, Mailbox, Mailboxes, Row,
    SpecialUse, change_log,
    head::Head,
    index::{block, load},
    item::record::ItemRecord,
    keys,
    pages::Pages,
    quota::Quota,
    transaction::{Attempts, Transaction},
};

/// Something in an account that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value does not parse.
    #[error("{what} does not parse: {wrong}")]
    Malformed {
        /// Which value.
        what: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// A folder's counters are not those of its rows.
    #[error("folder {folder} counts {counted:?}, has {actual:?}")]
    Counters {
        /// The folder.
        folder: FolderId,
        /// What its record says.
        counted: Counters,
        /// What its rows say.
        actual: Counters,
    },
    /// The account's use of its quota is not the sum of its items.
    #[error("the quota counts {counted:?} bytes and items, they are {actual:?}")]
    Quota {
        /// Bytes and items by the head record.
        counted: (u64, u64),
        /// Bytes and items by the items' records.
        actual: (u64, u64),
    },
    /// A row has no item record.
    #[error("item {folder}:{uid} has a row and no record")]
    NoRecord {
        /// The folder.
        folder: FolderId,
        /// The uid.
        uid: u32,
    },
    /// An item record has no row.
    #[error("item {folder}:{uid} has a record and no row")]
    NoRow {
        /// The folder.
        folder: FolderId,
        /// The uid.
        uid: u32,
    },
    /// A row and its item's record say different things.
    #[error("item {folder}:{uid}: its row and its record differ")]
    Differ {
        /// The folder.
        folder: FolderId,
        /// The uid.
        uid: u32,
    },
    /// A number was given out that the counter says is still to come.
    #[error("{counter} of {place} is {next}, but {used} is in use")]
    Counter {
        /// Which counter.
        counter: &'static str,
        /// "the account", or the folder.
        place: String,
        /// Its value.
        next: u64,
        /// The largest number in use.
        used: u64,
    },
    /// A folder's parent is not there.
    #[error("folder {folder} lies in folder {parent}, which is not there")]
    NoParent {
        /// The folder.
        folder: FolderId,
        /// Its parent.
        parent: FolderId,
    },
    /// Records lie under a folder that is not there.
    #[error("records of folder {folder}, which is not there")]
    NoFolder {
        /// The folder.
        folder: FolderId,
    },
    /// An item's body can't be read.
    #[error("item {folder}:{uid}: its body {body} can't be read: {wrong}")]
    NoBody {
        /// The folder.
        folder: FolderId,
        /// The uid.
        uid: u32,
        /// The body.
        body: BodyId,
        /// What the store says.
        wrong: String,
    },
    /// An item does not hold its body, which may be swept under it.
    #[error("account {account}: entry {entry} does not hold its body {body}")]
    NotHeld {
        /// The account.
        account: AccountId,
        /// The item's entry.
        entry: EntryId,
        /// The body.
        body: BodyId,
    },
    /// A body is held by an item that is not there.
    #[error("account {account}: body {body} is held by entry {entry}, which is not there")]
    HeldByNobody {
        /// The account.
        account: AccountId,
        /// The entry.
        entry: EntryId,
        /// The body.
        body: BodyId,
    },
}

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

    /// Mends what [`Mailbox::check`] finds, and what was found. Bodies and holds are for [`Mailboxes::check_holds`].
    pub async fn repair(&self) -> Result<Vec<Problem>, Error> {
        let head = self.mend_head().await?;
        let mut before = self.check(Depth::Records).await?;
        before.splice(0..0, head);
        if before.is_empty() {
            return Ok(before);
        }
        // First the folders, so that what lies in them is counted with the rest.
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            self.find_folders(&mut transaction).await?;
            if transaction.commit(&mut attempts).await? {
                break;
            }
        }
        let folders: Vec<FolderId> = self
            .shown(|state| Ok(state.folders.keys().copied().collect()))
            .await?;
        let mut quota = Quota::default();
        let mut largest = (0, 0, 0);
        for folder in folders {
            loop {
                let mut transaction = self.begin().await?;
                let mut found = Found::default();
                let fixes = self
                    .mend_folder(&mut transaction, folder, &mut found)
                    .await?;
                let mut attempts = Attempts::new();
                if !transaction.commit(&mut attempts).await? || fixes >= MENDED_AT_ONCE {
                    continue;
                }
                quota.used_bytes += found.quota.used_bytes;
                quota.used_items += found.quota.used_items;
                largest.0 = largest.0.max(found.entry);
                largest.1 = largest.1.max(found.content);
                largest.2 = largest.2.max(found.mod_seq);
                break;
            }
        }
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            let head = &mut transaction.head;
            head.quota.used_bytes = quota.used_bytes;
            head.quota.used_items = quota.used_items;
            head.next_entry = head.next_entry.max(largest.0 + 1);
            head.next_content = head.next_content.max(largest.1 + 1);
            head.mod_seq = head.mod_seq.max(largest.2);
            if transaction.commit(&mut attempts).await? {
                break;
            }
        }
        let _writer = self.account.writer.lock().await;
        self.account.cached.lock().state = None;
        Ok(before)
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
                        Ok(block) if block.folded_to > folder.folded_to => {
                            Some(crate::error::Malformed::Order)
                        }
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

    /// Mends one folder, a bounded number of rows at a time; how many values were touched.
    async fn mend_folder(
        &self,
        transaction: &mut Transaction,
        id: FolderId,
        found: &mut Found,
    ) -> Result<usize, Error> {
        let folder = transaction.any_folder(id)?;
        let values = self.read_folder(&folder, found).await?;
        if folder.doomed {
            return Ok(0);
        }
        let mut fixes = 0;
        for key in values.bad.iter().take(MENDED_AT_ONCE) {
            transaction.commit.delete(key.clone());
            fixes += 1;
        }
        let mut rows = values.rows.clone();
        let mut put = Vec::new();
        let mut gone = Vec::new();
        for (uid, row) in &values.rows {
            if fixes >= MENDED_AT_ONCE {
                break;
            }
            match values.items.get(uid) {
                Some(item) if agree(row, item) => continue,
                Some(item) => put.push(agreed(row, item)),
                None => gone.push(*row),
            }
            fixes += 1;
        }
        for (uid, item) in &values.items {
            if fixes >= MENDED_AT_ONCE {
                break;
            }
            if !values.rows.contains_key(uid) {
                put.push(row_of(*uid, item));
                fixes += 1;
            }
        }
        let mod_seq = transaction.mod_seq();
        for row in &mut put {
            row.mod_seq = mod_seq;
            rows.insert(row.uid, *row);
            transaction.change_row(id, row, *row)?;
        }
        for row in &gone {
            rows.remove(&row.uid);
            transaction.remove_row(id, row)?;
        }
        let mut counters = Counters::default();
        for row in rows.values() {
            add(&mut counters, row);
        }
        let last = values
            .items
            .keys()
            .chain(rows.keys())
            .max()
            .copied()
            .unwrap_or(0);
        let newest = rows.values().map(|row| row.mod_seq).max().unwrap_or(0);
        let parents: Vec<_> = transaction.all_folders();
        let record = transaction.folder_mut(id)?;
        record.counters = counters;
        record.uid_next = record.uid_next.max(last.saturating_add(1));
        record.highest_mod_seq = record.highest_mod_seq.max(newest);
        record.floor = record.floor.max(values.forgotten);
        if let Some(parent) = record.parent
            && !parents
                .iter()
                .any(|other| other.id == parent && !other.doomed)
        {
            record.parent = None;
            record.name = format!("{} (found {id})", record.name);
            record.changed = mod_seq;
        }
        transaction.commit.marks.push(Mark {
            topic: id.0,
            mod_seq,
        });
        found.mod_seq = found.mod_seq.max(newest);
        Ok(fixes)
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

    /// Gives what lies under folders that are not there a folder again, and the account its special folders.
    async fn find_folders(&self, transaction: &mut Transaction) -> Result<(), Error> {
        let folders = transaction.all_folders();
        let known = folders.iter().map(|folder| folder.id).collect();
        let mut lost = self.strays(known).await?;
        let missing: BTreeMap<FolderId, SpecialUse> = SpecialUse::ALL
            .into_iter()
            .zip(1..)
            .filter(|(special_use, id)| {
                folders.iter().all(|folder| {
                    folder.special_use != Some(*special_use) && folder.id != FolderId(*id)
                })
            })
            .map(|(special_use, id)| (FolderId(id), special_use))
            .collect();
        lost.extend(missing.keys());
        for id in lost {
            let mod_seq = transaction.mod_seq();
            let now = self.mailboxes.now();
            let head = &mut transaction.head;
            head.next_folder = head.next_folder.max(id.0.saturating_add(1));
            // The old uid_validity is lost with the record: clients read the folder anew.
            let clock = u32::try_from(now).unwrap_or(0);
            head.last_uid_validity = clock.max(head.last_uid_validity.saturating_add(1));
            let mut folder = Folder::found(id, head.last_uid_validity, mod_seq, now);
            if let Some(special_use) = missing.get(&id) {
                special_use.default_name().clone_into(&mut folder.name);
                folder.special_use = Some(*special_use);
                folder.kind = special_use.kind();
            }
            // Its blocks say how far they are folded; what change keys there are is newer.
            let mut pages = self.pages(Scan::prefix(keys::folder_prefix(keys::BLOCKS, id)));
            while let Some((_, value)) = pages.next().await? {
                if let Ok(block) = block::unpack(&value) {
                    folder.folded_to = folder.folded_to.max(block.folded_to);
                }
            }
            transaction.add_folder(folder);
        }
        Ok(())
    }

    /// Makes a head record anew if it does not parse: counters far behind all that is in use, the default quota.
    async fn mend_head(&self) -> Result<Option<Problem>, Error> {
        let _writer = self.account.writer.lock().await;
        let store = &*self.mailboxes.store;
        let Some(stored) = store.get(self.account(), &keys::head()).await? else {
            return Ok(None);
        };
        let Err(wrong) = Head::decode(&stored) else {
            return Ok(None);
        };
        let mut head = Head::new(self.mailboxes.settings.default_quota);
        let mut pages = self.pages(Scan::prefix(vec![keys::FOLDERS]));
        while let Some((_, value)) = pages.next().await? {
            if let Ok(folder) = Folder::decode(&value) {
                head.mod_seq = head.mod_seq.max(folder.highest_mod_seq).max(folder.changed);
                head.next_folder = head.next_folder.max(folder.id.0 + 1);
                head.last_uid_validity = head.last_uid_validity.max(folder.uid_validity);
            }
        }
        let mut pages = self.pages(Scan::prefix(vec![keys::ITEMS]));
        while let Some((_, value)) = pages.next().await? {
            if let Ok(item) = ItemRecord::decode(&value) {
                head.next_entry = head.next_entry.max(item.entry.0 + 1);
                head.next_content = head.next_content.max(item.content.0 + 1);
            }
        }
        // What was given out and deleted again can't be known.
        head.begin_epoch();
        let mut commit = Commit::new(self.account());
        commit.put(keys::head(), head.encode());
        commit.require(keys::head(), Some(stored));
        match store.commit(commit).await? {
            Committed::Accepted(receipt) => drop(receipt.durable().await?),
            Committed::Conflict { .. } => return Err(Error::Busy(self.account())),
        }
        self.account.cached.lock().state = None;
        Ok(Some(Problem::Malformed {
            what: "head".to_owned(),
            wrong: wrong.to_string(),
        }))
    }

    fn pages(&self, scan: Scan) -> Pages<'_> {
        Pages::new(&*self.mailboxes.store, self.account(), scan)
    }
}

impl Mailboxes {
    /// Mends every account that needs it: what was found in each. An account whose head does not parse is mended too.
    pub async fn repair_all(self: &Arc<Self>) -> Result<Vec<(AccountId, Vec<Problem>)>, Error> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let accounts = self.accounts(after, 256).await?;
            let Some(last) = accounts.last() else {
                return Ok(all);
            };
            after = Some(*last);
            for account in accounts {
                let found = self.handle(account).repair().await?;
                if !found.is_empty() {
                    all.push((account, found));
                }
            }
        }
    }

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

    /// Compares what holds bodies with the items of all accounts; with `repair`, items take hold of their bodies again and
    /// holds of nobody end. Takes some 50 bytes of memory an item. For use while nothing else writes.
    pub async fn check_holds(self: &Arc<Self>, repair: bool) -> Result<Vec<Problem>, Error> {
        let mut wanted: BTreeSet<Hold> = BTreeSet::new();
        let mut after = None;
        loop {
            let accounts = self.accounts(after, 256).await?;
            let Some(last) = accounts.last() else { break };
            after = Some(*last);
            for account in accounts {
                let scan = Scan::prefix(vec![keys::ITEMS]);
                let mut pages = Pages::new(&*self.store, account, scan);
                while let Some((_, value)) = pages.next().await? {
                    if let Ok(item) = ItemRecord::decode(&value) {
                        wanted.insert(Hold {
                            body: item.body,
                            account,
                            item: item.entry.0,
                        });
                    }
                }
            }
        }
        let mut problems = Vec::new();
        let mut wrong: Vec<(Hold, bool)> = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.holds(after, 4096).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for hold in page {
                // The organisation's own holds (a queue's) are not ours to judge.
                if hold.account != AccountId::ORGANISATION && !wanted.remove(&hold) {
                    wrong.push((hold, true));
                    problems.push(Problem::HeldByNobody {
                        account: hold.account,
                        entry: EntryId(hold.item),
                        body: hold.body,
                    });
                }
            }
        }
        for hold in wanted {
            wrong.push((hold, false));
            problems.push(Problem::NotHeld {
                account: hold.account,
                entry: EntryId(hold.item),
                body: hold.body,
            });
        }
        if repair {
            for (hold, is_stray) in wrong {
                let mailbox = self.handle(hold.account);
                let mut attempts = Attempts::new();
                loop {
                    let mut transaction = mailbox.begin().await?;
                    if is_stray {
                        transaction.commit.release(hold.body, hold.item);
                    } else {
                        transaction.commit.hold(hold.body, hold.item);
                    }
                    if transaction.commit(&mut attempts).await? {
                        break;
                    }
                }
            }
        }
        Ok(problems)
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

/// What can be known of a lost row: all but flags, keywords and when it came into the folder.
fn row_of(uid: u32, item: &ItemRecord) -> Row {
    let attachments = Summary::decode(&item.summary).is_ok_and(|summary| summary.has_attachments);
    let row = Row {
        uid,
        flags: Flags::EMPTY,
        facts: Facts::default().with(Facts::ATTACHMENTS, attachments),
        entry: item.entry,
        mod_seq: 0,
        size: 0,
        labels: LabelSet::EMPTY,
        internal_date: item.internal_date,
        save_date: item.internal_date,
        window_date: item.internal_date,
        content: item.content,
        thread: item.thread,
    };
    agreed(&row, item)
}

/// How many values one commit mends at most.
const MENDED_AT_ONCE: usize = 2048;
