//! `DATA` (RFC 5321 §4.1.1.4): the message follows, up to a dot on a line of its own.

use super::out_of_order;
use crate::{
    codec::{data::Framing, reply::Reply},
    message::Message,
    session::{Context, Session, Step},
};

pub(crate) async fn run(session: Session, cx: &Context<'_>) -> Step {
    match session {
        // RFC 2033 §4.2: without a valid recipient, 503.
        Session::Transaction(transaction) if !transaction.recipients.is_empty() => {
            let message = Message::begin(transaction, Framing::Dot, cx).await;
            Step::reply(
                Session::Data(message),
                Reply::plain(354, "send the message, end it with a dot"),
            )
        }
        other => out_of_order(other),
    }
}
