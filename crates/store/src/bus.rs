//! The change bus: who waits for what, and how a durable commit wakes him.
//!
//! A waiting client is one [`Subscription`]: a small shared record and a parked task, no thread, no polling and no
//! buffer that grows. Marks of one topic coalesce to the newest, so a slow subscriber costs no more than a quick one.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::AccountId;

/// Says that something under a topic of an account changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What changed, in the words of whoever commits (the mailbox uses folder ids).
    pub topic: u64,
    /// The account's modification sequence after the change.
    pub mod_seq: u64,
}

/// Which topics of an account to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topics {
    /// Every topic.
    All,
    /// These only.
    Only(SmallVec<[u64; 4]>),
}

impl Topics {
    fn hears(&self, topic: u64) -> bool {
        match self {
            Self::All => true,
            Self::Only(topics) => topics.contains(&topic),
        }
    }
}

/// Brings marks from commits to subscriptions. Shared by every backend.
#[derive(Debug, Default)]
pub struct Bus {
    /// Subscribers by account; an entry is dropped with its last subscriber.
    accounts: Mutex<HashMap<AccountId, Vec<Weak<Waiter>>>>,
}

impl Bus {
    /// A bus without subscribers.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Hears of `topics` from now on.
    pub fn subscribe(self: &Arc<Self>, account: AccountId, topics: Topics) -> Subscription {
        let waiter = Arc::new(Waiter {
            topics,
            state: Mutex::default(),
            wake: Notify::new(),
        });
        self.accounts
            .lock()
            .entry(account)
            .or_default()
            .push(Arc::downgrade(&waiter));
        Subscription {
            waiter,
            account,
            bus: Arc::clone(self),
        }
    }

    /// Tells all who listen. Called by a backend once the commit is durable, never before.
    pub fn publish(&self, account: AccountId, marks: &[Mark]) {
        let waiters = match self.accounts.lock().get(&account) {
            None => return,
            Some(waiters) => waiters.clone(),
        };
        for waiter in waiters.iter().filter_map(Weak::upgrade) {
            waiter.tell(marks);
        }
    }

    /// How many subscriptions are alive.
    pub fn subscribers(&self) -> usize {
        self.accounts
            .lock()
            .values()
            .map(|waiters| waiters.iter().filter(|w| w.strong_count() > 0).count())
            .sum()
    }

    /// Ends all subscriptions: their `next` returns `None`.
    pub fn close(&self) {
        for waiter in self
            .accounts
            .lock()
            .values()
            .flatten()
            .filter_map(Weak::upgrade)
        {
            waiter.state.lock().closed = true;
            waiter.wake.notify_one();
        }
    }
}

/// A stream of change marks. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    waiter: Arc<Waiter>,
    account: AccountId,
    bus: Arc<Bus>,
}

impl Subscription {
    /// Waits for marks and takes all there are, the newest of each topic; `None` once the store has closed.
    /// Safe to drop and call again: no mark is lost by that.
    pub async fn next(&mut self) -> Option<SmallVec<[Mark; 2]>> {
        loop {
            {
                let mut state = self.waiter.state.lock();
                if !state.marks.is_empty() {
                    return Some(std::mem::take(&mut state.marks));
                }
                if state.closed {
                    return None;
                }
            }
            self.waiter.wake.notified().await;
        }
    }

    /// The marks there are now, without waiting.
    pub fn take(&mut self) -> SmallVec<[Mark; 2]> {
        std::mem::take(&mut self.waiter.state.lock().marks)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut accounts = self.bus.accounts.lock();
        if let Some(waiters) = accounts.get_mut(&self.account) {
            let own = Arc::as_ptr(&self.waiter);
            waiters.retain(|waiter| waiter.as_ptr() != own);
            if waiters.is_empty() {
                accounts.remove(&self.account);
            }
        }
    }
}

#[derive(Debug)]
struct Waiter {
    topics: Topics,
    state: Mutex<WaiterState>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct WaiterState {
    marks: SmallVec<[Mark; 2]>,
    closed: bool,
}

impl Waiter {
    fn tell(&self, marks: &[Mark]) {
        let mut state = self.state.lock();
        let mut heard = false;
        for mark in marks.iter().filter(|mark| self.topics.hears(mark.topic)) {
            heard = true;
            match state.marks.iter_mut().find(|old| old.topic == mark.topic) {
                Some(old) => old.mod_seq = old.mod_seq.max(mark.mod_seq),
                None => state.marks.push(*mark),
            }
        }
        if heard {
            self.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(7);

    #[tokio::test]
    async fn marks_of_one_topic_coalesce_to_the_newest() {
        let bus = Bus::new();
        let mut all = bus.subscribe(ACCOUNT, Topics::All);
        let mut one = bus.subscribe(ACCOUNT, Topics::Only(SmallVec::from_slice(&[2])));
        bus.publish(
            ACCOUNT,
            &[Mark {
                topic: 1,
                mod_seq: 10,
            }],
        );
        bus.publish(
            ACCOUNT,
            &[
                Mark {
                    topic: 1,
                    mod_seq: 11,
                },
                Mark {
                    topic: 2,
                    mod_seq: 11,
                },
            ],
        );
        bus.publish(
            AccountId(8),
            &[Mark {
                topic: 2,
                mod_seq: 99,
            }],
        );
        let heard = all.next().await.unwrap();
        assert_eq!(
            heard[..],
            [
                Mark {
                    topic: 1,
                    mod_seq: 11
                },
                Mark {
                    topic: 2,
                    mod_seq: 11
                }
            ]
        );
        assert_eq!(
            one.next().await.unwrap()[..],
            [Mark {
                topic: 2,
                mod_seq: 11
            }]
        );
        assert!(one.take().is_empty());
    }

    #[tokio::test]
    async fn a_dropped_subscription_leaves_nothing_behind() {
        let bus = Bus::new();
        let one = bus.subscribe(ACCOUNT, Topics::All);
        assert_eq!(bus.subscribers(), 1);
        drop(one);
        assert_eq!(bus.subscribers(), 0);
        assert!(bus.accounts.lock().is_empty());
    }

    #[tokio::test]
    async fn close_ends_every_subscription_after_its_last_marks() {
        let bus = Bus::new();
        let mut one = bus.subscribe(ACCOUNT, Topics::All);
        bus.publish(
            ACCOUNT,
            &[Mark {
                topic: 1,
                mod_seq: 1,
            }],
        );
        bus.close();
        assert!(one.next().await.is_some());
        assert!(one.next().await.is_none());
    }
}
