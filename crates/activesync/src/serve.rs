//! The thin driver: from an HTTP request to a command and back.
//!
//! Nothing of a request's body is read before its user has signed in, its device is known and its version is spoken.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_directory::{Directory, Identity, Protocol, SignInContext, SignInError};
use fieldpost_mailbox::DeviceId;
use fieldpost_wbxml::{Command, Version};
use hyper::{
    Method, Request, Response, StatusCode, body::Body as HttpBody, header, http::request::Parts,
};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use crate::{
    Body, Ended, Service, Session,
    codec::{
        authorization, body, headers,
        query::{self, QueryVersion},
        request, response,
    },
    command::options,
    reply::{Failure, Reply, status},
    wire_log,
};

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The client's address; `None`: a Unix socket.
    pub peer: Option<std::net::IpAddr>,
    /// Whether a password may cross the connection: TLS is in force, here or at a proxy that is trusted.
    pub secure: bool,
    /// The connection's number in log lines.
    pub connection: u64,
}

impl Service {
    /// Whether a request for this path is one for [`Service::handle`] (MS-ASHTTP_R15). Clients write it in any case, and
    /// with a slash at its end.
    pub fn is_mine(path: &str) -> bool {
        path.strip_suffix('/')
            .unwrap_or(path)
            .eq_ignore_ascii_case("/Microsoft-Server-ActiveSync")
    }

    /// Answers one request. `Err`: the connection is to be closed without an answer.
    pub async fn handle<B>(
        self: &Arc<Self>,
        request: Request<B>,
        origin: Origin,
    ) -> Result<Response<Body>, Ended>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Send,
    {
        // Boxed: what it takes to begin is given back before a command waits.
        let begun = match Box::pin(self.begin(request, origin)).await {
            Ok(begun) => begun,
            Err(Early::Answered(response)) => return Ok(response),
            Err(Early::Refused(refused)) => return refused.answer(),
        };
        let request = &begun.session.request;
        let (command, version) = (Some(request.command), Some(request.version));
        let span = begun.span.clone();
        let done = begun.run().instrument(span).await;
        done.or_else(|failure| answer_failure(&failure, command, version))
    }

    /// Gets a request to where its command can be carried out.
    async fn begin<B>(
        self: &Arc<Self>,
        request: Request<B>,
        origin: Origin,
    ) -> Result<Box<Ready>, Early>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Send,
    {
        let (parts, body) = request.into_parts();
        match parts.method {
            Method::POST | Method::OPTIONS => {}
            // Other paths of this server have an answer to these.
            Method::GET | Method::HEAD => {
                return Err(Early::Answered(not_allowed(StatusCode::METHOD_NOT_ALLOWED)));
            }
            // MS-ASHTTP_R187, MS-ASHTTP_R443
            _ => return Err(Early::Answered(not_allowed(StatusCode::NOT_IMPLEMENTED))),
        }
        let identity = self
            .sign_in(&parts, origin)
            .await
            .map_err(Early::Answered)?;
        if parts.method == Method::OPTIONS {
            return Err(Early::Answered(options::answer()));
        }
        self.post(parts, body, identity)
            .await
            .map_err(Early::Refused)
    }

    /// Signs the user in, or says why not (MS-ASHTTP_R128, R178, R180, R287, R523).
    async fn sign_in(&self, parts: &Parts, origin: Origin) -> Result<Identity, Response<Body>> {
        let mut context = SignInContext::new(Protocol::ActiveSync, origin.peer, origin.secure);
        context.connection = origin.connection;
        // Before the header is looked at: a password that crossed an open line is none any more (fault 3).
        if !self.directory.takes_passwords(&context) {
            return Err(response::status(StatusCode::FORBIDDEN));
        }
        let credentials = authorization::credentials(&parts.headers)
            .ok_or_else(|| response::unauthorized(&self.settings.host_name))?;
        let signed_in = self
            .directory
            .sign_in(&credentials.login, credentials.password, &context)
            .await;
        signed_in.map_err(|error| match error {
            SignInError::WrongCredentials { .. }
            | SignInError::MechanismNotAllowed
            | SignInError::Malformed
            | SignInError::Cancelled => response::unauthorized(&self.settings.host_name),
            SignInError::Disabled | SignInError::ProtocolNotAllowed | SignInError::NotSecure => {
                response::status(StatusCode::FORBIDDEN)
            }
            SignInError::TryLater { wait } => {
                response::later(StatusCode::SERVICE_UNAVAILABLE, wait.as_secs())
            }
            SignInError::Busy(_) | SignInError::Unavailable(_) => {
                response::later(StatusCode::SERVICE_UNAVAILABLE, BUSY.as_secs())
            }
        })
    }

    /// A command of a user who has signed in, with its body.
    async fn post<B>(
        self: &Arc<Self>,
        parts: Parts,
        body: B,
        identity: Identity,
    ) -> Result<Box<Ready>, Refused>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Send,
    {
        let mut request = head(&parts, &self.directory, &identity)?;
        let (command, version) = (request.command, request.version);
        let refused = |failure| Refused {
            failure,
            command: Some(command),
            version: Some(version),
        };
        let span = tracing::info_span!(
            "activesync",
            user = %identity.address,
            device = %request.device,
            command = %command,
            %version,
        );
        let within = span.clone();
        async {
            let (body, memory) = self
                .read_body(&parts, body, command)
                .await
                .map_err(refused)?;
            // Its texts are slices of the connection's buffer, which whoever waits must not hold.
            drop(parts);
            request.body = body;
            let session = Session::begin(Arc::clone(self), identity, request)
                .await
                .map_err(refused)?;
            Ok(Box::new(Ready {
                session,
                span,
                _memory: memory,
            }))
        }
        .instrument(within)
        .await
    }

    /// The body within its limits, and what it may take up of the memory for messages.
    async fn read_body<B>(
        &self,
        parts: &Parts,
        body: B,
        command: Command,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Failure>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: Send,
    {
        let coding = body::coding(&parts.headers).map_err(Failure::Http)?;
        let is_message = matches!(
            command,
            Command::SendMail | Command::SmartReply | Command::SmartForward
        );
        let limit = if is_message {
            self.settings.max_message
        } else {
            self.settings.max_request
        };
        // Known to be too large: it must not wait for memory first.
        if body.size_hint().lower() > limit as u64 {
            return Err(Failure::Http(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let reading = async {
            let memory = if is_message {
                // How large a compressed one becomes is not known before.
                let size = match (coding, body.size_hint().exact()) {
                    (body::Coding::Identity, Some(size)) => size as usize,
                    _ => limit,
                };
                Some(self.message_memory(size).await)
            } else {
                None
            };
            let bytes = body::read(body, coding, limit).await?;
            Ok((bytes, memory.flatten()))
        };
        match tokio::time::timeout(self.settings.body_timeout, reading).await {
            Ok(read) => read.map_err(Failure::Http),
            Err(_) => Err(Failure::Http(StatusCode::REQUEST_TIMEOUT)),
        }
    }

    /// Waits until there is memory for a message of that size.
    async fn message_memory(&self, size: usize) -> Option<OwnedSemaphorePermit> {
        // One that is larger than all there is takes all of it.
        let all = self.settings.message_memory / 1024;
        let wanted = size.div_ceil(1024).min(all).try_into().unwrap_or(u32::MAX);
        Arc::clone(&self.message_memory)
            .acquire_many_owned(wanted)
            .await
            .ok()
    }
}

/// A request whose command can be carried out.
struct Ready {
    session: Session,
    span: tracing::Span,
    /// What its body takes up of the memory for messages.
    _memory: Option<OwnedSemaphorePermit>,
}

impl Ready {
    async fn run(mut self: Box<Self>) -> Result<Response<Body>, Failure> {
        let session = &mut self.session;
        let gzip = session.request.accepts_gzip;
        wire_log::request(&session.device, session.now(), &session.request.body);
        let result = session.run().await;
        wire_log::answer(&session.device, session.now(), &result);
        match &result {
            Ok(_) => tracing::debug!("carried out"),
            Err(failure) => tracing::info!(%failure, "not carried out"),
        }
        let mut response = answer(result?, gzip)?;
        if session.first_sync {
            response::add_renewal(&mut response);
        }
        Ok(response)
    }
}

/// A request that comes to no command.
enum Early {
    /// It has its answer.
    Answered(Response<Body>),
    /// It is refused.
    Refused(Refused),
}

/// Why a request is not carried out, and what is known of how it may be told.
struct Refused {
    failure: Failure,
    command: Option<Command>,
    version: Option<Version>,
}

impl Refused {
    fn answer(self) -> Result<Response<Body>, Ended> {
        answer_failure(&self.failure, self.command, self.version)
    }

    fn http(status: StatusCode) -> Self {
        Self {
            failure: Failure::Http(status),
            command: None,
            version: None,
        }
    }
}

/// What the request line and the headers say, without the body.
fn head(
    parts: &Parts,
    directory: &Directory,
    identity: &Identity,
) -> Result<request::Request, Refused> {
    let query = query::parse(parts.uri.query().unwrap_or_default())
        .map_err(|_| Refused::http(StatusCode::BAD_REQUEST))?;
    // Whoever says who he is must be who he is, under any of his names (fault 40).
    if !query.user.is_empty()
        && directory.resolve_login(query.user.as_bytes()) != Some(identity.account)
    {
        tracing::warn!(user = %identity.address, "the query names another user");
        return Err(Refused::http(StatusCode::FORBIDDEN));
    }
    let version = match query.version {
        QueryVersion::Is(version) => Some(version),
        QueryVersion::Unknown => None,
        QueryVersion::InHeader => {
            headers::text(&parts.headers, headers::VERSION).and_then(Version::parse)
        }
    };
    // A status in a document is for versions that know it; without a common version there is only HTTP's.
    let version = version
        .filter(|version| options::VERSIONS.contains(version))
        .ok_or(Refused::http(StatusCode::HTTP_VERSION_NOT_SUPPORTED))?;
    let command = query
        .command
        .ok_or(Refused::http(StatusCode::NOT_IMPLEMENTED))?;
    let refused = |status| Refused {
        failure: Failure::Status(status),
        command: Some(command),
        version: Some(version),
    };
    let device = DeviceId::new(&query.device).ok_or(refused(status::DEVICE_ID))?;
    if query.device_type.is_empty() {
        return Err(refused(status::DEVICE_TYPE));
    }
    let mut parameters = query.parameters;
    parameters.accepts_multipart |= headers::accepts_multipart(&parts.headers);
    Ok(request::Request {
        command,
        version,
        device,
        device_type: query.device_type,
        policy_key: query
            .policy_key
            .or_else(|| headers::policy_key(&parts.headers)),
        user_agent: headers::user_agent(&parts.headers),
        parameters,
        accepts_gzip: headers::accepts_gzip(&parts.headers),
        body: Bytes::new(),
    })
}

/// The response to a command that was carried out.
fn answer(reply: Reply, gzip: bool) -> Result<Response<Body>, Failure> {
    Ok(match reply {
        Reply::Empty => response::status(StatusCode::OK),
        Reply::Document(document) => response::content(response::WBXML, document.into(), gzip),
        Reply::Multipart(document, parts) => {
            let body = response::multipart(&document, &parts)
                .ok_or(Failure::Status(status::ATTACHMENT_TOO_LARGE))?;
            response::content(response::MULTIPART, body, gzip)
        }
        Reply::Attachment(content_type, bytes) => response::content(&content_type, bytes, gzip),
    })
}

/// The response to one that was not.
fn answer_failure(
    failure: &Failure,
    command: Option<Command>,
    version: Option<Version>,
) -> Result<Response<Body>, Ended> {
    let (code, seconds) = match *failure {
        Failure::Superseded => return Err(Ended),
        Failure::Http(status) => return Ok(response::status(status)),
        Failure::Status(code) => (code, None),
        Failure::RetryAfter(code, seconds) => (code, Some(u64::from(seconds))),
    };
    let document = command
        .zip(version)
        .filter(|(_, version)| Failure::is_told_by_document(code, *version))
        .and_then(|(command, _)| Failure::document(command, code));
    let mut response = match document {
        Some(document) => response::content(response::WBXML, document.into(), false),
        None => response::status(Failure::http_below_14(code)),
    };
    if let Some(seconds) = seconds {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

fn not_allowed(code: StatusCode) -> Response<Body> {
    let mut response = response::status(code);
    response.headers_mut().insert(
        header::ALLOW,
        header::HeaderValue::from_static(options::METHODS),
    );
    response
}

/// After how long whoever came when there was too much to do is to come again.
const BUSY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod faults;
#[cfg(test)]
mod model;
#[cfg(test)]
mod quirks;
#[cfg(test)]
mod tests;
