//! How much an account holds and may hold.

use crate::{Error, Mailbox, transaction::Attempts};

/// The most an account may hold; 0 = no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all items.
    pub bytes: u64,
    /// Number of items.
    pub items: u64,
}

/// What an account holds and may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of all items; a copy counts like any other item.
    pub used_bytes: u64,
    /// Number of items.
    pub used_items: u64,
    /// What it may hold.
    pub limits: Limits,
}

impl Quota {
    /// Whether `items` more of `bytes` in all fit.
    pub fn admits(&self, items: u64, bytes: u64) -> Result<(), Error> {
        let check = |what, used: u64, wanted: u64, limit: u64| {
            if limit != 0 && wanted > 0 && used.saturating_add(wanted) > limit {
                Err(Error::OverQuota {
                    what,
                    used,
                    wanted,
                    limit,
                })
            } else {
                Ok(())
            }
        };
        check("bytes", self.used_bytes, bytes, self.limits.bytes)?;
        check("items", self.used_items, items, self.limits.items)
    }

    pub(crate) fn add(&mut self, bytes: u64) {
        self.used_bytes = self.used_bytes.saturating_add(bytes);
        self.used_items = self.used_items.saturating_add(1);
    }

    pub(crate) fn remove(&mut self, bytes: u64) {
        self.used_bytes = self.used_bytes.saturating_sub(bytes);
        self.used_items = self.used_items.saturating_sub(1);
    }
}

impl Mailbox {
    /// What the account holds and may hold.
    pub async fn quota(&self) -> Result<Quota, Error> {
        self.shown(|state| Ok(state.head.quota)).await
    }

    /// Sets what the account may hold. A limit below what it holds already keeps new items out, nothing more.
    pub async fn set_quota(&self, limits: Limits) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            transaction.head.quota.limits = limits;
            if transaction.commit(&mut attempts).await? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_limit_and_the_last_byte_still_fits() {
        let mut quota = Quota::default();
        assert!(quota.admits(u64::MAX, u64::MAX).is_ok());
        quota.limits = Limits {
            bytes: 100,
            items: 2,
        };
        quota.add(60);
        assert!(quota.admits(1, 40).is_ok());
        assert!(matches!(
            quota.admits(1, 41),
            Err(Error::OverQuota {
                what: "bytes",
                used: 60,
                wanted: 41,
                limit: 100
            })
        ));
        assert!(matches!(
            quota.admits(2, 1),
            Err(Error::OverQuota { what: "items", .. })
        ));
    }
}
