//! Drives one connection: hyper's HTTP/1.1 within our bounds.

use std::{
    future::{poll_fn, ready},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Answering, Body, Hangup, Origin, Proxies, RequestBody, Route,
    health::Probe,
    patience::Patience,
    respond::{self, Asked},
    waiting::{Current, Head, Resumed},
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
    let mut io = Resumed::new(Patience::new(io, service.settings.write_timeout));
    let mut ready = None;
    loop {
        // Boxed: its room is given back while an answer is waited for.
        let driven = Box::pin(drive(io, ready.take(), origin, &service, &shutdown)).await;
        let Some((resumed, head, mut answering)) = driven else {
            return;
        };
        io = resumed;
        let limit = service.settings.max_header;
        let Some(answer) = io.wait(&mut answering, limit).await else {
            tracing::debug!("the client went away from an answer that it waited for");
            return;
        };
        drop(answering);
        ready = Some(answer);
        io.ask_again(head, shutdown.is_cancelled());
    }
}

/// Drives HTTP until the connection ends, or until an answer takes its time: then with the stream and what makes the
/// answer. `ready` is the answer to the first request.
async fn drive<I>(
    io: Resumed<I>,
    ready: Option<Result<Response<Body>, Hangup>>,
    origin: Origin,
    service: &Arc<Service>,
    shutdown: &CancellationToken,
) -> Option<(Resumed<I>, Head, Answering)>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let settings = &service.settings;
    let asked = Arc::new(Notify::new());
    let has_asked = Arc::clone(&asked);
    let current = Arc::new(Current::default());
    let is_at = Arc::clone(&current);
    let is_resumed = ready.is_some();
    let ready = Mutex::new(ready);
    let resumed = Arc::new(Notify::new());
    let has_resumed = Arc::clone(&resumed);
    let service = Arc::clone(service);
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.idle_timeout)
        .max_buf_size(settings.max_header)
        .max_headers(settings.max_headers)
        .half_close(false)
        .serve_connection(
            TokioIo::new(io),
            service_fn(move |request| {
                asked.notify_one();
                let mut ready = ready.lock().take();
                if ready.is_some() {
                    resumed.notify_one();
                } else {
                    let service = Arc::clone(&service);
                    is_at.begin(request, |request| answer(request, origin, &service));
                }
                let is_at = Arc::clone(&is_at);
                poll_fn(move |cx| match ready.take() {
                    Some(ready) => Poll::Ready(ready),
                    None => is_at.poll(cx),
                })
            }),
        );
    let first = async {
        if tokio::time::timeout(settings.header_timeout, has_asked.notified())
            .await
            .is_ok()
        {
            std::future::pending::<()>().await;
        }
    };
    // A machine that has not read its first head takes a drain for its end, and the answer would be lost.
    let drained = async {
        if is_resumed {
            has_resumed.notified().await;
        }
        shutdown.cancelled().await;
    };
    let result = tokio::select! {
        result = &mut connection => result,
        (head, answering) = current.takes_its_time() => {
            let parts = connection.into_parts();
            let mut io = parts.io.into_inner();
            io.unread(&parts.read_buf);
            return Some((io, head, answering));
        }
        () = first => {
            tracing::debug!("HTTP connection without a request");
            return None;
        }
        () = drained => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "HTTP connection ended");
    }
    None
}

fn answer(request: Request<RequestBody>, origin: Origin, service: &Arc<Service>) -> Answering {
    let route = service
        .routes
        .iter()
        .find(|route| route.takes(request.uri().path()));
    if let Some(route) = route {
        if !respond::names_one_host(&request) {
            let refused = respond::refused(hyper::StatusCode::BAD_REQUEST, false);
            return Box::pin(ready(Ok(whole(refused))));
        }
        let origin = service.proxies.origin(origin, request.headers());
        // Nothing around it: what waits is that alone.
        return Arc::clone(route).answer(request, origin);
    }
    let (asked, keep) = respond::asked(&request);
    let probe = Arc::clone(&service.probe);
    Box::pin(async move {
        Ok(whole(match asked {
            Asked::Live => respond::live(),
            Asked::Ready => respond::ready(&probe.health().await),
            Asked::Refused(status) => respond::refused(status, keep),
        }))
    })
}

fn whole(response: Response<Full<Bytes>>) -> Response<Body> {
    response.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

#[cfg(test)]
mod tests;
