//! A program that runs beside a test and says line by line what it does.

use std::{
    cell::RefCell,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    time::{Duration, Instant},
};

use crate::programs;

/// A running program; stopped by SIGTERM when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    said: Receiver<String>,
    /// What it said so far.
    seen: RefCell<Vec<String>>,
}

impl Daemon {
    /// Starts one of a Debian package, and waits until a line holds all of `ready`.
    ///
    /// # Panics
    /// If it is not there, or does not say so within a minute.
    pub fn start(package: &str, command: &mut Command, ready: &[&str]) -> Self {
        let spawned = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => panic!("{error}; run `apt-get install {package}`, or `./test`"),
        };
        let (sender, said) = mpsc::channel();
        hear(child.stdout.take(), sender.clone());
        hear(child.stderr.take(), sender);
        let daemon = Self {
            child,
            said,
            seen: RefCell::default(),
        };
        daemon.wait_for(ready);
        daemon
    }

    /// Waits until a line holds all of `parts`.
    ///
    /// # Panics
    /// If that takes more than a minute.
    pub fn wait_for(&self, parts: &[&str]) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut seen = self.seen.borrow_mut();
        let is_one = |line: &String| parts.iter().all(|part| line.contains(part));
        while !seen.iter().any(is_one) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(line) => seen.push(line),
                Err(error) => panic!("{parts:?}: {error}; it said:\n{}", seen.join("\n")),
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut term = Command::new("kill");
        term.args(["-TERM", &self.child.id().to_string()]);
        programs::run("procps", &mut term);
        drop(self.child.wait());
    }
}

/// Passes on the lines of a pipe.
fn hear(pipe: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(pipe) = pipe else { return };
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Read on when nobody listens any more, so that the program never waits for us.
            drop(sender.send(line));
        }
    });
}
