//! `fieldpost backup DIR`

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use fieldpost_store::{
    disk::RealDisk,
    embedded::{BackupReport, verify_backup},
};
use serde::{Deserialize, Serialize};

use super::{Context, show};
use crate::{
    engine::{Engine, of_store},
    exchange::{Exchange, Failure, FailureKind},
    operation::Operation,
    storage,
};

/// Arguments of `backup`.
#[derive(Args)]
#[command(
    after_help = "The server goes on serving. A second backup into the same directory copies only what is new. Every file is \
                  read back and compared; one that is cut off leaves the backup before it whole.\n\n\
                  The directory is written by the user that the server runs as.\n\n\
                  Examples:\n  fieldpost backup /var/backups/fieldpost\n  fieldpost backup /var/backups/fieldpost --verify"
)]
pub struct Arguments {
    /// Where the backup is, or is to be.
    directory: PathBuf,
    /// Make none: read the one that is there, every byte, and compare it with its list.
    #[arg(long)]
    verify: bool,
}

/// What the operation needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    directory: PathBuf,
}

/// What is in the backup.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    files: u64,
    bytes: u64,
    /// Bytes that had to be copied this time.
    copied: u64,
    lsn: u64,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    // The server's own directory is another one than ours.
    let directory = std::path::absolute(&arguments.directory)?;
    let answer = if arguments.verify {
        let bar = context.progress_bar();
        bar.set_message("reading the backup");
        let report = verify_backup(&existing(&directory)?, &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        Answer::of(&report.map_err(of_store)?)
    } else {
        context.call(Operation::Backup(Request {
            directory: directory.clone(),
        }))?
    };
    context.print(&answer, |out| {
        writeln!(
            out,
            "{}: {} in {} files, up to commit {}{}",
            directory.display(),
            show::size(answer.bytes),
            answer.files,
            answer.lsn,
            if arguments.verify {
                "; every byte is as it was written".to_owned()
            } else {
                format!("; {} copied", show::size(answer.copied))
            }
        )
    })
}

/// Makes the backup.
pub async fn operate(
    request: Request,
    engine: &Arc<Engine>,
    exchange: &mut Exchange,
) -> Result<Answer, Failure> {
    let directory = request.directory;
    if directory.starts_with(engine.storage.directory()) {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("{} lies in the store itself", directory.display()),
        )
        .advise("name a directory on another disk"));
    }
    crate::engine::make_private_directory(&directory)?;
    let target = RealDisk::new(&directory).map_err(|error| {
        Failure::new(
            FailureKind::Failed,
            format!("{}: {error}", directory.display()),
        )
    })?;
    let store = engine.storage.embedded();
    let mut tell = exchange.teller("copying");
    let report = storage::blocking(move || store.backup(&target, &mut tell)).await?;
    Ok(Answer::of(&report))
}

/// A directory that must be there.
pub fn existing(directory: &std::path::Path) -> Result<RealDisk, Failure> {
    RealDisk::existing(directory).map_err(|error| {
        Failure::new(
            FailureKind::NotFound,
            format!("{}: {error}", directory.display()),
        )
    })
}

impl Answer {
    /// As the store reports it.
    pub fn of(report: &BackupReport) -> Self {
        Self {
            files: report.files,
            bytes: report.bytes,
            copied: report.copied,
            lsn: report.lsn,
        }
    }
}
