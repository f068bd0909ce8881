//! The task that has a certificate renewed when it is due.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use fieldpost_smtp::client;
use rustls::crypto::ring;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Attempts, Challenges, due,
    home::Home,
    order::{self, Got},
    schedule::pause,
    transfer::Transfer,
};
use crate::{
    config::{AcmeSection, CertificateFiles, Config},
    exchange::{Failure, FailureKind},
    http_client::HttpClient,
    tls::{Certificate, Certificates},
};

/// Waits, asks, keeps, and has it loaded.
pub struct Renewal {
    section: AcmeSection,
    files: CertificateFiles,
    home: Home,
    transfer: Transfer,
    challenges: Arc<Challenges>,
    certificates: Arc<Certificates>,
    /// An operator has seen to it.
    seen_to: Arc<Notify>,
}

impl Renewal {
    /// As the configuration wants it; `None` if it wants none.
    pub fn new(
        config: &Config,
        challenges: &Arc<Challenges>,
        certificates: &Arc<Certificates>,
        seen_to: &Arc<Notify>,
    ) -> Result<Option<Self>, Failure> {
        let Some(files) = config.acme_files() else {
            return Ok(None);
        };
        let section = config.acme.clone();
        let wrong = |text: String| Failure::new(FailureKind::Configuration, text);
        let file = section.ca_file.display();
        let roots = client::certificates(&section.ca_file).map_err(|error| {
            wrong(format!("[acme] ca_file {file}: {error}"))
                .advise("apt-get install ca-certificates, or name a file of PEM certificates")
        })?;
        let tls = client::verified(Arc::new(ring::default_provider()), roots)
            .map_err(|error| wrong(format!("[acme] {error}")))?;
        Ok(Some(Self {
            files,
            home: Home::new(&config.server.data_dir),
            transfer: Transfer::new(HttpClient::new(tls, REQUEST)),
            challenges: Arc::clone(challenges),
            certificates: Arc::clone(certificates),
            seen_to: Arc::clone(seen_to),
            section,
        }))
    }

    /// Renews until `shutdown`. A reload of all certificates is by what `config` says then.
    pub async fn run(self, config: Arc<ArcSwap<Config>>, shutdown: CancellationToken) {
        let mut attempts = self.home.attempts();
        if attempts.names != self.section.names || attempts.directory != self.section.directory {
            // How others went says nothing of these.
            attempts = Attempts::default();
        }
        loop {
            let now = now();
            let at = self.due(now).max(attempts.earliest().min(now + FARTHEST));
            let left = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
            if left > 0 {
                // The clock on the wall is what certificates go by; a machine that slept or was set right is noticed.
                let left = Duration::from_secs(left).min(LOOK);
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = self.seen_to.notified() => attempts.seen_to(),
                    () = tokio::time::sleep(left) => {}
                }
                continue;
            }
            // First as if it had failed: a server that is ended in the middle, again and again, asks no faster for it.
            let cut_short = Failure::new(FailureKind::Failed, "the server ended while it asked");
            self.keep(&self.failed(cut_short, &attempts));
            let got = tokio::select! {
                () = shutdown.cancelled() => return,
                got = tokio::time::timeout(ATTEMPT, self.attempt()) => got,
            };
            let late = || Failure::new(FailureKind::Failed, "the authority took too long");
            attempts = match got.unwrap_or_else(|_| Err(late())) {
                Ok(()) => {
                    let files = config.load().certificate_files();
                    self.certificates.reload(&files).log();
                    self.succeeded()
                }
                Err(failure) => self.failed(failure, &attempts),
            };
            self.keep(&attempts);
            if attempts.failures > 0 {
                tracing::error!(
                    error = attempts.error,
                    next_step = attempts.next_step,
                    failures = attempts.failures,
                    again_in_s = attempts.earliest() - attempts.last,
                    "no certificate was got; the one before stays in force"
                );
            }
        }
    }

    /// When the certificate in force is to be renewed: now, if it is not for the names that are asked for.
    fn due(&self, now: i64) -> i64 {
        match Certificate::load(&self.files) {
            Ok(certificate) if self.is_for_all_names(&certificate) => {
                due(certificate.not_before, certificate.not_after)
            }
            _ => now,
        }
    }

    fn is_for_all_names(&self, certificate: &Certificate) -> bool {
        let names = &self.section.names;
        names.iter().all(|name| certificate.names.contains(name))
    }

    async fn attempt(&self) -> Result<(), Failure> {
        tracing::info!(names = self.section.names.join(","), directory = %self.section.directory, "asking for a certificate");
        let order = order::obtain(&self.section, &self.home, &self.challenges, &self.transfer);
        let Got { chain, key } = Box::pin(order).await?;
        let unusable = |error: String| {
            Failure::new(
                FailureKind::Failed,
                format!("what the authority gave: {error}"),
            )
        };
        let kept = self.home.keep_certificate(&self.files.cert, &key, &chain);
        kept.map_err(|error| {
            unusable(error.to_string()).advise("make room, and let the server's user write there")
        })?;
        let certificate =
            Certificate::load(&self.files).map_err(|error| unusable(error.to_string()))?;
        if self.is_for_all_names(&certificate) {
            Ok(())
        } else {
            Err(unusable(format!(
                "it is for {} only",
                certificate.names.join(", ")
            )))
        }
    }

    fn succeeded(&self) -> Attempts {
        let now = now();
        Attempts {
            names: self.section.names.clone(),
            directory: self.section.directory.clone(),
            last: now,
            // A certificate that is due at once, by a clock that is wrong or an authority that is, is no reason to ask
            // without end.
            not_before: now + AFTER_SUCCESS,
            ..Attempts::default()
        }
    }

    /// How things stand after one more failure.
    fn failed(&self, failure: Failure, before: &Attempts) -> Attempts {
        let now = now();
        // Without chance servers may ask together, which is no reason not to ask.
        let chance = getrandom::u32().map_or(0, |chance| (chance % 256) as u8);
        let failures = before.failures.saturating_add(1);
        let after = |pause: Duration| now + i64::try_from(pause.as_secs()).unwrap_or(FARTHEST);
        Attempts {
            names: self.section.names.clone(),
            directory: self.section.directory.clone(),
            failures,
            last: now,
            not_before: after(pause(failures, chance)),
            limited_until: self.transfer.retry_after().map_or(0, after),
            error: failure.message,
            next_step: failure.next_step.unwrap_or_default(),
        }
    }

    fn keep(&self, attempts: &Attempts) {
        if let Err(error) = self.home.keep_attempts(attempts) {
            tracing::error!(%error, "how asking for a certificate went can't be kept in the data directory");
        }
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// How long one request to the authority may take.
const REQUEST: Duration = Duration::from_secs(30);

/// How long all of them together may take.
const ATTEMPT: Duration = Duration::from_mins(15);

/// How long a wait lasts before the clock is looked at again.
const LOOK: Duration = Duration::from_hours(12);

/// The least time between two certificates, in seconds.
const AFTER_SUCCESS: i64 = 3600;

/// What was written down by a clock that was ahead holds no attempt up for longer than this, in seconds.
const FARTHEST: i64 = 8 * 86_400;
