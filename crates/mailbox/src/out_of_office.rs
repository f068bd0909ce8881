//! What an account answers while its owner is away, and whom it has answered already.
//!
//! One setting for every front-end (ActiveSync's Settings, the command line, later the pages of one's own): whether and when, and a
//! reply each for people of the organisation, for others that the owner knows, and for everybody else. When to keep silent and how
//! an answer is written is for whoever sends mail.
//!
//! Invariants:
//! - Nobody is answered twice within [`AGAIN_AFTER`] of one absence: that an answer is due is noted durably before it is sent, so that
//!   a crash may cost an answer and never makes two.
//! - Neither takes a mod_seq: nothing of it is shown to clients as a change, and nobody is woken.

use bytes::Bytes;
use fieldpost_store::{Commit, Scan};

use crate::{
    Error, Mailbox,
    error::Malformed,
    keys,
    pages::Pages,
    record::{Reader, Writer},
};

/// Nobody hears the same twice within so many seconds (RFC 3834 §2 names seven days).
pub const AGAIN_AFTER: i64 = 7 * DAY;

/// The longest reply, in bytes.
pub const MAX_REPLY: usize = 16 * 1024;

const DAY: i64 = 86_400;

/// An account's setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutOfOffice {
    /// Whether and when it counts.
    pub when: When,
    /// To people of the organisation.
    pub internal: Reply,
    /// To others that the owner knows.
    pub known: Reply,
    /// To everybody else.
    pub unknown: Reply,
    /// Which absence it is: a new one begins with each change of `when` or of a reply. Counted by [`Mailbox::set_out_of_office`], whatever it is
    /// given.
    pub absence: u64,
}

/// Whether and when answers are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// Not at all.
    #[default]
    Never,
    /// From now on, until it is changed.
    Always,
    /// From one moment to another, seconds since 1970.
    Between {
        /// The first second of it.
        start: i64,
        /// The first second behind it.
        end: i64,
    },
}

/// One reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Whether it is sent.
    pub enabled: bool,
    /// What it says, at most [`MAX_REPLY`] bytes.
    pub text: String,
    /// Whether `text` is HTML.
    pub html: bool,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Somebody of the organisation.
    Internal,
    /// Somebody else that the owner knows.
    Known,
    /// Anybody else.
    Unknown,
}

impl OutOfOffice {
    /// What somebody is answered at `now` (seconds since 1970), if anything.
    pub fn reply(&self, audience: Audience, now: i64) -> Option<&Reply> {
        let counts = match self.when {
            When::Never => false,
            When::Always => true,
            When::Between { start, end } => (start..end).contains(&now),
        };
        let reply = match audience {
            Audience::Internal => &self.internal,
            Audience::Known => &self.known,
            Audience::Unknown => &self.unknown,
        };
        (counts && reply.enabled && !reply.text.trim().is_empty()).then_some(reply)
    }

    fn replies(&self) -> [&Reply; 3] {
        [&self.internal, &self.known, &self.unknown]
    }

    fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(64);
        writer.byte(VERSION);
        writer.number(self.absence);
        match self.when {
            When::Never => writer.byte(0),
            When::Always => writer.byte(1),
            When::Between { start, end } => {
                writer.byte(2);
                writer.signed(start);
                writer.signed(end);
            }
        }
        for reply in self.replies() {
            writer.byte(u8::from(reply.enabled) | u8::from(reply.html) << 1);
            writer.bytes(reply.text.as_bytes());
        }
        writer.0.into()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let absence = reader.number()?;
        let when = match reader.byte()? {
            0 => When::Never,
            1 => When::Always,
            2 => When::Between {
                start: reader.signed()?,
                end: reader.signed()?,
            },
            _ => return Err(Malformed::Range),
        };
        let mut reply = || -> Result<Reply, Malformed> {
            let bits = reader.byte()?;
            Ok(Reply {
                enabled: bits & 1 != 0,
                html: bits & 2 != 0,
                text: reader.text()?.to_owned(),
            })
        };
        let (internal, known, unknown) = (reply()?, reply()?, reply()?);
        reader.end()?;
        Ok(Self {
            when,
            internal,
            known,
            unknown,
            absence,
        })
    }
}

impl Mailbox {
    /// What the account answers while its owner is away.
    pub async fn out_of_office(&self) -> Result<OutOfOffice, Error> {
        Ok(self.stored_out_of_office().await?.0)
    }

    /// Sets that. An absence that differs in anything is a new one, and everybody may be answered once more; the same
    /// setting again changes nothing. Replies are cut at [`MAX_REPLY`] bytes. Durable when this returns.
    pub async fn set_out_of_office(&self, setting: &OutOfOffice) -> Result<(), Error> {
        loop {
            let (before, stored) = self.stored_out_of_office().await?;
            let mut setting = setting.clone();
            for reply in [
                &mut setting.internal,
                &mut setting.known,
                &mut setting.unknown,
            ] {
                let end = reply.text.floor_char_boundary(MAX_REPLY);
                reply.text.truncate(end);
            }
            setting.absence = before.absence;
            if setting == before {
                return Ok(());
            }
            setting.absence += 1;
            let mut commit = Commit::new(self.account());
            commit.require(keys::out_of_office(), stored);
            commit.put(keys::out_of_office(), setting.encode());
            if self.commit_aside(commit).await? {
                return Ok(());
            }
        }
    }

    /// Notes durably that `sender` is answered now. `false`: he was answered in this absence, and not long ago.
    pub async fn note_answered(&self, setting: &OutOfOffice, sender: &str) -> Result<bool, Error> {
        let today = u32::try_from(self.now() / DAY).unwrap_or_default();
        let first = today.saturating_sub((AGAIN_AFTER / DAY) as u32 - 1);
        let mut named = blake3::Hasher::new();
        named.update(&setting.absence.to_be_bytes());
        named.update(sender.to_lowercase().as_bytes());
        let hash = named.finalize();
        let mut name = [0; 16];
        name.copy_from_slice(&hash.as_bytes()[..16]);
        let store = &self.mailboxes.store;
        for day in first..=today {
            let key = keys::answered(day, &name);
            if store.get(self.account(), &key).await?.is_some() {
                return Ok(false);
            }
        }
        let mut commit = Commit::new(self.account());
        let key = keys::answered(today, &name);
        commit.require(key.clone(), None);
        commit.put(key, Bytes::new());
        // What is too old to count goes as new notes come.
        let mut old = Scan::prefix(vec![keys::ANSWERED]);
        old.end = Some(keys::answered(first, &[0; 16]));
        let mut pages = Pages::new(&**store, self.account(), old);
        while commit.ops.len() < AT_ONCE
            && let Some((key, _)) = pages.next().await?
        {
            commit.delete(key);
        }
        // Somebody else who noted him at the same moment answers him.
        self.commit_aside(commit).await
    }

    async fn stored_out_of_office(&self) -> Result<(OutOfOffice, Option<Bytes>), Error> {
        let store = &self.mailboxes.store;
        let stored = store.get(self.account(), &keys::out_of_office()).await?;
        let setting = stored.as_deref().map(OutOfOffice::decode).transpose();
        // One that can't be read answers nobody, and can be set anew.
        let setting = setting.unwrap_or_else(|wrong| {
            tracing::error!(account = %self.account(), %wrong, "damaged out-of-office setting");
            None
        });
        Ok((setting.unwrap_or_default(), stored))
    }
}

const VERSION: u8 = 1;
const AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn away(when: When) -> OutOfOffice {
        OutOfOffice {
            when,
            internal: Reply {
                enabled: true,
                text: "Back on Monday.".into(),
                html: false,
            },
            unknown: Reply {
                enabled: true,
                text: "<p>Away</p>".into(),
                html: true,
            },
            ..OutOfOffice::default()
        }
    }

    #[test]
    fn a_setting_comes_back_and_damage_is_an_error() {
        for when in [
            When::Never,
            When::Always,
            When::Between { start: -5, end: 7 },
        ] {
            let setting = OutOfOffice {
                absence: 300,
                ..away(when)
            };
            let bytes = setting.encode();
            assert_eq!(OutOfOffice::decode(&bytes), Ok(setting));
            for length in 0..bytes.len() {
                assert!(OutOfOffice::decode(&bytes[..length]).is_err());
            }
        }
    }

    #[test]
    fn who_is_answered_when() {
        let text = |setting: &OutOfOffice, audience, now| {
            setting.reply(audience, now).map(|reply| reply.text.clone())
        };
        let between = away(When::Between { start: 10, end: 20 });
        for (now, expected) in [(9, None), (10, Some("Back on Monday.".into())), (20, None)] {
            assert_eq!(text(&between, Audience::Internal, now), expected, "{now}");
        }
        let always = away(When::Always);
        assert_eq!(text(&always, Audience::Known, 0), None);
        assert_eq!(
            text(&always, Audience::Unknown, 0).as_deref(),
            Some("<p>Away</p>")
        );
        assert_eq!(text(&away(When::Never), Audience::Internal, 0), None);
    }
}
