//! `fieldpost compact`

use std::{sync::Arc, time::Duration};

use clap::Args;
use fieldpost_store::embedded::CompactOptions;
use serde::{Deserialize, Serialize};

use super::{Context, show};
use crate::{
    config::Span,
    engine::Engine,
    exchange::{Exchange, Failure},
    operation::Operation,
    storage,
};

/// Arguments of `compact`.
#[derive(Args)]
#[command(
    after_help = "The server does this by itself, slowly, in the background. This does all of it at once, while the server \
                  serves.\n\nExample:\n  fieldpost compact --grace 0"
)]
pub struct Arguments {
    /// Keep bodies that nobody holds for so long; deliveries under way need some time.
    #[arg(long, default_value = "1h", value_name = "TIME")]
    grace: Span,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    grace: Span,
}

/// What was done.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    bodies_swept: u64,
    bodies_waiting: u64,
    bodies_moved: u64,
    files_removed: u64,
    bytes_removed: u64,
    live_bytes: u64,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let answer: Answer = context.call(Operation::Compact(Request {
        grace: arguments.grace,
    }))?;
    context.print(&answer, |out| {
        writeln!(
            out,
            "{} given back in {} files; {} bodies removed, {} moved, {} still within their grace; {} of bodies are alive",
            show::size(answer.bytes_removed),
            answer.files_removed,
            answer.bodies_swept,
            answer.bodies_moved,
            answer.bodies_waiting,
            show::size(answer.live_bytes)
        )
    })
}

/// Compacts. A command that goes away does not stop it.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let grace: Duration = request.grace.duration();
    let store = engine.storage.embedded();
    let mut tell = exchange.teller("looking at bodies");
    let done =
        storage::blocking(move || store.compact(&CompactOptions::thorough(grace), &mut tell))
            .await?;
    Ok(Answer {
        bodies_swept: done.swept,
        bodies_waiting: done.waiting,
        bodies_moved: done.moved,
        files_removed: done.files_removed,
        bytes_removed: done.bytes_removed,
        live_bytes: done.live_bytes,
    })
}
