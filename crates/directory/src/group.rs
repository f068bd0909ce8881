//! Distribution groups: an address that stands for others.

use std::sync::Arc;

use crate::{
    Address, Directory, DirectoryError,
    account::MAX_DISPLAY_NAME,
    change::{Draft, Edit},
};

/// The most members a group may have, groups among them counted as one each.
pub const MAX_MEMBERS: usize = 2000;

/// A distribution group. Mail to it goes to each of its members, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its address, which no account has.
    pub address: Address,
    /// What it is for, for people to read; may be empty.
    pub description: String,
    /// Who is in it: addresses of ours, of other groups, or of anybody elsewhere.
    pub members: Vec<Address>,
    /// Who may send to it.
    pub senders: GroupSenders,
}

/// Who may send to a group, by the envelope's sender. Mail from outside claims what it likes there: it is as true as the mail
/// server in front of us has made sure of (SPF, DMARC).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GroupSenders {
    /// Anybody.
    #[default]
    Anyone,
    /// Its members, those of groups in it included.
    Members,
    /// These addresses, or their accounts by any address.
    Listed(Vec<Address>),
}

/// What [`Directory::set_group`] changes about a group; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupUpdate {
    /// What it is for.
    pub description: Option<String>,
    /// Members to add; one it has already is no error.
    pub add_members: Vec<Address>,
    /// Members to take away; one it does not have is no error.
    pub remove_members: Vec<Address>,
    /// Who may send to it.
    pub senders: Option<GroupSenders>,
}

impl Directory {
    /// The group of that address, in any spelling.
    pub fn group(&self, address: &str) -> Option<Arc<Group>> {
        let address = Address::parse(address).ok()?;
        self.names.read().group(&address).cloned()
    }

    /// All groups, in order of address.
    pub fn groups(&self) -> Vec<Arc<Group>> {
        self.names.read().groups().cloned().collect()
    }

    /// Makes a group; its domain becomes a local domain.
    pub async fn add_group(self: &Arc<Self>, group: Group) -> Result<Arc<Group>, DirectoryError> {
        let group = Arc::new(normalised(group)?);
        self.change(move |draft| {
            draft.check_free(&group.address)?;
            draft.edits.push(Edit::PutGroup(Arc::clone(&group)));
            Ok(Arc::clone(&group))
        })
        .await
    }

    /// Changes a group and tells what it is now.
    pub async fn set_group(
        self: &Arc<Self>,
        address: Address,
        update: GroupUpdate,
    ) -> Result<Arc<Group>, DirectoryError> {
        self.change(move |draft| {
            let mut group = Group::clone(&*draft.existing_group(&address)?);
            group.members.extend(update.add_members.iter().cloned());
            group
                .members
                .retain(|member| !update.remove_members.contains(member));
            if let Some(description) = &update.description {
                group.description.clone_from(description);
            }
            if let Some(senders) = &update.senders {
                group.senders = senders.clone();
            }
            let group = Arc::new(normalised(group)?);
            draft.edits.push(Edit::PutGroup(Arc::clone(&group)));
            Ok(group)
        })
        .await
    }

    /// Removes a group. Its address is free at once.
    pub async fn remove_group(self: &Arc<Self>, address: Address) -> Result<(), DirectoryError> {
        self.change(move |draft| {
            let group = draft.existing_group(&address)?;
            draft.edits.push(Edit::RemoveGroup(group));
            Ok(())
        })
        .await
    }
}

impl Draft<'_> {
    fn existing_group(&self, address: &Address) -> Result<Arc<Group>, DirectoryError> {
        let group = self.names.group(address).cloned();
        group.ok_or_else(|| DirectoryError::NoSuchGroup(address.to_string()))
    }

    /// An address belongs to one account or one group.
    pub(crate) fn check_free(&self, address: &Address) -> Result<(), DirectoryError> {
        if let Some(account) = self.names.by_address(address.as_str()) {
            return Err(DirectoryError::AddressTaken {
                address: address.to_string(),
                account,
            });
        }
        if self.names.group(address).is_some() {
            return Err(DirectoryError::AddressOfGroup(address.to_string()));
        }
        Ok(())
    }
}

/// Sorts out doubled members and checks the limits.
fn normalised(mut group: Group) -> Result<Group, DirectoryError> {
    group.members.sort_unstable();
    group.members.dedup();
    let address = &group.address;
    group.members.retain(|member| member != address);
    let too_large = |what, size, limit| Err(DirectoryError::TooLarge { what, size, limit });
    if group.members.len() > MAX_MEMBERS {
        return too_large("the list of members", group.members.len(), MAX_MEMBERS);
    }
    if let GroupSenders::Listed(senders) = &mut group.senders {
        senders.sort_unstable();
        senders.dedup();
        if senders.len() > MAX_MEMBERS {
            return too_large("the list of senders", senders.len(), MAX_MEMBERS);
        }
    }
    if group.description.len() > MAX_DISPLAY_NAME {
        return too_large("the description", group.description.len(), MAX_DISPLAY_NAME);
    }
    if group.description.chars().any(char::is_control) {
        return Err(DirectoryError::DisplayName);
    }
    Ok(group)
}

#[cfg(test)]
mod tests {
    use fieldpost_store::{MemoryStore, Store};

    use super::*;
    use crate::{NewAccount, Settings};

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn group(text: &str, members: &[&str]) -> Group {
        Group {
            address: address(text),
            description: String::new(),
            members: members.iter().map(|one| address(one)).collect(),
            senders: GroupSenders::Anyone,
        }
    }

    #[tokio::test]
    async fn groups_are_kept_changed_and_removed() {
        let store: Arc<dyn Store> = MemoryStore::new();
        let directory = Directory::open(Arc::clone(&store), Settings::default())
            .await
            .unwrap();
        let members = ["b@x.test", "a@x.test", "A@X.test", "all@x.test"];
        directory
            .add_group(group("all@x.test", &members))
            .await
            .unwrap();
        let update = GroupUpdate {
            description: Some("everybody".to_owned()),
            add_members: vec![address("far@y.test")],
            remove_members: vec![address("b@x.test")],
            senders: Some(GroupSenders::Listed(vec![address("a@x.test")])),
        };
        directory
            .set_group(address("all@x.test"), update)
            .await
            .unwrap();
        let again = Directory::open(store, Settings::default()).await.unwrap();
        let kept = again.group("ALL@x.test").unwrap();
        assert_eq!(kept.members, [address("a@x.test"), address("far@y.test")]);
        assert_eq!(kept.description, "everybody");
        assert_eq!(
            kept.senders,
            GroupSenders::Listed(vec![address("a@x.test")])
        );
        assert!(again.is_local_domain("x.test") && !again.is_local_domain("y.test"));
        assert!(matches!(
            again.remove_domain("x.test").await,
            Err(DirectoryError::DomainInUse { .. })
        ));
        again.remove_group(address("all@x.test")).await.unwrap();
        assert!(again.groups().is_empty());
        again.remove_domain("x.test").await.unwrap();
    }

    #[tokio::test]
    async fn an_address_is_an_accounts_or_a_groups() {
        let store: Arc<dyn Store> = MemoryStore::new();
        let directory = Directory::open(store, Settings::default()).await.unwrap();
        directory
            .add(NewAccount::new(address("a@x.test")))
            .await
            .unwrap();
        assert!(matches!(
            directory.add_group(group("a@x.test", &[])).await,
            Err(DirectoryError::AddressTaken { .. })
        ));
        directory.add_group(group("all@x.test", &[])).await.unwrap();
        assert!(matches!(
            directory.add(NewAccount::new(address("all@x.test"))).await,
            Err(DirectoryError::AddressOfGroup(_))
        ));
        assert!(matches!(
            directory.add_group(group("all@x.test", &[])).await,
            Err(DirectoryError::AddressOfGroup(_))
        ));
    }
}
