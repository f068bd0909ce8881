//! Slows down guessing. Failures are counted for each pair of (network, account), and for each network alone; beyond a
//! few free ones each doubles the time in which further attempts are refused unread. Nobody waits here: the caller is
//! told how long.
//!
//! - Counting by pair means that whoever guesses at an account locks himself out, and not its user, who comes from
//!   elsewhere. Unknown names are counted like accounts, or the difference would tell who exists.
//! - The same wrong password again counts once: a phone with last year's password polls for ever, and must not lock out
//!   the notebook beside it.
//! - A pair may have only a few attempts in flight, so that a thousand connections at once gain nothing.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    time::Duration,
};

use fieldpost_store::AccountId;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{AttemptLimits, bounded::Generations, verified::Tag};

/// The table of failures.
#[derive(Debug)]
pub(crate) struct Attempts {
    limits: AttemptLimits,
    hasher: RandomState,
    tables: Mutex<Tables>,
}

#[derive(Debug)]
struct Tables {
    pairs: Generations<(Network, Target), Record>,
    networks: Generations<Network, Record>,
}

/// Where attempts come from: one IPv4 address, or the /64 that an IPv6 customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    /// This machine: a Unix socket or loopback. Webmail signs all its users in from here, so only pairs count.
    Local,
    Inet4([u8; 4]),
    Inet6(u64),
}

/// Who an attempt wants to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Account(AccountId),
    /// A name that nobody has, as a hash with a key of this process.
    Unknown(u64),
}

#[derive(Debug, Default)]
struct Record {
    failures: u32,
    in_flight: u32,
    /// The last wrong passwords, as tags cut short.
    recent: [u64; 4],
    last: Option<Instant>,
    blocked_until: Option<Instant>,
}

/// An attempt that may go on. Dropping it without a word (the store failed, the client went away) counts as nothing.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    network: Network,
    target: Target,
}

impl Attempts {
    pub(crate) fn new(limits: AttemptLimits) -> Self {
        Self {
            limits,
            hasher: RandomState::new(),
            tables: Mutex::new(Tables {
                pairs: Generations::new(limits.table),
                networks: Generations::new(limits.table),
            }),
        }
    }

    /// A name as a target, for an account that may or may not exist.
    pub(crate) fn target(&self, account: Option<AccountId>, login: &[u8]) -> Target {
        match account {
            Some(id) => Target::Account(id),
            None => Target::Unknown(self.hasher.hash_one(login.to_ascii_lowercase())),
        }
    }

    /// How long an attempt would have to wait now.
    pub(crate) fn blocked(
        &self,
        peer: Option<IpAddr>,
        target: Target,
        now: Instant,
    ) -> Option<Duration> {
        let network = Network::of(peer);
        let mut tables = self.tables.lock();
        let pair = tables
            .pairs
            .get_mut((network, target))
            .and_then(|record| record.blocked(now));
        let whole = tables
            .networks
            .get_mut(network)
            .and_then(|record| record.blocked(now));
        pair.max(whole)
    }

    /// Begins an attempt, or tells how long to wait.
    pub(crate) fn begin(
        &self,
        peer: Option<IpAddr>,
        target: Target,
        now: Instant,
    ) -> Result<Attempt<'_>, Duration> {
        if let Some(wait) = self.blocked(peer, target, now) {
            return Err(wait);
        }
        let network = Network::of(peer);
        let mut tables = self.tables.lock();
        let record = tables.pairs.entry((network, target), Record::default);
        record.forget(now, self.limits.forget_after);
        if record.in_flight >= IN_FLIGHT {
            return Err(Duration::from_secs(1));
        }
        record.in_flight += 1;
        Ok(Attempt {
            attempts: self,
            network,
            target,
        })
    }
}

impl Attempt<'_> {
    /// The password was right: this network's failures at this account are forgotten. Those at others are not, or one
    /// good account would be a licence to guess at all the rest.
    pub(crate) fn succeeded(self) {
        let mut tables = self.attempts.tables.lock();
        if let Some(record) = tables.pairs.get_mut((self.network, self.target)) {
            record.failures = 0;
            record.blocked_until = None;
        }
    }

    /// The password was wrong. Returns how long further attempts are refused; the caller may hold back its answer as long.
    /// `password` is the tag of a wrong password, if there was one (SCRAM shows none).
    pub(crate) fn failed(self, password: Option<&Tag>, now: Instant) -> Duration {
        let limits = &self.attempts.limits;
        let password = password.map(|tag| {
            // 0 stands for "none yet".
            tag.first_chunk()
                .map_or(1, |bytes| u64::from_be_bytes(*bytes).max(1))
        });
        let mut tables = self.attempts.tables.lock();
        let pair = tables
            .pairs
            .entry((self.network, self.target), Record::default);
        if password.is_some_and(|password| pair.repeats(password)) {
            pair.last = Some(now);
            return Duration::ZERO;
        }
        let mut wait = pair.fail(limits.free_per_account, limits, now);
        if self.network != Network::Local {
            let network = tables.networks.entry(self.network, Record::default);
            network.forget(now, limits.forget_after);
            wait = wait.max(network.fail(limits.free_per_network, limits, now));
        }
        wait
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut tables = self.attempts.tables.lock();
        if let Some(record) = tables.pairs.get_mut((self.network, self.target)) {
            record.in_flight = record.in_flight.saturating_sub(1);
        }
    }
}

impl Network {
    fn of(peer: Option<IpAddr>) -> Self {
        match peer.map(|peer| peer.to_canonical()) {
            None => Self::Local,
            Some(peer) if peer.is_loopback() => Self::Local,
            Some(IpAddr::V4(address)) => Self::Inet4(address.octets()),
            Some(IpAddr::V6(address)) => {
                let network = u128::from(address) >> 64;
                Self::Inet6(network as u64)
            }
        }
    }
}

impl Record {
    fn blocked(&self, now: Instant) -> Option<Duration> {
        self.blocked_until?
            .checked_duration_since(now)
            .filter(|wait| !wait.is_zero())
    }

    fn forget(&mut self, now: Instant, after: Duration) {
        if self
            .last
            .is_some_and(|last| now.duration_since(last) >= after)
        {
            *self = Self {
                in_flight: self.in_flight,
                ..Self::default()
            };
        }
    }

    /// Whether this wrong password is one of the last few; from now on it is.
    fn repeats(&mut self, password: u64) -> bool {
        if let Some(at) = self.recent.iter().position(|recent| *recent == password) {
            self.recent[..=at].rotate_right(1);
            return true;
        }
        self.recent.rotate_right(1);
        self.recent[0] = password;
        false
    }

    /// Counts a failure and tells how long attempts are refused because of it.
    fn fail(&mut self, free: u32, limits: &AttemptLimits, now: Instant) -> Duration {
        self.last = Some(now);
        self.failures = self.failures.saturating_add(1);
        let Some(doublings) = self.failures.checked_sub(free.saturating_add(1)) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let wait = limits
            .first_delay
            .saturating_mul(factor)
            .min(limits.longest_delay);
        self.blocked_until = now.checked_add(wait);
        wait
    }
}

/// Attempts of a pair that may be hashing at the same time; mail programs open a handful of connections at once.
const IN_FLIGHT: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const AWAY: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)));
    const ALICE: Target = Target::Account(AccountId(1));

    fn attempts() -> Attempts {
        Attempts::new(AttemptLimits::default())
    }

    /// Fails with a new password and tells the wait.
    fn fail(attempts: &Attempts, peer: Option<IpAddr>, target: Target, number: u64) -> u64 {
        let now = Instant::now();
        let mut tag = [1; 32];
        tag[..8].copy_from_slice(&number.to_be_bytes());
        let attempt = attempts.begin(peer, target, now).unwrap();
        attempt.failed(Some(&tag), now).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_beyond_the_free_ones_doubles_the_wait_up_to_a_limit() {
        let attempts = attempts();
        let mut waits = Vec::new();
        for number in 1..16 {
            let wait = fail(&attempts, HOME, ALICE, number);
            waits.push(wait);
            if wait > 0 {
                let refused = attempts.begin(HOME, ALICE, Instant::now()).unwrap_err();
                assert_eq!(refused.as_secs(), wait);
                tokio::time::advance(refused).await;
            }
        }
        assert_eq!(
            waits,
            [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_locked_out_from_elsewhere_and_a_success_forgets() {
        let attempts = attempts();
        for number in 1..=5 {
            while let Err(wait) = attempts.begin(AWAY, ALICE, Instant::now()) {
                tokio::time::advance(wait).await;
            }
            fail(&attempts, AWAY, ALICE, number);
        }
        assert!(attempts.begin(AWAY, ALICE, Instant::now()).is_err());
        assert!(attempts.begin(HOME, ALICE, Instant::now()).is_ok());
        assert!(
            attempts
                .begin(AWAY, Target::Account(AccountId(2)), Instant::now())
                .is_ok()
        );
        tokio::time::advance(Duration::from_secs(2)).await;
        attempts
            .begin(AWAY, ALICE, Instant::now())
            .unwrap()
            .succeeded();
        assert_eq!(fail(&attempts, AWAY, ALICE, 99), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_hour_without_failures_all_is_forgotten() {
        let attempts = attempts();
        for number in 1..=4 {
            fail(&attempts, HOME, ALICE, number);
        }
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(fail(&attempts, HOME, ALICE, 5), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_wrong_password_counts_once() {
        let attempts = attempts();
        for _ in 0..100 {
            assert_eq!(fail(&attempts, HOME, ALICE, 7), 0);
        }
        for number in 10..12 {
            assert_eq!(fail(&attempts, HOME, ALICE, number), 0);
        }
        assert_eq!(fail(&attempts, HOME, ALICE, 12), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn trying_one_password_on_many_accounts_is_slowed_down_too() {
        let attempts = attempts();
        let waits: Vec<_> = (1..=31)
            .map(|number| fail(&attempts, AWAY, Target::Unknown(number), number))
            .collect();
        assert_eq!(waits[..30], [0; 30]);
        assert_eq!(waits[30], 1);
        assert!(attempts.begin(AWAY, ALICE, Instant::now()).is_err());
        assert!(attempts.begin(HOME, ALICE, Instant::now()).is_ok());
        // Webmail on this machine signs everybody in from one address.
        for number in 1..100 {
            assert_eq!(fail(&attempts, None, Target::Unknown(number), number), 0);
        }
    }

    #[tokio::test]
    async fn ipv6_is_counted_by_customer() {
        let one = Some("2001:db8:1:2::1".parse().unwrap());
        let two = Some("2001:db8:1:2:ffff::9".parse().unwrap());
        let other = Some("2001:db8:1:3::1".parse().unwrap());
        assert_eq!(Network::of(one), Network::of(two));
        assert_ne!(Network::of(one), Network::of(other));
        let mapped = Some("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(Network::of(mapped), Network::of(HOME));
    }

    #[tokio::test]
    async fn only_a_few_attempts_run_at_once_and_those_given_up_count_as_nothing() {
        let attempts = attempts();
        let now = Instant::now();
        let running: Vec<_> = (0..IN_FLIGHT)
            .map(|_| attempts.begin(HOME, ALICE, now).unwrap())
            .collect();
        assert!(attempts.begin(HOME, ALICE, now).is_err());
        assert!(attempts.begin(AWAY, ALICE, now).is_ok());
        drop(running);
        assert!(attempts.begin(HOME, ALICE, now).is_ok());
        assert_eq!(fail(&attempts, HOME, ALICE, 1), 0);
    }
}
