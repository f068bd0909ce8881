//! `RSET` (RFC 5321 §4.1.1.5): drops the transaction.

use fieldpost_transport::Status;

use crate::{
    codec::reply::Reply,
    session::{Session, Step},
};

pub(crate) fn run(session: Session) -> Step {
    Step::reply(session.reset(), Reply::new(250, Status(2, 0, 0), "ok"))
}
