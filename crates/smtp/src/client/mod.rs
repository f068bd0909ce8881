//! SMTP to other servers: the client's side of RFC 5321, for the transport's queue.
//!
//! One [`Relay`] opens connections to a smarthost or to the mail exchangers of domains; a [`session`] sends messages over
//! one, their envelopes pipelined (RFC 2920), their bytes streamed.
//!
//! Invariants:
//! - A recipient counts as handed over only after the server's 2yz reply to the whole message.
//! - A password crosses TLS only, and only to a host whose certificate was verified where the operator asked for that.
//! - Nothing a server says is taken beyond bounds: lines, lines of a reply, time (RFC 5321 §4.5.3.2), each reply's and the
//!   whole message's.
//! - Each reply is the answer to one command: a server that says more than it was asked is not asked for more.

mod mx;
mod outgoing_data;
mod relay;
mod reply;
mod session;
mod stream;
mod tls;

use std::{sync::Arc, time::Duration};

use rustls::ClientConfig;

pub use mx::Exchangers;
pub use outgoing_data::DataEncoder;
pub use relay::Relay;
pub use reply::{ReplyError, ReplyParser, ServerReply};
pub use stream::ClientError;
pub use tls::{certificates, checked, unverified, verified};

/// How a connection is to be secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RelayTls {
    /// Never.
    Off,
    /// If the server offers it, with any certificate: better than nothing, and no protection from whoever sits in between.
    Opportunistic,
    /// Always, with any certificate.
    Required,
    /// Always, with a certificate of the server's name that a known authority vouches for.
    #[default]
    Verified,
}

/// Where all mail goes.
#[derive(Clone, Debug)]
pub struct Smarthost {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS begins with the first byte (RFC 8314 §3.3: port 465).
    pub implicit_tls: bool,
    /// Whom we sign in as.
    pub credentials: Option<Credentials>,
}

/// A name and a password.
#[derive(Clone)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Arc<str>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("password", &"/* REDACTED */")
            .finish()
    }
}

/// Settings of the client.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Our own name, in EHLO.
    pub hostname: String,
    /// The host that takes all mail, if there is one.
    pub smarthost: Option<Smarthost>,
    /// Where the hosts of domains are looked up, if mail goes straight to them.
    pub exchangers: Option<Arc<Exchangers>>,
    /// The port on which those hosts take mail: 25.
    pub exchanger_port: u16,
    /// How connections are secured.
    pub tls: RelayTls,
    /// TLS as the operator wants it: which authorities are known.
    pub tls_config: Arc<ClientConfig>,
    /// How long to wait for what.
    pub timeouts: ClientTimeouts,
}

/// How long to wait for a server (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug)]
pub struct ClientTimeouts {
    /// For the connection.
    pub connect: Duration,
    /// For the greeting (§4.5.3.2.1).
    pub greeting: Duration,
    /// For the replies to EHLO, AUTH, MAIL, RCPT (§4.5.3.2.2, .3).
    pub command: Duration,
    /// For the reply to DATA (§4.5.3.2.4).
    pub data: Duration,
    /// For each block of a message to leave (§4.5.3.2.5).
    pub block: Duration,
    /// For the reply to the message (§4.5.3.2.6).
    pub message: Duration,
    /// For a connection to be ready for messages, whatever number of hosts are tried.
    pub ready: Duration,
    /// For one message in all, so that a server which answers each command just in time does not keep a connection for days.
    pub transaction: Duration,
    /// For the reply to QUIT, which nobody needs, and for what a server says that breaks off.
    pub quit: Duration,
}

impl Default for ClientTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_mins(5),
            command: Duration::from_mins(5),
            data: Duration::from_mins(2),
            block: Duration::from_mins(3),
            message: Duration::from_mins(10),
            ready: Duration::from_mins(30),
            transaction: Duration::from_hours(1),
            quit: Duration::from_secs(3),
        }
    }
}
