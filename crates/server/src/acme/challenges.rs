//! What authorities ask before they give a certificate, and what they are answered.

use std::{collections::HashMap, io, sync::Arc};

use parking_lot::Mutex;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    server::{Acceptor, ClientHello},
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server::TlsStream};

/// The answers to the questions that are open. Most of the time there are none.
#[derive(Debug, Default)]
pub struct Challenges {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Key authorizations by their token (RFC 8555 §8.3).
    http: HashMap<String, String>,
    /// What shows a name's certificate with the proof in it (RFC 8737 §3).
    tls: HashMap<String, Arc<ServerConfig>>,
}

/// Answers that are given as long as this lives.
#[derive(Debug)]
pub struct Answers(Arc<Challenges>);

impl Challenges {
    /// Begins to answer. One order asks at a time.
    pub fn begin(self: &Arc<Self>) -> Answers {
        Answers(Arc::clone(self))
    }

    /// The key authorization of `token`.
    pub fn http(&self, token: &str) -> Option<String> {
        self.open.lock().http.get(token).cloned()
    }

    /// What a client gets that begins with `hello`: `None` = what every client gets.
    fn tls(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let asks = hello
            .alpn()
            .is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_TLS));
        let name = hello.server_name().filter(|_| asks)?;
        self.open
            .lock()
            .tls
            .get(&name.to_ascii_lowercase())
            .cloned()
    }

    fn asks_over_tls(&self) -> bool {
        !self.open.lock().tls.is_empty()
    }
}

impl Answers {
    /// Answers `token` over HTTP.
    pub fn over_http(&self, token: &str, key_authorization: &str) {
        let (token, answer) = (token.to_owned(), key_authorization.to_owned());
        self.0.open.lock().http.insert(token, answer);
    }

    /// Answers over TLS for `name`. `digest` is the key authorization's SHA-256.
    pub fn over_tls(&self, name: &str, digest: &[u8]) -> Result<(), String> {
        let config = proof(name, digest)?;
        let name = name.to_ascii_lowercase();
        self.0.open.lock().tls.insert(name, Arc::new(config));
        Ok(())
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        *self.0.open.lock() = Open::default();
    }
}

/// Does the handshake of a connection: an authority's with the proof that it asks for (`None`: it had it, and that was all),
/// everybody else's with `acceptor`.
pub async fn accept<S>(
    stream: S,
    acceptor: &TlsAcceptor,
    challenges: &Challenges,
) -> io::Result<Option<TlsStream<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !challenges.asks_over_tls() {
        return acceptor.accept(stream).await.map(Some);
    }
    let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let Some(config) = challenges.tls(&begun.client_hello()) else {
        let config = Arc::clone(acceptor.config());
        return begun.into_stream(config).await.map(Some);
    };
    // RFC 8737 §3: after the handshake nothing is exchanged.
    let mut stream = begun.into_stream(config).await?;
    stream.shutdown().await?;
    Ok(None)
}

/// A certificate for `name` alone with the proof in it, under `acme-tls/1` (RFC 8737 §3).
fn proof(name: &str, digest: &[u8]) -> Result<ServerConfig, String> {
    // The extension's own maker demands the length.
    if digest.len() != 32 {
        return Err("the proof is no SHA-256".into());
    }
    let make = || -> Result<_, rcgen::Error> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        Ok((params.self_signed(&key)?, key))
    };
    let (certificate, key) = make().map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = ring::sign::any_supported_type(&key).map_err(|error| error.to_string())?;
    // Not checked against each other: what checks them knows the proof's extension not, which is critical.
    let shown = CertifiedKey::new(vec![certificate.der().clone()], key);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    Ok(config)
}

/// The protocol that authorities ask for (RFC 8737 §6.2).
const ACME_TLS: &[u8] = b"acme-tls/1";
