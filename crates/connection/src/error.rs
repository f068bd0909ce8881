//! How a connection ends.

use std::io;

/// Why a connection can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The client closed it.
    #[error("closed by the client")]
    Closed,
    /// The client sent, or took, nothing for too long.
    #[error("timed out")]
    TimedOut,
    /// The server is draining.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// TLS was asked for where there is none, or a second time.
    #[error("TLS is not available here")]
    NoTls,
    /// Bytes followed STARTTLS in the clear: an injection, or a client that can't wait (CVE-2021-33515).
    #[error("the client sent data in the clear behind the command that starts TLS")]
    PlaintextBeforeTls,
    /// The TLS handshake failed.
    #[error("TLS handshake: {0}")]
    Handshake(io::Error),
    /// The network failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ConnectionError {
    /// Whether this is an everyday ending that deserves no warning in the log.
    pub fn is_ordinary(&self) -> bool {
        match self {
            Self::Closed | Self::TimedOut | Self::ShuttingDown => true,
            Self::Io(error) => matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            ),
            Self::NoTls | Self::PlaintextBeforeTls | Self::Handshake(_) => false,
        }
    }
}
