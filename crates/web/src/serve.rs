//! Drives one connection: hyper's HTTP/1.1 within our bounds.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::{
    health::Probe,
    respond::{self, Asked},
};

/// Bounds of a connection.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A request's line and headers must have arrived within this; also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// The longest life of a connection, whatever it does.
    pub connection_timeout: Duration,
    /// The most bytes of a request's line and headers.
    pub max_header: usize,
    /// The most headers of a request.
    pub max_headers: usize,
}

/// What all connections share.
pub struct Service {
    /// Asked how the server is.
    pub probe: Arc<dyn Probe>,
    /// Bounds of a connection.
    pub settings: Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            connection_timeout: Duration::from_mins(5),
            max_header: 16 * 1024,
            max_headers: 64,
        }
    }
}

/// Serves one connection to its end. `shutdown` lets the request under way finish and takes no other.
pub async fn serve<I>(io: I, service: Arc<Service>, shutdown: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let settings = service.settings.clone();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(settings.max_header)
        .max_headers(settings.max_headers)
        .half_close(false)
        .serve_connection(
            TokioIo::new(io),
            service_fn(move |request| answer(request, Arc::clone(&service))),
        );
    let mut connection = std::pin::pin!(connection);
    let driven = tokio::time::timeout(settings.connection_timeout, async {
        tokio::select! {
            result = connection.as_mut() => result,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    });
    match driven.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "HTTP connection ended"),
        Err(_) => tracing::debug!("HTTP connection cut at its longest life"),
    }
}

async fn answer(
    request: Request<Incoming>,
    service: Arc<Service>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (asked, keep) = respond::asked(&request);
    Ok(match asked {
        Asked::Live => respond::live(),
        Asked::Ready => respond::ready(&service.probe.health().await),
        Asked::Refused(status) => respond::refused(status, keep),
    })
}

#[cfg(test)]
mod tests;
