//! Digests of what the index should hold, which do not depend on the index.
//!
//! A digest is the sum (mod 2^128) of a hash of each pair, so that a change costs the old and the new pair and never
//! a scan. Each account has one over its pairs; bodies (their places and holders) have one for each of 256 buckets, by
//! the first byte of the id. Every record in the log carries the digests after it.

use crate::{AccountId, BodyId, Hold};

use super::record::Place;

/// A part of the index that is checked, and if need be rebuilt, by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Region {
    /// The pairs of an account.
    Account(AccountId),
    /// The places and holders of the bodies whose ids begin with this byte.
    Bucket(u8),
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Bucket(bucket) => write!(f, "body bucket {bucket:02x}"),
        }
    }
}

impl Region {
    pub(crate) fn of_body(body: BodyId) -> Self {
        Self::Bucket(body.0[0])
    }
}

/// The digest of every region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digests {
    /// Accounts that have pairs.
    pub(crate) accounts: std::collections::BTreeMap<AccountId, u128>,
    pub(crate) buckets: Box<[u128; 256]>,
}

impl Default for Digests {
    fn default() -> Self {
        Self {
            accounts: std::collections::BTreeMap::new(),
            buckets: Box::new([0; 256]),
        }
    }
}

impl Digests {
    pub(crate) fn of(&self, region: Region) -> u128 {
        match region {
            Region::Account(account) => self.accounts.get(&account).copied().unwrap_or(0),
            Region::Bucket(bucket) => self.buckets[usize::from(bucket)],
        }
    }

    /// An account whose digest is zero has no pairs and needs no entry.
    pub(crate) fn set(&mut self, region: Region, digest: u128) {
        match region {
            Region::Account(account) if digest == 0 => {
                self.accounts.remove(&account);
            }
            Region::Account(account) => {
                self.accounts.insert(account, digest);
            }
            Region::Bucket(bucket) => self.buckets[usize::from(bucket)] = digest,
        }
    }

    pub(crate) fn add(&mut self, region: Region, delta: u128) -> u128 {
        let digest = self.of(region).wrapping_add(delta);
        self.set(region, digest);
        digest
    }

    pub(crate) fn regions(&self) -> impl Iterator<Item = Region> + '_ {
        let accounts = self.accounts.keys().copied().map(Region::Account);
        accounts.chain((0..=255).map(Region::Bucket))
    }
}

/// The part of one pair in its account's digest.
pub(crate) fn of_pair(key: &[u8], value: &[u8]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u32).to_le_bytes());
    hasher.update(key);
    hasher.update(value);
    sum(&hasher)
}

/// The part of one holder in its bucket's digest.
pub(crate) fn of_hold(hold: Hold) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"hold");
    hasher.update(&hold.body.0);
    hasher.update(&hold.account.0.to_le_bytes());
    hasher.update(&hold.item.to_le_bytes());
    sum(&hasher)
}

/// The part of one body's place in its bucket's digest: what the body is, not where it lies, so that moving it
/// changes nothing (the bytes found there name the body and carry their own checksum).
pub(crate) fn of_place(body: BodyId, place: &Place) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"place");
    hasher.update(&body.0);
    hasher.update(&place.size.to_le_bytes());
    hasher.update(&place.digest);
    sum(&hasher)
}

fn sum(hasher: &blake3::Hasher) -> u128 {
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    u128::from_le_bytes(bytes)
}
