//! Changing flags, keywords and categories.

use crate::{
    Error, Flags, FolderId, LabelSet, Labels, Mailbox, Row, UidSet, transaction::Attempts,
};

/// How the named flags meet those that are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// They are set, all others are cleared.
    Replace,
    /// They are set too.
    Add,
    /// They are cleared.
    Remove,
}

/// A change of flags. What is `None` stays as it is.
#[derive(Clone, Debug)]
pub struct FlagUpdate {
    /// How.
    pub mode: UpdateMode,
    /// System flags.
    pub flags: Option<Flags>,
    /// Keywords; replacing them replaces categories too, since IMAP sees these as keywords.
    pub keywords: Option<Vec<String>>,
    /// Categories; replacing them leaves keywords that are no category alone.
    pub categories: Option<Vec<String>>,
}

impl FlagUpdate {
    /// A change of system flags alone.
    pub fn flags(mode: UpdateMode, flags: Flags) -> Self {
        Self {
            mode,
            flags: Some(flags),
            keywords: None,
            categories: None,
        }
    }

    /// A change of keywords alone.
    pub fn keywords(
        mode: UpdateMode,
        keywords: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            mode,
            flags: None,
            keywords: Some(keywords.into_iter().map(Into::into).collect()),
            categories: None,
        }
    }

    /// A change of categories alone.
    pub fn categories(
        mode: UpdateMode,
        categories: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            mode,
            flags: None,
            keywords: None,
            categories: Some(categories.into_iter().map(Into::into).collect()),
        }
    }
}

/// What a change of flags did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The rows that changed, as they are now, in uid order. A row that was so already keeps its mod_seq and is not here.
    pub changed: Vec<Row>,
    /// The mod_seq that each row of `changed` had before: somebody who knew less has not seen what others did to it.
    pub before: Vec<u64>,
    /// The uids that had changed after `unchanged_since`, and were left alone (RFC 7162 §3.1.3, MODIFIED).
    pub modified: Vec<u32>,
    /// The last change's mod_seq; 0 if nothing changed.
    pub mod_seq: u64,
}

impl Mailbox {
    /// Changes flags, keywords and categories of items. Those that changed after `unchanged_since` are left alone; uids
    /// that are not there are passed over. It is durable when this returns.
    pub async fn update_flags(
        &self,
        folder: FolderId,
        uids: &UidSet,
        update: &FlagUpdate,
        unchanged_since: Option<u64>,
    ) -> Result<Stored, Error> {
        let mut done = Stored::default();
        let mut attempts = Attempts::new();
        let mut from = 0;
        loop {
            let losses = self.account.losses();
            let mut transaction = self.begin().await?;
            let view = self.rows_for_change(folder).await?;
            let mut labels = (*transaction.labels()).clone();
            let change = Change::new(update, &mut labels)?;
            let mod_seq = transaction.mod_seq();
            let mut modified = Vec::new();
            let mut changed = Vec::new();
            let mut more = None;
            for row in view.within(uids).filter(|row| row.uid >= from) {
                if changed.len() == CHANGED_AT_ONCE {
                    more = Some(row.uid);
                    break;
                }
                if unchanged_since.is_some_and(|since| row.mod_seq > since) {
                    modified.push(row.uid);
                    continue;
                }
                let after = change.apply(row);
                if after != *row {
                    changed.push((*row, Row { mod_seq, ..after }));
                }
            }
            if changed.is_empty() {
                done.modified.extend(modified);
                drop(transaction);
                if !self.settled(losses).await {
                    continue;
                }
                return Ok(done);
            }
            transaction.set_labels(labels);
            for (before, after) in &changed {
                transaction.change_row(folder, before, *after)?;
            }
            if transaction.commit(&mut attempts).await? {
                done.mod_seq = mod_seq;
                done.modified.extend(modified);
                for (before, after) in changed {
                    done.before.push(before.mod_seq);
                    done.changed.push(after);
                }
                match more {
                    Some(uid) => from = uid,
                    None => return Ok(done),
                }
            }
        }
    }
}

/// An update as bits to clear, then bits to set.
pub(crate) struct Change {
    keep_flags: Flags,
    set_flags: Flags,
    clear_labels: LabelSet,
    set_labels: LabelSet,
}

impl Change {
    pub(crate) fn new(update: &FlagUpdate, labels: &mut Labels) -> Result<Self, Error> {
        let mut keywords = LabelSet::EMPTY;
        let mut categories = LabelSet::EMPTY;
        let removing = update.mode == UpdateMode::Remove;
        for keyword in update.keywords.iter().flatten() {
            // What nobody ever set need not be learnt to be cleared.
            let set = if removing {
                labels.keyword(keyword).unwrap_or_default()
            } else {
                labels.add_keyword(keyword)?
            };
            keywords = keywords.union(set);
        }
        for category in update.categories.iter().flatten() {
            let set = if removing {
                labels.category(category).unwrap_or_default()
            } else {
                labels.add_category(category)?
            };
            categories = categories.union(set);
        }
        let flags = update.flags.unwrap_or_default();
        let named = keywords.union(categories);
        let nothing = LabelSet::EMPTY;
        Ok(match update.mode {
            UpdateMode::Replace => {
                let by_keywords = update.keywords.as_ref().map_or(nothing, |_| labels.all());
                let by_categories = update
                    .categories
                    .as_ref()
                    .map_or(nothing, |_| labels.all_categories());
                Self {
                    keep_flags: update.flags.map_or(Flags::ALL, |_| Flags::EMPTY),
                    set_flags: flags,
                    clear_labels: by_keywords.union(by_categories),
                    set_labels: named,
                }
            }
            UpdateMode::Add => Self {
                keep_flags: Flags::ALL,
                set_flags: flags,
                clear_labels: nothing,
                set_labels: named,
            },
            UpdateMode::Remove => Self {
                keep_flags: Flags::ALL.without(flags),
                set_flags: Flags::EMPTY,
                clear_labels: named,
                set_labels: nothing,
            },
        })
    }

    pub(crate) fn apply(&self, row: &Row) -> Row {
        let cleared = Flags::ALL.without(self.keep_flags);
        Row {
            flags: row.flags.without(cleared) | self.set_flags,
            labels: row.labels.without(self.clear_labels).union(self.set_labels),
            ..*row
        }
    }
}

/// How many rows one commit changes at most.
const CHANGED_AT_ONCE: usize = 4096;
