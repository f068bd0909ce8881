//! DATA, and one reply a recipient.

use fieldpost_smtp::{Settings, codec::data::LineEnds};
use fieldpost_transport::OverQuota;

use super::harness::{MESSAGE, Server, text, without_trace};

#[tokio::test]
async fn a_message_reaches_each_recipient_as_it_was_sent() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice", "bob"]).await;
    client.ask("DATA", "354").await;
    client
        .send("Subject: dots\r\n\r\n..\r\n...two\r\nx.\r\n.\r\n")
        .await;
    client.expect("250 2.0.0 <alice@demo.test>").await;
    client.expect("250 2.0.0 <bob@demo.test>").await;
    for name in ["alice", "bob"] {
        let inbox = server.inbox(name).await;
        assert_eq!(inbox.len(), 1);
        let recipient = format!("{name}@demo.test");
        assert_eq!(
            without_trace(&inbox[0], &recipient, "sender@origin.test"),
            "Subject: dots\r\n\r\n.\r\n..two\r\nx.\r\n"
        );
        assert!(
            !inbox[0].contains("\tfor "),
            "one recipient is told of the other"
        );
    }
    // Both copies share one body.
    assert_eq!(server.store.bodies(), 1);
    client.ask("QUIT", "221").await;
}

#[tokio::test]
async fn a_single_recipient_is_named_in_the_received_field() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}.\r\n")).await;
    client.expect("250 2.0.0").await;
    let inbox = server.inbox("alice").await;
    assert!(inbox[0].contains("\r\n\tfor <alice@demo.test>; "));
}

#[tokio::test]
async fn the_same_account_gets_one_copy_and_each_recipient_its_reply() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice", "bob", "ALICE", "alice"]).await;
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}.\r\n")).await;
    client.expect("250 2.0.0 <alice@").await;
    client.expect("250 2.0.0 <bob@").await;
    client.expect("250 2.0.0 <ALICE@").await;
    client.expect("250 2.0.0 <alice@").await;
    assert_eq!(server.inbox("alice").await.len(), 1);
    assert_eq!(server.inbox("bob").await.len(), 1);
}

#[tokio::test]
async fn several_messages_on_one_connection() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    for number in 1..=3 {
        client.envelope(&["alice"]).await;
        client.ask("DATA", "354").await;
        client.send(format!("Subject: {number}\r\n\r\n.\r\n")).await;
        client.expect("250 2.0.0").await;
    }
    let inbox = server.inbox("alice").await;
    assert_eq!(inbox.len(), 3);
    assert!(inbox[2].ends_with("Subject: 3\r\n\r\n"));
}

/// Over quota: one recipient's trouble is not the others'.
#[tokio::test]
async fn a_full_mailbox_refuses_and_the_others_get_theirs() {
    for (setting, answer) in [
        (OverQuota::Temporary, "452 4.2.2"),
        (OverQuota::Permanent, "552 5.2.2"),
    ] {
        let transport = fieldpost_transport::Settings {
            over_quota: setting,
            ..fieldpost_transport::Settings::default()
        };
        let server = Server::with_transport(Settings::default(), transport).await;
        server.set_quota("alice", 10).await;
        let mut client = server.greeted().await;
        client.envelope(&["alice", "bob"]).await;
        client.ask("DATA", "354").await;
        client.send(format!("{MESSAGE}.\r\n")).await;
        client.expect(answer).await;
        client.expect("250 2.0.0 <bob@demo.test>").await;
        assert_eq!(server.inbox("alice").await.len(), 0);
        assert_eq!(server.inbox("bob").await.len(), 1);
    }
}

/// RFC 1870 §6.1: a message that turns out too large is read to its end, and then refused.
#[tokio::test]
async fn a_message_beyond_the_limit_is_drained_and_refused() {
    let server = Server::with(Settings {
        max_message_size: 100_000,
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    client.envelope(&["alice", "bob"]).await;
    client.ask("DATA", "354").await;
    client.send(text(150_000)).await;
    client.send(".\r\n").await;
    client.expect("552 5.3.4").await;
    client.expect("552 5.3.4").await;
    assert_eq!(server.inbox("alice").await.len(), 0);
    // The connection goes on.
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    client.send(text(100_000)).await;
    client.send(".\r\n").await;
    client.expect("250 2.0.0").await;
    assert_eq!(server.store.bodies(), 1, "the refused body is gone");
}

#[tokio::test]
async fn a_message_without_end_is_cut_off() {
    let server = Server::with(Settings {
        max_message_size: 10_000,
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    client.send(text(25_000)).await;
    client.expect("421 4.3.4").await;
    client.expect_end().await;
    assert_eq!(server.inbox("alice").await.len(), 0);
}

/// RFC 5321 §6.3.
#[tokio::test]
async fn a_message_that_goes_round_in_circles_is_refused() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    for (hops, answer) in [(49, "250 2.0.0"), (50, "554 5.4.6")] {
        client.envelope(&["alice"]).await;
        client.ask("DATA", "354").await;
        let header = "Received: from a by b\r\n".repeat(hops);
        client.send(format!("{header}\r\nHi.\r\n.\r\n")).await;
        client.expect(answer).await;
    }
}

/// fault 31: with `LineEnds::Refuse` a stray line end is the message's end, after it was read.
#[tokio::test]
async fn stray_line_ends_are_refused_where_the_operator_says_so() {
    let server = Server::with(Settings {
        line_ends: LineEnds::Refuse,
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    client.send("a\nb\r\n.\r\n").await;
    client.expect("550 5.6.11").await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}.\r\n")).await;
    client.expect("250 2.0.0").await;
}

/// A message of several megabytes in writes that end anywhere.
#[tokio::test]
async fn a_large_message_streams() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    let message = text(3_000_000);
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    for chunk in message.chunks(7_777) {
        client.send(chunk).await;
    }
    client.send(".\r\n").await;
    client.expect("250 2.0.0").await;
    let inbox = server.inbox("alice").await;
    assert!(inbox[0].as_bytes().ends_with(&message));
}
