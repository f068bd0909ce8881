//! `fieldpost device list ADDRESS`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{DeviceRow, moment};
use crate::{
    command::{Context, show},
    engine::{self, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `device list`.
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
    let devices: Vec<DeviceRow> = context.call(Operation::DeviceList(Request {
        address: arguments.address,
    }))?;
    context.print(&devices, |out| {
        let mut rows = vec![
            ["DEVICE", "KIND", "MODEL", "NAME", "VERSION", "LAST SEEN"]
                .map(String::from)
                .to_vec(),
        ];
        rows.extend(devices.iter().map(|device| {
            vec![
                device.id.clone(),
                device.kind.clone(),
                device.model.clone(),
                device.friendly_name.clone(),
                device.version.clone(),
                moment(device.last_seen),
            ]
        }));
        show::table(out, &rows)
    })
}

/// Lists them.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Vec<DeviceRow>, Failure> {
    let mailbox = engine.mailbox(&request.address).await?;
    let devices = mailbox.devices().await.map_err(engine::of_mailbox)?;
    Ok(devices.iter().map(DeviceRow::of).collect())
}
