//! What an administrator does: add, change, remove. Everything is durable when a function returns.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use fieldpost_store::{AccountId, Scan, StoreError};

use crate::{
    Account, AccountUpdate, Address, Directory, DirectoryError, NewAccount, Secret,
    account::normalise,
    address::canonical_domain,
    audit,
    change::{Draft, Edit},
    credential::Credentials,
    record,
};

/// An account that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The id that its data had, and that nobody gets again.
    pub id: AccountId,
    /// Its primary address at that time.
    pub address: Address,
    /// When it went.
    pub removed: SystemTime,
}

impl Directory {
    /// Makes an account; its domains become local domains.
    pub async fn add(self: &Arc<Self>, new: NewAccount) -> Result<Arc<Account>, DirectoryError> {
        let credentials = match &new.password {
            Some(password) => Some(self.derive_credentials(password, 1).await?),
            None => None,
        };
        let mut account = Account {
            id: AccountId::ORGANISATION,
            address: new.address,
            aliases: new.aliases,
            display_name: new.display_name,
            enabled: new.enabled,
            protocols: new.protocols,
            created: now(),
            save_sent: None,
        };
        normalise(&mut account)?;
        let account = self
            .change(move |draft| draft.add(account.clone(), credentials.clone()))
            .await?;
        audit::managed("account_added", &account);
        Ok(account)
    }

    /// Changes an account and tells what it is now.
    pub async fn set(
        self: &Arc<Self>,
        id: AccountId,
        update: AccountUpdate,
    ) -> Result<Arc<Account>, DirectoryError> {
        let account = self
            .change(move |draft| {
                let account = draft.existing(id)?;
                let updated = Arc::new(update.apply(&account)?);
                draft.check_addresses(&updated)?;
                if *updated != *account {
                    draft.edits.push(Edit::Put(Arc::clone(&updated)));
                }
                Ok(updated)
            })
            .await?;
        audit::managed("account_changed", &account);
        Ok(account)
    }

    /// Sets an account's password, or takes it away. The old one, and whatever was remembered of it, no longer works
    /// when this returns.
    pub async fn set_password(
        self: &Arc<Self>,
        id: AccountId,
        password: Option<Secret>,
    ) -> Result<(), DirectoryError> {
        if self.account(id).is_none() {
            return Err(DirectoryError::NoSuchAccount(id));
        }
        // Random, so that neither a change at the same time nor a password that was taken away in between can make two
        // generations equal; see `Credentials::generation`.
        let generation = u64::from_be_bytes(crate::random::array()?);
        let credentials = match password {
            Some(password) => Some(self.derive_credentials(&password, generation).await?),
            None => None,
        };
        let account = self
            .change(move |draft| {
                let account = draft.existing(id)?;
                draft.edits.push(Edit::Credentials(id, credentials.clone()));
                Ok(account)
            })
            .await?;
        audit::managed("password_changed", &account);
        Ok(())
    }

    /// Removes an account. Its addresses are free at once, its id never; its mail is left to `mailbox`.
    pub async fn remove(self: &Arc<Self>, id: AccountId) -> Result<Arc<Account>, DirectoryError> {
        let account = self
            .change(move |draft| {
                let account = draft.existing(id)?;
                draft.edits.push(Edit::Remove(Arc::clone(&account)));
                Ok(account)
            })
            .await?;
        audit::managed("account_removed", &account);
        Ok(account)
    }

    /// Makes a domain local, so that unknown users in it are refused rather than relayed. Doing it twice is no error.
    pub async fn add_domain(self: &Arc<Self>, domain: &str) -> Result<(), DirectoryError> {
        let domain = canonical_domain(domain)?;
        self.change(move |draft| {
            if draft.names.domain(&domain).is_none() {
                draft.edits.push(Edit::AddDomain(domain.clone()));
            }
            Ok(())
        })
        .await
    }

    /// Ends a domain that nobody has addresses in.
    pub async fn remove_domain(self: &Arc<Self>, domain: &str) -> Result<(), DirectoryError> {
        let domain = canonical_domain(domain)?;
        self.change(move |draft| match draft.names.domain(&domain) {
            None => Err(DirectoryError::NoSuchDomain(domain.clone())),
            Some(0) => {
                draft.edits.push(Edit::RemoveDomain(domain.clone()));
                Ok(())
            }
            Some(addresses) => Err(DirectoryError::DomainInUse {
                domain: domain.clone(),
                addresses,
            }),
        })
        .await
    }

    /// A page of the removed accounts in order of id, from behind `after`.
    pub async fn removed(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Removed>, StoreError> {
        let mut scan = Scan::prefix(vec![record::TOMBSTONES]).limit(limit);
        if let Some(after) = after {
            let mut start = record::id_key(record::TOMBSTONES, after).to_vec();
            start.push(0);
            scan.start = start.into();
        }
        let page = self.store.scan(AccountId::ORGANISATION, scan).await?;
        page.iter()
            .map(|(key, value)| {
                let (removed, address) = record::decode_tombstone(value)?;
                Ok(Removed {
                    id: record::key_id(key)?,
                    address,
                    removed,
                })
            })
            .collect()
    }

    /// Hashes a new password, off the async threads.
    pub(crate) async fn derive_credentials(
        &self,
        password: &Secret,
        generation: u64,
    ) -> Result<Credentials, DirectoryError> {
        password.check()?;
        let (password, settings) = (password.clone(), self.settings.clone());
        let work = Arc::clone(&self.work);
        self.hashing
            .run(move || Credentials::derive(&password, generation, &settings, &work))
            .await?
    }
}

impl Draft<'_> {
    /// Plans a new account; its id is given here.
    pub(crate) fn add(
        &mut self,
        mut account: Account,
        credentials: Option<Credentials>,
    ) -> Result<Arc<Account>, DirectoryError> {
        self.check_addresses(&account)?;
        account.id = self.new_id();
        let account = Arc::new(account);
        self.edits.push(Edit::Put(Arc::clone(&account)));
        if let Some(credentials) = credentials {
            self.edits
                .push(Edit::Credentials(account.id, Some(credentials)));
        }
        Ok(account)
    }

    pub(crate) fn existing(&self, id: AccountId) -> Result<Arc<Account>, DirectoryError> {
        self.names
            .account(id)
            .cloned()
            .ok_or(DirectoryError::NoSuchAccount(id))
    }

    /// Each address belongs to one account.
    fn check_addresses(&self, account: &Account) -> Result<(), DirectoryError> {
        for address in account.addresses() {
            if let Some(holder) = self.names.by_address(address.as_str())
                && holder != account.id
            {
                return Err(DirectoryError::AddressTaken {
                    address: address.to_string(),
                    account: holder,
                });
            }
            if self.names.group(address).is_some() {
                return Err(DirectoryError::AddressOfGroup(address.to_string()));
            }
        }
        Ok(())
    }
}

/// The present time in whole milliseconds, as the record keeps it.
pub(crate) fn now() -> SystemTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UNIX_EPOCH + std::time::Duration::from_millis(since.as_millis() as u64)
}
