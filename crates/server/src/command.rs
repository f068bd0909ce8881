//! The command line: one file for each command, with its arguments, what it asks of the store, and how it shows the
//! answer.

pub mod account;
pub mod backup;
pub mod check;
pub mod compact;
pub mod completions;
mod context;
pub mod deliver;
pub mod device;
pub mod dns;
pub mod doctor;
pub mod export;
pub mod folder;
pub mod fsck;
pub mod group;
pub mod import;
pub mod init;
pub mod queue;
pub mod restore;
pub mod serve;
mod show;
pub mod stats;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::exchange::{Failure, FailureKind};
pub use context::{Context, runtime};

/// The whole command line.
#[derive(Parser)]
#[command(
    name = "fieldpost",
    version,
    about = "Mail access server",
    long_about = "fieldpost keeps mailboxes and gives clients access to them: mail comes in by LMTP from an MTA, is \
                  read by IMAP, POP3 and ActiveSync, and is sent by submission. One binary, one configuration file, an embedded store.\n\n\
                  Commands about accounts and mail speak to the running server; when none runs, they open the store \
                  themselves.",
    after_help = "Examples:\n  \
                  fieldpost demo                                   a server to try, with mail in it\n  \
                  fieldpost init /etc/fieldpost                    a configuration to start from\n  \
                  fieldpost check                                  what is wrong with the configuration\n  \
                  fieldpost account add anna@example.org           an account\n  \
                  fieldpost account list --json | jq               all accounts, for programs\n\n\
                  Exit codes: 0 done; 1 failed; 2 wrong use; 3 wrong configuration; 4 no such account, folder or file;\n\
                  5 exists already; 6 the store is in use by another process; 7 damage found; 75 try again later."
)]
pub struct Cli {
    /// The configuration file.
    #[arg(
        long,
        short,
        global = true,
        env = "FIELDPOST_CONFIG",
        default_value = "/etc/fieldpost/fieldpost.toml",
        hide_default_value = false,
        value_name = "FILE"
    )]
    pub config: PathBuf,
    /// Print the answer as JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// Show no progress and no remarks.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every command.
#[derive(Subcommand)]
pub enum Command {
    /// Run a server to try, with accounts and mail in it: no root, no configuration.
    Demo(crate::demo::Arguments),
    /// Write a configuration to start from, and make the first account.
    Init(init::Arguments),
    /// Run the server.
    Serve(serve::Arguments),
    /// Check the configuration: what would listen, certificates, permissions, and what to do next.
    Check(check::Arguments),
    /// Print the DNS records of a domain, or compare them with what DNS says.
    Dns(dns::Arguments),
    /// Look at all that usually goes wrong, from the configuration to DNS, and say what to do.
    Doctor(doctor::Arguments),
    /// Add, change, list and remove accounts.
    #[command(subcommand)]
    Account(account::Command),
    /// Make, change, list and remove distribution groups.
    #[command(subcommand)]
    Group(group::Command),
    /// Look at an account's folders.
    #[command(subcommand)]
    Folder(folder::Command),
    /// Look at an account's devices, let them begin anew, and forget them.
    #[command(subcommand)]
    Device(device::Command),
    /// Look at mail that waits to be delivered; try, hold or drop it.
    #[command(subcommand)]
    Queue(queue::Command),
    /// Deliver a message from standard input.
    Deliver(deliver::Arguments),
    /// Check the store, and repair it.
    Fsck(fsck::Arguments),
    /// Copy the store to a directory while the server runs.
    Backup(backup::Arguments),
    /// Bring a store, an account or a folder back from a backup.
    Restore(restore::Arguments),
    /// Write the whole store to one file, or one account's mail to an mbox file or a Maildir.
    Export(export::Arguments),
    /// Read what export wrote, or other servers' mbox files and Maildirs.
    Import(import::Arguments),
    /// Give the space of deleted mail back.
    Compact(compact::Arguments),
    /// Show how large the store is and what it does.
    Stats(stats::Arguments),
    /// Print completions for a shell.
    Completions(completions::Arguments),
    /// Write man pages to a directory.
    #[command(hide = true)]
    Man(completions::ManArguments),
}

/// Runs what the process's arguments ask for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = match error.downcast::<Failure>() {
                Ok(failure) => failure,
                // Whoever reads our output has seen enough (`| head`).
                Err(error) if is_broken_pipe(&error) => return ExitCode::SUCCESS,
                Err(error) => Failure::new(FailureKind::Failed, format!("{error:#}")),
            };
            if json {
                eprintln!("{}", serde_json::to_string(&failure).unwrap_or_default());
            } else {
                eprintln!("fieldpost: {failure}");
            }
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let context = Context::new(cli.config, cli.json, cli.quiet);
    match cli.command {
        Command::Demo(arguments) => crate::demo::run(arguments, &context),
        Command::Init(arguments) => init::run(arguments, &context),
        Command::Serve(arguments) => serve::run(arguments, &context),
        Command::Check(arguments) => check::run(arguments, &context),
        Command::Dns(arguments) => dns::run(arguments, &context),
        Command::Doctor(arguments) => doctor::run(arguments, &context),
        Command::Account(command) => account::run(command, &context),
        Command::Group(command) => group::run(command, &context),
        Command::Folder(command) => folder::run(command, &context),
        Command::Device(command) => device::run(command, &context),
        Command::Queue(command) => queue::run(command, &context),
        Command::Deliver(arguments) => deliver::run(arguments, &context),
        Command::Fsck(arguments) => fsck::run(arguments, &context),
        Command::Backup(arguments) => backup::run(arguments, &context),
        Command::Restore(arguments) => restore::run(arguments, &context),
        Command::Export(arguments) => export::run(arguments, &context),
        Command::Import(arguments) => import::run(arguments, &context),
        Command::Compact(arguments) => compact::run(arguments, &context),
        Command::Stats(arguments) => stats::run(arguments, &context),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => completions::run_man(&arguments),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
