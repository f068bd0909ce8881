//! What items are threaded by: ids and subjects as names of one size, side by side.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU128,
};

use fieldpost_message::{EncodedEnvelope, EncodedSummary, encoded_word, message_ids, subject};

use super::Message;
use crate::{Row, search::fold::fold};

/// Stands for a text: as good as the text for telling texts apart, and of bounded size.
pub(super) type Name = u128;

/// Gives texts their names, which differ from process to process, so that nobody can choose two texts with the same.
#[derive(Debug, Default)]
pub(crate) struct ThreadNames {
    keys: [RandomState; 2],
}

impl ThreadNames {
    pub(super) fn of_id(&self, id: &str) -> Name {
        self.of(id.as_bytes())
    }

    /// `None`: the subject is empty.
    pub(super) fn of_subject(&self, base: &str) -> Option<Name> {
        let mut folded = Vec::with_capacity(base.len());
        fold(base, &mut folded);
        (!folded.is_empty()).then(|| self.of(&folded))
    }

    fn of(&self, bytes: &[u8]) -> Name {
        let [one, other] = &self.keys;
        u128::from(one.hash_one(bytes)) << 64 | u128::from(other.hash_one(bytes))
    }
}

/// Of many items, by position.
#[derive(Debug, Default)]
pub(in crate::search) struct ThreadKeys {
    items: Vec<ThreadKey>,
    /// The ids that items refer to, those of an item together.
    refers_to: Vec<Name>,
}

#[derive(Clone, Copy, Debug)]
struct ThreadKey {
    subject: Option<NonZeroU128>,
    own_id: Option<NonZeroU128>,
    date: i64,
    /// Where in `refers_to` its ids end; they begin where those of the item before end.
    refers_to: usize,
    is_reply: bool,
}

impl ThreadKeys {
    /// Adds an item: what its row tells, and its summary, if that can be read. Whether it could.
    pub(super) fn read(
        &mut self,
        row: &Row,
        summary: Option<&EncodedSummary<'_>>,
        names: &ThreadNames,
    ) -> bool {
        let mut key = ThreadKey {
            subject: None,
            own_id: None,
            date: row.internal_date,
            refers_to: 0,
            is_reply: false,
        };
        let read = summary.and_then(|summary| Some((summary, summary.envelope().ok()?)));
        if let Some((summary, envelope)) = &read {
            if let Some(sent) = summary.sent() {
                key.date = sent.unix;
            }
            let subject = encoded_word::decode(envelope.subject.unwrap_or_default());
            let base = subject::base_subject(&subject);
            key.is_reply = base.is_reply_or_forward;
            key.subject = names.of_subject(&base.text).and_then(NonZeroU128::new);
            key.own_id = self
                .read_ids(summary, envelope, names)
                .and_then(NonZeroU128::new);
        }
        key.refers_to = self.refers_to.len();
        self.items.push(key);
        read.is_some()
    }

    /// A message's own id; those that it refers to are added, its nearest last.
    fn read_ids(
        &mut self,
        summary: &EncodedSummary<'_>,
        envelope: &EncodedEnvelope<'_>,
        names: &ThreadNames,
    ) -> Option<Name> {
        let start = self.refers_to.len();
        let references = summary.references().map_while(Result::ok);
        self.refers_to.extend(references.map(|id| names.of_id(id)));
        // In-Reply-To counts only where there are no References, and then its first id.
        if self.refers_to.len() == start {
            let replied = message_ids(envelope.in_reply_to.unwrap_or_default());
            self.refers_to
                .extend(replied.take(1).map(|id| names.of_id(id)));
        }
        let own = message_ids(envelope.message_id.unwrap_or_default()).next();
        own.map(|id| names.of_id(id))
    }

    /// Adds one of another's items.
    pub(super) fn push(&mut self, from: &Self, at: usize) {
        self.refers_to.extend_from_slice(from.refers_to(at));
        self.items.push(ThreadKey {
            refers_to: self.refers_to.len(),
            ..from.items[at]
        });
    }

    /// What any algorithm needs of an item, whose uid is `uid`.
    pub(super) fn message(&self, at: usize, uid: u32) -> Message {
        let key = &self.items[at];
        Message {
            uid,
            date: key.date,
            subject: key.subject.map(NonZeroU128::get),
            is_reply: key.is_reply,
        }
    }

    /// An item's own id, and those that it refers to, its nearest last.
    pub(super) fn ids(&self, at: usize) -> (Option<Name>, &[Name]) {
        let own = self.items[at].own_id.map(NonZeroU128::get);
        (own, self.refers_to(at))
    }

    fn refers_to(&self, at: usize) -> &[Name] {
        let start = match at.checked_sub(1) {
            Some(before) => self.items[before].refers_to,
            None => 0,
        };
        &self.refers_to[start..self.items[at].refers_to]
    }

    /// Bytes that they take up.
    pub(in crate::search) fn memory(&self) -> usize {
        self.items.capacity() * size_of::<ThreadKey>()
            + self.refers_to.capacity() * size_of::<Name>()
    }

    pub(in crate::search) fn shrink_to_fit(&mut self) {
        self.items.shrink_to_fit();
        self.refers_to.shrink_to_fit();
    }
}
