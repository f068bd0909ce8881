//! One round of synchronisation: what a device has to be told next, and what it holds after that.
//!
//! Candidates come in this order: the change log behind the anchor, items that the moving cut has passed, and what was
//! there before, newest first. What is done with each is decided by whether the device holds it and whether it is wanted,
//! and by nothing else; estimates and waiting requests ask the same function.

use crate::{ChangesSince, EntryId, Error, Row, WindowPosition};

use super::{
    Collection, Generation, Predicate,
    generation::Backfill,
    predicate::{Conversations, Wanted},
};

/// What a device is told of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new to the device.
    Add(Row),
    /// Its flags, keywords or categories have changed.
    Change(Row),
    /// It has left the folder.
    Delete(EntryId),
    /// It is still there, but no longer within what the device wants.
    SoftDelete(EntryId),
}

/// One thing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub action: Action,
    /// It is not told, now or ever.
    pub left_out: bool,
    pub(super) cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The change log at this mod_seq.
    Log(u64),
    /// The cut passed it.
    Cut,
    /// Its conversation came into view or left it.
    Conversation,
    /// It was there before.
    Backfill(WindowPosition),
}

/// What a device has to be told, in order, and how its state goes on.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What to tell, in order.
    pub steps: Vec<Step>,
    /// Whether there is more than these steps.
    pub more: bool,
    cut: i64,
    /// Whether conversations count.
    counts_conversations: bool,
    /// Where they stand once all steps are told.
    pub(super) conversations: Conversations,
    /// Whether that depends on these steps.
    pub(super) follows_conversations: bool,
    /// All of the log up to here is in `steps`, unless `log_rest` says otherwise.
    up_to: u64,
    /// The mod_seq of the first change that did not fit in.
    log_rest: Option<u64>,
    /// Whether items that the cut passed did not fit in.
    cut_rest: bool,
    /// Where the backfill stands once all steps are told.
    backfill: Backfill,
    /// Where it begins.
    backfill_from: Backfill,
}

impl Collection {
    /// What the device has to be told next, at most `limit` things, if it wants what `predicate` says.
    /// `None`: too much is forgotten; the device must begin from nothing.
    pub async fn plan(&self, predicate: Predicate, limit: usize) -> Result<Option<Plan>, Error> {
        let base = &self.base;
        let cut = predicate.cut;
        let mut plan = Plan {
            cut,
            counts_conversations: predicate.counts_conversations(),
            ..Plan::default()
        };
        let mut wanted = Wanted::by_date(cut);
        let mut has_stirred = false;
        match base.anchor {
            None => {
                // All that is there comes by the backfill; the log is of interest from now on.
                plan.up_to = self.mailbox.folder(self.folder).await?.highest_mod_seq;
            }
            Some(anchor) => match self.mailbox.changes(self.folder, anchor).await? {
                ChangesSince::TooOld { .. } => return Ok(None),
                ChangesSince::Known(changes) => {
                    plan.up_to = changes.up_to;
                    let mut events: Vec<(u64, Event)> = changes
                        .changed
                        .into_iter()
                        .map(|row| (row.mod_seq, Event::Row(row)))
                        .chain(
                            changes
                                .gone
                                .into_iter()
                                .map(|gone| (gone.mod_seq, Event::Gone(gone.entry))),
                        )
                        .collect();
                    events.sort_by_key(|(mod_seq, _)| *mod_seq);
                    has_stirred = events.iter().any(|(_, event)| match event {
                        Event::Row(row) => !base.held.contains(row.entry),
                        Event::Gone(_) => true,
                    });
                    if !events.is_empty() {
                        wanted = self.wanted(predicate).await?;
                    }
                    for (mod_seq, event) in events {
                        let Some(action) = base.decide(mod_seq, event, &wanted) else {
                            continue;
                        };
                        if plan.steps.len() == limit {
                            plan.log_rest = Some(mod_seq);
                            plan.more = true;
                            break;
                        }
                        plan.steps.push(Step {
                            action,
                            left_out: false,
                            cause: Cause::Log(mod_seq),
                        });
                    }
                }
            },
        }
        let (cut_before, swept) = match base.anchor {
            None => (cut, cut),
            Some(_) => (base.cut, base.swept),
        };
        if !plan.more && swept < cut && !plan.counts_conversations {
            self.pass_cut(&mut plan, swept..=cut - 1, limit).await?;
        }
        plan.backfill_from = base.backfill;
        if cut < cut_before {
            // What the old cut kept out comes in, newest first.
            let behind = WindowPosition {
                window_date: cut_before,
                entry: EntryId(0),
            };
            plan.backfill_from = match base.backfill {
                Backfill::Done => Backfill::After(behind),
                Backfill::After(position) => Backfill::After(position.max(behind)),
                Backfill::All => Backfill::All,
            };
        }
        plan.backfill = plan.backfill_from;
        if !plan.more && plan.backfill != Backfill::Done {
            self.go_back(&mut plan, limit).await?;
        }
        self.follow_conversations(&mut plan, predicate, has_stirred, limit)
            .await?;
        Ok(Some(plan))
    }

    /// How many things there are to tell.
    pub async fn estimate(&self, predicate: Predicate) -> Result<Option<usize>, Error> {
        Ok(self
            .plan(predicate, usize::MAX)
            .await?
            .map(|plan| plan.steps.len()))
    }

    /// Items that the device holds and that the cut has passed.
    async fn pass_cut(
        &self,
        plan: &mut Plan,
        passed: std::ops::RangeInclusive<i64>,
        limit: usize,
    ) -> Result<(), Error> {
        let view = self.mailbox.view(self.folder).await?;
        let told: std::collections::HashSet<_> =
            plan.steps.iter().map(|step| step.action.entry()).collect();
        let mut after = None;
        loop {
            let rows = view.by_window_date(passed.clone(), after, PAGE);
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Some(position(last));
            for row in &rows {
                if !self.base.held.contains(row.entry) || told.contains(&row.entry) {
                    continue;
                }
                if plan.steps.len() == limit {
                    plan.cut_rest = true;
                    plan.more = true;
                    return Ok(());
                }
                plan.steps.push(Step {
                    action: Action::SoftDelete(row.entry),
                    left_out: false,
                    cause: Cause::Cut,
                });
            }
        }
    }

    /// Items that were there before and that the device was not sent yet.
    async fn go_back(&self, plan: &mut Plan, limit: usize) -> Result<(), Error> {
        let view = self.mailbox.view(self.folder).await?;
        let told: std::collections::HashSet<_> =
            plan.steps.iter().map(|step| step.action.entry()).collect();
        let mut after = match plan.backfill {
            Backfill::After(position) => Some(position),
            Backfill::All | Backfill::Done => None,
        };
        loop {
            let page = limit
                .saturating_sub(plan.steps.len())
                .saturating_add(1)
                .min(PAGE);
            let rows = view.by_window_date(plan.cut..=i64::MAX, after, page);
            if rows.is_empty() {
                plan.backfill = Backfill::Done;
                return Ok(());
            }
            for row in rows {
                let place = position(&row);
                let is_known = self.base.held.contains(row.entry)
                    || self.base.left_out.contains(row.entry)
                    || told.contains(&row.entry);
                if !is_known {
                    if plan.steps.len() >= limit {
                        plan.more = true;
                        return Ok(());
                    }
                    plan.steps.push(Step {
                        action: Action::Add(row),
                        left_out: false,
                        cause: Cause::Backfill(place),
                    });
                }
                after = Some(place);
                plan.backfill = Backfill::After(place);
            }
        }
    }
}

/// What the log says of an item.
enum Event {
    Row(Row),
    Gone(EntryId),
}

impl Generation {
    /// What the device is told of something in the log, if anything.
    fn decide(&self, mod_seq: u64, event: Event, wanted: &Wanted) -> Option<Action> {
        let (Event::Row(Row { entry, .. }) | Event::Gone(entry)) = event;
        if self.left_out.contains(entry) {
            return None;
        }
        match event {
            Event::Gone(entry) => self.held.contains(entry).then_some(Action::Delete(entry)),
            Event::Row(row) => {
                let wanted = wanted.holds(&row);
                let knows = self.knows(row.entry, mod_seq);
                match (self.held.contains(row.entry), wanted) {
                    (false, true) if !knows => Some(Action::Add(row)),
                    (true, true) if !knows => Some(Action::Change(row)),
                    (true, false) => Some(Action::SoftDelete(row.entry)),
                    (_, true) | (false, false) => None,
                }
            }
        }
    }
}

impl Action {
    /// Which item it is about.
    pub fn entry(&self) -> EntryId {
        match self {
            Self::Add(row) | Self::Change(row) => row.entry,
            Self::Delete(entry) | Self::SoftDelete(entry) => *entry,
        }
    }
}

impl Plan {
    /// Leaves a step out: what it would tell can't be shown, or the device can do nothing with it. The device does not
    /// hear of an item whose Add is left out again.
    pub fn leave_out(&mut self, at: usize) {
        if let Some(step) = self.steps.get_mut(at) {
            step.left_out = true;
        }
    }

    /// Items with an earlier window date come along for their conversation only.
    pub fn cut(&self) -> i64 {
        self.cut
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// All of the log up to here was looked through.
    pub(super) fn up_to(&self) -> u64 {
        self.up_to
    }

    /// Whether the state goes on although nothing is told: there is something worth committing.
    pub fn moves(&self, base: &Generation) -> bool {
        !self.steps.is_empty()
            || base.anchor.is_none()
            || self.cut != base.cut
            || self.counts_conversations != (base.conversations != Conversations::Off)
    }

    /// What the device holds once it was told the first `taken` steps.
    pub(super) fn settle(&self, base: &Generation, taken: usize) -> Generation {
        let (told, rest) = self.steps.split_at(taken.min(self.steps.len()));
        let mut next = base.clone();
        for step in told {
            match step.action {
                Action::Add(row) if step.left_out => {
                    next.left_out.insert(row.entry);
                }
                Action::Add(row) => {
                    next.held.insert(row.entry);
                    next.known.insert(row.entry, row.mod_seq);
                }
                Action::Change(row) => {
                    next.known.insert(row.entry, row.mod_seq);
                }
                Action::Delete(entry) | Action::SoftDelete(entry) => {
                    next.held.remove(entry);
                }
            }
            if let Cause::Backfill(position) = step.cause {
                next.backfill = Backfill::After(position);
            }
        }
        let log_rest = rest
            .iter()
            .find_map(|step| match step.cause {
                Cause::Log(mod_seq) => Some(mod_seq),
                Cause::Cut | Cause::Conversation | Cause::Backfill(_) => None,
            })
            .or(self.log_rest);
        next.anchor = Some(match log_rest {
            // The changes at this mod_seq come again; what was told of them is known.
            Some(mod_seq) => base.anchor.unwrap_or(0).max(mod_seq.saturating_sub(1)),
            None => base.anchor.unwrap_or(0).max(self.up_to),
        });
        let cut_rest =
            self.cut_rest || log_rest.is_some() || rest.iter().any(|step| step.cause == Cause::Cut);
        next.cut = self.cut;
        next.swept = match base.anchor {
            Some(_) if cut_rest => base.swept.min(self.cut),
            Some(_) | None => self.cut,
        };
        if rest.is_empty() && !self.more {
            next.backfill = self.backfill;
        } else if !told
            .iter()
            .any(|step| matches!(step.cause, Cause::Backfill(_)))
        {
            next.backfill = self.backfill_from;
        }
        next.conversations = self.conversations_after(rest.is_empty());
        next.prune();
        next
    }
}

fn position(row: &Row) -> WindowPosition {
    WindowPosition {
        window_date: row.window_date,
        entry: row.entry,
    }
}

/// Rows looked at in one go.
const PAGE: usize = 1024;
