//! Why a session ends before its client says LOGOUT.

use fieldpost_connection::ConnectionError;

/// What broke a session.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection can't go on.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A message broke off after its first octets were sent: only closing tells the client that it is not whole.
    #[error("a message could not be read to its end: {0}")]
    Message(#[source] fieldpost_mailbox::Error),
    /// A literal that was announced is larger than the server reads to keep the conversation in step.
    #[error("the client announced a literal that is too large to be passed over")]
    Literal,
}

impl Error {
    /// Whether this is an everyday ending that deserves no warning in the log.
    pub fn is_ordinary(&self) -> bool {
        match self {
            Self::Connection(error) => error.is_ordinary(),
            Self::Message(_) | Self::Literal => false,
        }
    }
}
