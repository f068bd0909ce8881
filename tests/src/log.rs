//! What a program says line by line, kept while it comes, so that a test can wait for it.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The lines of one run of a program. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    said: Mutex<Said>,
    /// A line came, or a pipe has ended.
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    /// Pipes that have not ended.
    open: usize,
}

impl Log {
    /// Listens to a pipe until its end, so that the program never waits for us.
    pub fn hear(&self, pipe: impl Read + Send + 'static) {
        self.change(|said| said.open += 1);
        let log = self.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                log.change(|said| said.lines.push(text));
                line.clear();
            }
            log.change(|said| said.open -= 1);
        });
    }

    /// Waits until `count` lines hold all of `parts`.
    ///
    /// # Panics
    /// If that takes more than a minute, or the program ends before.
    pub fn wait_for(&self, count: usize, parts: &[&str]) {
        let mut missing = count;
        let what = format!("{count} lines with {parts:?}");
        self.read_until(&what, Duration::from_mins(1), |line| {
            if parts.iter().all(|part| line.contains(part)) {
                missing = missing.saturating_sub(1);
            }
            missing == 0
        });
    }

    /// Hands on the lines from the first one, as they come, until one is the last that is wanted.
    ///
    /// # Panics
    /// If it does not come within `patience`, or the program ends before.
    pub fn read_until(
        &self,
        what: &str,
        patience: Duration,
        mut is_last: impl FnMut(&str) -> bool,
    ) {
        let deadline = Instant::now() + patience;
        let mut read = 0;
        let mut said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            while let Some(line) = said.lines.get(read) {
                read += 1;
                if is_last(line) {
                    return;
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if said.open == 0 || left.is_zero() {
                let last = said.lines.len().saturating_sub(MOST_SHOWN);
                panic!("not said: {what}; but:\n{}", said.lines[last..].join("\n"));
            }
            let waited = self.0.grown.wait_timeout(said, left);
            said = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        let said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.lines.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Said)) {
        let mut said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut said);
        self.0.grown.notify_all();
    }
}

/// So many lines of a log are shown when a test fails.
const MOST_SHOWN: usize = 200;
