//! A handle on one account's mailbox, and its reading side.

use std::sync::Arc;

use fieldpost_store::AccountId;

use crate::{
    Error, FolderId, Labels, Mailboxes, View,
    account::{Account, State},
    index::{FolderIndex, load},
};

/// One account's mailbox. Cheap to copy; all copies share one state.
#[derive(Clone, Debug)]
pub struct Mailbox {
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) account: Arc<Account>,
}

impl Mailbox {
    /// Whose mailbox it is.
    pub fn account(&self) -> AccountId {
        self.account.id
    }

    /// What time it is by the clock that all of a mailbox's times come from, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.mailboxes.now()
    }

    /// A folder's rows as they are now, in uid order, shared by all who look at it.
    pub async fn view(&self, folder: FolderId) -> Result<Arc<View>, Error> {
        loop {
            let tick = self.mailboxes.tick();
            let view = self.shown(|state| share(state, folder, tick)).await?;
            if let Some(view) = view {
                return Ok(view);
            }
            let (view, seen) = {
                let _writer = self.account.writer.lock().await;
                let view = self.load_index(folder).await?;
                (view, self.account.cached.lock().seen())
            };
            // Taken from what was loaded itself: where memory is short it may have left again already.
            if let Some(view) = view
                && self.account.durable(seen).await
            {
                return Ok(view);
            }
        }
    }

    /// The account's table of keywords and categories.
    pub async fn labels(&self) -> Result<Arc<Labels>, Error> {
        self.shown(|state| Ok(Arc::clone(&state.labels))).await
    }

    /// The account's modification sequence.
    pub async fn mod_seq(&self) -> Result<u64, Error> {
        self.shown(|state| Ok(state.head.mod_seq)).await
    }

    /// Takes something from the state once it is loaded, and returns it once it is durable.
    pub(crate) async fn shown<T>(
        &self,
        look: impl Fn(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let looked = {
                let mut cached = self.account.cached.lock();
                cached.used = self.mailboxes.tick();
                let seen = cached.seen();
                cached.state.as_mut().map(|state| (look(state), seen))
            };
            if let Some((value, seen)) = looked {
                if self.account.durable(seen).await {
                    return value;
                }
                continue;
            }
            let _writer = self.account.writer.lock().await;
            self.mailboxes.load(&self.account).await?;
        }
    }

    /// Waits until all that was read from the store since there had been `losses` is durable, and may be shown: also that
    /// there is nothing to change, since the change by somebody else that it rests on may yet be lost. `false`: it was, or
    /// may have been; begin again.
    pub(crate) async fn settled(&self, losses: u64) -> bool {
        let seen = self.account.cached.lock().since(losses);
        self.account.durable(seen).await
    }

    /// Reads a folder's rows into memory, if they are not there. The caller holds the account's writer.
    pub(crate) async fn load_index(&self, folder: FolderId) -> Result<Option<Arc<View>>, Error> {
        self.mailboxes.load(&self.account).await?;
        let tick = self.mailboxes.tick();
        let record = {
            let mut cached = self.account.cached.lock();
            let Some(state) = &mut cached.state else {
                return Ok(None);
            };
            if let Some(view) = share(state, folder, tick)? {
                return Ok(Some(view));
            }
            Arc::clone(state.folder(folder)?)
        };
        let rows = load::rows(&*self.mailboxes.store, &self.account, &record).await?;
        let mut index = FolderIndex::from_rows(&rows);
        let view = {
            let mut cached = self.account.cached.lock();
            let Some(state) = &mut cached.state else {
                return Ok(None);
            };
            index.used = tick;
            state.indexes.insert(folder, index);
            share(state, folder, tick)?
        };
        self.mailboxes.recharge(&self.account);
        Ok(view)
    }
}

/// The view of a folder that is in memory.
fn share(state: &mut State, folder: FolderId, tick: u64) -> Result<Option<Arc<View>>, Error> {
    let record = Arc::clone(state.folder(folder)?);
    Ok(state.indexes.get_mut(&folder).map(|index| {
        index.used = tick;
        index.share(record.uid_validity, record.uid_next, record.highest_mod_seq)
    }))
}
