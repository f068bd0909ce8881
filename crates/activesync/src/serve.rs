//! The thin driver: from an HTTP request to a command and back.

use fieldpost_mailbox::AccountId;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The client's address; `None`: a Unix socket.
    pub peer: Option<std::net::IpAddr>,
    /// Whether a password may cross the connection: TLS is in force, here or at a proxy that is trusted.
    pub secure: bool,
    /// The connection's number in log lines.
    pub connection: u64,
}
