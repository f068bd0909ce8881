//! The four kinds of stream behind a connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{ConnectionError, TlsInfo};

/// TCP or a Unix socket, plain or TLS.
#[derive(Debug)]
pub enum Stream {
    /// TCP in the clear.
    Tcp(TcpStream),
    /// A Unix socket in the clear.
    Unix(UnixStream),
    /// TLS over TCP.
    TcpTls(Box<TlsStream<TcpStream>>),
    /// TLS over a Unix socket.
    UnixTls(Box<TlsStream<UnixStream>>),
    /// Taken apart while TLS starts; every read and write fails.
    Gone,
}

impl Stream {
    pub(crate) async fn accept_tls(
        &mut self,
        acceptor: &TlsAcceptor,
    ) -> Result<(Self, TlsInfo), ConnectionError> {
        match std::mem::replace(self, Self::Gone) {
            Self::Tcp(stream) => {
                let stream = acceptor
                    .accept(stream)
                    .await
                    .map_err(ConnectionError::Handshake)?;
                let info = TlsInfo::of(stream.get_ref().1);
                Ok((Self::TcpTls(Box::new(stream)), info))
            }
            Self::Unix(stream) => {
                let stream = acceptor
                    .accept(stream)
                    .await
                    .map_err(ConnectionError::Handshake)?;
                let info = TlsInfo::of(stream.get_ref().1);
                Ok((Self::UnixTls(Box::new(stream)), info))
            }
            Self::TcpTls(_) | Self::UnixTls(_) | Self::Gone => Err(ConnectionError::NoTls),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::TcpTls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::UnixTls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::TcpTls(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::UnixTls(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::TcpTls(stream) => Pin::new(stream).poll_flush(cx),
            Self::UnixTls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::TcpTls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::UnixTls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}

fn gone() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the stream was taken over by a TLS handshake that failed",
    )
}
