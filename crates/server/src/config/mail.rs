//! The sections about mail that comes in: `[lmtp]`, how it is taken, and `[transport]`, what becomes of it.

use std::collections::BTreeMap;

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
    /// Who gets mail to addresses that nobody has, by domain.
    pub catch_all: BTreeMap<String, String>,
    /// What separates a user's name from a folder's in an address. Empty = nothing does.
    pub subaddress_separator: String,
    /// Header fields that mark spam, which goes to Junk.
    pub spam_marks: Vec<String>,
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
            catch_all: self
                .catch_all
                .iter()
                .filter_map(|(domain, address)| Some((canonical(domain)?, address.parse().ok()?)))
                .collect(),
            subaddress: self.subaddress_separator.chars().next(),
            spam_marks: self
                .spam_marks
                .iter()
                .filter_map(|mark| transport::SpamMark::parse(mark).ok())
                .collect(),
            ..transport::Settings::default()
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        let is_address = |text: &str| text.parse::<transport::Address>().is_ok();
        if !self.postmaster.is_empty() && !is_address(&self.postmaster) {
            return Some(format!("postmaster: {:?} is no address", self.postmaster));
        }
        for (domain, address) in &self.catch_all {
            if canonical(domain).is_none() || !is_address(address) {
                return Some(format!(
                    "catch_all: {domain:?} = {address:?} is no domain and the address that gets its mail"
                ));
            }
        }
        if self.subaddress_separator.chars().count() > 1 {
            return Some("subaddress_separator is one character, or empty".to_owned());
        }
        let wrong = |mark: &String| {
            let error = transport::SpamMark::parse(mark).err()?;
            Some(format!("spam_marks: {mark:?}: {error}"))
        };
        self.spam_marks.iter().find_map(wrong)
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
            catch_all: BTreeMap::new(),
            subaddress_separator: "+".to_owned(),
            spam_marks: vec![
                "X-Spam-Flag: YES".to_owned(),
                "X-Spam-Status: Yes".to_owned(),
                // rspamd's own, without the module milter_headers.
                "X-Spam: Yes".to_owned(),
            ],
        }
    }
}

/// A domain in A-labels and lower case.
fn canonical(domain: &str) -> Option<String> {
    let address = fieldpost_directory::Address::parse(&format!("postmaster@{domain}")).ok()?;
    Some(address.domain().to_owned())
}
