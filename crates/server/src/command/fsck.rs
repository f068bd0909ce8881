//! `fieldpost fsck`

use std::sync::{Arc, atomic::Ordering};

use clap::Args;
use fieldpost_mailbox::{Depth, EntryId, Expunge, UidSet};
use fieldpost_store::{
    AccountId, Hold, StoreError,
    disk::RealDisk,
    embedded::{self, FsckOptions},
};
use serde::{Deserialize, Serialize};

use super::{Context, show};
use crate::{
    engine::{self, Engine},
    exchange::{Exchange, Failure, FailureKind},
    operation::Operation,
    storage,
};

/// Arguments of `fsck`.
#[derive(Args)]
#[command(
    after_help = "Checks the log, the snapshots, the index, every body, and every account's records, while the server serves \
                  or without one. What holds bodies is compared with all items only without a server.\n\n\
                  --repair loses what is damaged and nothing else, and lists it; take a backup first.\n\n\
                  Exit codes: 0 clean, or all repaired; 7 damage found.\n\n\
                  Examples:\n  fieldpost fsck\n  fieldpost fsck --account anna@example.org --repair"
)]
pub struct Arguments {
    /// Repair what can be repaired.
    #[arg(long)]
    repair: bool,
    /// Check the records of one account only.
    #[arg(long, value_name = "ADDRESS")]
    account: Option<String>,
    /// Do not read every body through.
    #[arg(long)]
    quick: bool,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    repair: bool,
    account: Option<String>,
    quick: bool,
}

/// What was found.
#[derive(Default, Deserialize, Serialize)]
pub struct Answer {
    frames: u64,
    snapshots: u64,
    accounts: u64,
    bodies: u64,
    body_bytes: u64,
    holds: u64,
    /// Bodies that nothing holds: no damage, they go in time.
    unheld: u64,
    /// Whether holds were compared with items.
    holds_compared: bool,
    repaired: bool,
    problems: Vec<Problem>,
}

/// Something damaged.
#[derive(Deserialize, Serialize)]
pub struct Problem {
    /// `store`, or an account's address or number.
    place: String,
    what: String,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let repair = arguments.repair;
    let format_written = repair && repair_format(context)?;
    let request = Request {
        repair,
        account: arguments.account,
        quick: arguments.quick,
    };
    let mut answer: Answer = context
        .call(Operation::Fsck(request))
        .map_err(without_advice_to_check)?;
    if format_written {
        answer.note("store", ["FORMAT was damaged or gone: it was written anew"]);
        answer.repaired = true;
    }
    context.print(&answer, |out| {
        if answer.frames > 0 {
            writeln!(
                out,
                "looked at {} log frames, {} snapshots, {} accounts, {} bodies ({}), {} holds",
                answer.frames,
                answer.snapshots,
                answer.accounts,
                answer.bodies,
                show::size(answer.body_bytes),
                answer.holds
            )?;
        }
        for problem in &answer.problems {
            writeln!(out, "{}: {}", problem.place, show::printable(&problem.what))?;
        }
        match (answer.problems.len(), answer.repaired) {
            (0, _) => writeln!(out, "clean"),
            (count, true) => writeln!(out, "{count} problems, repaired"),
            (count, false) => writeln!(out, "{count} problems"),
        }
    })?;
    if answer.problems.is_empty() || answer.repaired {
        Ok(())
    } else {
        Err(Failure::new(FailureKind::Damaged, "damage was found")
            .advise("take a backup (fieldpost backup DIR), then run fieldpost fsck --repair")
            .into())
    }
}

/// Mends the one file without which the store is not opened at all. With a server that runs it is whole, or was read long ago.
fn repair_format(context: &Context) -> Result<bool, Failure> {
    let config = context.config()?;
    let Ok(disk) = RealDisk::existing(&storage::directory(&config)) else {
        return Ok(false);
    };
    match embedded::repair_format(&disk) {
        Err(StoreError::Locked { .. }) => Ok(false),
        done => done.map_err(engine::of_store),
    }
}

/// Whoever checks the store is not told to check it.
fn without_advice_to_check(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) if failure.next_step.as_deref() == Some(engine::CHECK_IT) => failure
            .advise("what is there can't be read: restore a backup (fieldpost restore DIR)")
            .into(),
        Ok(failure) => failure.into(),
        Err(error) => error,
    }
}

/// Checks, and repairs.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    if let Some(address) = &request.account {
        let mailbox = engine.mailbox(address).await?;
        let found = if request.repair {
            mailbox.repair().await
        } else {
            mailbox.check(depth(&request)).await
        };
        answer.note(address, found.map_err(engine::of_mailbox)?);
        answer.accounts = 1;
        answer.repaired = request.repair && !answer.problems.is_empty();
        return Ok(answer);
    }
    let store = engine.storage.embedded();
    let options = FsckOptions {
        bodies: !request.quick,
        repair: request.repair,
    };
    let mut tell = exchange.teller("checking the store");
    let report = storage::blocking(move || store.fsck(options, &mut tell)).await?;
    answer.frames = report.frames;
    answer.snapshots = report.snapshots;
    answer.accounts = report.accounts;
    answer.bodies = report.bodies;
    answer.body_bytes = report.body_bytes;
    answer.holds = report.holds;
    answer.unheld = report.unheld;
    if report.repaired {
        // What was read before the repair may not be so any more.
        engine.mailboxes.forget_all().await;
    }
    for problem in &report.problems {
        if let (embedded::Problem::Body { holders, .. }, true) = (problem, report.repaired) {
            for holder in holders {
                if let Some(lost) = remove_lost(engine, holder).await? {
                    answer.note(&place(engine, holder.account), [lost]);
                }
            }
        }
    }
    answer.note("store", report.problems);
    let accounts = if request.repair {
        engine.mailboxes.repair_all().await
    } else {
        engine.mailboxes.check_all(depth(&request)).await
    };
    for (account, problems) in accounts.map_err(engine::of_mailbox)? {
        let place = engine.directory.account(account).map_or_else(
            || format!("account {account}"),
            |account| account.address.to_unicode(),
        );
        answer.note(&place, problems);
    }
    if !engine.serving.load(Ordering::Relaxed) {
        let found = engine.mailboxes.check_holds(request.repair).await;
        answer.note("store", found.map_err(engine::of_mailbox)?);
        answer.holds_compared = true;
    }
    answer.repaired = request.repair && !answer.problems.is_empty();
    Ok(answer)
}

impl Answer {
    fn note(&mut self, place: &str, problems: impl IntoIterator<Item = impl ToString>) {
        self.problems
            .extend(problems.into_iter().map(|what| Problem {
                place: place.to_owned(),
                what: what.to_string(),
            }));
    }
}

/// Takes a message away whose body is lost, so that no client tries to read it for ever; says which one it was.
async fn remove_lost(engine: &Engine, holder: &Hold) -> Result<Option<String>, Failure> {
    let mailbox = engine.mailboxes.open_existing(holder.account).await;
    let Some(mailbox) = mailbox.map_err(engine::of_mailbox)? else {
        return Ok(None);
    };
    for folder in mailbox.folders().await.map_err(engine::of_mailbox)? {
        let view = mailbox.view(folder.id).await.map_err(engine::of_mailbox)?;
        let Some(row) = view.by_entry(EntryId(holder.item)) else {
            continue;
        };
        let subject = match mailbox.item(folder.id, row.uid).await {
            Ok(item) => item.summary().map(|summary| summary.subject()),
            Err(error) => Err(error),
        };
        let uids = UidSet::from_ranges([row.uid..=row.uid]);
        mailbox
            .expunge(folder.id, &uids, Expunge::All)
            .await
            .map_err(engine::of_mailbox)?;
        return Ok(Some(format!(
            "lost with its body: uid {} in {}, \"{}\"",
            row.uid,
            folder.name,
            subject.unwrap_or_default()
        )));
    }
    Ok(None)
}

/// An account as people know it.
fn place(engine: &Engine, account: AccountId) -> String {
    engine.directory.account(account).map_or_else(
        || format!("account {account}"),
        |account| account.address.to_unicode(),
    )
}

fn depth(request: &Request) -> Depth {
    if request.quick {
        Depth::Records
    } else {
        Depth::Bodies
    }
}
