//! Sorting items (RFC 5256 §2.2, RFC 5957).

use std::cmp::Ordering;

use fieldpost_message::{
    EncodedAddress, EncodedEnvelope, EncodedList, SentDate, encoded_word, subject,
};

use super::{
    Pace,
    field::fold_spec,
    fold::fold,
    pace::Slices,
    reading::{Reading, readable},
};
use crate::{Error, FolderId, Mailbox, Row, View};

/// What items are sorted by. Texts are compared as `i;unicode-casemap` does; a missing one is the empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The internal date.
    InternalDate,
    /// When it was sent, or the internal date where no Date field tells.
    SentDate,
    /// Bytes of the item.
    Size,
    /// The base subject (RFC 5256 §2.1).
    Subject,
    /// The local part of the first address in From.
    From,
    /// The local part of the first address in To.
    To,
    /// The local part of the first address in Cc.
    Cc,
    /// The name of the first address in From, or else the address.
    DisplayFrom,
    /// The name of the first address in To, or else the address.
    DisplayTo,
}

/// A key and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortBy {
    /// What is compared.
    pub key: SortKey,
    /// The largest first.
    pub reverse: bool,
}

impl SortBy {
    /// The smallest first.
    pub fn ascending(key: SortKey) -> Self {
        Self {
            key,
            reverse: false,
        }
    }

    /// The largest first.
    pub fn descending(key: SortKey) -> Self {
        Self { key, reverse: true }
    }
}

impl Mailbox {
    /// Sorts items of a view; the first key counts most, and what no key tells apart stays in the order of uids. Uids that the
    /// view does not have are left out. Only keys that the rows do not have make it read records, each one once; an item
    /// whose record can't be read is sorted as if it had nothing but its row.
    pub async fn sort(
        &self,
        folder: FolderId,
        view: &View,
        uids: &[u32],
        keys: &[SortBy],
        pace: &mut impl Pace,
    ) -> Result<Vec<u32>, Error> {
        let mut slices = Slices::new(pace);
        let mut rows: Vec<&Row> = uids.iter().filter_map(|uid| view.by_uid(*uid)).collect();
        rows.sort_unstable_by_key(|row| row.uid);
        rows.dedup_by_key(|row| row.uid);
        let uids: Vec<u32> = rows.iter().map(|row| row.uid).collect();
        let mut columns: Vec<Column> = Vec::new();
        for by in keys {
            columns.push(Column::of_rows(*by, &rows));
            slices.spend(rows.len() * ROW_COST).await?;
        }
        let texts = keys.iter().any(|by| by.key.is_text());
        if texts || keys.iter().any(|by| by.key == SortKey::SentDate) {
            let mut reading = Reading::new(self, folder, view, &uids);
            let mut at = 0;
            while let Some(item) = reading.next().await? {
                slices.spend(SUMMARY_COST).await?;
                while uids[at] < item.uid() {
                    at += 1;
                }
                let Some(summary) = readable(item.encoded_summary()) else {
                    continue;
                };
                let envelope = if texts { summary.envelope().ok() } else { None };
                for (by, column) in keys.iter().zip(&mut columns) {
                    column.set(at, by.key, summary.sent(), envelope.as_ref());
                }
            }
        }
        let compare = |one: &u32, other: &u32| {
            let (one, other) = (*one as usize, *other as usize);
            let mut by_keys = columns.iter().map(|column| column.compare(one, other));
            by_keys
                .find(|order| order.is_ne())
                .unwrap_or_else(|| one.cmp(&other))
        };
        let mut order: Vec<u32> = (0..uids.len() as u32).collect();
        for run in order.chunks_mut(SORTED_AT_ONCE) {
            run.sort_unstable_by(compare);
            slices.spend(run.len() * COMPARISONS_COST).await?;
        }
        // Finds the sorted runs and merges them.
        order.sort_by(compare);
        Ok(order.into_iter().map(|at| uids[at as usize]).collect())
    }
}

impl SortKey {
    fn is_text(self) -> bool {
        match self {
            Self::InternalDate | Self::SentDate | Self::Size => false,
            Self::Subject
            | Self::From
            | Self::To
            | Self::Cc
            | Self::DisplayFrom
            | Self::DisplayTo => true,
        }
    }

    /// Appends the key as a text, folded.
    fn fold(self, envelope: &EncodedEnvelope<'_>, out: &mut Vec<u8>) {
        match self {
            Self::InternalDate | Self::SentDate | Self::Size => {}
            Self::Subject => {
                let subject = encoded_word::decode(envelope.subject.unwrap_or_default());
                fold(&subject::base_subject(&subject).text, out);
            }
            Self::From => local_part(envelope.from, out),
            Self::To => local_part(envelope.to, out),
            Self::Cc => local_part(envelope.cc, out),
            Self::DisplayFrom => display(envelope.from, out),
            Self::DisplayTo => display(envelope.to, out),
        }
    }
}

/// `addr-mailbox` of the first address; a group's name if it is one.
fn local_part(list: EncodedList<'_, EncodedAddress<'_>>, out: &mut Vec<u8>) {
    if let Some(Ok(first)) = list.iter().next() {
        fold(first.mailbox.unwrap_or_default(), out);
    }
}

/// RFC 5957 §3.
fn display(list: EncodedList<'_, EncodedAddress<'_>>, out: &mut Vec<u8>) {
    let Some(Ok(first)) = list.iter().next() else {
        return;
    };
    let name = first.name.filter(|name| !name.trim().is_empty());
    match (name, first.host) {
        (Some(name), _) => fold(&encoded_word::decode(name), out),
        (None, Some(_)) => fold_spec(&first, out),
        (None, None) => {
            let group = first.mailbox.unwrap_or_default();
            fold(&encoded_word::decode(group), out);
        }
    }
}

/// One key of all items.
struct Column {
    reverse: bool,
    values: Values,
}

enum Values {
    Numbers(Vec<i64>),
    Texts(Texts),
}

impl Column {
    /// The key as far as the rows have it.
    fn of_rows(by: SortBy, rows: &[&Row]) -> Self {
        let numbers =
            |number: fn(&Row) -> i64| Values::Numbers(rows.iter().map(|row| number(row)).collect());
        Self {
            reverse: by.reverse,
            values: match by.key {
                // What the sent date is where there is none.
                SortKey::InternalDate | SortKey::SentDate => numbers(|row| row.internal_date),
                SortKey::Size => numbers(|row| i64::try_from(row.size).unwrap_or(i64::MAX)),
                SortKey::Subject
                | SortKey::From
                | SortKey::To
                | SortKey::Cc
                | SortKey::DisplayFrom
                | SortKey::DisplayTo => Values::Texts(Texts {
                    bytes: Vec::new(),
                    places: vec![Place::default(); rows.len()],
                }),
            },
        }
    }

    /// Takes the key of an item from its summary.
    fn set(
        &mut self,
        at: usize,
        key: SortKey,
        sent: Option<SentDate>,
        envelope: Option<&EncodedEnvelope<'_>>,
    ) {
        match (&mut self.values, sent, envelope) {
            (Values::Numbers(numbers), Some(sent), _) if key == SortKey::SentDate => {
                numbers[at] = sent.unix;
            }
            (Values::Texts(texts), _, Some(envelope)) => texts.set(at, key, envelope),
            (Values::Numbers(_) | Values::Texts(_), ..) => {}
        }
    }

    fn compare(&self, one: usize, other: usize) -> Ordering {
        let order = match &self.values {
            Values::Numbers(numbers) => numbers[one].cmp(&numbers[other]),
            Values::Texts(texts) => texts.compare(one, other),
        };
        if self.reverse { order.reverse() } else { order }
    }
}

/// Folded texts in one buffer.
struct Texts {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// Its first eight bytes: most comparisons need no more.
    head: u64,
    start: usize,
    length: u16,
}

impl Texts {
    fn set(&mut self, at: usize, key: SortKey, envelope: &EncodedEnvelope<'_>) {
        let start = self.bytes.len();
        key.fold(envelope, &mut self.bytes);
        self.bytes.truncate(start + MAX_KEY);
        let text = &self.bytes[start..];
        let mut head = [0; 8];
        let length = text.len().min(head.len());
        head[..length].copy_from_slice(&text[..length]);
        self.places[at] = Place {
            head: u64::from_be_bytes(head),
            start,
            length: text.len() as u16,
        };
    }

    fn compare(&self, one: usize, other: usize) -> Ordering {
        let (one, other) = (&self.places[one], &self.places[other]);
        let text =
            |place: &Place| &self.bytes[place.start..place.start + usize::from(place.length)];
        one.head
            .cmp(&other.head)
            .then_with(|| text(one).cmp(text(other)))
    }
}

/// Texts are compared by so many bytes.
const MAX_KEY: usize = 512;

/// How many items are sorted without a pause.
const SORTED_AT_ONCE: usize = 4096;

/// What it costs to take a key from a row, to read and decode a summary, and to sort an item into its run, in nanoseconds, about.
const ROW_COST: usize = 5;
const SUMMARY_COST: usize = 3_000;
const COMPARISONS_COST: usize = 250;
