//! `fieldpost serve`

use clap::Args;

use super::{Context, context};
use crate::{
    exchange::{Failure, FailureKind},
    logging,
    server::{self, Server, Signals},
};

/// Arguments of `serve`.
#[derive(Args)]
#[command(
    after_help = "Signals: SIGHUP reads configuration and certificates again; SIGTERM and SIGINT stop within [server] drain,\n\
                  and a minute more while another server has yet to answer for a message.\n\n\
                  Example:\n  fieldpost serve --config /etc/fieldpost/fieldpost.toml"
)]
pub struct Arguments {}

/// Runs the server until a signal ends it.
pub fn run(_: Arguments, context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    let log = logging::start(&config.log)
        .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
    server::raise_descriptor_limit();
    let file = context.config_path().to_owned();
    let runtime = context::runtime()?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let start = Server::start(config, Some(file), Some(log));
        let Some(server) = signals.unless_stopped(start).await else {
            return Ok(());
        };
        let server = server?;
        server::notify(&[sd_notify::NotifyState::Ready]);
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
        server.run(signals).await?;
        Ok(())
    });
    // A store that was still being opened when a signal came is left where it is: it opens the same way next time.
    runtime.shutdown_background();
    ended
}
