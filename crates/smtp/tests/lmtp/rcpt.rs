//! RCPT.

use fieldpost_directory::AccountUpdate;
use fieldpost_smtp::Settings;
use fieldpost_transport::DisabledAccounts;

use super::harness::Server;

#[tokio::test]
async fn unknown_recipients_are_told_at_once() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.ask("RCPT TO:<alice@demo.test>", "503 5.5.1").await;
    client.ask("MAIL FROM:<a@b.test>", "250").await;
    client.ask("RCPT TO:<nobody@demo.test>", "550 5.1.1").await;
    client
        .ask("RCPT TO:<alice@elsewhere.test>", "550 5.1.1")
        .await;
    client.ask("RCPT TO:<alice>", "550 5.1.1").await;
    client.ask("RCPT TO:<>", "501 5.1.3").await;
    client.ask("RCPT TO:<a b@demo.test>", "501 5.1.3").await;
    client.ask("RCPT TO:alice@demo.test", "501 5.5.4").await;
    client
        .ask("RCPT TO:<alice@demo.test> NOTIFY=NEVER", "555 5.5.4")
        .await;
    client.ask("RCPT TO:<\u{e4}@demo.test>", "553 5.6.7").await;
    client.ask("DATA", "503 5.5.1 no valid recipients").await;
    client.ask("RCPT TO:<ALICE@Demo.Test>", "250 2.1.5").await;
    client.ask("DATA", "354").await;
}

/// An unknown recipient is no error of the client's: a mailing list with many of them must get through.
#[tokio::test]
async fn unknown_recipients_do_not_count_as_errors() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.ask("MAIL FROM:<a@b.test>", "250").await;
    for number in 0..100 {
        client
            .ask(format!("RCPT TO:<nobody{number}@demo.test>"), "550 5.1.1")
            .await;
    }
    client.ask("RCPT TO:<alice@demo.test>", "250").await;
}

#[tokio::test]
async fn there_is_a_limit_of_recipients() {
    let server = Server::with(Settings {
        max_recipients: 2,
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    client.envelope(&["alice", "bob"]).await;
    client.ask("RCPT TO:<carol@demo.test>", "452 4.5.3").await;
    client.ask("DATA", "354").await;
}

#[tokio::test]
async fn a_disabled_account_takes_mail_only_where_the_operator_says_so() {
    for (setting, answer) in [
        (DisabledAccounts::Refuse, "550 5.2.1"),
        (DisabledAccounts::Deliver, "250 2.1.5"),
    ] {
        let transport = fieldpost_transport::Settings {
            disabled_accounts: setting,
            ..fieldpost_transport::Settings::default()
        };
        let server = Server::with_transport(Settings::default(), transport).await;
        let account = server.directory.resolve("bob@demo.test").unwrap();
        let update = AccountUpdate {
            enabled: Some(false),
            ..AccountUpdate::default()
        };
        server.directory.set(account, update).await.unwrap();
        let mut client = server.greeted().await;
        client.ask("MAIL FROM:<a@b.test>", "250").await;
        client.ask("RCPT TO:<bob@demo.test>", answer).await;
    }
}

/// RFC 5321 §4.5.1.
#[tokio::test]
async fn postmaster_is_always_there_if_somebody_is_named() {
    let transport = fieldpost_transport::Settings {
        postmaster: Some("alice@demo.test".parse().unwrap()),
        ..fieldpost_transport::Settings::default()
    };
    let server = Server::with_transport(Settings::default(), transport).await;
    let mut client = server.greeted().await;
    client.ask("MAIL FROM:<a@b.test>", "250").await;
    client.ask("RCPT TO:<Postmaster>", "250").await;
    client.ask("RCPT TO:<POSTMASTER@demo.test>", "250").await;
    client
        .ask("RCPT TO:<postmaster@elsewhere.test>", "550")
        .await;
}
