#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn origin(tls: Option<TlsAcceptor>) -> Origin {
    Origin {
        id: ConnectionId::next(),
        peer: Peer::Unix(None),
        local: None,
        tls,
        shutdown: CancellationToken::new(),
        write_timeout: PATIENCE,
    }
}

fn pair() -> (Connection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Connection::new(ours, origin(None)), theirs)
}

fn tls_pair() -> (TlsAcceptor, TlsConnector) {
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

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    (listener.accept().await.unwrap().0, client)
}

#[tokio::test]
async fn lines_and_chunks_come_in_order_and_leave_no_buffer_behind() {
    let (mut connection, mut client) = pair();
    client
        .write_all(b"DATA\r\nhello, world\r\n.\r\n")
        .await
        .unwrap();
    let line = connection.line(100, PATIENCE).await.unwrap();
    assert_eq!(line, Line::Complete(Bytes::from_static(b"DATA")));
    assert!(connection.has_line());
    assert_eq!(connection.chunk(5, PATIENCE).await.unwrap(), "hello");
    assert_eq!(
        connection.chunk(1000, PATIENCE).await.unwrap(),
        ", world\r\n.\r\n"
    );
    assert_eq!(connection.input.capacity(), 0);
    connection.output().extend_from_slice(b"250 OK\r\n");
    connection.close().await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "250 OK\r\n");
}

#[tokio::test]
async fn a_client_that_closes_is_told_from_one_that_waits() {
    let (mut connection, client) = pair();
    drop(client);
    assert!(matches!(
        connection.line(100, PATIENCE).await,
        Err(ConnectionError::Closed)
    ));
}

/// fault 6: one byte a second does not extend the deadline of a line.
#[tokio::test(start_paused = true)]
async fn a_drip_of_bytes_does_not_hold_a_line_open() {
    let (mut connection, mut client) = pair();
    let drip = tokio::spawn(async move {
        loop {
            if client.write_all(b"x").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let read = connection.line(100_000, Duration::from_secs(30)).await;
    assert!(matches!(read, Err(ConnectionError::TimedOut)));
    drop(connection);
    drip.await.unwrap();
}

#[tokio::test]
async fn a_drain_ends_a_waiting_line_but_not_a_message_under_way() {
    let (mut connection, mut client) = pair();
    connection.shutdown().cancel();
    assert!(matches!(
        connection.line(100, PATIENCE).await,
        Err(ConnectionError::ShuttingDown)
    ));
    client.write_all(b"rest").await.unwrap();
    assert_eq!(connection.chunk(100, PATIENCE).await.unwrap(), "rest");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_given_up() {
    let (mut connection, _client) = pair();
    connection.output().resize(8 * 1024 * 1024, b'x');
    assert!(matches!(
        connection.flush().await,
        Err(ConnectionError::TimedOut)
    ));
}

#[tokio::test]
async fn tls_starts_and_tells_its_channel_binding() {
    let (acceptor, connector) = tls_pair();
    let (ours, theirs) = tcp_pair().await;
    let connection = Connection::new(ours, origin(Some(acceptor)));
    assert!(connection.can_start_tls());
    let client = tokio::spawn(async move {
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, theirs).await.unwrap();
        stream.write_all(b"NOOP\r\n").await.unwrap();
        stream
            .get_ref()
            .1
            .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None)
            .unwrap()
    });
    let mut connection = connection.start_tls(PATIENCE).await.unwrap();
    assert_eq!(
        connection.line(100, PATIENCE).await.unwrap(),
        Line::Complete(Bytes::from_static(b"NOOP"))
    );
    let info = connection.tls().unwrap();
    assert_eq!(
        (info.version, info.server_name.as_deref()),
        ("TLSv1.3", Some("localhost"))
    );
    assert_eq!(info.exporter, Some(client.await.unwrap()));
    assert!(!connection.can_start_tls());
    // fault 2: a second start is refused.
    assert!(matches!(
        connection.start_tls(PATIENCE).await,
        Err(ConnectionError::NoTls)
    ));
}

/// fault 1: a command in the same segment after STARTTLS (CVE-2021-33515).
#[tokio::test]
async fn plaintext_behind_starttls_is_refused() {
    let (acceptor, _) = tls_pair();
    let (ours, mut theirs) = tcp_pair().await;
    let mut connection = Connection::new(ours, origin(Some(acceptor)));
    theirs.write_all(b"STLS\r\nUSER alice\r\n").await.unwrap();
    assert_eq!(
        connection.line(100, PATIENCE).await.unwrap(),
        Line::Complete(Bytes::from_static(b"STLS"))
    );
    assert!(matches!(
        connection.start_tls(PATIENCE).await,
        Err(ConnectionError::PlaintextBeforeTls)
    ));
}

/// fault 4: what does not speak TLS 1.2 or 1.3 is refused by the handshake, within its deadline.
#[tokio::test]
async fn a_hello_of_tls_1_0_fails_the_handshake() {
    let (acceptor, _) = tls_pair();
    let (ours, mut theirs) = tcp_pair().await;
    let connection = Connection::new(ours, origin(Some(acceptor)));
    // A ClientHello of TLS 1.0: version 3.1, 32 random bytes, no session, one cipher suite, no compression.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    theirs.write_all(&hello).await.unwrap();
    assert!(matches!(
        connection.start_tls(PATIENCE).await,
        Err(ConnectionError::Handshake(_))
    ));
}
