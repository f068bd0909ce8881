//! How the queue stops: nothing new begins, and what a next hop has whole is not left before it has answered, for as long as
//! anybody can wait for that. A message whose answer nobody hears goes out twice.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::Handed;

/// Stops the queue, in two steps.
#[derive(Clone, Debug, Default)]
pub struct QueueStop {
    /// From now on nothing new is begun; what is under way goes on.
    pub drain: CancellationToken,
    /// Now messages whose end has not been sent are broken off, which costs nothing: their next hop takes nothing. Those whose
    /// end has been sent still have [`Self::ANSWER`] to be answered.
    pub cut: CancellationToken,
}

/// What became of a message that was being sent.
pub(super) enum Sending {
    /// Its next hop has answered, or failed.
    Done(Handed),
    /// It was not sent to its end: its next hop has nothing of it.
    BrokenOff,
    /// It was sent to its end, and nobody waits for the answer any more.
    Unanswered,
}

impl QueueStop {
    /// How long after [`Self::cut`] the answer to a message is waited for that was sent to its end. RFC 5321 §4.5.3.2.6 has a
    /// client wait ten minutes; whoever stops a process kills it before (systemd after 90 seconds, unless told otherwise).
    pub const ANSWER: Duration = Duration::from_mins(1);

    /// What `work` comes to; `None`: the drain began before it was done, and it was dropped.
    pub(super) async fn before_drain<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.drain.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// Waits for a message to be sent. `is_read` tells whether its end may be on its way.
    pub(super) async fn send(
        &self,
        mut sending: impl Future<Output = Handed> + Unpin,
        is_read: &AtomicBool,
    ) -> Sending {
        tokio::select! {
            biased;
            handed = &mut sending => return Sending::Done(handed),
            () = self.cut.cancelled() => {}
        }
        // `sending` is polled here only, so nothing has come in between.
        if !is_read.load(Ordering::Acquire) {
            return Sending::BrokenOff;
        }
        match tokio::time::timeout(Self::ANSWER, sending).await {
            Ok(handed) => Sending::Done(handed),
            Err(_) => Sending::Unanswered,
        }
    }
}
