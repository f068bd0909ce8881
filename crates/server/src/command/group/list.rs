//! `fieldpost group list`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::GroupRow;
use crate::{
    command::{Context, show},
    engine::Engine,
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `group list`.
#[derive(Args)]
pub struct Arguments {}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {}

/// Runs the command.
pub fn run(_: Arguments, context: &Context) -> anyhow::Result<()> {
    let rows: Vec<GroupRow> = context.call(Operation::GroupList(Request {}))?;
    context.print(&rows, |out| {
        let mut lines = vec![
            ["GROUP", "SENDERS", "MEMBERS", "DESCRIPTION"]
                .map(String::from)
                .to_vec(),
        ];
        lines.extend(rows.iter().map(|row| {
            vec![
                row.address.clone(),
                row.senders.join(" "),
                row.members.join(" "),
                row.description.clone(),
            ]
        }));
        show::table(out, &lines)
    })
}

/// Lists them.
pub fn operate(_: Request, engine: &Arc<Engine>) -> Result<Vec<GroupRow>, Failure> {
    let groups = engine.directory.groups();
    Ok(groups.iter().map(|group| GroupRow::of(group)).collect())
}
