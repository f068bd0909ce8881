//! `fieldpost export`

pub mod mail;
mod maildir;
mod mbox;

use std::path::PathBuf;

use clap::Args;

use super::Context;
use crate::exchange::{Failure, FailureKind};

/// Arguments of `export`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fieldpost export anna@example.org --maildir ./anna\n  \
                  fieldpost export anna@example.org --mbox inbox.mbox --folder INBOX"
)]
pub struct Arguments {
    /// The account whose mail to write.
    address: String,
    /// Write one folder to a file in mboxrd format.
    #[arg(long, value_name = "FILE", conflicts_with = "maildir")]
    mbox: Option<PathBuf>,
    /// Write all folders to a Maildir++.
    #[arg(long, value_name = "DIR")]
    maildir: Option<PathBuf>,
    /// Only this folder, names separated by `/`; INBOX for --mbox if left out.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    match (arguments.mbox, arguments.maildir) {
        (Some(file), None) => {
            let folder = arguments.folder.unwrap_or_else(|| "INBOX".into());
            mail::run(
                arguments.address,
                Some(folder),
                &mut mbox::Writer::create(&file)?,
                context,
            )
        }
        (None, Some(directory)) => mail::run(
            arguments.address,
            arguments.folder,
            &mut maildir::Writer::create(&directory)?,
            context,
        ),
        _ => Err(
            Failure::new(FailureKind::Usage, "say where to write the mail")
                .advise("add --mbox FILE or --maildir DIR")
                .into(),
        ),
    }
}
