//! `fieldpost queue …`: mail that waits to be delivered.

pub mod drop;
pub mod hold;
pub mod list;
pub mod retry;
pub mod show;

use std::sync::Arc;

use clap::Subcommand;
use fieldpost_transport::{Pending, QueueEntry, QueueId};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::{
    engine::{Engine, of_mailbox},
    exchange::{Failure, FailureKind},
};

/// What to do with the queue.
#[derive(Subcommand)]
pub enum Command {
    /// List messages that wait.
    List(list::Arguments),
    /// Show a message's recipients, and what was said of each.
    Show(show::Arguments),
    /// Try messages now, held ones too.
    Retry(retry::Arguments),
    /// Hold messages: they stay until they are retried.
    Hold(hold::Arguments),
    /// Drop messages: nobody gets them, and nobody is told.
    Drop(drop::Arguments),
}

/// Runs one of them.
pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::List(arguments) => list::run(arguments, context),
        Command::Show(arguments) => show::run(arguments, context),
        Command::Retry(arguments) => retry::run(arguments, context),
        Command::Hold(arguments) => hold::run(arguments, context),
        Command::Drop(arguments) => drop::run(arguments, context),
    }
}

/// A message as it is shown.
#[derive(Debug, Deserialize, Serialize)]
pub struct QueueRow {
    /// Its id.
    pub id: String,
    /// Who sent it; empty: the null sender, of notices.
    pub sender: String,
    /// When it came, seconds since 1970.
    pub created: i64,
    /// When it is tried next, seconds since 1970.
    pub due: i64,
    /// Whether it waits for an operator.
    pub held: bool,
    /// Its size in bytes.
    pub size: u64,
    /// Who is left.
    pub recipients: Vec<RecipientRow>,
}

/// A recipient that is left.
#[derive(Debug, Deserialize, Serialize)]
pub struct RecipientRow {
    /// Its address.
    pub address: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, seconds since 1970.
    pub due: i64,
    /// What was said of it last.
    pub last: Option<String>,
}

impl QueueRow {
    /// The row of `entry`.
    pub fn of(entry: &QueueEntry) -> Self {
        let sender = entry.envelope.sender.as_ref();
        Self {
            id: entry.id.to_string(),
            sender: sender.map(ToString::to_string).unwrap_or_default(),
            created: entry.created,
            due: entry.due,
            held: entry.held,
            size: entry.size,
            recipients: entry.recipients.iter().map(RecipientRow::of).collect(),
        }
    }

    /// When it is tried next, for people.
    pub fn next(&self) -> String {
        if self.held {
            "held".to_owned()
        } else {
            super::device::moment(self.due)
        }
    }
}

impl RecipientRow {
    fn of(pending: &Pending) -> Self {
        Self {
            address: pending.address.to_string(),
            attempts: pending.attempts,
            due: pending.due,
            last: pending.last.as_ref().map(ToString::to_string),
        }
    }
}

/// Which messages.
#[derive(clap::Args, Clone, Debug, Deserialize, Serialize)]
#[group(required = true, multiple = true)]
pub struct Which {
    /// Their ids, as `queue list` shows them.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// All that go to this address or domain.
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,
    /// All there are.
    #[arg(long)]
    pub all: bool,
}

/// What an operation on messages needs to know.
#[derive(Deserialize, Serialize)]
pub struct Request {
    which: Which,
}

impl Request {
    /// Does `change` to each message that was named. What went out meanwhile does not count.
    pub async fn for_each<F>(
        self,
        engine: &Arc<Engine>,
        change: impl Fn(QueueId) -> F,
    ) -> Result<Done, Failure>
    where
        F: Future<Output = Result<bool, fieldpost_mailbox::Error>>,
    {
        let mut messages = 0;
        for id in self.which.find(engine).await? {
            messages += u64::from(change(id).await.map_err(of_mailbox)?);
        }
        Ok(Done { messages })
    }
}

/// How many messages were meant.
#[derive(Debug, Deserialize, Serialize)]
pub struct Done {
    /// So many.
    pub messages: u64,
}

impl Which {
    /// The ids of what was named; what is named by id must be there.
    pub async fn find(&self, engine: &Arc<Engine>) -> Result<Vec<QueueId>, Failure> {
        let mut found = Vec::new();
        for id in &self.ids {
            found.push(entry(engine, id).await?.id);
        }
        if !self.all && self.to.is_none() {
            return Ok(found);
        }
        let mut after = None;
        loop {
            let page = engine
                .transport
                .queue(after, PAGE)
                .await
                .map_err(of_mailbox)?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            after = Some(last.id);
            let wanted = |entry: &&QueueEntry| {
                self.all || self.to.as_ref().is_some_and(|to| entry.goes_to(to))
            };
            found.extend(page.iter().filter(wanted).map(|entry| entry.id));
        }
    }
}

/// The message of that id.
pub async fn entry(engine: &Arc<Engine>, id: &str) -> Result<QueueEntry, Failure> {
    let parsed: QueueId = id
        .parse()
        .map_err(|error| Failure::new(FailureKind::Usage, format!("{id}: {error}")))?;
    let entry = engine.transport.queue_entry(parsed).await;
    entry.map_err(of_mailbox)?.ok_or_else(|| {
        Failure::new(FailureKind::NotFound, format!("no message {id} waits"))
            .advise("fieldpost queue list shows those that do")
    })
}

/// How many messages are read at a time.
pub const PAGE: usize = 500;
