//! The requests that wait for changes: the newest of a device ends the one before (client-quirks A6).

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use fieldpost_mailbox::{AccountId, DeviceId};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// All waiting requests of the process, one a device.
#[derive(Default)]
pub struct Waiting {
    all: Mutex<HashMap<(AccountId, DeviceId), (u64, CancellationToken)>>,
    next: AtomicU64,
    /// The server is going down: nobody waits any more.
    is_closed: AtomicBool,
}

/// One waiting request. Dropping it ends its registration.
pub struct Parked<'a> {
    waiting: &'a Waiting,
    key: (AccountId, DeviceId),
    number: u64,
    superseded: CancellationToken,
}

impl Waiting {
    /// Registers a waiting request, and ends the device's older one.
    pub fn park(&self, account: AccountId, device: &DeviceId) -> Parked<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let superseded = CancellationToken::new();
        let key = (account, device.clone());
        let older = self
            .all
            .lock()
            .insert(key.clone(), (number, superseded.clone()));
        if let Some((_, older)) = older {
            older.cancel();
        }
        // Looked at after it is registered: whoever closes either finds it there, or is found here.
        if self.is_closed.load(Ordering::SeqCst) {
            superseded.cancel();
        }
        Parked {
            waiting: self,
            key,
            number,
            superseded,
        }
    }

    /// Ends all of them, and those that come from now on.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        for (_, superseded) in self.all.lock().values() {
            superseded.cancel();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.lock().len()
    }
}

impl Parked<'_> {
    /// Resolves when a newer waiting request of the device has come.
    pub async fn superseded(&self) {
        self.superseded.cancelled().await;
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        let mut all = self.waiting.all.lock();
        if all
            .get(&self.key)
            .is_some_and(|(number, _)| *number == self.number)
        {
            all.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_goes_down_lets_nobody_wait() {
        let waiting = Waiting::default();
        let device = DeviceId::new("d1").unwrap();
        let before = waiting.park(AccountId(1), &device);
        waiting.close();
        before.superseded().await;
        waiting.park(AccountId(2), &device).superseded().await;
    }

    #[tokio::test]
    async fn the_newer_one_of_a_device_ends_the_older_a6() {
        let waiting = Waiting::default();
        let device = DeviceId::new("d1").unwrap();
        let older = waiting.park(AccountId(1), &device);
        let newer = waiting.park(AccountId(1), &device);
        let other = waiting.park(AccountId(2), &device);
        older.superseded().await;
        drop(older);
        assert_eq!(waiting.len(), 2, "the newer one stays registered");
        assert!(!newer.superseded.is_cancelled() && !other.superseded.is_cancelled());
    }
}
