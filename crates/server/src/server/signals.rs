//! Signals: SIGHUP reloads; SIGTERM and SIGINT stop.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// Read configuration and certificates again.
    Reload,
    /// End; the signal's name.
    Stop(&'static str),
}

/// The signals of this process. From its making on they no longer end the process by themselves.
pub struct Signals {
    hang_up: Stream,
    terminate: Stream,
    interrupt: Stream,
}

impl Signals {
    /// Takes over the signals.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for `start`, unless a signal asks for the end before; a reload in the meantime has nothing to reload.
    pub async fn unless_stopped<T>(&mut self, start: impl Future<Output = T>) -> Option<T> {
        let mut start = Box::pin(start);
        loop {
            tokio::select! {
                started = &mut start => return Some(started),
                signal = self.next() => if let Signal::Stop(name) = signal {
                    tracing::info!(signal = name, "stopping before the start was done");
                    return None;
                },
            }
        }
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hang_up.recv() => Signal::Reload,
            _ = self.terminate.recv() => Signal::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Signal::Stop("SIGINT"),
        }
    }
}
