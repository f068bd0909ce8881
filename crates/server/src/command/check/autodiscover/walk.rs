//! The ways, one after the other.

use std::{io::Read as _, path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fieldpost_autoconfig::Data;
use fieldpost_directory::Address;
use fieldpost_smtp::client;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, header};
use rustls::crypto::ring;

use super::{
    Arguments, Clients, Way,
    verdict::{Judged, judge_redirect, skipped, starts_with, way},
};
use crate::{
    command::Context,
    config::AcmeSection,
    dns_client::DnsClient,
    exchange::{Failure, FailureKind},
    http_client::{HttpClient, HttpClientError},
};

/// What it takes to go them.
pub(super) struct Walk {
    client: HttpClient,
    /// `None`: not to be asked.
    dns: Option<Arc<DnsClient>>,
    /// As it was given.
    address: String,
    domain: String,
    authorization: Option<String>,
}

impl Walk {
    /// As the arguments say.
    pub(super) fn new(
        arguments: &Arguments,
        address: &Address,
        context: &Context,
    ) -> Result<Self, Failure> {
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
    pub(super) async fn all(&self) -> Result<Vec<Way>, Failure> {
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

/// The authorities in a file.
fn roots(file: &Path) -> Result<rustls::RootCertStore, Failure> {
    client::certificates(file).map_err(|error| {
        Failure::new(FailureKind::Failed, format!("{}: {error}", file.display())).advise(
            "apt-get install ca-certificates, or name a file of PEM certificates with --ca-file",
        )
    })
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

/// Where Autodiscover in XML is asked for.
const XML: &str = "/autodiscover/autodiscover.xml";

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The most targets of SRV records that are tried.
const MAX_TARGETS: usize = 4;

/// The longest password that is read, in bytes.
const MAX_PASSWORD: u64 = 4096;
