//! `fieldpost group …`: distribution groups.

pub mod add;
pub mod list;
pub mod remove;
pub mod set;

use std::sync::Arc;

use clap::Subcommand;
use fieldpost_directory::{Address, Group, GroupSenders};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::{
    engine::Engine,
    exchange::{Failure, FailureKind},
};

/// What to do with groups.
#[derive(Subcommand)]
pub enum Command {
    /// Make a group.
    Add(add::Arguments),
    /// Change a group's members, and who may send to it.
    Set(set::Arguments),
    /// List groups with their members.
    List(list::Arguments),
    /// Remove a group; its members stay.
    Remove(remove::Arguments),
}

/// Runs one of them.
pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::Add(arguments) => add::run(arguments, context),
        Command::Set(arguments) => set::run(arguments, context),
        Command::List(arguments) => list::run(arguments, context),
        Command::Remove(arguments) => remove::run(arguments, context),
    }
}

/// A group as it is shown.
#[derive(Debug, Deserialize, Serialize)]
pub struct GroupRow {
    /// Its address.
    pub address: String,
    /// What it is for.
    pub description: String,
    /// Who is in it.
    pub members: Vec<String>,
    /// Who may send to it: `anyone`, `members`, or addresses.
    pub senders: Vec<String>,
}

impl GroupRow {
    /// The row of `group`.
    pub fn of(group: &Group) -> Self {
        let texts = |list: &[Address]| list.iter().map(ToString::to_string).collect();
        Self {
            address: group.address.to_string(),
            description: group.description.clone(),
            members: texts(&group.members),
            senders: match &group.senders {
                GroupSenders::Anyone => vec!["anyone".to_owned()],
                GroupSenders::Members => vec!["members".to_owned()],
                GroupSenders::Listed(listed) => texts(listed),
            },
        }
    }

    /// For people, in a line.
    pub fn write(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let (address, senders) = (&self.address, self.senders.join(", "));
        writeln!(
            out,
            "{address}, {} members, from {senders}",
            self.members.len()
        )
    }
}

/// An address, or what is wrong with it.
pub fn address(text: &str) -> Result<Address, Failure> {
    Address::parse(text)
        .map_err(|error| Failure::new(FailureKind::Usage, format!("{text}: {error}")))
}

/// Several.
pub fn addresses(texts: &[String]) -> Result<Vec<Address>, Failure> {
    texts.iter().map(|text| address(text)).collect()
}

/// Who may send, out of `anyone`, `members`, or addresses.
pub fn senders(words: &[String]) -> Result<GroupSenders, Failure> {
    match words {
        [word] if word == "anyone" => Ok(GroupSenders::Anyone),
        [word] if word == "members" => Ok(GroupSenders::Members),
        listed => addresses(listed).map(GroupSenders::Listed),
    }
}

/// The group of that address, for a change.
pub fn existing(engine: &Arc<Engine>, text: &str) -> Result<Address, Failure> {
    match engine.directory.group(text) {
        Some(group) => Ok(group.address.clone()),
        None => Err(
            Failure::new(FailureKind::NotFound, format!("there is no group {text}"))
                .advise("fieldpost group list shows those there are"),
        ),
    }
}
