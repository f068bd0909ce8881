//! Folders that come from another server with their uids, so that IMAP clients need not download them again.
//!
//! A client takes (folder name, uid_validity, uid) for one message for ever (RFC 9051 §2.3.1.1). So a uid_validity is
//! taken over only by a folder that never had an item, only if this account never gave that value to a folder, and once.
//! And what the other server gave out is never given to anything else: all items but those that bring their uids along
//! get uids from the other server's next one on.

use std::sync::Arc;

use super::{Folder, FolderKind};
use crate::{
    Error, FolderId, Mailbox, keys,
    transaction::{Attempts, Transaction},
};

impl Mailbox {
    /// Lets a folder take over the uid_validity that it had on another server, whose next uid there was `uid_next`. Items
    /// that then come in ascending order with the uids they had there ([`crate::NewItem::uid`]) keep them, until another
    /// item gets into the folder. `false`: the folder stays as it is, since a client could take one item for another.
    /// [`Mailbox::end_adoption`] ends it. A folder that adopted this very uid_validity, and that nothing got into since but
    /// what came from there, goes on: an import that broke off, or one more for what the other server got meanwhile.
    pub async fn adopt_uids(
        &self,
        id: FolderId,
        uid_validity: u32,
        uid_next: u32,
    ) -> Result<bool, Error> {
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            let folder = transaction.folder(id)?;
            let is_new = folder.uid_next == 1 && folder.kept_below == 0;
            if folder.kind != FolderKind::Mail || uid_next == 0 {
                return Ok(false);
            }
            if self.goes_on(&folder, uid_validity).await? {
                let folder = transaction.folder_mut(id)?;
                folder.kept_below = uid_next.max(folder.kept_below).max(folder.uid_next);
                if transaction.commit(&mut attempts).await? {
                    return Ok(true);
                }
                continue;
            }
            if !is_new || !self.admit_validity(&mut transaction, uid_validity).await? {
                return Ok(false);
            }
            transaction
                .commit
                .put(keys::adopted(uid_validity), id.0.to_be_bytes().to_vec());
            let folder = transaction.rename_mut(id)?;
            folder.uid_validity = uid_validity;
            folder.kept_below = uid_next;
            if transaction.commit(&mut attempts).await? {
                return Ok(true);
            }
        }
    }

    /// All items that come with their uids are there: the folder goes on from the other server's next uid.
    pub async fn end_adoption(&self, id: FolderId) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            if transaction.folder(id)?.kept_below == 0 {
                return Ok(());
            }
            let folder = transaction.folder_mut(id)?;
            folder.uid_next = folder.uid_for(None);
            folder.kept_below = 0;
            let key = keys::adopted(folder.uid_validity);
            let mut value = id.0.to_be_bytes().to_vec();
            value.extend(folder.uid_next.to_be_bytes());
            transaction.commit.put(key, value);
            if transaction.commit(&mut attempts).await? {
                return Ok(());
            }
        }
    }

    /// Whether the folder adopted that uid_validity, and all that got into it since came from there.
    async fn goes_on(&self, folder: &Folder, uid_validity: u32) -> Result<bool, Error> {
        if folder.uid_validity != uid_validity {
            return Ok(false);
        }
        let key = keys::adopted(uid_validity);
        let Some(adopted) = self.mailboxes.store.get(self.account(), &key).await? else {
            return Ok(false);
        };
        let Some((by, end)) = adopted.split_at_checked(8) else {
            return Ok(false);
        };
        if by != folder.id.0.to_be_bytes() {
            return Ok(false);
        }
        Ok(if folder.kept_below > 0 {
            // It broke off.
            folder.uid_next <= folder.kept_below
        } else {
            end == folder.uid_next.to_be_bytes()
        })
    }

    /// Whether no folder of the account, deleted ones included, ever had that uid_validity. Folders made here have the
    /// time of their making or a later one, so what is older than the account's oldest folder was never given here,
    /// nor was what is beyond the last one given; of the rest nobody knows.
    async fn admit_validity(
        &self,
        transaction: &mut Transaction,
        uid_validity: u32,
    ) -> Result<bool, Error> {
        let folders = transaction.all_folders();
        let oldest = |folder: &Arc<Folder>| u32::try_from(folder.created).unwrap_or(0);
        let first = folders.iter().map(oldest).min().unwrap_or(0);
        let is_taken = folders
            .iter()
            .any(|folder| folder.uid_validity == uid_validity);
        if uid_validity == 0 || is_taken {
            return Ok(false);
        }
        let last = &mut transaction.head.last_uid_validity;
        if uid_validity > *last {
            // One far ahead would leave no room for folders to come.
            let now = u32::try_from(self.mailboxes.now()).unwrap_or(0);
            if uid_validity > now {
                return Ok(false);
            }
            *last = uid_validity;
        } else if uid_validity >= first {
            return Ok(false);
        }
        let key = keys::adopted(uid_validity);
        let adopted = self.mailboxes.store.get(self.account(), &key).await?;
        Ok(adopted.is_none())
    }
}

impl Folder {
    /// The uid of the next item, which may bring one along.
    pub(crate) fn uid_for(&self, own: Option<u32>) -> u32 {
        own.filter(|uid| (self.uid_next..self.kept_below).contains(uid))
            .unwrap_or_else(|| self.uid_next.max(self.kept_below))
    }
}
