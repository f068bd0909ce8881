//! What can go wrong in this crate.

use std::{fmt, io, path::PathBuf};

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not TOML, or a value has the wrong type.
    #[error("{}:{line}: {reason}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A key or section that does not exist.
    #[error("{0}")]
    UnknownKey(Box<UnknownKey>),
    /// Values that do not fit together.
    #[error("{}: {reason}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// What does not fit, and what would.
        reason: String,
    },
    /// An environment variable that does not fit.
    #[error("environment: {reason}")]
    Environment {
        /// Which one, and what is wrong.
        reason: String,
    },
}

/// A key or section that does not exist.
#[derive(Debug)]
pub struct UnknownKey {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// The key as written.
    pub key: String,
    /// Where it stands; empty = it is a section.
    pub section: String,
    /// What may have been meant.
    pub nearest: Option<String>,
    /// All that could stand there.
    pub known: String,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        if self.section.is_empty() {
            write!(f, "there is no section [{}]", self.key)?;
        } else {
            write!(f, "[{}] has no key {}", self.section, self.key)?;
        }
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest}?"),
            None => write!(f, "; known: {}", self.known),
        }
    }
}

/// A certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is larger than any certificate or key.
    #[error("{}: larger than 1 MiB, so it is no certificate", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// A file is not PEM, or holds nothing of the kind that was looked for.
    #[error("{}: {reason}", file.display())]
    NotPem {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        reason: String,
    },
    /// Certificate and key do not belong together, or their kind is not supported.
    #[error("{} with {}: {source}", cert.display(), key.display())]
    Unusable {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
    /// The certificate cannot be parsed.
    #[error("{}: not an X.509 certificate: {reason}", file.display())]
    NotX509 {
        /// The file.
        file: PathBuf,
        /// What the parser said.
        reason: String,
    },
}

impl CertificateError {
    /// Whether a file is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// A listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system refused the address.
    #[error("cannot listen on {endpoint}: {source}{}", listen_hint(source))]
    Refused {
        /// Where.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// What is written in the configuration cannot be.
    #[error("cannot listen: {reason}")]
    Wrong {
        /// What is wrong.
        reason: String,
    },
    /// Somebody answers on the Unix socket already.
    #[error("cannot listen on unix:{}: another process does", path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
}

impl ListenError {
    /// Whether somebody else has it.
    pub fn is_taken(&self) -> bool {
        match self {
            Self::Refused { source, .. } => source.kind() == io::ErrorKind::AddrInUse,
            Self::Taken { .. } => true,
            Self::Wrong { .. } => false,
        }
    }
}

fn listen_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; is another mail server running? `ss -ltnp` tells",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit gives it), \
             a Unix socket a directory that the server's user may write"
        }
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has that address",
        _ => "",
    }
}
