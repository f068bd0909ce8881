//! `fieldpost account show ADDRESS`

use std::sync::Arc;

use clap::Args;
use fieldpost_directory::SendRight;
use serde::{Deserialize, Serialize};

use super::AccountRow;
use crate::{
    command::{Context, folder::FolderRow, show},
    engine::{self, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `account show`.
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

/// All about an account.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    #[serde(flatten)]
    account: AccountRow,
    used_bytes: u64,
    used_items: u64,
    quota_bytes: u64,
    quota_items: u64,
    /// Which other accounts may send as this one,
    send_as: Vec<String>,
    /// and on its behalf.
    send_on_behalf: Vec<String>,
    folders: Vec<FolderRow>,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let answer: Answer = context.call(Operation::AccountShow(Request {
        address: arguments.address,
    }))?;
    context.print(&answer, |out| {
        let account = &answer.account;
        let made = jiff::Timestamp::from_second(account.created as i64)
            .map(|time| time.to_string())
            .unwrap_or_default();
        let lines = [
            ("address", account.address.clone()),
            ("further addresses", account.aliases.join(" ")),
            ("name", account.display_name.clone()),
            ("id", account.id.to_string()),
            (
                "may sign in",
                if account.enabled { "yes" } else { "no" }.into(),
            ),
            ("protocols", account.protocols.join(" ")),
            ("send as", answer.send_as.join(" ")),
            ("send on behalf", answer.send_on_behalf.join(" ")),
            (
                "save sent",
                match account.save_sent {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "as configured",
                }
                .into(),
            ),
            ("made", made),
            (
                "holds",
                format!(
                    "{} items, {}",
                    answer.used_items,
                    show::size(answer.used_bytes)
                ),
            ),
            (
                "quota",
                format!(
                    "{} items, {}",
                    show::limit(answer.quota_items, answer.quota_items.to_string()),
                    show::limit(answer.quota_bytes, show::size(answer.quota_bytes))
                ),
            ),
        ];
        let rows: Vec<_> = lines
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect();
        show::table(out, &rows)?;
        writeln!(out)?;
        FolderRow::table(out, &answer.folders)
    })
}

/// Looks it up.
pub async fn operate(request: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let account = engine.account(&request.address)?;
    let mailbox = engine.open_mailbox(account.id).await?;
    let quota = mailbox.quota().await.map_err(engine::of_mailbox)?;
    let senders = |right| -> Vec<String> {
        let senders = engine.directory.senders(account.id, right);
        let addresses = senders.iter().map(|sender| sender.address.to_unicode());
        addresses.collect()
    };
    Ok(Answer {
        send_as: senders(SendRight::SendAs),
        send_on_behalf: senders(SendRight::SendOnBehalf),
        account: AccountRow::of(&account),
        used_bytes: quota.used_bytes,
        used_items: quota.used_items,
        quota_bytes: quota.limits.bytes,
        quota_items: quota.limits.items,
        folders: FolderRow::all(&mailbox).await?,
    })
}
