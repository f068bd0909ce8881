//! The configuration file: what may stand in it, its defaults, and where each value came from.
//!
//! One TOML file, `config/fieldpost.toml` being its reference: every key is in it with its default and what it does.
//! Each section is one struct here. [`Config::load`] reads the file, lays the environment over it
//! (`FIELDPOST_SECTION__KEY=value`), and checks what can be checked without touching the machine.
//!
//! Invariant: this crate alone reads configuration; all other crates take typed settings.
//!
//! Invariant: no key is ever ignored. A key that is not known is an error that names its line and the nearest known key.

mod acme;
mod difference;
mod http;
mod imap;
mod known_keys;
mod mail;
mod overlay;
mod policy;
mod pop3;
mod sending;
mod units;

#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub use acme::{AcmeChallenge, AcmeSection};
pub use difference::{Change, Effect, difference};
pub use http::{ActiveSyncSection, HttpSection};
pub use imap::ImapSection;
pub use mail::{DisabledAccounts, LineEnds, LmtpSection, OverQuota, TransportSection};
pub use policy::{Bluetooth, MailAge, PolicySection};
pub use pop3::Pop3Section;
pub use sending::{DkimSection, RelaySection, RelayTls, SubmissionSection};
pub use units::{ByteSize, Span};

use crate::error::ConfigError;

/// The reference file: every key, its default, and what it does.
pub const REFERENCE: &str = include_str!("../../../config/fieldpost.toml");

/// The whole configuration.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`
    pub server: ServerSection,
    /// `[store]`
    pub store: StoreSection,
    /// `[mailbox]`
    pub mailbox: MailboxSection,
    /// `[tls]`
    pub tls: TlsSection,
    /// `[acme]`
    pub acme: AcmeSection,
    /// `[log]`
    pub log: LogSection,
    /// `[limits]`
    pub limits: LimitsSection,
    /// `[directory]`
    pub directory: DirectorySection,
    /// `[quota]`
    pub quota: QuotaSection,
    /// `[imap]`
    pub imap: ImapSection,
    /// `[pop3]`
    pub pop3: Pop3Section,
    /// `[http]`
    pub http: HttpSection,
    /// `[activesync]`
    pub activesync: ActiveSyncSection,
    /// `[lmtp]`
    pub lmtp: LmtpSection,
    /// `[submission]`
    pub submission: SubmissionSection,
    /// `[relay]`
    pub relay: RelaySection,
    /// `[transport]`
    pub transport: TransportSection,
    /// `[[listener]]`
    #[serde(rename = "listener")]
    pub listeners: Vec<Listener>,
}

/// `[server]`: who we are and where we keep our things.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSection {
    /// The name we greet with and put into Received lines. Empty = the machine's own name.
    pub hostname: String,
    /// The directory that holds the store, and by default the control socket.
    pub data_dir: PathBuf,
    /// The control socket. Empty = `control.sock` in the data directory.
    pub control_socket: PathBuf,
    /// How long a stop waits for connections to finish before it cuts them.
    pub drain: Span,
}

/// `[store]`: the embedded store.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSection {
    /// The index over the log.
    pub index: IndexKind,
    /// Memory that the index may use as a cache.
    pub cache: ByteSize,
}

/// `[mailbox]`: the mailboxes of all accounts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailboxSection {
    /// Memory for the lists of messages of folders in use.
    pub memory: ByteSize,
    /// How long it is remembered which messages left, for clients that come back late.
    pub change_horizon: Span,
    /// Memory for the headers of messages that were looked at lately.
    pub header_memory: ByteSize,
    /// Memory for what folders were sorted and threaded by lately.
    pub sort_memory: ByteSize,
    /// What has lain in Trash for so long is taken out. 0 = it stays.
    pub trash_expiry: Span,
    /// The same of Junk.
    pub junk_expiry: Span,
}

/// The index over the log.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// sled 0.34
    Sled,
    /// redb 4
    Redb,
}

/// `[tls]`: certificates and the bounds of a handshake.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSection {
    /// The certificates, each chosen by the names that it holds; the first is shown to clients that name no host.
    pub certificates: Vec<CertificateFiles>,
    /// How often the files are looked at for a change. 0 = only on SIGHUP.
    pub watch: Span,
    /// A handshake that takes longer is cut.
    pub handshake_timeout: Span,
    /// Handshakes under way at once, in the whole process; connections beyond it wait to be accepted.
    pub max_handshakes: usize,
}

/// One certificate and its key, both PEM.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The certificate, followed by those that vouch for it.
    pub cert: PathBuf,
    /// Its private key (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

/// `[log]`: what is written to standard error.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// One line of text or one JSON object an event.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,fieldpost_pop3=debug`.
    pub level: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// `[limits]`: bounds on connections.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// Connections of all listeners together.
    pub max_connections: usize,
    /// Connections of one address (an IPv4 address or an IPv6 /64), all listeners but Unix sockets together.
    pub connections_per_address: usize,
}

/// `[directory]`: accounts and how they sign in.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectorySection {
    /// The domain of users who sign in with a bare name. Empty = a bare name signs in only while one account alone has
    /// that local part.
    pub default_domain: String,
    /// Where a password may be sent over a connection without TLS.
    pub plaintext_sign_in: PlaintextSignIn,
    /// Whether `account import` takes {PLAIN} passwords; they are hashed as they come in.
    pub allow_plain_import: bool,
}

/// Where a password may be sent over a connection without TLS.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaintextSignIn {
    /// From this machine only (127.0.0.0/8, ::1, Unix sockets).
    Loopback,
    /// Everywhere. Passwords can then be read on the way.
    Always,
}

/// `[quota]`: what an account may hold unless it has a quota of its own. 0 = no bound.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaSection {
    /// Bytes of messages.
    pub bytes: ByteSize,
    /// Messages and other items.
    pub items: u64,
}

/// `[[listener]]`: one socket that takes connections.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// What is spoken here.
    pub protocol: Protocol,
    /// `address:port`; an IPv6 address in brackets.
    #[serde(
        default,
        deserialize_with = "socket_address",
        skip_serializing_if = "Option::is_none"
    )]
    pub address: Option<SocketAddr>,
    /// The path of a Unix socket, instead of `address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix: Option<PathBuf>,
    /// The Unix socket's permission bits, in octal.
    #[serde(default = "default_unix_mode")]
    pub unix_mode: String,
    /// How TLS begins. Left out = what the protocol expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsMode>,
    /// Connections of this listener at once; more wait in the kernel's queue.
    #[serde(default = "default_listener_connections")]
    pub max_connections: usize,
    /// Length of the kernel's queue of connections not yet accepted.
    #[serde(default = "default_backlog")]
    pub backlog: u32,
    /// Who says by the PROXY protocol for whom a connection is, and must: addresses, networks, `unix`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxy_protocol: Vec<String>,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// IMAP4, with STARTTLS where certificates exist (RFC 9051, RFC 3501).
    Imap,
    /// IMAP4 over TLS from the first byte (RFC 8314 §3.2).
    Imaps,
    /// POP3, with STLS where certificates exist (RFC 1939, RFC 2595).
    Pop3,
    /// POP3 over TLS from the first byte (RFC 8314 §3.2).
    Pop3s,
    /// LMTP: mail from the MTA (RFC 2033).
    Lmtp,
    /// Mail from programs whose users sign in, with STARTTLS (RFC 6409).
    Submission,
    /// The same over TLS from the first byte (RFC 8314 §3.3).
    Submissions,
    /// HTTP over TLS: ActiveSync, health.
    Https,
    /// The same without TLS, for proxies on this machine.
    Http,
    /// What an authority asks at port 80 before it gives a certificate (RFC 8555 §8.3), and nothing else.
    Acme,
}

/// How TLS begins on a listener.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// With the first byte.
    Implicit,
    /// When the client asks for it.
    Starttls,
    /// Never.
    None,
}

/// Where a listener listens.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Endpoint {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Config {
    /// Reads `path`, lays the environment over it and checks the result.
    ///
    /// # Errors
    /// Each with the file and, where it is known, the line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            file: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path, std::env::vars_os())
    }

    /// Parses `text`, which came from `file`, with `environment` laid over it. Relative paths count from the file's
    /// own directory, so that a configuration means the same wherever the server is started from.
    pub fn parse(
        text: &str,
        file: &Path,
        environment: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<Self, ConfigError> {
        known_keys::check(text, file)?;
        let syntax = |error: &toml::de::Error| ConfigError::Syntax {
            file: file.to_owned(),
            line: error
                .span()
                .map_or(1, |span| known_keys::line_of(text, span.start)),
            reason: known_keys::unknown_value(error.message())
                .unwrap_or_else(|| error.message().to_owned()),
        };
        // From the text first: this way a value of the wrong type is reported with its line.
        let from_file: Self = toml::from_str(text).map_err(|error| syntax(&error))?;
        let mut table: toml::Table = toml::from_str(text).map_err(|error| syntax(&error))?;
        let mut config = if overlay::apply(&mut table, environment)? {
            Self::deserialize(table).map_err(|error| ConfigError::Environment {
                reason: known_keys::unknown_value(error.message())
                    .unwrap_or_else(|| error.message().to_owned()),
            })?
        } else {
            from_file
        };
        config.validate(file)?;
        config.resolve_paths(file.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// The control socket's path.
    pub fn control_socket(&self) -> PathBuf {
        if self.server.control_socket.as_os_str().is_empty() {
            self.server.data_dir.join("control.sock")
        } else {
            self.server.control_socket.clone()
        }
    }

    /// The name that we greet with.
    pub fn hostname(&self) -> String {
        if !self.server.hostname.is_empty() {
            return self.server.hostname.clone();
        }
        let name = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        if name.is_empty() {
            "localhost".into()
        } else {
            name
        }
    }

    /// Whether any listener needs a certificate to be of use.
    pub fn needs_certificate(&self) -> bool {
        self.listeners
            .iter()
            .any(|listener| listener.tls_mode() == TlsMode::Implicit)
    }

    /// The port at which programs elsewhere find `protocol`: that of its first listener that has one.
    pub fn port_of(&self, protocol: Protocol) -> Option<u16> {
        self.listeners.iter().find_map(|listener| {
            match (listener.protocol == protocol, listener.endpoint()) {
                (true, Ok(Endpoint::Tcp(address))) => Some(address.port()),
                _ => None,
            }
        })
    }

    /// Whether there is a certificate, or one is got.
    pub fn has_certificate(&self) -> bool {
        !self.tls.certificates.is_empty() || self.acme.is_on()
    }

    /// The file of the certificate that is got by ACME, if one is.
    pub fn acme_files(&self) -> Option<CertificateFiles> {
        self.acme
            .is_on()
            .then(|| AcmeSection::files(&self.server.data_dir))
    }

    /// All certificates: those of `[tls]`, then that of `[acme]`.
    pub fn certificate_files(&self) -> Vec<CertificateFiles> {
        let mut files = self.tls.certificates.clone();
        files.extend(self.acme_files());
        files
    }

    fn validate(&self, file: &Path) -> Result<(), ConfigError> {
        let wrong = |reason: String| ConfigError::Wrong {
            file: file.to_owned(),
            reason,
        };
        crate::logging::check(&self.log.level).map_err(|error| wrong(error.to_string()))?;
        if let Some(reason) = self.transport.problem() {
            return Err(wrong(format!("[transport] {reason}")));
        }
        if self.limits.max_connections == 0 || self.limits.connections_per_address == 0 {
            return Err(wrong(
                "[limits]: a bound of 0 connections would let nobody in".into(),
            ));
        }
        if self.tls.max_handshakes == 0 {
            return Err(wrong("[tls] max_handshakes must be at least 1".into()));
        }
        if self.tls.handshake_timeout.is_zero() {
            return Err(wrong("[tls] handshake_timeout must be more than 0".into()));
        }
        if self.lmtp.max_recipients == 0 || self.lmtp.max_message_size.bytes() == 0 {
            return Err(wrong(
                "[lmtp]: max_recipients and max_message_size must be more than 0".into(),
            ));
        }
        if let Some(reason) = self.submission.problem() {
            return Err(wrong(format!("[submission] {reason}")));
        }
        if let Some(reason) = self.relay.problem() {
            return Err(wrong(format!("[relay] {reason}")));
        }
        if let Some(reason) = self.imap.problem() {
            return Err(wrong(format!("[imap] {reason}")));
        }
        if let Some(reason) = self.pop3.problem() {
            return Err(wrong(format!("[pop3] {reason}")));
        }
        if let Some(reason) = self.http.problem() {
            return Err(wrong(format!("[http] {reason}")));
        }
        let protocols = self.listeners.iter().map(|listener| listener.protocol);
        if let Some(reason) = self.acme.problem(protocols) {
            return Err(wrong(format!("[acme] {reason}")));
        }
        if let Some(reason) = self.activesync.problem() {
            return Err(wrong(format!("[activesync] {reason}")));
        }
        if self.server.data_dir.as_os_str().is_empty() {
            return Err(wrong("[server] data_dir is empty".into()));
        }
        let mut seen = std::collections::HashSet::new();
        for (number, listener) in self.listeners.iter().enumerate() {
            let named = |reason: String| {
                wrong(format!(
                    "[[listener]] number {} ({}): {reason}",
                    number + 1,
                    listener.protocol
                ))
            };
            let endpoint = listener.endpoint().map_err(&named)?;
            listener.mode().map_err(&named)?;
            crate::listener::Senders::parse(&listener.proxy_protocol)
                .map_err(|reason| named(format!("proxy_protocol: {reason}")))?;
            if listener.max_connections == 0 {
                return Err(named("max_connections must be at least 1".into()));
            }
            match (listener.protocol, listener.tls_mode()) {
                (
                    Protocol::Imaps | Protocol::Pop3s | Protocol::Submissions | Protocol::Https,
                    TlsMode::Starttls | TlsMode::None,
                ) => {
                    return Err(named(
                        "this protocol runs over TLS: tls = \"implicit\"".into(),
                    ));
                }
                (Protocol::Http, TlsMode::Implicit | TlsMode::Starttls) => {
                    return Err(named("HTTP over TLS is protocol = \"https\"".into()));
                }
                (Protocol::Acme, TlsMode::Implicit | TlsMode::Starttls) => {
                    return Err(named("authorities ask here without TLS".into()));
                }
                (Protocol::Imap, TlsMode::Implicit) => {
                    return Err(named(
                        "IMAP with TLS from the first byte is protocol = \"imaps\"".into(),
                    ));
                }
                (Protocol::Pop3, TlsMode::Implicit) => {
                    return Err(named(
                        "POP3 with TLS from the first byte is protocol = \"pop3s\"".into(),
                    ));
                }
                (Protocol::Submission, TlsMode::Implicit) => {
                    return Err(named(
                        "submission with TLS from the first byte is protocol = \"submissions\""
                            .into(),
                    ));
                }
                _ => {}
            }
            if let (Protocol::Lmtp, Endpoint::Tcp(address)) = (listener.protocol, &endpoint)
                && !address.ip().to_canonical().is_loopback()
                && !self.lmtp.allow_remote
            {
                return Err(named(format!(
                    "whoever reaches {address} could deliver to every mailbox, because LMTP has no sign-in; \
                     listen on a Unix socket or on loopback, or set allow_remote = true in [lmtp] and close the \
                     port to all but the MTA"
                )));
            }
            if let (Protocol::Http, Endpoint::Tcp(address)) = (listener.protocol, &endpoint)
                && !address.ip().to_canonical().is_loopback()
                && !self.http.allow_remote
            {
                return Err(named(format!(
                    "without TLS, passwords and mail could be read on the way to {address}; listen on a Unix socket or \
                     on loopback, use protocol = \"https\", or set allow_remote = true in [http] if a network that you \
                     trust lies between here and the proxy"
                )));
            }
            let ephemeral = matches!(&endpoint, Endpoint::Tcp(address) if address.port() == 0);
            if !ephemeral && !seen.insert(endpoint.clone()) {
                return Err(named(format!("{endpoint} is listed twice")));
            }
        }
        if self.needs_certificate() && !self.has_certificate() {
            return Err(wrong(
                "[tls] certificates is empty, but a listener runs over TLS; add \
                 certificates = [{ cert = \"…/fullchain.pem\", key = \"…/privkey.pem\" }], or let [acme] get one"
                    .into(),
            ));
        }
        Ok(())
    }

    fn resolve_paths(&mut self, base: &Path) {
        let resolve = |path: &mut PathBuf| {
            if !path.as_os_str().is_empty() && path.is_relative() {
                *path = base.join(&*path);
            }
        };
        resolve(&mut self.server.data_dir);
        resolve(&mut self.server.control_socket);
        resolve(&mut self.relay.password_file);
        resolve(&mut self.relay.ca_file);
        for signer in &mut self.relay.dkim {
            resolve(&mut signer.key);
        }
        resolve(&mut self.acme.external_account_key_file);
        resolve(&mut self.acme.ca_file);
        for files in &mut self.tls.certificates {
            resolve(&mut files.cert);
            resolve(&mut files.key);
        }
        for listener in &mut self.listeners {
            if let Some(path) = &mut listener.unix {
                resolve(path);
            }
        }
    }
}

impl Listener {
    /// A listener of `protocol` at a TCP address, the rest as by default.
    pub fn tcp(protocol: Protocol, address: SocketAddr) -> Self {
        Self {
            protocol,
            address: Some(address),
            unix: None,
            unix_mode: default_unix_mode(),
            tls: None,
            max_connections: default_listener_connections(),
            backlog: default_backlog(),
            proxy_protocol: Vec::new(),
        }
    }

    /// Where it listens, or what is wrong with what was written.
    pub fn endpoint(&self) -> Result<Endpoint, String> {
        match (&self.address, &self.unix) {
            (Some(address), None) => Ok(Endpoint::Tcp(*address)),
            (None, Some(path)) if !path.as_os_str().is_empty() => Ok(Endpoint::Unix(path.clone())),
            (None, Some(_)) => Err("unix is empty".into()),
            (Some(_), Some(_)) => Err("has both address and unix; keep one".into()),
            (None, None) => Err("has neither address nor unix".into()),
        }
    }

    /// The Unix socket's permission bits.
    pub fn mode(&self) -> Result<u32, String> {
        u32::from_str_radix(&self.unix_mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o777)
            .ok_or_else(|| {
                format!(
                    "unix_mode \"{}\" is not an octal mode such as \"0660\"",
                    self.unix_mode
                )
            })
    }

    /// How TLS begins here.
    pub fn tls_mode(&self) -> TlsMode {
        self.tls.unwrap_or(match self.protocol {
            Protocol::Pop3 | Protocol::Imap | Protocol::Submission => TlsMode::Starttls,
            Protocol::Pop3s | Protocol::Imaps | Protocol::Submissions | Protocol::Https => {
                TlsMode::Implicit
            }
            Protocol::Lmtp | Protocol::Http | Protocol::Acme => TlsMode::None,
        })
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pop3 => "pop3",
            Self::Pop3s => "pop3s",
            Self::Lmtp => "lmtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
            Self::Https => "https",
            Self::Http => "http",
            Self::Acme => "acme",
            Self::Imap => "imap",
            Self::Imaps => "imaps",
        })
    }
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            hostname: String::new(),
            data_dir: "/var/lib/fieldpost".into(),
            control_socket: PathBuf::new(),
            drain: Span::seconds(10),
        }
    }
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            index: IndexKind::Sled,
            cache: ByteSize::mebibytes(256),
        }
    }
}

impl Default for MailboxSection {
    fn default() -> Self {
        Self {
            memory: ByteSize::mebibytes(128),
            change_horizon: Span::seconds(90 * 86_400),
            header_memory: ByteSize::mebibytes(32),
            sort_memory: ByteSize::mebibytes(16),
            trash_expiry: Span::seconds(0),
            junk_expiry: Span::seconds(0),
        }
    }
}

impl Default for TlsSection {
    fn default() -> Self {
        Self {
            certificates: Vec::new(),
            watch: Span::seconds(60),
            handshake_timeout: Span::seconds(10),
            max_handshakes: 512,
        }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".into(),
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            connections_per_address: 200,
        }
    }
}

impl Default for DirectorySection {
    fn default() -> Self {
        Self {
            default_domain: String::new(),
            plaintext_sign_in: PlaintextSignIn::Loopback,
            allow_plain_import: false,
        }
    }
}

fn socket_address<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || {
        serde::de::Error::custom(format!(
            "\"{text}\" is not an IP address with a port, such as \"127.0.0.1:110\", \"0.0.0.0:110\" or \"[::]:110\""
        ))
    };
    text.parse().map(Some).map_err(|_| wrong())
}

fn default_unix_mode() -> String {
    "0660".into()
}

fn default_listener_connections() -> usize {
    10_000
}

fn default_backlog() -> u32 {
    1024
}
