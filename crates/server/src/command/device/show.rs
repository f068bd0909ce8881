//! `fieldpost device show ADDRESS DEVICE`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{DeviceRow, Which};
use crate::{
    command::{Context, show},
    engine::Engine,
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `device show`.
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
    let device: DeviceRow = context.call(Operation::DeviceShow(Request {
        which: arguments.which,
    }))?;
    context.print(&device, |out| show::table(out, &device.lines()))
}

/// Looks it up.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<DeviceRow, Failure> {
    let (_, device) = request.which.find(engine).await?;
    Ok(DeviceRow::of(&device))
}
