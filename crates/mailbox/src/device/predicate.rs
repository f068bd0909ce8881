//! Which items of a folder a device wants: those within its time window and, if it wants whole conversations, those that
//! share one with them.

use std::collections::HashSet;

use super::{
    Collection, Generation, Plan,
    round::{Action, Cause, Step},
};
use crate::{EntryId, Error, Row, ThreadId};

/// Which items a device wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predicate {
    /// Items with an earlier window date are not wanted for themselves, seconds since 1970.
    pub cut: i64,
    /// One item within the window brings in all items of its conversation that lie in the folder.
    pub conversations: bool,
}

/// How a device's state stands to conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Conversations {
    /// It holds nothing for the sake of a conversation.
    #[default]
    Off,
    /// It holds all that it should.
    Whole,
    /// It may hold too little, or what it no longer should.
    Unsettled,
}

/// The predicate at one moment.
pub(super) struct Wanted {
    cut: i64,
    /// Conversations with an item within the window.
    threads: HashSet<ThreadId>,
}

impl Predicate {
    /// By the time window alone.
    pub fn since(cut: i64) -> Self {
        Self {
            cut,
            conversations: false,
        }
    }

    /// What a state is to become once all is told.
    fn target(self) -> Conversations {
        if self.conversations && self.cut > i64::MIN {
            Conversations::Whole
        } else {
            Conversations::Off
        }
    }

    /// Whether conversations count.
    pub(super) fn counts_conversations(self) -> bool {
        self.target() == Conversations::Whole
    }
}

impl Wanted {
    /// By the time window alone.
    pub(super) fn by_date(cut: i64) -> Self {
        Self {
            cut,
            threads: HashSet::new(),
        }
    }

    pub(super) fn holds(&self, row: &Row) -> bool {
        row.window_date >= self.cut || self.threads.contains(&row.thread)
    }
}

impl Generation {
    /// Whether nothing that concerns conversations has happened since this state, but for what the log says.
    fn is_whole(&self, predicate: Predicate) -> bool {
        self.conversations == predicate.target()
            && (self.conversations == Conversations::Off
                || (self.cut == predicate.cut && self.anchor.is_some()))
    }
}

impl Collection {
    /// The predicate as the folder is now. It costs a walk over the rows in memory, where conversations count.
    pub(super) async fn wanted(&self, predicate: Predicate) -> Result<Wanted, Error> {
        let mut wanted = Wanted::by_date(predicate.cut);
        if predicate.counts_conversations() {
            let view = self.mailbox.view(self.folder).await?;
            wanted.threads.extend(
                view.rows()
                    .filter(|row| row.window_date >= predicate.cut)
                    .map(|row| row.thread),
            );
        }
        Ok(wanted)
    }

    /// Items behind the window whose conversation came into view or left it. The log says only what happened to an item
    /// itself, so all rows behind the window are looked at: when an item came or went (`has_stirred`), when the window or
    /// the client's wish has moved, and until all of that was told.
    pub(super) async fn follow_conversations(
        &self,
        plan: &mut Plan,
        predicate: Predicate,
        has_stirred: bool,
        limit: usize,
    ) -> Result<(), Error> {
        let base = &self.base;
        if base.is_whole(predicate) && (!has_stirred || predicate.target() == Conversations::Off) {
            plan.conversations = base.conversations;
            return Ok(());
        }
        plan.conversations = Conversations::Unsettled;
        plan.follows_conversations = true;
        if plan.more {
            return Ok(());
        }
        // Items may have come since the log was looked at.
        let wanted = self.wanted(predicate).await?;
        let view = self.mailbox.view(self.folder).await?;
        let told: HashSet<EntryId> = plan.steps.iter().map(|step| step.action.entry()).collect();
        let mut actions: Vec<(&Row, Action)> = view
            .rows()
            .filter(|row| row.window_date < predicate.cut && !told.contains(&row.entry))
            .filter_map(|row| {
                let action = match (base.held.contains(row.entry), wanted.holds(row)) {
                    (true, false) => Action::SoftDelete(row.entry),
                    (false, true) if !base.left_out.contains(row.entry) => Action::Add(*row),
                    _ => return None,
                };
                Some((row, action))
            })
            .collect();
        // Newest first, as all that was there before.
        actions.sort_unstable_by_key(|(row, _)| std::cmp::Reverse((row.window_date, row.entry)));
        plan.more = plan.steps.len() + actions.len() > limit;
        actions.truncate(limit.saturating_sub(plan.steps.len()));
        plan.steps
            .extend(actions.into_iter().map(|(_, action)| Step {
                action,
                left_out: false,
                cause: Cause::Conversation,
            }));
        if !plan.more {
            plan.conversations = predicate.target();
        }
        Ok(())
    }
}

impl Plan {
    /// Where conversations stand once the first steps are told, all of them or not.
    pub(super) fn conversations_after(&self, all: bool) -> Conversations {
        if self.follows_conversations && !all {
            Conversations::Unsettled
        } else {
            self.conversations
        }
    }
}
