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
        Err(OpenError::NoFolder) => {
            let folder = service.settings.folder.join("/");
            tracing::warn!(connection = %client.id, account = %identity.account, %folder, "there is no such folder for POP3");
            replies.err_with(
                ResponseCode::SysPerm,
                format_args!("There is no folder {folder}"),
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
    use crate::{
        Serve,
        testing::{Office, message, pass},
    };

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

    #[tokio::test]
    async fn another_folder_than_the_inbox() {
        let office = Office::with(|settings| settings.folder = vec!["Scans".to_owned()]).await;
        office.deliver(&message("inbox", 10)).await;
        let mut client = office.connect().await;
        client.says("USER alice@demo.test", "+OK *").await;
        client
            .says(&pass(), "-ERR [SYS/PERM] There is no folder Scans")
            .await;
        let text = message("scan", 10);
        office.deliver_to("Scans", &text).await;
        client.signs_in().await;
        client.says("STAT", &format!("+OK 1 {}", text.len())).await;
        assert_eq!(client.asks_message("RETR 1").await.1, text);
        client.says("DELE 1", "+OK *").await;
        client.quits().await;
        assert_eq!(office.inbox().await.len(), 1);
        office.signed_in().await.says("STAT", "+OK 0 0").await;
    }

    #[tokio::test]
    async fn only_what_is_unseen_where_the_setting_says_so() {
        let office = Office::with(|settings| settings.serve = Serve::Unseen).await;
        let texts: Vec<_> = ["one", "two", "three", "four"]
            .into_iter()
            .map(|subject| message(subject, 10 * subject.len()))
            .collect();
        for text in &texts {
            office.deliver(text).await;
        }
        office.read(1).await;
        office.read(3).await;
        let mut client = office.signed_in().await;
        let octets = texts[1].len() + texts[3].len();
        client.says("STAT", &format!("+OK 2 {octets}")).await;
        let ids = client.asks_lines("UIDL").await;
        assert_eq!(ids.len(), 2);
        assert!(ids[0].ends_with(".00000002") && ids[1].ends_with(".00000004"));
        let lines = client.asks_lines("LIST").await;
        assert_eq!(lines[1], format!("2 {}", texts[3].len()));
        client
            .says("RETR 3", "-ERR No such message, only 2 in maildrop")
            .await;
        assert_eq!(client.asks_message("RETR 1").await.1, texts[1]);
        client.says("DELE 2", "+OK *").await;
        client.says("RSET", "+OK *").await;
        client.says("STAT", &format!("+OK 2 {octets}")).await;
        client.says("DELE 2", "+OK *").await;
        client.quits().await;
        let left: Vec<_> = office.inbox().await.iter().map(|row| row.uid).collect();
        assert_eq!(left, [1, 2, 3]);
        // What was fetched is read by now.
        office.signed_in().await.says("STAT", "+OK 0 0").await;
    }
}
