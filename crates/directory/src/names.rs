//! The map from names to accounts, in memory, kept in step with the store: every change is committed first and shown
//! here afterwards. All look-ups are hash or tree look-ups, whatever the number of accounts.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    ops::Bound,
    sync::Arc,
};

use fieldpost_store::AccountId;
use smallvec::SmallVec;

use crate::{Account, Address, Group, LoginName, SendRight, send_right::Senders};

/// Accounts, addresses and domains.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    accounts: BTreeMap<AccountId, Arc<Account>>,
    by_address: HashMap<Address, AccountId>,
    groups: BTreeMap<Address, Arc<Group>>,
    /// Who else may send in the name of an account.
    senders: HashMap<AccountId, Senders>,
    /// Who has addresses with this local part, one entry for each address, for sign-in without a domain.
    by_local: HashMap<Box<str>, SmallVec<[AccountId; 1]>>,
    /// The local domains, with the number of addresses in each.
    domains: BTreeMap<Arc<str>, usize>,
    /// The local domains by their first label, for `DOMAIN\user`.
    by_label: HashMap<Box<str>, BTreeSet<Arc<str>>>,
}

impl Names {
    pub(crate) fn put(&mut self, account: Arc<Account>) {
        self.remove(account.id);
        for address in account.addresses() {
            self.by_address.insert(address.clone(), account.id);
            self.by_local
                .entry(address.local_part().into())
                .or_default()
                .push(account.id);
            self.add_domain(address.domain());
            if let Some(count) = self.domains.get_mut(address.domain()) {
                *count += 1;
            }
        }
        self.accounts.insert(account.id, account);
    }

    pub(crate) fn remove(&mut self, id: AccountId) {
        let Some(account) = self.accounts.remove(&id) else {
            return;
        };
        for address in account.addresses() {
            self.by_address.remove(address);
            if let Entry::Occupied(mut holders) = self.by_local.entry(address.local_part().into()) {
                if let Some(at) = holders.get().iter().position(|holder| *holder == id) {
                    holders.get_mut().swap_remove(at);
                }
                if holders.get().is_empty() {
                    holders.remove();
                }
            }
            if let Some(count) = self.domains.get_mut(address.domain()) {
                *count -= 1;
            }
        }
    }

    pub(crate) fn set_senders(&mut self, id: AccountId, right: SendRight, senders: Vec<AccountId>) {
        let all = self.senders.entry(id).or_default();
        all.set(right, senders);
        if all.is_empty() {
            self.senders.remove(&id);
        }
    }

    pub(crate) fn senders(&self, id: AccountId) -> &Senders {
        self.senders.get(&id).unwrap_or(Senders::NONE)
    }

    pub(crate) fn put_group(&mut self, group: Arc<Group>) {
        self.remove_group(&group.address);
        self.add_domain(group.address.domain());
        if let Some(count) = self.domains.get_mut(group.address.domain()) {
            *count += 1;
        }
        self.groups.insert(group.address.clone(), group);
    }

    pub(crate) fn remove_group(&mut self, address: &Address) {
        if self.groups.remove(address).is_some()
            && let Some(count) = self.domains.get_mut(address.domain())
        {
            *count -= 1;
        }
    }

    pub(crate) fn group(&self, address: &Address) -> Option<&Arc<Group>> {
        self.groups.get(address)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.values()
    }

    pub(crate) fn add_domain(&mut self, domain: &str) {
        if self.domains.contains_key(domain) {
            return;
        }
        let domain: Arc<str> = domain.into();
        self.by_label
            .entry(first_label(&domain).into())
            .or_default()
            .insert(Arc::clone(&domain));
        self.domains.insert(domain, 0);
    }

    pub(crate) fn remove_domain(&mut self, domain: &str) {
        self.domains.remove(domain);
        if let Entry::Occupied(mut domains) = self.by_label.entry(first_label(domain).into()) {
            domains.get_mut().remove(domain);
            if domains.get().is_empty() {
                domains.remove();
            }
        }
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(&id)
    }

    pub(crate) fn by_address(&self, address: &str) -> Option<AccountId> {
        self.by_address.get(address).copied()
    }

    /// How many addresses a local domain has; `None` if it is not local.
    pub(crate) fn domain(&self, domain: &str) -> Option<usize> {
        self.domains.get(domain).copied()
    }

    pub(crate) fn domains(&self) -> impl Iterator<Item = (&str, usize)> {
        self.domains.iter().map(|(name, count)| (&**name, *count))
    }

    pub(crate) fn page(&self, after: Option<AccountId>) -> impl Iterator<Item = &Arc<Account>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.accounts
            .range((start, Bound::Unbounded))
            .map(|(_, account)| account)
    }

    pub(crate) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whose name it is, if it is exactly one account's.
    pub(crate) fn login(
        &self,
        name: &LoginName,
        default_domain: Option<&str>,
    ) -> Option<AccountId> {
        match name {
            LoginName::Address(address) => self.by_address(address.as_str()),
            LoginName::Local(local) => default_domain
                .and_then(|domain| self.at(local, domain))
                .or_else(|| only_one(self.by_local.get(&**local)?.iter().copied())),
            LoginName::Domain { domain, local } => self.at(local, domain).or_else(|| {
                // A whole domain that is ours is meant as such; only a single label may stand for more.
                if domain.contains('.') {
                    return None;
                }
                let domains = self.by_label.get(&**domain)?;
                // Few people share a local part, while one label may begin thousands of domains.
                let holders = self.by_local.get(&**local)?;
                only_one(holders.iter().copied().filter(|id| {
                    self.accounts.get(id).is_some_and(|account| {
                        account.addresses().any(|address| {
                            address.local_part() == local && domains.contains(address.domain())
                        })
                    })
                }))
            }),
        }
    }

    fn at(&self, local: &str, domain: &str) -> Option<AccountId> {
        let address = Address::from_parts(local, domain).ok()?;
        self.by_address(address.as_str())
    }
}

/// The one id that all of `ids` are, if there is exactly one.
fn only_one(mut ids: impl Iterator<Item = AccountId>) -> Option<AccountId> {
    let first = ids.next()?;
    ids.all(|id| id == first).then_some(first)
}

fn first_label(domain: &str) -> &str {
    domain.split('.').next().unwrap_or(domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocols;
    use proptest::prelude::*;
    use std::time::SystemTime;

    fn account(id: u64, addresses: &[&str]) -> Arc<Account> {
        let mut addresses = addresses.iter().map(|text| Address::parse(text).unwrap());
        Arc::new(Account {
            id: AccountId(id),
            address: addresses.next().unwrap(),
            aliases: addresses.collect(),
            display_name: String::new(),
            enabled: true,
            protocols: Protocols::ALL,
            created: SystemTime::UNIX_EPOCH,
            save_sent: None,
        })
    }

    #[test]
    fn every_name_form_finds_its_account_and_an_ambiguous_one_finds_nobody() {
        let mut names = Names::default();
        names.put(account(1, &["alice@demo.test", "info@demo.test"]));
        names.put(account(2, &["bob@demo.test", "bob@other.test"]));
        names.put(account(3, &["info@demo.example", "carol@demo.example"]));
        let find = |name: &str, default| {
            names
                .login(&LoginName::parse(name.as_bytes()).unwrap(), default)
                .map(|id| id.0)
        };
        assert_eq!(find("ALICE", None), Some(1));
        assert_eq!(find("bob", None), Some(2), "two addresses, one account");
        assert_eq!(find("info", None), None, "two accounts");
        assert_eq!(find("info", Some("demo.example")), Some(3));
        assert_eq!(
            find("alice", Some("demo.example")),
            Some(1),
            "unique elsewhere"
        );
        assert_eq!(find("nobody", None), None);
        assert_eq!(find("Info@Demo.Test", None), Some(1));
        assert_eq!(find("DEMO\\alice", None), Some(1));
        assert_eq!(
            find("DEMO\\carol", None),
            Some(3),
            "another domain of that label"
        );
        assert_eq!(find("DEMO\\info", None), None, "both domains have one");
        assert_eq!(find("demo.test\\info", None), Some(1));
        assert_eq!(find("demo.test\\carol", None), None);
        assert_eq!(find("OTHER\\alice", None), None);
    }

    proptest! {
        /// After any puts and removals the maps are those of a map built anew.
        #[test]
        fn the_maps_stay_in_step(steps in proptest::collection::vec((1_u64..5, 0_u8..8, any::<bool>()), 0..30)) {
            let mut names = Names::default();
            let mut model: BTreeMap<u64, Vec<String>> = BTreeMap::new();
            for (id, mask, put) in steps {
                if put {
                    let addresses: Vec<String> = std::iter::once(format!("own{id}@a.test"))
                        .chain((0..3).filter(|bit| mask & (1 << bit) != 0).map(|bit| format!("x{bit}@d{id}.test")))
                        .collect();
                    names.put(account(id, &addresses.iter().map(String::as_str).collect::<Vec<_>>()));
                    model.insert(id, addresses);
                } else {
                    names.remove(AccountId(id));
                    model.remove(&id);
                }
            }
            let total: usize = model.values().map(Vec::len).sum();
            prop_assert_eq!(names.by_address.len(), total);
            prop_assert_eq!(names.by_local.values().map(SmallVec::len).sum::<usize>(), total);
            prop_assert_eq!(names.domains().map(|(_, count)| count).sum::<usize>(), total);
            prop_assert_eq!(names.len(), model.len());
            for (id, addresses) in &model {
                for address in addresses {
                    prop_assert_eq!(names.by_address(address), Some(AccountId(*id)));
                }
            }
        }
    }
}
