//! `LOGIN` (RFC 9051 §6.2.3), and what every sign-in ends in.

use std::time::Duration;

use fieldpost_directory::{Identity, Secret, SignInError};

use crate::{
    answer::Answer,
    codec::{
        request::{Tag, Veiled},
        response::{Code, Status},
    },
    command::capability,
    output::Output,
    session::{Next, NotAuthenticated, Session, finish},
    user::{Enabled, User},
};

pub(crate) async fn answer(
    state: Box<NotAuthenticated>,
    tag: Tag,
    user: &[u8],
    password: Veiled,
    output: &mut Output<'_>,
) -> Next {
    if !state.takes_passwords() {
        let text = "Passwords are only taken over TLS: use STARTTLS or the TLS port";
        finish(&tag, Answer::no(Code::PrivacyRequired, text), output);
        return state.failed(Duration::ZERO, output);
    }
    let password = Secret::new(&password.0[..]);
    let directory = &state.service.directory;
    match directory
        .sign_in(user, password, &state.client.sign_in)
        .await
    {
        Ok(identity) => enter(state, tag, identity, output).await,
        Err(error) => refuse(state, &tag, &error, output),
    }
}

/// Enters the authenticated state.
pub(crate) async fn enter(
    state: Box<NotAuthenticated>,
    tag: Tag,
    identity: Identity,
    output: &mut Output<'_>,
) -> Next {
    let service = &state.service;
    let Some(place) = service.admit(identity.account.0) else {
        tracing::warn!(connection = %state.client.id, peer = %state.client.peer, user = %identity.address, "too many IMAP connections");
        let most = service.settings.connections_per_account;
        let text = format!(
            "This account has {most} connections already; close some, or have connections_per_account in the server's [imap] section raised"
        );
        finish(&tag, Answer::no(Code::Limit, text), output);
        return Next::Go(Session::NotAuthenticated(state));
    };
    let mailbox = match service.mailboxes.open(identity.account).await {
        Ok(mailbox) => mailbox,
        Err(error) => {
            tracing::error!(connection = %state.client.id, account = %identity.account, %error, "the mailbox could not be opened");
            let code = if error.is_temporary() {
                Code::Unavailable
            } else {
                Code::ServerBug
            };
            finish(
                &tag,
                Answer::no(code, "The mailbox can't be opened"),
                output,
            );
            return Next::Go(Session::NotAuthenticated(state));
        }
    };
    tracing::info!(connection = %state.client.id, peer = %state.client.peer, tls = state.client.tls, user = %identity.address, "signed in by IMAP");
    let NotAuthenticated {
        service, client, ..
    } = *state;
    let user = Box::new(User {
        service,
        client,
        mailbox,
        enabled: Enabled::default(),
        bad_commands: 0,
        _place: place,
    });
    // In the OK itself: clients that see it need not ask again.
    let list = capability::offered_after(&user);
    output
        .replies()
        .tagged(&tag, Status::Ok, Some(Code::Capability(&list)), "Signed in");
    Next::Go(Session::Authenticated(user))
}

/// Says why a sign-in failed (RFC 5530). `[UNAVAILABLE]` keeps a mail program from asking its user for another password.
pub(crate) fn refuse(
    state: Box<NotAuthenticated>,
    tag: &Tag,
    error: &SignInError,
    output: &mut Output<'_>,
) -> Next {
    let wait = match error {
        SignInError::WrongCredentials { wait } | SignInError::TryLater { wait } => *wait,
        SignInError::Disabled
        | SignInError::ProtocolNotAllowed
        | SignInError::Busy(_)
        | SignInError::Unavailable(_)
        | SignInError::NotSecure
        | SignInError::MechanismNotAllowed
        | SignInError::Malformed
        | SignInError::Cancelled => Duration::ZERO,
    };
    let answer = match error {
        SignInError::WrongCredentials { .. } => {
            Answer::no(Code::AuthenticationFailed, error.to_string())
        }
        SignInError::Disabled | SignInError::ProtocolNotAllowed => {
            Answer::no(Code::AuthorizationFailed, error.to_string())
        }
        SignInError::NotSecure => Answer::no(Code::PrivacyRequired, error.to_string()),
        SignInError::TryLater { .. } | SignInError::Busy(_) | SignInError::Unavailable(_) => {
            Answer::no(Code::Unavailable, error.to_string())
        }
        SignInError::MechanismNotAllowed => Answer::no(Code::Cannot, error.to_string()),
        // RFC 9051 §6.2.2: an exchange that the client ends, or that makes no sense, is BAD.
        SignInError::Malformed => Answer::bad("Malformed authentication exchange"),
        SignInError::Cancelled => Answer::bad("Authentication cancelled"),
    };
    finish(tag, answer, output);
    state.failed(wait, output)
}
