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
        self.messages.take(account, Instant::now())
    }

    /// Whether one more recipient may be sent to; it counts if so.
    pub(super) fn recipient(&self, account: AccountId) -> bool {
        self.recipients.take(account, Instant::now())
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

    fn take(&self, account: AccountId, now: Instant) -> bool {
        if self.per_hour == 0 {
            return true;
        }
        let one = HOUR / self.per_hour;
        let mut full_at = self.full_at.lock();
        let full = full_at.get(&account).copied().unwrap_or(now).max(now) + one;
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
            assert!(buckets.take(alice, now));
        }
        assert!(!buckets.take(alice, now));
        assert!(buckets.take(bob, now), "each has a bucket of his own");
        let later = now + HOUR / 4;
        assert!(buckets.take(alice, later));
        assert!(!buckets.take(alice, later));
        assert!(Buckets::new(0).take(alice, now));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_nothing_takes_up_no_memory() {
        let buckets = Buckets::new(4);
        let now = Instant::now();
        for number in 0..10_000 {
            assert!(buckets.take(AccountId(number), now + HOUR * number as u32));
        }
        assert!(buckets.full_at.lock().len() < 100);
    }
}
