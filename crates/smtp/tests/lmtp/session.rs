//! LHLO, and the commands that lead to no message: RSET, NOOP, QUIT, VRFY, HELP.

use super::harness::Server;

#[tokio::test]
async fn lhlo_tells_the_extensions() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220 mail.demo.test").await;
    assert_eq!(
        client.lhlo().await,
        [
            "mail.demo.test",
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "SIZE 67108864",
        ]
    );
    client.ask("LHLO", "501 5.5.4").await;
    client.ask("LHLO two names", "501 5.5.4").await;
}

/// RFC 2033 §4.1: an LMTP server must not pass for one of SMTP.
#[tokio::test]
async fn helo_and_ehlo_are_refused() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220").await;
    client.ask("EHLO client.test", "500 ").await;
    client.ask("HELO client.test", "500 ").await;
}

#[tokio::test]
async fn before_lhlo_there_is_no_transaction() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220").await;
    for command in ["MAIL FROM:<a@b.test>", "RCPT TO:<alice@demo.test>", "DATA"] {
        client.ask(command, "503 5.5.1 say hello first").await;
    }
    client.ask("NOOP", "250 2.0.0").await;
    client.ask("RSET", "250 2.0.0").await;
    client.ask("HELP", "214 2.0.0").await;
    client.ask("VRFY alice", "252 2.5.0").await;
    client.ask("QUIT", "221 2.0.0").await;
    client.expect_end().await;
}

#[tokio::test]
async fn rset_and_a_second_lhlo_drop_the_transaction() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    client.ask("RSET", "250 2.0.0").await;
    client.ask("DATA", "503 5.5.1").await;
    client.envelope(&["alice"]).await;
    client.lhlo().await;
    client.ask("RCPT TO:<alice@demo.test>", "503 5.5.1").await;
}

#[tokio::test]
async fn unknown_commands_are_refused_and_the_connection_goes_on() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.ask("XYZZY", "500 5.5.2").await;
    client.ask("EXPN staff", "502 5.5.1").await;
    client.ask("AUTH PLAIN", "502 5.5.1").await;
    client.ask("", "500 5.5.2").await;
    client.ask("NOOP", "250").await;
}

/// RFC 2920: a group of commands in one packet is answered in order.
#[tokio::test]
async fn a_pipelined_group_is_answered_in_order() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client
        .send(
            "MAIL FROM:<>\r\nRCPT TO:<alice@demo.test>\r\nRCPT TO:<nobody@demo.test>\r\n\
             RCPT TO:<bob@demo.test>\r\nDATA\r\n",
        )
        .await;
    for start in ["250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "354 "] {
        client.expect(start).await;
    }
    client.send("\r\nHi.\r\n.\r\nRSET\r\nQUIT\r\n").await;
    for start in [
        "250 2.0.0 <alice@demo.test>",
        "250 2.0.0 <bob@demo.test>",
        "250 2.0.0 ok",
        "221 2.0.0",
    ] {
        client.expect(start).await;
    }
    client.expect_end().await;
}

#[tokio::test]
async fn a_drain_says_goodbye_between_commands() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    server.shutdown.cancel();
    client.expect("421 4.3.2").await;
    client.expect_end().await;
}
