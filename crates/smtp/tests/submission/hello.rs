//! EHLO, HELO, and what is not spoken here.

use super::harness::{ALICE, Server};

#[tokio::test]
async fn ehlo_tells_the_extensions_and_no_mechanism_where_others_listen() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220 mail.demo.test ESMTP fieldpost").await;
    assert_eq!(
        client.ehlo().await,
        [
            "mail.demo.test",
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "SIZE 67108864",
            "DSN",
            "LIMITS RCPTMAX=1000",
            "AUTH SCRAM-SHA-256 PLAIN LOGIN",
        ]
    );
    client.ask(format!("AUTH PLAIN {ALICE}"), "235").await;
    assert!(
        !client
            .ehlo()
            .await
            .iter()
            .any(|line| line.starts_with("AUTH"))
    );
    let mut far = server.connect_from_far();
    far.expect("220").await;
    assert!(!far.ehlo().await.iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn helo_is_enough_for_old_clients_and_lhlo_is_refused() {
    let server = Server::new().await;
    let mut client = server.connect();
    client.expect("220").await;
    client.ask("LHLO client.test", "500 this is SMTP").await;
    client.ask("HELO client.test", "250 mail.demo.test").await;
    client.ask(format!("AUTH PLAIN {ALICE}"), "235").await;
    // A second hello does not sign anybody out.
    client.ask("HELO client.test", "250").await;
    client.ask("MAIL FROM:<alice@demo.test>", "250").await;
    client.ask("STARTTLS", "502").await;
    client.ask("HELP", "214 2.0.0 commands: EHLO").await;
    client.ask("QUIT", "221").await;
}
