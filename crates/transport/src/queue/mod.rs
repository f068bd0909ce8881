//! Mail that could not be delivered at once: tried again until every recipient has it or was given up.
//!
//! An entry lies in its sender's outbox (`fieldpost_mailbox`), one of an unknown sender in the organisation's. What each
//! attempt came to is committed before anything else is done, so after a crash only what was under way is tried again: a
//! message goes out twice only where the next hop's reply was lost. When an entry is due is known in memory
//! ([`schedule`]), made anew at a start from the outboxes of those who have one.
//!
//! Retries come after `first_retry`, then after twice as long each time up to `longest_retry`, spread by a fifth. A refusal
//! for good (5yz), and one for now (4yz) past `expiry`, ends a recipient; its sender gets a notice (RFC 3464), in one
//! commit with that if the sender is ours. Past `delay_notice` the sender is told once that it takes long.
//!
//! Work on an entry that panics, a bug of ours, is an attempt that failed; at the third time the entry is held ([`panics`]).
//!
//! A stop begins nothing new and hears the answers to what was sent ([`QueueStop`]).
//!
//! Nothing here polls: one task waits for the next time that something is due, or for something new.

mod admin;
mod hop;
mod notice;
mod panics;
mod record;
mod run;
mod schedule;
mod settings;
mod settle;
mod stop;

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

pub use admin::{NotAQueueId, QueueEntry, QueueId};
pub use record::{Malformed, Pending, decode_envelope, decode_prefix, encode_envelope};
pub use settings::QueueSettings;
pub use stop::QueueStop;

pub(crate) use settings::chance;
pub(crate) use settle::Outcome;

/// The queue's part of the transport.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) schedule: schedule::Schedule,
    pub(crate) counts: Counts,
    panics: panics::Panics,
    /// Outboxes that could not be read at the start.
    unread: Mutex<Vec<fieldpost_store::AccountId>>,
    /// The connections, while the queue runs.
    hops: Mutex<Option<std::sync::Arc<hop::Hops>>>,
}

/// What the queue did since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) queued: AtomicU64,
    pub(crate) relayed: AtomicU64,
    pub(crate) deferred: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) notices: AtomicU64,
}

/// What the queue holds and did since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStatistics {
    /// Entries that wait for their time.
    pub waiting: usize,
    /// Entries that are being worked on.
    pub working: usize,
    /// Messages taken into the queue.
    pub queued: u64,
    /// Recipients for whom the next hop has taken the message.
    pub relayed: u64,
    /// Attempts that are to be repeated.
    pub deferred: u64,
    /// Recipients given up.
    pub failed: u64,
    /// Notices to senders.
    pub notices: u64,
}

impl Queue {
    /// What it holds and did.
    pub(crate) fn statistics(&self) -> QueueStatistics {
        let (waiting, working) = self.schedule.len();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        QueueStatistics {
            waiting,
            working,
            queued: read(&self.counts.queued),
            relayed: read(&self.counts.relayed),
            deferred: read(&self.counts.deferred),
            failed: read(&self.counts.failed),
            notices: read(&self.counts.notices),
        }
    }
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
