//! The sections about mail that comes in: `[lmtp]`, how it is taken, and `[transport]`, what becomes of it.

use fieldpost_smtp::codec::data::LineEnds as WireLineEnds;
use fieldpost_transport as transport;
use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// `[lmtp]`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LmtpSection {
    /// The largest message taken.
    pub max_message_size: ByteSize,
    /// The most recipients of one message.
    pub max_recipients: usize,
    /// A session that sends nothing for so long ends.
    pub idle_timeout: Span,
    /// Whether LMTP may listen where other machines reach it.
    pub allow_remote: bool,
    /// What becomes of a lone CR or LF in a message.
    pub line_ends: LineEnds,
}

/// What becomes of a lone CR or LF in a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnds {
    /// LF becomes CRLF, CR becomes a space.
    #[default]
    Normalise,
    /// The message is refused.
    Refuse,
}

impl LineEnds {
    /// The same in LMTP's own words.
    pub fn on_the_wire(self) -> WireLineEnds {
        match self {
            Self::Normalise => WireLineEnds::Normalise,
            Self::Refuse => WireLineEnds::Refuse,
        }
    }
}

impl Default for LmtpSection {
    fn default() -> Self {
        Self {
            max_message_size: ByteSize::mebibytes(50),
            max_recipients: 1000,
            idle_timeout: Span::seconds(300),
            allow_remote: false,
            line_ends: LineEnds::default(),
        }
    }
}

/// `[transport]`
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransportSection {
    /// What the sender is told when a mailbox is full.
    pub over_quota: OverQuota,
    /// What becomes of mail to a disabled account.
    pub disabled_accounts: DisabledAccounts,
    /// A message that has passed through more hosts than this goes round in circles.
    pub max_hops: usize,
    /// Who gets mail to `postmaster` where nobody has that address. Empty = nobody.
    pub postmaster: String,
}

/// What the sender is told when a mailbox is full.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OverQuota {
    /// 452: keep it and try again.
    #[default]
    Temporary,
    /// 552: send it back.
    Permanent,
}

/// What becomes of mail to a disabled account.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DisabledAccounts {
    /// The sender learns of it.
    #[default]
    Refuse,
    /// It waits until the account is enabled again.
    Deliver,
}

impl TransportSection {
    /// The transport's settings; the postmaster has been checked when the file was read.
    pub fn settings(&self) -> transport::Settings {
        transport::Settings {
            over_quota: match self.over_quota {
                OverQuota::Temporary => transport::OverQuota::Temporary,
                OverQuota::Permanent => transport::OverQuota::Permanent,
            },
            disabled_accounts: match self.disabled_accounts {
                DisabledAccounts::Refuse => transport::DisabledAccounts::Refuse,
                DisabledAccounts::Deliver => transport::DisabledAccounts::Deliver,
            },
            max_hops: self.max_hops,
            postmaster: self.postmaster.parse().ok(),
            ..transport::Settings::default()
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        let bad =
            !self.postmaster.is_empty() && self.postmaster.parse::<transport::Address>().is_err();
        bad.then(|| format!("postmaster: {:?} is no address", self.postmaster))
    }
}

impl Default for TransportSection {
    fn default() -> Self {
        let settings = transport::Settings::default();
        Self {
            over_quota: OverQuota::default(),
            disabled_accounts: DisabledAccounts::default(),
            max_hops: settings.max_hops,
            postmaster: String::new(),
        }
    }
}
