//! What broke other servers.

use std::time::Duration;

use fieldpost_smtp::{Settings, Timeouts};
use tokio::io::AsyncWriteExt as _;

use super::harness::{MESSAGE, Server, without_trace};

/// fault 22: a command line of 256 KiB.
#[tokio::test]
async fn an_endless_command_line_is_refused_and_the_next_one_read() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    let line = format!("MAIL FROM:<{}@b.test>\r\nNOOP\r\n", "a".repeat(256 * 1024));
    client.send(line).await;
    client.expect("500 5.5.2").await;
    client.expect("250 2.0.0").await;
}

/// fault 22: a line of 256 KiB in a message is content.
#[tokio::test]
async fn an_endless_line_of_a_message_is_kept() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    let line = "x".repeat(256 * 1024);
    client.send(format!("\r\n{line}\r\n.\r\n")).await;
    client.expect("250 2.0.0").await;
    assert!(server.inbox("alice").await[0].ends_with(&format!("\r\n\r\n{line}\r\n")));
}

/// fault 22: bare LF and bare CR in commands. A lone LF ends a command line; a CR within one is no part of any command.
#[tokio::test]
async fn odd_line_ends_in_commands() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.send("NOOP\nRCPT TO:<a\rb@demo.test>\r\n").await;
    client.expect("250 2.0.0").await;
    client.expect("501 5.1.3").await;
}

/// fault 31: SMTP smuggling. What a front-end may have let through as part of a message does not end it here.
#[tokio::test]
async fn no_second_message_is_smuggled_in() {
    let server = Server::new().await;
    for odd in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n"] {
        let mut client = server.greeted().await;
        client.envelope(&["alice"]).await;
        client.ask("DATA", "354").await;
        client
            .send(format!(
                "{MESSAGE}x{odd}MAIL FROM:<admin@demo.test>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\n\
                 Subject: smuggled\r\n\r\n.\r\n"
            ))
            .await;
        client.expect("250 2.0.0 <alice@demo.test>").await;
        client.ask("NOOP", "250 2.0.0 ok").await;
    }
    assert_eq!(server.inbox("bob").await.len(), 0);
    for message in server.inbox("alice").await {
        let message = without_trace(&message, "alice@demo.test", "sender@origin.test");
        assert!(message.contains("Subject: smuggled"));
        assert!(!message.replace("\r\n", "").contains(['\r', '\n']));
    }
}

/// fault 6: one byte a second. The time for a line does not grow with its bytes.
#[tokio::test(start_paused = true)]
async fn a_dripping_command_is_given_up() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    let started = tokio::time::Instant::now();
    loop {
        if client.stream.write_all(b"x").await.is_err() || client.serving.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(started.elapsed() < Duration::from_mins(6));
    }
    client.expect("421 4.4.2").await;
}

/// fault 6: a slow sender. A message that drips is given up, and nothing of it is kept.
#[tokio::test(start_paused = true)]
async fn a_dripping_message_is_given_up() {
    let server = Server::with(Settings {
        timeouts: Timeouts {
            message: Duration::from_mins(10),
            ..Timeouts::default()
        },
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    let started = tokio::time::Instant::now();
    while client.stream.write_all(b"x").await.is_ok() && !client.serving.is_finished() {
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(started.elapsed() < Duration::from_mins(11));
    }
    assert!(started.elapsed() > Duration::from_mins(9));
    client.expect("421 4.4.2").await;
    assert_eq!(server.store.bodies(), 0);
}

/// Disconnect mid-DATA: nothing is delivered, nothing is kept, the others do not notice.
#[tokio::test]
async fn a_message_that_breaks_off_is_not_delivered() {
    let server = Server::new().await;
    let mut other = server.greeted().await;
    for ending in ["", "\r\n", "\r\n.", "\r\n.\r"] {
        let mut client = server.greeted().await;
        client.envelope(&["alice"]).await;
        client.ask("DATA", "354").await;
        client.send(format!("{MESSAGE}{ending}")).await;
        drop(client.stream);
        client.serving.await.unwrap();
    }
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.send("BDAT 1000 LAST\r\nabc").await;
    drop(client.stream);
    client.serving.await.unwrap();
    assert_eq!(server.inbox("alice").await.len(), 0);
    assert_eq!(server.store.bodies(), 0);
    other.ask("NOOP", "250").await;
}

/// A client that leaves without its reply: what was accepted is delivered once, and the server goes on.
#[tokio::test]
async fn a_client_that_does_not_wait_for_its_reply() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}.\r\n")).await;
    drop(client.stream);
    client.serving.await.unwrap();
    assert!(server.inbox("alice").await.len() <= 1);
}

/// Over quota mid-message: the quota goes away while the message comes.
#[tokio::test]
async fn a_quota_that_is_reached_while_the_message_comes() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    client.send("Subject: x\r\n\r\n").await;
    server.set_quota("alice", 5).await;
    client.send("more\r\n.\r\n").await;
    client.expect("452 4.2.2").await;
    assert_eq!(server.store.bodies(), 0);
}

/// A store that no longer takes writes: a temporary failure, one for each recipient.
#[tokio::test]
async fn a_closed_store_is_a_temporary_failure() {
    use fieldpost_store::Store as _;

    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice", "bob"]).await;
    server.store.close().await.unwrap();
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}.\r\n")).await;
    client.expect("451 4.3.0").await;
    client.expect("451 4.3.0").await;
    client.ask("NOOP", "250").await;
}

#[tokio::test]
async fn errors_without_end_are_cut_off() {
    let server = Server::with(Settings {
        max_errors: 3,
        max_idle_commands: 5,
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    client.ask("GET / HTTP/1.1", "500").await;
    client.ask("Host: demo.test", "500").await;
    client.ask("", "500").await;
    client.expect("421 4.7.0").await;
    client.expect_end().await;

    let mut client = server.greeted().await;
    for _ in 0..6 {
        client.ask("NOOP", "250").await;
    }
    client.ask("NOOP", "250").await;
    client.expect("421 4.7.0").await;
    client.expect_end().await;
}

/// A client that sends commands without end and reads no reply holds no more than a bounded buffer.
#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_given_up() {
    let server = Server::with(Settings {
        max_idle_commands: u32::MAX,
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    let commands = "NOOP\r\n".repeat(1000);
    let flood = async { while client.stream.write_all(commands.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_mins(10), flood)
        .await
        .expect("the server gave up first");
}

/// The greeting and the end of a drain: a message under way is finished before the goodbye.
#[tokio::test]
async fn a_drain_lets_a_message_under_way_finish() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("DATA", "354").await;
    client.send("Subject: x\r\n").await;
    server.shutdown.cancel();
    client.send("\r\nbody\r\n.\r\n").await;
    client.expect("250 2.0.0").await;
    client.expect("421 4.3.2").await;
    assert_eq!(server.inbox("alice").await.len(), 1);
}

/// Header injection: an address can't carry a line end into Return-Path or Delivered-To, however it is quoted.
#[tokio::test]
async fn an_address_can_not_add_a_header_field() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    for sender in [
        "\"a\rBcc: x\"@b.test",
        "a\tb@c.test",
        "\"a\\\rb\"@c.test",
        "a@b.test>\rX-Injected: y",
    ] {
        client.ask(format!("MAIL FROM:<{sender}>"), "501").await;
    }
    client.ask("MAIL FROM:<\"a\\\" <b>\"@c.test>", "250").await;
    client.ask("RCPT TO:<\"alice\"@demo.test>", "250").await;
    client.ask("DATA", "354").await;
    client.send(format!("{MESSAGE}.\r\n")).await;
    client.expect("250").await;
    let inbox = server.inbox("alice").await;
    assert_eq!(
        without_trace(&inbox[0], "alice@demo.test", "\"a\\\" <b>\"@c.test"),
        MESSAGE
    );
}
