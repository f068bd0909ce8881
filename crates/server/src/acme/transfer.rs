//! The requests of `instant-acme` go out by our own client: bounded, by `ring`, with the authorities that `[acme]` names.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, header};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient as AcmeClient};
use parking_lot::Mutex;

use crate::http_client::HttpClient;

/// Sends requests, and notes how long the authority last asked to be left alone.
#[derive(Clone)]
pub struct Transfer {
    client: HttpClient,
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl Transfer {
    /// Requests by `client`.
    pub fn new(client: HttpClient) -> Self {
        Self {
            client,
            retry_after: Arc::default(),
        }
    }

    /// How long the last refusal asks to be left alone (RFC 8555 §6.6); told once.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after.lock().take()
    }
}

impl AcmeClient for Transfer {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let response = this.client.send(request).await;
            let response = response.map_err(|error| Error::Other(error.into()))?;
            if response.status().is_client_error() || response.status().is_server_error() {
                *this.retry_after.lock() = seconds(&response);
            }
            Ok(BytesResponse::from(response.map(Full::new)))
        })
    }
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3); the form with a date is not used by authorities for refusals.
fn seconds(response: &Response<Bytes>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?;
    value
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}
