//! A folder as POP3 sees it: one session at a time, and unique-ids that stay.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use crate::{Error, Facts, FolderId, Mailbox, View, account::Account};

impl Mailbox {
    /// Takes the exclusive lock of a folder (RFC 1939 §8); `None` while another session has it. Other protocols go on:
    /// the lock keeps out only others who ask for it.
    pub fn exclusive(&self, folder: FolderId) -> Option<MaildropGuard> {
        let is_free = self.account.maildrops.lock().insert(folder);
        is_free.then(|| MaildropGuard {
            account: Arc::clone(&self.account),
            folder,
        })
    }

    /// The same, waiting for the other session to end; `None` once `wait` is over.
    pub async fn exclusive_within(
        &self,
        folder: FolderId,
        wait: Duration,
    ) -> Option<MaildropGuard> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let mut freed = pin!(self.account.maildrop_freed.notified());
            // Before the look: what is given back in between is heard of.
            freed.as_mut().enable();
            if let Some(guard) = self.exclusive(folder) {
                return Some(guard);
            }
            tokio::time::timeout_at(until, freed).await.ok()?;
        }
    }

    /// The unique-ids (RFC 1939 §7 UIDL) of a view's rows: the one that an item came with, else one made from uid_validity
    /// and uid, which never name another item.
    pub async fn unique_ids(&self, folder: FolderId, view: &View) -> Result<UniqueIds, Error> {
        let mut ids = UniqueIds {
            uid_validity: view.uid_validity,
            stored: HashMap::new(),
        };
        let mut taken = HashSet::new();
        for row in view
            .rows()
            .filter(|row| row.facts.contains(Facts::STORED_UIDL))
        {
            // An item that left meanwhile, or is damaged, still needs an id of its own.
            let stored = match self.record(folder, row.uid).await {
                Ok(record) => record.stored_uidl,
                Err(Error::NoSuchItem { .. } | Error::Damaged { .. }) => None,
                Err(error) => return Err(error),
            };
            // Ids must be unique in the maildrop, whatever an import brought in: none twice, and none that is or will be
            // another item's. The id that this very item had here before it was restored from a backup is its own.
            if let Some(id) = stored
                && !is_anothers(&id, row.uid, view)
                && taken.insert(id.clone())
            {
                ids.stored.insert(row.uid, id);
            }
        }
        Ok(ids)
    }
}

/// The unique-ids of a view. Takes up memory only for those that items came with.
#[derive(Clone, Debug)]
pub struct UniqueIds {
    uid_validity: u32,
    /// By uid.
    stored: HashMap<u32, String>,
}

impl UniqueIds {
    /// The unique-id of the item with that uid.
    pub fn of(&self, uid: u32) -> Cow<'_, str> {
        match self.stored.get(&uid) {
            Some(id) => Cow::Borrowed(id),
            None => Cow::Owned(unique_id(self.uid_validity, uid)),
        }
    }
}

/// The unique-id of an item that came without one.
pub(crate) fn unique_id(uid_validity: u32, uid: u32) -> String {
    format!("{}{uid:08x}", unique_id_prefix(uid_validity))
}

/// Whether an id in the form of ours names another item of the view, or one to come.
fn is_anothers(id: &str, uid: u32, view: &View) -> bool {
    let Some(named) = id.strip_prefix(&unique_id_prefix(view.uid_validity)) else {
        return false;
    };
    match u32::from_str_radix(named, 16) {
        Ok(named) if named < uid => view.by_uid(named).is_some(),
        Ok(_) | Err(_) => true,
    }
}

fn unique_id_prefix(uid_validity: u32) -> String {
    format!("{uid_validity:08x}.")
}

/// Holds a folder's exclusive lock; dropping it gives it back.
#[derive(Debug)]
pub struct MaildropGuard {
    account: Arc<Account>,
    folder: FolderId,
}

impl Drop for MaildropGuard {
    fn drop(&mut self) {
        self.account.maildrops.lock().remove(&self.folder);
        self.account.maildrop_freed.notify_waiters();
    }
}
