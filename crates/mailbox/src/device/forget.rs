//! Forgetting what a device holds: for good, or so that it begins anew.

use fieldpost_store::{Commit, Mark, Scan};

use super::{DeviceId, Generation, collection::random, hierarchy, parts};
use crate::{Error, FolderId, Mailbox, keys, pages::Pages};

impl Mailbox {
    /// Forgets a device and all it holds; when it comes again, it begins from nothing. Whether there was any.
    pub async fn forget_device(&self, id: &DeviceId) -> Result<bool, Error> {
        let was_there = self.device(id).await?.is_some();
        self.drop_states(id, None).await?;
        let mut commit = Commit::new(self.account());
        commit.delete(keys::device(id));
        self.commit_aside(commit).await?;
        Ok(was_there)
    }

    /// Lets a device begin from nothing in `folder`, or in all folders and with their list.
    ///
    /// A state that the device has no key of takes the place of the old one: so a waiting request finds that there is
    /// something to tell, and the device comes and learns that its key is gone. Without any state it would be taken for
    /// one that does not care for the folder, and would wait for ever.
    pub async fn forget_states(
        &self,
        id: &DeviceId,
        folder: Option<FolderId>,
    ) -> Result<(), Error> {
        let folders = match folder {
            Some(folder) => vec![folder],
            None => {
                let mut folders = self.device_folders(id).await?;
                folders.push(FolderId::HIERARCHY);
                folders
            }
        };
        for folder in folders {
            self.forget_state(id, folder, Which::Known).await?;
        }
        Ok(())
    }

    /// The same after a backup was put back, which does not know what each device took up since: in every folder.
    pub(crate) async fn forget_after_restore(&self, id: &DeviceId) -> Result<(), Error> {
        self.forget_all(id, Which::All).await
    }

    /// The same for a device that speaks of what it was told while nothing is known of that: in every folder of which there is no
    /// state.
    pub async fn forget_unknown(&self, id: &DeviceId) -> Result<(), Error> {
        self.forget_all(id, Which::Unknown).await
    }

    async fn forget_all(&self, id: &DeviceId, which: Which) -> Result<(), Error> {
        for folder in &*self.folders().await? {
            self.forget_state(id, folder.id, which).await?;
        }
        // A state of it that can't be read is none.
        self.forget_state(id, FolderId::HIERARCHY, Which::All).await
    }

    /// Puts a state that the device has no key of in the place of what there is.
    async fn forget_state(
        &self,
        id: &DeviceId,
        folder: FolderId,
        which: Which,
    ) -> Result<(), Error> {
        let _turn = self.account.turns.wait(id, folder).await;
        let stored = self.stored_generations(id, folder).await?;
        let read: Vec<_> = stored
            .iter()
            .filter(|one| !one.bytes.is_empty())
            .map(|one| Generation::decode(&one.bytes))
            .collect();
        if which != Which::All && read.is_empty() != (which == Which::Unknown) {
            return Ok(());
        }
        let fresh = if folder == FolderId::HIERARCHY {
            hierarchy::unheard_of()
        } else {
            // What the device wants to see of the folder decides whether there is something to tell.
            let newest = read.into_iter().flatten().max_by_key(|one| one.counter);
            Generation {
                id: random(),
                counter: 1,
                options: newest.map(|one| one.options).unwrap_or_default(),
                ..Generation::default()
            }
            .encode()
        };
        let mut commit = Commit::new(self.account());
        parts::put(&mut commit, id, folder, 0, &fresh, &stored[0]);
        parts::put(&mut commit, id, folder, 1, &[], &stored[1]);
        // Nothing in the folder has changed, but a request of the device that waits for that has to look again.
        commit.marks.push(Mark {
            topic: folder.0,
            mod_seq: 0,
        });
        if self.commit_aside(commit).await? {
            Ok(())
        } else {
            Err(Error::Busy(self.account()))
        }
    }

    /// Forgets what a device holds of `folder`, which is gone, or of all and of their list.
    pub async fn drop_states(&self, id: &DeviceId, folder: Option<FolderId>) -> Result<(), Error> {
        let prefix = match folder {
            None => keys::sync_states(id),
            Some(folder) => keys::sync_state(id, folder),
        };
        let mut pages = Pages::new(&*self.mailboxes.store, self.account(), Scan::prefix(prefix));
        let mut commit = Commit::new(self.account());
        while let Some((key, _)) = pages.next().await? {
            commit.delete(key);
            if commit.ops.len() >= AT_ONCE {
                let full = std::mem::replace(&mut commit, Commit::new(self.account()));
                self.commit_aside(full).await?;
            }
        }
        self.commit_aside(commit).await.map(drop)
    }
}

/// Whose place a state that the device has no key of takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// That of a state.
    Known,
    /// That of none.
    Unknown,
    /// Either.
    All,
}

const AT_ONCE: usize = 1024;
