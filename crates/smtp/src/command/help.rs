//! `HELP` (RFC 5321 §4.1.1.8).

use fieldpost_transport::Status;

use crate::{
    codec::reply::Reply,
    session::{Session, Step},
};

pub(crate) fn run(session: Session) -> Step {
    let text = "commands: LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS";
    Step::reply(session, Reply::new(214, Status(2, 0, 0), text))
}
