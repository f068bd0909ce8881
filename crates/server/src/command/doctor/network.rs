//! What lies outside of this machine: DNS, and the host that mail leaves by.

use std::{net::SocketAddr, time::Duration};

use fieldpost_autoconfig::records;
use fieldpost_transport::NextHop;

use super::Finding;
use crate::{
    command::dns::{self, State},
    config::Config,
    dns_client::DnsClient,
    relay,
};

/// Looks there.
pub async fn look(
    config: &Config,
    domains: &[String],
    dns_server: Option<SocketAddr>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match DnsClient::new(dns_server) {
        Ok(client) => in_dns(config, domains, &client, &mut findings).await,
        Err(failure) => {
            let next = failure.next_step.unwrap_or_default();
            findings.push(Finding::problem("dns", failure.message, next));
        }
    }
    if let Some((host, port)) = config.relay.host_and_port() {
        findings.push(smarthost(config, &format!("{host}:{port}")).await);
    }
    findings
}

async fn in_dns(
    config: &Config,
    domains: &[String],
    client: &DnsClient,
    findings: &mut Vec<Finding>,
) {
    let area = "dns";
    // Keys that can't be read were told with the configuration.
    let signers = relay::signers(config).unwrap_or_default();
    let offer = dns::offer(config, None, &signers);
    findings.push(match client.addresses(&offer.host).await {
        Ok(found) if found.is_empty() => Finding::problem(
            area,
            format!("{} has no address", offer.host),
            "give it A and AAAA records with this machine's addresses, or set [server] hostname to a name that has them",
        ),
        Ok(found) => {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            Finding::ok(area, format!("{} is at {}", offer.host, found.join(", ")))
        }
        Err(error) => {
            findings.push(Finding::problem(
                area,
                format!("{}: {error}", offer.host),
                "see whether this machine's resolver works: /etc/resolv.conf",
            ));
            // The rest would say the same, once for each record.
            return;
        }
    });
    for domain in domains.iter().take(MAX_DOMAINS) {
        let rows = dns::compare(client, &records(domain, &offer), &offer.host).await;
        let wrong: Vec<_> = rows.iter().filter(|row| row.is_wrong()).collect();
        if wrong.is_empty() {
            findings.push(Finding::ok(area, format!("{domain} has all its records")));
        }
        let is_signed = signers.iter().any(|signer| signer.domain() == domain);
        if config.relay.mx && !is_signed {
            findings.push(Finding::warning(
                area,
                format!("mail of {domain} leaves unsigned (DKIM): many will not believe it"),
                "name a key in [relay] dkim",
            ));
        }
        for row in wrong {
            let next = if row.state() == Some(State::Unknown) {
                "see whether the domain's DNS servers answer".to_owned()
            } else {
                format!(
                    "fieldpost dns {domain} prints what should stand there; leave it if it is so on purpose"
                )
            };
            findings.push(Finding::warning(area, row.tell(), next));
        }
    }
    if domains.len() > MAX_DOMAINS {
        let left = domains.len() - MAX_DOMAINS;
        let text = format!("{left} more domains were not looked at");
        findings.push(Finding::warning(
            area,
            text,
            "fieldpost dns DOMAIN --check, for each",
        ));
    }
}

/// Connects, secures and signs in as the queue does.
async fn smarthost(config: &Config, named: &str) -> Finding {
    let area = "relay";
    let wire = match relay::wire(config) {
        Ok(wire) => wire,
        Err(failure) => {
            let next = failure.next_step.unwrap_or_else(|| "see [relay]".into());
            return Finding::problem(area, failure.message, next);
        }
    };
    match tokio::time::timeout(PATIENCE, wire.connect(&NextHop::Smarthost)).await {
        Ok(Ok(session)) => {
            session.close().await;
            Finding::ok(area, format!("{named} takes mail from us"))
        }
        Ok(Err(refusal)) => Finding::problem(
            area,
            format!("{named}: {refusal}"),
            "see [relay]: host, port, tls, username and password; a firewall may be in between",
        ),
        Err(_) => Finding::problem(
            area,
            format!("{named}: no answer within {} s", PATIENCE.as_secs()),
            "a firewall may be in between: many providers close port 25; port 587 or 465 is for you",
        ),
    }
}

/// How long the smarthost may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most domains that are looked at.
const MAX_DOMAINS: usize = 20;
