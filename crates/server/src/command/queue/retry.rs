//! `fieldpost queue retry ID…`

use std::sync::Arc;

use clap::Args;

use super::{Done, Request, Which};
use crate::{command::Context, engine::Engine, exchange::Failure, operation::Operation};

/// Arguments of `queue retry`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let request = Request {
        which: arguments.which,
    };
    let done: Done = context.call(Operation::QueueRetry(request))?;
    context.print(&done, |out| writeln!(out, "{} tried", done.messages))
}

/// Does it.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Done, Failure> {
    let retry_now = |id| engine.transport.retry_now(id);
    request.for_each(engine, retry_now).await
}
