//! `MAIL` (RFC 5321 §4.1.1.2): begins a transaction.

use fieldpost_transport::{Envelope, Status};

use super::out_of_order;
use crate::{
    codec::{command::MailCommand, reply::Reply},
    message::too_large,
    session::{Context, Session, Step, Transaction},
};

pub(crate) fn run(session: Session, mail: MailCommand, cx: &Context<'_>) -> Step {
    let ready = match session {
        Session::Ready(ready) => ready,
        other => return out_of_order(other),
    };
    let limit = cx.service.settings.max_message_size;
    if mail.size.is_some_and(|size| size > limit) {
        return Step::reply(Session::Ready(ready), too_large(limit).into());
    }
    let transaction = Transaction {
        client: ready.client,
        envelope: Envelope {
            sender: mail.sender,
            body: mail.body,
            smtp_utf8: mail.smtp_utf8,
            size: mail.size,
            ..Envelope::default()
        },
        recipients: Vec::new(),
    };
    Step::reply(
        Session::Transaction(transaction),
        Reply::new(250, Status(2, 1, 0), "sender ok"),
    )
}
