//! `RCPT` (RFC 5321 §4.1.1.3): names a recipient. Whether it exists is told here already.

use fieldpost_transport::{Address, Status};

use super::out_of_order;
use crate::{
    codec::{command::CommandError, reply::Reply},
    session::{Context, Session, Step},
};

pub(crate) fn run(session: Session, address: Address, cx: &Context<'_>) -> Step {
    let mut transaction = match session {
        Session::Transaction(transaction) => transaction,
        other => return out_of_order(other),
    };
    let settings = &cx.service.settings;
    let reply = if transaction.recipients.len() >= settings.max_recipients {
        // RFC 5321 §4.5.3.1.10: the client sends the rest in another transaction.
        Reply::new(452, Status(4, 5, 3), "too many recipients")
    } else if !transaction.envelope.smtp_utf8 && !address.is_ascii() {
        CommandError::NeedsSmtpUtf8.into()
    } else {
        match cx.service.transport.recipient(&address) {
            Ok(recipient) => {
                transaction.recipients.push(recipient);
                Reply::new(250, Status(2, 1, 5), "recipient ok")
            }
            Err(refusal) => refusal.into(),
        }
    };
    Step::reply(Session::Transaction(transaction), reply)
}
