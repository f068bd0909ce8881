//! Mending what a check finds.

use std::{collections::BTreeMap, sync::Arc};

use fieldpost_message::Summary;
use fieldpost_store::{AccountId, Commit, Committed, Mark, Scan};

use super::{Depth, Found, Problem, add, agree, agreed};
use crate::{
    Counters, Error, Facts, Flags, Folder, FolderId, LabelSet, Mailbox, Mailboxes, Row, SpecialUse,
    error::Malformed,
    head::Head,
    index::block,
    item::record::ItemRecord,
    keys,
    outbox::OutgoingRecord,
    quota::Quota,
    transaction::{Attempts, Transaction},
};

impl Mailbox {
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
        let mut largest = (self.mend_outbox().await?, 0, 0);
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

    /// Gives what lies under folders that are not there a folder again, and the account its special folders.
    async fn find_folders(&self, transaction: &mut Transaction) -> Result<(), Error> {
        let folders = transaction.all_folders();
        let known = folders.iter().map(|folder| folder.id).collect();
        let mut lost = self.strays(known).await?;
        let missing: BTreeMap<FolderId, SpecialUse> = SpecialUse::of_every_account()
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
    /// Takes entries that do not parse out of the outbox; the largest number of an entry in it.
    async fn mend_outbox(&self) -> Result<u64, Error> {
        let mut largest = 0;
        let mut commit = Commit::new(self.account());
        let mut pages = self.pages(Scan::prefix(vec![keys::OUTBOX]));
        let mut is_lost = true;
        while let Some((key, value)) = pages.next().await? {
            let (id, recipient) = keys::of_outgoing(&key).unwrap_or_default();
            if recipient.is_none() {
                largest = largest.max(id.0);
                is_lost = OutgoingRecord::decode(&value).is_err();
            }
            if is_lost && commit.ops.len() < MENDED_AT_ONCE {
                commit.delete(key);
            }
        }
        self.commit_aside(commit).await?;
        Ok(largest)
    }

    async fn mend_head(&self) -> Result<Option<Problem>, Error> {
        let _writer = self.account.writer.lock().await;
        let store = &*self.mailboxes.store;
        let stored = store.get(self.account(), &keys::head()).await?;
        let wrong = match stored.as_deref().map(Head::decode) {
            Some(Ok(_)) => return Ok(None),
            Some(Err(wrong)) => wrong,
            None => Malformed::Missing,
        };
        let mut head = Head::new(self.mailboxes.settings.default_quota);
        let mut pages = self.pages(Scan::prefix(vec![keys::FOLDERS]));
        let mut is_empty = true;
        while let Some((_, value)) = pages.next().await? {
            is_empty = false;
            if let Ok(folder) = Folder::decode(&value) {
                head.mod_seq = head.mod_seq.max(folder.highest_mod_seq).max(folder.changed);
                head.next_folder = head.next_folder.max(folder.id.0 + 1);
                head.last_uid_validity = head.last_uid_validity.max(folder.uid_validity);
            }
        }
        // An account that was never opened.
        if stored.is_none() && is_empty {
            return Ok(None);
        }
        let mut pages = self.pages(Scan::prefix(vec![keys::ITEMS]));
        while let Some((_, value)) = pages.next().await? {
            if let Ok(item) = ItemRecord::decode(&value) {
                head.next_entry = head.next_entry.max(item.entry.0 + 1);
                head.next_content = head.next_content.max(item.content.0 + 1);
            }
        }
        // What was given out and deleted again can't be known.
        head.begin_epoch(self.mailboxes.now());
        let mut commit = Commit::new(self.account());
        commit.put(keys::head(), head.encode());
        commit.require(keys::head(), stored);
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
