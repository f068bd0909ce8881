//! `HELP` (RFC 5321 §4.1.1.8).

use fieldpost_transport::Status;

use crate::{
    codec::reply::Reply,
    session::{Context, Session, Step},
};

pub(crate) fn run(session: Session, cx: &Context<'_>) -> Step {
    let text = match cx.service.submission {
        Some(_) => "commands: EHLO HELO AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS",
        None => "commands: LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS",
    };
    Step::reply(session, Reply::new(214, Status(2, 0, 0), text))
}
