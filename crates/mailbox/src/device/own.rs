//! What a device itself changes: done in the mailbox and merged into the generation that the device spoke from, so that
//! it is not told of it again and never conflicts with itself.

use std::collections::BTreeMap;

use super::{Collection, parts};
use crate::{
    EntryId, Error, Expunge, FlagUpdate, Flags, Row, UidSet, item::Change, transaction::Attempts,
};

/// A change that a device asks for.
#[derive(Clone, Debug)]
pub struct OwnChange {
    /// Of which item.
    pub entry: EntryId,
    /// What to change, in order.
    pub updates: Vec<FlagUpdate>,
    /// Whether somebody else's change that the device has not seen wins.
    pub yields: bool,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnOutcome {
    /// The item is now as the device wants it.
    Done,
    /// Somebody else changed it meanwhile, and the device yields.
    Conflict,
    /// It is not there any more.
    Gone,
}

impl Collection {
    /// Changes items. The changes and that the device knows them are one commit.
    pub async fn change_items(&mut self, changes: &[OwnChange]) -> Result<Vec<OwnOutcome>, Error> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let mailbox = self.mailbox.clone();
        let mut attempts = Attempts::new();
        loop {
            let losses = mailbox.account.losses();
            let mut transaction = mailbox.begin().await?;
            transaction.folder(self.folder)?;
            let view = mailbox.rows_for_change(self.folder).await?;
            let mut labels = (*transaction.labels()).clone();
            let mod_seq = transaction.mod_seq();
            let mut outcomes = Vec::with_capacity(changes.len());
            // As it was, and as it will be.
            let mut rows: BTreeMap<EntryId, (Row, Row)> = BTreeMap::new();
            for change in changes {
                let found = rows
                    .get(&change.entry)
                    .copied()
                    .or_else(|| view.by_entry(change.entry).map(|row| (*row, *row)));
                let Some((before, mut after)) = found else {
                    outcomes.push(OwnOutcome::Gone);
                    continue;
                };
                let was = after;
                for update in &change.updates {
                    after = Change::new(update, &mut labels)?.apply(&after);
                }
                let foreign =
                    after.mod_seq != mod_seq && !self.base.knows(after.entry, before.mod_seq);
                if after != was && change.yields && foreign {
                    outcomes.push(OwnOutcome::Conflict);
                    continue;
                }
                if after != was {
                    after.mod_seq = mod_seq;
                }
                rows.insert(change.entry, (before, after));
                outcomes.push(OwnOutcome::Done);
            }
            rows.retain(|_, (before, after)| before != after);
            if rows.is_empty() {
                drop(transaction);
                if !mailbox.settled(losses).await {
                    continue;
                }
                return Ok(outcomes);
            }
            transaction.set_labels(labels);
            let mut base = self.base.clone();
            for (entry, (before, after)) in &rows {
                transaction.change_row(self.folder, before, *after)?;
                // Of what somebody else did to it meanwhile the device has to hear.
                if base.knows(*entry, before.mod_seq) {
                    base.known.insert(*entry, mod_seq);
                }
            }
            let bytes = base.encode();
            let slot = usize::from(self.slot);
            parts::put(
                &mut transaction.commit,
                &self.device,
                self.folder,
                self.slot,
                &bytes,
                &self.stored[slot],
            );
            if transaction.commit(&mut attempts).await? {
                self.base = base;
                self.stored[slot] = parts::Stored::written(bytes);
                return Ok(outcomes);
            }
        }
    }

    /// Takes items out of the folder, into the account's deleted items if `to_trash` and if they do not lie there already.
    /// The entries that were there.
    pub async fn remove_items(
        &mut self,
        entries: &[EntryId],
        to_trash: bool,
    ) -> Result<Vec<EntryId>, Error> {
        let mailbox = self.mailbox.clone();
        let view = mailbox.view(self.folder).await?;
        let rows: Vec<_> = entries
            .iter()
            .filter_map(|entry| view.by_entry(*entry).copied())
            .collect();
        drop(view);
        let uids: UidSet = rows.iter().map(|row| row.uid).collect();
        if !uids.is_empty() {
            let trash = mailbox.special(crate::SpecialUse::Trash).await?.id;
            if to_trash && trash != self.folder {
                mailbox.move_items(self.folder, &uids, trash).await?;
            } else {
                mailbox.expunge(self.folder, &uids, Expunge::All).await?;
            }
        }
        let mut base = self.base.clone();
        let mut changed = false;
        for entry in entries {
            changed |= base.held.remove(*entry);
            base.known.remove(entry);
        }
        if changed {
            let bytes = base.encode();
            let slot = usize::from(self.slot);
            let mut commit = fieldpost_store::Commit::new(mailbox.account());
            parts::put(
                &mut commit,
                &self.device,
                self.folder,
                self.slot,
                &bytes,
                &self.stored[slot],
            );
            if !mailbox.commit_aside(commit).await? {
                return Err(Error::Busy(mailbox.account()));
            }
            self.base = base;
            self.stored[slot] = parts::Stored::written(bytes);
        }
        Ok(rows.iter().map(|row| row.entry).collect())
    }
}

impl OwnChange {
    /// Sets or clears a flag.
    ///
    /// It never yields. A flag has two values, and the device wants the other one than it was told: if somebody else
    /// changed this flag meanwhile, both want the same; if he changed something else, there is no conflict about this.
    pub fn flag(entry: EntryId, flag: Flags, set: bool) -> Self {
        let mode = if set {
            crate::UpdateMode::Add
        } else {
            crate::UpdateMode::Remove
        };
        Self {
            entry,
            updates: vec![FlagUpdate::flags(mode, flag)],
            yields: false,
        }
    }
}
