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

    /// Leaves room behind every counter for what may have been given out and is not known here any more (a restore).
    pub(crate) fn begin_epoch(&mut self) {
        self.epoch += 1;
        self.mod_seq = self.mod_seq.saturating_add(EPOCH);
        self.next_folder = self.next_folder.saturating_add(EPOCH);
        self.next_entry = self.next_entry.saturating_add(EPOCH);
        self.next_content = self.next_content.saturating_add(EPOCH);
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

/// By how much a restore moves the account's counters on. Millions of restores fit below 2^63.
pub(crate) const EPOCH: u64 = 1 << 40;

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
