//! After a backup was put back, and taking single things out of one.
//!
//! What an account gave out after the backup was made can't be known on a new machine. So a restored account begins a new
//! *epoch*: its counters jump far ahead, to a place that the time of the restore gives them, so that no mod_seq, entry,
//! content, folder or uid comes back with another meaning, not even where one backup is put back twice; uid_validity and unique-ids stay, so that clients keep what they hold. All changes from before are "too old", so
//! that every client compares with the whole view once. Devices begin anew: a key that the backup knows may belong to a device
//! that has moved mail since, which it then shows nowhere and would not be told of.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use fieldpost_message::Summary;
use fieldpost_store::{AccountId, StageOptions, StagedBody, Store};

use crate::{
    ContentId, Error, Facts, Folder, FolderId, LabelSet, Labels, Mailbox, Mailboxes, NewFolder,
    Row, Settings, SpecialUse,
    head::next_uid,
    item::{Arrival, record::ItemRecord},
    maildrop::unique_id,
    thread,
    transaction::Attempts,
};

/// Which items to take out of a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// From this folder of the backup only.
    pub folder: Option<FolderId>,
    /// With an internal date from then on only, seconds since 1970.
    pub since: Option<i64>,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Items put into the mailbox.
    pub restored: u64,
    /// Items that were there already.
    pub present: u64,
    /// Items of the backup that can't be read: folder and uid there, and why.
    pub unreadable: Vec<(FolderId, u32, Error)>,
}

/// Begins a new epoch in every account of a store that was put back from a backup; how many. To be called once, before
/// anything is served from it. Doing it again does no harm. `settings` tell the time.
pub async fn restored(store: Arc<dyn Store>, settings: Settings) -> Result<u64, Error> {
    let mailboxes = Mailboxes::new(store, settings);
    let mut after = None;
    let mut count = 0;
    if let Some(organisation) = mailboxes.open_existing(AccountId::ORGANISATION).await? {
        organisation.begin_epoch().await?;
        organisation.hold_outbox().await?;
    }
    loop {
        let accounts = mailboxes.accounts(after, 256).await?;
        let Some(last) = accounts.last() else {
            return Ok(count);
        };
        after = Some(*last);
        for account in accounts {
            if let Some(mailbox) = mailboxes.open_existing(account).await? {
                mailbox.begin_epoch().await?;
                mailbox.hold_outbox().await?;
                mailbox.forget_all_states().await?;
                count += 1;
            }
        }
    }
}

impl Mailbox {
    /// Puts items of a backup into this mailbox, into the folders of the same place, made where they are missing. An item that
    /// is still here (wherever it was moved), or that an earlier run brought, is passed over. An item that comes back keeps
    /// its unique-id, flags, keywords and dates, and gets ids of its own. `progress` hears of each item looked at.
    pub async fn restore_items(
        &self,
        backup: &Mailbox,
        selection: &Selection,
        mut progress: impl FnMut(&Restored),
    ) -> Result<Restored, Error> {
        let mut done = Restored::default();
        let present = self.present(backup).await?;
        let labels = backup.labels().await?;
        let folders = backup.folders().await?;
        let by_id: HashMap<_, _> = folders.iter().map(|folder| (folder.id, folder)).collect();
        for folder in &folders {
            if selection.folder.is_some_and(|only| only != folder.id) {
                continue;
            }
            let view = backup.view(folder.id).await?;
            let wanted = |row: &&Row| {
                selection
                    .since
                    .is_none_or(|since| row.internal_date >= since)
            };
            let rows: Vec<Row> = view.rows().filter(wanted).copied().collect();
            if rows.is_empty() && !selection.wants_empty_folders() {
                continue;
            }
            let target = self.counterpart(folder, &by_id).await?;
            let unique_ids = self.restored_ids(target).await?;
            for row in rows {
                let is_here = present.contains(&(row.content, row.internal_date, row.size))
                    || unique_ids.contains(&backup.source_id(folder, &row).await?);
                if is_here {
                    done.present += 1;
                } else {
                    match self
                        .restore_item(backup, folder, &row, target, &labels)
                        .await
                    {
                        Ok(()) => done.restored += 1,
                        Err(Unreadable::There(error)) => {
                            done.unreadable.push((folder.id, row.uid, error));
                        }
                        Err(Unreadable::Here(error)) => return Err(error),
                    }
                }
                progress(&done);
            }
        }
        Ok(done)
    }

    async fn begin_epoch(&self) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            let now = self.mailboxes.now();
            transaction.head.begin_epoch(now);
            let mod_seq = transaction.mod_seq();
            transaction.head.hierarchy_floor = mod_seq;
            for folder in transaction.all_folders() {
                let folder = transaction.folder_mut(folder.id)?;
                folder.uid_next = next_uid(folder.uid_next, now);
                folder.highest_mod_seq = mod_seq;
                folder.floor = mod_seq;
            }
            if transaction.commit(&mut attempts).await? {
                return Ok(());
            }
        }
    }

    async fn forget_all_states(&self) -> Result<(), Error> {
        for device in self.devices().await? {
            self.forget_after_restore(&device.id).await?;
        }
        Ok(())
    }

    /// What of the same account's items is here: by content, date and size, since a mailbox made anew may have given an id
    /// of the backup's to something else.
    async fn present(&self, backup: &Mailbox) -> Result<HashSet<(ContentId, i64, u64)>, Error> {
        let mut present = HashSet::new();
        if self.account() != backup.account() {
            return Ok(present);
        }
        for folder in self.folders().await? {
            let view = self.view(folder.id).await?;
            present.extend(
                view.rows()
                    .map(|row| (row.content, row.internal_date, row.size)),
            );
        }
        Ok(present)
    }

    /// The unique-ids under which items of `folder` came in.
    async fn restored_ids(&self, folder: FolderId) -> Result<HashSet<String>, Error> {
        let view = self.view(folder).await?;
        let mut ids = HashSet::new();
        for row in view.rows() {
            if row.facts.contains(Facts::STORED_UIDL)
                && let Ok(record) = self.record(folder, row.uid).await
            {
                ids.extend(record.stored_uidl);
            }
        }
        Ok(ids)
    }

    /// The unique-id under which this mailbox shows an item.
    async fn source_id(&self, folder: &Folder, row: &Row) -> Result<String, Error> {
        let stored = if row.facts.contains(Facts::STORED_UIDL) {
            self.record(folder.id, row.uid)
                .await
                .ok()
                .and_then(|record| record.stored_uidl)
        } else {
            None
        };
        Ok(stored.unwrap_or_else(|| unique_id(folder.uid_validity, row.uid)))
    }

    /// The folder here that lies where `folder` lies in the backup; made with its parents if there is none.
    async fn counterpart(
        &self,
        folder: &Arc<Folder>,
        backup: &HashMap<FolderId, &Arc<Folder>>,
    ) -> Result<FolderId, Error> {
        let mut path = vec![folder];
        while let Some(parent) = path.last().and_then(|folder| folder.parent) {
            // Bounded by the depth of folders; a circle could only come from damage.
            let Some(parent) = backup.get(&parent).filter(|_| path.len() < 64) else {
                break;
            };
            path.push(parent);
        }
        let mut here: Option<FolderId> = None;
        for level in path.into_iter().rev() {
            here = Some(self.counterpart_below(here, level).await?);
        }
        here.ok_or(Error::NoSuchFolder(folder.id))
    }

    async fn counterpart_below(
        &self,
        parent: Option<FolderId>,
        folder: &Folder,
    ) -> Result<FolderId, Error> {
        let same = |other: &&Arc<Folder>| match folder.special_use {
            Some(special_use) => other.special_use == Some(special_use),
            None => other.parent == parent && other.is_named(&folder.name),
        };
        if let Some(found) = self.folders().await?.iter().find(same) {
            return Ok(found.id);
        }
        let new = NewFolder {
            parent,
            name: folder.name.clone(),
            kind: folder.special_use.map_or(folder.kind, SpecialUse::kind),
        };
        let made = self.create_folder(&new).await?;
        if folder.subscribed {
            self.subscribe(made.id, true).await?;
        }
        Ok(made.id)
    }

    async fn restore_item(
        &self,
        backup: &Mailbox,
        from: &Folder,
        row: &Row,
        to: FolderId,
        labels: &Labels,
    ) -> Result<(), Unreadable> {
        let record = backup
            .record(from.id, row.uid)
            .await
            .map_err(Unreadable::There)?;
        let staged = self.copy_body(backup, &record).await?;
        let references = Summary::decode(&record.summary)
            .map(|summary| thread::References::of(&summary))
            .unwrap_or_default();
        let id = backup.source_id(from, row).await?;
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            transaction.head.quota.admits(1, record.size())?;
            let mut table = (*transaction.labels()).clone();
            let mut set = LabelSet::EMPTY;
            for category in labels.categories(row.labels) {
                set = set.union(table.add_category(category)?);
            }
            for keyword in labels.keywords(row.labels.without(labels.all_categories())) {
                set = set.union(table.add_keyword(keyword)?);
            }
            transaction.set_labels(table);
            let content = ContentId(transaction.head.next_content);
            transaction.head.next_content += 1;
            let mut threads = thread::Memory::new(&*self.mailboxes.store, self.account());
            let memory = self.mailboxes.settings.thread_memory;
            let thread =
                thread::place(&mut threads, &mut transaction, &references, content, memory).await?;
            let arrival = Arrival {
                body: staged.id,
                staged: Some(staged.clone()),
                body_size: record.body_size,
                prefix: record.prefix.clone(),
                stored_uidl: Some(id.clone()),
                summary: record.summary.clone(),
                flags: row.flags,
                labels: set,
                internal_date: row.internal_date,
                save_date: self.mailboxes.now(),
                has_attachments: row.facts.contains(Facts::ATTACHMENTS),
                open_end: row.facts.contains(Facts::OPEN_END),
                content,
                thread,
                uid: None,
            };
            arrival.enter(&mut transaction, to)?;
            if transaction.commit(&mut attempts).await? {
                return Ok(());
            }
        }
    }

    async fn copy_body(
        &self,
        backup: &Mailbox,
        record: &ItemRecord,
    ) -> Result<StagedBody, Unreadable> {
        let options = StageOptions {
            account: self.account(),
            size_hint: Some(record.body_size),
            id: None,
        };
        let there = |error| Unreadable::There(Error::Store(error));
        let here = |error| Unreadable::Here(Error::Store(error));
        let store = &backup.mailboxes.store;
        let mut reader = store
            .body(record.body, 0..record.body_size)
            .await
            .map_err(there)?;
        let mut writer = self
            .mailboxes
            .store
            .stage_body(options)
            .await
            .map_err(here)?;
        let mut left = record.body_size;
        while let Some(chunk) = reader.next().await.map_err(there)? {
            let chunk: Bytes = chunk;
            left = left.saturating_sub(chunk.len() as u64);
            writer.write(chunk).await.map_err(here)?;
        }
        if left > 0 {
            return Err(Unreadable::There(Error::Damaged {
                account: backup.account(),
                what: format!("body {} is {left} bytes short", record.body),
            }));
        }
        writer.finish().await.map_err(here)
    }
}

impl Selection {
    /// Whether folders without a chosen item are made too: only when everything is.
    fn wants_empty_folders(&self) -> bool {
        self.folder.is_none() && self.since.is_none()
    }
}

/// Where restoring an item failed.
enum Unreadable {
    /// In the backup: the other items can still be had.
    There(Error),
    /// In the mailbox itself.
    Here(Error),
}

impl From<Error> for Unreadable {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}
