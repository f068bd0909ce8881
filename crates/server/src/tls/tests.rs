#![allow(clippy::unwrap_used)]

use std::time::Duration;

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::io::DuplexStream;
use tokio_rustls::TlsConnector;

use super::*;
use crate::{config::Config, demo::Authority};

struct Files {
    _dir: tempfile::TempDir,
    authority: Authority,
    root: std::path::PathBuf,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            root: dir.path().to_owned(),
            authority: Authority::new("test").unwrap(),
            _dir: dir,
        }
    }

    fn issue(&self, name: &str, hosts: &[&str]) -> CertificateFiles {
        let (cert, key) = self.authority.issue(hosts).unwrap();
        let files = CertificateFiles {
            cert: self.root.join(format!("{name}.crt")),
            key: self.root.join(format!("{name}.key")),
        };
        std::fs::write(&files.cert, cert).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots
            .add(
                CertificateDer::from_pem_slice(self.authority.certificate_pem().as_bytes())
                    .unwrap(),
            )
            .unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

async fn handshake(
    certificates: &Arc<Certificates>,
    connector: &TlsConnector,
    host: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<DuplexStream>> {
    let (client, server) = tokio::io::duplex(16 * 1024);
    let acceptor = certificates.acceptor().unwrap();
    tokio::spawn(async move { acceptor.accept(server).await });
    connector
        .connect(ServerName::try_from(host.to_owned()).unwrap(), client)
        .await
}

#[tokio::test]
async fn the_name_that_is_asked_for_chooses_the_certificate() {
    let files = Files::new();
    let certificates = Certificates::load(&[
        files.issue("a", &["a.example", "localhost"]),
        files.issue("b", &["b.example", "*.wild.example"]),
    ])
    .unwrap();
    let connector = files.connector();
    for host in ["a.example", "b.example", "one.wild.example", "localhost"] {
        assert!(
            handshake(&certificates, &connector, host).await.is_ok(),
            "{host}"
        );
    }
    // Unknown names get the first certificate, which the client then refuses itself.
    for host in ["c.example", "two.one.wild.example", "wild.example"] {
        assert!(
            handshake(&certificates, &connector, host).await.is_err(),
            "{host}"
        );
    }
}

/// Fault 4, SNI flood: names that nobody has leave nothing behind.
#[test]
fn fault_4_names_without_end_cost_nothing() {
    let files = Files::new();
    let certificates = Certificates::load(&[files.issue("a", &["a.example"])]).unwrap();
    let first = certificates.for_name(None).unwrap();
    for number in 0..100_000 {
        let name = format!("n{number}.{}", "x.".repeat(100));
        assert!(Arc::ptr_eq(
            &first,
            &certificates.for_name(Some(&name)).unwrap()
        ));
    }
    assert_eq!(certificates.table.load().exact.len(), 1);
}

/// Fault 4, TLS 1.0 and 1.1: a hello of the old versions is answered with an alert, not with a handshake.
#[tokio::test]
async fn fault_4_old_versions_are_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let files = Files::new();
    let certificates = Certificates::load(&[files.issue("a", &["a.example"])]).unwrap();
    for minor in [1_u8, 2] {
        let (mut client, server) = tokio::io::duplex(16 * 1024);
        let acceptor = certificates.acceptor().unwrap();
        let task = tokio::spawn(async move { acceptor.accept(server).await.map(|_| ()) });
        // ClientHello: version 3.1 or 3.2, random, no session, TLS_RSA_WITH_AES_128_CBC_SHA, null compression.
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
        let mut record = vec![
            22,
            3,
            1,
            0,
            (hello.len() + 4) as u8,
            1,
            0,
            0,
            hello.len() as u8,
        ];
        record.extend(hello);
        client.write_all(&record).await.unwrap();
        assert!(task.await.unwrap().is_err());
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer.first(), Some(&21), "an alert: {answer:?}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_a_broken_one_leaves_the_old() {
    let files = Files::new();
    let a = files.issue("a", &["a.example"]);
    let certificates = Certificates::load(std::slice::from_ref(&a)).unwrap();
    let connector = files.connector();
    assert!(!certificates.is_stale(std::slice::from_ref(&a)));

    files.issue("a", &["a.example", "new.example"]);
    assert!(certificates.is_stale(std::slice::from_ref(&a)));
    let reloaded = certificates.reload(std::slice::from_ref(&a));
    assert_eq!((reloaded.changed.len(), reloaded.failed.len()), (1, 0));
    assert!(
        handshake(&certificates, &connector, "new.example")
            .await
            .is_ok()
    );

    for broken in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "\0\0\0",
    ] {
        std::fs::write(&a.cert, broken).unwrap();
        let reloaded = certificates.reload(std::slice::from_ref(&a));
        assert_eq!(
            (reloaded.changed.len(), reloaded.failed.len()),
            (0, 1),
            "{broken:?}"
        );
        assert!(
            handshake(&certificates, &connector, "new.example")
                .await
                .is_ok()
        );
    }

    // A key that belongs to another certificate.
    files.issue("a", &["a.example"]);
    let other = files.issue("other", &["other.example"]);
    std::fs::copy(&other.key, &a.key).unwrap();
    let reloaded = certificates.reload(std::slice::from_ref(&a));
    assert!(matches!(
        reloaded.failed[0],
        CertificateError::Unusable { .. }
    ));
    assert!(
        handshake(&certificates, &connector, "new.example")
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn the_watch_notices_a_written_file() {
    let files = Files::new();
    let a = files.issue("a", &["a.example"]);
    let certificates = Certificates::load(std::slice::from_ref(&a)).unwrap();
    let mut config = Config::default();
    config.tls.certificates = vec![a];
    let shutdown = tokio_util::sync::CancellationToken::new();
    let task = tokio::spawn(watch(
        Arc::clone(&certificates),
        Arc::new(arc_swap::ArcSwap::from_pointee(config)),
        Duration::from_mins(1),
        shutdown.clone(),
    ));
    files.issue("a", &["later.example"]);
    let began = tokio::time::Instant::now();
    while certificates.list()[0].names != ["later.example"] {
        assert!(began.elapsed() < Duration::from_mins(3));
        tokio::time::sleep(Duration::from_secs(10)).await;
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    task.await.unwrap();
}

#[test]
fn a_certificate_says_for_whom_and_how_long() {
    let files = Files::new();
    let loaded = Certificate::load(&files.issue("a", &["a.example", "127.0.0.1", "::1"])).unwrap();
    assert_eq!(loaded.names, ["a.example", "127.0.0.1", "::1"]);
    let now = jiff::Timestamp::now().as_second();
    assert!(loaded.days_left(now) > 300);
    assert_eq!(loaded.days_left(loaded.not_after + 86_400), -1);
    let missing = CertificateFiles {
        cert: "/nonexistent".into(),
        key: "/nonexistent".into(),
    };
    assert!(matches!(
        Certificate::load(&missing),
        Err(CertificateError::Unreadable { .. })
    ));
    let huge = files.root.join("huge");
    std::fs::write(&huge, vec![b'a'; (MAX_FILE + 1) as usize]).unwrap();
    let huge = CertificateFiles {
        cert: huge.clone(),
        key: huge,
    };
    assert!(matches!(
        Certificate::load(&huge),
        Err(CertificateError::TooLarge { .. })
    ));
}
