//! The sections about HTTP: `[http]`, connections of all its front-ends, and `[activesync]`.

use fieldpost_web::{Network, Proxies};
use serde::{Deserialize, Serialize};

use super::{ByteSize, PolicySection, Span};

/// `[http]`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSection {
    /// The URL that clients are told to use, `https://mail.example.org`. Empty = the host name and the https listener's port.
    pub public_url: String,
    /// The proxies that may say where a request comes from and whether it came over TLS: addresses or networks.
    pub trusted_proxies: Vec<String>,
    /// Whether HTTP without TLS may listen where other machines reach it.
    pub allow_remote: bool,
}

impl HttpSection {
    /// What is wrong with it, if anything is.
    pub(super) fn problem(&self) -> Option<String> {
        if !self.public_url.is_empty() && !self.public_url.starts_with("https://") {
            return Some("public_url must begin with https://".into());
        }
        self.networks()
            .err()
            .map(|reason| format!("trusted_proxies: {reason}"))
    }

    /// The proxies as the front-end takes them.
    pub fn proxies(&self) -> Proxies {
        Proxies::new(self.networks().unwrap_or_default())
    }

    fn networks(&self) -> Result<Vec<Network>, String> {
        self.trusted_proxies
            .iter()
            .map(|text| text.parse())
            .collect()
    }
}

/// `[activesync]`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActiveSyncSection {
    /// The largest message that a device sends.
    pub max_message_size: ByteSize,
    /// The shortest time that a device may wait for changes.
    pub heartbeat_min: Span,
    /// The longest.
    pub heartbeat_max: Span,
    /// The most devices of one account.
    pub max_devices: usize,
    /// Whether devices that have taken no policy are turned away.
    pub require_policy: bool,
    /// Whether devices are let in that say they took the policy in part only.
    pub allow_non_provisionable: bool,
    /// `[activesync.policy]`: what devices are to keep to.
    pub policy: PolicySection,
}

impl ActiveSyncSection {
    /// What is wrong with it, if anything is.
    pub(super) fn problem(&self) -> Option<String> {
        if self.max_devices == 0 {
            return Some("max_devices must be at least 1".into());
        }
        if self.max_message_size.bytes() == 0 {
            return Some("max_message_size must be more than 0".into());
        }
        let (least, most) = self.heartbeat();
        // MS-ASCMD §2.2.3.79.1, §2.2.3.182: 59 minutes is the most that a client may ask for.
        if least == 0 || least > most || most > 3540 {
            return Some(
                "heartbeat_min must be at least 1s, and heartbeat_max between it and 59m".into(),
            );
        }
        self.policy
            .problem()
            .map(|reason| format!("policy: {reason}"))
    }

    /// The settings of the front-end.
    pub fn settings(&self, host_name: String) -> fieldpost_activesync::Settings {
        let max_message = self.max_message_size.bytes() as usize;
        let defaults = fieldpost_activesync::Settings::default();
        fieldpost_activesync::Settings {
            host_name,
            max_message,
            message_memory: defaults.message_memory.max(max_message),
            heartbeat: self.heartbeat(),
            max_devices: self.max_devices,
            require_policy: self.require_policy,
            allow_non_provisionable: self.allow_non_provisionable,
            policy: self.policy.policy(),
            ..defaults
        }
    }

    fn heartbeat(&self) -> (u32, u32) {
        let seconds = |span: Span| u32::try_from(span.duration().as_secs()).unwrap_or(u32::MAX);
        (seconds(self.heartbeat_min), seconds(self.heartbeat_max))
    }
}

impl Default for ActiveSyncSection {
    fn default() -> Self {
        Self {
            max_message_size: ByteSize::mebibytes(50),
            heartbeat_min: Span::seconds(60),
            heartbeat_max: Span::seconds(59 * 60),
            max_devices: 100,
            require_policy: false,
            allow_non_provisionable: true,
            policy: PolicySection::default(),
        }
    }
}
