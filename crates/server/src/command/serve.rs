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
    after_help = "Signals: SIGHUP reads configuration and certificates again; SIGTERM and SIGINT stop within [server] drain.\n\n\
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
    context::runtime()?.block_on(async {
        let signals = Signals::new()?;
        let server = Server::start(config, Some(file), Some(log)).await?;
        server::notify(&[sd_notify::NotifyState::Ready]);
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
        server.run(signals).await?;
        Ok(())
    })
}
