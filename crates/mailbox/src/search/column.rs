//! One key of many items, side by side.

use std::cmp::Ordering;

use fieldpost_message::{
    EncodedAddress, EncodedEnvelope, EncodedList, SentDate, encoded_word, subject,
};

use super::{SortBy, SortKey, field::fold_spec, fold::fold};
use crate::Row;

/// One key of all items that are sorted.
pub(super) struct Column {
    reverse: bool,
    values: Values,
}

/// The values of a key, by position.
#[derive(Debug)]
pub(super) enum Values {
    /// Of dates and sizes.
    Numbers(Vec<i64>),
    /// Of everything else.
    Texts(Texts),
}

impl Default for Values {
    fn default() -> Self {
        Self::Numbers(Vec::new())
    }
}

/// Folded texts in one buffer.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Its first eight bytes: most comparisons need no more.
    head: u64,
    start: usize,
    length: u16,
}

impl Column {
    /// The key as far as the rows have it.
    pub(super) fn of_rows(by: SortBy, rows: &[&Row]) -> Self {
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
    pub(super) fn read(
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
            (Values::Texts(texts), _, Some(envelope)) => texts.read(at, key, envelope),
            (Values::Numbers(_) | Values::Texts(_), ..) => {}
        }
    }

    /// Takes the key of an item from one of the same kind.
    pub(super) fn copy(&mut self, at: usize, from: &Values, position: usize) {
        match (&mut self.values, from) {
            (Values::Numbers(numbers), Values::Numbers(from)) => numbers[at] = from[position],
            (Values::Texts(texts), Values::Texts(from)) => {
                texts.places[at] = texts.add(from, position);
            }
            (Values::Numbers(_), Values::Texts(_)) | (Values::Texts(_), Values::Numbers(_)) => {}
        }
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    /// A number that comes first where the item comes first. Items that have the same are not always equal.
    pub(super) fn rank(&self, at: usize) -> u64 {
        let rank = match &self.values {
            // The order of signed numbers, as that of unsigned ones.
            Values::Numbers(numbers) => numbers[at].cast_unsigned() ^ (1 << 63),
            Values::Texts(texts) => texts.places[at].head,
        };
        if self.reverse { !rank } else { rank }
    }

    pub(super) fn compare(&self, one: usize, other: usize) -> Ordering {
        let order = match &self.values {
            Values::Numbers(numbers) => numbers[one].cmp(&numbers[other]),
            Values::Texts(texts) => texts.compare(one, other),
        };
        if self.reverse { order.reverse() } else { order }
    }
}

impl Values {
    /// Empty, for values of the same kind.
    pub(super) fn like(&self) -> Self {
        match self {
            Self::Numbers(_) => Self::Numbers(Vec::new()),
            Self::Texts(_) => Self::Texts(Texts::default()),
        }
    }

    /// Adds one of another's values, which is of the same kind.
    pub(super) fn push(&mut self, from: &Self, position: usize) {
        match (self, from) {
            (Self::Numbers(numbers), Self::Numbers(from)) => numbers.push(from[position]),
            (Self::Texts(texts), Self::Texts(from)) => {
                let place = texts.add(from, position);
                texts.places.push(place);
            }
            (Self::Numbers(_), Self::Texts(_)) | (Self::Texts(_), Self::Numbers(_)) => {}
        }
    }

    /// Bytes that they take up.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.capacity() * size_of::<i64>(),
            Self::Texts(texts) => {
                texts.bytes.capacity() + texts.places.capacity() * size_of::<Place>()
            }
        }
    }

    pub(super) fn shrink_to_fit(&mut self) {
        match self {
            Self::Numbers(numbers) => numbers.shrink_to_fit(),
            Self::Texts(texts) => {
                texts.bytes.shrink_to_fit();
                texts.places.shrink_to_fit();
            }
        }
    }
}

impl Texts {
    fn read(&mut self, at: usize, key: SortKey, envelope: &EncodedEnvelope<'_>) {
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

    /// Takes over one of another's texts; where it lies.
    fn add(&mut self, from: &Self, position: usize) -> Place {
        let place = from.places[position];
        let start = self.bytes.len();
        self.bytes.extend_from_slice(from.text(&place));
        Place { start, ..place }
    }

    fn text(&self, place: &Place) -> &[u8] {
        &self.bytes[place.start..place.start + usize::from(place.length)]
    }

    fn compare(&self, one: usize, other: usize) -> Ordering {
        let (one, other) = (&self.places[one], &self.places[other]);
        one.head
            .cmp(&other.head)
            .then_with(|| self.text(one).cmp(self.text(other)))
    }
}

impl SortKey {
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

/// Texts are compared by so many bytes.
const MAX_KEY: usize = 512;
