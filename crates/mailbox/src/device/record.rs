//! What is known of a device itself.

use std::{collections::VecDeque, fmt};

use bytes::Bytes;
use fieldpost_store::{Commit, Committed, Scan};

use crate::{
    Error, FolderId, Mailbox,
    error::Malformed,
    keys,
    pages::Pages,
    record::{Reader, Writer},
};

/// The longest device id, in bytes.
pub const MAX_DEVICE_ID: usize = 64;

/// A device's own name for itself: 1 to [`MAX_DEVICE_ID`] printable ASCII characters, none of which means anything in a
/// path, a page or a list (fault 45).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Box<str>);

impl DeviceId {
    /// Takes an id that a device may have.
    pub fn new(id: &str) -> Option<Self> {
        let is_good = (1..=MAX_DEVICE_ID).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"<>&\"'`,;/\\".contains(&byte));
        is_good.then(|| Self(id.into()))
    }

    /// It as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A device of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What kind of device it says it is (`iPhone`, `WindowsMail`).
    pub kind: String,
    /// The program that speaks for it.
    pub user_agent: String,
    /// The protocol version it last spoke, as it is written (`14.1`).
    pub version: String,
    /// When it first came, seconds since 1970.
    pub first_seen: i64,
    /// When it last came, seconds since 1970; kept to some minutes.
    pub last_seen: i64,
    /// What it tells of itself.
    pub about: About,
    /// Which policy it has taken.
    pub policy: PolicyState,
    /// What it waits for, as it last said.
    pub attention: Option<Attention>,
    /// Until when what it says is logged, seconds since 1970; 0: not at all.
    pub wire_log_until: i64,
    /// The last requests that say something about how it gets on, oldest first.
    pub traces: VecDeque<Trace>,
    /// Hashes of the last messages' client ids that it sent, oldest first, so that none is sent twice.
    pub sent: VecDeque<u64>,
}

/// What a device tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its model.
    pub model: String,
    /// Its serial number in the mobile network.
    pub imei: String,
    /// What its user calls it.
    pub friendly_name: String,
    /// Its operating system.
    pub os: String,
    /// The language of that.
    pub os_language: String,
    /// Its telephone number.
    pub phone_number: String,
    /// Whose mobile network it uses.
    pub mobile_operator: String,
}

/// Which policy a device has taken, and which it was offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyState {
    /// The key that it must show; 0: none yet.
    pub key: u32,
    /// The key that it was offered and has to confirm; 0: none.
    pub offered: u32,
    /// A digest of the policy behind `key`.
    pub taken: u64,
    /// A digest of the policy behind `offered`.
    pub on_offer: u64,
}

/// What a device waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// For how long, in seconds.
    pub heartbeat: u32,
    /// In which folders.
    pub folders: Vec<FolderId>,
}

/// A request that says something about how a device gets on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// When, seconds since 1970.
    pub time: i64,
    /// Which command.
    pub command: String,
    /// What it was answered.
    pub status: u16,
    /// What there is to say.
    pub detail: String,
}

impl Device {
    /// A device that comes for the first time.
    pub fn new(id: DeviceId, now: i64) -> Self {
        Self {
            id,
            kind: String::new(),
            user_agent: String::new(),
            version: String::new(),
            first_seen: now,
            last_seen: now,
            about: About::default(),
            policy: PolicyState::default(),
            attention: None,
            wire_log_until: 0,
            traces: VecDeque::new(),
            sent: VecDeque::new(),
        }
    }

    /// Notes a request; the oldest note goes.
    pub fn trace(&mut self, trace: Trace) {
        while self.traces.len() >= MAX_TRACES {
            self.traces.pop_front();
        }
        self.traces.push_back(trace);
    }

    /// Notes a client id that it sent a message with; `false`: it did so before.
    pub fn note_sent(&mut self, client_id: &str) -> bool {
        let hash = digest(client_id.as_bytes());
        if self.sent.contains(&hash) {
            return false;
        }
        while self.sent.len() >= MAX_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back(hash);
        true
    }

    /// Whether a message with this client id was sent before.
    pub fn has_sent(&self, client_id: &str) -> bool {
        self.sent.contains(&digest(client_id.as_bytes()))
    }

    fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(256);
        writer.byte(VERSION);
        for text in self.texts() {
            writer.bytes(cut(text, MAX_TEXT).as_bytes());
        }
        writer.signed(self.first_seen);
        writer.signed(self.last_seen);
        writer.signed(self.wire_log_until);
        for number in [
            u64::from(self.policy.key),
            u64::from(self.policy.offered),
            self.policy.taken,
            self.policy.on_offer,
        ] {
            writer.number(number);
        }
        match &self.attention {
            None => writer.byte(0),
            Some(attention) => {
                writer.byte(1);
                writer.number(u64::from(attention.heartbeat));
                let folders = &attention.folders[..attention.folders.len().min(MAX_ATTENTION)];
                writer.number(folders.len() as u64);
                for folder in folders {
                    writer.number(folder.0);
                }
            }
        }
        writer.number(self.traces.len() as u64);
        for trace in &self.traces {
            writer.signed(trace.time);
            writer.bytes(cut(&trace.command, 32).as_bytes());
            writer.number(u64::from(trace.status));
            writer.bytes(cut(&trace.detail, 56).as_bytes());
        }
        writer.number(self.sent.len() as u64);
        for hash in &self.sent {
            writer.number(*hash);
        }
        writer.0.into()
    }

    fn texts(&self) -> [&str; 11] {
        let about = &self.about;
        [
            self.id.as_str(),
            &self.kind,
            &self.user_agent,
            &self.version,
            &about.model,
            &about.imei,
            &about.friendly_name,
            &about.os,
            &about.os_language,
            &about.phone_number,
            &about.mobile_operator,
        ]
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let id = DeviceId::new(reader.text()?).ok_or(Malformed::Text)?;
        let mut text = || reader.text().map(str::to_owned);
        let (kind, user_agent, version) = (text()?, text()?, text()?);
        let about = About {
            model: text()?,
            imei: text()?,
            friendly_name: text()?,
            os: text()?,
            os_language: text()?,
            phone_number: text()?,
            mobile_operator: text()?,
        };
        let (first_seen, last_seen) = (reader.signed()?, reader.signed()?);
        let wire_log_until = reader.signed()?;
        let policy = PolicyState {
            key: reader.number32()?,
            offered: reader.number32()?,
            taken: reader.number()?,
            on_offer: reader.number()?,
        };
        let attention = match reader.byte()? {
            0 => None,
            1 => {
                let heartbeat = reader.number32()?;
                let count = reader.number()?;
                let folders = (0..count)
                    .map(|_| reader.number().map(FolderId))
                    .collect::<Result<_, _>>()?;
                Some(Attention { heartbeat, folders })
            }
            _ => return Err(Malformed::Range),
        };
        let mut traces = VecDeque::new();
        for _ in 0..reader.number()? {
            traces.push_back(Trace {
                time: reader.signed()?,
                command: reader.text()?.to_owned(),
                status: reader.number()?.try_into().map_err(|_| Malformed::Range)?,
                detail: reader.text()?.to_owned(),
            });
        }
        let mut sent = VecDeque::new();
        for _ in 0..reader.number()? {
            sent.push_back(reader.number()?);
        }
        reader.end()?;
        Ok(Self {
            id,
            kind,
            user_agent,
            version,
            first_seen,
            last_seen,
            about,
            policy,
            attention,
            wire_log_until,
            traces,
            sent,
        })
    }
}

impl Mailbox {
    /// The account's devices, in the order of their ids.
    pub async fn devices(&self) -> Result<Vec<Device>, Error> {
        let mut devices = Vec::new();
        let scan = Scan::prefix(vec![keys::DEVICES]);
        let mut pages = Pages::new(&*self.mailboxes.store, self.account(), scan);
        while let Some((_, value)) = pages.next().await? {
            match Device::decode(&value) {
                Ok(device) => devices.push(device),
                Err(wrong) => {
                    tracing::error!(account = %self.account(), %wrong, "damaged device record");
                }
            }
        }
        Ok(devices)
    }

    /// A device, if it ever came.
    pub async fn device(&self, id: &DeviceId) -> Result<Option<Device>, Error> {
        let value = self
            .mailboxes
            .store
            .get(self.account(), &keys::device(id))
            .await?;
        // One that can't be read counts as new: it signs in and takes its policy again.
        Ok(value.and_then(|value| {
            Device::decode(&value)
                .inspect_err(|wrong| {
                    tracing::error!(account = %self.account(), device = %id, %wrong, "damaged device record");
                })
                .ok()
        }))
    }

    /// Writes what is known of a device.
    pub async fn put_device(&self, device: &Device) -> Result<(), Error> {
        let mut commit = Commit::new(self.account());
        commit.put(keys::device(&device.id), device.encode());
        self.commit_aside(commit).await.map(drop)
    }

    /// The folders of which a device has a state.
    pub async fn device_folders(&self, id: &DeviceId) -> Result<Vec<FolderId>, Error> {
        let scan = Scan::prefix(keys::sync_states(id));
        let mut pages = Pages::new(&*self.mailboxes.store, self.account(), scan);
        let mut folders = Vec::new();
        while let Some((key, _)) = pages.next().await? {
            if let Some(folder) = keys::sync_state_folder(&key)
                && folder != FolderId::HIERARCHY
                && folders.last() != Some(&folder)
            {
                folders.push(folder);
            }
        }
        Ok(folders)
    }

    /// Commits what changes nothing that clients see; `false`: somebody else wrote first.
    pub(crate) async fn commit_aside(&self, commit: Commit) -> Result<bool, Error> {
        if commit.ops.is_empty() {
            return Ok(true);
        }
        match self.mailboxes.store.commit(commit).await? {
            Committed::Accepted(receipt) => {
                receipt.durable().await?;
                Ok(true)
            }
            Committed::Conflict { .. } => Ok(false),
        }
    }
}

/// A number that stands for some bytes.
fn digest(bytes: &[u8]) -> u64 {
    shortened(blake3::hash(bytes))
}

/// The first eight bytes of a hash.
pub(super) fn shortened(hash: blake3::Hash) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

const VERSION: u8 = 1;
/// Bytes kept of each text, so that a record stays within what the index takes.
const MAX_TEXT: usize = 96;
/// The most folders whose names are kept of what a device waits for.
pub const MAX_ATTENTION: usize = 300;
const MAX_TRACES: usize = 10;
const MAX_SENT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_comes_back_within_what_the_index_takes() {
        let mut device = Device::new(DeviceId::new("ApplF1").unwrap(), -4);
        device.about.model = "ä".repeat(2000);
        device.user_agent = "x".repeat(5000);
        device.attention = Some(Attention {
            heartbeat: 3540,
            folders: (0..5000).map(|n| FolderId(n << 20)).collect(),
        });
        for n in 0..100 {
            device.trace(Trace {
                time: n,
                command: "Sync".into(),
                status: 200,
                detail: "y".repeat(300),
            });
            assert!(device.note_sent(&n.to_string()));
        }
        assert!(!device.note_sent("99") && device.has_sent("99") && !device.has_sent("0"));
        let bytes = device.encode();
        assert!(bytes.len() < 4096, "{}", bytes.len());
        let back = Device::decode(&bytes).unwrap();
        assert_eq!(back.traces.len(), MAX_TRACES);
        assert_eq!(back.about.model, "ä".repeat(48));
        for cut in 0..bytes.len() {
            assert!(Device::decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn ids_that_mean_something_elsewhere_are_refused() {
        for bad in ["", "a b", "<b>", "a\n", "ä", "../x", &"x".repeat(65)] {
            assert!(DeviceId::new(bad).is_none(), "{bad:?}");
        }
        assert!(DeviceId::new("Appl5K0123456789.{a-b}:_").is_some());
    }
}
