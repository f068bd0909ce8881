//! HTTP/1.1 as a phone speaks it: one connection, one request at a time.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

use bytes::{Buf as _, BytesMut};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpSocket,
};
use tokio_rustls::TlsConnector;

use super::{Options, Outcome};

/// A connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
}

/// A response in one piece.
#[derive(Debug)]
pub struct Response {
    /// HTTP's status.
    pub status: u16,
    /// Whether the server closes the connection behind it.
    pub closes: bool,
    /// `Location` of a redirect, or what else is worth telling.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connection {
    /// Connects; `number` chooses the address that it comes from.
    pub async fn open(options: &Options, number: usize) -> Outcome<Self> {
        let socket = match options.host {
            IpAddr::V4(_) => TcpSocket::new_v4()?,
            IpAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if options.sources > 1 {
            // The kernel chooses the port, out of those of each address.
            let source = IpAddr::from([127, 0, 0, 2 + (number % options.sources) as u8]);
            socket.bind((source, 0).into())?;
        }
        let stream = socket
            .connect(SocketAddr::new(options.host, options.port))
            .await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = if options.tls {
            let name = ServerName::try_from("localhost")?;
            Box::new(TlsConnector::from(tls()).connect(name, stream).await?)
        } else {
            Box::new(stream)
        };
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
        })
    }

    /// Sends a request, head and body as they are.
    pub async fn send(&mut self, head: &str, body: &[u8]) -> Outcome<()> {
        let mut request = Vec::with_capacity(head.len() + body.len());
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Reads a response.
    pub async fn receive(&mut self) -> Outcome<Response> {
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                break String::from_utf8_lossy(&head).into_owned();
            }
            self.more().await?;
        };
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| format!("no HTTP: {head}"))?;
        let says = |name: &str, value: &str| {
            field(&head, name).is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        let length: Option<usize> = field(&head, "content-length").and_then(|n| n.parse().ok());
        let mut closes = says("connection", "close") || head.starts_with("HTTP/1.0");
        let body = if says("transfer-encoding", "chunked") {
            self.chunks().await?
        } else if let Some(length) = length {
            self.exactly(length).await?
        } else if closes {
            while self.more().await.is_ok() {}
            self.buffer.split().to_vec()
        } else {
            closes = true;
            Vec::new()
        };
        Ok(Response {
            status,
            closes,
            head,
            body,
        })
    }

    async fn chunks(&mut self) -> Outcome<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.buffer, b"\r\n") {
                    break end;
                }
                self.more().await?;
            };
            let line = self.buffer.split_to(end + 2);
            let text = String::from_utf8_lossy(&line[..end]);
            let size =
                usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16)?;
            body.extend(self.exactly(size).await?);
            self.exactly(2).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> Outcome<Vec<u8>> {
        let mut body = Vec::with_capacity(length);
        loop {
            let part = self.buffer.len().min(length - body.len());
            body.extend_from_slice(&self.buffer[..part]);
            self.buffer.advance(part);
            if body.len() == length {
                return Ok(body);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Outcome<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(())
    }

    /// Gives back what it holds to read into, since it will wait for long.
    pub fn rest(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}

/// A field of a head.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|at| at == wanted)
}

/// TLS that believes every certificate: the server is one that we started.
fn tls() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("ring has the default versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believe(provider)))
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Arc::new(config)
    });
    Arc::clone(config)
}

#[derive(Debug)]
struct Believe(Arc<CryptoProvider>);

impl ServerCertVerifier for Believe {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
