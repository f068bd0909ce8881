//! `PASS string` (RFC 1939 §7), and what every sign-in ends in.

use std::time::{Duration, Instant};

use fieldpost_directory::{Identity, Secret, SignInError};

use crate::{
    codec::{Replies, ResponseCode, Veiled},
    command::user,
    maildrop::{Maildrop, OpenError},
    session::{Authorization, Next, Session, Transaction},
};

pub(crate) async fn answer(
    authorization: Authorization,
    user: Option<String>,
    password: Veiled<'_>,
    replies: &mut Replies<'_>,
) -> Next {
    if !authorization.takes_passwords() {
        user::refuse(replies);
        return authorization.failed(Duration::ZERO);
    }
    let Some(user) = user else {
        replies.err("USER must come first");
        return authorization.failed(Duration::ZERO);
    };
    let password = Secret::new(password.reveal());
    let directory = &authorization.service.directory;
    let result = directory
        .sign_in(&user, password, &authorization.client.sign_in)
        .await;
    match result {
        Ok(identity) => open_maildrop(authorization, &identity, replies).await,
        Err(error) => refuse(authorization, &error, replies),
    }
}

/// Enters the TRANSACTION state, if the maildrop is free.
pub(crate) async fn open_maildrop(
    authorization: Authorization,
    identity: &Identity,
    replies: &mut Replies<'_>,
) -> Next {
    let Authorization {
        service, client, ..
    } = &authorization;
    let maildrop = match Maildrop::open(identity, service).await {
        Ok(maildrop) => maildrop,
        Err(OpenError::InUse) => {
            replies.err_with(
                ResponseCode::InUse,
                "Another session has this maildrop open",
            );
            return authorization.stay();
        }
        Err(OpenError::Mailbox(error)) => {
            let code = if error.is_temporary() {
                ResponseCode::SysTemp
            } else {
                ResponseCode::SysPerm
            };
            tracing::error!(connection = %client.id, account = %identity.account, %error, "the maildrop could not be opened");
            replies.err_with(code, "The maildrop can't be opened");
            return authorization.stay();
        }
    };
    // After the lock: a session that was refused because of another one does not count as a sign-in.
    if !service.admit(identity, Instant::now()) {
        replies.err_with(ResponseCode::LoginDelay, "Signed in too short a time ago");
        return authorization.stay();
    }
    tracing::info!(connection = %client.id, peer = %client.peer, tls = client.tls, user = %identity.address, "signed in by POP3");
    replies.ok(format_args!(
        "Maildrop has {} messages ({} octets)",
        maildrop.count(),
        maildrop.octets()
    ));
    let Authorization {
        service, client, ..
    } = authorization;
    Next::Line(Session::Transaction(Box::new(Transaction {
        service,
        client,
        maildrop,
    })))
}

/// Says why a sign-in failed. `[SYS/TEMP]` keeps a mail program from asking its user for another password (RFC 3206 §4).
pub(crate) fn refuse(
    authorization: Authorization,
    error: &SignInError,
    replies: &mut Replies<'_>,
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
    let code = if error.is_temporary() {
        ResponseCode::SysTemp
    } else {
        ResponseCode::Auth
    };
    replies.err_with(code, error);
    authorization.failed(wait)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Office, pass};

    /// What a client is told says whether another password would help, and no more.
    #[tokio::test]
    async fn a_disabled_account_is_told_to_who_has_the_password_only() {
        let office = Office::open().await;
        office.disable().await;
        let mut client = office.connect().await;
        client.says("USER alice@demo.test", "+OK *").await;
        client
            .says("PASS wrong", "-ERR [AUTH] wrong user name or password")
            .await;
        client.says("USER alice@demo.test", "+OK *").await;
        client
            .says(&pass(), "-ERR [AUTH] this account is disabled")
            .await;
    }

    #[tokio::test]
    async fn name_forms() {
        let office = Office::open().await;
        for name in [
            "alice@demo.test",
            "ALICE@Demo.Test",
            "alice",
            "demo.test\\alice",
        ] {
            let mut client = office.connect().await;
            client.says(&format!("USER {name}"), "+OK *").await;
            client.says(&pass(), "+OK Maildrop has *").await;
            client.quits().await;
        }
    }
}
