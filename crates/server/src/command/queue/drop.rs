//! `fieldpost queue drop ID…`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Done, Which};
use crate::{
    command::Context,
    engine::{Engine, of_mailbox},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `queue drop`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    which: Which,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let request = Request {
        which: arguments.which,
    };
    let done: Done = context.call(Operation::QueueDrop(request))?;
    context.print(&done, |out| writeln!(out, "{} dropped", done.messages))
}

/// Does it. What went out meanwhile does not count.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Done, Failure> {
    let mut messages = 0;
    for id in request.which.find(engine).await? {
        let is_there = engine.transport.drop_entry(id).await.map_err(of_mailbox)?;
        messages += u64::from(is_there);
    }
    Ok(Done { messages })
}
