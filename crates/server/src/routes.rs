//! Joins the front-ends over HTTP to the connections of [`fieldpost_web`], one adaptor each.

mod acme;
mod autoconfig;
mod signature;

use std::sync::Arc;

use fieldpost_activesync as activesync;
use fieldpost_web::{Answering, Hangup, Origin, RequestBody, Route};
use http_body_util::BodyExt as _;
use hyper::Request;

pub use acme::Acme;
pub use autoconfig::Autoconfig;

/// ActiveSync.
pub struct ActiveSync(pub Arc<activesync::Service>);

impl Route for ActiveSync {
    fn takes(&self, path: &str) -> bool {
        activesync::Service::is_mine(path)
    }

    fn answer(self: Arc<Self>, request: Request<RequestBody>, origin: Origin) -> Answering {
        let origin = activesync::Origin {
            peer: origin.peer,
            secure: origin.secure,
            connection: origin.connection,
        };
        Box::pin(async move {
            let response = self.0.handle(request, origin).await;
            let response = response.map_err(|activesync::Ended| Hangup)?;
            Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
        })
    }
}
