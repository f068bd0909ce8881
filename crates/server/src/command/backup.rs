//! `fieldpost backup DIR`

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use fieldpost_store::{
    disk::{Disk, RealDisk},
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
                  read back and compared, and the store is checked; a backup that is cut off leaves the one before it whole.\n\n\
                  A damaged store is copied as it is, and the damage listed.\n\n\
                  Exit codes: 0 all is whole; 7 damage found.\n\n\
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
    /// What is damaged: in the store that was copied, or in the backup that was verified.
    #[serde(default)]
    damage: Vec<String>,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    // The server's own directory is another one than ours.
    let directory = std::path::absolute(&arguments.directory)?;
    let answer = if arguments.verify {
        let bar = context.progress_bar();
        bar.set_message("reading the backup");
        let backup: Arc<dyn Disk> = Arc::new(existing(&directory)?);
        let report = verify_backup(&backup, &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        Answer::of(report.map_err(|error| of_store(error).advise(UNRELIABLE))?)
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
            match (arguments.verify, answer.damage.len()) {
                (true, 0) => "; every byte is as it was written".to_owned(),
                (true, _) => "; not all of it is whole".to_owned(),
                (false, _) => format!("; {} copied", show::size(answer.copied)),
            }
        )?;
        for line in &answer.damage {
            writeln!(out, "damaged: {}", show::printable(line))?;
        }
        Ok(())
    })?;
    match (answer.damage.is_empty(), arguments.verify) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::new(FailureKind::Damaged, "the backup is damaged")
            .advise(UNRELIABLE)
            .into()),
        (false, false) => Err(Failure::new(
            FailureKind::Damaged,
            "the store is damaged; the backup was made of it as it is",
        )
        .advise("keep an older backup too, then run fieldpost fsck --repair")
        .into()),
    }
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
    Ok(Answer::of(report))
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
    pub fn of(report: BackupReport) -> Self {
        Self {
            files: report.files,
            bytes: report.bytes,
            copied: report.copied,
            lsn: report.lsn,
            damage: report.damage,
        }
    }
}

const UNRELIABLE: &str = "make another backup, into a new directory";
