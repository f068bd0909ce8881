//! What the operator decides; `server` fills it in from the configuration file.

use std::time::Duration;

use crate::{DirectoryError, sasl::Mechanism};

/// Settings of the directory.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The domain that a bare `user` belongs to at sign-in. Without it, or when nobody in it has that name, a bare name
    /// works if it is unique over all domains.
    pub default_domain: Option<String>,
    /// What a new Argon2id hash costs. Hashes with another cost are renewed at their next use.
    pub argon2: Argon2Cost,
    /// PBKDF2 rounds of new SCRAM-SHA-256 keys. RFC 7677 §4 asks for 4096 at least; the client has to compute them at
    /// each sign-in, the server only when the password is set.
    pub scram_iterations: u32,
    /// Mechanisms to offer, in order of preference; the conditions of each (TLS, channel binding) apply on top.
    pub mechanisms: Vec<Mechanism>,
    /// Take passwords over connections that others can read. For closed networks only.
    pub allow_cleartext: bool,
    /// Hashes computed at the same time; 0 = as many as there are processors.
    pub hashing_threads: usize,
    /// Sign-ins that may wait for a hashing thread; more are told to come back.
    pub hashing_queue: usize,
    /// How long a password that was right is known to be right without hashing it again; zero turns that off.
    pub remember_verified: Duration,
    /// How failed sign-ins slow down who makes them.
    pub attempts: AttemptLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_domain: None,
            argon2: Argon2Cost::default(),
            scram_iterations: 10_000,
            mechanisms: vec![
                Mechanism::ScramSha256Plus,
                Mechanism::ScramSha256,
                Mechanism::Plain,
                Mechanism::Login,
            ],
            allow_cleartext: false,
            hashing_threads: 0,
            hashing_queue: 256,
            remember_verified: Duration::from_mins(5),
            attempts: AttemptLimits::default(),
        }
    }
}

impl Settings {
    /// Whether the numbers make sense.
    pub fn check(&self) -> Result<(), DirectoryError> {
        self.argon2.check()?;
        if !(4096..=1_000_000).contains(&self.scram_iterations) {
            return Err(DirectoryError::Setting {
                setting: "scram_iterations",
                value: self.scram_iterations.into(),
                range: "4096 to 1000000",
            });
        }
        Ok(())
    }
}

/// What one Argon2id hash (RFC 9106) costs. The default is OWASP's recommendation for password storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Argon2Cost {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Argon2Cost {
    /// The least that Argon2 can do, for tests: it protects nothing.
    pub const CHEAPEST: Self = Self {
        memory: 8,
        passes: 1,
        lanes: 1,
    };

    /// Whether Argon2 allows it, and one sign-in does not take the machine down. Holds for imported hashes too.
    pub fn check(&self) -> Result<(), DirectoryError> {
        let fault = |setting, value: u32, range| DirectoryError::Setting {
            setting,
            value: value.into(),
            range,
        };
        if !(1..=16).contains(&self.lanes) {
            return Err(fault("argon2.lanes", self.lanes, "1 to 16"));
        }
        if self.memory < 8 * self.lanes || self.memory > MAX_MEMORY {
            return Err(fault("argon2.memory", self.memory, "8 KiB a lane to 1 GiB"));
        }
        if !(1..=32).contains(&self.passes) {
            return Err(fault("argon2.passes", self.passes, "1 to 32"));
        }
        Ok(())
    }
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self {
            memory: 19 * 1024,
            passes: 2,
            lanes: 1,
        }
    }
}

/// How failed sign-ins slow down who makes them. Counted for each pair of (network the client comes from, account), so
/// that nobody can lock a user out from elsewhere, and for each network over all accounts.
#[derive(Clone, Copy, Debug)]
pub struct AttemptLimits {
    /// Failures of a network at one account before delays begin.
    pub free_per_account: u32,
    /// Failures of a network at all accounts together before delays begin.
    pub free_per_network: u32,
    /// The first delay; each further failure doubles it.
    pub first_delay: Duration,
    /// The longest delay.
    pub longest_delay: Duration,
    /// After so long without another failure, all is forgotten.
    pub forget_after: Duration,
    /// How many (network, account) pairs to remember; the longest unused go first.
    pub table: usize,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self {
            free_per_account: 3,
            free_per_network: 30,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_mins(5),
            forget_after: Duration::from_hours(1),
            table: 65_536,
        }
    }
}

/// 1 GiB, in KiB.
const MAX_MEMORY: u32 = 1024 * 1024;
