//! Greeting, TLS, sign-in.

use std::sync::Arc;

use fieldpost_smtp::client::{RelayTls, verified};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

use super::hop::*;

const STARTTLS: &str = "250-mx.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n";

/// TLS with a certificate for 127.0.0.1, and those who vouch for it.
fn tls(name: &str) -> (TlsAcceptor, RootCertStore) {
    let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
        certified.signing_key.serialize_der(),
    ));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), roots)
}

fn with_tls_and_sign_in(auth: Vec<Step>) -> Vec<Step> {
    let mut script = greeted(STARTTLS);
    script.extend([
        Hear("STARTTLS"),
        Say("220 go\r\n"),
        Step::Tls,
        Hear("EHLO mail.demo.test"),
        Say("250-mx.test\r\n250 AUTH PLAIN LOGIN\r\n"),
    ]);
    script.extend(auth);
    script
}

#[tokio::test]
async fn tls_is_verified_and_the_password_goes_through_it_only() {
    let (acceptor, roots) = tls("127.0.0.1");
    let script = with_tls_and_sign_in(vec![
        // \0me\0secret
        Hear("AUTH PLAIN AG1lAHNlY3JldA=="),
        Say("235 2.7.0 welcome\r\n"),
    ]);
    let hop = Hop::with_tls(vec![script], Some(acceptor)).await;
    let mut wanted = settings(hop.port);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    wanted.tls = RelayTls::Verified;
    wanted.tls_config = verified(provider, roots).unwrap();
    wanted.smarthost.as_mut().unwrap().credentials = credentials();
    assert!(connect(wanted).await.is_ok());
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let (acceptor, roots) = tls("mx.elsewhere.test");
    let hop = Hop::with_tls(vec![with_tls_and_sign_in(Vec::new())], Some(acceptor)).await;
    let mut wanted = settings(hop.port);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    wanted.tls = RelayTls::Verified;
    wanted.tls_config = verified(provider, roots).unwrap();
    let refusal = connect(wanted).await.err().unwrap();
    assert_eq!(refusal.status.to_string(), "4.7.5", "{refusal}");
}

#[tokio::test]
async fn where_tls_is_required_nothing_goes_without() {
    for tls in [RelayTls::Required, RelayTls::Verified] {
        let hop = Hop::start(vec![greeted(PLAIN)]).await;
        let mut wanted = settings(hop.port);
        wanted.tls = tls;
        let refusal = connect(wanted).await.err().unwrap();
        assert_eq!((refusal.code, &*refusal.status.to_string()), (454, "4.7.5"));
    }
    // The offer is taken back.
    let mut script = greeted(STARTTLS);
    script.extend([Hear("STARTTLS"), Say("454 4.7.0 not now\r\n")]);
    let hop = Hop::start(vec![script]).await;
    let mut wanted = settings(hop.port);
    wanted.tls = RelayTls::Required;
    assert_eq!(connect(wanted).await.err().unwrap().code, 454);
}

/// No password in the clear because somebody took STARTTLS out of the reply.
#[tokio::test]
async fn without_tls_no_password_is_sent() {
    let mut script = greeted("250-mx.test\r\n250 AUTH PLAIN\r\n");
    script.push(Silence);
    let hop = Hop::start(vec![script]).await;
    let mut wanted = settings(hop.port);
    wanted.smarthost.as_mut().unwrap().credentials = credentials();
    assert_eq!(
        connect(wanted).await.err().unwrap().status.to_string(),
        "4.7.5"
    );
}

/// CVE-2021-33515 from the other side: what came in the clear is not read as if it had come through TLS.
#[tokio::test]
async fn more_than_the_reply_to_starttls_is_an_injection() {
    let mut script = greeted(STARTTLS);
    script.extend([Hear("STARTTLS"), Say("220 go\r\n250 AUTH PLAIN\r\n")]);
    let hop = Hop::start(vec![script]).await;
    let refusal = connect(settings(hop.port)).await.err().unwrap();
    assert_eq!(refusal.status.to_string(), "4.7.5", "{refusal}");
}

#[tokio::test]
async fn sign_in_by_login_and_one_that_is_refused() {
    let login = |last: &'static str| {
        let mut script = greeted("250-mx.test\r\n250 AUTH LOGIN\r\n");
        script.extend([
            Hear("AUTH LOGIN"),
            Say("334 VXNlcm5hbWU6\r\n"),
            Hear("bWU="),
            Say("334 UGFzc3dvcmQ6\r\n"),
            Hear("c2VjcmV0"),
            Say(last),
        ]);
        script
    };
    let hop = Hop::start(vec![login("235 ok\r\n"), login("535 5.7.8 no\r\n")]).await;
    let mut wanted = settings(hop.port);
    wanted.tls = RelayTls::Off;
    wanted.smarthost.as_mut().unwrap().credentials = credentials();
    assert!(connect(wanted.clone()).await.is_ok());
    let refusal = connect(wanted).await.err().unwrap();
    assert_eq!((refusal.code, &*refusal.status.to_string()), (454, "4.7.8"));
    assert!(
        refusal.is_temporary(),
        "the mail waits until the password is right"
    );
}

#[tokio::test]
async fn old_servers_bad_greetings_and_nobody_there() {
    let helo = vec![
        Say("220 old.test\r\n"),
        HearStart("EHLO"),
        Say("500 what\r\n"),
        Hear("HELO mail.demo.test"),
        Say("250 hello\r\n"),
    ];
    let hop = Hop::start(vec![
        helo,
        vec![Say("554 5.7.1 go away\r\n")],
        vec![Say("HTTP/1.1 400 Bad Request\r\n")],
        Vec::new(),
    ])
    .await;
    let wanted = settings(hop.port);
    assert!(connect(wanted.clone()).await.is_ok());
    assert_eq!(connect(wanted.clone()).await.err().unwrap().code, 554);
    assert_eq!(connect(wanted.clone()).await.err().unwrap().code, 451);
    assert_eq!(connect(wanted.clone()).await.err().unwrap().code, 451);
    hop.messages().await;
    let refusal = connect(wanted).await.err().unwrap();
    assert_eq!(refusal.status.to_string(), "4.4.1", "{refusal}");
}
