//! `fieldpost import --store FILE`: what `export --store` wrote, into a new store.

use std::{fs::File, io::BufReader, path::Path};

use fieldpost_mailbox as mailbox;
use fieldpost_store::{disk::RealDisk, embedded, transfer};

use crate::{
    command::{Context, export::store::Answer, runtime, show},
    control, engine,
    exchange::{Failure, FailureKind},
    storage::{Storage, directory},
};

/// Runs the command, in this process: nothing may stand on a store that is being filled.
pub fn run(file: &Path, context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    let mut input = BufReader::new(File::open(file).map_err(|error| {
        Failure::new(
            FailureKind::NotFound,
            format!("{}: {error}", file.display()),
        )
    })?);
    let bar = context.progress_bar();
    bar.set_message("bodies");
    let answer = runtime()?.block_on(async {
        if control::connect(&config.control_socket()).await?.is_some() {
            return Err(Failure::new(FailureKind::Busy, "the server runs")
                .advise("stop it first (systemctl stop fieldpost)"));
        }
        // What an import left that was cut off goes first.
        if let Ok(left) = RealDisk::existing(&directory(&config)) {
            embedded::clear_unfinished(&left).map_err(engine::of_store)?;
        }
        let storage = Storage::open(&config).await?;
        let store = storage.store();
        let there = store.accounts(None, 1).await.map_err(engine::of_store)?;
        if !there.is_empty() {
            return Err(Failure::new(
                FailureKind::Exists,
                format!("{} holds a store already", storage.directory().display()),
            )
            .advise("import into a new data directory"));
        }
        let filled = storage.embedded();
        filled.import_begins().map_err(engine::of_store)?;
        let done = transfer::import(&*store, &mut input, &mut |done| {
            bar.set_position(done.bodies);
        })
        .await
        .map_err(engine::of_store)?;
        // The file may be old: what was given out since must not be given out again.
        mailbox::restored(storage.store(), mailbox::Settings::default())
            .await
            .map_err(engine::of_mailbox)?;
        store.close().await.map_err(engine::of_store)?;
        filled.import_done().map_err(engine::of_store)?;
        Ok(Answer::of(&done))
    })?;
    bar.finish_and_clear();
    context.print(&answer, |out| {
        writeln!(
            out,
            "{} records, {} bodies ({}) taken in; start the server",
            answer.pairs,
            answer.bodies,
            show::size(answer.body_bytes)
        )
    })
}
