//! What somebody must do now and then: folding, forgetting what is older than the horizon, ending deletions.

use fieldpost_store::Scan;

use crate::{
    Error, Expunge, FolderId, Mailbox, Mailboxes, SpecialUse, UidSet, change_log,
    folder::Folder,
    keys,
    pages::Pages,
    transaction::{Attempts, Transaction},
};

/// What a maintenance round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Folders whose change keys were folded into their blocks.
    pub folded: u64,
    /// Values of tombstones that were forgotten.
    pub purged: u64,
}

impl Mailboxes {
    /// A round over all accounts: ends deletions that were cut short, folds, and forgets tombstones of items that left
    /// more than `horizon` seconds ago. One account after the other; an account that fails is logged and passed over.
    pub async fn maintain(self: &std::sync::Arc<Self>, horizon: i64) -> Result<Maintained, Error> {
        let mut all = Maintained::default();
        let mut after = None;
        loop {
            let accounts = self.accounts(after, 256).await?;
            let Some(last) = accounts.last() else {
                return Ok(all);
            };
            after = Some(*last);
            for account in accounts {
                match self.handle(account).maintain(horizon).await {
                    Ok(one) => {
                        all.folded += one.folded;
                        all.purged += one.purged;
                    }
                    Err(error) => {
                        tracing::error!(%account, %error, "maintenance of an account failed");
                    }
                }
            }
        }
    }
}

impl Mailboxes {
    /// Takes out of the folder with that special use, in every account, what came into it more than `age` seconds ago; how
    /// many items. An account that fails is logged and passed over.
    pub async fn expire(
        self: &std::sync::Arc<Self>,
        special: SpecialUse,
        age: i64,
    ) -> Result<u64, Error> {
        let before = self.now().saturating_sub(age);
        let (mut after, mut expired) = (None, 0);
        loop {
            let accounts = self.accounts(after, 256).await?;
            let Some(last) = accounts.last() else {
                return Ok(expired);
            };
            after = Some(*last);
            for account in accounts {
                match self.handle(account).expire(special, before).await {
                    Ok(count) => expired += count,
                    Err(error) => tracing::error!(%account, %error, "old mail was not expired"),
                }
            }
        }
    }
}

impl Mailbox {
    /// Takes out of the folder with that special use what came into it before `time` (seconds since 1970); how many items.
    pub async fn expire(&self, special: SpecialUse, time: i64) -> Result<u64, Error> {
        let folder = self
            .shown(|state| {
                let mut folders = state.visible();
                Ok(folders
                    .find(|folder| folder.special_use == Some(special))
                    .map(|folder| folder.id))
            })
            .await?;
        let Some(folder) = folder else { return Ok(0) };
        let view = self.view(folder).await?;
        let old: UidSet = view
            .rows()
            .filter(|row| row.save_date < time)
            .map(|row| row.uid)
            .collect();
        if old.is_empty() {
            return Ok(0);
        }
        let count = old.len();
        self.expunge(folder, &old, Expunge::All).await?;
        Ok(count)
    }

    /// A maintenance round over this account; see [`Mailboxes::maintain`].
    pub async fn maintain(&self, horizon: i64) -> Result<Maintained, Error> {
        self.finish_deletions().await?;
        let purged = self
            .purge(self.mailboxes.now().saturating_sub(horizon))
            .await?;
        let folded = self.fold_all().await?;
        Ok(Maintained { folded, purged })
    }

    /// Folds the change keys of all folders into their blocks; how many folders had any.
    pub async fn fold_all(&self) -> Result<u64, Error> {
        let pending: Vec<FolderId> = self
            .shown(|state| {
                let pending = state.visible().filter(|folder| folder.pending > 0);
                Ok(pending.map(|folder| folder.id).collect())
            })
            .await?;
        let mut attempts = Attempts::new();
        let mut folded = 0;
        for folder in pending {
            loop {
                let mut transaction = self.begin().await?;
                // Deleted meanwhile.
                if transaction.folder(folder).is_err() {
                    break;
                }
                transaction.fold(folder).await?;
                if transaction.commit(&mut attempts).await? {
                    folded += 1;
                    break;
                }
            }
        }
        Ok(folded)
    }

    /// Forgets what left before `time` (seconds since 1970): who asks for changes since before then is told to compare
    /// with the whole view. How many values went.
    pub async fn purge(&self, time: i64) -> Result<u64, Error> {
        let folders: Vec<FolderId> = self
            .shown(|state| Ok(state.visible().map(|folder| folder.id).collect()))
            .await?;
        let mut purged = self.purge_folder_tombstones(time).await?;
        for folder in folders {
            purged += self.purge_folder(folder, time).await?;
        }
        Ok(purged)
    }

    async fn purge_folder(&self, folder: FolderId, time: i64) -> Result<u64, Error> {
        let mut attempts = Attempts::new();
        let mut purged = 0;
        loop {
            let mut transaction = self.begin().await?;
            let Ok(record) = transaction.folder(folder) else {
                return Ok(purged);
            };
            let (old, floor) = self.old_tombstones(&mut transaction, &record, time).await?;
            if old == 0 {
                return Ok(purged);
            }
            // A tombstone behind what is folded is all that says that its row is gone.
            if floor > record.folded_to {
                transaction.fold(folder).await?;
            }
            let record = transaction.folder_mut(folder)?;
            record.floor = record.floor.max(floor);
            if transaction.commit(&mut attempts).await? {
                purged += old;
            }
        }
    }

    /// Deletes a bounded number of tombstones from before `time`; how many, and the mod_seq of the last.
    async fn old_tombstones(
        &self,
        transaction: &mut Transaction,
        folder: &Folder,
        time: i64,
    ) -> Result<(u64, u64), Error> {
        let scan = Scan::prefix(keys::folder_prefix(keys::TOMBSTONES, folder.id));
        let mut pages = Pages::new(&*self.mailboxes.store, self.account(), scan);
        let mut old = 0;
        let mut floor = 0;
        while let Some((key, value)) = pages.next().await? {
            let mod_seq = keys::mod_seq_of(&key).unwrap_or_default();
            let left = change_log::unpack(&value, mod_seq);
            // A clock that jumped back may have written a newer time before an older one; the first newer one ends it.
            if left.is_ok_and(|(left, _)| left >= time) || old >= PURGED_AT_ONCE {
                break;
            }
            transaction.commit.delete(key);
            old += 1;
            floor = mod_seq;
        }
        Ok((old, floor))
    }

    async fn purge_folder_tombstones(&self, time: i64) -> Result<u64, Error> {
        let mut attempts = Attempts::new();
        let mut purged = 0;
        loop {
            let mut transaction = self.begin().await?;
            let scan = Scan::prefix(vec![keys::FOLDER_TOMBSTONES]);
            let mut pages = Pages::new(&*self.mailboxes.store, self.account(), scan);
            let mut old = 0;
            while let Some((key, value)) = pages.next().await? {
                let left = <[u8; 8]>::try_from(&value[..]).map_or(i64::MIN, i64::from_be_bytes);
                if left >= time || old >= PURGED_AT_ONCE {
                    break;
                }
                let mod_seq = keys::number(&key, 1).unwrap_or_default();
                transaction.head.hierarchy_floor = transaction.head.hierarchy_floor.max(mod_seq);
                transaction.commit.delete(key);
                old += 1;
            }
            if old == 0 {
                return Ok(purged);
            }
            if transaction.commit(&mut attempts).await? {
                purged += old;
            }
        }
    }
}

/// How many tombstone values one commit forgets at most.
const PURGED_AT_ONCE: u64 = 4096;
