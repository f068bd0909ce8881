//! Passwords that were right a short while ago. ActiveSync sends its password with every request and mail programs open
//! five connections at once; without this each of them would cost an Argon2 hash.
//!
//! No password is kept: an entry is an HMAC of (account, generation of its credentials, password) under a key that this
//! process made up at its start. A changed password has another generation, so nothing needs to be invalidated.

use std::time::Duration;

use fieldpost_store::AccountId;
use parking_lot::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::{DirectoryError, Secret, bounded::Generations, credential::mac, random};

#[derive(Debug)]
pub(crate) struct Verified {
    key: Zeroizing<[u8; 32]>,
    lifetime: Duration,
    /// When each password was last hashed and found right.
    seen: Mutex<Generations<Tag, Instant>>,
}

/// Stands for one password of one account at one time.
pub(crate) type Tag = [u8; 32];

impl Verified {
    pub(crate) fn new(lifetime: Duration) -> Result<Self, DirectoryError> {
        Ok(Self {
            key: Zeroizing::new(random::array()?),
            lifetime,
            seen: Mutex::new(Generations::new(CAPACITY)),
        })
    }

    pub(crate) fn tag(
        &self,
        account: Option<AccountId>,
        generation: u64,
        password: &Secret,
    ) -> Tag {
        let mut message = Zeroizing::new(Vec::with_capacity(16 + password.expose().len()));
        message.extend_from_slice(&account.unwrap_or_default().0.to_be_bytes());
        message.extend_from_slice(&generation.to_be_bytes());
        message.extend_from_slice(password.expose());
        mac(&self.key[..], &message)
    }

    pub(crate) fn contains(&self, tag: &Tag, now: Instant) -> bool {
        let mut seen = self.seen.lock();
        match seen.get_mut(*tag) {
            Some(at) if now.duration_since(*at) < self.lifetime => true,
            Some(_) => {
                seen.remove(tag);
                false
            }
            None => false,
        }
    }

    pub(crate) fn insert(&self, tag: Tag, now: Instant) {
        if !self.lifetime.is_zero() {
            self.seen.lock().insert(tag, now);
        }
    }
}

/// Entries in a generation; two of them take about 8 MiB when full.
const CAPACITY: usize = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_of_one_account_one_generation_and_some_minutes() {
        let verified = Verified::new(Duration::from_mins(1)).unwrap();
        let password = Secret::from("correct horse");
        let tag = verified.tag(Some(AccountId(1)), 1, &password);
        verified.insert(tag, Instant::now());
        assert!(verified.contains(&tag, Instant::now()));
        for other in [
            verified.tag(Some(AccountId(2)), 1, &password),
            verified.tag(Some(AccountId(1)), 2, &password),
            verified.tag(Some(AccountId(1)), 1, &Secret::from("correct")),
        ] {
            assert!(!verified.contains(&other, Instant::now()));
        }
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(!verified.contains(&tag, Instant::now()));
        let off = Verified::new(Duration::ZERO).unwrap();
        off.insert(tag, Instant::now());
        assert!(!off.contains(&tag, Instant::now()));
    }
}
