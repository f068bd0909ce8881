//! `LHLO` (RFC 2033 §4.1): the client says its name, we say what we can do. Drops a transaction under way
//! (RFC 5321 §4.1.4).

use crate::{
    codec::{command::ClientName, reply::Reply},
    session::{Context, Ready, Session, Step},
};

pub(crate) fn run(client: ClientName, cx: &Context<'_>) -> Step {
    let settings = &cx.service.settings;
    let mut text = format!(
        "{}\nPIPELINING\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nSIZE {}",
        settings.hostname, settings.max_message_size
    );
    if cx.can_start_tls {
        text.push_str("\nSTARTTLS");
    }
    Step::reply(Session::Ready(Ready { client }), Reply::plain(250, text))
}

/// `HELO` and `EHLO`: a server of LMTP must not pass for one of SMTP (RFC 2033 §4.1).
pub(crate) fn refuse(session: Session) -> Step {
    Step::reply(session, Reply::plain(500, "this is LMTP, say LHLO"))
}
