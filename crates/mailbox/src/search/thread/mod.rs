//! Threads: items as a forest of questions and answers (RFC 5256 §3).

mod forest;
mod references;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use fieldpost_message::{EncodedEnvelope, EncodedSummary, encoded_word, message_ids, subject};

use self::references::References;
use super::{
    Pace,
    fold::fold,
    pace::Slices,
    reading::{Reading, readable},
};
use crate::{Error, FolderId, Mailbox, View};

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
    /// The threads of some items of a view, the oldest first. Uids that the view does not have are left out. Each item's record is
    /// read once; one that can't be read is a thread of its own.
    pub async fn threads(
        &self,
        folder: FolderId,
        view: &View,
        uids: &[u32],
        threading: Threading,
        pace: &mut impl Pace,
    ) -> Result<Vec<Threaded>, Error> {
        let mut slices = Slices::new(pace);
        let mut uids: Vec<u32> = uids
            .iter()
            .filter(|uid| view.by_uid(**uid).is_some())
            .copied()
            .collect();
        uids.sort_unstable();
        uids.dedup();
        let mut names = Names::default();
        let mut references = References::default();
        let mut ids = Vec::new();
        let mut messages = Vec::with_capacity(uids.len());
        let mut reading = Reading::new(self, folder, view, &uids);
        let mut next = reading.next().await?;
        for uid in &uids {
            let Some(row) = view.by_uid(*uid) else {
                continue;
            };
            let mut message = Message {
                uid: *uid,
                date: row.internal_date,
                subject: None,
                is_reply: false,
            };
            let item = next.take_if(|item| item.uid() == *uid);
            let summary = item
                .as_ref()
                .and_then(|item| readable(item.encoded_summary()));
            let envelope = summary.and_then(|summary| summary.envelope().ok());
            if let (Some(summary), Some(envelope)) = (&summary, &envelope) {
                message.read(summary, envelope, &mut names);
            }
            if threading == Threading::References {
                ids.clear();
                let own = summary
                    .zip(envelope)
                    .and_then(|(summary, envelope)| names.read_ids(&summary, &envelope, &mut ids));
                references.add(own, &ids);
            }
            messages.push(message);
            if item.is_some() {
                next = reading.next().await?;
            }
            slices.spend(SUMMARY_COST).await?;
        }
        Ok(match threading {
            Threading::References => references.threads(&messages),
            Threading::OrderedSubject => by_subject(&messages),
        })
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

impl Message {
    fn read(
        &mut self,
        summary: &EncodedSummary<'_>,
        envelope: &EncodedEnvelope<'_>,
        names: &mut Names,
    ) {
        if let Some(sent) = summary.sent() {
            self.date = sent.unix;
        }
        let subject = encoded_word::decode(envelope.subject.unwrap_or_default());
        let base = subject::base_subject(&subject);
        self.is_reply = base.is_reply_or_forward;
        self.subject = names.of_subject(&base.text);
    }
}

/// Stands for a text: as good as the text for telling texts apart, and of bounded size.
type Name = u128;

/// Gives texts their names, which differ from call to call, so that nobody can choose two texts with the same.
#[derive(Default)]
struct Names {
    keys: [RandomState; 2],
    folded: Vec<u8>,
}

impl Names {
    fn of_id(&self, id: &str) -> Name {
        self.of(id.as_bytes())
    }

    /// A message's own id; those that it refers to go to `refers_to`, its nearest last.
    fn read_ids(
        &self,
        summary: &EncodedSummary<'_>,
        envelope: &EncodedEnvelope<'_>,
        refers_to: &mut Vec<Name>,
    ) -> Option<Name> {
        let references = summary.references().map_while(Result::ok);
        refers_to.extend(references.map(|id| self.of_id(id)));
        // In-Reply-To counts only where there are no References, and then its first id.
        if refers_to.is_empty() {
            let replied = message_ids(envelope.in_reply_to.unwrap_or_default());
            refers_to.extend(replied.take(1).map(|id| self.of_id(id)));
        }
        let own = message_ids(envelope.message_id.unwrap_or_default()).next();
        own.map(|id| self.of_id(id))
    }

    fn of_subject(&mut self, base: &str) -> Option<Name> {
        self.folded.clear();
        fold(base, &mut self.folded);
        (!self.folded.is_empty()).then(|| self.of(&self.folded))
    }

    fn of(&self, bytes: &[u8]) -> Name {
        let [one, other] = &self.keys;
        u128::from(one.hash_one(bytes)) << 64 | u128::from(other.hash_one(bytes))
    }
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

/// What it costs to read and decode a summary and to find its place, in nanoseconds, about.
const SUMMARY_COST: usize = 4_000;
