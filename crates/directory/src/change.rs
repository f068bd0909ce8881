//! How the directory changes: one change at a time, committed under the head it was planned on, durable before anybody
//! sees it.
//!
//! A change is *planned* on the names in memory, as a list of edits; the commit and the new names are both made from that
//! list, so they can't differ. If the head in the store is not the one we know, another node (or an earlier change whose
//! outcome we never learnt) was in between: everything is read again and the change planned anew.

use std::sync::Arc;

use bytes::Bytes;
use fieldpost_store::{AccountId, Commit, Committed, Mark};

use crate::{
    Account, Directory, DirectoryError, Group, SendRight,
    credential::{Credentials, Verifier},
    directory::{load, read_head},
    names::Names,
    record::{self, Head},
};

/// One step of a change.
#[derive(Debug)]
pub(crate) enum Edit {
    /// An account is new or different; domains of its addresses that are new become local.
    Put(Arc<Account>),
    /// An account's password changes; `None` takes it away.
    Credentials(AccountId, Option<Credentials>),
    /// An account goes and leaves a tombstone.
    Remove(Arc<Account>),
    /// Others may send in the name of an account, or may no longer.
    Senders(AccountId, SendRight, Vec<AccountId>),
    /// A group is new or different; its domain becomes local if it is new.
    PutGroup(Arc<Group>),
    /// A group goes.
    RemoveGroup(Arc<Group>),
    /// A domain becomes local.
    AddDomain(String),
    /// A domain is no longer local.
    RemoveDomain(String),
}

/// What a change is planned on.
pub(crate) struct Draft<'a> {
    pub(crate) names: &'a Names,
    next_id: u64,
    pub(crate) edits: Vec<Edit>,
}

impl Draft<'_> {
    /// An id that no account has or had.
    pub(crate) fn new_id(&mut self) -> AccountId {
        let id = AccountId(self.next_id);
        self.next_id += 1;
        id
    }
}

impl Directory {
    /// Makes a change. `plan` may be called several times. It runs in a task of its own: a caller who goes away leaves a
    /// change that is made or not, never one that is in the store and not in memory.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        plan: impl Fn(&mut Draft<'_>) -> Result<T, DirectoryError> + Send + Sync + 'static,
    ) -> Result<T, DirectoryError> {
        let directory = Arc::clone(self);
        tokio::spawn(async move { directory.change_here(plan).await })
            .await
            .map_err(|_| DirectoryError::Stopped)?
    }

    async fn change_here<T>(
        &self,
        plan: impl Fn(&mut Draft<'_>) -> Result<T, DirectoryError>,
    ) -> Result<T, DirectoryError> {
        let mut known = self.head.lock().await;
        for _ in 0..ATTEMPTS {
            let head = read_head(&*self.store, known.as_ref()).await?;
            let (result, edits, next_id) = {
                let names = self.names.read();
                let mut draft = Draft {
                    names: &names,
                    next_id: head.next_id,
                    edits: Vec::new(),
                };
                let result = plan(&mut draft)?;
                (result, draft.edits, draft.next_id)
            };
            if edits.is_empty() {
                return Ok(result);
            }
            let head = Head {
                mod_seq: head.mod_seq + 1,
                next_id,
            };
            let commit = self.commit_of(known.clone(), head, &edits);
            let (value, marks) = (head.encode(), commit.marks.clone());
            match self.store.commit(commit).await? {
                Committed::Accepted(receipt) => {
                    // If this fails, `known` stays the old head: the next change conflicts and reads what is true.
                    receipt.durable().await?;
                    *known = Some(value);
                    self.show(edits);
                    self.bus.publish(AccountId::ORGANISATION, &marks);
                    return Ok(result);
                }
                Committed::Conflict { .. } => {
                    let loaded = load(&*self.store).await?;
                    *known = loaded.head;
                    *self.names.write() = loaded.names;
                    *self.costs.lock() = loaded.costs;
                }
            }
        }
        Err(DirectoryError::Contended)
    }

    fn commit_of(&self, known: Option<Bytes>, head: Head, edits: &[Edit]) -> Commit {
        let names = self.names.read();
        let mut commit = Commit::new(AccountId::ORGANISATION);
        commit
            .require(record::HEAD, known)
            .put(record::HEAD, head.encode());
        for edit in edits {
            let topic = match edit {
                Edit::Put(account) => {
                    commit.put(
                        record::id_key(record::ACCOUNTS, account.id),
                        record::encode_account(account),
                    );
                    for address in account.addresses() {
                        if names.domain(address.domain()).is_none() {
                            commit.put(
                                record::domain_key(address.domain()),
                                record::encode_domain(),
                            );
                        }
                    }
                    account.id
                }
                Edit::Credentials(id, credentials) => {
                    let key = record::id_key(record::CREDENTIALS, *id);
                    match credentials {
                        Some(credentials) => commit.put(key, credentials.encode()),
                        None => commit.delete(key),
                    };
                    *id
                }
                Edit::Remove(account) => {
                    commit
                        .delete(record::id_key(record::ACCOUNTS, account.id))
                        .delete(record::id_key(record::CREDENTIALS, account.id))
                        .put(
                            record::id_key(record::TOMBSTONES, account.id),
                            record::encode_tombstone(account, std::time::SystemTime::now()),
                        );
                    for right in SendRight::ALL {
                        commit.delete(record::id_key(record::senders_table(right), account.id));
                    }
                    account.id
                }
                Edit::Senders(id, right, senders) => {
                    let key = record::id_key(record::senders_table(*right), *id);
                    if senders.is_empty() {
                        commit.delete(key);
                    } else {
                        commit.put(key, record::encode_senders(senders));
                    }
                    *id
                }
                Edit::PutGroup(group) => {
                    let domain = group.address.domain();
                    commit.put(
                        record::group_key(&group.address),
                        record::encode_group(group),
                    );
                    if names.domain(domain).is_none() {
                        commit.put(record::domain_key(domain), record::encode_domain());
                    }
                    AccountId::ORGANISATION
                }
                Edit::RemoveGroup(group) => {
                    commit.delete(record::group_key(&group.address));
                    AccountId::ORGANISATION
                }
                Edit::AddDomain(domain) => {
                    commit.put(record::domain_key(domain), record::encode_domain());
                    AccountId::ORGANISATION
                }
                Edit::RemoveDomain(domain) => {
                    commit.delete(record::domain_key(domain));
                    AccountId::ORGANISATION
                }
            };
            commit.marks.push(Mark {
                topic: topic.0,
                mod_seq: head.mod_seq,
            });
        }
        commit
    }

    /// Brings the look-ups to what was committed.
    fn show(&self, edits: Vec<Edit>) {
        let mut names = self.names.write();
        let mut costs = self.costs.lock();
        for edit in edits {
            match edit {
                Edit::Put(account) => names.put(account),
                Edit::Credentials(id, credentials) => {
                    let verifier = credentials
                        .as_ref()
                        .and_then(Credentials::password_verifier);
                    costs.put(id, verifier.map(Verifier::cost));
                }
                Edit::Remove(account) => {
                    names.remove(account.id);
                    for right in SendRight::ALL {
                        names.set_senders(account.id, right, Vec::new());
                    }
                    costs.put(account.id, None);
                }
                Edit::Senders(id, right, senders) => names.set_senders(id, right, senders),
                Edit::PutGroup(group) => names.put_group(group),
                Edit::RemoveGroup(group) => names.remove_group(&group.address),
                Edit::AddDomain(domain) => names.add_domain(&domain),
                Edit::RemoveDomain(domain) => names.remove_domain(&domain),
            }
        }
    }
}

/// How often a change is planned anew when others come in between.
const ATTEMPTS: usize = 10;
