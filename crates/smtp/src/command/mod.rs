//! The commands, one a file. Each takes the session as it stands and returns the next state and the reply.

pub(crate) mod auth;
pub(crate) mod bdat;
pub(crate) mod data;
pub(crate) mod hello;
pub(crate) mod help;
pub(crate) mod mail;
pub(crate) mod noop;
pub(crate) mod quit;
pub(crate) mod rcpt;
pub(crate) mod rset;
pub(crate) mod starttls;
pub(crate) mod vrfy;

use crate::{
    codec::reply::Reply,
    session::{Session, Step},
};

/// The command comes at the wrong moment; nothing changes.
fn out_of_order(session: Session) -> Step {
    let text = match &session {
        Session::Greeted => "say hello first",
        Session::Ready(_) => "say MAIL first",
        Session::Transaction(transaction) if transaction.recipients.is_empty() => {
            "no valid recipients"
        }
        Session::Transaction(_) => "a transaction is under way",
        Session::Chunked(_) => "BDAT or RSET must follow BDAT",
        Session::Data(_)
        | Session::Chunk(_)
        | Session::Authenticating(_)
        | Session::Delivering(_)
        | Session::StartingTls
        | Session::Closed => "not now",
    };
    Step::reply(session, Reply::out_of_order(text))
}
