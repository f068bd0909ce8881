//! `fieldpost queue list`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{PAGE, QueueRow};
use crate::{
    command::{Context, device::moment, show},
    engine::{Engine, of_mailbox},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `queue list`.
#[derive(Args)]
pub struct Arguments {
    /// Only those that go to this address or domain.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    limit: usize,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    to: Option<String>,
    limit: usize,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let rows: Vec<QueueRow> = context.call(Operation::QueueList(Request {
        to: arguments.to,
        limit: arguments.limit,
    }))?;
    context.print(&rows, |out| {
        let mut lines = vec![
            ["ID", "CAME", "NEXT", "SIZE", "SENDER", "RECIPIENTS"]
                .map(String::from)
                .to_vec(),
        ];
        lines.extend(rows.iter().map(|row| {
            let recipients = match &row.recipients[..] {
                [one] => one.address.clone(),
                [one, rest @ ..] => format!("{} and {} more", one.address, rest.len()),
                [] => String::new(),
            };
            vec![
                row.id.clone(),
                moment(row.created),
                row.next(),
                row.size.to_string(),
                format!("<{}>", row.sender),
                recipients,
            ]
        }));
        show::table(out, &lines)
    })
}

/// Lists them.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Vec<QueueRow>, Failure> {
    let mut rows = Vec::new();
    let mut after = None;
    while rows.len() < request.limit {
        let page = engine
            .transport
            .queue(after, PAGE)
            .await
            .map_err(of_mailbox)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let wanted = page
            .iter()
            .filter(|entry| request.to.as_ref().is_none_or(|to| entry.goes_to(to)));
        rows.extend(wanted.map(QueueRow::of));
    }
    rows.truncate(request.limit);
    Ok(rows)
}
