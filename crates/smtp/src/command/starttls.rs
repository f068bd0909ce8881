//! `STARTTLS` (RFC 3207): TLS from here on, and nothing known of the client from before (§4.2).

use fieldpost_transport::Status;

use super::out_of_order;
use crate::{
    codec::reply::Reply,
    session::{Context, Session, Step},
};

pub(crate) fn run(session: Session, cx: &Context<'_>) -> Step {
    if !cx.can_start_tls {
        let reply = Reply::new(502, Status(5, 5, 1), "STARTTLS is not available here");
        return Step::reply(session, reply);
    }
    match session {
        // CVE-2021-33515: what follows the command in the clear must not be read as if it had come through TLS. No
        // honest client sends it, so the connection ends.
        Session::Ready(_) if cx.pipelined => Step::reply(
            Session::Closed,
            Reply::new(
                554,
                Status(5, 5, 1),
                "nothing may follow STARTTLS in the clear",
            ),
        ),
        Session::Ready(_) => Step::reply(
            Session::StartingTls,
            Reply::new(220, Status(2, 0, 0), "ready to start TLS"),
        ),
        other => out_of_order(other),
    }
}
