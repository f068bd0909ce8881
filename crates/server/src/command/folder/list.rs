//! `fieldpost folder list ADDRESS`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::FolderRow;
use crate::{command::Context, engine::Engine, exchange::Failure, operation::Operation};

/// Arguments of `folder list`.
#[derive(Args)]
pub struct Arguments {
    /// The account, by any of its addresses.
    address: String,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let folders: Vec<FolderRow> = context.call(Operation::FolderList(Request {
        address: arguments.address,
    }))?;
    context.print(&folders, |out| FolderRow::table(out, &folders))
}

/// Lists them.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Vec<FolderRow>, Failure> {
    FolderRow::all(&engine.mailbox(&request.address).await?).await
}
