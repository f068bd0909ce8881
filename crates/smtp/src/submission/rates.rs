//! How much an account sends: a bucket that fills evenly over an hour, for messages and for recipients.

use std::{collections::HashMap, time::Duration};

use fieldpost_mailbox::AccountId;
use parking_lot::Mutex;
use tokio::time::Instant;

/// All accounts that sent something lately. One that sent nothing for an hour takes up no memory.
#[derive(Debug)]
pub(super) struct Rates {
    messages: Buckets,
    recipients: Buckets,
}

impl Rates {
    pub(super) fn new(messages_per_hour: u32, recipients_per_hour: u32) -> Self {
        Self {
            messages: Buckets::new(messages_per_hour),
            recipients: Buckets::new(recipients_per_hour),
        }
    }

    /// Whether one more message may be sent; it counts if so.
    pub(super) fn message(&self, account: AccountId) -> bool {
        self.messages.take(account, 1, Instant::now())
    }

    /// Whether so many more recipients may be sent to; they count if so.
    pub(super) fn recipients(&self, account: AccountId, count: u32) -> bool {
        self.recipients.take(account, count, Instant::now())
    }
}

#[derive(Debug)]
struct Buckets {
    per_hour: u32,
    /// For each account when its bucket is full again.
    full_at: Mutex<HashMap<AccountId, Instant>>,
}

impl Buckets {
    fn new(per_hour: u32) -> Self {
        Self {
            per_hour,
            full_at: Mutex::default(),
        }
    }

    /// More than a whole bucket holds takes a whole one: else it could never be had.
    fn take(&self, account: AccountId, count: u32, now: Instant) -> bool {
        if self.per_hour == 0 {
            return true;
        }
        let count = count.min(self.per_hour);
        let wanted = HOUR / self.per_hour * count;
        let mut full_at = self.full_at.lock();
        let full = full_at.get(&account).copied().unwrap_or(now).max(now) + wanted;
        if full.saturating_duration_since(now) > HOUR {
            return false;
        }
        // Only as the map is about to grow, so that the cost is shared by those who made it as large.
        if full_at.len() == full_at.capacity() {
            full_at.retain(|_, full| *full > now);
        }
        full_at.insert(account, full);
        true
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_hour_brings_as_many_as_it_may() {
        let buckets = Buckets::new(4);
        let (alice, bob) = (AccountId(1), AccountId(2));
        let now = Instant::now();
        for _ in 0..4 {
            assert!(buckets.take(alice, 1, now));
        }
        assert!(!buckets.take(alice, 1, now));
        assert!(buckets.take(bob, 1, now), "each has a bucket of his own");
        let later = now + HOUR / 4;
        assert!(buckets.take(alice, 1, later));
        assert!(!buckets.take(alice, 1, later));
        assert!(Buckets::new(0).take(alice, 1, now));
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_are_taken_whole_or_not_at_all() {
        let buckets = Buckets::new(4);
        let (alice, now) = (AccountId(1), Instant::now());
        assert!(buckets.take(alice, 3, now));
        assert!(!buckets.take(alice, 2, now));
        assert!(
            buckets.take(alice, 1, now),
            "what was refused did not count"
        );
        assert!(!buckets.take(alice, 900, now));
        assert!(buckets.take(alice, 900, now + HOUR), "for a whole bucket");
        assert!(!buckets.take(alice, 1, now + HOUR));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_nothing_takes_up_no_memory() {
        let buckets = Buckets::new(4);
        let now = Instant::now();
        for number in 0..10_000 {
            assert!(buckets.take(AccountId(number), 1, now + HOUR * number as u32));
        }
        assert!(buckets.full_at.lock().len() < 100);
    }
}
