//! `fieldpost restore DIR`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use fieldpost_directory::{self as directory, Directory};
use fieldpost_mailbox::{self as mailbox, Mailboxes, Selection};
use fieldpost_store::{
    Store, StoreError,
    disk::RealDisk,
    embedded::{self, EmbeddedStore, IndexKind, Settings},
};
use serde::{Deserialize, Serialize};

use super::{Context, backup::existing, runtime};
use crate::{
    control,
    engine::{self, Engine, of_store},
    exchange::{Exchange, Failure, FailureKind},
    operation::Operation,
    storage,
};

/// Arguments of `restore`.
#[derive(Args)]
#[command(
    after_help = "Without --account the whole store is put back, into a data directory that holds none; the server must not \
                  run. Clients then compare their whole lists once, and nothing that they hold is mistaken for something else.\n\n\
                  With --account, messages of the backup that are missing now are put back into that account, while the server \
                  serves; those that are there are left alone. If some can't be read in the backup, the others are put back and the \
                  command ends with 7.\n\n\
                  What a restore of the whole store left that was cut off is not opened by anything; the next restore begins anew.\n\n\
                  Examples:\n  fieldpost restore /var/backups/fieldpost\n  \
                  fieldpost restore /var/backups/fieldpost --account anna@example.org --folder Archive/2025\n  \
                  fieldpost restore /var/backups/fieldpost --account anna@example.org --since 2026-11-01"
)]
pub struct Arguments {
    /// The backup.
    directory: PathBuf,
    /// Put back the mail of this account only.
    #[arg(long, value_name = "ADDRESS")]
    account: Option<String>,
    /// Only from this folder of the backup, names separated by `/`.
    #[arg(long, value_name = "FOLDER", requires = "account")]
    folder: Option<String>,
    /// Only what arrived from this day on (2026-11-01, in UTC), or from this moment on (2026-11-01T12:00:00Z).
    #[arg(long, value_name = "DATE", requires = "account", value_parser = parse_date)]
    since: Option<i64>,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    directory: PathBuf,
    account: String,
    folder: Option<String>,
    since: Option<i64>,
}

/// What came back into an account.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    restored: u64,
    present: u64,
    unreadable: Vec<String>,
}

/// What came back of a whole store.
#[derive(Serialize)]
struct Whole {
    files: u64,
    bytes: u64,
    accounts: usize,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let directory = std::path::absolute(&arguments.directory)?;
    let Some(account) = arguments.account else {
        return whole(&directory, context);
    };
    let answer: Answer = context.call(Operation::Restore(Request {
        directory,
        account,
        folder: arguments.folder,
        since: arguments.since,
    }))?;
    context.print(&answer, |out| {
        writeln!(
            out,
            "{} messages put back, {} were there",
            answer.restored, answer.present
        )?;
        for line in &answer.unreadable {
            writeln!(out, "not readable in the backup: {line}")?;
        }
        Ok(())
    })?;
    match answer.unreadable.len() {
        0 => Ok(()),
        count => Err(Failure::new(
            FailureKind::Damaged,
            format!("{count} messages can't be read in the backup; the others are put back"),
        )
        .advise("try an older backup: what is there by now is left alone")
        .into()),
    }
}

/// Puts the whole store back, in this process.
fn whole(backup: &Path, context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    let target = storage::directory(&config);
    let runtime = runtime()?;
    if runtime
        .block_on(control::connect(&config.control_socket()))?
        .is_some()
    {
        return Err(Failure::new(FailureKind::Busy, "the server runs")
            .advise(
                "stop it first (systemctl stop fieldpost), or restore one account with --account",
            )
            .into());
    }
    let source = existing(backup)?;
    engine::make_private_directory(&config.server.data_dir)?;
    engine::make_private_directory(&target)?;
    let disk = RealDisk::new(&target)?;
    let bar = context.progress_bar();
    bar.set_message("copying");
    let report = embedded::restore(&source, &disk, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report.map_err(|error| match error {
        StoreError::Occupied { .. } => {
            of_store(error).advise(format!("move it away: mv {0} {0}.old", target.display()))
        }
        error => of_store(error),
    })?;
    context.remark("building the index");
    let accounts = runtime.block_on(async {
        let engine = Engine::open(config).await?;
        let accounts = engine.directory.accounts();
        engine.close().await?;
        Ok::<_, Failure>(accounts)
    })?;
    let answer = Whole {
        files: report.files,
        bytes: report.bytes,
        accounts,
    };
    context.print(&answer, |out| {
        writeln!(
            out,
            "restored {} accounts; start the server",
            answer.accounts
        )
    })
}

/// Puts missing mail of one account back.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let target = engine.mailbox(&request.account).await?;
    existing(&request.directory)?;
    exchange.progress("opening the backup", 0, 0);
    let path = request.directory.clone();
    let store: Arc<dyn Store> = storage::blocking(move || {
        EmbeddedStore::open_backup(
            &path,
            Settings {
                index: IndexKind::Memory,
                ..Settings::default()
            },
        )
    })
    .await?;
    let result = restore_from(&request, &store, &target, exchange).await;
    drop(store.close().await);
    result
}

async fn restore_from(
    request: &Request,
    store: &Arc<dyn Store>,
    target: &mailbox::Mailbox,
    exchange: &Exchange,
) -> Result<Answer, Failure> {
    let not_there = |what: String| Failure::new(FailureKind::NotFound, what);
    let accounts = Directory::open(Arc::clone(store), directory::Settings::default())
        .await
        .map_err(engine::of_directory)?;
    let id = accounts
        .resolve(&request.account)
        .ok_or_else(|| not_there(format!("the backup has no account {}", request.account)))?;
    let mailboxes = Mailboxes::new(Arc::clone(store), mailbox::Settings::default());
    let source = mailboxes
        .open_existing(id)
        .await
        .map_err(engine::of_mailbox)?
        .ok_or_else(|| not_there(format!("the backup has no mail of {}", request.account)))?;
    let folder = match &request.folder {
        None => None,
        Some(path) => {
            let names: Vec<&str> = path.split('/').collect();
            let found = source.folder_at(&names).await.map_err(engine::of_mailbox)?;
            let found =
                found.ok_or_else(|| not_there(format!("the backup has no folder {path}")))?;
            Some(found.id)
        }
    };
    let selection = Selection {
        folder,
        since: request.since,
    };
    let mut tell = exchange.teller("putting mail back");
    let done = target
        .restore_items(&source, &selection, |done| {
            tell(done.restored + done.present, 0);
        })
        .await
        .map_err(engine::of_mailbox)?;
    Ok(Answer {
        restored: done.restored,
        present: done.present,
        unreadable: done
            .unreadable
            .iter()
            .map(|(folder, uid, error)| format!("folder {folder}, uid {uid}: {error}"))
            .collect(),
    })
}

/// A day (its first second in UTC) or a moment, in seconds since 1970.
pub fn parse_date(text: &str) -> Result<i64, String> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.as_second());
    }
    text.parse::<jiff::civil::Date>()
        .and_then(|date| {
            date.at(0, 0, 0, 0)
                .to_zoned_datetime(jiff::tz::TimeZone::UTC)
        })
        .map(|moment| moment.timestamp().as_second())
        .map_err(|_| format!("\"{text}\" is no date such as 2026-11-01 or 2026-11-01T12:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_or_moments() {
        assert_eq!(parse_date("1970-01-02"), Ok(86_400));
        assert_eq!(parse_date("1970-01-01T00:00:07Z"), Ok(7));
        assert!(parse_date("yesterday").is_err());
    }
}
