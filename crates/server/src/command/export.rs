//! `fieldpost export`

mod dovecot;
pub mod mail;
mod maildir;
mod mbox;
mod mbox_tree;
pub mod store;

use std::path::PathBuf;

use clap::Args;

pub use mbox::FIELDS;
#[cfg(test)]
pub use mbox::mbox_of;

use super::Context;
use crate::exchange::{Failure, FailureKind};

/// Arguments of `export`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fieldpost export --store fieldpost.export\n  fieldpost export anna@example.org --maildir ./anna\n  \
                  fieldpost export anna@example.org --mbox inbox.mbox --folder INBOX"
)]
pub struct Arguments {
    /// The account whose mail to write.
    #[arg(required_unless_present = "store")]
    address: Option<String>,
    /// Write the whole store, accounts and all, to one file that any version and backend can read.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "mbox", "maildir", "folder"])]
    store: Option<PathBuf>,
    /// Write one folder to a file in mboxrd format; with a `/` at the end, all folders to files in that directory.
    #[arg(long, value_name = "PATH", conflicts_with = "maildir")]
    mbox: Option<PathBuf>,
    /// Write all folders to a Maildir++.
    #[arg(long, value_name = "DIR")]
    maildir: Option<PathBuf>,
    /// Only this folder, names separated by `/`; INBOX for a single file if left out.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    if let Some(file) = &arguments.store {
        return store::run(file, context);
    }
    let address = arguments.address.unwrap_or_default();
    match (arguments.mbox, arguments.maildir) {
        (Some(path), None) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => mail::run(
            address,
            arguments.folder,
            &mut mbox_tree::Writer::create(&path)?,
            context,
        ),
        (Some(file), None) => {
            let folder = arguments.folder.unwrap_or_else(|| "INBOX".into());
            mail::run(
                address,
                Some(folder),
                &mut mbox::Writer::create(&file)?,
                context,
            )
        }
        (None, Some(directory)) => mail::run(
            address,
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
