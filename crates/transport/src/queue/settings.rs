//! What the operator decides about mail that can't be delivered at once.

use std::time::Duration;

/// Settings of the queue.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// The first retry comes after so long; each further one after twice as long as the one before.
    pub first_retry: Duration,
    /// But never after longer than this.
    pub longest_retry: Duration,
    /// After so long the sender is told that it takes long; zero: never.
    pub delay_notice: Duration,
    /// After so long a recipient is given up.
    pub expiry: Duration,
    /// Connections to one next hop at once.
    pub connections_per_hop: usize,
    /// Connections to all next hops at once.
    pub connections: usize,
    /// Messages over one connection.
    pub messages_per_connection: u32,
    /// How long a connection that has nothing to do is kept for the next message.
    pub idle: Duration,
}

impl QueueSettings {
    /// How many seconds after attempt number `attempts` the next one comes. `chance`, of any value, spreads it by a fifth
    /// to both sides, so that what failed together is not tried together for ever.
    pub(crate) fn retry_after(&self, attempts: u32, chance: u64) -> i64 {
        let doublings = attempts.saturating_sub(1).min(32);
        let longest = self.longest_retry.as_secs().max(1);
        let base = self
            .first_retry
            .as_secs()
            .max(1)
            .saturating_mul(1 << doublings)
            .min(longest);
        let fifth = base / 5;
        let spread = chance % (2 * fifth + 1);
        (base - fifth + spread).cast_signed().max(1)
    }

    /// After how many seconds an attempt is repeated at the latest. What is due later than that was put off before the clock was set back.
    pub(crate) fn longest_wait(&self) -> i64 {
        let longest = self.longest_retry.as_secs().max(1);
        longest
            .saturating_add(longest / 5)
            .min(i64::MAX as u64 / 4)
            .cast_signed()
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            first_retry: Duration::from_mins(5),
            longest_retry: Duration::from_hours(4),
            delay_notice: Duration::from_hours(4),
            expiry: Duration::from_hours(5 * 24),
            connections_per_hop: 4,
            connections: 64,
            messages_per_connection: 100,
            idle: Duration::from_secs(5),
        }
    }
}

/// Something random.
pub(crate) fn chance() -> u64 {
    // Without randomness retries are merely not spread.
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_come_at_doubling_distances_within_a_fifth() {
        let settings = QueueSettings {
            first_retry: Duration::from_secs(100),
            longest_retry: Duration::from_secs(1000),
            ..QueueSettings::default()
        };
        for (attempts, base) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1000),
            (99, 1000),
        ] {
            for chance in 0..1000 {
                let after = settings.retry_after(attempts, chance);
                assert!((base * 4 / 5..=base * 6 / 5).contains(&after), "{after}");
            }
        }
        let least = settings.retry_after(1, 0);
        assert_ne!(least, settings.retry_after(1, 40));
    }
}
