//! One request, one response.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, Version,
    header::{self, HeaderMap, HeaderValue},
};

use crate::health::Health;

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// Is the process alive?
    Live,
    /// Does it serve?
    Ready,
    /// Not to be answered with more than a status.
    Refused(StatusCode),
}

/// Decides what a request asks for, and whether the connection may be used for another one.
pub fn asked<B>(request: &Request<B>) -> (Asked, bool) {
    if !names_one_host(request) {
        return (Asked::Refused(StatusCode::BAD_REQUEST), false);
    }
    let body = announces_a_body(request.headers());
    let known = match request.uri().path() {
        "/healthz/live" => Asked::Live,
        "/healthz/ready" => Asked::Ready,
        _ => return (Asked::Refused(StatusCode::NOT_FOUND), !body),
    };
    match *request.method() {
        Method::GET | Method::HEAD if body => {
            (Asked::Refused(StatusCode::PAYLOAD_TOO_LARGE), false)
        }
        Method::GET | Method::HEAD => (known, true),
        _ => (Asked::Refused(StatusCode::METHOD_NOT_ALLOWED), false),
    }
}

/// Whether a request says which host it is for, once (RFC 9112 §3.2).
pub fn names_one_host<B>(request: &Request<B>) -> bool {
    request.version() != Version::HTTP_11
        || request.headers().get_all(header::HOST).iter().count() == 1
}

/// `/healthz/live`: the process answers, that is all it says.
pub fn live() -> Response<Full<Bytes>> {
    response(StatusCode::OK, Bytes::from_static(b"{\"live\":true}\n"))
}

/// `/healthz/ready`: 200, or 503 while the server should be left alone.
pub fn ready(health: &Health) -> Response<Full<Bytes>> {
    let status = if health.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut body = serde_json::to_vec(health).unwrap_or_default();
    body.push(b'\n');
    response(status, body.into())
}

/// Any other answer: the status and its name.
pub fn refused(status: StatusCode, keep: bool) -> Response<Full<Bytes>> {
    let reason = status.canonical_reason().unwrap_or("refused");
    let mut response = response(status, format!("{{\"error\":\"{reason}\"}}\n").into());
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if !keep {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn announces_a_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers
            .get_all(header::CONTENT_LENGTH)
            .iter()
            .any(|length| length.as_bytes() != b"0")
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
