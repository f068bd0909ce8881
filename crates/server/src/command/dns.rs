//! `fieldpost dns`

use std::{collections::BTreeSet, io::Write, net::SocketAddr};

use clap::Args;
use fieldpost_autoconfig::{Data, DkimKey, Offer, Record, records};
use fieldpost_directory::Address;
use fieldpost_transport::DkimSigner;
use serde::Serialize;

use super::{Context, context, show};
use crate::{
    config::{Config, Protocol},
    dns_client::DnsClient,
    exchange::{Failure, FailureKind},
    relay,
};

/// Arguments of `dns`.
#[derive(Args)]
#[command(
    after_help = "Without --check nothing is asked: the records are what the configuration says.\n\n\
                  Examples:\n  \
                  fieldpost dns example.org                        for your zone file\n  \
                  fieldpost dns example.org --mx mx.example.org    mail comes in by another host\n  \
                  fieldpost dns example.org --check                what is right, missing, different"
)]
pub struct Arguments {
    /// The domain.
    domain: String,
    /// The host that takes the domain's mail from the world, if it is not this server's.
    #[arg(long, value_name = "HOST")]
    mx: Option<String>,
    /// Compare with what DNS says now; ends with 1 if something is missing or different.
    #[arg(long)]
    check: bool,
    /// Ask this DNS server, not the machine's own.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns_server: Option<SocketAddr>,
}

/// One record, and what became of it.
#[derive(Debug, Serialize)]
pub struct Row {
    name: String,
    kind: &'static str,
    value: String,
    purpose: &'static str,
    /// Whether things go well without it.
    optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    /// What stands there instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    found: Vec<String>,
}

/// How a record compares with what DNS says.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is there.
    Right,
    /// Nothing of the kind is there.
    Missing,
    /// Something else is there.
    Different,
    /// DNS does not answer.
    Unknown,
}

/// Prints the records, or compares them.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    let domain = domain(&arguments.domain)?;
    let offer = offer(&config, arguments.mx.as_deref(), &relay::signers(&config)?);
    let wanted = records(&domain, &offer);
    if !arguments.check {
        let rows: Vec<Row> = wanted.iter().map(Row::of).collect();
        return context.print(&rows, |out| write_zone(&domain, &offer, &wanted, out));
    }
    let client = DnsClient::new(arguments.dns_server)?;
    let rows = context::runtime()?.block_on(compare(&client, &wanted, &offer.host));
    context.print(&rows, |out| write_table(&rows, out))?;
    let wrong = rows.iter().filter(|row| row.is_wrong()).count();
    if wrong == 0 {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Failed,
        format!("{wrong} of {} records are not as they should be", rows.len()),
    )
    .advise(format!(
        "fieldpost dns {domain} prints them for your zone file; what you changed lately takes its time to be seen"
    ))
    .into())
}

/// A domain as DNS has it: in A-labels, lower case.
pub fn domain(text: &str) -> Result<String, Failure> {
    let address: Result<Address, _> = format!("postmaster@{}", text.trim_end_matches('.')).parse();
    address
        .map(|address| address.domain().to_owned())
        .map_err(|_| {
            Failure::new(FailureKind::Usage, format!("{text:?} is no domain"))
                .advise("give what stands behind the @ of your addresses")
        })
}

/// What the configuration offers. `exchange` is the host that takes mail from the world, `signers` who signs mail that leaves.
pub fn offer(config: &Config, exchange: Option<&str>, signers: &[DkimSigner]) -> Offer {
    let host = config.hostname().to_ascii_lowercase();
    let port = |protocol| config.port_of(protocol);
    let public = public_host(&config.http.public_url);
    let https = public.or_else(|| Some((host.clone(), port(Protocol::Https)?)));
    let relay = config.relay.host_and_port().map(|(host, _)| host);
    Offer {
        https,
        imaps: port(Protocol::Imaps),
        imap: port(Protocol::Imap),
        pop3s: port(Protocol::Pop3s),
        pop3: port(Protocol::Pop3),
        submissions: port(Protocol::Submissions),
        submission: port(Protocol::Submission),
        exchange: exchange.unwrap_or(&host).to_ascii_lowercase(),
        relay: relay.filter(|host| host.parse::<std::net::IpAddr>().is_err()),
        authority: config
            .acme
            .is_on()
            .then(|| authority(&config.acme.directory))
            .flatten(),
        dkim: signers.iter().map(dkim_key).collect(),
        host,
    }
}

fn dkim_key(signer: &DkimSigner) -> DkimKey {
    DkimKey {
        domain: signer.domain().to_owned(),
        selector: signer.selector().to_owned(),
        record: signer.record(),
    }
}

/// Host and port of the URL that clients are told.
fn public_host(url: &str) -> Option<(String, u16)> {
    let url: hyper::Uri = url.parse().ok()?;
    let host = url.host()?.to_ascii_lowercase();
    Some((host, url.port_u16().unwrap_or(443)))
}

/// The domain by which CAA records name the authority at `directory` (RFC 8659 §4.2). `None`: its manual tells.
fn authority(directory: &str) -> Option<&'static str> {
    let host: hyper::Uri = directory.parse().ok()?;
    let host = host.host()?;
    AUTHORITIES
        .iter()
        .find(|(ending, _)| host.ends_with(ending))
        .map(|(_, named)| *named)
}

/// Authorities with ACME, by the end of their directory's host.
const AUTHORITIES: &[(&str, &str)] = &[
    (".letsencrypt.org", "letsencrypt.org"),
    (".zerossl.com", "sectigo.com"),
    (".sectigo.com", "sectigo.com"),
    (".buypass.com", "buypass.com"),
    (".pki.goog", "pki.goog"),
    (".ssl.com", "ssl.com"),
];

/// Compares what is wanted with what DNS says. `host` is the server's name. All are asked for at once: a server that does not
/// answer costs its timeout once.
pub async fn compare(client: &DnsClient, wanted: &[Record], host: &str) -> Vec<Row> {
    let rows = wanted
        .iter()
        .map(|record| compare_one(client, record, host));
    futures_util::future::join_all(rows).await
}

async fn compare_one(client: &DnsClient, record: &Record, host: &str) -> Row {
    let (state, found) = match client.records(&record.name, &record.data).await {
        Err(error) => (State::Unknown, vec![error]),
        Ok(found) => match judge(&record.data, &found) {
            (State::Missing, _) if record.data.kind() == "CNAME" => {
                by_addresses(client, &record.name, host).await
            }
            judged => judged,
        },
    };
    Row {
        state: Some(state),
        found,
        ..Row::of(record)
    }
}

/// How `found`, all of one kind, compares with what is wanted; with what stands there instead.
fn judge(wanted: &Data, found: &[Data]) -> (State, Vec<String>) {
    let alike: Vec<&Data> = found.iter().filter(|one| wanted.is_like(one)).collect();
    let is_there = alike.iter().any(|one| wanted.is_met_by(one));
    // RFC 7208 §4.5, RFC 7489 §6.6.3: of two of them none counts; RFC 6376 §3.6.2.2: of two keys nobody knows which does.
    let is_single = matches!(wanted, Data::Txt(_)) && alike.len() > 1;
    match (is_there, alike.is_empty()) {
        (true, _) if !is_single => (State::Right, Vec::new()),
        (_, true) => (State::Missing, Vec::new()),
        _ => {
            let found = alike.iter().map(ToString::to_string);
            (State::Different, found.collect())
        }
    }
}

/// A host name without a CNAME may have the server's addresses themselves.
async fn by_addresses(client: &DnsClient, name: &str, host: &str) -> (State, Vec<String>) {
    let (own, theirs) = (client.addresses(host).await, client.addresses(name).await);
    let (own, theirs) = match (own, theirs) {
        (Ok(own), Ok(theirs)) => (own, theirs),
        (Err(error), _) | (_, Err(error)) => return (State::Unknown, vec![error]),
    };
    if theirs.is_empty() {
        return (State::Missing, Vec::new());
    }
    let (own, theirs): (BTreeSet<_>, BTreeSet<_>) =
        (own.into_iter().collect(), theirs.into_iter().collect());
    if theirs.is_subset(&own) {
        return (State::Right, Vec::new());
    }
    (
        State::Different,
        theirs.iter().map(ToString::to_string).collect(),
    )
}

impl Row {
    fn of(record: &Record) -> Self {
        Self {
            name: record.name.clone(),
            kind: record.data.kind(),
            value: record.data.to_string(),
            purpose: record.purpose,
            optional: record.is_optional(),
            state: None,
            found: Vec::new(),
        }
    }

    /// Whether something is to be done about it.
    pub fn is_wrong(&self) -> bool {
        match self.state {
            None | Some(State::Right) => false,
            Some(State::Missing) => !self.optional,
            Some(State::Different | State::Unknown) => true,
        }
    }

    /// How it compares; `None`: it was not compared.
    pub fn state(&self) -> Option<State> {
        self.state
    }

    /// Its name and kind, and what is the matter, for people.
    pub fn tell(&self) -> String {
        let (name, kind, found) = (&self.name, self.kind, self.found.join(", "));
        match self.state {
            Some(State::Different) => format!("{kind} of {name} is {found}, not {}", self.value),
            Some(State::Unknown) => format!("{kind} of {name} can't be asked for: {found}"),
            Some(State::Missing) => format!("{kind} of {name} is missing: {}", self.value),
            Some(State::Right) | None => format!("{kind} of {name}: {}", self.value),
        }
    }
}

fn write_zone(
    domain: &str,
    offer: &Offer,
    wanted: &[Record],
    out: &mut dyn Write,
) -> std::io::Result<()> {
    writeln!(out, "; {domain} on {}", offer.host)?;
    writeln!(
        out,
        "; {} needs A and AAAA records with this machine's addresses,",
        offer.host
    )?;
    writeln!(out, "; and its addresses a PTR record with this name.")?;
    if !offer.dkim.iter().any(|key| key.domain == domain) {
        writeln!(
            out,
            "; DKIM: whoever signs the mail that leaves, tells the record of its key."
        )?;
    }
    for record in wanted {
        writeln!(out, "\n; {}\n{record}", record.purpose)?;
    }
    Ok(())
}

fn write_table(rows: &[Row], out: &mut dyn Write) -> std::io::Result<()> {
    let head = ["", "NAME", "TYPE", "SHOULD BE", "IS"];
    let mut table = vec![head.map(String::from).to_vec()];
    for row in rows {
        let state = match row.state {
            Some(State::Right) => "right",
            Some(State::Missing) if row.optional => "missing (optional)",
            Some(State::Missing) => "missing",
            Some(State::Different) => "different",
            Some(State::Unknown) | None => "unknown",
        };
        table.push(vec![
            state.into(),
            row.name.clone(),
            row.kind.into(),
            row.value.clone(),
            row.found.join(", "),
        ]);
    }
    show::table(out, &table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txt(text: &str) -> Data {
        Data::Txt(text.into())
    }

    #[test]
    fn texts_about_other_matters_are_left_alone() {
        let wanted = txt("v=spf1 mx ~all");
        let other = [txt("google-site-verification=x"), txt("v=DMARC1; p=none")];
        assert_eq!(judge(&wanted, &other).0, State::Missing);
        assert_eq!(
            judge(&wanted, &[txt("v=spf1 mx ~all"), txt("x")]).0,
            State::Right
        );
        let (state, found) = judge(&wanted, &[txt("v=spf1 -all")]);
        assert_eq!(
            (state, found),
            (State::Different, vec!["\"v=spf1 -all\"".into()])
        );
    }

    /// Two SPF records are none.
    #[test]
    fn of_two_policies_none_counts() {
        let wanted = txt("v=spf1 mx ~all");
        let both = [wanted.clone(), txt("v=spf1 -all")];
        assert_eq!(judge(&wanted, &both).0, State::Different);
    }

    #[test]
    fn a_further_exchange_is_right() {
        let mx = |preference, exchange: &str| Data::Mx {
            preference,
            exchange: exchange.into(),
        };
        let found = [mx(10, "mail.example.org"), mx(20, "backup.example.net")];
        assert_eq!(judge(&found[0], &found).0, State::Right);
        assert_eq!(judge(&mx(10, "other.example"), &found).0, State::Different);
    }

    #[test]
    fn authorities_are_known_by_their_directory() {
        let known = authority("https://acme-staging-v02.api.letsencrypt.org/directory");
        assert_eq!(known, Some("letsencrypt.org"));
        assert_eq!(authority("https://acme.notletsencrypt.org/"), None);
        assert_eq!(authority("https://localhost:14000/dir"), None);
    }

    #[test]
    fn domains_are_as_dns_has_them() {
        assert_eq!(domain("Bücher.Example.").unwrap(), "xn--bcher-kva.example");
        assert!(domain("a b").is_err());
    }
}
