//! `fieldpost account list`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::AccountRow;
use crate::{
    command::{Context, show},
    engine::Engine,
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `account list`.
#[derive(Args)]
pub struct Arguments {
    /// Only accounts with an address in this domain.
    #[arg(long)]
    domain: Option<String>,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    domain: Option<String>,
    after: Option<u64>,
}

/// A page of accounts.
#[derive(Deserialize, Serialize)]
pub struct Page {
    accounts: Vec<AccountRow>,
    /// Where the next page begins; none = this was the last.
    next: Option<u64>,
}

/// Runs the command.
pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let mut accounts = Vec::new();
    let mut after = None;
    loop {
        let page: Page = context.call(Operation::AccountList(Request {
            domain: arguments.domain.clone(),
            after,
        }))?;
        accounts.extend(page.accounts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    context.print(&accounts, |out| {
        let mut rows = vec![
            ["ID", "ADDRESS", "NAME", "SIGN-IN", "FURTHER ADDRESSES"]
                .map(String::from)
                .to_vec(),
        ];
        for account in &accounts {
            rows.push(vec![
                account.id.to_string(),
                account.address.clone(),
                account.display_name.clone(),
                if account.enabled { "yes" } else { "no" }.into(),
                account.aliases.join(" "),
            ]);
        }
        show::table(out, &rows)
    })
}

/// Lists a page.
pub fn operate(request: Request, engine: &Arc<Engine>) -> Result<Page, Failure> {
    let after = request.after.map(fieldpost_store::AccountId);
    let page = engine.directory.list(after, PAGE);
    let next = (page.len() == PAGE)
        .then(|| page.last().map(|last| last.id.0))
        .flatten();
    let wanted = request.domain.as_deref().map(str::to_lowercase);
    let accounts = page
        .iter()
        .filter(|account| {
            wanted.as_deref().is_none_or(|domain| {
                account
                    .addresses()
                    .any(|address| address.domain() == domain)
            })
        })
        .map(|account| AccountRow::of(account))
        .collect();
    Ok(Page { accounts, next })
}

/// Accounts of one page: with a thousand further addresses each it stays within a frame.
const PAGE: usize = 1000;
