//! The sections about mail that goes out: `[submission]`, who sends it, and `[relay]`, where it goes.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use fieldpost_smtp as smtp;
use fieldpost_transport::{QueueSettings, Relay};
use serde::{Deserialize, Serialize};

use super::{ByteSize, LineEnds, Span};

/// `[submission]`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubmissionSection {
    /// The largest message taken.
    pub max_message_size: ByteSize,
    /// The most recipients of one message.
    pub max_recipients: usize,
    /// A session that sends nothing for so long ends.
    pub idle_timeout: Span,
    /// What becomes of a lone CR or LF in a message.
    pub line_ends: LineEnds,
    /// How many messages an account may send in an hour. 0 = no bound.
    pub messages_per_hour: u32,
    /// To how many recipients an account may send in an hour. 0 = no bound.
    pub recipients_per_hour: u32,
    /// Whether a copy of what is sent is put into the sender's Sent folder, unless his account says otherwise.
    pub save_sent: bool,
}

impl SubmissionSection {
    /// The service's settings.
    pub fn settings(&self, hostname: String, handshake: Duration) -> smtp::Settings {
        let mut settings = smtp::Settings {
            hostname,
            max_message_size: self.max_message_size.bytes(),
            max_recipients: self.max_recipients,
            line_ends: self.line_ends.on_the_wire(),
            ..smtp::Settings::default()
        };
        settings.timeouts.command = self.idle_timeout.duration();
        settings.timeouts.handshake = handshake;
        settings
    }

    /// What goes beyond LMTP.
    pub fn submission(&self) -> smtp::SubmissionSettings {
        smtp::SubmissionSettings {
            messages_per_hour: self.messages_per_hour,
            recipients_per_hour: self.recipients_per_hour,
            save_sent: self.save_sent,
            ..smtp::SubmissionSettings::default()
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        (self.max_recipients == 0 || self.max_message_size.bytes() == 0)
            .then(|| "max_recipients and max_message_size must be more than 0".to_owned())
    }
}

impl Default for SubmissionSection {
    fn default() -> Self {
        let submission = smtp::SubmissionSettings::default();
        Self {
            max_message_size: ByteSize::mebibytes(50),
            max_recipients: 500,
            idle_timeout: Span::seconds(300),
            line_ends: LineEnds::default(),
            messages_per_hour: submission.messages_per_hour,
            recipients_per_hour: submission.recipients_per_hour,
            save_sent: submission.save_sent,
        }
    }
}

/// `[relay]`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelaySection {
    /// The host that takes all mail for others, as `host:port`. Empty = none.
    pub smarthost: String,
    /// Whether mail for others goes straight to the mail exchangers of their domains.
    pub mx: bool,
    /// The name servers that are asked for them, as `address:port`. Empty = those of the system.
    pub name_servers: Vec<SocketAddr>,
    /// How the connection to it is secured.
    pub tls: RelayTls,
    /// Whether TLS begins with the first byte, as on port 465.
    pub implicit_tls: bool,
    /// Whom we sign in as there. Empty = nobody.
    pub username: String,
    /// The file with the password, and nothing else.
    pub password_file: PathBuf,
    /// The authorities that may vouch for a server, in one PEM file.
    pub ca_file: PathBuf,
    /// Who signs mail for others.
    pub dkim: Vec<DkimSection>,
    /// The first retry comes after so long, each further one after twice as long as the one before,
    pub first_retry: Span,
    /// but never after longer than this.
    pub longest_retry: Span,
    /// After so long the sender is told that it takes long. 0 = never.
    pub delay_notice: Span,
    /// After so long a recipient is given up.
    pub expiry: Span,
    /// Connections to one server at once.
    pub connections: usize,
}

/// One signer of `[relay] dkim`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DkimSection {
    /// Whose mail it signs.
    pub domain: String,
    /// Where its public key stands in the DNS: `selector._domainkey.domain`.
    pub selector: String,
    /// The private key, in PEM.
    pub key: PathBuf,
}

/// How a connection to another server is secured.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RelayTls {
    /// `verified` with a smarthost, `opportunistic` with mail exchangers, few of which have certificates of their names.
    #[default]
    Auto,
    /// Never.
    Off,
    /// If the server offers it, whatever its certificate.
    Opportunistic,
    /// Always, whatever its certificate.
    Required,
    /// Always, with a certificate of its name that a known authority vouches for.
    Verified,
}

impl RelaySection {
    /// How connections are secured, in the client's own words.
    pub fn wire_tls(&self) -> smtp::client::RelayTls {
        match (self.tls, self.mx) {
            (RelayTls::Off, _) => smtp::client::RelayTls::Off,
            (RelayTls::Opportunistic, _) | (RelayTls::Auto, true) => {
                smtp::client::RelayTls::Opportunistic
            }
            (RelayTls::Required, _) => smtp::client::RelayTls::Required,
            (RelayTls::Verified, _) | (RelayTls::Auto, false) => smtp::client::RelayTls::Verified,
        }
    }
}

impl RelaySection {
    /// Where mail for others goes.
    pub fn relay(&self) -> Relay {
        match (self.smarthost.is_empty(), self.mx) {
            (false, _) => Relay::Smarthost,
            (true, true) => Relay::Mx,
            (true, false) => Relay::Off,
        }
    }

    /// The smarthost's name and port; `None` if it is not written as `host:port`. An IPv6 address stands in brackets.
    pub fn host_and_port(&self) -> Option<(String, u16)> {
        let (host, port) = self.smarthost.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(address) => address.strip_suffix(']')?,
            None if host.contains(':') => return None,
            None => host,
        };
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty()).then(|| (host.to_owned(), port))
    }

    /// How mail is tried again.
    pub fn queue(&self) -> QueueSettings {
        QueueSettings {
            first_retry: self.first_retry.duration(),
            longest_retry: self.longest_retry.duration(),
            delay_notice: self.delay_notice.duration(),
            expiry: self.expiry.duration(),
            connections_per_hop: self.connections,
            ..QueueSettings::default()
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        if !self.smarthost.is_empty() && self.host_and_port().is_none() {
            let smarthost = &self.smarthost;
            return Some(format!(
                "smarthost: {smarthost:?} is no host:port, such as \"smtp.example.net:587\" or \"[2001:db8::1]:25\""
            ));
        }
        if !self.smarthost.is_empty() && self.mx {
            return Some("smarthost and mx = true exclude each other".to_owned());
        }
        if self.username.is_empty() != self.password_file.as_os_str().is_empty() {
            return Some("username and password_file go together".to_owned());
        }
        if !self.username.is_empty() && self.wire_tls() == smtp::client::RelayTls::Opportunistic {
            return Some(
                "with a password, tls must be \"verified\" or \"required\": whoever sits in between could ask for it"
                    .to_owned(),
            );
        }
        if self.implicit_tls && self.tls == RelayTls::Off {
            return Some("implicit_tls and tls = \"off\" contradict each other".to_owned());
        }
        if self.first_retry.is_zero() || self.longest_retry.is_zero() || self.expiry.is_zero() {
            return Some("first_retry, longest_retry and expiry must be more than 0".to_owned());
        }
        (self.connections == 0).then(|| "connections must be at least 1".to_owned())
    }
}

impl Default for RelaySection {
    fn default() -> Self {
        Self {
            smarthost: String::new(),
            mx: false,
            name_servers: Vec::new(),
            tls: RelayTls::default(),
            implicit_tls: false,
            username: String::new(),
            password_file: PathBuf::new(),
            ca_file: "/etc/ssl/certs/ca-certificates.crt".into(),
            dkim: Vec::new(),
            first_retry: Span::seconds(300),
            longest_retry: Span::seconds(4 * 3600),
            delay_notice: Span::seconds(4 * 3600),
            expiry: Span::seconds(5 * 86_400),
            connections: 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(smarthost: &str) -> RelaySection {
        RelaySection {
            smarthost: smarthost.to_owned(),
            ..RelaySection::default()
        }
    }

    #[test]
    fn a_smarthost_is_a_host_and_a_port() {
        for (text, host, port) in [
            ("smtp.example.net:587", "smtp.example.net", 587),
            ("[2001:db8::1]:25", "2001:db8::1", 25),
            ("127.0.0.1:2525", "127.0.0.1", 2525),
        ] {
            assert_eq!(relay(text).host_and_port(), Some((host.to_owned(), port)));
            assert_eq!(relay(text).problem(), None);
        }
        for text in [
            "smtp.example.net",
            ":25",
            "a:0",
            "2001:db8::1:25",
            "a:b",
            "[::1]",
        ] {
            assert!(relay(text).problem().is_some(), "{text}");
        }
        assert_eq!(relay("").relay(), Relay::Off);
    }

    #[test]
    fn a_password_is_not_given_to_anybody() {
        let mut section = relay("a:25");
        section.username = "me".to_owned();
        assert!(section.problem().is_some(), "no password");
        section.password_file = "password".into();
        assert_eq!(section.problem(), None);
        section.tls = RelayTls::Opportunistic;
        assert!(section.problem().is_some());
    }
}
