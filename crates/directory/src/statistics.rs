//! What the directory has done since it was opened, for metrics and for the tests that compare the work of refusals.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Argon2Cost;

/// Counters since the directory was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Argon2id hashes computed, and the memory filled by them, in KiB times passes.
    pub argon2id: [u64; 2],
    /// SCRAM keys derived, and PBKDF2 rounds in them.
    pub scram: [u64; 2],
    /// SHA-256-crypt and SHA-512-crypt hashes computed, and the rounds in them.
    pub sha_crypt: [u64; 2],
    /// bcrypt hashes computed, and the rounds in them.
    pub bcrypt: [u64; 2],
    /// Salted SHA-1 hashes computed.
    pub ssha: u64,
    /// Sign-ins answered from memory, without hashing.
    pub remembered: u64,
    /// Sign-ins refused because too many waited for a hashing thread.
    pub busy: u64,
}

/// The live counters; written by whoever does the work, on any thread.
#[derive(Debug, Default)]
pub(crate) struct Work {
    argon2id: [AtomicU64; 2],
    scram: [AtomicU64; 2],
    sha_crypt: [AtomicU64; 2],
    bcrypt: [AtomicU64; 2],
    ssha: AtomicU64,
    remembered: AtomicU64,
    busy: AtomicU64,
}

impl Work {
    pub(crate) fn argon2id(&self, cost: Argon2Cost) {
        count(
            &self.argon2id,
            u64::from(cost.memory) * u64::from(cost.passes),
        );
    }

    pub(crate) fn scram(&self, iterations: u32) {
        count(&self.scram, iterations.into());
    }

    pub(crate) fn sha_crypt(&self, rounds: u32) {
        count(&self.sha_crypt, rounds.into());
    }

    pub(crate) fn bcrypt(&self, cost: u32) {
        count(&self.bcrypt, 1 << cost.min(31));
    }

    pub(crate) fn ssha(&self) {
        self.ssha.fetch_add(1, Relaxed);
    }

    pub(crate) fn remembered(&self) {
        self.remembered.fetch_add(1, Relaxed);
    }

    pub(crate) fn busy(&self) {
        self.busy.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Statistics {
        let pair =
            |counters: &[AtomicU64; 2]| [counters[0].load(Relaxed), counters[1].load(Relaxed)];
        Statistics {
            argon2id: pair(&self.argon2id),
            scram: pair(&self.scram),
            sha_crypt: pair(&self.sha_crypt),
            bcrypt: pair(&self.bcrypt),
            ssha: self.ssha.load(Relaxed),
            remembered: self.remembered.load(Relaxed),
            busy: self.busy.load(Relaxed),
        }
    }
}

fn count(counters: &[AtomicU64; 2], amount: u64) {
    counters[0].fetch_add(1, Relaxed);
    counters[1].fetch_add(amount, Relaxed);
}
