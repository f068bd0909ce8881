//! Certificates: for whom, how long, and whether the next one comes.

use jiff::Timestamp;

use super::Finding;
use crate::{
    acme::{self, Home},
    config::Config,
    tls::Certificate,
};

/// Looks at them. What can't be read or has ended is told by the configuration's part.
pub fn look(config: &Config, now: Timestamp) -> Vec<Finding> {
    let area = "certificates";
    let loaded: Vec<Certificate> = config
        .certificate_files()
        .iter()
        .filter_map(|files| Certificate::load(files).ok())
        .collect();
    let mut findings = Vec::new();
    for certificate in &loaded {
        let (names, days) = (
            certificate.names.join(", "),
            certificate.days_left(now.as_second()),
        );
        if certificate.not_before > now.as_second() {
            findings.push(Finding::problem(
                area,
                format!("{names}: it is not valid yet"),
                "see whether the clock is right",
            ));
        } else if days >= 14 {
            findings.push(Finding::ok(area, format!("{names}: {days} days left")));
        }
    }
    let host = config.hostname().to_ascii_lowercase();
    if !loaded.is_empty() && !loaded.iter().any(|certificate| covers(certificate, &host)) {
        findings.push(Finding::warning(
            area,
            format!("none is for {host}, the name that programs are told"),
            "get one for it, or set [server] hostname to a name that one is for",
        ));
    }
    if config.acme.is_on() {
        findings.push(renewal(config, now));
    }
    findings
}

fn covers(certificate: &Certificate, host: &str) -> bool {
    certificate
        .names
        .iter()
        .any(|name| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
            None => name == host,
        })
}

/// How asking for the next one goes.
fn renewal(config: &Config, now: Timestamp) -> Finding {
    let area = "certificates";
    let attempts = Home::new(&config.server.data_dir).attempts();
    let when = |second| {
        Timestamp::from_second(second).map_or_else(|_| "never".into(), |at| at.to_string())
    };
    if attempts.failures > 0 {
        let (error, failures) = (&attempts.error, attempts.failures);
        let text = format!(
            "{failures} attempts in a row failed, the next is made at {}: {error}",
            when(attempts.earliest())
        );
        let next = match attempts.next_step.as_str() {
            "" => "the server's log tells more".to_owned(),
            next => format!("{next}; then systemctl reload fieldpost has it tried at once"),
        };
        return Finding::problem(area, text, next);
    }
    let files = config.acme_files().map(|files| Certificate::load(&files));
    match files {
        Some(Ok(certificate)) => {
            let due = acme::due(certificate.not_before, certificate.not_after);
            // The server asks at once when it is due: a day of nothing means that none runs.
            if due + 86_400 < now.as_second() {
                let text = format!("renewal is due since {}", when(due));
                return Finding::problem(area, text, "start the server: it renews by itself");
            }
            Finding::ok(area, format!("renewal is due at {}", when(due)))
        }
        _ => Finding::warning(
            area,
            "there is none by ACME yet",
            "start the server: it asks for it, and its log tells how that goes",
        ),
    }
}
