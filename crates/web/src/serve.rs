//! Drives one connection: hyper's HTTP/1.1 within our bounds.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Body, Hangup, Origin, Proxies, Route,
    health::Probe,
    patience::Patience,
    respond::{self, Asked},
};

/// Bounds of a connection.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The first request's line and headers must have arrived within this.
    pub header_timeout: Duration,
    /// The same for each further one, counted from the answer before: so long an idle connection is kept.
    pub idle_timeout: Duration,
    /// How long a client may leave what it is sent waiting.
    pub write_timeout: Duration,
    /// The most bytes of a request's line and headers.
    pub max_header: usize,
    /// The most headers of a request.
    pub max_headers: usize,
}

/// What all connections share.
pub struct Service {
    /// Asked how the server is.
    pub probe: Arc<dyn Probe>,
    /// Who answers what is not asked of us; the first that takes a path.
    pub routes: Vec<Arc<dyn Route>>,
    /// Who may say where a request comes from.
    pub proxies: Proxies,
    /// Bounds of a connection.
    pub settings: Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(2),
            write_timeout: Duration::from_mins(1),
            max_header: 16 * 1024,
            max_headers: 64,
        }
    }
}

/// Serves one connection to its end. `shutdown` lets the request under way finish and takes no other.
pub async fn serve<I>(io: I, origin: Origin, service: Arc<Service>, shutdown: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let settings = service.settings.clone();
    let asked = Arc::new(Notify::new());
    let has_asked = Arc::clone(&asked);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.idle_timeout)
        .max_buf_size(settings.max_header)
        .max_headers(settings.max_headers)
        .half_close(false)
        .serve_connection(
            TokioIo::new(Patience::new(io, settings.write_timeout)),
            service_fn(move |request| {
                asked.notify_one();
                answer(request, origin, Arc::clone(&service))
            }),
        );
    let mut connection = std::pin::pin!(connection);
    let first = async {
        if tokio::time::timeout(settings.header_timeout, has_asked.notified())
            .await
            .is_ok()
        {
            std::future::pending::<()>().await;
        }
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = first => {
            tracing::debug!("HTTP connection without a request");
            return;
        }
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "HTTP connection ended");
    }
}

async fn answer(
    request: Request<Incoming>,
    origin: Origin,
    service: Arc<Service>,
) -> Result<Response<Body>, Hangup> {
    let route = service
        .routes
        .iter()
        .find(|route| route.takes(request.uri().path()));
    if let Some(route) = route {
        if !respond::names_one_host(&request) {
            return Ok(whole(respond::refused(
                hyper::StatusCode::BAD_REQUEST,
                false,
            )));
        }
        let origin = service.proxies.origin(origin, request.headers());
        return route.answer(request, origin).await;
    }
    let (asked, keep) = respond::asked(&request);
    Ok(whole(match asked {
        Asked::Live => respond::live(),
        Asked::Ready => respond::ready(&service.probe.health().await),
        Asked::Refused(status) => respond::refused(status, keep),
    }))
}

fn whole(response: Response<Full<Bytes>>) -> Response<Body> {
    response.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

#[cfg(test)]
mod tests;
