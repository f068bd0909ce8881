//! A connection to a server: lines in within a limit, bytes out, TLS, a deadline for everything.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

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
    /// Something came that nothing had asked for: whose answer the next reply is, nobody knows any more.
    #[error("the server said more than it was asked")]
    Unasked,
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

    /// Sends bytes while nothing is to come from the server. `false`: something did, or the end of the stream, and the rest was not sent.
    pub(super) async fn send_unless_news(
        &mut self,
        bytes: &[u8],
        timeout: Duration,
    ) -> Result<bool, ClientError> {
        let mut rest = bytes;
        let sent = poll_fn(|cx| {
            if !self.input.is_empty() {
                return Poll::Ready(Ok(false));
            }
            loop {
                let polled = if rest.is_empty() {
                    Pin::new(&mut self.io).poll_flush(cx).map_ok(|()| 0)
                } else {
                    Pin::new(&mut self.io).poll_write(cx, rest)
                };
                match polled {
                    Poll::Ready(Ok(_)) if rest.is_empty() => return Poll::Ready(Ok(true)),
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(count)) => rest = &rest[count..],
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending if self.poll_news(cx) => return Poll::Ready(Ok(false)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let sent = tokio::time::timeout(timeout, sent).await;
        Ok(sent.map_err(|_| ClientError::TimedOut)??)
    }

    /// An error if something has arrived that was not read yet, or the end of the stream: where nothing is waited for, either means that
    /// the connection is of no more use.
    pub(super) fn expect_nothing(&mut self) -> Result<(), ClientError> {
        let has_ended = self.input.is_empty() && {
            let has_news = self.poll_news(&mut Context::from_waker(Waker::noop()));
            has_news && self.input.is_empty()
        };
        match (has_ended, self.input.is_empty()) {
            (true, _) => Err(ClientError::Closed),
            (false, true) => Ok(()),
            (false, false) => Err(ClientError::Unasked),
        }
    }

    fn poll_news(&mut self, cx: &mut Context<'_>) -> bool {
        let mut space = [0; 512];
        let mut buffer = tokio::io::ReadBuf::new(&mut space);
        let read = Pin::new(&mut self.io).poll_read(cx, &mut buffer);
        self.input.extend_from_slice(buffer.filled());
        read.is_ready()
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
