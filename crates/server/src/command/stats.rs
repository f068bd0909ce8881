//! `fieldpost stats`

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Context, show};
use crate::{
    engine::{self, Engine},
    exchange::Failure,
    operation::Operation,
};

/// Arguments of `stats`.
#[derive(Args)]
pub struct Arguments {}

/// Nothing is needed.
#[derive(Deserialize, Serialize)]
pub struct Request {}

/// The figures. Counts of events are since the store was opened.
#[derive(Deserialize, Serialize)]
pub struct Answer {
    version: String,
    open_for_seconds: u64,
    accounts: usize,
    index: String,
    log_segments: u64,
    log_bytes: u64,
    body_segments: u64,
    body_bytes: u64,
    index_bytes: u64,
    snapshots: u64,
    snapshot_bytes: u64,
    accepted_lsn: u64,
    durable_lsn: u64,
    applied_lsn: u64,
    checkpoint_lsn: u64,
    commits: u64,
    syncs: u64,
    body_syncs: u64,
    index_failures: u64,
    regions_rebuilt: u64,
    bodies_swept: u64,
    bytes_moved: u64,
    verified: bool,
    read_only: Option<String>,
    damage: Vec<String>,
    upkeep_error: Option<String>,
    mailbox_memory: usize,
    queue: Queue,
}

/// What the queue holds, and what it did since the store was opened.
#[derive(Deserialize, Serialize)]
pub struct Queue {
    waiting: usize,
    working: usize,
    queued: u64,
    relayed: u64,
    deferred: u64,
    failed: u64,
    notices: u64,
}

/// Runs the command.
pub fn run(_: Arguments, context: &Context) -> anyhow::Result<()> {
    let answer: Answer = context.call(Operation::Stats(Request {}))?;
    context.print(&answer, |out| {
        let per_sync = if answer.syncs == 0 {
            0.0
        } else {
            answer.commits as f64 / answer.syncs as f64
        };
        let files = |count: u64, bytes: u64| format!("{} in {count} files", show::size(bytes));
        let lines = [
            ("version", answer.version.clone()),
            ("store open for", format!("{} s", answer.open_for_seconds)),
            ("accounts", answer.accounts.to_string()),
            ("log", files(answer.log_segments, answer.log_bytes)),
            (
                "large bodies",
                files(answer.body_segments, answer.body_bytes),
            ),
            (
                "index",
                format!("{}, {}", answer.index, show::size(answer.index_bytes)),
            ),
            ("snapshots", files(answer.snapshots, answer.snapshot_bytes)),
            (
                "commits",
                format!("{}, {per_sync:.1} a sync", answer.commits),
            ),
            (
                "last commit",
                format!("{}, on disk {}", answer.accepted_lsn, answer.durable_lsn),
            ),
            (
                "index checked",
                if answer.verified {
                    "yes"
                } else {
                    "not all of it yet"
                }
                .into(),
            ),
            (
                "memory of mailboxes",
                show::size(answer.mailbox_memory as u64),
            ),
            (
                "queue",
                format!(
                    "{} wait, {} under way; {} relayed, {} put off, {} given up",
                    answer.queue.waiting,
                    answer.queue.working,
                    answer.queue.relayed,
                    answer.queue.deferred,
                    answer.queue.failed
                ),
            ),
            (
                "takes writes",
                answer
                    .read_only
                    .clone()
                    .map_or("yes".into(), |reason| format!("no: {reason}")),
            ),
        ];
        let rows: Vec<_> = lines
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect();
        show::table(out, &rows)?;
        for line in answer.damage.iter().chain(&answer.upkeep_error) {
            writeln!(out, "damage: {}", show::printable(line))?;
        }
        Ok(())
    })
}

/// Reads the figures.
pub fn operate(_: Request, engine: &Arc<Engine>) -> Result<Answer, Failure> {
    let stats = engine
        .storage
        .embedded()
        .stats()
        .map_err(engine::of_store)?;
    Ok(Answer {
        version: env!("CARGO_PKG_VERSION").into(),
        open_for_seconds: engine.opened.elapsed().as_secs(),
        accounts: engine.directory.accounts(),
        index: stats.index.to_owned(),
        log_segments: stats.log_segments,
        log_bytes: stats.log_bytes,
        body_segments: stats.body_segments,
        body_bytes: stats.body_bytes,
        index_bytes: stats.index_bytes,
        snapshots: stats.snapshots,
        snapshot_bytes: stats.snapshot_bytes,
        accepted_lsn: stats.accepted_lsn,
        durable_lsn: stats.durable_lsn,
        applied_lsn: stats.applied_lsn,
        checkpoint_lsn: stats.checkpoint_lsn,
        commits: stats.commits,
        syncs: stats.syncs,
        body_syncs: stats.body_syncs,
        index_failures: stats.index_failures,
        regions_rebuilt: stats.regions_rebuilt,
        bodies_swept: stats.bodies_swept,
        bytes_moved: stats.bytes_moved,
        verified: stats.verified,
        read_only: stats.read_only,
        damage: stats
            .damage
            .iter()
            .map(|damage| format!("{damage:?}"))
            .collect(),
        upkeep_error: stats.upkeep_error,
        mailbox_memory: engine.mailboxes.memory(),
        queue: {
            let queue = engine.transport.queue_statistics();
            Queue {
                waiting: queue.waiting,
                working: queue.working,
                queued: queue.queued,
                relayed: queue.relayed,
                deferred: queue.deferred,
                failed: queue.failed,
                notices: queue.notices,
            }
        },
    })
}
