//! Sending in another's name: whom an account lets send *as* itself, and whom *on behalf* of itself, as a shared mailbox does.

use std::{fmt, sync::Arc};

use fieldpost_store::AccountId;

use crate::{Account, Directory, DirectoryError, MAX_MEMBERS, audit, change::Edit};

/// A right to send in the name of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SendRight {
    /// From names the account, and nothing tells who sent it.
    SendAs,
    /// From names the account, and Sender who sent it (RFC 5322 §3.6.2).
    SendOnBehalf,
}

impl SendRight {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::SendAs, Self::SendOnBehalf];

    /// Its name in logs and listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendAs => "send_as",
            Self::SendOnBehalf => "send_on_behalf",
        }
    }
}

impl fmt::Display for SendRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who else may send in the name of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Senders {
    send_as: Vec<AccountId>,
    send_on_behalf: Vec<AccountId>,
}

impl Senders {
    pub(crate) const NONE: &'static Self = &Self {
        send_as: Vec::new(),
        send_on_behalf: Vec::new(),
    };

    /// Those who have the right.
    pub(crate) fn with(&self, right: SendRight) -> &[AccountId] {
        match right {
            SendRight::SendAs => &self.send_as,
            SendRight::SendOnBehalf => &self.send_on_behalf,
        }
    }

    pub(crate) fn set(&mut self, right: SendRight, senders: Vec<AccountId>) {
        match right {
            SendRight::SendAs => self.send_as = senders,
            SendRight::SendOnBehalf => self.send_on_behalf = senders,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.send_as.is_empty() && self.send_on_behalf.is_empty()
    }

    /// What one of them may. Who may do both sends as the account.
    fn right_of(&self, sender: AccountId) -> Option<SendRight> {
        let mut rights = SendRight::ALL.into_iter();
        rights.find(|right| self.with(*right).contains(&sender))
    }
}

impl Directory {
    /// How `sender` may send in the name of `address`, in any spelling: as his own, as another account that lets him, on behalf
    /// of one that lets him do that. `None`: he may not.
    pub fn send_right(&self, sender: AccountId, address: &str) -> Option<SendRight> {
        let owner = self.resolve(address)?;
        if owner == sender {
            return Some(SendRight::SendAs);
        }
        self.names.read().senders(owner).right_of(sender)
    }

    /// Who else has a right to send in the name of `account`, in order of id.
    pub fn senders(&self, account: AccountId, right: SendRight) -> Vec<Arc<Account>> {
        let names = self.names.read();
        let senders = names.senders(account).with(right);
        // An account that was removed is still named.
        let senders = senders.iter().filter_map(|sender| names.account(*sender));
        senders.cloned().collect()
    }

    /// Gives a right over an account to `add`, and takes it from `remove`.
    pub async fn set_senders(
        self: &Arc<Self>,
        id: AccountId,
        right: SendRight,
        add: Vec<AccountId>,
        remove: Vec<AccountId>,
    ) -> Result<(), DirectoryError> {
        let (account, gained, lost) = self
            .change(move |draft| {
                let account = draft.existing(id)?;
                for sender in &add {
                    draft.existing(*sender)?;
                }
                let before = draft.names.senders(id).with(right);
                let mut senders = before.to_vec();
                senders.extend(&add);
                senders.retain(|sender| {
                    !remove.contains(sender)
                        && *sender != id
                        && draft.names.account(*sender).is_some()
                });
                senders.sort_unstable();
                senders.dedup();
                if senders.len() > MAX_MEMBERS {
                    return Err(DirectoryError::TooLarge {
                        what: "the list of senders",
                        size: senders.len(),
                        limit: MAX_MEMBERS,
                    });
                }
                let gained = missing_in(before, &senders);
                let lost = missing_in(&senders, before);
                if senders != before {
                    draft.edits.push(Edit::Senders(id, right, senders));
                }
                Ok((account, gained, lost))
            })
            .await?;
        audit::send_right_changed(&account, right, &gained, &lost);
        Ok(())
    }
}

/// Those of `others` who are not in `list`.
fn missing_in(list: &[AccountId], others: &[AccountId]) -> Vec<AccountId> {
    let others = others.iter().filter(|other| !list.contains(other));
    others.copied().collect()
}

#[cfg(test)]
mod tests {
    use fieldpost_store::{MemoryStore, Store};

    use super::*;
    use crate::{Address, NewAccount, Settings};

    async fn open(store: &Arc<dyn Store>) -> Arc<Directory> {
        Directory::open(Arc::clone(store), Settings::default())
            .await
            .unwrap()
    }

    async fn add(directory: &Arc<Directory>, address: &str) -> AccountId {
        let account = NewAccount::new(Address::parse(address).unwrap());
        directory.add(account).await.unwrap().id
    }

    fn ids(accounts: &[Arc<Account>]) -> Vec<AccountId> {
        accounts.iter().map(|account| account.id).collect()
    }

    #[tokio::test]
    async fn an_account_lets_others_send_as_it_or_on_its_behalf() {
        use SendRight::{SendAs, SendOnBehalf};
        let store: Arc<dyn Store> = MemoryStore::new();
        let directory = open(&store).await;
        let office = add(&directory, "office@x.test").await;
        let anna = add(&directory, "a@x.test").await;
        let bo = add(&directory, "b@x.test").await;
        let carol = add(&directory, "c@x.test").await;
        let everybody = vec![anna, bo, office];
        directory
            .set_senders(office, SendAs, everybody, vec![bo])
            .await
            .unwrap();
        directory
            .set_senders(office, SendOnBehalf, vec![bo, carol, anna], Vec::new())
            .await
            .unwrap();
        let again = open(&store).await;
        assert_eq!(ids(&again.senders(office, SendAs)), [anna]);
        assert_eq!(ids(&again.senders(office, SendOnBehalf)), [anna, bo, carol]);
        for (sender, address, right) in [
            (anna, "OFFICE@x.test", Some(SendAs)),
            (anna, "a@x.test", Some(SendAs)),
            (bo, "Office@X.test", Some(SendOnBehalf)),
            (office, "a@x.test", None),
            (office, "office@x.test", Some(SendAs)),
            (anna, "nobody@x.test", None),
            (bo, "a@x.test", None),
        ] {
            assert_eq!(again.send_right(sender, address), right, "{address}");
        }
        again
            .set_senders(office, SendOnBehalf, Vec::new(), vec![bo])
            .await
            .unwrap();
        assert_eq!(again.send_right(bo, "office@x.test"), None);
        again.remove(carol).await.unwrap();
        assert_eq!(ids(&again.senders(office, SendOnBehalf)), [anna]);
        again.remove(office).await.unwrap();
        for directory in [again, open(&store).await] {
            for right in SendRight::ALL {
                assert!(directory.senders(office, right).is_empty());
            }
        }
    }
}
