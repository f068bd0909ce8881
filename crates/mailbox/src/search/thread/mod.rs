//! Threads: items as a forest of questions and answers (RFC 5256 §3).

mod forest;
mod keys;
mod references;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub(super) use self::keys::ThreadKeys;
pub(crate) use self::keys::ThreadNames;
use self::{keys::Name, references::References};
use super::{
    Pace,
    key_cache::{From, Keys, Kind, Known},
    pace::Slices,
    reading::{Reading, readable},
};
use crate::{Error, FolderId, Mailbox, Row, View};

/// How threads are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threading {
    /// By Message-ID, References and In-Reply-To, and by the base subject of what has none (`REFERENCES`).
    References,
    /// By the base subject alone; all answers lie below the oldest message (`ORDEREDSUBJECT`).
    OrderedSubject,
}

/// An item in its thread. A thread is a run of these: an item, then all below it, each before what is below itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threaded {
    /// The item; `None` stands for one that is not there, above several that answer to it. It has no item above it.
    pub uid: Option<u32>,
    /// How many lie above it.
    pub depth: u32,
    /// How many lie directly below it.
    pub children: u32,
}

impl Mailbox {
    /// The threads of some items of a view, the oldest first. Uids that the view does not have are left out. An item's record is
    /// read once, unless its keys are in memory ([`Settings::sort_memory`](crate::Settings::sort_memory)); one that can't be read is
    /// a thread of its own.
    pub async fn threads(
        &self,
        folder: FolderId,
        view: &View,
        uids: &[u32],
        threading: Threading,
        pace: &mut impl Pace,
    ) -> Result<Vec<Threaded>, Error> {
        let mut slices = Slices::new(pace);
        let mut rows: Vec<&Row> = uids.iter().filter_map(|uid| view.by_uid(*uid)).collect();
        rows.sort_unstable_by_key(|row| row.uid);
        rows.dedup_by_key(|row| row.uid);
        let keys = self.thread_keys(folder, view, &rows, &mut slices).await?;
        let mut messages = Vec::with_capacity(rows.len());
        let mut references = References::default();
        for (at, row) in rows.iter().enumerate() {
            messages.push(keys.message(at, row.uid));
            if threading == Threading::References {
                let (own, refers_to) = keys.ids(at);
                references.add(own, refers_to);
            }
            slices.spend(NODE_COST).await?;
        }
        Ok(match threading {
            Threading::References => references.threads(&messages),
            Threading::OrderedSubject => by_subject(&messages),
        })
    }

    /// The keys of rows, which ascend by uid: from memory or from the records.
    async fn thread_keys(
        &self,
        folder: FolderId,
        view: &View,
        rows: &[&Row],
        slices: &mut Slices<'_>,
    ) -> Result<ThreadKeys, Error> {
        let names = &self.mailboxes.thread_names;
        let cache = &self.mailboxes.keys;
        let known = cache.find(self.account(), folder, Kind::Threading);
        let places: Vec<_> = known.places(rows).collect();
        slices.spend(rows.len() * KNOWN_COST).await?;
        let missing: Vec<u32> = rows
            .iter()
            .zip(&places)
            .filter(|(_, place)| place.is_none())
            .map(|(row, _)| row.uid)
            .collect();
        let mut keys = ThreadKeys::default();
        let mut is_known = vec![true; rows.len()];
        let mut reading = Reading::new(self, folder, view, &missing);
        let mut next = reading.next().await?;
        for (at, (row, place)) in rows.iter().zip(places).enumerate() {
            if let (Some(position), Keys::Threading(known)) = (place, &known.keys) {
                keys.push(known, position);
                continue;
            }
            let item = next.take_if(|item| item.uid() == row.uid);
            let summary = item
                .as_ref()
                .and_then(|item| readable(item.encoded_summary()));
            // What can't be read is not kept: it may be repaired.
            is_known[at] = keys.read(row, summary.as_ref(), names);
            if item.is_some() {
                next = reading.next().await?;
            }
            slices.spend(SUMMARY_COST).await?;
        }
        if !missing.is_empty() && known.is_worth(missing.len()) {
            let all = merge(&known, view, rows, &keys, &is_known);
            let looked_at = known.items.len() + rows.len();
            slices.spend(looked_at * KNOWN_COST).await?;
            cache.insert(self.account(), folder, Kind::Threading, all);
        }
        Ok(keys)
    }
}

/// What was known of items that are still there, and what is known now.
fn merge(known: &Known, view: &View, rows: &[&Row], now: &ThreadKeys, is_known: &[bool]) -> Known {
    let mut keys = ThreadKeys::default();
    let mut items = Vec::new();
    for (item, from) in known.merged(view, rows, is_known) {
        match (from, &known.keys) {
            (From::Now(at), _) => keys.push(now, at),
            (From::Before(position), Keys::Threading(before)) => keys.push(before, position),
            (From::Before(_), Keys::Sorting(_)) => continue,
        }
        items.push(item);
    }
    Known {
        items,
        keys: Keys::Threading(keys),
    }
}

/// What threading by any algorithm needs of a message. Messages are in the order of their uids.
#[derive(Clone, Debug)]
struct Message {
    uid: u32,
    /// When it was sent, or the internal date (RFC 5256 §2.2).
    date: i64,
    /// The base subject's name; `None`: it is empty.
    subject: Option<Name>,
    /// Whether the subject shows a reply or a forward.
    is_reply: bool,
}

/// `ORDEREDSUBJECT`: those with the same base subject, the oldest above all others.
fn by_subject(messages: &[Message]) -> Vec<Threaded> {
    let mut threads: Vec<Vec<u32>> = Vec::new();
    let mut by_subject = HashMap::new();
    for (number, message) in messages.iter().enumerate() {
        let thread = *by_subject.entry(message.subject).or_insert_with(|| {
            threads.push(Vec::new());
            threads.len() - 1
        });
        threads[thread].push(number as u32);
    }
    let age = |number: &u32| (messages[*number as usize].date, *number);
    for thread in &mut threads {
        thread.sort_unstable_by_key(age);
    }
    threads.sort_unstable_by_key(|thread| thread.first().map(age));
    let mut threaded = Vec::with_capacity(messages.len());
    for thread in &threads {
        for (place, number) in thread.iter().enumerate() {
            threaded.push(Threaded {
                uid: Some(messages[*number as usize].uid),
                depth: u32::from(place > 0),
                children: if place > 0 {
                    0
                } else {
                    thread.len() as u32 - 1
                },
            });
        }
    }
    threaded
}

/// What it costs to read and decode a summary, to take keys from memory, and to find an item's place, in nanoseconds, about.
const SUMMARY_COST: usize = 3_500;
const KNOWN_COST: usize = 40;
const NODE_COST: usize = 500;
