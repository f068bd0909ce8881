//! Sorting items (RFC 5256 §2.2, RFC 5957).

use std::sync::Arc;

use super::{
    Pace,
    column::Column,
    key_cache::{From, Keys, Kind, Known},
    pace::Slices,
    reading::{Reading, readable},
};
use crate::{Error, FolderId, Mailbox, Row, View};

/// What items are sorted by. Texts are compared as `i;unicode-casemap` does; a missing one is the empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// view does not have are left out. Only keys that the rows do not have make it read records, each one once and only of items whose keys
    /// are not in memory ([`Settings::sort_memory`](crate::Settings::sort_memory)); an item whose record can't be read is sorted as if it
    /// had nothing but its row.
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
        let mut columns: Vec<Column> = Vec::new();
        for by in keys {
            columns.push(Column::of_rows(*by, &rows));
            slices.spend(rows.len() * ROW_COST).await?;
        }
        if keys.iter().any(|by| by.key.needs_record()) {
            self.fill(folder, view, &rows, keys, &mut columns, &mut slices)
                .await?;
        }
        // The first key decides nearly always: its rank lies beside the position, so that comparing looks nowhere else.
        let rank = |at: u32| columns.first().map_or(0, |first| first.rank(at as usize));
        let mut order: Vec<(u64, u32)> = (0..rows.len() as u32).map(|at| (rank(at), at)).collect();
        let compare = |one: &(u64, u32), other: &(u64, u32)| {
            one.0.cmp(&other.0).then_with(|| {
                let (one, other) = (one.1 as usize, other.1 as usize);
                columns
                    .iter()
                    .map(|column| column.compare(one, other))
                    .find(|order| order.is_ne())
                    .unwrap_or_else(|| one.cmp(&other))
            })
        };
        for run in order.chunks_mut(SORTED_AT_ONCE) {
            run.sort_unstable_by(compare);
            slices.spend(run.len() * COMPARISONS_COST).await?;
        }
        // Finds the sorted runs and merges them.
        order.sort_by(compare);
        Ok(order
            .into_iter()
            .map(|(_, at)| rows[at as usize].uid)
            .collect())
    }

    /// Fills in what the rows, which ascend by uid, do not have: from memory or from the records.
    async fn fill(
        &self,
        folder: FolderId,
        view: &View,
        rows: &[&Row],
        keys: &[SortBy],
        columns: &mut [Column],
        slices: &mut Slices<'_>,
    ) -> Result<(), Error> {
        let cache = &self.mailboxes.keys;
        let mut known: Vec<(SortKey, usize, Arc<Known>)> = Vec::new();
        for (column, by) in keys.iter().enumerate() {
            if by.key.needs_record() {
                let found = cache.find(self.account(), folder, Kind::Sorting(by.key));
                known.push((by.key, column, found));
            }
        }
        let mut is_known = vec![true; rows.len()];
        for (_, column, known) in &known {
            take_known(known, rows, &mut columns[*column], &mut is_known);
            slices.spend(rows.len() * KNOWN_COST).await?;
        }
        let missing: Vec<u32> = (0..rows.len() as u32)
            .filter(|at| !is_known[*at as usize])
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let uids: Vec<u32> = missing.iter().map(|at| rows[*at as usize].uid).collect();
        let texts = keys.iter().any(|by| by.key.is_text());
        let mut reading = Reading::new(self, folder, view, &uids);
        let mut next = 0;
        while let Some(item) = reading.next().await? {
            slices.spend(SUMMARY_COST).await?;
            while uids[next] < item.uid() {
                next += 1;
            }
            let Some(summary) = readable(item.encoded_summary()) else {
                continue;
            };
            let envelope = if texts { summary.envelope().ok() } else { None };
            let at = missing[next] as usize;
            for (by, column) in keys.iter().zip(&mut *columns) {
                column.read(at, by.key, summary.sent(), envelope.as_ref());
            }
            // What can't be read is not kept: it may be repaired.
            is_known[at] = !texts || envelope.is_some();
        }
        for (key, column, known) in known {
            if !known.is_worth(missing.len()) {
                continue;
            }
            let all = merge(&known, view, rows, &columns[column], &is_known);
            slices
                .spend((known.items.len() + rows.len()) * KNOWN_COST)
                .await?;
            cache.insert(self.account(), folder, Kind::Sorting(key), all);
        }
        Ok(())
    }
}

/// Takes what is known into a column, and notes of which rows it is not.
fn take_known(known: &Known, rows: &[&Row], column: &mut Column, is_known: &mut [bool]) {
    for (at, place) in known.places(rows).enumerate() {
        match (place, &known.keys) {
            (Some(position), Keys::Sorting(values)) => column.copy(at, values, position),
            (Some(_), Keys::Threading(_)) | (None, _) => is_known[at] = false,
        }
    }
}

/// What was known of items that are still there, and what is known now.
fn merge(known: &Known, view: &View, rows: &[&Row], column: &Column, is_known: &[bool]) -> Known {
    let mut values = column.values().like();
    let mut items = Vec::new();
    for (item, from) in known.merged(view, rows, is_known) {
        match (from, &known.keys) {
            (From::Now(at), _) => values.push(column.values(), at),
            (From::Before(position), Keys::Sorting(before)) => values.push(before, position),
            (From::Before(_), Keys::Threading(_)) => continue,
        }
        items.push(item);
    }
    Known {
        items,
        keys: Keys::Sorting(values),
    }
}

impl SortKey {
    /// Whether the rows do not have it.
    fn needs_record(self) -> bool {
        self == Self::SentDate || self.is_text()
    }

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
}

/// How many items are sorted without a pause.
const SORTED_AT_ONCE: usize = 4096;

/// What it costs to take a key from a row or from memory, to read and decode a summary, and to sort an item into its run, in nanoseconds,
/// about.
const ROW_COST: usize = 5;
const KNOWN_COST: usize = 20;
const SUMMARY_COST: usize = 3_000;
const COMPARISONS_COST: usize = 150;
