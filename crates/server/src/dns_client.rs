//! Asks DNS what stands in it, for the commands that look at a setup from outside.

use std::{net::SocketAddr, time::Duration};

use fieldpost_autoconfig::Data;
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{Name, RData, RecordType},
};

use crate::exchange::{Failure, FailureKind};

/// Asks the machine's own resolver, or a server that is named.
pub struct DnsClient {
    resolver: TokioResolver,
}

impl DnsClient {
    /// Asks `server`, or whomever the machine asks.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(FailureKind::Failed, format!("DNS can't be asked: {error}"))
                .advise("name a server with --dns-server ADDRESS:PORT")
        };
        let mut builder = match server {
            None => Resolver::builder_tokio().map_err(|error| failed(&error))?,
            Some(server) => {
                let at = |mut connection: ConnectionConfig| {
                    connection.port = server.port();
                    connection
                };
                let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
                let server = NameServerConfig::new(server.ip(), true, connections);
                Resolver::builder_with_config(
                    ResolverConfig::from_name_servers(vec![server]),
                    TokioRuntimeProvider::default(),
                )
            }
        };
        let options = builder.options_mut();
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = Duration::from_secs(3);
        options.attempts = 2;
        let resolver = builder.build().map_err(|error| failed(&error))?;
        Ok(Self { resolver })
    }

    /// The addresses of a host; empty if it has none.
    pub async fn addresses(&self, host: &str) -> Result<Vec<std::net::IpAddr>, String> {
        let mut addresses = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            let found = self.ask(host, kind).await?;
            addresses.extend(found.iter().filter_map(RData::ip_addr));
        }
        Ok(addresses)
    }

    /// What stands at `name` of the same kind as `like`; empty if nothing does.
    pub async fn records(&self, name: &str, like: &Data) -> Result<Vec<Data>, String> {
        let kind = match like {
            Data::Mx { .. } => RecordType::MX,
            Data::Txt(_) => RecordType::TXT,
            Data::Cname(_) => RecordType::CNAME,
            Data::Srv { .. } => RecordType::SRV,
            Data::Caa { .. } => RecordType::CAA,
        };
        Ok(self
            .ask(name, kind)
            .await?
            .iter()
            .filter_map(data)
            .collect())
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, String> {
        // With the dot at its end, so that nothing is looked for below the machine's own domain.
        let name = Name::from_ascii(format!("{name}.")).map_err(|error| error.to_string())?;
        match self.resolver.lookup(name, kind).await {
            Ok(found) => Ok(found
                .answers()
                .iter()
                .filter(|record| record.record_type() == kind)
                .map(|record| record.data.clone())
                .collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The same in the words of what is wanted.
fn data(found: &RData) -> Option<Data> {
    let name = |name: &Name| {
        let name = name.to_lowercase().to_ascii();
        name.strip_suffix('.').unwrap_or(&name).to_owned()
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(match found {
        RData::MX(mx) => Data::Mx {
            preference: mx.preference,
            exchange: name(&mx.exchange),
        },
        RData::TXT(strings) => Data::Txt(text(&strings.txt_data.concat())),
        RData::CNAME(target) => Data::Cname(name(target)),
        RData::SRV(srv) => Data::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: name(&srv.target),
        },
        RData::CAA(caa) => Data::Caa {
            tag: caa.tag.to_ascii_lowercase(),
            value: text(&caa.value),
        },
        _ => return None,
    })
}
