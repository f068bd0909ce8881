//! Kills and restarts, as those see them whose connections break.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

/// How often something was killed and is up again.
#[derive(Debug, Default)]
pub struct Restarts {
    count: Mutex<u32>,
    grown: Condvar,
}

impl Restarts {
    /// All is up again.
    pub fn one_more(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.grown.notify_all();
    }

    /// How often so far.
    pub fn count(&self) -> u32 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a restart after the first `before`; false if there is none within two minutes. Whoever met a failure and counted before
    /// he began knows that it was no kill's if there is none.
    pub fn wait(&self, before: u32) -> bool {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .grown
            .wait_timeout_while(count, Duration::from_mins(2), |count| *count == before);
        *waited.unwrap_or_else(PoisonError::into_inner).0 > before
    }
}
