//! Where requests go that are for others.

use std::{error::Error, net::IpAddr, pin::Pin, sync::Arc};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::{Request, Response};

use crate::RequestBody;

/// The body of any response.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// A front-end that answers the requests for some paths. The server puts one together for each, so that they need not
/// know of one another.
pub trait Route: Send + Sync + 'static {
    /// Whether requests for `path` are for this one.
    fn takes(&self, path: &str) -> bool;

    /// Answers a request. It reads the body itself, within bounds of its own, and may take its time.
    fn answer(self: Arc<Self>, request: Request<RequestBody>, origin: Origin) -> Answering;
}

/// A response that is being made. In a box, so that the connection of a request that waits holds little else.
pub type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Hangup>> + Send>>;

/// The connection is to be closed without an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request is not to be answered")
    }
}

impl Error for Hangup {}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The client's address; `None`: a Unix socket.
    pub peer: Option<IpAddr>,
    /// Whether nobody can read on the way: TLS is in force, or the bytes never leave this machine.
    pub secure: bool,
    /// The connection's number in log lines.
    pub connection: u64,
}
