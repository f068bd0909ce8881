//! After an unclean stop the index is believed region by region: each is checked against its digest before its first
//! use, and built anew from snapshot and log if it does not hold what it should.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;

use crate::{AccountId, Lsn, StoreError};

use super::{digest::Region, inner::Inner, rebuild, scan::Damage, table};

/// Which regions have been checked since the store was opened.
#[derive(Default)]
pub(crate) struct Verification {
    /// Nothing is left to check.
    all: AtomicBool,
    done: Mutex<HashSet<Region>>,
    /// Held by the one check that runs.
    one: Mutex<()>,
    /// What the index was believed to have when the store was opened.
    believed: Mutex<Option<Believed>>,
}

/// Records that were read when the store was opened, and not brought into the index because it said that it had them.
/// After a kill of the process that is so; after a power cut it may not be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Believed {
    /// The checkpoint: everything up to here is in the index, durably.
    pub(crate) after: Lsn,
    /// The end of the log as it was found.
    pub(crate) last: Lsn,
}

impl Verification {
    pub(crate) fn believe_all(&self) {
        self.all.store(true, Ordering::Release);
    }

    pub(crate) fn believe(&self, believed: Option<Believed>) {
        *self.believed.lock() = believed;
    }

    pub(crate) fn is_done(&self, region: Region) -> bool {
        self.all.load(Ordering::Acquire) || self.done.lock().contains(&region)
    }

    pub(crate) fn all_done(&self) -> bool {
        self.all.load(Ordering::Acquire)
    }
}

impl Inner {
    /// Checks a region, if that has not been done. No commit touches a region before this has succeeded for it, so
    /// that what the index holds of it is what the log held when the store was opened.
    pub(crate) fn verify(&self, region: Region) -> Result<(), StoreError> {
        if self.verification.is_done(region) {
            return Ok(());
        }
        let _one = self.verification.one.lock();
        if self.verification.is_done(region) {
            return Ok(());
        }
        let (expected, mut found) = self.digests_of(region)?;
        if found != expected && self.catch_up()? {
            found = self.digests_of(region)?.1;
        }
        if found != expected {
            tracing::warn!(%region, "the index does not hold what it should: rebuilding this part of it");
            self.counters
                .regions_rebuilt
                .fetch_add(1, Ordering::Relaxed);
            let index = self.index()?;
            rebuild::region(self, &*index, region)?;
            let found = self.with_index(|index| table::digest_of(index, region))?;
            if found != expected {
                // Records are missing from the log itself. What is there is all there is.
                tracing::error!(%region, "the log itself has lost records; the rest is kept");
                self.keeper.note_damage(vec![Damage {
                    file: "log".to_owned(),
                    offset: 0,
                    what: format!("{region}: records are lost, what is left was kept"),
                }]);
                self.applied.lock().digests.set(region, found);
                self.queue.lock().digests.set(region, found);
            }
        }
        self.verification.done.lock().insert(region);
        Ok(())
    }

    /// Brings what the index was believed to have into it after all, all parts of it at once: cheaper than to build one
    /// part from the snapshot, let alone many. Done once; says whether it was. The caller holds the lock on checks, so that
    /// no region becomes one that commits may touch meanwhile.
    fn catch_up(&self) -> Result<bool, StoreError> {
        let Some(believed) = self.verification.believed.lock().take() else {
            return Ok(false);
        };
        tracing::warn!(
            after = %believed.after,
            "the index lacks something that it said it had: reading the log from the last checkpoint on"
        );
        let done = self.verification.done.lock().clone();
        let index = self.index()?;
        let count = rebuild::again(self, &*index, believed, &|region| done.contains(&region))?;
        self.counters.caught_up.fetch_add(count, Ordering::Relaxed);
        Ok(true)
    }

    /// The digest that a region should have and the one it has, at one moment of the index.
    pub(crate) fn digests_of(&self, region: Region) -> Result<(u128, u128), StoreError> {
        let _still = self.applying.read();
        let expected = self.applied.lock().digests.of(region);
        let found = self.with_index(|index| table::digest_of(index, region))?;
        Ok((expected, found))
    }

    /// Checks every region that has not been checked; stops early when the store does.
    pub(crate) fn verify_all(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        if self.verification.all_done() {
            return Ok(());
        }
        let mut regions: Vec<Region> = self.applied.lock().digests.regions().collect();
        // An account that should be empty has no digest; what the index has of it must go.
        let known: HashSet<Region> = regions.iter().copied().collect();
        let mut after = None;
        while let Some(account) = self.next_indexed_account(after)? {
            if !known.contains(&Region::Account(account)) {
                regions.push(Region::Account(account));
            }
            after = Some(account);
        }
        let total = regions.len() as u64;
        for (done, region) in regions.into_iter().enumerate() {
            if self.keeper.stopping() {
                return Err(StoreError::Closed);
            }
            self.verify(region)?;
            progress(done as u64 + 1, total);
        }
        self.verification.believe_all();
        Ok(())
    }

    /// The first account behind `after` that has pairs in the index.
    pub(crate) fn next_indexed_account(
        &self,
        after: Option<AccountId>,
    ) -> Result<Option<AccountId>, StoreError> {
        let (first, end) = ([table::PAIRS], [table::PAIRS + 1]);
        let start = match after {
            None => first.to_vec(),
            Some(account) => table::account_range(table::PAIRS, account).1.to_vec(),
        };
        let mut found = None;
        self.with_index(|index| {
            index.scan(&start, &end, false, &mut |key, _| {
                found = table::account_of(key);
                false
            })
        })?;
        Ok(found)
    }
}
