//! `fieldpost group set ADDRESS`

use std::sync::Arc;

use clap::Args;
use fieldpost_directory::GroupUpdate;
use serde::{Deserialize, Serialize};

use super::{GroupRow, addresses, existing, senders};
use crate::{
    command::Context,
    engine::{Engine, of_directory},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `group set`.
#[derive(Args)]
pub struct Arguments {
    /// The group.
    address: String,
    #[command(flatten)]
    change: Change,
}

/// What changes.
#[derive(Args, Deserialize, Serialize)]
#[group(required = true, multiple = true)]
pub struct Change {
    /// Somebody who comes in.
    #[arg(long = "add-member", value_name = "ADDRESS")]
    add_members: Vec<String>,
    /// Somebody who goes.
    #[arg(long = "remove-member", value_name = "ADDRESS")]
    remove_members: Vec<String>,
    /// Who may send to it: anyone, members, or addresses.
    #[arg(long, value_name = "WHO", value_delimiter = ',')]
    senders: Vec<String>,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    change: Change,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let row: GroupRow = context.call(Operation::GroupSet(Request {
        address: arguments.address,
        change: arguments.change,
    }))?;
    context.print(&row, |out| row.write(out))
}

/// Changes it.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<GroupRow, Failure> {
    let address = existing(engine, &request.address)?;
    let change = request.change;
    let update = GroupUpdate {
        description: change.description,
        add_members: addresses(&change.add_members)?,
        remove_members: addresses(&change.remove_members)?,
        senders: if change.senders.is_empty() {
            None
        } else {
            Some(senders(&change.senders)?)
        },
    };
    let group = engine.directory.set_group(address, update).await;
    group
        .map(|group| GroupRow::of(&group))
        .map_err(of_directory)
}
