//! The last full request of each device, for those that say "the same again".

use std::collections::HashMap;

use fieldpost_mailbox::{AccountId, DeviceId};
use parking_lot::Mutex;

use super::SyncRequest;

/// Kept in memory only: a device that is told 13 after a restart sends its request in full (MS-ASCMD_R673).
#[derive(Default)]
pub struct LastRequests(Mutex<HashMap<(AccountId, DeviceId), SyncRequest>>);

impl LastRequests {
    /// Keeps a request. Where there are too many, all are forgotten: it costs each device one request more.
    pub fn put(&self, account: AccountId, device: &DeviceId, request: SyncRequest) {
        let mut all = self.0.lock();
        if all.len() >= MAX_KEPT {
            all.clear();
        }
        all.insert((account, device.clone()), request);
    }

    /// The last request.
    pub fn get(&self, account: AccountId, device: &DeviceId) -> Option<SyncRequest> {
        self.0.lock().get(&(account, device.clone())).cloned()
    }
}

const MAX_KEPT: usize = 100_000;
