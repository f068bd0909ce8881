//! `VRFY` (RFC 5321 §3.5.3): neither confirmed nor denied; RCPT tells who exists.

use fieldpost_transport::Status;

use crate::{
    codec::reply::Reply,
    session::{Session, Step},
};

pub(crate) fn run(session: Session) -> Step {
    let reply = Reply::new(252, Status(2, 5, 0), "can't verify here, try RCPT");
    Step::reply(session, reply)
}
