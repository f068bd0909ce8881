//! What passes between a command and the process that has the store open, be that the running server or the command's
//! own process: bytes in, events out, one answer or one failure.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// The two streams of an operation under way. Both are bounded: whoever does not read holds the other up.
pub struct Exchange {
    input: mpsc::Receiver<Bytes>,
    events: mpsc::Sender<Event>,
}

/// The command's ends of the streams.
pub struct Ends {
    /// Takes the operation's input; dropping it ends the input.
    pub input: mpsc::Sender<Bytes>,
    /// What the operation has to say while it runs.
    pub events: mpsc::Receiver<Event>,
}

/// What an operation says while it runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// Bytes of its output.
    Data(Bytes),
    /// How far it is.
    Progress(Progress),
}

/// How far an operation is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Progress {
    /// What is being done: `writing messages`.
    pub what: String,
    /// So many of them are done.
    pub done: u64,
    /// Of so many; 0 = not known.
    pub total: u64,
}

/// Why an operation did not do what it was asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// What kind of failure, for exit codes and scripts.
    pub kind: FailureKind,
    /// What happened, for people.
    pub message: String,
    /// What to do about it, if anything is known to help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
}

/// Kinds of failure. Each has an exit code of its own, which scripts may rely on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// It was tried and did not work.
    Failed,
    /// What was asked for makes no sense.
    Usage,
    /// The configuration cannot be used.
    Configuration,
    /// There is no such account, folder or file.
    NotFound,
    /// It exists already.
    Exists,
    /// Another process has the store open, or no server answers.
    Busy,
    /// Damage was found.
    Damaged,
    /// It may work later: disk full, over quota, shutting down.
    Temporary,
}

impl Exchange {
    /// A pair of connected ends.
    pub fn pair() -> (Self, Ends) {
        let (to_input, input) = mpsc::channel(DEPTH);
        let (events, from_events) = mpsc::channel(DEPTH);
        (
            Self { input, events },
            Ends {
                input: to_input,
                events: from_events,
            },
        )
    }

    /// The two streams apart, for whoever hands them on.
    pub fn into_parts(self) -> (mpsc::Receiver<Bytes>, mpsc::Sender<Event>) {
        (self.input, self.events)
    }

    /// The next bytes of the input; `None` at its end.
    pub async fn read(&mut self) -> Option<Bytes> {
        self.input.recv().await
    }

    /// The whole input, if it is no longer than `limit` bytes.
    pub async fn read_to_end(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        while let Some(bytes) = self.read().await {
            if all.len() + bytes.len() > limit {
                return Err(Failure::new(
                    FailureKind::Usage,
                    format!("the input is longer than {limit} bytes"),
                ));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// Writes output, in pieces that fit a frame. Fails when nobody reads any more.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            self.send(Event::Data(piece)).await?;
        }
        Ok(())
    }

    /// Says how far it is. Costs nothing to whoever does not look, and waits for nobody.
    pub fn progress(&self, what: &str, done: u64, total: u64) {
        drop(self.events.try_send(Event::Progress(Progress {
            what: what.to_owned(),
            done,
            total,
        })));
    }

    /// The same from a thread of its own: called with how much is done and of how much. It tells at most ten times a
    /// second.
    pub fn teller(&self, what: &str) -> impl FnMut(u64, u64) + Send + 'static + use<> {
        let (events, what) = (self.events.clone(), what.to_owned());
        let mut last: Option<Instant> = None;
        move |done, total| {
            if last.is_some_and(|last| last.elapsed() < Duration::from_millis(100)) && done < total
            {
                return;
            }
            last = Some(Instant::now());
            drop(events.try_send(Event::Progress(Progress {
                what: what.clone(),
                done,
                total,
            })));
        }
    }

    /// The output, for a thread of its own.
    pub fn output(&self) -> Output {
        Output(self.events.clone())
    }

    /// Whether anybody still waits for the answer.
    pub fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    /// Returns when nobody waits for the answer any more.
    pub async fn abandoned(&self) {
        self.events.closed().await;
    }

    async fn send(&mut self, event: Event) -> Result<(), Failure> {
        self.events.send(event).await.map_err(|_| {
            Failure::new(
                FailureKind::Failed,
                "whoever asked has gone away".to_owned(),
            )
        })
    }
}

/// An operation's output.
pub struct Output(mpsc::Sender<Event>);

impl Output {
    /// Writes a piece of at most [`PIECE`] bytes, waiting on this thread; false if nobody reads any more. Not for threads
    /// that drive futures.
    pub fn blocking_write(&self, bytes: Bytes) -> bool {
        self.0.blocking_send(Event::Data(bytes)).is_ok()
    }
}

impl Failure {
    /// A failure without advice.
    pub fn new(kind: FailureKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
            next_step: None,
        }
    }

    /// The same, with what to do about it.
    pub fn advise(mut self, next_step: impl fmt::Display) -> Self {
        self.next_step = Some(next_step.to_string());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.next_step {
            Some(next_step) => write!(f, "\n  next: {next_step}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl FailureKind {
    /// The exit code of a command that ends with it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::NotFound => 4,
            Self::Exists => 5,
            Self::Busy => 6,
            Self::Damaged => 7,
            Self::Temporary => 75,
        }
    }
}

/// How many pieces or events may wait in each direction.
const DEPTH: usize = 16;

/// The largest piece of output.
pub const PIECE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn input_output_and_progress_pass_in_order() {
        let (mut exchange, mut ends) = Exchange::pair();
        ends.input.send(Bytes::from_static(b"ab")).await.unwrap();
        drop(ends.input);
        assert_eq!(exchange.read_to_end(10).await.unwrap(), b"ab");
        exchange.progress("x", 1, 2);
        exchange
            .write(Bytes::from(vec![7; PIECE + 1]))
            .await
            .unwrap();
        drop(exchange);
        assert!(matches!(ends.events.recv().await, Some(Event::Progress(_))));
        assert_eq!(
            ends.events.recv().await,
            Some(Event::Data(Bytes::from(vec![7; PIECE])))
        );
        assert_eq!(
            ends.events.recv().await,
            Some(Event::Data(Bytes::from(vec![7])))
        );
        assert_eq!(ends.events.recv().await, None);
    }

    #[tokio::test]
    async fn too_long_an_input_is_refused() {
        let (mut exchange, ends) = Exchange::pair();
        ends.input.send(Bytes::from_static(b"abc")).await.unwrap();
        assert!(exchange.read_to_end(2).await.is_err());
    }
}
