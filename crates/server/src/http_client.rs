//! HTTP to other servers: one request a connection, within bounds, redirects not followed.
//!
//! Used by ACME and by the commands that look at a setup from outside. What a server sends is believed to nothing but its
//! length, which is bounded.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, Uri,
    body::Body,
    client::conn::http1,
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::dns_client::DnsClient;

/// Sends requests.
#[derive(Clone)]
pub struct HttpClient {
    tls: Arc<ClientConfig>,
    patience: Duration,
    /// Where to connect to, whatever host a URL names.
    via: Option<SocketAddr>,
    /// Who is asked for addresses; `None` = the machine's own resolver.
    names: Option<Arc<DnsClient>>,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The URL is none that can be asked for.
    #[error("{0}: not an http or https URL")]
    Url(String),
    /// The host's name can't be looked up.
    #[error("{host}: {source}")]
    NoSuchHost {
        /// The host.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody answers at any of its addresses.
    #[error("{address}: {source}")]
    Unreachable {
        /// The address tried last.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS handshake failed; the certificate's trouble is in it.
    #[error("TLS with {host}: {source}")]
    Tls {
        /// The host.
        host: String,
        /// What rustls said.
        source: io::Error,
    },
    /// What came is no HTTP, or the connection ended.
    #[error("{host}: {source}")]
    Http {
        /// The host.
        host: String,
        /// What hyper said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("{0}: no answer in time")]
    TimedOut(String),
}

impl HttpClient {
    /// A client that speaks TLS as `tls` says, and waits for a whole answer as long as `patience`.
    pub fn new(tls: Arc<ClientConfig>, patience: Duration) -> Self {
        Self {
            tls,
            patience,
            via: None,
            names: None,
        }
    }

    /// The same, which connects to `address` whatever host a URL names.
    pub fn via(mut self, address: Option<SocketAddr>) -> Self {
        self.via = address;
        self
    }

    /// The same, which asks `names` for addresses, if there is one.
    pub fn names(mut self, names: Option<Arc<DnsClient>>) -> Self {
        self.names = names;
        self
    }

    /// Sends `request`, whose URL is absolute, and reads the whole response, of at most [`MAX_BODY`] bytes.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Bytes>, HttpClientError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let exchange = Box::pin(self.exchange(request, &host));
        match tokio::time::timeout(self.patience, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpClientError::TimedOut(host)),
        }
    }

    /// Sends a GET.
    pub async fn get(&self, url: &str) -> Result<Response<Bytes>, HttpClientError> {
        let request = Request::get(url)
            .body(Full::<Bytes>::default())
            .map_err(|_| HttpClientError::Url(url.to_owned()))?;
        self.send(request).await
    }

    async fn exchange<B>(
        &self,
        request: Request<B>,
        host: &str,
    ) -> Result<Response<Bytes>, HttpClientError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let uri = request.uri().clone();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(HttpClientError::Url(uri.to_string())),
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = self.connect(bare, port).await?;
        if !secure {
            return ask(stream, request, host, &uri).await;
        }
        let tls = |source| HttpClientError::Tls {
            host: host.to_owned(),
            source,
        };
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|error| tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
            .map_err(tls)?;
        ask(stream, request, host, &uri).await
    }

    /// Connects to the first of the host's addresses that answers.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, HttpClientError> {
        let no_such = |source| HttpClientError::NoSuchHost {
            host: host.to_owned(),
            source,
        };
        let addresses: Vec<SocketAddr> = match (&self.via, &self.names) {
            (Some(address), _) => vec![*address],
            (None, None) => {
                let found = tokio::net::lookup_host((host, port)).await;
                found.map_err(no_such)?.take(MAX_ADDRESSES).collect()
            }
            (None, Some(names)) => {
                let found = names.addresses(host).await;
                let found = found.map_err(|error| no_such(io::Error::other(error)))?;
                let found = found.into_iter().take(MAX_ADDRESSES);
                found.map(|address| (address, port).into()).collect()
            }
        };
        let mut last = no_such(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        for address in addresses {
            match tokio::time::timeout(self.patience / 3, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(source)) => last = HttpClientError::Unreachable { address, source },
                Err(_) => {
                    let source = io::ErrorKind::TimedOut.into();
                    last = HttpClientError::Unreachable { address, source };
                }
            }
        }
        Err(last)
    }
}

async fn ask<S, B>(
    stream: S,
    mut request: Request<B>,
    host: &str,
    uri: &Uri,
) -> Result<Response<Bytes>, HttpClientError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let wrong = |source| HttpClientError::Http {
        host: host.to_owned(),
        source,
    };
    // RFC 9112 §3.2.1: to the server itself the target is the path alone, and the host a field of its own.
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let authority = HeaderValue::from_str(authority).map_err(|error| wrong(error.into()))?;
    *request.uri_mut() = path
        .parse()
        .map_err(|_| HttpClientError::Url(uri.to_string()))?;
    request.headers_mut().insert(header::HOST, authority);
    request
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| wrong(error.into()))?;
    let answer = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| wrong(error.into()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(wrong)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    // The connection is driven here, so that it ends with the request, whatever becomes of either.
    let driven = async {
        drop(connection.await);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = answer => answer,
        () = driven => Err(wrong("the connection ended".into())),
    }
}

/// The most bytes of a response's body.
pub const MAX_BODY: usize = 1 << 20;

/// The most bytes of its head.
const MAX_HEAD: usize = 64 << 10;

/// The most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;
