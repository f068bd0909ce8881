//! Which entry of the queue is looked after when. In memory only: made anew from the outboxes at a start.
//!
//! Some 60 bytes an entry. An entry is either waiting for its time or being worked on, never both.

use std::collections::{BTreeSet, HashMap, HashSet};

use fieldpost_mailbox::EntryId;
use fieldpost_store::AccountId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Names an entry: whose outbox, which message.
pub(crate) type Key = (AccountId, EntryId);

#[derive(Debug, Default)]
pub(crate) struct Schedule {
    state: Mutex<State>,
    /// Wakes the runner when something became due earlier than it knew.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    by_due: BTreeSet<(i64, Key)>,
    due: HashMap<Key, i64>,
    working: HashSet<Key>,
}

impl Schedule {
    /// Sets when an entry is looked after, in place of what was set before. For one that is being worked on that counts once
    /// the work is done.
    pub(crate) fn put(&self, key: Key, due: i64) {
        self.state.lock().put(key, due);
        self.changed.notify_one();
    }

    /// Forgets an entry.
    pub(crate) fn remove(&self, key: Key) {
        self.state.lock().remove(key);
    }

    /// Entries that are due after `latest`, to which no attempt is put off, are due now: the clock was set back.
    pub(crate) fn catch_up(&self, now: i64, latest: i64) {
        let mut state = self.state.lock();
        while let Some((_, key)) = state.by_due.last().copied().filter(|last| last.0 > latest) {
            state.put(key, now);
        }
    }

    /// An entry whose time has come, which counts as being worked on from now on.
    pub(crate) fn begin(&self, now: i64) -> Option<Key> {
        let mut state = self.state.lock();
        let State {
            by_due, working, ..
        } = &*state;
        let due = by_due
            .iter()
            .take_while(|(due, _)| *due <= now)
            .find(|(_, key)| !working.contains(key))?;
        let key = due.1;
        state.remove(key);
        state.working.insert(key);
        Some(key)
    }

    /// The work on an entry is done; it is looked after again at `due`, unless somebody set another time meanwhile.
    pub(crate) fn end(&self, key: Key, due: Option<i64>) {
        let mut state = self.state.lock();
        state.working.remove(&key);
        if let (Some(due), false) = (due, state.due.contains_key(&key)) {
            state.put(key, due);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// When the next entry is due that nobody works on.
    pub(crate) fn next_due(&self) -> Option<i64> {
        let state = self.state.lock();
        let mut waiting = state.by_due.iter();
        waiting
            .find(|(_, key)| !state.working.contains(key))
            .map(|(due, _)| *due)
    }

    /// Waits until something changed since this was last asked.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many entries wait, and how many are being worked on.
    pub(crate) fn len(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.due.len(), state.working.len())
    }
}

impl State {
    fn put(&mut self, key: Key, due: i64) {
        self.remove(key);
        self.by_due.insert((due, key));
        self.due.insert(key, due);
    }

    fn remove(&mut self, key: Key) {
        if let Some(due) = self.due.remove(&key) {
            self.by_due.remove(&(due, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        (AccountId(1), EntryId(number))
    }

    #[test]
    fn entries_come_in_the_order_of_their_times() {
        let schedule = Schedule::default();
        schedule.put(key(1), 30);
        schedule.put(key(2), 10);
        schedule.put(key(1), 20);
        assert_eq!(schedule.next_due(), Some(10));
        assert_eq!(schedule.begin(9), None);
        assert_eq!(schedule.begin(20), Some(key(2)));
        assert_eq!(schedule.begin(20), Some(key(1)));
        assert_eq!(schedule.begin(i64::MAX), None);
        assert_eq!(schedule.len(), (0, 2));
        schedule.end(key(1), None);
        schedule.end(key(2), Some(50));
        assert_eq!(schedule.next_due(), Some(50));
        schedule.remove(key(2));
        assert_eq!(schedule.len(), (0, 0));
    }

    #[test]
    fn a_time_set_during_the_work_counts_after_it() {
        let schedule = Schedule::default();
        schedule.put(key(1), 1);
        assert_eq!(schedule.begin(1), Some(key(1)));
        schedule.put(key(1), 1);
        assert_eq!(schedule.begin(1), None, "nobody works on it twice");
        assert_eq!(schedule.next_due(), None);
        schedule.end(key(1), Some(100));
        assert_eq!(schedule.begin(1), Some(key(1)));
    }
}
