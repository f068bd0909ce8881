//! Looks at the certificate files now and then, so that a renewed certificate needs no signal.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::{Certificates, Reloaded};
use crate::config::Config;

/// Reloads the certificates whenever their files were written, looked at every `interval`, until `shutdown`.
pub async fn watch(
    certificates: Arc<Certificates>,
    config: Arc<ArcSwap<Config>>,
    interval: Duration,
    shutdown: CancellationToken,
) {
    if interval.is_zero() {
        return;
    }
    let mut failed_before = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        let files = config.load().certificate_files();
        let certificates = Arc::clone(&certificates);
        // Files: off the threads that serve connections.
        let reloaded = tokio::task::spawn_blocking(move || {
            certificates
                .is_stale(&files)
                .then(|| certificates.reload(&files))
        })
        .await;
        if let Ok(Some(reloaded)) = reloaded {
            let failed = !reloaded.failed.is_empty();
            // A file that stays bad is stale at each look: say so once.
            if !(failed && failed_before && reloaded.changed.is_empty()) {
                reloaded.log();
            }
            failed_before = failed;
        }
    }
}

impl Reloaded {
    /// Writes to the log what changed and what could not be used.
    pub fn log(&self) {
        for certificate in &self.changed {
            tracing::info!(
                certificate = %certificate.files.cert.display(),
                names = certificate.names.join(","),
                "new certificate in force"
            );
        }
        for error in &self.failed {
            tracing::error!(%error, "certificate not reloaded; the one before it stays in force");
        }
    }
}
