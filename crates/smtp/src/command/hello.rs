//! `LHLO` (RFC 2033 §4.1), `EHLO` and `HELO` (RFC 5321 §4.1.1.1): the client says its name, we say what we can do. Each drops a
//! transaction under way (RFC 5321 §4.1.4); who has signed in stays so.

use std::fmt::Write as _;

use crate::{
    codec::{command::ClientName, reply::Reply},
    session::{Context, Ready, Session, Step},
};

pub(crate) fn lhlo(client: ClientName, cx: &Context<'_>) -> Step {
    let ready = Ready {
        client,
        sender: None,
    };
    Step::reply(Session::Ready(ready), Reply::plain(250, extensions(cx)))
}

pub(crate) fn ehlo(session: Session, client: ClientName, cx: &Context<'_>) -> Step {
    let mut text = extensions(cx);
    // Writing to a String does not fail.
    let _ = write!(
        text,
        "\nDSN\nLIMITS RCPTMAX={}",
        cx.service.settings.max_recipients
    );
    let ready = ready(session, client);
    if let (Some(submission), None) = (&cx.service.submission, &ready.sender) {
        let mechanisms = submission.mechanisms(cx);
        if !mechanisms.is_empty() {
            let _ = write!(text, "\nAUTH {}", mechanisms.join(" "));
        }
    }
    Step::reply(Session::Ready(ready), Reply::plain(250, text))
}

pub(crate) fn helo(session: Session, client: ClientName, cx: &Context<'_>) -> Step {
    let text = cx.service.settings.hostname.clone();
    Step::reply(
        Session::Ready(ready(session, client)),
        Reply::plain(250, text),
    )
}

/// The hello of the other dialect: a server of LMTP must not pass for one of SMTP (RFC 2033 §4.1), nor the other way round.
pub(crate) fn refuse(session: Session, cx: &Context<'_>) -> Step {
    let text = match cx.service.submission {
        Some(_) => "this is SMTP, say EHLO",
        None => "this is LMTP, say LHLO",
    };
    Step::reply(session, Reply::plain(500, text))
}

fn extensions(cx: &Context<'_>) -> String {
    let settings = &cx.service.settings;
    let mut text = format!(
        "{}\nPIPELINING\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nSIZE {}",
        settings.hostname, settings.max_message_size
    );
    if cx.can_start_tls {
        text.push_str("\nSTARTTLS");
    }
    text
}

fn ready(session: Session, client: ClientName) -> Ready {
    let sender = match session.reset() {
        Session::Ready(ready) => ready.sender,
        Session::Greeted
        | Session::Authenticating(_)
        | Session::Transaction(_)
        | Session::Data(_)
        | Session::Chunk(_)
        | Session::Chunked(_)
        | Session::Delivering(_)
        | Session::StartingTls
        | Session::Closed => None,
    };
    Ready { client, sender }
}
