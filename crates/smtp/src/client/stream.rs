//! A connection to a server: lines in within a limit, bytes out, TLS, a deadline for everything.

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::reply::{ReplyError, ReplyParser, ServerReply};

/// What can go wrong with a connection to a server.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server closed it.
    #[error("the server closed the connection")]
    Closed,
    /// The server took too long.
    #[error("the server did not answer in time")]
    TimedOut,
    /// What came is no reply.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// A line longer than any reply's.
    #[error("a reply line longer than {MAX_LINE} bytes")]
    LongLine,
    /// Something came in the clear behind the reply to STARTTLS (CVE-2021-33515, seen from the client).
    #[error("the server sent more than its reply before TLS")]
    PlaintextBeforeTls,
    /// The handshake failed.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// The message can't be read from our own store.
    #[error("the message can't be read")]
    Unreadable,
    /// The system's own error.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// Anything that bytes go through both ways.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, in the clear or through TLS.
pub(super) struct ClientStream {
    io: Box<dyn Duplex>,
    input: BytesMut,
    parser: ReplyParser,
    /// Taken by the handshake.
    is_secure: bool,
}

impl ClientStream {
    pub(super) fn new(stream: TcpStream) -> Self {
        // Commands go out whole; whether this system can send them at once makes no difference to what is right.
        drop(stream.set_nodelay(true));
        Self {
            io: Box::new(stream),
            input: BytesMut::new(),
            parser: ReplyParser::default(),
            is_secure: false,
        }
    }

    /// Whether TLS is in force.
    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Does the TLS handshake.
    pub(super) async fn start_tls(
        self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        if !self.input.is_empty() {
            return Err(ClientError::PlaintextBeforeTls);
        }
        let handshake = TlsConnector::from(config).connect(name, self.io);
        let stream = tokio::time::timeout(timeout, handshake)
            .await
            .map_err(|_| ClientError::TimedOut)?
            .map_err(ClientError::Tls)?;
        Ok(Self {
            io: Box::new(stream),
            input: BytesMut::new(),
            parser: ReplyParser::default(),
            is_secure: true,
        })
    }

    /// Sends bytes.
    pub(super) async fn send(
        &mut self,
        bytes: &[u8],
        timeout: Duration,
    ) -> Result<(), ClientError> {
        let io = &mut self.io;
        let sent = async {
            io.write_all(bytes).await?;
            io.flush().await
        };
        tokio::time::timeout(timeout, sent)
            .await
            .map_err(|_| ClientError::TimedOut)??;
        Ok(())
    }

    /// Whether something has arrived that was not read yet, or the end of the stream: between two messages, either means
    /// that the connection is of no more use.
    pub(super) fn has_news(&mut self) -> bool {
        use std::task::{Context, Waker};
        if !self.input.is_empty() {
            return true;
        }
        let mut space = [0; 1];
        let mut buffer = tokio::io::ReadBuf::new(&mut space);
        let mut cx = Context::from_waker(Waker::noop());
        std::pin::Pin::new(&mut self.io)
            .poll_read(&mut cx, &mut buffer)
            .is_ready()
    }

    /// The next reply, whole within `timeout`.
    pub(super) async fn reply(&mut self, timeout: Duration) -> Result<ServerReply, ClientError> {
        tokio::time::timeout(timeout, self.reply_without_deadline())
            .await
            .map_err(|_| ClientError::TimedOut)?
    }

    async fn reply_without_deadline(&mut self) -> Result<ServerReply, ClientError> {
        loop {
            while let Some(end) = memchr::memchr(b'\n', &self.input) {
                let line = self.input.split_to(end);
                self.input.advance(1);
                if line.len() > MAX_LINE {
                    return Err(ClientError::LongLine);
                }
                let line = line.strip_suffix(b"\r").unwrap_or(&line);
                if let Some(reply) = self.parser.line(line)? {
                    return Ok(reply);
                }
            }
            if self.input.len() > MAX_LINE {
                return Err(ClientError::LongLine);
            }
            self.input.reserve(READ);
            let mut limited = (&mut self.io).take(READ as u64);
            if limited.read_buf(&mut self.input).await? == 0 {
                return Err(ClientError::Closed);
            }
        }
    }

    /// Ends the stream.
    pub(super) async fn shut_down(&mut self) {
        drop(self.io.shutdown().await);
    }
}

impl std::fmt::Debug for ClientStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientStream")
            .field("is_secure", &self.is_secure)
            .finish_non_exhaustive()
    }
}

/// The longest reply line read; RFC 5321 §4.5.3.1.5 says 512, and servers say more.
const MAX_LINE: usize = 4096;

/// The most that one read takes.
const READ: usize = 4096;
