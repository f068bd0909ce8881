//! A connection to another server: TCP, TLS from the first byte or later, lines and pieces of data in bounded memory.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use fieldpost_smtp::client;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::exchange::{Failure, FailureKind};

/// Where another server listens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How TLS begins.
    pub security: Security,
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// With the first byte.
    Implicit,
    /// When the client asks for it.
    Starttls,
    /// Never: passwords and mail can be read on the way.
    None,
}

/// Which certificates are believed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Those of the authorities that this machine trusts.
    System,
    /// Those of the authorities in this PEM text.
    Authorities(String),
    /// The one with this SHA-256 fingerprint.
    Fingerprint([u8; 32]),
    /// Any.
    Anything,
}

/// Why a conversation with another server ended.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It could not be reached, or broke off.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// It has no name that a certificate could have.
    #[error("{0} is no name of a server")]
    Name(String),
    /// The authorities cannot be read.
    #[error("authorities: {0}")]
    Authorities(String),
    /// It closed.
    #[error("it closed the connection")]
    Closed,
    /// It was silent for too long.
    #[error("it did not answer for {} minutes", PATIENCE.as_secs() / 60)]
    Silent,
    /// It said more on one line than we keep.
    #[error(
        "it sent a line of more than {MAX_LINE} bytes, or more lines than anybody can have messages"
    )]
    TooLong,
    /// It said something that this protocol has no place for.
    #[error("it answered what cannot be understood: {0}")]
    Unexpected(String),
    /// It offers no TLS.
    #[error("it offers no TLS on this port")]
    NoTls,
    /// It refused a command.
    #[error("it refused {command}: {text}")]
    Refused {
        /// The command's name.
        command: &'static str,
        /// What it said.
        text: String,
    },
}

impl RemoteError {
    /// What the server said that was not expected, cut to a length that can be shown.
    pub fn unexpected(said: &[u8]) -> Self {
        Self::Unexpected(text_of(said))
    }

    /// As the command line tells it.
    pub fn failure(self, server: &Server) -> Failure {
        let kind = match &self {
            Self::Refused { .. } | Self::Unexpected(_) | Self::TooLong => FailureKind::Failed,
            Self::Name(_) | Self::Authorities(_) | Self::NoTls => FailureKind::Usage,
            Self::Io(_) | Self::Closed | Self::Silent => FailureKind::Temporary,
        };
        let is_certificate = matches!(&self, Self::Io(error)
            if error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some());
        let failure = Failure::new(kind, format!("{}: {self}", server.host));
        match self {
            Self::NoTls => failure.advise("try --tls starttls, --tls implicit or another port"),
            Self::Io(_) if is_certificate => failure.advise(
                "name its authority with --ca FILE, or its certificate with --fingerprint SHA256",
            ),
            Self::Io(_) | Self::Closed | Self::Silent => {
                failure.advise("run the same command again: it goes on where it stopped")
            }
            Self::Refused { .. }
            | Self::Unexpected(_)
            | Self::TooLong
            | Self::Name(_)
            | Self::Authorities(_) => failure,
        }
    }
}

/// Text from a server, in a form and of a length that can be shown.
pub fn text_of(said: &[u8]) -> String {
    String::from_utf8_lossy(said)
        .chars()
        .filter(|char| !char.is_control())
        .take(200)
        .collect()
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection.
pub struct Lines {
    stream: BufReader<Box<dyn Duplex>>,
}

impl Lines {
    /// Connects.
    pub async fn connect(server: &Server, trust: &Trust) -> Result<Self, RemoteError> {
        let connecting = TcpStream::connect((server.host.as_str(), server.port));
        let stream = timed(connecting).await??;
        stream.set_nodelay(true)?;
        let lines = Self::over(stream);
        match server.security {
            Security::Implicit => lines.start_tls(server, trust).await,
            Security::Starttls | Security::None => Ok(lines),
        }
    }

    fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self {
            stream: BufReader::with_capacity(BUFFER, Box::new(stream)),
        }
    }

    /// Begins TLS. What came in the clear and was not read yet is refused: somebody else may have written it
    /// (CVE-2021-33515 from the other side).
    pub async fn start_tls(self, server: &Server, trust: &Trust) -> Result<Self, RemoteError> {
        if !self.stream.buffer().is_empty() {
            return Err(RemoteError::unexpected(self.stream.buffer()));
        }
        let name = ServerName::try_from(server.host.clone())
            .map_err(|_| RemoteError::Name(server.host.clone()))?;
        let connector = TlsConnector::from(tls(trust)?);
        let stream = timed(connector.connect(name, self.stream.into_inner())).await??;
        Ok(Self::over(stream))
    }

    /// Reads a line behind what is in `line`, without its line end.
    pub async fn line(&mut self, line: &mut Vec<u8>) -> Result<(), RemoteError> {
        loop {
            let buffer = timed(self.stream.fill_buf()).await??;
            if buffer.is_empty() {
                return Err(RemoteError::Closed);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            if line.len() + piece.len() > MAX_LINE {
                return Err(RemoteError::TooLong);
            }
            line.extend_from_slice(piece);
            let taken = piece.len() + usize::from(end.is_some());
            self.stream.consume(taken);
            if end.is_some() {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(());
            }
        }
    }

    /// Reads some bytes, at most `most` and at least one.
    pub async fn some(&mut self, most: u64) -> Result<Bytes, RemoteError> {
        let buffer = timed(self.stream.fill_buf()).await??;
        if buffer.is_empty() {
            return Err(RemoteError::Closed);
        }
        let count = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let bytes = Bytes::copy_from_slice(&buffer[..count]);
        self.stream.consume(count);
        Ok(bytes)
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), RemoteError> {
        timed(async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await??;
        Ok(())
    }
}

async fn timed<T>(work: impl Future<Output = T>) -> Result<T, RemoteError> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .map_err(|_| RemoteError::Silent)
}

fn tls(trust: &Trust) -> Result<Arc<ClientConfig>, RemoteError> {
    let provider = Arc::new(ring::default_provider());
    let config = match trust {
        Trust::System => client::verified(provider, authorities(&system_authorities()?)?),
        Trust::Authorities(pem) => client::verified(provider, authorities(pem.as_bytes())?),
        Trust::Fingerprint(wanted) => {
            let wanted = *wanted;
            client::checked(provider, move |certificate| {
                has_fingerprint(certificate, &wanted)
            })
        }
        Trust::Anything => client::unverified(provider),
    };
    Ok(config.map_err(std::io::Error::other)?)
}

fn has_fingerprint(
    certificate: &CertificateDer<'_>,
    wanted: &[u8; 32],
) -> Result<(), rustls::Error> {
    let is = <[u8; 32]>::from(sha2::Sha256::digest(certificate));
    if is == *wanted {
        return Ok(());
    }
    Err(rustls::Error::General(format!(
        "its certificate has the fingerprint {}",
        hexadecimal(&is)
    )))
}

/// The file in which this machine keeps the authorities that it trusts.
fn system_authorities() -> Result<Vec<u8>, RemoteError> {
    SYSTEM_AUTHORITIES
        .iter()
        .find_map(|path| std::fs::read(path).ok())
        .ok_or_else(|| {
            RemoteError::Authorities("this machine has none (package ca-certificates)".into())
        })
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, RemoteError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| RemoteError::Authorities(error.to_string()))?;
        // A bundle may hold one that is out of use.
        drop(roots.add(certificate));
    }
    if roots.is_empty() {
        return Err(RemoteError::Authorities("there is none in it".into()));
    }
    Ok(roots)
}

/// A SHA-256 fingerprint, with colons or without, in either case.
pub fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|char| *char != ':')
        .map(|char| char.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    (digits.len() == 64)
        .then(|| bytes.try_into().ok())
        .flatten()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_mins(5);

/// How much is read at once.
const BUFFER: usize = 64 * 1024;

/// The longest line, with the literals in it.
pub const MAX_LINE: usize = 1 << 20;

const SYSTEM_AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_with_colons_and_without() {
        let plain = "00ff".repeat(16);
        let mut wanted = [0; 32];
        for odd in wanted.iter_mut().skip(1).step_by(2) {
            *odd = 0xff;
        }
        assert_eq!(fingerprint(&plain), Some(wanted));
        assert_eq!(fingerprint(&plain.to_uppercase()), Some(wanted));
        assert_eq!(fingerprint(&vec!["00:FF"; 16].join(":")), Some(wanted));
        for wrong in ["", "00", &"00ff".repeat(17), &"0g".repeat(32)] {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
        assert_eq!(hexadecimal(&wanted), plain);
    }

    #[tokio::test]
    async fn a_line_is_bounded_and_a_server_that_closes_is_told() {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let mut lines = Lines::over(ours);
        let writer = tokio::spawn(async move {
            let mut theirs = theirs;
            theirs.write_all(b"one\r\ntwo\n").await.unwrap();
            // Nobody takes all of it.
            drop(theirs.write_all(&vec![b'x'; MAX_LINE + BUFFER * 2]).await);
        });
        for wanted in ["one", "two"] {
            let mut line = Vec::new();
            lines.line(&mut line).await.unwrap();
            assert_eq!(line, wanted.as_bytes());
        }
        let long = lines.line(&mut Vec::new()).await;
        assert!(matches!(long, Err(RemoteError::TooLong)));
        drop(lines);
        writer.await.unwrap();

        let (ours, theirs) = tokio::io::duplex(100);
        drop(theirs);
        let closed = Lines::over(ours).line(&mut Vec::new()).await;
        assert!(matches!(closed, Err(RemoteError::Closed)));
    }
}
