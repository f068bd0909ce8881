//! `fieldpost group remove ADDRESS`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::existing;
use crate::{
    command::Context,
    engine::{Engine, of_directory},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `group remove`.
#[derive(Args)]
pub struct Arguments {
    /// The group.
    address: String,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let address: String = context.call(Operation::GroupRemove(Request {
        address: arguments.address,
    }))?;
    context.print(&address, |out| writeln!(out, "removed {address}"))
}

/// Removes it.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<String, Failure> {
    let address = existing(engine, &request.address)?;
    let removed = engine.directory.remove_group(address.clone()).await;
    removed.map(|()| address.to_string()).map_err(of_directory)
}
