//! `fieldpost check autodiscover ADDRESS`: walks the ways by which mail programs find their server.

use std::{
    io::{Read as _, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::Args;
use fieldpost_autoconfig::Data;
use fieldpost_directory::Address;
use fieldpost_smtp::client;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, header};
use rustls::crypto::ring;
use serde::Serialize;

use crate::{
    command::{Context, context, show},
    config::AcmeSection,
    dns_client::DnsClient,
    exchange::{Failure, FailureKind},
    http_client::{HttpClient, HttpClientError},
};

/// Arguments of `check autodiscover`.
#[derive(Args)]
#[command(
    after_help = "Run it where your users are, not only on the server. Without a password it sees whether the server is found and asks \
                  for one; with it, what a program is told.\n\n\
                  Examples:\n  \
                  fieldpost check autodiscover anna@example.org\n  \
                  fieldpost check autodiscover anna@example.org --password-stdin < password\n  \
                  fieldpost check autodiscover anna@example.org --connect 127.0.0.1:443 --insecure   before DNS leads here"
)]
pub struct Arguments {
    /// Whose program looks for its server.
    address: String,
    /// Read the password from standard input, and sign in with it.
    #[arg(long)]
    password_stdin: bool,
    /// Connect to this server whatever host a URL names, and ask DNS nothing.
    #[arg(long, value_name = "ADDRESS:PORT")]
    connect: Option<SocketAddr>,
    /// Take every certificate.
    #[arg(long)]
    insecure: bool,
    /// The authorities that may vouch for certificates, in one PEM file.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Ask this DNS server, not the machine's own.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "connect")]
    dns_server: Option<SocketAddr>,
}

/// What came of the ways.
#[derive(Debug, Serialize)]
struct Report {
    address: String,
    ways: Vec<Way>,
    /// Programs that don't find their server.
    lost: Vec<&'static str>,
}

/// One way that programs go.
#[derive(Debug, Serialize)]
struct Way {
    /// For whom: a way that is no use to one program may be all that another knows.
    clients: Clients,
    url: String,
    outcome: Outcome,
    /// What came, for people.
    came: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Clients {
    /// Phones, Outlook, Apple's Mail: Autodiscover in XML (MS-OXDISCO §3.1.5).
    Autodiscover,
    /// Outlook for phones and newer ones: Autodiscover in JSON.
    AutodiscoverJson,
    /// Thunderbird and its kin.
    Thunderbird,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// It leads to the server.
    Found,
    /// Nothing is there: programs try the next way.
    Absent,
    /// Something is there that stops programs, or frightens their users.
    Problem,
    /// It was not tried.
    Skipped,
}

/// Walks all ways.
pub fn run(arguments: Arguments, context: &Context) -> anyhow::Result<()> {
    let address: Address = arguments.address.parse().map_err(|error| {
        Failure::new(
            FailureKind::Usage,
            format!("{:?}: {error}", arguments.address),
        )
    })?;
    let walk = Walk::new(&arguments, &address, context)?;
    let ways = context::runtime()?.block_on(walk.all())?;
    let report = Report {
        address: arguments.address,
        lost: lost(&ways),
        ways,
    };
    context.print(&report, |out| write(&report, out))?;
    if report.lost.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(
        FailureKind::Failed,
        format!("not found by {}", report.lost.join(", ")),
    );
    Err(failure
        .advise(format!(
            "fieldpost dns {} --check tells which records lack",
            address.domain()
        ))
        .into())
}

/// Who finds no way at all.
fn lost(ways: &[Way]) -> Vec<&'static str> {
    let is_lost = |clients: Clients| {
        !ways
            .iter()
            .any(|way| way.clients == clients && way.outcome == Outcome::Found)
    };
    let mut lost = Vec::new();
    if is_lost(Clients::Autodiscover) {
        lost.push("phones, Outlook and Apple's Mail");
    }
    // Who speaks JSON speaks XML when there is none.
    if is_lost(Clients::Thunderbird) {
        lost.push("Thunderbird");
    }
    lost
}

struct Walk {
    client: HttpClient,
    /// `None`: not to be asked.
    dns: Option<Arc<DnsClient>>,
    /// As it was given.
    address: String,
    domain: String,
    authorization: Option<String>,
}

impl Walk {
    fn new(arguments: &Arguments, address: &Address, context: &Context) -> Result<Self, Failure> {
        let provider = Arc::new(ring::default_provider());
        let tls = if arguments.insecure {
            client::unverified(provider)
        } else {
            // A configuration is of use here, but not needed: it may run on any machine.
            let file = arguments.ca_file.clone();
            let configured = || context.config().map(|config| config.acme.ca_file).ok();
            let file = file.or_else(configured);
            let file = file.unwrap_or_else(|| AcmeSection::default().ca_file);
            client::verified(provider, roots(&file)?)
        };
        let tls = tls.map_err(|error| Failure::new(FailureKind::Failed, error))?;
        let authorization = arguments
            .password_stdin
            .then(|| {
                let mut password = String::new();
                std::io::stdin()
                    .take(MAX_PASSWORD)
                    .read_to_string(&mut password)?;
                let password = password.trim_end_matches(['\r', '\n']);
                let both = STANDARD.encode(format!("{}:{password}", arguments.address));
                Ok(format!("Basic {both}"))
            })
            .transpose()
            .map_err(|error: std::io::Error| Failure::new(FailureKind::Failed, error))?;
        let dns = match arguments.connect {
            None => Some(Arc::new(DnsClient::new(arguments.dns_server)?)),
            Some(_) => None,
        };
        // The machine's own resolver knows more than DNS, as programs do.
        let names = dns.clone().filter(|_| arguments.dns_server.is_some());
        Ok(Self {
            client: HttpClient::new(tls, PATIENCE)
                .via(arguments.connect)
                .names(names),
            dns,
            address: arguments.address.clone(),
            domain: address.domain().to_owned(),
            authorization,
        })
    }

    /// All ways, in the order in which programs go them.
    async fn all(&self) -> Result<Vec<Way>, Failure> {
        let domain = &self.domain;
        let mut ways = Vec::new();
        for host in [domain.clone(), format!("autodiscover.{domain}")] {
            ways.push(self.xml(&format!("https://{host}{XML}")).await);
        }
        ways.push(
            self.redirect(&format!("http://autodiscover.{domain}{XML}"))
                .await,
        );
        ways.extend(self.srv().await);
        let json = format!(
            "/autodiscover/autodiscover.json/v1.0/{}?Protocol=ActiveSync",
            self.address
        );
        ways.push(
            self.json(&format!("https://autodiscover.{domain}{json}"))
                .await,
        );
        for url in [
            format!(
                "https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={}",
                self.address
            ),
            format!("https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml"),
        ] {
            ways.push(self.thunderbird(&url).await);
        }
        Ok(ways)
    }

    async fn xml(&self, url: &str) -> Way {
        let mut request = Request::builder().method(Method::POST).uri(url);
        request = request.header(header::CONTENT_TYPE, "text/xml; charset=utf-8");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006\"><Request>\
             <EMailAddress>{}</EMailAddress><AcceptableResponseSchema>\
             http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006\
             </AcceptableResponseSchema></Request></Autodiscover>",
            escaped(&self.address)
        );
        let answer = match request.body(Full::new(Bytes::from(body))) {
            Ok(request) => self.client.send(request).await,
            Err(_) => Err(HttpClientError::Url(url.to_owned())),
        };
        let judged = answer.map(|answer| self.judge_xml(&answer));
        way(Clients::Autodiscover, url, judged)
    }

    fn judge_xml(&self, answer: &Response<Bytes>) -> Judged {
        let text = String::from_utf8_lossy(answer.body());
        match (answer.status(), &self.authorization) {
            (StatusCode::UNAUTHORIZED, None) => {
                let basic = answer.headers().get_all(header::WWW_AUTHENTICATE);
                let basic = basic.iter().filter_map(|value| value.to_str().ok());
                if basic.into_iter().any(|value| starts_with(value, "basic")) {
                    Judged::found("asks for the password")
                } else {
                    Judged::problem(
                        "401, but not for a password by Basic",
                        "is it this server that answers there?",
                    )
                }
            }
            (StatusCode::UNAUTHORIZED, Some(_)) => Judged::problem(
                "the password is refused",
                "try it by hand; too many wrong ones are refused for a while even if right",
            ),
            (StatusCode::OK, Some(_)) => match between(&text, "<Url>", "</Url>") {
                Some(url) => Judged::found(&format!("tells {url}")),
                None => Judged::problem(
                    &match between(&text, "<Message>", "</Message>") {
                        Some(message) => format!("an error: {message}"),
                        None => "an answer without a server's URL".to_owned(),
                    },
                    "is the address the account's own, and is it this server that answers there?",
                ),
            },
            (StatusCode::OK, None) => Judged::problem(
                "an answer without asking for a password",
                "something else answers there, such as a web site that has a page for everything; let it answer 404",
            ),
            (status, _) => Judged::of_status(status),
        }
    }

    async fn redirect(&self, url: &str) -> Way {
        if self.dns.is_none() {
            return skipped(Clients::Autodiscover, url);
        }
        let judged = self.client.get(url).await;
        let judged = judged.map(|answer| judge_redirect(&answer));
        way(Clients::Autodiscover, url, judged)
    }

    async fn srv(&self) -> Vec<Way> {
        let name = format!("_autodiscover._tcp.{}", self.domain);
        let Some(dns) = &self.dns else {
            return vec![skipped(Clients::Autodiscover, &format!("SRV {name}"))];
        };
        let like = Data::Srv {
            priority: 0,
            weight: 0,
            port: 0,
            target: String::new(),
        };
        let found = match dns.records(&name, &like).await {
            Ok(found) => found,
            Err(error) => {
                let judged =
                    Judged::problem(&error, "see whether DNS answers: dig SRV, with this name");
                return vec![way(
                    Clients::Autodiscover,
                    &format!("SRV {name}"),
                    Ok(judged),
                )];
            }
        };
        let mut ways = Vec::new();
        for data in found.iter().take(MAX_TARGETS) {
            if let Data::Srv { port, target, .. } = data {
                let mut way = self.xml(&format!("https://{target}:{port}{XML}")).await;
                way.url = format!("SRV {name} → {}", way.url);
                ways.push(way);
            }
        }
        if ways.is_empty() {
            let judged = Judged::absent("no such record");
            ways.push(way(
                Clients::Autodiscover,
                &format!("SRV {name}"),
                Ok(judged),
            ));
        }
        ways
    }

    async fn json(&self, url: &str) -> Way {
        let judged = self.client.get(url).await.map(|answer| {
            let body = serde_json::from_slice::<serde_json::Value>(answer.body());
            let told = body
                .ok()
                .and_then(|body| Some(body.get("Url")?.as_str()?.to_owned()));
            match (answer.status(), told) {
                (StatusCode::OK, Some(told)) => Judged::found(&format!("tells {told}")),
                (StatusCode::OK, None) => Judged::problem(
                    "an answer that is not Autodiscover's",
                    "something else answers there; let it answer 404",
                ),
                (status, _) => Judged::of_status(status),
            }
        });
        way(Clients::AutodiscoverJson, url, judged)
    }

    async fn thunderbird(&self, url: &str) -> Way {
        let judged = self.client.get(url).await.map(|answer| {
            let text = String::from_utf8_lossy(answer.body());
            match answer.status() {
                StatusCode::OK if text.contains("<clientConfig") => {
                    let hosts: Vec<&str> = text
                        .split("<hostname>")
                        .skip(1)
                        .filter_map(|rest| rest.split_once("</hostname>"))
                        .map(|(host, _)| host)
                        .collect();
                    Judged::found(&format!("tells {}", hosts.join(", ")))
                }
                StatusCode::OK => Judged::problem(
                    "an answer that is no configuration file",
                    "something else answers there; let it answer 404",
                ),
                status => Judged::of_status(status),
            }
        });
        way(Clients::Thunderbird, url, judged)
    }
}

fn judge_redirect(answer: &Response<Bytes>) -> Judged {
    let to = answer.headers().get(header::LOCATION);
    let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
    match answer.status() {
        status if status.is_redirection() && starts_with(to, "https://") => {
            Judged::found(&format!("leads to {to}"))
        }
        status if status.is_redirection() => Judged::problem(
            &format!("leads to {to:?}, which is not https"),
            "let it lead to the https URL, or nowhere",
        ),
        status => Judged::of_status(status),
    }
}

/// What is made of an answer.
struct Judged {
    outcome: Outcome,
    came: String,
    next_step: Option<String>,
}

impl Judged {
    fn found(came: &str) -> Self {
        Self::new(Outcome::Found, came, None)
    }

    fn absent(came: &str) -> Self {
        Self::new(Outcome::Absent, came, None)
    }

    fn problem(came: &str, next_step: &str) -> Self {
        Self::new(Outcome::Problem, came, Some(next_step.to_owned()))
    }

    fn new(outcome: Outcome, came: &str, next_step: Option<String>) -> Self {
        // It comes from outside.
        let came: String = came.chars().take(MAX_SHOWN).collect();
        Self {
            outcome,
            came,
            next_step,
        }
    }

    fn of_status(status: StatusCode) -> Self {
        let came = status.to_string();
        if status == StatusCode::NOT_FOUND {
            Self::absent(&came)
        } else if status.is_server_error() {
            Self::problem(
                &came,
                "the log of the server, or of the proxy in front of it, tells why",
            )
        } else if status.is_redirection() {
            Self::problem(
                &came,
                "not all programs follow: let the server answer there itself, or nobody",
            )
        } else {
            Self::problem(
                &came,
                "is it this server that answers there? If not, let it answer 404",
            )
        }
    }
}

fn way(clients: Clients, url: &str, judged: Result<Judged, HttpClientError>) -> Way {
    let judged = judged.unwrap_or_else(|error| {
        let came = error.to_string();
        match error {
            HttpClientError::NoSuchHost { .. } | HttpClientError::Unreachable { .. } => {
                Judged::absent(&came)
            }
            HttpClientError::Tls { .. } => Judged::problem(
                &came,
                "programs warn their users of it: get a certificate for this name too, or take the name out of DNS",
            ),
            _ => Judged::problem(&came, "programs wait for it: let something answer there, or nothing listen"),
        }
    });
    Way {
        clients,
        url: url.to_owned(),
        outcome: judged.outcome,
        came: judged.came,
        next_step: judged.next_step,
    }
}

fn skipped(clients: Clients, url: &str) -> Way {
    let judged = Judged::new(
        Outcome::Skipped,
        "--connect goes to the server itself",
        None,
    );
    way(clients, url, Ok(judged))
}

/// The authorities in a file.
fn roots(file: &Path) -> Result<rustls::RootCertStore, Failure> {
    client::certificates(file).map_err(|error| {
        Failure::new(FailureKind::Failed, format!("{}: {error}", file.display())).advise(
            "apt-get install ca-certificates, or name a file of PEM certificates with --ca-file",
        )
    })
}

fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len())
        .is_some_and(|begins| begins.eq_ignore_ascii_case(beginning))
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to)?.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn write(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    for (clients, head) in [
        (
            Clients::Autodiscover,
            "Phones, Outlook, Apple's Mail (Autodiscover)",
        ),
        (
            Clients::AutodiscoverJson,
            "Outlook for phones (Autodiscover in JSON)",
        ),
        (Clients::Thunderbird, "Thunderbird and its kin"),
    ] {
        writeln!(out, "{head}")?;
        for way in report.ways.iter().filter(|way| way.clients == clients) {
            let outcome = match way.outcome {
                Outcome::Found => "found",
                Outcome::Absent => "absent",
                Outcome::Problem => "problem",
                Outcome::Skipped => "skipped",
            };
            writeln!(out, "  {outcome:8} {}", way.url)?;
            writeln!(out, "           {}", show::printable(&way.came))?;
            if let Some(next_step) = &way.next_step {
                writeln!(out, "           next: {next_step}")?;
            }
        }
    }
    Ok(())
}

/// Where Autodiscover in XML is asked for.
const XML: &str = "/autodiscover/autodiscover.xml";

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The most targets of SRV records that are tried.
const MAX_TARGETS: usize = 4;

/// The most characters shown of what came.
const MAX_SHOWN: usize = 300;

/// The longest password that is read, in bytes.
const MAX_PASSWORD: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, location: &str) -> Response<Bytes> {
        let answer = Response::builder().status(status);
        let answer = answer.header(header::LOCATION, location);
        answer.body(Bytes::new()).unwrap()
    }

    #[test]
    fn a_redirect_leads_to_https() {
        for (status, location, outcome) in [
            (
                302,
                "https://mail.example.org/autodiscover/autodiscover.xml",
                Outcome::Found,
            ),
            (301, "HTTPS://mail.example.org/", Outcome::Found),
            (302, "http://mail.example.org/", Outcome::Problem),
            (302, "", Outcome::Problem),
            (404, "", Outcome::Absent),
            (200, "", Outcome::Problem),
            (502, "", Outcome::Problem),
        ] {
            assert_eq!(
                judge_redirect(&answer(status, location)).outcome,
                outcome,
                "{status} {location}"
            );
        }
    }

    #[test]
    fn who_finds_one_way_is_not_lost() {
        let one = |clients, outcome| Way {
            clients,
            url: String::new(),
            outcome,
            came: String::new(),
            next_step: None,
        };
        assert_eq!(lost(&[]).len(), 2);
        let ways = [
            one(Clients::Autodiscover, Outcome::Absent),
            one(Clients::Autodiscover, Outcome::Found),
            one(Clients::Thunderbird, Outcome::Problem),
        ];
        assert_eq!(lost(&ways), ["Thunderbird"]);
    }

    #[test]
    fn what_comes_from_outside_is_cut() {
        let judged = Judged::found(&"é".repeat(10_000));
        assert_eq!(judged.came.chars().count(), MAX_SHOWN);
        assert!(starts_with("Basic x", "basic") && !starts_with("é", "basic"));
    }
}
