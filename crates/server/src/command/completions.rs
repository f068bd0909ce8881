//! `fieldpost completions SHELL` and `fieldpost man DIR`

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::Cli;

/// Arguments of `completions`.
#[derive(Args)]
#[command(after_help = "Example:\n  fieldpost completions bash > /etc/bash_completion.d/fieldpost")]
pub struct Arguments {
    /// bash, zsh, fish, elvish or powershell.
    shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Args)]
pub struct ManArguments {
    /// Where to write the pages.
    directory: PathBuf,
}

/// Prints completions.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // First into memory: the generator panics when its output ends early.
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "fieldpost", &mut text);
    Ok(std::io::Write::write_all(&mut std::io::stdout(), &text)?)
}

/// Writes man pages.
pub fn run_man(arguments: &ManArguments) -> anyhow::Result<()> {
    std::fs::create_dir_all(&arguments.directory)?;
    clap_mangen::generate_to(Cli::command(), &arguments.directory)?;
    Ok(())
}
