//! What whoever runs the mailbox decides.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::Limits;

/// Tells the time in seconds since 1970-01-01T00:00:00Z. The mailbox reads no other clock.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Settings of all mailboxes of a process.
#[derive(Clone)]
pub struct Settings {
    /// What time it is.
    pub clock: Clock,
    /// How many bytes all accounts' folders may take up in memory; the least recently used leave first.
    pub memory_budget: usize,
    /// How many bytes the headers of messages may take up in memory besides; 0 keeps none.
    pub header_memory: usize,
    /// How many bytes subjects, dates and names that folders were sorted by, or threaded, may take up in memory besides, some 70 for each
    /// message and key, or 100; 0 keeps none.
    pub sort_memory: usize,
    /// The quota of an account when it is made.
    pub default_quota: Limits,
    /// The largest item that is taken in, in bytes (0 = no limit).
    pub max_item_size: u64,
    /// The most folders an account may have.
    pub max_folders: usize,
    /// How many messages' ids an account remembers to find threads by.
    pub thread_memory: u64,
    /// What the message scanner may spend on one message.
    pub scanner: fieldpost_message::Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock: Arc::new(|| {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |time| time.as_secs() as i64)
            }),
            memory_budget: 128 * 1024 * 1024,
            header_memory: 32 * 1024 * 1024,
            sort_memory: 16 * 1024 * 1024,
            default_quota: Limits::default(),
            max_item_size: 0,
            max_folders: 5_000,
            thread_memory: 200_000,
            scanner: fieldpost_message::Limits::default(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("memory_budget", &self.memory_budget)
            .field("header_memory", &self.header_memory)
            .field("sort_memory", &self.sort_memory)
            .field("default_quota", &self.default_quota)
            .field("max_item_size", &self.max_item_size)
            .field("max_folders", &self.max_folders)
            .field("thread_memory", &self.thread_memory)
            .finish_non_exhaustive()
    }
}
