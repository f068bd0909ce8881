//! Long work in short pieces, with a word from the caller between them.

use crate::Error;

/// Asked several times while something long runs, whether it is still wanted. A closure will do: `&mut || true`.
pub trait Pace: Send {
    /// `false` ends the work with [`Error::Cancelled`].
    fn may_go_on(&mut self) -> bool;
}

impl<F: FnMut() -> bool + Send> Pace for F {
    fn may_go_on(&mut self) -> bool {
        self()
    }
}

/// Counts work, and every so often lets other tasks run and asks the caller.
pub(super) struct Slices<'p> {
    pace: &'p mut dyn Pace,
    done: usize,
}

impl<'p> Slices<'p> {
    pub(super) fn new(pace: &'p mut dyn Pace) -> Self {
        Self { pace, done: 0 }
    }

    /// Notes work that took about `cost` nanoseconds.
    pub(super) async fn spend(&mut self, cost: usize) -> Result<(), Error> {
        self.done = self.done.saturating_add(cost);
        if self.done < SLICE {
            return Ok(());
        }
        self.done = 0;
        tokio::task::yield_now().await;
        if self.pace.may_go_on() {
            Ok(())
        } else {
            Err(Error::Cancelled)
        }
    }
}

/// How long a task has the thread for itself, in nanoseconds.
const SLICE: usize = 500_000;
