//! A folder as POP3 sees it: one session at a time, and unique-ids that stay.

use std::{collections::HashSet, sync::Arc};

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

    /// The unique-ids (RFC 1939 §7 UIDL) of a view's rows, in their order: the one that an item came with, else one made
    /// from uid_validity and uid, which never name another item.
    pub async fn unique_ids(&self, folder: FolderId, view: &View) -> Result<Vec<String>, Error> {
        let mut ids = Vec::with_capacity(view.len());
        let mut stored = HashSet::new();
        for row in view.rows() {
            let mut id = None;
            if row.facts.contains(Facts::STORED_UIDL) {
                // An item that left meanwhile, or is damaged, still needs an id of its own.
                id = match self.record(folder, row.uid).await {
                    Ok(record) => record.stored_uidl,
                    Err(Error::NoSuchItem { .. } | Error::Damaged { .. }) => None,
                    Err(error) => return Err(error),
                };
            }
            // Ids must be unique in the maildrop, whatever an import brought in.
            let id = id.filter(|id| stored.insert(id.clone()));
            ids.push(id.unwrap_or_else(|| unique_id(view.uid_validity, row.uid)));
        }
        Ok(ids)
    }
}

/// The unique-id of an item that came without one.
pub(crate) fn unique_id(uid_validity: u32, uid: u32) -> String {
    format!("{uid_validity:08x}.{uid:08x}")
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
    }
}
