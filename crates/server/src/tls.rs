//! TLS: certificates chosen by the name that a client asks for (SNI), changed under running handshakes.
//!
//! TLS 1.2 and 1.3 only; rustls has nothing older. [`Certificates`] is what rustls asks during a handshake; a reload
//! swaps its table in one step. A certificate that cannot be used any more after a reload leaves the one before it in
//! place, and says so in the log: a half-written file must not end the service.
//!
//! Invariant: looking a name up costs two hash lookups at most, whatever names clients send (CVE-2017-15130 was a
//! server that did real work for each name).

mod handshake;
mod placeholder;
mod watch;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

use crate::{config::CertificateFiles, error::CertificateError};

pub use handshake::{Handshake, Handshakes};
pub use watch::watch;

/// The certificates in force.
#[derive(Debug)]
pub struct Certificates {
    /// Swapped whole by [`Self::reload`]; read by every handshake.
    table: ArcSwap<Table>,
}

/// One certificate that is in force, or would be.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Where it came from.
    pub files: CertificateFiles,
    /// Host names and addresses that it is for, lower case.
    pub names: Vec<String>,
    /// When it begins, in seconds since 1970.
    pub not_before: i64,
    /// When it ends, in seconds since 1970.
    pub not_after: i64,
    /// Whether nobody vouches for it: it stands where one is still to be got.
    pub is_placeholder: bool,
    key: Arc<CertifiedKey>,
    stamp: Stamp,
}

/// What a reload did.
#[derive(Debug, Default)]
pub struct Reloaded {
    /// Certificates that are new or differ from what was in force.
    pub changed: Vec<Certificate>,
    /// Files that could not be used. Where an earlier certificate from the same files was in force, it still is.
    pub failed: Vec<CertificateError>,
}

impl Certificates {
    /// Loads all of `files`; the first error ends it.
    pub fn load(files: &[CertificateFiles]) -> Result<Arc<Self>, CertificateError> {
        let loaded = files
            .iter()
            .map(Certificate::load)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self {
            table: ArcSwap::from_pointee(Table::new(loaded)),
        }))
    }

    /// The same, and after them the one that is got by ACME for `names` and lies in `got`. As long as there is none that
    /// can be used, one that nobody vouches for stands in its place: listeners can then listen, authorities ask what they
    /// ask over TLS, and clients that look at certificates refuse it.
    pub fn load_with(
        files: &[CertificateFiles],
        got: &CertificateFiles,
        names: &[String],
    ) -> Result<Arc<Self>, CertificateError> {
        let mut loaded = files
            .iter()
            .map(Certificate::load)
            .collect::<Result<Vec<_>, _>>()?;
        loaded.push(match Certificate::load(got) {
            Ok(certificate) => certificate,
            Err(error) => {
                if !error.is_missing() {
                    tracing::error!(%error, "the certificate that was got by ACME is of no use; another is asked for");
                }
                Certificate::placeholder(got, names)?
            }
        });
        Ok(Arc::new(Self {
            table: ArcSwap::from_pointee(Table::new(loaded)),
        }))
    }

    /// Loads `files` anew and puts what can be used into force.
    pub fn reload(&self, files: &[CertificateFiles]) -> Reloaded {
        let before = self.table.load_full();
        let mut outcome = Reloaded::default();
        let mut kept = Vec::with_capacity(files.len());
        for one in files {
            let old = before.certificates.iter().find(|old| old.files == *one);
            match Certificate::load(one) {
                Ok(new) => {
                    if old.is_none_or(|old| old.key.cert != new.key.cert) {
                        outcome.changed.push(new.clone());
                    }
                    kept.push(new);
                }
                Err(error) => {
                    // What a placeholder stands for is not there yet.
                    if !(error.is_missing() && old.is_some_and(|old| old.is_placeholder)) {
                        outcome.failed.push(error);
                    }
                    kept.extend(old.cloned());
                }
            }
        }
        // Nothing usable at all: the certificates before, whatever files they came from, beat no certificate.
        if kept.is_empty() && !files.is_empty() {
            return outcome;
        }
        self.table.store(Arc::new(Table::new(kept)));
        outcome
    }

    /// Whether any of `files` was written since it was loaded.
    pub fn is_stale(&self, files: &[CertificateFiles]) -> bool {
        let table = self.table.load();
        files.iter().any(|one| {
            let now = Stamp::of(one);
            table
                .certificates
                .iter()
                .find(|loaded| loaded.files == *one)
                .is_none_or(|loaded| loaded.stamp != now)
        })
    }

    /// The certificates in force, in the order of the configuration.
    pub fn list(&self) -> Vec<Certificate> {
        self.table.load().certificates.clone()
    }

    /// What a listener needs for its handshakes. All acceptors follow a reload.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.send_tls13_tickets = 1;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// The certificate and key for a name; those for no name, if there are none for it. `None`: there are none at all.
    pub fn for_name(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let table = self.table.load();
        let found = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            table.exact.get(&name).or_else(|| {
                let (_, parent) = name.split_once('.')?;
                table.wildcard.get(parent)
            })
        });
        found.map(Arc::clone).or_else(|| {
            table
                .certificates
                .first()
                .map(|first| Arc::clone(&first.key))
        })
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.for_name(hello.server_name())
    }
}

impl Certificate {
    /// Reads a certificate and its key, and checks that they belong together.
    pub fn load(files: &CertificateFiles) -> Result<Self, CertificateError> {
        let stamp = Stamp::of(files);
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&read(&files.cert)?)
                .collect::<Result<_, _>>()
                .map_err(|error| CertificateError::NotPem {
                    file: files.cert.clone(),
                    reason: format!("not a PEM certificate: {error}"),
                })?;
        let Some(first) = chain.first() else {
            return Err(CertificateError::NotPem {
                file: files.cert.clone(),
                reason: "holds no BEGIN CERTIFICATE".into(),
            });
        };
        let facts = facts(first, &files.cert)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|error| {
            CertificateError::NotPem {
                file: files.key.clone(),
                reason: format!("not an unencrypted PEM private key: {error}"),
            }
        })?;
        let key =
            CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|source| {
                CertificateError::Unusable {
                    cert: files.cert.clone(),
                    key: files.key.clone(),
                    source,
                }
            })?;
        Ok(Self {
            files: files.clone(),
            names: facts.names,
            not_before: facts.not_before,
            not_after: facts.not_after,
            is_placeholder: false,
            key: Arc::new(key),
            stamp,
        })
    }

    /// Whole days until it ends, as seen at `now` (seconds since 1970); negative when it has ended.
    pub fn days_left(&self, now: i64) -> i64 {
        (self.not_after - now).div_euclid(86_400)
    }
}

#[derive(Debug)]
struct Table {
    /// In the order of the configuration; the first is shown to clients that ask for no name, or for one not here.
    certificates: Vec<Certificate>,
    /// By whole name.
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows the first label: `*.example.org` under `example.org`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
}

impl Table {
    fn new(certificates: Vec<Certificate>) -> Self {
        let mut exact = HashMap::new();
        let mut wildcard = HashMap::new();
        for certificate in &certificates {
            for name in &certificate.names {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut wildcard, parent),
                    None => (&mut exact, name.as_str()),
                };
                // The first in the configuration wins.
                map.entry(name.to_owned())
                    .or_insert_with(|| Arc::clone(&certificate.key));
            }
        }
        Self {
            certificates,
            exact,
            wildcard,
        }
    }
}

/// What tells that a file was written: modification time, length and inode of both files.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Stamp([Option<(std::time::SystemTime, u64, u64)>; 2]);

impl Stamp {
    fn of(files: &CertificateFiles) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self([&files.cert, &files.key].map(|path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        }))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable {
        file: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(CertificateError::TooLarge {
            file: path.to_owned(),
        });
    }
    Ok(bytes)
}

/// What a certificate says of itself.
struct Facts {
    names: Vec<String>,
    not_before: i64,
    not_after: i64,
}

/// The names a certificate is for (RFC 5280 §4.2.1.6), and from when to when.
fn facts(der: &CertificateDer<'_>, file: &Path) -> Result<Facts, CertificateError> {
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
    let wrong = |reason: String| CertificateError::NotX509 {
        file: file.to_owned(),
        reason,
    };
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| wrong(error.to_string()))?;
    let mut names = Vec::new();
    if let Some(alternative) = certificate
        .subject_alternative_name()
        .map_err(|error| wrong(error.to_string()))?
    {
        for name in &alternative.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                GeneralName::IPAddress(bytes) => {
                    if let Ok(four) = <[u8; 4]>::try_from(*bytes) {
                        names.push(std::net::Ipv4Addr::from(four).to_string());
                    } else if let Ok(sixteen) = <[u8; 16]>::try_from(*bytes) {
                        names.push(std::net::Ipv6Addr::from(sixteen).to_string());
                    }
                }
                _ => {}
            }
        }
    }
    Ok(Facts {
        names,
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

/// No certificate chain or key is larger.
const MAX_FILE: u64 = 1 << 20;
