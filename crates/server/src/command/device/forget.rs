//! `fieldpost device forget ADDRESS DEVICE`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{DeviceRow, Which};
use crate::{
    command::Context,
    engine::{self, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `device forget`.
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
    let device: DeviceRow = context.call(Operation::DeviceForget(Request {
        which: arguments.which,
    }))?;
    context.print(&device, |out| {
        writeln!(out, "device {} is forgotten", device.id)
    })
}

/// Forgets it, with all that it holds.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<DeviceRow, Failure> {
    let (mailbox, device) = request.which.find(engine).await?;
    mailbox
        .forget_device(&device.id)
        .await
        .map_err(engine::of_mailbox)?;
    Ok(DeviceRow::of(&device))
}
