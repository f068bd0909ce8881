//! Where passwords are hashed: on blocking threads, as many at once as there are processors, behind a bounded queue.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::credential;

/// Too many hashes are waiting already; the caller should say "try later", not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once; try again in a moment")]
pub struct Busy;

/// Runs hashing jobs.
#[derive(Debug)]
pub(crate) struct Hashing {
    /// One permit for each job that runs or waits.
    admitted: Arc<Semaphore>,
    /// One permit for each job that runs.
    running: Arc<Semaphore>,
    memory: Arc<Memory>,
}

impl Hashing {
    /// At most `threads` jobs at once (0: one a processor), at most `queue` more waiting.
    pub(crate) fn new(threads: usize, queue: usize) -> Self {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let threads = threads.min(1024);
        Self {
            admitted: Arc::new(Semaphore::new(threads + queue.min(1 << 16))),
            running: Arc::new(Semaphore::new(threads)),
            memory: Arc::default(),
        }
    }

    /// Runs `job` when its turn comes. Whoever gives up waiting leaves the queue; a job that has begun ends, and counts
    /// as running until then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| Busy)?;
        let running = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = job();
            drop((running, admitted));
            result
        });
        // The only errors are a panic in the job and a runtime that stops.
        let result = task.await.map_err(|_| Busy);
        self.release_later();
        result
    }

    /// Gives the memory of hashes back once there was none for a while. One timer waits at a time.
    fn release_later(&self) {
        self.memory.ended.fetch_add(1, Ordering::Relaxed);
        if self.memory.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let memory = Arc::clone(&self.memory);
        tokio::spawn(async move {
            let mut seen = None;
            loop {
                let ended = memory.ended.load(Ordering::Relaxed);
                if seen.replace(ended) == Some(ended) {
                    break;
                }
                tokio::time::sleep(QUIET).await;
            }
            memory.is_watched.store(false, Ordering::Relaxed);
            credential::release_memory();
        });
    }
}

/// Whether the memory of hashes may be given back.
#[derive(Debug, Default)]
struct Memory {
    /// How many jobs have ended. Written by each.
    ended: AtomicU64,
    /// A timer waits for a pause. Written by who starts it, and by the timer.
    is_watched: AtomicBool,
}

/// How long no password was hashed before the memory is given back.
const QUIET: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn beyond_the_queue_comes_a_refusal_and_afterwards_all_is_free_again() {
        let hashing = Arc::new(Hashing::new(1, 1));
        let (go, wait) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let hashing = Arc::clone(&hashing);
            async move {
                hashing
                    .run(move || {
                        started.send(()).unwrap();
                        wait.recv().unwrap();
                        1
                    })
                    .await
            }
        });
        has_started.await.unwrap();
        let second = tokio::spawn({
            let hashing = Arc::clone(&hashing);
            async move { hashing.run(|| 2).await }
        });
        while hashing.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.run(|| 3).await, Err(Busy));
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(second.await.unwrap(), Ok(2));
        assert_eq!(hashing.run(|| 3).await, Ok(3));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_the_queue() {
        let hashing = Arc::new(Hashing::new(1, 1));
        let (go, wait) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let hashing = Arc::clone(&hashing);
            async move {
                hashing
                    .run(move || {
                        started.send(()).unwrap();
                        wait.recv().unwrap();
                    })
                    .await
            }
        });
        has_started.await.unwrap();
        let second = tokio::spawn({
            let hashing = Arc::clone(&hashing);
            async move { hashing.run(|| ()).await }
        });
        while hashing.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        second.abort();
        assert!(second.await.is_err());
        assert_eq!(hashing.admitted.available_permits(), 1);
        go.send(()).unwrap();
        first.await.unwrap().unwrap();
        assert_eq!(hashing.admitted.available_permits(), 2);
    }
}
