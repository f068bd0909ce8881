//! What all requests share.

use std::sync::Arc;

use fieldpost_directory::Directory;
use fieldpost_mailbox::{AccountId, Mailboxes};
use fieldpost_transport::Transport;
use tokio::sync::{MutexGuard, Semaphore};

use crate::{
    Settings,
    command::{LastRequests, Moved, Sending},
    waiting::Waiting,
};

/// The ActiveSync front-end.
pub struct Service {
    pub(crate) directory: Arc<Directory>,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) transport: Arc<Transport>,
    pub(crate) settings: Settings,
    /// The requests that wait for changes.
    pub(crate) waiting: Waiting,
    /// What each device last asked to be synchronised.
    pub(crate) last_requests: LastRequests,
    /// Where items went that devices moved lately.
    pub(crate) moved: Moved,
    /// Messages that are being sent now.
    pub(crate) sending: Sending,
    /// Bytes of messages that are being sent, in KiB.
    pub(crate) message_memory: Arc<Semaphore>,
    /// Held while a device's record is read, changed and written, so that no change undoes another. An account has one of
    /// them, which it shares with some others.
    device_writers: [tokio::sync::Mutex<()>; 64],
}

/// The connection is to be closed without an answer: a newer request of the device has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a newer request of the device took over")]
pub struct Ended;

impl Service {
    /// A front-end over the server's parts.
    pub fn new(
        directory: Arc<Directory>,
        mailboxes: Arc<Mailboxes>,
        transport: Arc<Transport>,
        settings: Settings,
    ) -> Arc<Self> {
        let memory = (settings.message_memory / 1024).min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            directory,
            mailboxes,
            transport,
            settings,
            waiting: Waiting::default(),
            last_requests: LastRequests::default(),
            moved: Moved::default(),
            sending: Sending::default(),
            message_memory: Arc::new(Semaphore::new(memory)),
            device_writers: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        })
    }

    /// Whoever has it is the only one to change the records of an account's devices.
    pub(crate) async fn device_writer(&self, account: AccountId) -> MutexGuard<'_, ()> {
        let number = account.0 as usize % self.device_writers.len();
        self.device_writers[number].lock().await
    }

    /// Ends the requests that wait for changes, for good: the server is going down, and they would hold it up. Their
    /// clients find the connection closed and come again.
    pub fn end_waiting(&self) {
        self.waiting.close();
    }

    /// How many requests wait for changes now.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
