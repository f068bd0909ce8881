//! What all commands share: where the configuration is, how to print, and how to reach the store.

use std::{
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    config::Config,
    control::{self, Operator},
    engine::Engine,
    exchange::{Event, Exchange, Failure, FailureKind, PIECE, Progress},
    operation::Operation,
};

/// What all commands share.
pub struct Context {
    config: PathBuf,
    json: bool,
    quiet: bool,
}

/// Where an operation's input comes from.
pub type Input = Box<dyn Read + Send>;

/// Where an operation's output goes.
pub type Output<'a> = &'a mut dyn FnMut(Bytes) -> anyhow::Result<()>;

impl Context {
    /// As the command line's global options say.
    pub fn new(config: PathBuf, json: bool, quiet: bool) -> Self {
        Self {
            config,
            json,
            quiet,
        }
    }

    /// The configuration file's path.
    pub fn config_path(&self) -> &Path {
        &self.config
    }

    /// Whether the answer is for programs.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Reads the configuration.
    pub fn config(&self) -> Result<Config, Failure> {
        Config::load(&self.config).map_err(|error| {
            let missing = matches!(
                &error,
                crate::error::ConfigError::Unreadable { source, .. }
                    if source.kind() == std::io::ErrorKind::NotFound
            );
            let failure = Failure::new(FailureKind::Configuration, error);
            if missing {
                failure
                    .advise("name yours with --config FILE, or write one with fieldpost init DIR")
            } else {
                failure
            }
        })
    }

    /// Runs an operation that has neither input nor output.
    pub fn call<T: DeserializeOwned>(&self, operation: Operation) -> anyhow::Result<T> {
        self.call_with(operation, None, &mut |_| Ok(()))
    }

    /// Runs an operation: in the running server if there is one, else here. Shows its progress.
    pub fn call_with<T: DeserializeOwned>(
        &self,
        operation: Operation,
        input: Option<Input>,
        output: Output<'_>,
    ) -> anyhow::Result<T> {
        let config = self.config()?;
        let runtime = runtime()?;
        let answer = runtime.block_on(self.drive(config, operation, input, output))?;
        Ok(serde_json::from_value(answer)?)
    }

    /// Prints an answer: as JSON, or by `text`.
    pub fn print<T: Serialize>(
        &self,
        answer: &T,
        text: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            text(&mut out)?;
        }
        Ok(out.flush()?)
    }

    /// A remark beside the answer, for people.
    pub fn remark(&self, text: &str) {
        if !self.quiet && !self.json {
            eprintln!("{text}");
        }
    }

    /// A bar for long work; hidden where nobody looks.
    pub fn progress_bar(&self) -> ProgressBar {
        if self.quiet || self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::no_length();
        if let Ok(style) =
            ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}")
        {
            bar.set_style(style);
        }
        bar
    }

    /// Asks a yes-or-no question at the terminal; without one the answer is no.
    pub fn confirm(&self, question: &str) -> std::io::Result<bool> {
        if !std::io::stdin().is_terminal() {
            return Ok(false);
        }
        eprint!("{question} [y/N] ");
        std::io::stderr().flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        Ok(matches!(line.trim(), "y" | "Y" | "yes"))
    }

    async fn drive(
        &self,
        config: Config,
        operation: Operation,
        input: Option<Input>,
        output: Output<'_>,
    ) -> anyhow::Result<Value> {
        let request = Bytes::from(serde_json::to_vec(&operation)?);
        let (exchange, mut ends) = Exchange::pair();
        let running = match control::connect(&config.control_socket()).await? {
            Some(client) => tokio::spawn(client.call(request, exchange)),
            None => tokio::spawn(run_here(config, request, exchange)),
        };
        let feeding = input.map(|mut input| {
            let sender = ends.input.clone();
            tokio::task::spawn_blocking(move || -> std::io::Result<()> {
                loop {
                    let mut piece = vec![0; PIECE];
                    let count = input.read(&mut piece)?;
                    piece.truncate(count);
                    // The operation wants no more: its answer says why.
                    if count == 0 || sender.blocking_send(piece.into()).is_err() {
                        return Ok(());
                    }
                }
            })
        });
        drop(ends.input);
        let bar = self.progress_bar();
        let mut trouble = None;
        while let Some(event) = ends.events.recv().await {
            match event {
                Event::Progress(progress) => show(&bar, progress),
                Event::Data(bytes) => {
                    if let Err(error) = output(bytes) {
                        // Nobody takes the output: the operation ends at its next piece.
                        trouble = Some(error);
                        break;
                    }
                }
            }
        }
        drop(ends.events);
        bar.finish_and_clear();
        let answer = running.await?;
        if let Some(error) = trouble {
            return Err(error);
        }
        let answer = answer?;
        if let Some(feeding) = feeding {
            feeding.await??;
        }
        Ok(answer)
    }
}

/// The runtime that a command runs in.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

/// No server runs: the operation runs in this process.
async fn run_here(config: Config, request: Bytes, exchange: Exchange) -> Result<Value, Failure> {
    let socket = config.control_socket();
    let engine = Engine::open(config).await.map_err(|failure| {
        if failure.kind == FailureKind::Busy {
            let advice = format!(
                "a server runs on this data directory, but does not answer at {}; name its own configuration with \
                 --config, or stop it",
                socket.display()
            );
            failure.advise(advice)
        } else {
            failure
        }
    })?;
    let answer = Arc::clone(&engine).operate(request, exchange).await;
    let closed = engine.close().await;
    let answer = answer?;
    closed?;
    Ok(answer)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_message(progress.what);
    if progress.total > 0 {
        bar.set_length(progress.total);
    }
    bar.set_position(progress.done);
}
