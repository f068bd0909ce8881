//! What sets clients up: the answers are [`fieldpost_autoconfig`]'s; who asks is found out here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use fieldpost_activesync as activesync;
use fieldpost_autoconfig::{
    Account, Answer, Error, ErrorCode, Person, Request as Asked, Route as Path, Security, Service,
    Site, Stamp, route,
};
use fieldpost_directory::{Directory, Identity, Protocol as Way, SignInContext, SignInError};
use fieldpost_web::{Answering, Body, Origin, RequestBody, Route};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Response, StatusCode, header};

use sha2::{Digest as _, Sha256};

use crate::{
    config::{Config, Protocol},
    routes::signature::signed,
    tls::Certificates,
};

/// Tells clients where everything is.
pub struct Autoconfig {
    directory: Arc<Directory>,
    /// Configuration profiles are signed with the server's own.
    certificates: Arc<Certificates>,
    site: Site,
    /// The server's name.
    host: String,
    number: AtomicU32,
}

/// The largest request, and how long it may take to arrive.
const MAX_REQUEST: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

impl Autoconfig {
    /// What the configuration offers, under its own name.
    pub fn new(
        config: &Config,
        directory: &Arc<Directory>,
        certificates: &Arc<Certificates>,
    ) -> Self {
        Self {
            directory: Arc::clone(directory),
            certificates: Arc::clone(certificates),
            site: site(config),
            host: config.hostname(),
            number: AtomicU32::new(1),
        }
    }

    /// Who asks. `Err`: the answer to somebody who may not.
    async fn sign_in(
        &self,
        request: &Request<RequestBody>,
        origin: &Origin,
    ) -> Result<Identity, Response<Body>> {
        let context = SignInContext {
            connection: origin.connection,
            ..SignInContext::new(Way::ActiveSync, origin.peer, origin.secure)
        };
        let Some(credentials) = activesync::credentials(request.headers()) else {
            return Err(unauthorized());
        };
        let signed_in = self
            .directory
            .sign_in(&credentials.login, credentials.password, &context)
            .await;
        signed_in.map_err(|error| match error {
            SignInError::Disabled | SignInError::ProtocolNotAllowed => {
                status(StatusCode::FORBIDDEN)
            }
            error if error.is_temporary() => status(StatusCode::SERVICE_UNAVAILABLE),
            _ => unauthorized(),
        })
    }

    fn person(&self, identity: Identity) -> Person {
        Person {
            display_name: self
                .directory
                .account(identity.account)
                .map(|account| account.display_name.clone())
                .unwrap_or_default(),
            login: identity.address.clone(),
            address: identity.address,
        }
    }

    /// The configuration file of a domain that is this server's. The host name says which, where the address does not.
    fn thunderbird(&self, email: Option<&str>, host: Option<&str>) -> Response<Body> {
        let domain = match email {
            Some(email) => email.rsplit_once('@').map(|(_, domain)| domain),
            None => host.map(|host| {
                let name = host.split(':').next().unwrap_or(host);
                name.strip_prefix("autoconfig.").unwrap_or(name)
            }),
        };
        let domain = domain.map(str::to_lowercase);
        let answer = domain
            .filter(|domain| self.directory.is_local_domain(domain))
            .and_then(|domain| Answer::thunderbird(&self.site, &domain));
        answer.map_or_else(|| status(StatusCode::NOT_FOUND), full)
    }

    async fn profile(
        &self,
        account: Account,
        request: &Request<RequestBody>,
        origin: &Origin,
    ) -> Response<Body> {
        let person = match self.sign_in(request, origin).await {
            Ok(identity) => self.person(identity),
            Err(refusal) => return refusal,
        };
        // The same for the same account, so that a new profile takes the place of the one before.
        let id = |what: &str| {
            let named = format!("{what}\0{account:?}\0{}\0{}", self.site.url, person.address);
            let mut id = [0; 16];
            id.copy_from_slice(&Sha256::digest(named)[..16]);
            u128::from_be_bytes(id)
        };
        let ids = [id("profile"), id("account")];
        let Some(mut answer) = Answer::profile(&self.site, &person, account, ids) else {
            return status(StatusCode::NOT_FOUND);
        };
        let key = self.certificates.for_name(Some(&self.host));
        if let Some(signed) = key.and_then(|key| signed(&answer.body, &key, SystemTime::now())) {
            answer.body = signed;
        }
        let mut response = full(answer);
        response.headers_mut().insert(
            header::CONTENT_DISPOSITION,
            header::HeaderValue::from_static("attachment; filename=\"fieldpost.mobileconfig\""),
        );
        response
    }

    async fn xml(&self, request: Request<RequestBody>, origin: Origin) -> Response<Body> {
        let identity = match self.sign_in(&request, &origin).await {
            Ok(identity) => identity,
            Err(refusal) => return refusal,
        };
        let body = Limited::new(request.into_body(), MAX_REQUEST).collect();
        let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return status(StatusCode::PAYLOAD_TOO_LARGE),
            Err(_) => return status(StatusCode::REQUEST_TIMEOUT),
        };
        let asked = match Asked::parse(&body) {
            Ok(asked) => asked,
            Err(Error::TooLarge) => return status(StatusCode::PAYLOAD_TOO_LARGE),
            Err(error) => {
                tracing::info!(%error, "malformed Autodiscover request");
                return full(Answer::error(ErrorCode::InvalidRequest, self.stamp()));
            }
        };
        // Of others nothing is told: not whether they exist, and not where their mail lies.
        if self.directory.resolve(&asked.email) != Some(identity.account) {
            return full(Answer::error(ErrorCode::InvalidRequest, self.stamp()));
        }
        let person = self.person(identity);
        full(Answer::to(&asked, &self.site, &person, self.stamp()))
    }

    fn stamp(&self) -> Stamp {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        Stamp {
            second_of_day: (now % 86_400) as u32,
            id: self.number.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Route for Autoconfig {
    fn takes(&self, path: &str) -> bool {
        ["GET", "POST"]
            .iter()
            .any(|method| route(method, path, "").is_some())
    }

    fn answer(self: Arc<Self>, request: Request<RequestBody>, origin: Origin) -> Answering {
        Box::pin(async move {
            let uri = request.uri();
            let found = route(
                request.method().as_str(),
                uri.path(),
                uri.query().unwrap_or_default(),
            );
            Ok(match found {
                None => status(StatusCode::METHOD_NOT_ALLOWED),
                Some(Path::Json { protocol, .. }) => {
                    full(Answer::json(&self.site, protocol.as_deref()))
                }
                Some(Path::Xml) => self.xml(request, origin).await,
                Some(Path::Thunderbird { email }) => {
                    let host = request.headers().get(header::HOST);
                    let host = host.and_then(|host| host.to_str().ok());
                    self.thunderbird(email.as_deref(), host)
                }
                Some(Path::Profile(account)) => self.profile(account, &request, &origin).await,
            })
        })
    }
}

/// What the configuration offers to programs elsewhere.
fn site(config: &Config) -> Site {
    let host = config.hostname();
    let port = |protocol| config.port_of(protocol);
    let service = |over_tls, plain| {
        let (port, security) = match (port(over_tls), port(plain)) {
            (Some(port), _) => (port, Security::Tls),
            (None, Some(port)) => (port, Security::StartTls),
            (None, None) => return None,
        };
        Some(Service {
            host: host.clone(),
            port,
            security,
        })
    };
    let origin = if config.http.public_url.is_empty() {
        match port(Protocol::Https) {
            None | Some(443) => format!("https://{host}"),
            Some(port) => format!("https://{host}:{port}"),
        }
    } else {
        config.http.public_url.trim_end_matches('/').to_owned()
    };
    Site {
        url: format!("{origin}/Microsoft-Server-ActiveSync"),
        imap: service(Protocol::Imaps, Protocol::Imap),
        pop3: service(Protocol::Pop3s, Protocol::Pop3),
        smtp: service(Protocol::Submissions, Protocol::Submission),
    }
}

fn unauthorized() -> Response<Body> {
    let mut response = status(StatusCode::UNAUTHORIZED);
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        header::HeaderValue::from_static("Basic realm=\"fieldpost\", charset=\"UTF-8\""),
    );
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(empty_or(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn full(answer: Answer) -> Response<Body> {
    let mut response = status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(answer.content_type),
    );
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("private"),
    );
    *response.body_mut() = empty_or(answer.body.into());
    response
}

fn empty_or(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}
