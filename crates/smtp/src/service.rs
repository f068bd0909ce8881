//! What every connection of LMTP or of submission shares.

use std::{sync::Arc, time::Duration};

use fieldpost_transport::Transport;

use crate::{
    codec::{command::Dialect, data::LineEnds},
    submission::Submission,
};

/// A service: one for all listeners with the same settings.
///
/// LMTP has no sign-in: whoever can connect can deliver to every mailbox. So a listener belongs on a Unix socket with
/// the right permissions or on loopback; `server` refuses any other place unless its configuration says otherwise.
#[derive(Debug)]
pub struct Service {
    /// Where recipients are looked up and messages go.
    pub transport: Arc<Transport>,
    /// Limits and manners.
    pub settings: Settings,
    /// There if it is submission, absent if it is LMTP.
    pub submission: Option<Submission>,
}

impl Service {
    /// What is spoken here.
    pub fn dialect(&self) -> Dialect {
        match self.submission {
            Some(_) => Dialect::Submission,
            None => Dialect::Lmtp,
        }
    }
}

/// Limits and manners of a service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our own name, in the greeting and in `Received` fields.
    pub hostname: String,
    /// The largest message taken, in bytes (RFC 1870); announced as SIZE.
    pub max_message_size: u64,
    /// The most recipients of one message. RFC 5321 §4.5.3.1.8 asks for at least 100.
    pub max_recipients: usize,
    /// The longest command line, in bytes without its end; at least 512 (RFC 5321 §4.5.3.1.4).
    pub max_command_line: usize,
    /// After so many errors of the protocol the connection is closed.
    pub max_errors: u32,
    /// After so many commands in a row that bring no message nearer, each further one counts as an error.
    pub max_idle_commands: u32,
    /// What becomes of a CR or LF that stands alone.
    pub line_ends: LineEnds,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

/// How long to wait for a client (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a whole command line, however its bytes drip in (§4.5.3.2.7: five minutes).
    pub command: Duration,
    /// For the next bytes of a message (§4.5.3.2.5: three minutes).
    pub data_block: Duration,
    /// For a whole message: a sender that drips is given up.
    pub message: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            max_message_size: 64 * 1024 * 1024,
            max_recipients: 1000,
            max_command_line: 2048,
            max_errors: 20,
            max_idle_commands: 100,
            line_ends: LineEnds::default(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            command: Duration::from_mins(5),
            data_block: Duration::from_mins(3),
            message: Duration::from_hours(1),
            handshake: Duration::from_secs(30),
        }
    }
}
