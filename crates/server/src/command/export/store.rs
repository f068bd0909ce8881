//! `fieldpost export --store FILE`: everything, in one file that any backend of the store can read.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, mpsc},
};

use bytes::Bytes;
use fieldpost_store::transfer::{self, Transferred};
use serde::{Deserialize, Serialize};

use crate::{
    command::{Context, show},
    engine::{self, Engine},
    exchange::{Exchange, Failure, FailureKind, PIECE},
    operation::Operation,
};

/// Nothing is needed.
#[derive(Deserialize, Serialize)]
pub struct Request {}

/// What went through.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    /// Keys with their values.
    pub pairs: u64,
    /// Bodies.
    pub bodies: u64,
    /// Bytes of bodies.
    pub body_bytes: u64,
}

impl Answer {
    /// As the store reports it.
    pub fn of(done: &Transferred) -> Self {
        Self {
            pairs: done.pairs,
            bodies: done.bodies,
            body_bytes: done.body_bytes,
        }
    }
}

/// Runs the command: under another name first, so that a file of the right name is a whole one.
pub fn run(file: &Path, context: &Context) -> anyhow::Result<()> {
    let failed = |error: io::Error| {
        Failure::new(FailureKind::Failed, format!("{}: {error}", file.display()))
    };
    if file.exists() {
        return Err(Failure::new(
            FailureKind::Exists,
            format!("{} exists already", file.display()),
        )
        .into());
    }
    let beside = file.with_extension("partial");
    let out = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    let mut out = BufWriter::new(out);
    let answer: Answer =
        context.call_with(Operation::ExportStore(Request {}), None, &mut |bytes| {
            Ok(out.write_all(&bytes)?)
        })?;
    let out: File = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    out.sync_all()?;
    std::fs::rename(&beside, file).map_err(failed)?;
    context.print(&answer, |out| {
        writeln!(
            out,
            "{}: {} records, {} bodies ({})",
            file.display(),
            answer.pairs,
            answer.bodies,
            show::size(answer.body_bytes)
        )
    })
}

/// Writes everything.
///
/// The store writes to a blocking writer within a future, so it gets a thread of its own; a second one carries what it
/// wrote to the exchange, because a thread that drives a future cannot wait for a channel of the runtime.
pub async fn operate(engine: &Arc<Engine>, exchange: &mut Exchange) -> Result<Answer, Failure> {
    let (sender, receiver) = mpsc::sync_channel::<Bytes>(16);
    let output = exchange.output();
    let carry = tokio::task::spawn_blocking(move || {
        for bytes in receiver {
            if !output.blocking_write(bytes) {
                return;
            }
        }
    });
    let store = engine.storage.store();
    let runtime = tokio::runtime::Handle::current();
    let mut tell = exchange.teller("writing bodies");
    let write = tokio::task::spawn_blocking(move || {
        let mut out = Pieces {
            sender,
            buffer: Vec::new(),
        };
        runtime.block_on(transfer::export(&*store, None, &mut out, &mut |done| {
            tell(done.bodies, 0);
        }))
    });
    let gone = |error: tokio::task::JoinError| Failure::new(FailureKind::Failed, error);
    let done = write.await.map_err(gone)?.map_err(engine::of_store);
    carry.await.map_err(gone)?;
    Ok(Answer::of(&done?))
}

struct Pieces {
    sender: mpsc::SyncSender<Bytes>,
    buffer: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut all = Bytes::from(std::mem::take(&mut self.buffer));
        while !all.is_empty() {
            let piece = all.split_to(all.len().min(PIECE));
            self.sender
                .send(piece)
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(())
    }
}
