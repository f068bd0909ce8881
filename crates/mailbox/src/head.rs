//! The account's head record: the counters that only ever grow, and the quota.

use bytes::Bytes;

use crate::{
    error::Malformed,
    quota::{Limits, Quota},
    record::{Reader, Writer},
};

/// One record an account, rewritten by every commit, which requires the value that it was made from: so nobody's
/// commit can rest on a state that another has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The modification sequence of the last change; below 2^63.
    pub(crate) mod_seq: u64,
    pub(crate) next_folder: u64,
    pub(crate) next_entry: u64,
    pub(crate) next_content: u64,
    /// The last uid_validity given to a folder; the next is larger.
    pub(crate) last_uid_validity: u32,
    /// Counts every commit, so that two commits never leave the same head behind.
    pub(crate) commits: u64,
    /// Grows with each restore.
    pub(crate) epoch: u64,
    /// Changes of the folder list before this mod_seq are forgotten.
    pub(crate) hierarchy_floor: u64,
    /// The oldest turn still in the thread index, and the next one.
    pub(crate) first_turn: u64,
    pub(crate) next_turn: u64,
    pub(crate) quota: Quota,
}

impl Head {
    /// The head of an account that has nothing yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            next_folder: 1,
            next_entry: 1,
            next_content: 1,
            quota: Quota {
                limits,
                ..Quota::default()
            },
            ..Self::default()
        }
    }

    /// Leaves room behind every counter for what may have been given out and is not known here any more (a restore), so that
    /// each time has a place of its own: of two restores of one backup, the second gives out nothing that the first did.
    /// `now` is in seconds since 1970.
    pub(crate) fn begin_epoch(&mut self, now: i64) {
        self.epoch += 1;
        let place = u64::from(ticks(now)) << 32;
        for counter in [
            &mut self.mod_seq,
            &mut self.next_folder,
            &mut self.next_entry,
            &mut self.next_content,
        ] {
            *counter = counter.saturating_add(EPOCH).max(place);
        }
        // Values of uid_validity are about the time at which they are given out.
        let now = u32::try_from(now.max(0)).unwrap_or(u32::MAX);
        self.last_uid_validity = self.last_uid_validity.max(now).saturating_add(UIDS);
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(64);
        writer.byte(VERSION);
        for number in [
            self.mod_seq,
            self.next_folder,
            self.next_entry,
            self.next_content,
            u64::from(self.last_uid_validity),
            self.commits,
            self.epoch,
            self.hierarchy_floor,
            self.first_turn,
            self.next_turn,
            self.quota.used_bytes,
            self.quota.used_items,
            self.quota.limits.bytes,
            self.quota.limits.items,
        ] {
            writer.number(number);
        }
        writer.0.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let head = Self {
            mod_seq: reader.number()?,
            next_folder: reader.number()?,
            next_entry: reader.number()?,
            next_content: reader.number()?,
            last_uid_validity: reader.number32()?,
            commits: reader.number()?,
            epoch: reader.number()?,
            hierarchy_floor: reader.number()?,
            first_turn: reader.number()?,
            next_turn: reader.number()?,
            quota: Quota {
                used_bytes: reader.number()?,
                used_items: reader.number()?,
                limits: Limits {
                    bytes: reader.number()?,
                    items: reader.number()?,
                },
            },
        };
        reader.end()?;
        Ok(head)
    }
}

/// Where a folder's uids go on after a restore at `now`: as above, as far as 32 bits allow. Two restores of one backup give
/// out none in common unless the folder got more than one message every two seconds between them.
pub(crate) fn next_uid(uid_next: u32, now: i64) -> u32 {
    uid_next.saturating_add(UIDS).max(ticks(now))
}

/// Two seconds each since 2020-01-01: below 2^31 until 2156.
fn ticks(now: i64) -> u32 {
    u32::try_from((now - 1_577_836_800).max(0) / 2)
        .unwrap_or(u32::MAX)
        .min(u32::MAX >> 1)
}

/// By how much a restore moves the account's counters on at least. They stay below 2^63.
const EPOCH: u64 = 1 << 40;

/// The same for what has 32 bits.
const UIDS: u32 = 1 << 20;

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back() {
        let head = Head {
            mod_seq: u64::MAX >> 1,
            next_entry: 70_000,
            last_uid_validity: u32::MAX,
            ..Head::new(Limits {
                bytes: 5,
                items: 1 << 40,
            })
        };
        let bytes = head.encode();
        assert_eq!(Head::decode(&bytes), Ok(head));
        for cut in 0..bytes.len() {
            assert!(Head::decode(&bytes[..cut]).is_err());
        }
    }
}
