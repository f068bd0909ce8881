//! What a device holds of a folder after one round.

use std::collections::BTreeMap;

use super::{EntrySet, predicate::Conversations};
use crate::{
    EntryId, WindowPosition,
    error::Malformed,
    record::{Reader, Writer},
};

/// What a device holds of a folder, and how far it has been told of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Drawn anew whenever the device begins from nothing, so that a key from before that, or from before a restore, never fits.
    pub(super) id: u64,
    /// Counts the rounds.
    pub(super) counter: u64,
    /// The entries that the device holds.
    pub(super) held: EntrySet,
    /// Entries that the device was not and will not be told of, since it or this server can do nothing with them.
    pub(super) left_out: EntrySet,
    /// The change log has been drained up to here; `None`: nothing was ever asked for.
    pub(super) anchor: Option<u64>,
    /// Of what changed after `anchor`: the mod_seqs at which the device knows it, its own changes among them.
    pub(super) known: BTreeMap<EntryId, u64>,
    /// What it has not been sent of what was there before.
    pub(super) backfill: Backfill,
    /// Items with an earlier window date are not wanted.
    pub(super) cut: i64,
    /// Down to this window date the device may still hold items that the cut has passed.
    pub(super) swept: i64,
    /// Whether it holds items for the sake of their conversations.
    pub(super) conversations: Conversations,
    /// What the front-end wants to remember with it.
    pub(super) options: Vec<u8>,
}

/// How much of a folder a device still has to be sent, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Backfill {
    /// All of it.
    #[default]
    All,
    /// What comes after this place.
    After(WindowPosition),
    /// Nothing.
    Done,
}

impl Generation {
    /// The entries that the device holds.
    pub fn held(&self) -> &EntrySet {
        &self.held
    }

    /// What the front-end remembers with it.
    pub fn options(&self) -> &[u8] {
        &self.options
    }

    /// The earliest window date that the device was last sent.
    pub fn cut(&self) -> i64 {
        self.cut
    }

    /// Whether the device knows `entry` as of `mod_seq`.
    pub(super) fn knows(&self, entry: EntryId, mod_seq: u64) -> bool {
        self.anchor.is_some_and(|anchor| mod_seq <= anchor)
            || self
                .known
                .get(&entry)
                .is_some_and(|known| *known >= mod_seq)
    }

    /// Forgets what the anchor says already.
    pub(super) fn prune(&mut self) {
        if let Some(anchor) = self.anchor {
            self.known.retain(|_, mod_seq| *mod_seq > anchor);
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(64 + self.options.len());
        writer.byte(VERSION);
        writer.number(self.id);
        writer.number(self.counter);
        match self.anchor {
            None => writer.number(0),
            Some(anchor) => {
                writer.number(1);
                writer.number(anchor);
            }
        }
        match self.backfill {
            Backfill::All => writer.byte(0),
            Backfill::After(position) => {
                writer.byte(1);
                writer.signed(position.window_date);
                writer.number(position.entry.0);
            }
            Backfill::Done => writer.byte(2),
        }
        writer.signed(self.cut);
        writer.signed(self.swept);
        writer.byte(match self.conversations {
            Conversations::Off => 0,
            Conversations::Whole => 1,
            Conversations::Unsettled => 2,
        });
        writer.bytes(&self.options);
        self.held.encode(&mut writer);
        self.left_out.encode(&mut writer);
        writer.number(self.known.len() as u64);
        let mut at = 0;
        for (entry, mod_seq) in &self.known {
            writer.number(entry.0 - at);
            writer.number(*mod_seq);
            at = entry.0;
        }
        writer.0
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let (id, counter) = (reader.number()?, reader.number()?);
        let anchor = match reader.number()? {
            0 => None,
            1 => Some(reader.number()?),
            _ => return Err(Malformed::Range),
        };
        let backfill = match reader.byte()? {
            0 => Backfill::All,
            1 => Backfill::After(WindowPosition {
                window_date: reader.signed()?,
                entry: EntryId(reader.number()?),
            }),
            2 => Backfill::Done,
            _ => return Err(Malformed::Range),
        };
        let (cut, swept) = (reader.signed()?, reader.signed()?);
        let conversations = match reader.byte()? {
            0 => Conversations::Off,
            1 => Conversations::Whole,
            2 => Conversations::Unsettled,
            _ => return Err(Malformed::Range),
        };
        let options = reader.bytes()?.to_vec();
        let held = EntrySet::decode(&mut reader)?;
        let left_out = EntrySet::decode(&mut reader)?;
        let mut known = BTreeMap::new();
        let mut at = 0u64;
        for _ in 0..reader.number()? {
            at = at.checked_add(reader.number()?).ok_or(Malformed::Range)?;
            known.insert(EntryId(at), reader.number()?);
        }
        reader.end()?;
        Ok(Self {
            id,
            counter,
            held,
            left_out,
            anchor,
            known,
            backfill,
            cut,
            swept,
            conversations,
            options,
        })
    }
}

const VERSION: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_comes_back_and_a_cut_one_is_refused() {
        let generation = Generation {
            id: u64::MAX,
            counter: 9,
            held: [3, 4, 5, 70_000].into_iter().map(EntryId).collect(),
            left_out: [6, 90].into_iter().map(EntryId).collect(),
            anchor: Some(12),
            known: [(EntryId(4), 14), (EntryId(900), 13)].into(),
            backfill: Backfill::After(WindowPosition {
                window_date: -5,
                entry: EntryId(8),
            }),
            cut: i64::MIN,
            swept: 7,
            conversations: Conversations::Unsettled,
            options: vec![1, 2, 3],
        };
        let bytes = generation.encode();
        assert_eq!(Generation::decode(&bytes), Ok(generation));
        for cut in 0..bytes.len() {
            assert!(Generation::decode(&bytes[..cut]).is_err());
        }
    }
}
