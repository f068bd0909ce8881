//! Mail to a distribution group: who may send it, and to whom it goes.

use std::{collections::HashSet, sync::Arc};

use fieldpost_directory::{self as directory, Group, GroupSenders};
use fieldpost_store::AccountId;

use crate::{Address, Addressee, Destination, Refusal, Status, Transport, destination::Next};

/// Who has the message already.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Mailboxes of ours.
    pub(crate) accounts: HashSet<AccountId>,
    /// Addresses elsewhere.
    addresses: HashSet<String>,
}

impl Transport {
    /// The group of that address, if there is one and `sender` may write to it.
    pub(crate) fn group(
        &self,
        address: &Address,
        sender: Option<&Address>,
    ) -> Result<Option<Arc<Group>>, Refusal> {
        let Some(group) = self.directory.group(address.as_str()) else {
            return Ok(None);
        };
        if !self.may_send_to(&group, sender) {
            return Err(Refusal::new(
                550,
                Status(5, 7, 1),
                format!("<{address}>: you may not send to this group"),
            ));
        }
        if self.members(&group).is_empty() {
            return Err(Refusal::new(
                550,
                Status(5, 1, 1),
                format!("<{address}>: nobody is in this group"),
            ));
        }
        Ok(Some(group))
    }

    /// Recipients in place of the groups among them, each mailbox and each address once however often it is named, but for
    /// those in `done`.
    pub(crate) fn expanded(&self, addressees: Vec<Addressee>, done: &mut Done) -> Vec<Addressee> {
        // Whoever is named himself has his copy under that name.
        let (groups, named): (Vec<_>, Vec<_>) = addressees
            .into_iter()
            .partition(|one| matches!(one.destination, Destination::Group(_)));
        let mut all = Vec::new();
        let members = groups.into_iter().flat_map(|addressee| {
            let members = match &addressee.destination {
                Destination::Group(group) => self.members(group),
                Destination::Local(_) | Destination::Remote(_) => Vec::new(),
            };
            members.into_iter().map(move |member| Addressee {
                notify: addressee.notify,
                ..member
            })
        });
        for addressee in named.into_iter().chain(members) {
            let is_new = match &addressee.destination {
                Destination::Local(recipient) => done.accounts.insert(recipient.account()),
                Destination::Remote(address) => done.addresses.insert(address.as_str().to_owned()),
                Destination::Group(_) => false,
            };
            if is_new {
                all.push(addressee);
            }
        }
        all
    }

    /// How many members of a group, and of the groups within it, mail reaches through other servers.
    pub fn members_elsewhere(&self, group: &Group) -> usize {
        let members = self.members(group);
        let destinations = members.iter().map(|member| &member.destination);
        let elsewhere = |one: &&Destination| matches!(one, Destination::Remote(_));
        destinations.filter(elsewhere).count()
    }

    fn may_send_to(&self, group: &Group, sender: Option<&Address>) -> bool {
        let same = |one: &str, other: &str| {
            let (one, other) = (
                directory::Address::parse(one),
                directory::Address::parse(other),
            );
            matches!((one, other), (Ok(one), Ok(other)) if one == other)
        };
        match (&group.senders, sender) {
            (GroupSenders::Anyone, _) => true,
            (GroupSenders::Members | GroupSenders::Listed(_), None) => false,
            (GroupSenders::Members, Some(sender)) => {
                let account = self.directory.resolve(sender.as_str());
                self.members(group)
                    .iter()
                    .any(|member| match &member.destination {
                        Destination::Local(recipient) => Some(recipient.account()) == account,
                        Destination::Remote(address) => same(address.as_str(), sender.as_str()),
                        Destination::Group(_) => false,
                    })
            }
            (GroupSenders::Listed(listed), Some(sender)) => {
                let account = self.directory.resolve(sender.as_str());
                listed.iter().any(|one| {
                    same(one.as_str(), sender.as_str())
                        || (account.is_some() && self.directory.resolve_address(one) == account)
                })
            }
        }
    }

    /// Everybody in a group and in the groups within it, each group once, so that circles end.
    fn members(&self, group: &Group) -> Vec<Addressee> {
        let mut seen = HashSet::from([group.address.clone()]);
        let mut waiting: Vec<directory::Address> = group.members.iter().rev().cloned().collect();
        let mut members = Vec::new();
        while let Some(member) = waiting.pop() {
            if members.len() >= MAX_EXPANDED {
                tracing::warn!(group = %group.address, "a group has more members than mail goes to at once");
                break;
            }
            if !seen.insert(member.clone()) {
                continue;
            }
            if let Some(inner) = self.directory.group(member.as_str()) {
                waiting.extend(inner.members.iter().rev().cloned());
                continue;
            }
            let Ok(address) = member.as_str().parse::<Address>() else {
                continue;
            };
            let destination = match self.next(&address) {
                Ok(Next::Local) => self.recipient(&address).map(Destination::Local),
                Ok(Next::Hop(_)) => Ok(Destination::Remote(address.clone())),
                Err(refusal) => Err(refusal),
            };
            match destination {
                Ok(destination) => members.push(Addressee::new(address, destination)),
                Err(refusal) => {
                    tracing::warn!(group = %group.address, %member, %refusal, "a member of a group is passed over");
                }
            }
        }
        members
    }
}

/// The most recipients that one message to a group has.
const MAX_EXPANDED: usize = 10_000;
