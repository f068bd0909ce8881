//! A client's connection: TCP or Unix socket, plain or TLS, read by line or by chunk within limits.
//!
//! The line-based front-ends (IMAP, POP3, LMTP, submission) all stand on one [`Connection`], so that the rules that
//! have broken real servers are kept in one place:
//! - every read has a deadline, every line a limit, every write a deadline;
//! - a connection that waits holds no buffer: bytes are read on the stack and kept only when some came;
//! - what a client sent in the clear before TLS is never read as if it had come through TLS.
//!
//! What it does not do: it knows no protocol, and it opens no listener (that is `server`'s work).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod deflate;
mod error;
mod line;
mod stream;
mod tls;

use std::{
    fmt,
    future::poll_fn,
    mem::MaybeUninit,
    net::SocketAddr,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use deflate::Deflate;
pub use error::ConnectionError;
pub use line::{Cut, Line};
pub use stream::Stream;
pub use tls::TlsInfo;

/// The most bytes one read takes from the socket.
pub const READ_CHUNK: usize = 16 * 1024;

/// Names a connection in every log line about it. Unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// The next id.
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An internet address.
    Inet(SocketAddr),
    /// A process on this machine, by a Unix socket; its user id, if the system told it.
    Unix(Option<u32>),
}

impl Peer {
    /// Whether the bytes between us never leave this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Inet(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(Some(uid)) => write!(f, "unix:{uid}"),
            Self::Unix(None) => f.write_str("unix"),
        }
    }
}

/// What a listener knows of a connection that it has accepted.
#[derive(Clone)]
pub struct Origin {
    /// Its name in the logs.
    pub id: ConnectionId,
    /// Who is at the other end.
    pub peer: Peer,
    /// Our own end, if it is an internet address.
    pub local: Option<SocketAddr>,
    /// TLS for a later [`Connection::start_tls`]; `None`: not offered here.
    pub tls: Option<TlsAcceptor>,
    /// Cancelled when the server drains: [`Connection::line`] and [`Connection::fill`] end then.
    pub shutdown: CancellationToken,
    /// How long one write may wait for a client that does not read.
    pub write_timeout: Duration,
}

/// A client's connection.
pub struct Connection {
    stream: Stream,
    origin: Origin,
    tls: Option<TlsInfo>,
    input: BytesMut,
    output: BytesMut,
    /// Within a line that was too long, whose rest is still to be thrown away: what is kept of it.
    skipping: Option<Box<Cut>>,
    /// Compression, once it has begun.
    deflate: Option<Box<Deflate>>,
    /// [`Self::is_gone`] met the end of the stream.
    ended: bool,
}

impl Connection {
    /// A connection over an accepted socket; without TLS yet.
    pub fn new(stream: impl Into<Stream>, origin: Origin) -> Self {
        Self {
            stream: stream.into(),
            origin,
            tls: None,
            input: BytesMut::new(),
            output: BytesMut::new(),
            skipping: None,
            deflate: None,
            ended: false,
        }
    }

    /// Its name in the logs.
    pub fn id(&self) -> ConnectionId {
        self.origin.id
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Peer {
        self.origin.peer
    }

    /// Our own address, if it is an internet address.
    pub fn local(&self) -> Option<SocketAddr> {
        self.origin.local
    }

    /// What TLS is in force, if any.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_ref()
    }

    /// Whether [`Self::start_tls`] can be offered now.
    pub fn can_start_tls(&self) -> bool {
        self.tls.is_none() && self.origin.tls.is_some()
    }

    /// Whether a password may cross this connection: TLS is in force, or the bytes never leave this machine.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some() || self.origin.peer.is_local()
    }

    /// Cancelled when the server drains.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.origin.shutdown
    }

    /// Does the TLS handshake within `timeout`: first thing on a listener with implicit TLS, or after the reply to
    /// STARTTLS, STLS. The output must have been flushed.
    ///
    /// Whatever the client sent in the clear behind the command is an injection (CVE-2021-33515): the connection is
    /// refused then.
    pub async fn start_tls(mut self, timeout: Duration) -> Result<Self, ConnectionError> {
        self.upgrade_tls(timeout).await?;
        Ok(self)
    }

    /// The same in place, for a driver that holds the connection. After an error it is of no more use.
    pub async fn upgrade_tls(&mut self, timeout: Duration) -> Result<(), ConnectionError> {
        let Some(acceptor) = self.origin.tls.clone() else {
            return Err(ConnectionError::NoTls);
        };
        if self.tls.is_some() || self.deflate.is_some() {
            return Err(ConnectionError::NoTls);
        }
        if !self.input.is_empty() {
            return Err(ConnectionError::PlaintextBeforeTls);
        }
        // Boxed, or each driver has room for a handshake as long as its connection lasts.
        let handshake = Box::pin(self.stream.accept_tls(&acceptor));
        let (stream, info) = tokio::time::timeout(timeout, handshake)
            .await
            .map_err(|_| ConnectionError::TimedOut)??;
        self.stream = stream;
        self.tls = Some(info);
        Ok(())
    }

    /// Compresses both directions from here on (RFC 4978). The output must have been flushed; what has arrived already
    /// and was not taken is compressed.
    pub fn start_deflate(&mut self) {
        let mut deflate = Deflate::new();
        deflate.push(&std::mem::take(&mut self.input));
        self.deflate = Some(Box::new(deflate));
    }

    /// Whether another whole line has arrived already: a pipelined command whose reply may share a flush.
    pub fn has_line(&self) -> bool {
        self.skipping.is_none() && memchr::memchr(b'\n', &self.input).is_some()
    }

    /// The bytes that have arrived and were not taken yet.
    pub fn buffered(&self) -> &[u8] {
        &self.input
    }

    /// Takes `count` of the [`buffered`](Self::buffered) bytes, or all if there are fewer.
    pub fn take(&mut self, count: usize) -> Bytes {
        let count = count.min(self.input.len());
        let taken = self.input.split_to(count).freeze();
        self.release_input();
        taken
    }

    /// Reads a line of at most `limit` bytes without its end (CRLF, or a lone LF), waiting at most `timeout`. A line
    /// that is longer is read to its end, thrown away and reported. Ends early when the server drains.
    /// Safe to drop and call again.
    pub async fn line(&mut self, limit: usize, timeout: Duration) -> Result<Line, ConnectionError> {
        tokio::time::timeout(timeout, self.line_without_deadline(limit))
            .await
            .map_err(|_| ConnectionError::TimedOut)?
    }

    /// Takes up to `limit` bytes as they come, reading if none have arrived, waiting at most `timeout`. Does not end
    /// when the server drains, so that a message under way is finished.
    pub async fn chunk(
        &mut self,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, ConnectionError> {
        if self.input.is_empty() {
            tokio::time::timeout(timeout, self.read())
                .await
                .map_err(|_| ConnectionError::TimedOut)??;
        }
        Ok(self.take(limit))
    }

    /// Waits for more bytes to arrive behind those already [`buffered`](Self::buffered). Ends when the server drains.
    /// Safe to drop and call again: no byte is lost by that.
    pub async fn fill(&mut self) -> Result<(), ConnectionError> {
        let shutdown = self.origin.shutdown.clone();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Err(ConnectionError::ShuttingDown),
            result = self.read() => result,
        }
    }

    /// Whether the client has gone, as far as can be told without waiting: for whoever works long on an answer. What has
    /// arrived meanwhile is kept, within a bound.
    pub fn is_gone(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        while !self.ended && self.input.len() < READ_CHUNK {
            let mut space = [const { MaybeUninit::<u8>::uninit() }; 1024];
            let mut buffer = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => self.ended = true,
                Poll::Ready(Err(_)) => self.ended = true,
                Poll::Ready(Ok(())) => match &mut self.deflate {
                    Some(deflate) => {
                        deflate.push(buffer.filled());
                        break;
                    }
                    None => self.input.extend_from_slice(buffer.filled()),
                },
            }
        }
        self.ended
    }

    /// The buffer of what is to be sent; [`Self::flush`] sends it.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Sends the output buffer, and gives its memory back.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        let mut pending = std::mem::take(&mut self.output);
        if let Some(deflate) = &mut self.deflate
            && !pending.is_empty()
        {
            pending = deflate.fold(&pending, true)?.as_slice().into();
        }
        self.write(&pending).await?;
        let flushed = tokio::time::timeout(self.origin.write_timeout, self.stream.flush());
        Ok(flushed.await.map_err(|_| ConnectionError::TimedOut)??)
    }

    /// Sends the output buffer once it holds more than `high_water` bytes: call it while producing a long answer.
    pub async fn flush_above(&mut self, high_water: usize) -> Result<(), ConnectionError> {
        if self.output.len() > high_water {
            let mut pending = std::mem::take(&mut self.output);
            match &mut self.deflate {
                Some(deflate) => {
                    let folded = deflate.fold(&pending, false)?;
                    self.write(&folded).await?;
                }
                None => self.write(&pending).await?,
            }
            pending.clear();
            self.output = pending;
        }
        Ok(())
    }

    /// Sends the output buffer and says goodbye: TLS close_notify, then the end of the stream. Errors are of no use to
    /// anybody any more.
    pub async fn close(mut self) {
        if self.flush().await.is_ok() {
            drop(tokio::time::timeout(CLOSE_TIMEOUT, self.stream.shutdown()).await);
        }
    }

    async fn line_without_deadline(&mut self, limit: usize) -> Result<Line, ConnectionError> {
        let mut seen = 0;
        loop {
            if let Some(line) = line::take(&mut self.input, &mut self.skipping, &mut seen, limit) {
                self.release_input();
                return Ok(line);
            }
            self.fill().await?;
        }
    }

    /// Reads once, on the stack: a connection that waits holds no buffer.
    async fn read(&mut self) -> Result<(), ConnectionError> {
        if self.ended {
            return Err(ConnectionError::Closed);
        }
        let (stream, input) = (&mut self.stream, &mut self.input);
        let Some(deflate) = &mut self.deflate else {
            return read_some(stream, |bytes| input.extend_from_slice(bytes)).await;
        };
        loop {
            if deflate.has_more() && deflate.unfold(input, READ_CHUNK)? > 0 {
                return Ok(());
            }
            read_some(stream, |bytes| deflate.push(bytes)).await?;
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let stream = &mut self.stream;
            let written = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, rest));
            let count = tokio::time::timeout(self.origin.write_timeout, written)
                .await
                .map_err(|_| ConnectionError::TimedOut)??;
            if count == 0 {
                return Err(ConnectionError::Closed);
            }
            rest = &rest[count..];
        }
        Ok(())
    }

    fn release_input(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
    }
}

/// Reads once from `stream` and hands on what came.
async fn read_some(
    stream: &mut Stream,
    mut take: impl FnMut(&[u8]),
) -> Result<(), ConnectionError> {
    let count = poll_fn(|cx| {
        let mut space = [const { MaybeUninit::<u8>::uninit() }; READ_CHUNK];
        let mut buffer = ReadBuf::uninit(&mut space);
        match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
            Ok(()) => {
                take(buffer.filled());
                Poll::Ready(Ok(buffer.filled().len()))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    })
    .await?;
    if count == 0 {
        Err(ConnectionError::Closed)
    } else {
        Ok(())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.origin.id)
            .field("peer", &self.origin.peer)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
