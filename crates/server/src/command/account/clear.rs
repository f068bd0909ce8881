//! `fieldpost account clear ADDRESS`

use std::sync::Arc;

use clap::Args;
use fieldpost_mailbox::{Expunge, UidSet};
use serde::{Deserialize, Serialize};

use super::AccountRow;
use crate::{
    command::{Context, show},
    engine::{self, Engine},
    exchange::{Failure, FailureKind},
    operation::Operation,
};

/// Arguments of `account clear`.
#[derive(Args)]
pub struct Arguments {
    /// The account, by any of its addresses.
    address: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    address: String,
    /// Only say what would be removed.
    dry: bool,
}

/// What was removed, or would be.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    #[serde(flatten)]
    account: AccountRow,
    items: u64,
    bytes: u64,
    devices: usize,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let request = |dry| {
        Operation::AccountClear(Request {
            address: arguments.address.clone(),
            dry,
        })
    };
    if !arguments.yes {
        let found: Answer = context.call(request(true))?;
        let question = format!(
            "Remove all {} items ({}) of {}? This cannot be undone.",
            found.items,
            show::size(found.bytes),
            found.account.address,
        );
        if !context.confirm(&question)? {
            return Err(Failure::new(FailureKind::Usage, "nothing was removed")
                .advise("add --yes to remove it without being asked")
                .into());
        }
    }
    let cleared: Answer = context.call(request(false))?;
    context.print(&cleared, |out| {
        writeln!(
            out,
            "account {} is empty: {} items removed, {} devices begin anew",
            cleared.account.address, cleared.items, cleared.devices
        )
    })
}

/// Empties all folders, which stay, and lets all devices begin anew.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let account = engine.account(&request.address)?;
    let mailbox = engine.open_mailbox(account.id).await?;
    let quota = mailbox.quota().await.map_err(engine::of_mailbox)?;
    let devices = mailbox.devices().await.map_err(engine::of_mailbox)?;
    let answer = Answer {
        account: AccountRow::of(&account),
        items: quota.used_items,
        bytes: quota.used_bytes,
        devices: devices.len(),
    };
    if request.dry {
        return Ok(answer);
    }
    for folder in mailbox.folders().await.map_err(engine::of_mailbox)? {
        mailbox
            .expunge(folder.id, &UidSet::all(), Expunge::All)
            .await
            .map_err(engine::of_mailbox)?;
    }
    for device in devices {
        mailbox
            .forget_states(&device.id, None)
            .await
            .map_err(engine::of_mailbox)?;
    }
    Ok(answer)
}
