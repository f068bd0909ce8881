//! Waits for what another program writes into a directory, as the system tells of it (inotify).

use std::{
    io,
    mem::MaybeUninit,
    path::Path,
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// What happens to the files of one directory.
#[derive(Debug)]
pub struct Changes {
    told: Receiver<()>,
}

impl Changes {
    /// Of that directory, from now on.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC)?;
        let written = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::MOVED_TO;
        inotify::add_watch(&inotify, directory, written | WatchFlags::DELETE_SELF)?;
        let (tell, told) = mpsc::channel();
        // It ends with the directory at the latest.
        std::thread::spawn(move || {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut events = inotify::Reader::new(inotify, &mut buffer);
            while events.next().is_ok() && tell.send(()).is_ok() {}
        });
        Ok(Self { told })
    }

    /// Looks whether it is so, now and after each change.
    ///
    /// # Panics
    /// If it is not so within `patience`.
    pub fn until(&self, what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + patience;
        loop {
            // What was told before the look is seen by it.
            while self.told.try_recv().is_ok() {}
            if is_so() {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let is_told = self.told.recv_timeout(left).is_ok();
            assert!(is_told || is_so(), "not within {patience:?}: {what}");
        }
    }
}
