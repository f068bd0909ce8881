//! STARTTLS (RFC 3207).

use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::harness::{MESSAGE, Server};

fn tls() -> (TlsAcceptor, TlsConnector) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (
        TlsAcceptor::from(Arc::new(server)),
        TlsConnector::from(Arc::new(client)),
    )
}

#[tokio::test]
async fn tls_starts_from_the_beginning_and_is_told_in_the_received_field() {
    let server = Server::new().await;
    let (acceptor, connector) = tls();
    let mut client = server.connect_with_tls(Some(acceptor));
    client.expect("220").await;
    client.ask("STARTTLS", "503 5.5.1").await;
    assert!(client.lhlo().await.contains(&"STARTTLS".to_owned()));
    client.ask("STARTTLS", "220 2.0.0").await;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, client.stream).await.unwrap();
    // RFC 3207 §4.2: nothing is known from before. fault 2: no second TLS.
    let conversation = format!(
        "MAIL FROM:<>\r\nLHLO client.test\r\nSTARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<alice@demo.test>\r\n\
         BDAT {} LAST\r\n{MESSAGE}QUIT\r\n",
        MESSAGE.len()
    );
    stream.write_all(conversation.as_bytes()).await.unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).await.unwrap();
    let codes: Vec<&str> = replies
        .lines()
        .filter(|line| line.as_bytes()[3] == b' ')
        .map(|line| &line[..3])
        .collect();
    assert_eq!(codes, ["503", "250", "502", "250", "250", "250", "221"]);
    assert!(!replies.contains("STARTTLS\r\n"));
    let inbox = server.inbox("alice").await;
    assert!(inbox[0].contains("with LMTPS\r\n\t(version=TLSv1.3 cipher="));
}

#[tokio::test]
async fn without_a_certificate_there_is_no_starttls() {
    let server = Server::new().await;
    let mut client = server.greeted().await;
    client.ask("STARTTLS", "502 5.5.1").await;
}

/// fault 1: commands in the same segment behind STARTTLS (CVE-2021-33515).
#[tokio::test]
async fn what_follows_starttls_in_the_clear_ends_the_connection() {
    let server = Server::new().await;
    let (acceptor, _) = tls();
    let mut client = server.connect_with_tls(Some(acceptor));
    client.expect("220").await;
    client.lhlo().await;
    client
        .send("STARTTLS\r\nLHLO evil.test\r\nMAIL FROM:<evil@b.test>\r\n")
        .await;
    client.expect("554 5.5.1").await;
    client.expect_end().await;
}
