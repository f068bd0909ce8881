//! Joins the transport's queue to the SMTP client that hands its mail on.

use std::{path::Path, sync::Arc};

use fieldpost_smtp::client::{
    self, ClientSettings, ClientTimeouts, Credentials, Exchangers, Relay, RelayTls, Smarthost,
};
use fieldpost_transport::{
    BoxFuture, DkimKey, DkimSigner, NextHop, Refusal, Status, Wire, WireSession,
};
use rustls::crypto::CryptoProvider;

use crate::{
    config::Config,
    exchange::{Failure, FailureKind},
};

/// What speaks to other servers, as the configuration wants it.
pub fn wire(config: &Config) -> Result<Arc<dyn Wire>, Failure> {
    let section = &config.relay;
    let wrong = |text: String| Failure::new(FailureKind::Configuration, text);
    let smarthost = section.host_and_port();
    if smarthost.is_none() && !section.mx {
        return Ok(Arc::new(Nowhere));
    }
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()));
    let tls_config = if section.wire_tls() == RelayTls::Verified {
        let file = &section.ca_file;
        let roots = client::certificates(file).map_err(|error| {
            wrong(format!("[relay] ca_file {}: {error}", file.display()))
                .advise("apt-get install ca-certificates, or name a file of PEM certificates")
        })?;
        client::verified(provider, roots)
    } else {
        client::unverified(provider)
    };
    let credentials = if section.username.is_empty() {
        None
    } else {
        Some(Credentials {
            username: section.username.clone(),
            password: password(&section.password_file)?,
        })
    };
    let exchangers = if section.mx {
        let exchangers = Exchangers::new(&section.name_servers)
            .map_err(|error| wrong(format!("[relay] mx: the system's name servers: {error}")))?;
        Some(Arc::new(exchangers))
    } else {
        None
    };
    Ok(Arc::new(Relay::new(ClientSettings {
        hostname: config.hostname(),
        smarthost: smarthost.map(|(host, port)| Smarthost {
            host,
            port,
            implicit_tls: section.implicit_tls,
            credentials,
        }),
        exchangers,
        exchanger_port: 25,
        tls: section.wire_tls(),
        tls_config: tls_config.map_err(|error| wrong(format!("[relay] tls: {error}")))?,
        timeouts: ClientTimeouts::default(),
    })))
}

/// Who signs mail for others, with the keys read from their files.
pub fn signers(config: &Config) -> Result<Arc<[DkimSigner]>, Failure> {
    let mut signers = Vec::new();
    for section in &config.relay.dkim {
        let wrong = |error: &dyn std::fmt::Display| {
            let text = format!("[relay] dkim: {}: {error}", section.key.display());
            Failure::new(FailureKind::Configuration, text)
                .advise("the file holds a private key in PEM, readable for the server's user; run commands as root or as that user")
        };
        let pem = std::fs::read(&section.key).map_err(|error| wrong(&error))?;
        let key = DkimKey::from_pem(&pem).map_err(|error| wrong(&error))?;
        signers.push(DkimSigner::new(&section.domain, &section.selector, key));
    }
    Ok(signers.into())
}

fn password(file: &Path) -> Result<Arc<str>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let text = format!("[relay] password_file {}: {error}", file.display());
        Failure::new(FailureKind::Configuration, text)
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// Where no relay is configured: mail that was accepted while one was waits.
struct Nowhere;

impl Wire for Nowhere {
    fn connect<'a>(
        &'a self,
        hop: &'a NextHop,
    ) -> BoxFuture<'a, Result<Box<dyn WireSession>, Refusal>> {
        Box::pin(async move {
            let text = format!("{hop}: no relay is configured");
            Err(Refusal::new(451, Status(4, 4, 4), text))
        })
    }
}
