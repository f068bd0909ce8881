//! Finding the item that a device can do nothing with (client-quirks A3): a device that drops a response it can't read
//! asks again with the same key, for ever.
//!
//! A key that comes for the third time makes the answer smaller: of the items that were in it, half are sent first. Each
//! time that goes wrong half of the rest are suspected no more, until there is one, which is left out for good
//! ([`fieldpost_mailbox::device::Plan::leave_out`], kept with the device's state). A bad network looks just the same; it
//! gains by the smaller answers, and an item is given up only after it was sent five times more, over ten minutes at least.
//!
//! What is known here lives in memory only: after a restart a device in such a circle goes round some times more.

use std::collections::{HashMap, HashSet};

use fieldpost_mailbox::{
    AccountId, EntryId, FolderId,
    device::{DeviceId, Plan, SyncKey},
};
use parking_lot::Mutex;

/// Whose state of which folder.
pub type Who = (AccountId, DeviceId, FolderId);

/// The keys that devices sent last.
#[derive(Default)]
pub struct Repeats(Mutex<HashMap<Who, Repeat>>);

#[derive(Default)]
struct Repeat {
    /// `None`: the device began from nothing meanwhile.
    key: Option<SyncKey>,
    /// How often it was answered with items, since the answer last became smaller.
    sends: u32,
    /// When it was first, seconds since 1970.
    since: i64,
    /// What was in the last answer; kept once there is a doubt.
    sent: Vec<EntryId>,
    /// One of them may be bad.
    suspects: HashSet<EntryId>,
}

impl Repeats {
    /// A device has sent `key`. If it is another than the last one, the last answer arrived, and all that was in it is good;
    /// that holds as well where nothing is told now, or where the key is none that is known.
    pub fn heard(&self, who: &Who, key: SyncKey) {
        let mut all = self.0.lock();
        let Some(repeat) = all.get_mut(who) else {
            return;
        };
        if repeat.key.is_none_or(|last| last == key) {
            return;
        }
        for entry in std::mem::take(&mut repeat.sent) {
            repeat.suspects.remove(&entry);
        }
        repeat.sends = 0;
        if repeat.suspects.is_empty() {
            all.remove(who);
        }
    }

    /// How many steps of a plan are to be sent in answer to `key`. The item that was found to be bad is left out of the
    /// plan, and given back.
    pub fn admit(
        &self,
        who: &Who,
        key: SyncKey,
        plan: &mut Plan,
        now: i64,
    ) -> (usize, Option<EntryId>) {
        let mut all = self.0.lock();
        let Some(repeat) = all.get_mut(who) else {
            return (plan.steps.len(), None);
        };
        let bad = repeat
            .key
            .is_none_or(|last| last == key)
            .then(|| repeat.narrow(now))
            .flatten();
        if let Some(bad) = bad {
            for at in 0..plan.steps.len() {
                if plan.steps[at].action.entry() == bad {
                    plan.leave_out(at);
                }
            }
        }
        (repeat.prefix(plan), bad)
    }

    /// Notes that steps were sent in answer to `key`.
    pub fn note(&self, who: Who, key: SyncKey, plan: &Plan, taken: usize, now: i64) {
        let mut all = self.0.lock();
        if all.len() >= MAX_KEPT {
            all.clear();
        }
        let repeat = all.entry(who).or_default();
        let is_again = repeat.sends > 0 && repeat.key.is_none_or(|last| last == key);
        repeat.key = Some(key);
        if is_again {
            repeat.sends += 1;
        } else {
            repeat.sends = 1;
            repeat.since = now;
        }
        repeat.sent.clear();
        if is_again || !repeat.suspects.is_empty() {
            let sent = plan.steps[..taken].iter().filter(|step| !step.left_out);
            repeat.sent.extend(sent.map(|step| step.action.entry()));
        }
    }

    /// The device begins from nothing. iPhones do so after some failures: nothing says that the last answer arrived.
    pub fn begin(&self, who: &Who) {
        if let Some(repeat) = self.0.lock().get_mut(who) {
            repeat.key = None;
        }
    }
}

impl Repeat {
    /// The same key has come again; the bad item, once it is found.
    fn narrow(&mut self, now: i64) -> Option<EntryId> {
        let suspected = self
            .sent
            .iter()
            .filter(|entry| self.suspects.is_empty() || self.suspects.contains(entry))
            .count();
        let is_single = suspected == 1;
        if self.sends < if is_single { CERTAINTY } else { DOUBT } {
            return None;
        }
        if is_single && now.saturating_sub(self.since) < PATIENCE {
            return None;
        }
        let sent: HashSet<EntryId> = self.sent.iter().copied().collect();
        let both: HashSet<EntryId> = sent.intersection(&self.suspects).copied().collect();
        self.suspects = if both.is_empty() { sent } else { both };
        self.sends = 0;
        let bad = self.suspects.iter().next().copied().filter(|_| is_single)?;
        self.suspects.clear();
        Some(bad)
    }

    /// As many steps as hold no more than half of the suspects.
    fn prefix(&self, plan: &Plan) -> usize {
        if self.suspects.is_empty() {
            return plan.steps.len();
        }
        let most = self.suspects.len().div_ceil(2);
        let mut seen = 0;
        plan.steps
            .iter()
            .position(|step| {
                seen += usize::from(self.suspects.contains(&step.action.entry()));
                seen > most
            })
            .unwrap_or(plan.steps.len())
    }
}

/// After so many answers to one key the next is smaller.
const DOUBT: u32 = 2;
/// After so many with one suspect in them it is left out.
const CERTAINTY: u32 = 5;
/// And not within so many seconds: a tunnel or a cell without room looks just the same, and ends.
const PATIENCE: i64 = 600;
const MAX_KEPT: usize = 50_000;
