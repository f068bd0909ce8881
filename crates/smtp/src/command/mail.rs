//! `MAIL` (RFC 5321 §4.1.1.2): begins a transaction.

use fieldpost_transport::{Address, Envelope, Status};

use super::out_of_order;
use crate::{
    codec::{command::MailCommand, reply::Reply},
    message::too_large,
    session::{Context, Ready, Session, Step, Transaction},
    submission::Submission,
};

pub(crate) fn run(session: Session, mail: MailCommand, cx: &Context<'_>) -> Step {
    let ready = match session {
        Session::Ready(ready) => ready,
        other => return out_of_order(other),
    };
    let sender = match sender(&ready, &mail, cx) {
        Ok(sender) => sender,
        Err(reply) => return Step::reply(Session::Ready(ready), reply),
    };
    let limit = cx.service.settings.max_message_size;
    if mail.size.is_some_and(|size| size > limit) {
        return Step::reply(Session::Ready(ready), too_large(limit).into());
    }
    let transaction = Transaction {
        ready,
        envelope: Envelope {
            sender,
            body: mail.body,
            smtp_utf8: mail.smtp_utf8,
            size: mail.size,
            ret: mail.ret,
            envelope_id: mail.envelope_id,
        },
        recipients: Vec::new(),
    };
    Step::reply(
        Session::Transaction(transaction),
        Reply::new(250, Status(2, 1, 0), "sender ok"),
    )
}

/// The envelope's sender, if the client may send this: over LMTP anything, over submission only who has signed in, in a name that he
/// has a right to, and so much an hour (RFC 6409 §4.3, §6.1).
fn sender(ready: &Ready, mail: &MailCommand, cx: &Context<'_>) -> Result<Option<Address>, Reply> {
    let Some(submission) = &cx.service.submission else {
        return Ok(mail.sender.clone());
    };
    let Some(sender) = &ready.sender else {
        let context = Submission::sign_in_context(cx);
        if !submission.directory.takes_passwords(&context) {
            return Err(super::auth::tls_first());
        }
        return Err(Reply::new(530, Status(5, 7, 0), "sign in first"));
    };
    submission.is_still_allowed(sender)?;
    // The null reverse-path is that of receipts (RFC 8098 §3).
    let address = match &mail.sender {
        Some(address) => Some(cx.service.transport.return_address(sender, address)?),
        None => None,
    };
    submission.count_message(sender)?;
    Ok(address)
}
