//! `CAPA` (RFC 2449 §5): what this server can do. The same list before and after sign-in, but for the name of the software, which is for
//! users only.

use fieldpost_directory::sasl::Mechanism;

use crate::{Expire, Service, codec::Replies, session::Client};

pub(crate) fn answer(
    service: &Service,
    client: &Client,
    signed_in: bool,
    replies: &mut Replies<'_>,
) {
    replies.ok("Capability list follows");
    for capability in [
        "TOP",
        "UIDL",
        "RESP-CODES",
        "AUTH-RESP-CODE",
        "PIPELINING",
        "UTF8 USER",
        "LANG",
    ] {
        replies.line(capability);
    }
    match service.settings.expire {
        Expire::Never => replies.line("EXPIRE NEVER"),
        Expire::Days(days) => replies.line(format_args!("EXPIRE {days}")),
    }
    let delay = service.settings.login_delay.as_secs();
    if delay > 0 {
        replies.line(format_args!("LOGIN-DELAY {delay}"));
    }
    if client.can_start_tls {
        replies.line("STLS");
    }
    if service.directory.takes_passwords(&client.sign_in) {
        replies.line("USER");
    }
    let mechanisms = service.directory.mechanisms(&client.sign_in);
    if !mechanisms.is_empty() {
        let names: Vec<_> = mechanisms.into_iter().map(Mechanism::name).collect();
        replies.line(format_args!("SASL {}", names.join(" ")));
    }
    if signed_in {
        replies.line(concat!(
            "IMPLEMENTATION fieldpost-",
            env!("CARGO_PKG_VERSION")
        ));
    }
    replies.end();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::testing::{Office, pass};

    #[tokio::test]
    async fn the_software_is_named_after_sign_in_only() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        let before = client.asks_lines("CAPA").await;
        for capability in [
            "TOP",
            "UIDL",
            "RESP-CODES",
            "AUTH-RESP-CODE",
            "PIPELINING",
            "EXPIRE NEVER",
            "USER",
        ] {
            assert!(
                before.contains(&capability.to_owned()),
                "{capability} in {before:?}"
            );
        }
        assert!(
            before
                .iter()
                .any(|line| line.starts_with("SASL ") && line.contains("SCRAM-SHA-256"))
        );
        assert!(
            !before
                .iter()
                .any(|line| line.starts_with("IMPLEMENTATION") || line == "STLS")
        );
        client.signs_in().await;
        let after = client.asks_lines("CAPA").await;
        assert_eq!(after[..before.len()], before);
        assert!(after[before.len()].starts_with("IMPLEMENTATION fieldpost-"));
    }

    #[tokio::test]
    async fn between_user_and_pass() {
        let office = Office::open().await;
        let mut client = office.connect().await;
        client.says("USER alice@demo.test", "+OK *").await;
        client.asks_lines("CAPA").await;
        client.says(&pass(), "+OK *").await;
    }

    #[tokio::test]
    async fn the_login_delay_is_told() {
        let office = Office::with(|settings| settings.login_delay = Duration::from_secs(30)).await;
        let lines = office.connect().await.asks_lines("CAPA").await;
        assert!(lines.contains(&"LOGIN-DELAY 30".to_owned()));
    }
}
