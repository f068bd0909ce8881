//! MAIL.

use fieldpost_smtp::Settings;

use super::harness::{MESSAGE, Server, without_trace};

#[tokio::test]
async fn a_declared_size_beyond_the_limit_is_refused_at_once() {
    let server = Server::with(Settings {
        max_message_size: 1000,
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    client
        .ask("MAIL FROM:<a@b.test> SIZE=1001", "552 5.3.4")
        .await;
    client
        .ask("MAIL FROM:<a@b.test> SIZE=1000", "250 2.1.0")
        .await;
}

#[tokio::test]
async fn mail_is_not_nested() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.ask("MAIL FROM:<a@b.test>", "250").await;
    client.ask("MAIL FROM:<a@b.test>", "503 5.5.1").await;
}

#[tokio::test]
async fn bad_senders_and_parameters_are_refused() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.ask("MAIL FROM:<a b@c.test>", "501 5.1.7").await;
    client.ask("MAIL FROM: a@b.test", "501 5.5.4").await;
    client
        .ask("MAIL FROM:<a@b.test> BODY=BINARYMIME", "501 5.5.4")
        .await;
    client
        .ask("MAIL FROM:<a@b.test> ENVID=1", "555 5.5.4")
        .await;
    client
        .ask("MAIL FROM:<gr\u{fc}n@b.test>", "553 5.6.7")
        .await;
    client
        .ask("MAIL FROM:<gr\u{fc}n@b.test> SMTPUTF8", "250")
        .await;
}

#[tokio::test]
async fn the_null_sender_gives_an_empty_return_path() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client
        .ask("MAIL FROM:<> BODY=8BITMIME SMTPUTF8", "250")
        .await;
    client.ask("RCPT TO:<alice@demo.test>", "250").await;
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}.\r\n")).await;
    client.expect("250 2.0.0").await;
    let inbox = server.inbox("alice").await;
    assert!(inbox[0].contains("with UTF8LMTP\r\n"), "{}", inbox[0]);
    assert_eq!(without_trace(&inbox[0], "alice@demo.test", ""), MESSAGE);
}

/// What was pipelined behind a MAIL that is refused is answered, and not held against the client.
#[tokio::test]
async fn a_long_group_behind_a_refused_mail_is_answered() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    let recipients = "RCPT TO:<alice@demo.test>\r\n".repeat(200);
    let group = format!("MAIL FROM:<a@b.test> SIZE=99999999999\r\n{recipients}DATA\r\nNOOP\r\n");
    client.send(group).await;
    client.expect("552 5.3.4").await;
    for _ in 0..201 {
        client.expect("503 5.5.1").await;
    }
    client.expect("250 2.0.0").await;
}
