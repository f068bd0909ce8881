//! What an authority asks over HTTP before it gives a certificate (RFC 8555 §8.3).

use std::sync::Arc;

use bytes::Bytes;
use fieldpost_web::{Answering, Origin, RequestBody, Route};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    header::{self, HeaderValue},
};

use crate::acme::Challenges;

/// Answers the challenge `http-01`.
pub struct Acme {
    challenges: Arc<Challenges>,
    /// Whether it stands alone, and so answers for all that it does not know.
    alone: bool,
}

impl Acme {
    /// Beside other routes.
    pub fn new(challenges: &Arc<Challenges>) -> Self {
        Self {
            challenges: Arc::clone(challenges),
            alone: false,
        }
    }

    /// The only route there is: of everything else nothing is told.
    pub fn alone(challenges: &Arc<Challenges>) -> Self {
        Self {
            alone: true,
            ..Self::new(challenges)
        }
    }
}

impl Route for Acme {
    fn takes(&self, path: &str) -> bool {
        self.alone || path.starts_with(PREFIX)
    }

    fn answer(self: Arc<Self>, request: Request<RequestBody>, _: Origin) -> Answering {
        let token = request.uri().path().strip_prefix(PREFIX);
        let known = token.and_then(|token| self.challenges.http(token));
        let asks = matches!(*request.method(), Method::GET | Method::HEAD);
        let (status, text) = match known {
            Some(answer) if asks => (StatusCode::OK, answer),
            Some(_) => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
            None => (StatusCode::NOT_FOUND, String::new()),
        };
        let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
        let mut response = Response::new(body.boxed_unsync());
        *response.status_mut() = status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        Box::pin(async { Ok(response) })
    }
}

/// Where it is asked for.
const PREFIX: &str = "/.well-known/acme-challenge/";
