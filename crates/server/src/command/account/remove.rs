//! `fieldpost account remove ADDRESS`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::AccountRow;
use crate::{
    command::{Context, show},
    engine::{self, Engine},
    exchange::{Failure, FailureKind},
    operation::Operation,
};

/// Arguments of `account remove`.
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
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let request = |dry| {
        Operation::AccountRemove(Request {
            address: arguments.address.clone(),
            dry,
        })
    };
    if !arguments.yes {
        let found: Answer = context.call(request(true))?;
        let question = format!(
            "Remove {} with {} items ({})? This cannot be undone.",
            found.account.address,
            found.items,
            show::size(found.bytes)
        );
        if !context.confirm(&question)? {
            return Err(Failure::new(FailureKind::Usage, "nothing was removed")
                .advise("add --yes to remove it without being asked")
                .into());
        }
    }
    let removed: Answer = context.call(request(false))?;
    context.print(&removed, |out| {
        writeln!(
            out,
            "account {} is removed, {} items",
            removed.account.address, removed.items
        )
    })
}

/// Removes it: first the account, so that nothing comes in any more, then its mail.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let account = engine.account(&request.address)?;
    let mailbox = engine.open_mailbox(account.id).await?;
    let quota = mailbox.quota().await.map_err(engine::of_mailbox)?;
    let answer = Answer {
        account: AccountRow::of(&account),
        items: quota.used_items,
        bytes: quota.used_bytes,
    };
    if request.dry {
        return Ok(answer);
    }
    drop(mailbox);
    engine
        .directory
        .remove(account.id)
        .await
        .map_err(engine::of_directory)?;
    engine.remove_mail(account.id).await?;
    Ok(answer)
}
