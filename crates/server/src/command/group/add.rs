//! `fieldpost group add ADDRESS`

use std::sync::Arc;

use clap::Args;
use fieldpost_directory::Group;
use serde::{Deserialize, Serialize};

use super::{GroupRow, address, addresses, senders};
use crate::{
    command::Context,
    engine::{Engine, of_directory},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `group add`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fieldpost group add team@example.org --member anna@example.org --member bo@example.net\n  \
                  fieldpost group add staff@example.org --member team@example.org --senders members"
)]
pub struct Arguments {
    /// Its address. A new domain becomes a local domain with it.
    address: String,
    /// Somebody in it: an account, another group, or anybody elsewhere.
    #[arg(long = "member", value_name = "ADDRESS")]
    members: Vec<String>,
    /// Who may send to it: anyone, members, or addresses.
    #[arg(
        long,
        value_name = "WHO",
        value_delimiter = ',',
        default_value = "anyone"
    )]
    senders: Vec<String>,
    /// What it is for.
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    members: Vec<String>,
    senders: Vec<String>,
    description: String,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let row: GroupRow = context.call(Operation::GroupAdd(Request {
        address: arguments.address,
        members: arguments.members,
        senders: arguments.senders,
        description: arguments.description,
    }))?;
    context.print(&row, |out| row.write(out))
}

/// Makes it.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<GroupRow, Failure> {
    let group = Group {
        address: address(&request.address)?,
        description: request.description,
        members: addresses(&request.members)?,
        senders: senders(&request.senders)?,
    };
    let group = engine.directory.add_group(group).await;
    group
        .map(|group| GroupRow::of(&group))
        .map_err(of_directory)
}
