//! `QUIT` (RFC 5321 §4.1.1.10): a transaction under way is dropped.

use fieldpost_transport::Status;

use crate::{
    codec::reply::Reply,
    session::{Context, Session, Step},
};

pub(crate) fn run(cx: &Context<'_>) -> Step {
    let text = format!("{} closing connection", cx.service.settings.hostname);
    Step::reply(Session::Closed, Reply::new(221, Status(2, 0, 0), text))
}
