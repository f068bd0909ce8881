//! Making, renaming, moving, subscribing and deleting folders.

use std::{collections::BTreeMap, sync::Arc};

use fieldpost_store::Scan;

use super::{Counters, Folder, FolderKind, MAX_FOLDER_DEPTH, SpecialUse, name};
use crate::{
    Error, FolderId, Mailbox,
    error::NameError,
    item::record::ItemRecord,
    keys,
    pages::Pages,
    transaction::{Attempts, Transaction},
};

/// A folder to be made.
#[derive(Clone, Debug, Default)]
pub struct NewFolder {
    /// The folder that it is to lie in; `None` at the top.
    pub parent: Option<FolderId>,
    /// Its own name.
    pub name: String,
    /// What it is to hold.
    pub kind: FolderKind,
}

impl Mailbox {
    /// All folders, in the order in which they were made.
    pub async fn folders(&self) -> Result<Vec<Arc<Folder>>, Error> {
        self.shown(|state| Ok(state.visible().cloned().collect()))
            .await
    }

    /// One folder with its counters.
    pub async fn folder(&self, id: FolderId) -> Result<Arc<Folder>, Error> {
        self.shown(|state| state.folder(id).cloned()).await
    }

    /// The folder of a special use.
    pub async fn special(&self, special_use: SpecialUse) -> Result<Arc<Folder>, Error> {
        self.shown(|state| {
            state
                .visible()
                .find(|folder| folder.special_use == Some(special_use))
                .cloned()
                .ok_or(Error::NoSuchFolder(FolderId(0)))
        })
        .await
    }

    /// The folder that lies at `path`, one name a level. INBOX is found in any case.
    pub async fn folder_at(&self, path: &[&str]) -> Result<Option<Arc<Folder>>, Error> {
        self.shown(|state| {
            let mut found: Option<&Arc<Folder>> = None;
            for level in path {
                let parent = found.map(|folder| folder.id);
                found = state
                    .visible()
                    .find(|folder| folder.parent == parent && folder.is_named(level));
                if found.is_none() {
                    return Ok(None);
                }
            }
            Ok(found.cloned())
        })
        .await
    }

    /// Makes a folder.
    pub async fn create_folder(&self, new: &NewFolder) -> Result<Arc<Folder>, Error> {
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            let folders = transaction.all_folders();
            if folders.len() >= self.mailboxes.settings.max_folders {
                return Err(Error::TooManyFolders(self.mailboxes.settings.max_folders));
            }
            admit(&folders, None, new.parent, &new.name, 1)?;
            let folder = make(self, &mut transaction, new, None);
            if transaction.commit(&mut attempts).await? {
                return Ok(Arc::new(folder));
            }
        }
    }

    /// Makes the folder at `path`, one name a level, and the levels above it that are not there, which hold mail; all in one
    /// commit. With a special use, if the account has no folder of that use and a folder of this kind can have it.
    pub async fn create_path(
        &self,
        path: &[&str],
        kind: FolderKind,
        special_use: Option<SpecialUse>,
    ) -> Result<Arc<Folder>, Error> {
        let (last, above) = path.split_last().ok_or(NameError::Empty)?;
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            let folders = transaction.all_folders();
            let visible = || folders.iter().filter(|folder| !folder.doomed);
            if let Some(special_use) = special_use {
                admit_special_use(visible(), special_use, kind)?;
            }
            let mut parent = None;
            let mut missing = above;
            while let Some((level, rest)) = missing.split_first()
                && let Some(found) =
                    visible().find(|folder| folder.parent == parent && folder.is_named(level))
            {
                parent = Some(found.id);
                missing = rest;
            }
            let max_folders = self.mailboxes.settings.max_folders;
            if folders.len() + missing.len() + 1 > max_folders {
                return Err(Error::TooManyFolders(max_folders));
            }
            for level in missing {
                name::check(level)?;
            }
            // Only the first new level can meet a namesake.
            let first = missing.first().unwrap_or(last);
            admit(&folders, None, parent, first, missing.len() + 1)?;
            name::check(last)?;
            for level in missing {
                let new = NewFolder {
                    parent,
                    name: (*level).to_owned(),
                    kind: FolderKind::Mail,
                };
                parent = Some(make(self, &mut transaction, &new, None).id);
            }
            let new = NewFolder {
                parent,
                name: (*last).to_owned(),
                kind,
            };
            let folder = make(self, &mut transaction, &new, special_use);
            if transaction.commit(&mut attempts).await? {
                return Ok(Arc::new(folder));
            }
        }
    }

    /// Gives a folder another name, another parent, or both. The inbox keeps its name and place.
    pub async fn move_folder(
        &self,
        id: FolderId,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        loop {
            let losses = self.account.losses();
            let mut transaction = self.begin().await?;
            let folder = transaction.folder(id)?;
            if folder.special_use == Some(SpecialUse::Inbox) {
                return Err(Error::SpecialFolder(id));
            }
            if folder.parent == parent && folder.name == name {
                drop(transaction);
                if !self.settled(losses).await {
                    continue;
                }
                return Ok(());
            }
            let folders = transaction.all_folders();
            let height = height(&folders, id);
            admit(&folders, Some(id), parent, name, height)?;
            let folder = transaction.rename_mut(id)?;
            folder.parent = parent;
            name.clone_into(&mut folder.name);
            if transaction.commit(&mut attempts).await? {
                return Ok(());
            }
        }
    }

    /// Sets whether the user wants to see a folder.
    pub async fn subscribe(&self, id: FolderId, subscribed: bool) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        loop {
            let losses = self.account.losses();
            let mut transaction = self.begin().await?;
            if transaction.folder(id)?.subscribed == subscribed {
                drop(transaction);
                if !self.settled(losses).await {
                    continue;
                }
                return Ok(());
            }
            transaction.rename_mut(id)?.subscribed = subscribed;
            if transaction.commit(&mut attempts).await? {
                return Ok(());
            }
        }
    }

    /// Deletes a folder without children and all that is in it. It is gone for everybody with the first commit; what it
    /// held goes in commits of bounded size, which [`Mailbox::finish_deletions`] takes up again after a crash.
    pub async fn delete_folder(&self, id: FolderId) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            let folder = transaction.folder(id)?;
            if folder.is_of_every_account() {
                return Err(Error::SpecialFolder(id));
            }
            let is_child = |other: &Arc<Folder>| other.parent == Some(id) && !other.doomed;
            if transaction.all_folders().iter().any(is_child) {
                return Err(Error::HasChildren(id));
            }
            transaction.rename_mut(id)?.doomed = true;
            let mod_seq = transaction.mod_seq();
            let now = self.mailboxes.now();
            let time = now.to_be_bytes().to_vec();
            transaction
                .commit
                .put(keys::folder_tombstone(mod_seq, id), time);
            transaction.commit.marks.push(fieldpost_store::Mark {
                topic: id.0,
                mod_seq,
            });
            if transaction.commit(&mut attempts).await? {
                break;
            }
        }
        self.empty_doomed(id).await
    }

    /// Ends the deletion of folders that was cut short. Part of every maintenance round.
    pub async fn finish_deletions(&self) -> Result<(), Error> {
        let doomed: Vec<_> = self
            .shown(|state| {
                let doomed = state.folders.values().filter(|folder| folder.doomed);
                Ok(doomed.map(|folder| folder.id).collect())
            })
            .await?;
        for id in doomed {
            self.empty_doomed(id).await?;
        }
        Ok(())
    }

    async fn empty_doomed(&self, id: FolderId) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            match transaction.any_folder(id) {
                Ok(folder) if folder.doomed => {}
                // Somebody else was quicker.
                Ok(_) | Err(Error::NoSuchFolder(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
            let is_last = self.delete_some(&mut transaction, id).await?;
            if is_last {
                transaction.drop_folder(id);
            }
            if transaction.commit(&mut attempts).await? && is_last {
                return Ok(());
            }
        }
    }

    /// Deletes a bounded number of a doomed folder's records; whether those were the last.
    async fn delete_some(
        &self,
        transaction: &mut Transaction,
        id: FolderId,
    ) -> Result<bool, Error> {
        let store = &*self.mailboxes.store;
        let mut left = DELETED_AT_ONCE;
        for table in [keys::ITEMS, keys::BLOCKS, keys::CHANGES, keys::TOMBSTONES] {
            let scan = Scan::prefix(keys::folder_prefix(table, id));
            let mut pages = Pages::new(store, self.account(), scan);
            while let Some((key, value)) = pages.next().await? {
                if left == 0 {
                    return Ok(false);
                }
                left -= 1;
                if table == keys::ITEMS {
                    match ItemRecord::decode(&value) {
                        Ok(item) => {
                            transaction.head.quota.remove(item.size());
                            transaction.commit.release(item.body, item.entry.0);
                        }
                        Err(wrong) => {
                            tracing::error!(account = %self.account(), folder = %id, %wrong, "damaged item in a folder being deleted; fsck frees its body");
                        }
                    }
                }
                transaction.commit.delete(key);
            }
        }
        Ok(true)
    }
}

/// Makes the special folders of an account that has none yet.
pub(crate) async fn make_default_folders(mailbox: &Mailbox) -> Result<(), Error> {
    let mut attempts = Attempts::new();
    loop {
        let mut transaction = mailbox.begin().await?;
        if !transaction.is_new_account() {
            return Ok(());
        }
        for special_use in SpecialUse::of_every_account() {
            let new = NewFolder {
                parent: None,
                name: special_use.default_name().to_owned(),
                kind: special_use.kind(),
            };
            make(mailbox, &mut transaction, &new, Some(special_use));
        }
        if transaction.commit(&mut attempts).await? {
            return Ok(());
        }
    }
}

fn make(
    mailbox: &Mailbox,
    transaction: &mut Transaction,
    new: &NewFolder,
    special_use: Option<SpecialUse>,
) -> Folder {
    let now = mailbox.mailboxes.now();
    let mod_seq = transaction.mod_seq();
    let head = &mut transaction.head;
    let id = FolderId(head.next_folder);
    head.next_folder += 1;
    // Larger than any before, so that a folder made again under an old name is not taken for the old one (RFC 9051 §2.3.1.1).
    let clock = u32::try_from(now).unwrap_or(0);
    head.last_uid_validity = clock.max(head.last_uid_validity.saturating_add(1));
    let folder = Folder {
        id,
        parent: new.parent,
        name: new.name.clone(),
        kind: new.kind,
        special_use,
        subscribed: special_use.is_some(),
        uid_validity: head.last_uid_validity,
        uid_next: 1,
        highest_mod_seq: mod_seq,
        changed: mod_seq,
        created: now,
        counters: Counters::default(),
        floor: 0,
        folded_to: mod_seq,
        pending: 0,
        doomed: false,
        kept_below: 0,
    };
    transaction.add_folder(folder.clone());
    folder
}

/// Whether a new folder of `kind` may have `special_use`. The inbox is made with the account.
fn admit_special_use<'a>(
    mut folders: impl Iterator<Item = &'a Arc<Folder>>,
    special_use: SpecialUse,
    kind: FolderKind,
) -> Result<(), Error> {
    if special_use == SpecialUse::Inbox || special_use.kind() != kind {
        return Err(Error::SpecialUseRefused(special_use));
    }
    match folders.find(|folder| folder.special_use == Some(special_use)) {
        Some(other) => Err(Error::SpecialUseTaken(other.name.clone())),
        None => Ok(()),
    }
}

/// Whether `own` (`None`: a new folder), which with its descendants is `height` levels high, may be `name` below `parent`.
fn admit(
    folders: &[Arc<Folder>],
    own: Option<FolderId>,
    parent: Option<FolderId>,
    name: &str,
    height: usize,
) -> Result<(), Error> {
    name::check(name)?;
    let by_id: BTreeMap<_, _> = folders
        .iter()
        .filter(|folder| !folder.doomed)
        .map(|folder| (folder.id, folder))
        .collect();
    let mut depth = height;
    let mut above = parent;
    while let Some(id) = above {
        if own == Some(id) {
            return Err(Error::Cycle(id));
        }
        depth += 1;
        if depth > MAX_FOLDER_DEPTH {
            return Err(NameError::TooDeep.into());
        }
        above = by_id.get(&id).ok_or(Error::NoSuchFolder(id))?.parent;
    }
    if depth > MAX_FOLDER_DEPTH {
        return Err(NameError::TooDeep.into());
    }
    let namesake = by_id
        .values()
        .find(|other| other.parent == parent && Some(other.id) != own && other.is_named(name));
    match namesake {
        Some(other) => Err(Error::FolderExists(other.id)),
        None => Ok(()),
    }
}

/// How many levels `id` and its descendants have.
fn height(folders: &[Arc<Folder>], id: FolderId) -> usize {
    let mut level = vec![id];
    let mut height = 0;
    // A parent that forms a circle could only come from damage; the bound ends it.
    while !level.is_empty() && height <= MAX_FOLDER_DEPTH {
        height += 1;
        level = folders
            .iter()
            .filter(|folder| {
                !folder.doomed && folder.parent.is_some_and(|parent| level.contains(&parent))
            })
            .map(|folder| folder.id)
            .collect();
    }
    height
}

/// How many records of a deleted folder one commit takes away.
const DELETED_AT_ONCE: usize = 8192;
