//! The plainest HTTP/1.1 client, over TLS.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// A server, and whom its certificate is trusted from.
#[derive(Clone, Debug)]
pub struct Site {
    address: String,
    tls: Arc<ClientConfig>,
}

/// A connection that is kept between requests.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    host: String,
}

/// What is sent.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `POST`
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// Header fields, but those about the host and the length.
    pub fields: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// `200`
    pub status: u16,
    /// Header fields: names in lower case, and values.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Site {
    /// The server at `address` (`address:port`), whose certificate was issued by the one in the PEM file `ca`.
    pub fn new(address: String, ca: &str) -> io::Result<Self> {
        let ca = CertificateDer::from_pem_file(ca).map_err(io::Error::other)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            address,
            tls: Arc::new(tls),
        })
    }

    /// Connects; the handshake comes with the first request.
    pub fn connect(&self) -> io::Result<Connection> {
        let socket = TcpStream::connect(&self.address)?;
        socket.set_nodelay(true)?;
        // Longer than the shortest time for which the server lets a phone wait.
        socket.set_read_timeout(Some(Duration::from_secs(90)))?;
        let name = self.address.rsplit_once(':').map_or("", |(name, _)| name);
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let tls = ClientConnection::new(self.tls.clone(), name).map_err(io::Error::other)?;
        Ok(Connection {
            stream: BufReader::new(StreamOwned::new(tls, socket)),
            host: self.address.clone(),
        })
    }
}

impl Connection {
    /// Sends a request and reads the response, whatever it is.
    pub fn ask(&mut self, request: &Request) -> io::Result<Response> {
        self.send(request)?;
        self.response()
    }

    /// Sends a request.
    pub fn send(&mut self, request: &Request) -> io::Result<()> {
        let (method, target) = (request.method, &request.target);
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in &request.fields {
            head.extend([name, ": ", value.as_str(), "\r\n"]);
        }
        head.extend(["Content-Length: ", &request.body.len().to_string()]);
        head.push_str("\r\n\r\n");
        let mut octets = head.into_bytes();
        octets.extend_from_slice(&request.body);
        let stream = self.stream.get_mut();
        stream.write_all(&octets)?;
        stream.flush()
    }

    /// Reads a response.
    pub fn response(&mut self) -> io::Result<Response> {
        let first = self.line()?;
        let status = first
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok());
        let mut response = Response {
            status: status.ok_or_else(|| io::Error::other(first))?,
            ..Response::default()
        };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            let field = (name.to_ascii_lowercase(), value.trim().to_owned());
            response.fields.push(field);
        }
        if response.field("transfer-encoding") == Some("chunked") {
            self.chunks(&mut response.body)?;
        } else {
            let length = response.field("content-length").unwrap_or("0");
            let length = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            response.body = vec![0; length];
            self.stream.read_exact(&mut response.body)?;
        }
        Ok(response)
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let size = self.line()?;
            let size = usize::from_str_radix(&size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            let start = body.len();
            body.resize(start + size, 0);
            self.stream.read_exact(&mut body[start..])?;
            if !self.line()?.is_empty() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let line = line
            .strip_suffix(b"\r\n")
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        String::from_utf8(line.to_vec()).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

impl Response {
    /// A header field's value, by its name in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(other, _)| other == name)?;
        Some(value)
    }
}
