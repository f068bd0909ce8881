//! BDAT (RFC 3030).

use fieldpost_smtp::Settings;

use super::harness::{Server, text, without_trace};

#[tokio::test]
async fn a_message_in_chunks() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice", "bob"]).await;
    client.send("BDAT 20\r\nSubject: chunks\r\n\r\n.").await;
    client.expect("250 2.0.0 20 bytes").await;
    client.send("BDAT 0\r\n").await;
    client.expect("250 2.0.0 0 bytes").await;
    client.send("BDAT 9 LAST\r\n\r\n..\r\nx\r\n").await;
    client.expect("250 2.0.0 <alice@demo.test>").await;
    client.expect("250 2.0.0 <bob@demo.test>").await;
    let inbox = server.inbox("bob").await;
    // No dot is special here.
    assert_eq!(
        without_trace(&inbox[0], "bob@demo.test", "sender@origin.test"),
        "Subject: chunks\r\n\r\n.\r\n..\r\nx\r\n"
    );
}

#[tokio::test]
async fn an_empty_last_chunk_ends_a_pipelined_message() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client
        .send(
            "MAIL FROM:<>\r\nRCPT TO:<alice@demo.test>\r\nBDAT 3\r\n\r\nxBDAT 2\r\n\r\nBDAT 0 LAST\r\n\
             MAIL FROM:<>\r\n",
        )
        .await;
    for start in [
        "250 2.1.0",
        "250 2.1.5",
        "250 2.0.0 3 bytes",
        "250 2.0.0 2 bytes",
        "250 2.0.0 <alice@demo.test>",
        "250 2.1.0",
    ] {
        client.expect(start).await;
    }
    assert!(server.inbox("alice").await[0].ends_with("\r\n\r\nx\r\n"));
}

/// RFC 3030 §2: the bytes of a chunk that can't be taken are read all the same.
#[tokio::test]
async fn a_chunk_at_the_wrong_moment_is_not_taken_for_commands() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220").await;
    client.send("BDAT 6 LAST\r\nQUIT\r\n").await;
    client.expect("503 5.5.1").await;
    client.lhlo().await;
    client.ask("MAIL FROM:<a@b.test>", "250").await;
    client.ask("RCPT TO:<nobody@demo.test>", "550").await;
    client.send("BDAT 6\r\nQUIT\r\n").await;
    client.expect("503 5.5.1 no valid recipients").await;
    client.ask("RCPT TO:<alice@demo.test>", "250").await;
}

#[tokio::test]
async fn between_chunks_only_bdat_goes_on() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.send("BDAT 2\r\nxy").await;
    client.expect("250").await;
    for command in ["DATA", "MAIL FROM:<>", "RCPT TO:<bob@demo.test>"] {
        client.ask(command, "503 5.5.1").await;
    }
    client.ask("NOOP", "250").await;
    client.ask("RSET", "250").await;
    client.ask("BDAT 0 LAST", "503 5.5.1").await;
    assert_eq!(server.inbox("alice").await.len(), 0);
    assert_eq!(server.store.bodies(), 0);
}

#[tokio::test]
async fn too_much_in_all_is_refused_with_as_many_replies_as_expected() {
    let server = Server::with(Settings {
        max_message_size: 10_000,
        ..Settings::default()
    })
    .await;
    let mut client = server.greeted().await;
    client.envelope(&["alice", "bob"]).await;
    for answer in ["250 2.0.0", "552 5.3.4", "552 5.3.4"] {
        client.send("BDAT 6000\r\n").await;
        client.send(&text(6000)).await;
        client.expect(answer).await;
    }
    client.ask("BDAT 0 LAST", "552 5.3.4").await;
    client.expect("552 5.3.4").await;
    client.envelope(&["alice"]).await;
}

/// A chunk that can't be skipped, or whose end nobody can tell, ends the connection.
#[tokio::test]
async fn an_absurd_chunk_ends_the_connection() {
    let server = Server::new().await;
    for (size, answer) in [
        ("18446744073709551615", "421 4.3.4"),
        ("18446744073709551616", "421 4.5.4"),
        ("x", "421 4.5.4"),
    ] {
        let mut client = server.greeted().await;
        client.envelope(&["alice"]).await;
        client.ask(format!("BDAT {size} LAST"), answer).await;
        client.expect_end().await;
    }
}
