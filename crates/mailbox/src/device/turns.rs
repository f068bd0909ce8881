//! One request at a time works on a device's state of a folder.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::DeviceId;
use crate::FolderId;

/// The locks of an account's sync states. Those that nobody holds are dropped.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<(DeviceId, FolderId), Turn>>);

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Turns {
    /// Waits for a device's other request on this state; `None` if that takes too long.
    pub(super) async fn wait(
        &self,
        device: &DeviceId,
        folder: FolderId,
    ) -> Option<OwnedMutexGuard<()>> {
        let lock = self.of(device, folder);
        tokio::time::timeout(PATIENCE, lock.lock_owned()).await.ok()
    }

    fn of(&self, device: &DeviceId, folder: FolderId) -> Turn {
        let mut all = self.0.lock();
        if all.len() >= SWEEP_AT {
            all.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(all.entry((device.clone(), folder)).or_default())
    }
}

const SWEEP_AT: usize = 64;

/// How long a request waits for another one of the same device on the same folder.
const PATIENCE: Duration = Duration::from_secs(5);
