//! `USER name` (RFC 1939 §7). The answer is the same whether there is such a user or not: only PASS asks.

use std::time::Duration;

use crate::{
    codec::{Replies, ResponseCode},
    session::{Authorization, Next},
};

pub(crate) fn answer(
    mut authorization: Authorization,
    name: &str,
    replies: &mut Replies<'_>,
) -> Next {
    if !authorization.takes_passwords() {
        refuse(replies);
        return authorization.failed(Duration::ZERO);
    }
    authorization.user = Some(name.to_owned());
    replies.ok("Password, please");
    authorization.stay()
}

/// Fault 3: told before a password is sent, where the client waits for the answer to USER.
pub(crate) fn refuse(replies: &mut Replies<'_>) {
    replies.err_with(
        ResponseCode::Auth,
        "Passwords are taken over TLS only; use STLS first",
    );
}

#[cfg(test)]
mod tests {
    use crate::testing::{NETWORK, Office, pass};

    #[tokio::test]
    async fn unknown_and_known_users_are_answered_alike() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        let known = client.asks("USER alice@demo.test").await;
        assert_eq!(client.asks("USER nobody@demo.test").await, known);
        let refused = client.asks("PASS wrong").await;
        client.asks("USER alice@demo.test").await;
        assert_eq!(client.asks("PASS wrong").await, refused);
        assert!(refused.starts_with("-ERR [AUTH] "), "{refused}");
    }

    /// Fault 3: plaintext sign-in off loopback, refused before the password is read.
    #[tokio::test]
    async fn fault_3_no_password_in_the_clear_from_the_network() {
        let office = Office::open().await;
        let mut client = office.connect_from(NETWORK).await;
        let lines = client.asks_lines("CAPA").await;
        assert!(
            !lines
                .iter()
                .any(|line| line == "USER" || line.contains("PLAIN")),
            "{lines:?}"
        );
        for command in ["USER alice@demo.test", &pass(), "AUTH PLAIN", "AUTH LOGIN"] {
            client.says(command, "-ERR *").await;
        }
    }
}
