//! `fieldpost queue show ID`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{QueueRow, entry};
use crate::{
    command::{Context, device::moment},
    engine::Engine,
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `queue show`.
#[derive(Args)]
pub struct Arguments {
    /// The message's id, as `queue list` shows it.
    id: String,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    id: String,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let row: QueueRow = context.call(Operation::QueueShow(Request { id: arguments.id }))?;
    context.print(&row, |out| {
        writeln!(out, "id      {}", row.id)?;
        writeln!(out, "sender  <{}>", row.sender)?;
        writeln!(out, "size    {} bytes", row.size)?;
        writeln!(out, "came    {}", moment(row.created))?;
        writeln!(out, "next    {}", row.next())?;
        for recipient in &row.recipients {
            let (address, attempts) = (&recipient.address, recipient.attempts);
            writeln!(out, "\n<{address}>, tried {attempts} times")?;
            if let Some(last) = &recipient.last {
                writeln!(out, "  {last}")?;
            }
        }
        Ok(())
    })
}

/// Shows it.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<QueueRow, Failure> {
    entry(engine, &request.id)
        .await
        .map(|entry| QueueRow::of(&entry))
}
