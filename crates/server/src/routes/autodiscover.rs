//! Autodiscover: the answers are [`fieldpost_autoconfig`]'s; who asks is found out here.

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
    Answer, Error, ErrorCode, Person, Request as Asked, Route as Path, Security, Service, Site,
    Stamp, route,
};
use fieldpost_directory::{Directory, Protocol as Way, SignInContext, SignInError};
use fieldpost_web::{Answering, Body, Origin, Route};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, header};

use crate::config::{Config, Endpoint, Protocol};

/// Tells clients where everything is.
pub struct Autodiscover {
    directory: Arc<Directory>,
    site: Site,
    number: AtomicU32,
}

/// The largest request, and how long it may take to arrive.
const MAX_REQUEST: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

impl Autodiscover {
    /// What the configuration offers, under its own name.
    pub fn new(config: &Config, directory: &Arc<Directory>) -> Self {
        Self {
            directory: Arc::clone(directory),
            site: site(config),
            number: AtomicU32::new(1),
        }
    }

    async fn xml(&self, request: Request<Incoming>, origin: Origin) -> Response<Body> {
        let context = SignInContext {
            connection: origin.connection,
            ..SignInContext::new(Way::ActiveSync, origin.peer, origin.secure)
        };
        let Some(credentials) = activesync::credentials(request.headers()) else {
            return unauthorized();
        };
        let signed_in = self
            .directory
            .sign_in(&credentials.login, credentials.password, &context)
            .await;
        let identity = match signed_in {
            Ok(identity) => identity,
            Err(SignInError::Disabled | SignInError::ProtocolNotAllowed) => {
                return status(StatusCode::FORBIDDEN);
            }
            Err(error) if error.is_temporary() => return status(StatusCode::SERVICE_UNAVAILABLE),
            Err(_) => return unauthorized(),
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
        let person = Person {
            display_name: self
                .directory
                .account(identity.account)
                .map(|account| account.display_name.clone())
                .unwrap_or_default(),
            login: identity.address.clone(),
            address: identity.address,
        };
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

impl Route for Autodiscover {
    fn takes(&self, path: &str) -> bool {
        ["GET", "POST"]
            .iter()
            .any(|method| route(method, path, "").is_some())
    }

    fn answer(&self, request: Request<Incoming>, origin: Origin) -> Answering<'_> {
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
            })
        })
    }
}

/// What the configuration offers to programs elsewhere.
fn site(config: &Config) -> Site {
    let host = config.hostname();
    let port = |protocol: Protocol| {
        config.listeners.iter().find_map(|listener| {
            match (listener.protocol == protocol, listener.endpoint()) {
                (true, Ok(Endpoint::Tcp(address))) => Some(address.port()),
                _ => None,
            }
        })
    };
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
