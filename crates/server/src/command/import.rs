//! `fieldpost import`

pub mod dovecot;
mod eml;
pub mod imap;
mod intake;
pub mod mail;
mod maildir;
pub mod mbox;
mod mbox_fields;
mod mbox_tree;
pub mod modified_utf7;
mod pop3;
mod remote;
pub mod source;
mod store;
mod target;

use std::path::PathBuf;

use clap::Args;

use super::Context;
use crate::exchange::{Failure, FailureKind};

/// Arguments of `import`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  fieldpost import --store fieldpost.export\n  fieldpost import anna@example.org --maildir /var/mail/anna/Maildir\n  \
                  fieldpost import anna@example.org --mbox old.mbox --folder Archive\n  fieldpost import anna@example.org --mbox /home/anna/mail\n  \
                  fieldpost import anna@example.org --imap old.example.org --pop3 old.example.org --password-file secret\n  \
                  fieldpost import anna@example.org --imap old.example.org --user 'anna*master' --password-file master\n\n\
                  The same command again takes in what is new there by now, and how mail is marked."
)]
pub struct Arguments {
    /// The account to put the mail into.
    #[arg(required_unless_present = "store")]
    address: Option<String>,
    /// Read what `export --store` wrote into a new data directory; the server must not run.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "mbox", "maildir", "eml", "folder"])]
    store: Option<PathBuf>,
    /// Read a file in mbox format, or a directory of such files with all its folders.
    #[arg(long, value_name = "PATH", conflicts_with = "maildir")]
    mbox: Option<PathBuf>,
    /// Read a Maildir or Maildir++ with all its folders.
    #[arg(long, value_name = "DIR")]
    maildir: Option<PathBuf>,
    /// Read the .eml files of a directory; directories in it are folders.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["mbox", "maildir"])]
    eml: Option<PathBuf>,
    #[command(flatten)]
    server: imap::Arguments,
    /// Put all of it into this folder, names separated by `/`, made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,
}

/// Runs the command.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    if let Some(file) = &arguments.store {
        return store::run(file, context);
    }
    if arguments.server.is_there() {
        return imap::run(
            arguments.address.unwrap_or_default(),
            arguments.server,
            context,
        );
    }
    let folder: Option<Vec<String>> = arguments
        .folder
        .map(|folder| folder.split('/').map(String::from).collect());
    if let Some(path) = &folder
        && path.iter().any(String::is_empty)
    {
        return Err(mail::unnamed(&path.join("/")).into());
    }
    let source = match (&arguments.mbox, &arguments.maildir, &arguments.eml) {
        (Some(file), None, None) => mbox::read(file, folder)?,
        (None, Some(directory), None) => maildir::read(directory, folder)?,
        (None, None, Some(directory)) => eml::read(directory, folder)?,
        _ => {
            return Err(Failure::new(FailureKind::Usage, "say where the mail is")
                .advise("add --imap HOST, --maildir DIR, --mbox FILE or --eml DIR")
                .into());
        }
    };
    mail::run(arguments.address.unwrap_or_default(), source, context)
}
