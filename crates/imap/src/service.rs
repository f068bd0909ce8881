//! What all IMAP connections of a process share.

use std::{collections::HashMap, sync::Arc};

use fieldpost_directory::Directory;
use fieldpost_mailbox::{FolderId, Mailboxes};
use parking_lot::Mutex;

use crate::Settings;

/// The front-end's view of the rest of the server.
pub struct Service {
    pub(crate) directory: Arc<Directory>,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) settings: Settings,
    /// How many connections each account, by its id, has now. Written at sign-in and when a connection ends.
    connections: Mutex<HashMap<u64, u32>>,
    /// From which uid on a folder's messages are `\Recent` (RFC 3501 §2.3.2). Written by every SELECT.
    recent: Mutex<HashMap<(u64, FolderId), u32>>,
}

impl Service {
    /// A service over an organisation and its mailboxes.
    pub fn new(
        directory: Arc<Directory>,
        mailboxes: Arc<Mailboxes>,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory,
            mailboxes,
            settings,
            connections: Mutex::default(),
            recent: Mutex::default(),
        })
    }

    /// Counts a connection of `account`, until what is returned is dropped; `None`: it has as many as it may.
    pub(crate) fn admit(self: &Arc<Self>, account: u64) -> Option<Place> {
        let mut connections = self.connections.lock();
        let count = connections.entry(account).or_default();
        if *count >= self.settings.connections_per_account {
            return None;
        }
        *count += 1;
        Some(Place {
            service: Arc::clone(self),
            account,
        })
    }

    /// The first uid that is `\Recent` to who looks into a folder now, whose next uid is `uid_next`. Whoever may
    /// change the folder (`claims`) takes it: the next one sees only later messages as recent.
    ///
    /// What is recent is not kept on disk: after a restart nothing is, until new mail comes. RFC 9051 has done away with it.
    pub(crate) fn recent(
        &self,
        account: u64,
        folder: FolderId,
        uid_next: u32,
        claims: bool,
    ) -> u32 {
        let mut recent = self.recent.lock();
        if recent.len() >= MOST_FOLDERS && !recent.contains_key(&(account, folder)) {
            recent.clear();
        }
        let first = recent.entry((account, folder)).or_insert(uid_next);
        let found = *first;
        if claims {
            *first = uid_next;
        }
        found
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A counted connection.
#[derive(Debug)]
pub(crate) struct Place {
    service: Arc<Service>,
    account: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.service.connections.lock();
        if let Some(count) = connections.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&self.account);
            }
        }
    }
}

/// Of how many folders it is remembered what is recent: some 3 MB.
const MOST_FOLDERS: usize = 100_000;
