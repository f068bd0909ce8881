//! A program that runs beside a test and says line by line what it does.

use std::process::{Child, Command, Stdio};

use crate::{log::Log, programs};

/// A running program; stopped by SIGTERM when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: Log,
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
        let log = Log::default();
        if let Some(stdout) = child.stdout.take() {
            log.hear(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            log.hear(stderr);
        }
        let daemon = Self { child, log };
        daemon.wait_for(ready);
        daemon
    }

    /// Waits until a line holds all of `parts`.
    ///
    /// # Panics
    /// If that takes more than a minute.
    pub fn wait_for(&self, parts: &[&str]) {
        self.log.wait_for(1, parts);
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
