//! What all POP3 connections of a process share.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use fieldpost_directory::{Directory, Identity};
use fieldpost_mailbox::Mailboxes;
use parking_lot::Mutex;

use crate::Settings;

/// The front-end's view of the rest of the server.
pub struct Service {
    pub(crate) directory: Arc<Directory>,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) settings: Settings,
    /// Written by every sign-in while `LOGIN-DELAY` is in force.
    sign_ins: SignIns,
}

impl Service {
    /// A service over an organisation and its mailboxes.
    pub fn new(
        directory: Arc<Directory>,
        mailboxes: Arc<Mailboxes>,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            directory,
            mailboxes,
            settings,
            sign_ins: SignIns::default(),
        })
    }

    /// Whether the account may sign in at `now`, and if so, remembers that it did.
    pub(crate) fn admit(&self, identity: &Identity, now: Instant) -> bool {
        self.sign_ins
            .admit(identity.account.0, self.settings.login_delay, now)
    }
}

/// When each account, by its id, signed in last, for as long as that matters: entries older than the delay are dropped.
#[derive(Debug, Default)]
struct SignIns {
    last: Mutex<HashMap<u64, Instant>>,
}

impl SignIns {
    fn admit(&self, account: u64, delay: Duration, now: Instant) -> bool {
        if delay.is_zero() {
            return true;
        }
        let recent = |then: &Instant| now.saturating_duration_since(*then) < delay;
        let mut last = self.last.lock();
        if last.get(&account).is_some_and(recent) {
            return false;
        }
        // Only as the map is about to grow, so that the cost is shared by the sign-ins that made it as large.
        if last.len() == last.capacity() {
            last.retain(|_, then| recent(then));
        }
        last.insert(account, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_sign_in_waits_out_the_delay() {
        let sign_ins = SignIns::default();
        let delay = Duration::from_mins(1);
        let start = Instant::now();
        let (alice, bob) = (1, 2);
        assert!(sign_ins.admit(alice, delay, start));
        assert!(sign_ins.admit(bob, delay, start));
        assert!(!sign_ins.admit(alice, delay, start + Duration::from_secs(59)));
        // The refused attempt does not begin the delay anew.
        assert!(sign_ins.admit(alice, delay, start + delay));
        assert!(sign_ins.admit(alice, Duration::ZERO, start + delay));
    }

    #[test]
    fn what_is_past_the_delay_takes_no_memory() {
        let sign_ins = SignIns::default();
        let delay = Duration::from_secs(1);
        let start = Instant::now();
        for account in 0..10_000 {
            assert!(sign_ins.admit(account, delay, start + delay * account as u32));
        }
        assert!(sign_ins.last.lock().len() < 100);
    }
}
