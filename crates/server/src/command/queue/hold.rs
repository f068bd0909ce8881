//! `fieldpost queue hold ID…`

use std::sync::Arc;

use clap::Args;

use super::{Done, Request, Which};
use crate::{command::Context, engine::Engine, exchange::Failure, operation::Operation};

/// Arguments of `queue hold`.
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
    let done: Done = context.call(Operation::QueueHold(request))?;
    context.print(&done, |out| writeln!(out, "{} held", done.messages))
}

/// Does it.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Done, Failure> {
    let hold = |id| engine.transport.hold(id);
    request.for_each(engine, hold).await
}
