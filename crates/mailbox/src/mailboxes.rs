//! All mailboxes of a process, and how much of them is in memory.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use fieldpost_message::{Scanner, Summary};
use fieldpost_store::{AccountId, BodyId, BodyWriter, StageOptions, StagedBody, Store};
use parking_lot::Mutex;

use crate::{
    Error, FolderId, Mailbox, Settings,
    account::{Account, State},
    folder::make_default_folders,
    header_cache::HeaderCache,
    outbox::Noted,
    search::{KeyCache, ThreadNames},
};

/// All mailboxes of a process.
pub struct Mailboxes {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Settings,
    /// Written by `open`, and by eviction, which drops those that nobody has in hand.
    accounts: Mutex<HashMap<AccountId, Arc<Account>>>,
    /// Bytes that all accounts' states take up.
    memory: AtomicUsize,
    /// Grows with every look at an account or a folder.
    tick: AtomicU64,
    pub(crate) headers: HeaderCache,
    pub(crate) keys: KeyCache,
    pub(crate) thread_names: ThreadNames,
    pub(crate) outboxes: Noted,
}

impl Mailboxes {
    /// The mailboxes that lie in `store`. One process must have one of these: two on the same store keep each
    /// other's commits out by conflict, but may show what the other has changed late.
    pub fn new(store: Arc<dyn Store>, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            headers: HeaderCache::new(settings.header_memory),
            keys: KeyCache::new(settings.sort_memory),
            thread_names: ThreadNames::default(),
            outboxes: Noted::default(),
            store,
            settings,
            accounts: Mutex::default(),
            memory: AtomicUsize::new(0),
            tick: AtomicU64::new(1),
        })
    }

    /// The mailbox of `account`. Its special folders are made when it is opened for the first time.
    /// Whether the account exists is for the directory to say.
    pub async fn open(self: &Arc<Self>, account: AccountId) -> Result<Mailbox, Error> {
        let mailbox = self.handle(account);
        let is_new = {
            let cached = mailbox.account.cached.lock();
            cached
                .state
                .as_ref()
                .is_none_or(|state| state.stored_head.is_none())
        };
        if is_new {
            make_default_folders(&mailbox).await?;
        }
        Ok(mailbox)
    }

    /// The mailbox of `account` if it was ever opened; makes nothing. For a store that is only read.
    pub async fn open_existing(
        self: &Arc<Self>,
        account: AccountId,
    ) -> Result<Option<Mailbox>, Error> {
        let mailbox = self.handle(account);
        let is_there = mailbox
            .shown(|state| Ok(state.stored_head.is_some()))
            .await?;
        Ok(is_there.then_some(mailbox))
    }

    /// The accounts that have a mailbox, in order, from behind `after`.
    pub async fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, Error> {
        let after = after.unwrap_or(AccountId::ORGANISATION);
        Ok(self.store.accounts(Some(after), limit).await?)
    }

    /// Begins to take a message in. `account` is one of those it may go to, `size` what the peer said of its size.
    pub async fn receive(&self, account: AccountId, size: Option<u64>) -> Result<Incoming, Error> {
        self.admit_size(size.unwrap_or(0))?;
        let options = StageOptions {
            account,
            size_hint: size,
            id: None,
        };
        Ok(Incoming {
            writer: self.store.stage_body(options).await?,
            scanner: Scanner::new(self.settings.scanner.clone()),
            size: 0,
            last: [0; 2],
            limit: self.settings.max_item_size,
        })
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many bytes the accounts in memory take up.
    pub fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// How many bytes the headers in memory take up.
    pub fn header_memory(&self) -> usize {
        self.headers.memory()
    }

    /// How many bytes the keys that items are sorted and threaded by take up in memory.
    pub fn sort_memory(&self) -> usize {
        self.keys.memory()
    }

    /// Drops everything that is in memory; what is asked next is read from the store.
    pub async fn forget_all(&self) {
        self.headers.clear();
        self.keys.clear();
        let accounts: Vec<_> = self.accounts.lock().values().cloned().collect();
        for account in accounts {
            let _writer = account.writer.lock().await;
            account.cached.lock().state = None;
            self.recharge(&account);
        }
    }

    pub(crate) fn handle(self: &Arc<Self>, account: AccountId) -> Mailbox {
        let account = Arc::clone(
            self.accounts
                .lock()
                .entry(account)
                .or_insert_with(|| Arc::new(Account::new(account))),
        );
        Mailbox {
            mailboxes: Arc::clone(self),
            account,
        }
    }

    pub(crate) fn now(&self) -> i64 {
        (self.settings.clock)()
    }

    pub(crate) fn tick(&self) -> u64 {
        self.tick.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn admit_size(&self, size: u64) -> Result<(), Error> {
        let limit = self.settings.max_item_size;
        if limit != 0 && size > limit {
            return Err(Error::ItemTooLarge { size, limit });
        }
        Ok(())
    }

    /// Counts anew what `account` takes up, and makes room if all take up too much.
    /// Never called with an account's cache locked.
    pub(crate) fn recharge(&self, account: &Account) {
        let (before, now) = {
            let mut cached = account.cached.lock();
            let now = cached.memory();
            (std::mem::replace(&mut cached.charged, now), now)
        };
        let total = if now >= before {
            self.memory.fetch_add(now - before, Ordering::Relaxed) + (now - before)
        } else {
            self.memory.fetch_sub(before - now, Ordering::Relaxed) - (before - now)
        };
        if total > self.settings.memory_budget {
            self.make_room();
        }
    }

    /// Drops folders and whole accounts, the least recently used first, until a tenth of the budget is free.
    fn make_room(&self) {
        let goal = self.settings.memory_budget / 10 * 9;
        let accounts: Vec<_> = self.accounts.lock().values().cloned().collect();
        let mut candidates: Vec<(u64, usize, Option<FolderId>)> = Vec::new();
        for (number, account) in accounts.iter().enumerate() {
            let cached = account.cached.lock();
            let Some(state) = &cached.state else { continue };
            candidates.push((cached.used, number, None));
            candidates.extend(
                state
                    .indexes
                    .iter()
                    .map(|(folder, index)| (index.used, number, Some(*folder))),
            );
        }
        candidates.sort_unstable();
        for (_, number, folder) in candidates {
            if self.memory() <= goal {
                break;
            }
            let account = &accounts[number];
            // Whoever writes relies on the state, but not on the folders' arrays.
            let writer = account.writer.try_lock();
            let mut cached = account.cached.lock();
            match (folder, &mut cached.state) {
                (Some(folder), Some(state)) => drop(state.indexes.remove(&folder)),
                (None, state) if writer.is_ok() => *state = None,
                (None, _) | (Some(_), None) => continue,
            }
            let now = cached.memory();
            let before = std::mem::replace(&mut cached.charged, now);
            self.memory
                .fetch_sub(before.saturating_sub(now), Ordering::Relaxed);
        }
        drop(accounts);
        self.accounts.lock().retain(|_, account| {
            Arc::strong_count(account) > 1 || account.cached.lock().state.is_some()
        });
    }

    /// Reads `account`'s state, if it is not in memory. The caller holds the account's writer.
    pub(crate) async fn load(&self, account: &Account) -> Result<(), Error> {
        if account.cached.lock().state.is_some() {
            return Ok(());
        }
        let state = State::load(&*self.store, account, self.settings.default_quota).await?;
        {
            let mut cached = account.cached.lock();
            cached.state = Some(state);
            cached.used = self.tick();
        }
        self.recharge_quietly(account);
        Ok(())
    }

    /// Counts anew without making room: what was just loaded is about to be used.
    fn recharge_quietly(&self, account: &Account) {
        let mut cached = account.cached.lock();
        let now = cached.memory();
        let before = std::mem::replace(&mut cached.charged, now);
        if now >= before {
            self.memory.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.memory.fetch_sub(before - now, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Mailboxes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailboxes")
            .field("settings", &self.settings)
            .field("memory", &self.memory())
            .finish_non_exhaustive()
    }
}

/// A message on its way in: its bytes go to a staged body and through the scanner as they come.
/// Dropping it discards them.
pub struct Incoming {
    writer: Box<dyn BodyWriter>,
    scanner: Scanner,
    size: u64,
    /// The last two bytes that came.
    last: [u8; 2],
    limit: u64,
}

impl Incoming {
    /// Takes the next bytes.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.size += chunk.len() as u64;
        if self.limit != 0 && self.size > self.limit {
            return Err(Error::ItemTooLarge {
                size: self.size,
                limit: self.limit,
            });
        }
        match *chunk {
            [] => {}
            [byte] => self.last = [self.last[1], byte],
            [.., before, byte] => self.last = [before, byte],
        }
        self.scanner.push(&chunk);
        Ok(self.writer.write(chunk).await?)
    }

    /// How many bytes came so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the message. It is not in any mailbox yet, and not durable.
    pub async fn finish(self) -> Result<Received, Error> {
        let summary = self.scanner.finish();
        let body = self.writer.finish().await?;
        let open_end = self.size > 0 && self.last != *b"\r\n";
        Ok(Received::new(body, summary, open_end))
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// A whole message that may go into any number of mailboxes. Copies share its bytes.
#[derive(Clone, Debug)]
pub struct Received {
    pub(crate) body: BodyId,
    pub(crate) size: u64,
    /// The body, if nothing of the store need hold it yet.
    pub(crate) staged: Option<StagedBody>,
    pub(crate) summary: Arc<Summary>,
    /// The summary as it is stored: made once, however many mailboxes it goes into.
    pub(crate) stored_summary: Bytes,
    /// Whether its last line does not end with CRLF.
    pub(crate) open_end: bool,
}

impl Received {
    pub(crate) fn new(body: StagedBody, summary: Summary, open_end: bool) -> Self {
        Self {
            size: body.size,
            staged: Some(body.clone()),
            ..Self::held(body.id, summary, open_end)
        }
    }

    /// A message whose body something of the store holds, and holds on to until the message is where it goes.
    pub(crate) fn held(body: BodyId, summary: Summary, open_end: bool) -> Self {
        Self {
            body,
            size: summary.size,
            staged: None,
            open_end,
            stored_summary: summary.encode().into(),
            summary: Arc::new(summary),
        }
    }

    /// What the scanner found.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// How many bytes the message has.
    pub fn size(&self) -> u64 {
        self.size
    }
}
