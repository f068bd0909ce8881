//! `AUTH` (RFC 4954): the mechanisms are the directory's, the framing is here.

use std::{sync::Arc, time::Duration};

use fieldpost_connection::Line;
use fieldpost_directory::{
    SignInError,
    sasl::{self, Exchange, InvalidBase64, Step as SaslStep},
};
use fieldpost_transport::Status;
use zeroize::Zeroizing;

use super::out_of_order;
use crate::{
    codec::{command::AuthCommand, reply::Reply},
    session::{Context, Ready, Session, Step},
    submission::Submission,
};

/// A SASL exchange under way.
#[derive(Debug)]
pub struct Authenticating {
    ready: Ready,
    exchange: Exchange,
}

pub(crate) async fn run(session: Session, auth: AuthCommand, cx: &Context<'_>) -> Step {
    let Some(submission) = &cx.service.submission else {
        return out_of_order(session);
    };
    let ready = match session {
        Session::Ready(ready) if ready.sender.is_none() => ready,
        // RFC 4954 §4: once a session, and not within a transaction.
        Session::Ready(ready) => {
            let reply = Reply::out_of_order("you have signed in already");
            return Step::reply(Session::Ready(ready), reply);
        }
        other => return out_of_order(other),
    };
    let context = Submission::sign_in_context(cx);
    if !submission.directory.takes_passwords(&context) {
        return Step::reply(Session::Ready(ready), tls_first());
    }
    let initial = auth
        .initial
        .map(|text| sasl::decode_initial(&text).map(Zeroizing::new));
    let Ok(initial) = initial.transpose() else {
        return failed(ready, not_base64());
    };
    let initial = initial.as_ref().map(|message| &message[..]);
    let step = Exchange::start(&submission.directory, &auth.mechanism, initial, context).await;
    after(ready, step)
}

impl Authenticating {
    /// Takes the client's response to a challenge.
    pub(crate) async fn response(self, line: Line) -> Step {
        let Self { ready, exchange } = self;
        let line = match line {
            Line::Complete(line) => line,
            Line::TooLong(_) => {
                return failed(ready, Reply::new(500, Status(5, 5, 6), "response too long"));
            }
        };
        if sasl::is_cancel(&line) {
            let reply = Reply::new(501, Status(5, 7, 0), "sign-in cancelled");
            return failed(ready, reply);
        }
        let response = match sasl::decode(&line) {
            Ok(response) => Zeroizing::new(response),
            Err(InvalidBase64) => return failed(ready, not_base64()),
        };
        after(ready, exchange.step(&response).await)
    }
}

fn after(mut ready: Ready, step: SaslStep) -> Step {
    match step {
        SaslStep::Challenge(exchange, challenge) => Step::reply(
            Session::Authenticating(Box::new(Authenticating { ready, exchange })),
            Reply::plain(334, sasl::encode(&challenge)),
        ),
        SaslStep::Done(identity) => {
            tracing::info!(account = %identity.account, "signed in to send");
            ready.sender = Some(Arc::new(identity));
            let reply = Reply::new(235, Status(2, 7, 0), "signed in");
            Step::reply(Session::Ready(ready), reply)
        }
        SaslStep::Failed(error) => {
            let wait = match &error {
                SignInError::WrongCredentials { wait } => *wait,
                _ => Duration::ZERO,
            };
            Step {
                wait: wait.min(LONGEST_HOLD),
                ..failed(ready, refusal(&error))
            }
        }
    }
}

/// A sign-in that came to nothing counts: too many end the connection.
fn failed(ready: Ready, reply: Reply) -> Step {
    Step {
        failed_sign_in: true,
        ..Step::reply(Session::Ready(ready), reply)
    }
}

/// The replies of RFC 4954 §6.
fn refusal(error: &SignInError) -> Reply {
    let (code, status) = match error {
        SignInError::WrongCredentials { .. } => (535, Status(5, 7, 8)),
        SignInError::Disabled | SignInError::ProtocolNotAllowed => (535, Status(5, 7, 13)),
        SignInError::TryLater { .. } | SignInError::Busy(_) | SignInError::Unavailable(_) => {
            (454, Status(4, 7, 0))
        }
        SignInError::NotSecure => (538, Status(5, 7, 11)),
        SignInError::MechanismNotAllowed => (504, Status(5, 5, 4)),
        SignInError::Malformed => (501, Status(5, 5, 2)),
        SignInError::Cancelled => (501, Status(5, 7, 0)),
    };
    Reply::new(code, status, error.to_string())
}

fn not_base64() -> Reply {
    Reply::new(501, Status(5, 5, 2), "the response is no base64")
}

/// RFC 3207 §4; no password is taken over a connection that others can read.
pub(crate) fn tls_first() -> Reply {
    Reply::new(530, Status(5, 7, 0), "say STARTTLS first")
}

/// How long the reply to a refused sign-in is held back at most.
const LONGEST_HOLD: Duration = Duration::from_secs(4);
