//! Mail exchangers of a domain, out of the DNS (RFC 5321 §5.1).

use std::net::{IpAddr, SocketAddr};

use fieldpost_transport::{Refusal, Status};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};

/// Looks mail exchangers up.
pub struct Exchangers {
    resolver: TokioResolver,
}

impl Exchangers {
    /// Asks these name servers; those of the system if there are none.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, NetError> {
        let builder = if servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = servers.iter().map(|address| {
                let mut udp = ConnectionConfig::udp();
                let mut tcp = ConnectionConfig::tcp();
                (udp.port, tcp.port) = (address.port(), address.port());
                NameServerConfig::new(address.ip(), true, vec![udp, tcp])
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        Ok(Self {
            resolver: builder.build()?,
        })
    }

    /// The hosts that take mail for `domain`, in the order in which they are to be tried. `own` is our own name: mail that would
    /// come back to us goes round in circles.
    pub async fn of(&self, domain: &str, own: &str) -> Result<Vec<String>, Refusal> {
        // With the dot at its end, so that nothing is looked for below our own domain.
        let name = format!("{domain}.");
        let mut found: Vec<(u16, String)> = match self.resolver.mx_lookup(name.as_str()).await {
            Ok(lookup) => lookup
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii())),
                    _ => None,
                })
                .collect(),
            Err(error) if error.is_nx_domain() => {
                let text = format!("there is no domain {domain}");
                return Err(Refusal::new(550, Status(5, 1, 2), text));
            }
            Err(error) if error.is_no_records_found() => Vec::new(),
            Err(error) => return Err(not_resolved(domain, &error)),
        };
        // RFC 7505: a domain that takes no mail says so.
        if matches!(&found[..], [(_, host)] if host == ".") {
            let text = format!("{domain} takes no mail");
            return Err(Refusal::new(556, Status(5, 1, 10), text));
        }
        // §5.1: without an MX the domain is its own.
        if found.is_empty() {
            found.push((0, name));
        }
        let mut hosts: Vec<(u16, String)> = found
            .into_iter()
            .map(|(preference, host)| (preference, host.trim_end_matches('.').to_ascii_lowercase()))
            .filter(|(_, host)| !host.is_empty())
            .collect();
        hosts.sort();
        // §5.1: nobody behind ourselves in the list is nearer.
        if let Some(at) = hosts
            .iter()
            .position(|(_, host)| host.eq_ignore_ascii_case(own))
        {
            let preference = hosts[at].0;
            hosts.retain(|(other, _)| *other < preference);
            if hosts.is_empty() {
                let text = format!(
                    "the mail exchanger of {domain} is this server, which has no such domain"
                );
                return Err(Refusal::new(554, Status(5, 4, 6), text));
            }
        }
        hosts.truncate(MAX_HOSTS);
        Ok(hosts.into_iter().map(|(_, host)| host).collect())
    }

    /// The addresses of a host.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Refusal> {
        match self.resolver.lookup_ip(format!("{host}.")).await {
            Ok(lookup) => Ok(lookup.iter().collect()),
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => {
                let text = format!("{host} has no address");
                Err(Refusal::new(451, Status(4, 4, 3), text))
            }
            Err(error) => Err(not_resolved(host, &error)),
        }
    }
}

impl std::fmt::Debug for Exchangers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchangers").finish_non_exhaustive()
    }
}

fn not_resolved(name: &str, error: &NetError) -> Refusal {
    Refusal::new(
        451,
        Status(4, 4, 3),
        format!("{name} can't be looked up: {error}"),
    )
}

/// How many of a domain's hosts are tried.
const MAX_HOSTS: usize = 8;
