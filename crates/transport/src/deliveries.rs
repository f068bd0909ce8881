//! The results of one message's delivery, one for each recipient, in order.

use std::{collections::HashMap, fmt};

use fieldpost_mailbox::{EntryId, FolderId};
use fieldpost_store::AccountId;
use futures_util::{StreamExt as _, stream::BoxStream};

use crate::{Address, Addressee, Destination, Recipient, Refusal};

/// A message that is in a mailbox, durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The recipient's address, as the sender wrote it.
    pub address: Address,
    /// Whose mailbox it is in.
    pub account: AccountId,
    /// The folder.
    pub folder: FolderId,
    /// The item's stay in the folder.
    pub entry: EntryId,
    /// Its IMAP uid.
    pub uid: u32,
}

/// The results of one message's delivery, in the order of its recipients, each as soon as it and those before it are
/// known. Deliveries go on only while somebody asks for results; dropping this leaves the rest undone, and whoever was not
/// reported as delivered must be taken for not delivered.
pub struct Deliveries {
    /// Whose results come, in order: one for each account.
    results: BoxStream<'static, Result<Delivered, Refusal>>,
    /// For each recipient still to be reported (the last one first), its address and which account's result is its.
    waiting: Vec<(Address, usize)>,
    /// The results that have come.
    known: Vec<Result<Delivered, Refusal>>,
}

impl Deliveries {
    /// Splits recipients into accounts, each once and in the order of their first address, groups in the same way, and what the
    /// recipients then wait for: an account's result, or a group's, which come behind those.
    pub(crate) fn plan(
        recipients: Vec<Addressee>,
    ) -> (Vec<Recipient>, Vec<Addressee>, Vec<(Address, usize)>) {
        let mut numbers = HashMap::with_capacity(recipients.len());
        let mut accounts = Vec::with_capacity(recipients.len());
        let mut groups: Vec<Addressee> = Vec::new();
        let mut waiting = Vec::with_capacity(recipients.len());
        // Of which group, by number among the groups, each of those waits that wait for one.
        let mut for_groups = Vec::new();
        for addressee in recipients {
            let recipient = match &addressee.destination {
                Destination::Local(recipient) => recipient.clone(),
                Destination::Group(_) | Destination::Remote(_) => {
                    let same = |one: &Addressee| one.destination == addressee.destination;
                    let number = groups.iter().position(same).unwrap_or(groups.len());
                    for_groups.push((waiting.len(), number));
                    waiting.push((addressee.address.clone(), 0));
                    if number == groups.len() {
                        groups.push(addressee);
                    }
                    continue;
                }
            };
            let number = *numbers.entry(recipient.account()).or_insert(accounts.len());
            waiting.push((recipient.address().clone(), number));
            if number == accounts.len() {
                accounts.push(recipient);
            }
        }
        for (at, number) in for_groups {
            waiting[at].1 = accounts.len() + number;
        }
        waiting.reverse();
        (accounts, groups, waiting)
    }

    pub(crate) fn new(
        results: BoxStream<'static, Result<Delivered, Refusal>>,
        waiting: Vec<(Address, usize)>,
    ) -> Self {
        Self {
            results,
            waiting,
            known: Vec::new(),
        }
    }

    /// The next recipient's result; `None` behind the last. Safe to drop and call again: no result is lost by that.
    pub async fn next(&mut self) -> Option<Result<Delivered, Refusal>> {
        let number = self.waiting.last()?.1;
        while self.known.len() <= number {
            let result = self.results.next().await?;
            self.known.push(result);
        }
        let (address, number) = self.waiting.pop()?;
        let result = self.known[number].clone();
        Some(result.map(|delivered| Delivered {
            address,
            ..delivered
        }))
    }

    /// All results.
    pub async fn all(mut self) -> Vec<Result<Delivered, Refusal>> {
        let mut all = Vec::with_capacity(self.waiting.len());
        while let Some(result) = self.next().await {
            all.push(result);
        }
        all
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries")
            .field("waiting", &self.waiting.len())
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}
