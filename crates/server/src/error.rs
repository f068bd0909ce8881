//! What can go wrong in this crate.

use std::{io, path::PathBuf};

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
    #[error("{}:{line}: {}", file.display(), unknown_key(key, section, nearest.as_deref(), known))]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The key as written.
        key: String,
        /// Where it stands; empty = it is a section.
        section: String,
        /// What may have been meant.
        nearest: Option<String>,
        /// All that could stand there.
        known: String,
    },
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

fn unknown_key(key: &str, section: &str, nearest: Option<&str>, known: &str) -> String {
    let what = if section.is_empty() {
        format!("there is no section [{key}]")
    } else {
        format!("[{section}] has no key {key}")
    };
    match nearest {
        Some(nearest) => format!("{what}; did you mean {nearest}?"),
        None => format!("{what}; known: {known}"),
    }
}
