//! What the operator decides about mail on its way; `server` fills it in.

use std::{collections::HashMap, sync::Arc};

use crate::{Address, QueueSettings, SpamMark, dkim::DkimSigner};

/// Settings of the transport.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the sender is told when a mailbox is full.
    pub over_quota: OverQuota,
    /// What becomes of mail to an account that is disabled.
    pub disabled_accounts: DisabledAccounts,
    /// A message with more `Received` fields than this goes round in circles (RFC 5321 §6.3 asks for at least 100 to be
    /// allowed between hosts; this is the last one).
    pub max_hops: usize,
    /// To so many recipients of one message mail is delivered at once.
    pub concurrency: usize,
    /// Who gets mail to `postmaster` where nobody has that address (RFC 5321 §4.5.1).
    pub postmaster: Option<Address>,
    /// Who gets mail to addresses of a domain that nobody has, by domain in A-labels and lower case.
    pub catch_all: HashMap<String, Address>,
    /// What separates a user's name from a folder's in an address (`user+folder`, RFC 5233 §1); `None`: nothing does.
    pub subaddress: Option<char>,
    /// Header fields that mark spam.
    pub spam_marks: Arc<[SpamMark]>,
    /// Our own name, in notices to senders.
    pub hostname: String,
    /// Who signs mail for others: the first of the sender's domain.
    pub dkim: Arc<[DkimSigner]>,
    /// Where mail for others goes.
    pub relay: Relay,
    /// How mail is tried again.
    pub queue: QueueSettings,
}

/// Where mail for other servers goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relay {
    /// Nowhere: it is refused.
    #[default]
    Off,
    /// To one host that takes all of it.
    Smarthost,
    /// To the mail exchangers of the recipients' domains.
    Mx,
}

/// What the sender is told when a mailbox is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverQuota {
    /// 452 4.2.2: keep the message and try again. Nothing is lost if space is made within the sender's patience.
    #[default]
    Temporary,
    /// 552 5.2.2: send it back.
    Permanent,
}

/// What becomes of mail to an account that is disabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DisabledAccounts {
    /// 550 5.2.1: the sender learns of it.
    #[default]
    Refuse,
    /// It is delivered, to be read when the account is enabled again.
    Deliver,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            over_quota: OverQuota::default(),
            disabled_accounts: DisabledAccounts::default(),
            max_hops: 50,
            concurrency: 32,
            postmaster: None,
            catch_all: HashMap::new(),
            subaddress: Some('+'),
            spam_marks: Arc::default(),
            hostname: "localhost".to_owned(),
            dkim: Arc::default(),
            relay: Relay::default(),
            queue: QueueSettings::default(),
        }
    }
}
