//! The requests that wait for changes: the newest of a device ends the one before (client-quirks A6).

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use fieldpost_mailbox::{AccountId, DeviceId};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// All waiting requests of the process, one a device.
#[derive(Default)]
pub struct Waiting {
    all: Mutex<HashMap<(AccountId, DeviceId), (u64, CancellationToken)>>,
    next: AtomicU64,
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
        Parked {
            waiting: self,
            key,
            number,
            superseded,
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
