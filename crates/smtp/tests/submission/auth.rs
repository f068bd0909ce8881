//! AUTH.

use std::time::Duration;

use fieldpost_directory::AccountUpdate;

use super::harness::{ALICE, Server};

/// Fault 3: over a connection that others can read, neither the password is asked for nor mail taken.
#[tokio::test]
async fn fault_3_without_tls_nobody_from_far_signs_in() {
    let server = Server::new().await;
    let mut client = server.connect_from_far();
    client.expect("220").await;
    client.ehlo().await;
    client.ask(format!("AUTH PLAIN {ALICE}"), "530 5.7.0").await;
    client.ask("AUTH LOGIN", "530 5.7.0").await;
    client
        .ask(
            "MAIL FROM:<alice@demo.test>",
            "530 5.7.0 say STARTTLS first",
        )
        .await;
}

#[tokio::test]
async fn nobody_sends_without_signing_in() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220").await;
    client
        .ask(format!("AUTH PLAIN {ALICE}"), "503 5.5.1 say hello first")
        .await;
    client.ehlo().await;
    client
        .ask("MAIL FROM:<alice@demo.test>", "530 5.7.0 sign in first")
        .await;
    client.ask("RCPT TO:<bob@demo.test>", "503").await;
    client.ask("DATA", "503").await;
}

#[tokio::test]
async fn plain_and_login_in_steps() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220").await;
    client.ehlo().await;
    client.ask("AUTH PLAIN", "334 ").await;
    client.ask(ALICE, "235 2.7.0").await;
    client
        .ask("AUTH PLAIN", "503 5.5.1 you have signed in already")
        .await;
    let mut client = server.connect();
    client.expect("220").await;
    client.ehlo().await;
    client.ask("auth login", "334 VXNlcm5hbWU6").await;
    client.ask("YWxpY2VAZGVtby50ZXN0", "334 UGFzc3dvcmQ6").await;
    client.ask("c2VjcmV0", "235").await;
    client.ask("MAIL FROM:<alice@demo.test>", "250").await;
    client.ask("AUTH PLAIN", "503").await;
}

/// Faults 11 and 12: what is no response, and an exchange that is cancelled; too many end the connection.
#[tokio::test]
async fn fault_11_and_12_bad_exchanges_end_themselves_only() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220").await;
    client.ehlo().await;
    client.ask("AUTH PLAIN !!!", "501 5.5.2").await;
    client.ask("AUTH PLAIN", "334 ").await;
    client.ask("*", "501 5.7.0").await;
    client.ask("AUTH X-NOTHING", "504 5.5.4").await;
    client.expect("421 4.7.0").await;
    assert_eq!(client.line_or_end().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_and_an_account_that_may_not_send() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220").await;
    client.ehlo().await;
    // \0alice@demo.test\0wrong
    client
        .ask("AUTH PLAIN AGFsaWNlQGRlbW8udGVzdAB3cm9uZw==", "535 5.7.8")
        .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    client.ask(format!("AUTH PLAIN {ALICE}"), "235").await;
    client.ask("MAIL FROM:<alice@demo.test>", "250").await;
    client.ask("RSET", "250").await;
    let alice = server.directory.resolve("alice@demo.test").unwrap();
    let off = AccountUpdate {
        enabled: Some(false),
        ..AccountUpdate::default()
    };
    server.directory.set(alice, off).await.unwrap();
    client
        .ask("MAIL FROM:<alice@demo.test>", "550 5.7.13")
        .await;
}
