//! What an operator may choose.

use std::time::Duration;

/// How the IMAP front-end behaves. The default is fit for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name by which the greeting introduces the server.
    pub host_name: String,
    /// How long a signed-in client may be silent. RFC 9051 §5.4 asks for 30 minutes at least. Default: 31 minutes.
    pub idle_timeout: Duration,
    /// How long a client that has not signed in may take for one line. Default: one minute.
    pub sign_in_idle_timeout: Duration,
    /// How long a connection may last without sign-in, however busy. Default: three minutes.
    pub sign_in_timeout: Duration,
    /// How long a client may pause within a literal. Default: two minutes.
    pub literal_timeout: Duration,
    /// How long a TLS handshake may take. Default: 30 s.
    pub handshake_timeout: Duration,
    /// Every so long something is said in IDLE (`* OK Still here`), so that a dead connection is noticed and a
    /// firewall keeps it open; zero: never. Default: two minutes.
    pub idle_notice: Duration,
    /// The most bytes of a command after sign-in, its literals included (not the messages of APPEND). Default: 64 KiB.
    pub command_limit: usize,
    /// The same before sign-in. Default: 8 KiB.
    pub sign_in_command_limit: usize,
    /// The largest message that APPEND takes, in bytes; 0: as large as the mailbox takes. Default: 0.
    pub append_limit: u64,
    /// The most messages in one APPEND (MULTIAPPEND). Default: 1000.
    pub append_messages: usize,
    /// After so many refused sign-ins the connection is closed. Default: 5.
    pub failed_sign_ins: u32,
    /// After so many commands that are none, or not allowed, the connection is closed; after sign-in so many in a row.
    /// Default: 20.
    pub bad_commands: u32,
    /// How many connections an account may have at a time. Default: 100.
    pub connections_per_account: u32,
    /// Capabilities that are not offered to some clients.
    pub masks: Vec<Mask>,
}

/// What is kept from clients that can't handle it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// What the client calls itself in `ID`: part of its `name`, in any case; empty: every client.
    pub client: String,
    /// Capabilities that it is not offered, upper case: `QRESYNC`, `COMPRESS=DEFLATE`.
    pub without: Vec<String>,
}

impl Settings {
    /// The idle time after sign-in, never below what the RFC asks for.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.idle_timeout.max(LEAST_IDLE_TIMEOUT)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host_name: "localhost".to_owned(),
            idle_timeout: Duration::from_mins(31),
            sign_in_idle_timeout: Duration::from_mins(1),
            sign_in_timeout: Duration::from_mins(3),
            literal_timeout: Duration::from_mins(2),
            handshake_timeout: Duration::from_secs(30),
            idle_notice: Duration::from_mins(2),
            command_limit: 64 * 1024,
            sign_in_command_limit: 8 * 1024,
            append_limit: 0,
            append_messages: 1000,
            failed_sign_ins: 5,
            bad_commands: 20,
            connections_per_account: 100,
            masks: Vec::new(),
        }
    }
}

/// RFC 9051 §5.4: the autologout timer must be at least 30 minutes.
const LEAST_IDLE_TIMEOUT: Duration = Duration::from_mins(30);
