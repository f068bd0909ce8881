//! [`Directory`]: opening it, and looking things up.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use fieldpost_store::{
    AccountId, Bus, Commit, Committed, Pair, Scan, Store, StoreError, Subscription, Topics,
};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Mutex as AsyncMutex;
use zeroize::Zeroizing;

use crate::{
    Account, Address, DirectoryError, LoginName, SendRight, Settings, Statistics,
    address::canonical_domain,
    attempts::Attempts,
    audit::Arrivals,
    credential::{Cost, Credentials, SALT, ScramKeys, Verifier, mac},
    hashing::Hashing,
    names::Names,
    random,
    record::{self, Head, decode_account, key_id},
    statistics::Work,
    verified::Verified,
};

/// The organisation. One of these is shared by all front-ends of a process.
pub struct Directory {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Settings,
    /// Derives what unknown users seem to have. Never changes, so that they seem to have the same tomorrow.
    secret: Zeroizing<[u8; 32]>,
    /// The accounts and addresses as last committed; written by `change.rs` only.
    pub(crate) names: RwLock<Names>,
    /// What checking a password costs, by account; written together with `names`, and by the renewal of credentials.
    pub(crate) costs: Mutex<Costs>,
    /// The head record as this process last saw it in the store. Held while a change is made: one at a time.
    pub(crate) head: AsyncMutex<Option<Bytes>>,
    /// Wakes watchers, after `names` has changed.
    pub(crate) bus: Arc<Bus>,
    pub(crate) hashing: Hashing,
    pub(crate) verified: Verified,
    pub(crate) arrivals: Arrivals,
    pub(crate) attempts: Attempts,
    pub(crate) work: Arc<Work>,
}

impl Directory {
    /// Reads the directory from the store; the first time, makes an empty one.
    pub async fn open(
        store: Arc<dyn Store>,
        mut settings: Settings,
    ) -> Result<Arc<Self>, DirectoryError> {
        settings.check()?;
        if let Some(domain) = &mut settings.default_domain {
            *domain = canonical_domain(domain)?;
        }
        let secret = server_secret(&*store).await?;
        let loaded = load(&*store).await?;
        Ok(Arc::new(Self {
            store,
            secret,
            names: RwLock::new(loaded.names),
            costs: Mutex::new(loaded.costs),
            head: AsyncMutex::new(loaded.head),
            bus: Bus::new(),
            hashing: Hashing::new(settings.hashing_threads, settings.hashing_queue),
            verified: Verified::new(settings.remember_verified)?,
            arrivals: Arrivals::new(),
            attempts: Attempts::new(settings.attempts),
            work: Arc::default(),
            settings,
        }))
    }

    /// Whose address it is, in any spelling. Disabled accounts are found too: the caller looks whether that matters.
    pub fn resolve(&self, address: &str) -> Option<AccountId> {
        self.resolve_address(&Address::parse(address).ok()?)
    }

    /// Whose address it is.
    pub fn resolve_address(&self, address: &Address) -> Option<AccountId> {
        self.names.read().by_address(address.as_str())
    }

    /// Whose name it is, in any form that sign-in takes.
    pub fn resolve_login(&self, name: &[u8]) -> Option<AccountId> {
        let name = LoginName::parse(name).ok()?;
        self.names
            .read()
            .login(&name, self.settings.default_domain.as_deref())
    }

    /// The account of that id.
    pub fn account(&self, id: AccountId) -> Option<Arc<Account>> {
        self.names.read().account(id).cloned()
    }

    /// Whether mail to that domain is ours, in any spelling.
    pub fn is_local_domain(&self, domain: &str) -> bool {
        canonical_domain(domain).is_ok_and(|domain| self.names.read().domain(&domain).is_some())
    }

    /// The local domains in order, with the number of addresses in each.
    pub fn domains(&self) -> Vec<(String, usize)> {
        let names = self.names.read();
        names
            .domains()
            .map(|(domain, count)| (domain.to_owned(), count))
            .collect()
    }

    /// A page of all accounts in order of id, from behind `after`, at most `limit`.
    pub fn list(&self, after: Option<AccountId>, limit: usize) -> Vec<Arc<Account>> {
        let names = self.names.read();
        names.page(after).take(limit).cloned().collect()
    }

    /// How many accounts there are.
    pub fn accounts(&self) -> usize {
        self.names.read().len()
    }

    /// Wakes at each change of an account or of its password. A mark's topic is the account's id, 0 for the domains; by
    /// the time it arrives, look-ups show the change. `Topics::Only` of one account is what a session waits for to end
    /// when its user is disabled.
    pub fn watch(&self, topics: Topics) -> Subscription {
        self.bus.subscribe(AccountId::ORGANISATION, topics)
    }

    /// What the directory did since it was opened.
    pub fn statistics(&self) -> Statistics {
        self.work.snapshot()
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The credentials of an account. For nobody a key that does not exist is read, so that this costs the same.
    pub(crate) async fn credentials(
        &self,
        id: Option<AccountId>,
    ) -> Result<Option<(Credentials, Bytes)>, StoreError> {
        let key = record::id_key(record::CREDENTIALS, id.unwrap_or_default());
        match self.store.get(AccountId::ORGANISATION, &key).await? {
            Some(value) => Ok(Some((Credentials::decode(&value)?, value))),
            None => Ok(None),
        }
    }

    /// The SCRAM keys that somebody without any seems to have: the same each time he is asked for, like real ones.
    pub(crate) fn decoy_scram_keys(&self, login: &[u8]) -> ScramKeys {
        let salt = self.derive(b"salt", login);
        ScramKeys {
            iterations: self.settings.scram_iterations,
            salt: salt[..SALT].to_vec(),
            stored_key: self.derive(b"stored key", login),
            server_key: self.derive(b"server key", login),
        }
    }

    /// What checking a password of somebody without one costs: what it costs for some account that exists, always the
    /// same one while none come or go, so that a directory of imported hashes is as silent as one of our own.
    pub(crate) fn decoy_cost(&self, login: &[u8]) -> Cost {
        let digest = self.derive(b"cost", login);
        let draw = digest
            .first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        self.costs
            .lock()
            .draw(draw)
            .unwrap_or(Cost::Argon2id(self.settings.argon2))
    }

    fn derive(&self, purpose: &[u8], login: &[u8]) -> [u8; 32] {
        let key = mac(&self.secret[..], purpose);
        mac(&key, login)
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("accounts", &self.accounts())
            .finish_non_exhaustive()
    }
}

/// What checking a password costs, by account and summed up.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    by_account: BTreeMap<AccountId, Cost>,
    counts: BTreeMap<Cost, u64>,
}

impl Costs {
    /// Notes the cost of an account's password; `None` if it has none.
    pub(crate) fn put(&mut self, id: AccountId, cost: Option<Cost>) {
        let old = match cost {
            Some(cost) => {
                *self.counts.entry(cost).or_default() += 1;
                self.by_account.insert(id, cost)
            }
            None => self.by_account.remove(&id),
        };
        if let Some(old) = old
            && let Some(count) = self.counts.get_mut(&old)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&old);
            }
        }
    }

    fn draw(&self, draw: u64) -> Option<Cost> {
        let mut at = draw.checked_rem(self.by_account.len() as u64)?;
        for (cost, count) in &self.counts {
            if at < *count {
                return Some(*cost);
            }
            at -= count;
        }
        None
    }
}

/// All that is kept in memory, as it lies in the store.
pub(crate) struct Loaded {
    pub(crate) names: Names,
    pub(crate) costs: Costs,
    pub(crate) head: Option<Bytes>,
}

/// Reads the whole directory. A record that is damaged is left out and logged; the rest stays usable.
pub(crate) async fn load(store: &dyn Store) -> Result<Loaded, StoreError> {
    // First the head: a change that comes in between makes our next commit conflict, and we read again.
    let head = store.get(AccountId::ORGANISATION, record::HEAD).await?;
    let mut names = Names::default();
    let mut costs = Costs::default();
    let mut domains = Pages::new(record::DOMAINS);
    while let Some((key, _)) = domains.next(store).await? {
        match std::str::from_utf8(&key[1..]) {
            Ok(domain) => names.add_domain(domain),
            Err(_) => tracing::error!("damaged domain record in the directory"),
        }
    }
    let mut accounts = Pages::new(record::ACCOUNTS);
    while let Some((key, value)) = accounts.next(store).await? {
        let decoded = key_id(&key).and_then(|id| decode_account(id, &value));
        match decoded {
            Ok(account) => names.put(Arc::new(account)),
            Err(error) => tracing::error!(?key, %error, "an account is left out"),
        }
    }
    let mut groups = Pages::new(record::GROUPS);
    while let Some((key, value)) = groups.next(store).await? {
        match record::decode_group(&value) {
            Ok(group) => names.put_group(Arc::new(group)),
            Err(error) => tracing::error!(?key, %error, "a group is left out"),
        }
    }
    for right in SendRight::ALL {
        let mut senders = Pages::new(record::senders_table(right));
        while let Some((key, value)) = senders.next(store).await? {
            let decoded = key_id(&key).and_then(|id| Ok((id, record::decode_senders(&value)?)));
            match decoded {
                Ok((id, senders)) => names.set_senders(id, right, senders),
                Err(error) => {
                    tracing::error!(?key, %right, %error, "who may send in an account's name is left out");
                }
            }
        }
    }
    let mut credentials = Pages::new(record::CREDENTIALS);
    while let Some((key, value)) = credentials.next(store).await? {
        let decoded = key_id(&key).and_then(|id| Ok((id, Credentials::decode(&value)?)));
        match decoded {
            Ok((id, credentials)) => {
                costs.put(id, credentials.password_verifier().map(Verifier::cost));
            }
            Err(error) => tracing::error!(?key, %error, "an account's credentials are damaged"),
        }
    }
    Ok(Loaded { names, costs, head })
}

/// What the head record says. If it is damaged, ids go on behind all that were ever seen.
pub(crate) async fn read_head(
    store: &dyn Store,
    value: Option<&Bytes>,
) -> Result<Head, StoreError> {
    match value.map(|value| Head::decode(value)) {
        Some(Ok(head)) => return Ok(head),
        Some(Err(error)) => tracing::error!(%error, "the directory's head is made anew"),
        None => {}
    }
    let mut head = Head::FIRST;
    for table in [record::ACCOUNTS, record::TOMBSTONES] {
        let last = Scan::prefix(vec![table]).reversed().limit(1);
        for (key, _) in store.scan(AccountId::ORGANISATION, last).await? {
            head.next_id = head.next_id.max(key_id(&key)?.0.saturating_add(1));
        }
    }
    let mut after = Some(AccountId(head.next_id - 1));
    // Data without an account record is old data of somebody else: nobody new gets its id.
    loop {
        let page = store.accounts(after, 1000).await?;
        let Some(last) = page.last() else { break };
        head.next_id = head.next_id.max(last.0.saturating_add(1));
        after = Some(*last);
    }
    Ok(head)
}

/// Walks one table of the organisation, page by page.
struct Pages {
    scan: Option<Scan>,
    page: std::vec::IntoIter<Pair>,
    last: Bytes,
}

impl Pages {
    fn new(table: u8) -> Self {
        Self {
            scan: Some(Scan::prefix(vec![table]).limit(PAGE)),
            page: Vec::new().into_iter(),
            last: Bytes::new(),
        }
    }

    async fn next(&mut self, store: &dyn Store) -> Result<Option<Pair>, StoreError> {
        loop {
            if let Some(pair) = self.page.next() {
                self.last = pair.0.clone();
                return Ok(Some(pair));
            }
            let Some(scan) = &mut self.scan else {
                return Ok(None);
            };
            if !self.last.is_empty() {
                let mut start = self.last.to_vec();
                start.push(0);
                scan.start = start.into();
            }
            let page = store.scan(AccountId::ORGANISATION, scan.clone()).await?;
            if page.is_empty() {
                self.scan = None;
            }
            self.page = page.into_iter();
        }
    }
}

/// The server's secret, made if there is none.
async fn server_secret(store: &dyn Store) -> Result<Zeroizing<[u8; 32]>, DirectoryError> {
    for _ in 0..3 {
        if let Some(value) = store
            .get(AccountId::ORGANISATION, record::SERVER_SECRET)
            .await?
        {
            let secret = <[u8; 32]>::try_from(&value[..])
                .map_err(|_| record::damaged("the directory's server secret"))?;
            return Ok(Zeroizing::new(secret));
        }
        let secret = Zeroizing::new(random::array::<32>()?);
        let mut commit = Commit::new(AccountId::ORGANISATION);
        commit
            .require(record::SERVER_SECRET, None)
            .put(record::SERVER_SECRET, secret.to_vec());
        match store.commit(commit).await? {
            Committed::Accepted(receipt) => {
                receipt.durable().await?;
                return Ok(secret);
            }
            // Another node was first; take its secret.
            Committed::Conflict { .. } => {}
        }
    }
    Err(DirectoryError::Contended)
}

/// Records read at a time while loading.
const PAGE: usize = 1000;

#[cfg(test)]
mod tests;
