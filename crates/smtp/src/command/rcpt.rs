//! `RCPT` (RFC 5321 §4.1.1.3): names a recipient. Whether it exists is told here already.

use fieldpost_transport::{Addressee, Destination, Refusal, Status};

use super::out_of_order;
use crate::{
    codec::{
        command::{CommandError, RcptCommand},
        reply::Reply,
    },
    session::{Context, Session, Step, Transaction},
};

pub(crate) fn run(session: Session, rcpt: RcptCommand, cx: &Context<'_>) -> Step {
    let mut transaction = match session {
        Session::Transaction(transaction) => transaction,
        other => return out_of_order(other),
    };
    let settings = &cx.service.settings;
    let reply = if transaction.recipients.len() >= settings.max_recipients {
        // RFC 5321 §4.5.3.1.10: the client sends the rest in another transaction.
        Reply::new(452, Status(4, 5, 3), "too many recipients")
    } else if !transaction.envelope.smtp_utf8 && !rcpt.address.is_ascii() {
        CommandError::NeedsSmtpUtf8.into()
    } else {
        match destination(&transaction, &rcpt, cx) {
            Ok(destination) => {
                transaction.recipients.push(Addressee {
                    address: rcpt.address,
                    destination,
                    original: rcpt.original,
                    notify: rcpt.notify,
                });
                Reply::new(250, Status(2, 1, 5), "recipient ok")
            }
            Err(reply) => reply,
        }
    };
    Step::reply(Session::Transaction(transaction), reply)
}

/// Where the recipient is: over LMTP one of ours, over submission anywhere, so many an hour.
fn destination(
    transaction: &Transaction,
    rcpt: &RcptCommand,
    cx: &Context<'_>,
) -> Result<Destination, Reply> {
    let transport = &cx.service.transport;
    let from = transaction.envelope.sender.as_ref();
    let found = match (&cx.service.submission, &transaction.ready.sender) {
        (Some(submission), Some(sender)) => {
            let found = transport.destination(&rcpt.address, from);
            match &found {
                Ok(Destination::Group(group)) => {
                    submission.count_recipient(sender, transport.members_elsewhere(group))?;
                }
                Ok(Destination::Local(_) | Destination::Remote(_)) => {
                    submission.count_recipient(sender, 0)?;
                }
                Err(_) => {}
            }
            found
        }
        // MAIL lets nobody else come this far.
        (Some(_), None) => Err(Refusal::temporary()),
        (None, _) => transport.inbound(&rcpt.address, from),
    };
    found.map_err(Reply::from)
}
