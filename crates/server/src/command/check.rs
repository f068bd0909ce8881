//! `fieldpost check`

pub mod autodiscover;

use std::{
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, show};
use crate::{
    config::{Config, Endpoint, TlsMode},
    error::ListenError,
    exchange::{Failure, FailureKind},
    listener, relay,
    tls::Certificate,
};

/// Arguments of `check`.
#[derive(Args)]
#[command(
    after_help = "Nothing is changed and nothing listened on; a running server is not disturbed.\n\n\
                        Examples:\n  fieldpost check --config /etc/fieldpost/fieldpost.toml\n  fieldpost check autodiscover anna@example.org"
)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

/// What else can be checked.
#[derive(Subcommand)]
enum What {
    /// Walk the ways by which mail programs find their server, as they do.
    Autodiscover(autodiscover::Arguments),
}

/// What a check found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    hostname: String,
    data_dir: String,
    control_socket: String,
    listeners: Vec<ListenerReport>,
    certificates: Vec<CertificateReport>,
    /// What keeps the server from working as configured.
    pub(super) errors: Vec<String>,
    /// What works, but should be looked at.
    pub(super) warnings: Vec<String>,
    next_steps: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ListenerReport {
    protocol: String,
    endpoint: String,
    tls: String,
}

#[derive(Debug, Serialize)]
struct CertificateReport {
    file: String,
    names: Vec<String>,
    ends: String,
    days_left: i64,
}

/// Checks the configuration and what it names.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    if let Some(What::Autodiscover(arguments)) = arguments.what {
        return autodiscover::run(arguments, context);
    }
    let config = context.config()?;
    let report = examine(&config, jiff::Timestamp::now());
    context.print(&report, |out| write(&report, context.config_path(), out))?;
    if report.errors.is_empty() {
        Ok(())
    } else {
        let count = report.errors.len();
        Err(Failure::new(
            FailureKind::Configuration,
            format!("{count} of these keep the server from working"),
        )
        .into())
    }
}

/// Looks at the configuration and what it names.
pub(super) fn examine(config: &Config, now: jiff::Timestamp) -> Report {
    let mut report = Report {
        hostname: config.hostname(),
        data_dir: config.server.data_dir.display().to_string(),
        control_socket: config.control_socket().display().to_string(),
        ..Report::default()
    };
    // A running server has its addresses already.
    let serving = std::os::unix::net::UnixStream::connect(config.control_socket()).is_ok();
    for listener in &config.listeners {
        let Ok(endpoint) = listener.endpoint() else {
            continue;
        };
        let mut mode = listener.tls_mode();
        if mode == TlsMode::Starttls && !config.has_certificate() {
            mode = TlsMode::None;
            report.warnings.push(format!(
                "{} on {endpoint} offers no TLS, because [tls] certificates is empty",
                listener.protocol
            ));
        }
        if let Endpoint::Tcp(address) = endpoint
            && !serving
            && let Err(error) = listener::try_tcp(address)
        {
            examine_refusal(&error, &mut report);
        }
        if let Endpoint::Unix(path) = &endpoint
            && let Some(parent) = path.parent()
            && !parent.as_os_str().is_empty()
            && !parent.is_dir()
        {
            report.errors.push(format!(
                "{} does not exist, and {endpoint} is to be in it",
                parent.display()
            ));
        }
        report.listeners.push(ListenerReport {
            protocol: listener.protocol.to_string(),
            endpoint: endpoint.to_string(),
            tls: format!("{mode:?}").to_lowercase(),
        });
    }
    for files in &config.tls.certificates {
        examine_certificate(files, now, &mut report);
    }
    if let Err(failure) = relay::signers(config) {
        report.errors.push(failure.message);
    }
    examine_acme(config, now, &mut report);
    examine_data_directory(&config.server.data_dir, &mut report);
    advise(config, &mut report);
    report
}

/// An address that cannot be listened on. Whether a port below 1024 may be is a matter of who asks, and the server may be
/// allowed what this user is not.
fn examine_refusal(error: &ListenError, report: &mut Report) {
    let permission = matches!(
        error,
        ListenError::Refused { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied
    );
    if permission {
        report
            .warnings
            .push(format!("as the user that runs this check: {error}"));
    } else {
        report.errors.push(error.to_string());
    }
}

fn examine_certificate(
    files: &crate::config::CertificateFiles,
    now: jiff::Timestamp,
    report: &mut Report,
) {
    match Certificate::load(files) {
        Err(error) => report.errors.push(error.to_string()),
        Ok(certificate) => {
            let days_left = certificate.days_left(now.as_second());
            let file = files.cert.display();
            if days_left < 0 {
                report
                    .errors
                    .push(format!("{file} ended {} days ago", -days_left));
            } else if days_left < 14 {
                report
                    .warnings
                    .push(format!("{file} ends in {days_left} days"));
            }
            if certificate.names.is_empty() {
                report.warnings.push(format!(
                    "{file} names no host (no subject alternative name): clients refuse it"
                ));
            }
            report.certificates.push(CertificateReport {
                file: file.to_string(),
                names: certificate.names.clone(),
                ends: jiff::Timestamp::from_second(certificate.not_after)
                    .map(|time| time.to_string())
                    .unwrap_or_default(),
                days_left,
            });
        }
    }
    if let Ok(metadata) = std::fs::metadata(&files.key)
        && metadata.permissions().mode() & 0o007 != 0
    {
        report.warnings.push(format!(
            "everybody on this machine can read {}; chmod 0640 {}",
            files.key.display(),
            files.key.display()
        ));
    }
}

/// The certificate that is got by ACME, if one is. That there is none yet keeps nothing from working.
fn examine_acme(config: &Config, now: jiff::Timestamp, report: &mut Report) {
    let Some(files) = config.acme_files() else {
        return;
    };
    if files.cert.exists() {
        examine_certificate(&files, now, report);
    } else {
        report.warnings.push(format!(
            "there is no certificate for {} yet; the server gets it from {}",
            config.acme.names.join(", "),
            config.acme.directory
        ));
    }
    let port = config.acme.challenge.port();
    let at_port = config.listeners.iter().any(|listener| {
        config.acme.is_answered_by(listener.protocol)
            && listener
                .address
                .is_some_and(|address| address.port() == port)
    });
    if !at_port {
        report.warnings.push(format!(
            "the authority of [acme] asks at port {port}, where nothing listens here: something in front must hand it on"
        ));
    }
}

fn examine_data_directory(path: &Path, report: &mut Report) {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = path.ancestors().skip(1).find(|ancestor| ancestor.exists());
            if parent.is_none_or(|parent| !is_writable(parent)) {
                report.errors.push(format!(
                    "{} does not exist, and this user cannot make it",
                    path.display()
                ));
            } else {
                report.warnings.push(format!(
                    "{} does not exist yet; the server makes it",
                    path.display()
                ));
            }
        }
        Err(error) => report.errors.push(format!("{}: {error}", path.display())),
        Ok(metadata) if !metadata.is_dir() => {
            report
                .errors
                .push(format!("{} is no directory", path.display()));
        }
        Ok(metadata) => {
            if metadata.permissions().mode() & 0o007 != 0 {
                report.warnings.push(format!(
                    "everybody on this machine can look into {}; chmod 0700 {}",
                    path.display(),
                    path.display()
                ));
            }
            let own = rustix::process::geteuid().as_raw();
            if own != 0 && metadata.uid() != own {
                report.warnings.push(format!(
                    "{} belongs to user {}, and this check runs as {own}: check as the server's user (sudo -u)",
                    path.display(),
                    metadata.uid()
                ));
            } else if !is_writable(path) {
                report
                    .errors
                    .push(format!("{} cannot be written to", path.display()));
            }
        }
    }
}

fn advise(config: &Config, report: &mut Report) {
    if config.listeners.is_empty() {
        report
            .next_steps
            .push("add a [[listener]]: without one nobody can connect".into());
    }
    if !config.has_certificate() && !config.listeners.is_empty() {
        report.next_steps.push(
            "name a certificate in [tls] certificates, or let [acme] get one, so that clients can use TLS"
                .into(),
        );
    }
    if report.errors.is_empty() {
        report
            .next_steps
            .push("start the server (systemctl start fieldpost), or reload a running one (systemctl reload fieldpost)".into());
    }
}

fn is_writable(path: &Path) -> bool {
    rustix::fs::access(
        path,
        rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
    )
    .is_ok()
}

fn write(report: &Report, file: &Path, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{} is well formed", file.display())?;
    writeln!(out, "\nhost name       {}", report.hostname)?;
    writeln!(out, "data directory  {}", report.data_dir)?;
    writeln!(out, "control socket  {}", report.control_socket)?;
    if !report.listeners.is_empty() {
        writeln!(out)?;
        let mut rows = vec![
            ["PROTOCOL", "WOULD LISTEN ON", "TLS"]
                .map(String::from)
                .to_vec(),
        ];
        for listener in &report.listeners {
            rows.push(vec![
                listener.protocol.clone(),
                listener.endpoint.clone(),
                listener.tls.clone(),
            ]);
        }
        show::table(out, &rows)?;
    }
    if !report.certificates.is_empty() {
        writeln!(out)?;
        let mut rows = vec![
            ["CERTIFICATE", "NAMES", "ENDS", "DAYS LEFT"]
                .map(String::from)
                .to_vec(),
        ];
        for certificate in &report.certificates {
            rows.push(vec![
                certificate.file.clone(),
                certificate.names.join(" "),
                certificate.ends.clone(),
                certificate.days_left.to_string(),
            ]);
        }
        show::table(out, &rows)?;
    }
    for (head, lines) in [
        ("error", &report.errors),
        ("warning", &report.warnings),
        ("next", &report.next_steps),
    ] {
        if !lines.is_empty() {
            writeln!(out)?;
        }
        for line in lines {
            writeln!(out, "{head}: {line}")?;
        }
    }
    Ok(())
}
