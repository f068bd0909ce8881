//! The folder's array in memory, shared by all who look at it.
//!
//! Rows lie in chunks behind `Arc`s: a change copies at most the chunks that it touches, and only if a view still shares
//! them, so that adding a row costs the same in a full folder as in an empty one. Each chunk knows the ranges of its
//! rows' mod_seqs, entries and window dates, so that a question about few rows skips most chunks.

use std::{cmp::Reverse, collections::BinaryHeap, mem::size_of, ops::RangeInclusive, sync::Arc};

use super::row::{Flags, Row};
use crate::{EntryId, UidSet};

/// A folder as it was after some change. It never changes; ask the mailbox again for a newer one.
#[derive(Clone, Debug, Default)]
pub struct View {
    chunks: Vec<Arc<Chunk>>,
    /// How many rows lie before each chunk.
    before: Vec<u32>,
    len: usize,
    /// The folder's uid_validity.
    pub uid_validity: u32,
    /// The folder's uid_next.
    pub uid_next: u32,
    /// The folder's highest mod_seq: all changes up to it are in this view.
    pub highest_mod_seq: u64,
}

/// A place in the order by window date: newest first, and of those with the same date the newest entry first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowPosition {
    /// The window date.
    pub window_date: i64,
    /// The entry.
    pub entry: EntryId,
}

impl View {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All rows in uid order.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.chunks.iter().flat_map(|chunk| &chunk.rows)
    }

    /// All uids as ascending ranges; costs little where there are no holes.
    pub fn uid_ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        self.chunks.iter().flat_map(|chunk| {
            let (first, last) = (chunk.first_uid(), chunk.last_uid());
            let is_whole = (last - first) as usize + 1 == chunk.rows.len();
            let whole = is_whole.then_some(first..=last);
            let rows: &[Row] = if is_whole { &[] } else { &chunk.rows };
            let runs = rows
                .chunk_by(|one, next| next.uid == one.uid + 1)
                .map(|run| run[0].uid..=run[run.len() - 1].uid);
            whole.into_iter().chain(runs)
        })
    }

    /// The row at `position` (IMAP's sequence number less one).
    pub fn at(&self, position: usize) -> Option<&Row> {
        let position = u32::try_from(position).ok()?;
        let chunk = self
            .before
            .partition_point(|before| *before <= position)
            .checked_sub(1)?;
        self.chunks[chunk]
            .rows
            .get((position - self.before[chunk]) as usize)
    }

    /// How many rows have a smaller uid: the position of `uid`, if it is there, or where it would be.
    pub fn position(&self, uid: u32) -> Result<usize, usize> {
        let chunk = chunk_of(&self.chunks, uid);
        let Some(found) = self.chunks.get(chunk) else {
            return Err(self.len);
        };
        let before = self.before[chunk] as usize;
        match found.rows.binary_search_by_key(&uid, |row| row.uid) {
            Ok(position) => Ok(before + position),
            Err(position) => Err(before + position),
        }
    }

    /// The row of `uid`.
    pub fn by_uid(&self, uid: u32) -> Option<&Row> {
        find(&self.chunks, uid)
    }

    /// The row of `entry`.
    pub fn by_entry(&self, entry: EntryId) -> Option<&Row> {
        let holds = |chunk: &&Arc<Chunk>| chunk.entries.contains(&entry.0);
        self.chunks
            .iter()
            .filter(holds)
            .find_map(|chunk| chunk.rows.iter().find(|row| row.entry == entry))
    }

    /// The rows whose uid is in `uids`, in order.
    pub fn within<'a>(&'a self, uids: &'a UidSet) -> impl Iterator<Item = &'a Row> {
        uids.ranges()
            .iter()
            .flat_map(|range| self.range(*range.start(), *range.end()))
    }

    /// The rows that changed after mod_seq `since`, in uid order.
    pub fn changed_since(&self, since: u64) -> impl Iterator<Item = &Row> {
        self.chunks
            .iter()
            .filter(move |chunk| chunk.newest > since)
            .flat_map(|chunk| &chunk.rows)
            .filter(move |row| row.mod_seq > since)
    }

    /// At most `limit` rows with a window date in `window`, newest first, from behind `after`.
    pub fn by_window_date(
        &self,
        window: RangeInclusive<i64>,
        after: Option<WindowPosition>,
        limit: usize,
    ) -> Vec<Row> {
        let wanted = |row: &Row| {
            window.contains(&row.window_date) && after.is_none_or(|after| position(row) < after)
        };
        let latest = after
            .map_or(i64::MAX, |after| after.window_date)
            .min(*window.end());
        let mut chunks: Vec<_> = self
            .chunks
            .iter()
            .filter(|chunk| chunk.window.start() <= &latest && chunk.window.end() >= window.start())
            .collect();
        chunks.sort_unstable_by_key(|chunk| Reverse(*chunk.window.end()));
        // The best `limit` so far, the worst of them on top.
        let mut best = BinaryHeap::new();
        for chunk in chunks {
            if best.len() >= limit
                && best
                    .peek()
                    .is_none_or(|Reverse((worst, _)): &Reverse<(WindowPosition, u32)>| {
                        worst.window_date > *chunk.window.end()
                    })
            {
                break;
            }
            for row in chunk.rows.iter().filter(|row| wanted(row)) {
                best.push(Reverse((position(row), row.uid)));
                if best.len() > limit {
                    best.pop();
                }
            }
        }
        best.into_sorted_vec()
            .into_iter()
            .filter_map(|Reverse((_, uid))| self.by_uid(uid).copied())
            .collect()
    }

    /// The first row without `\Seen`.
    pub fn first_unseen(&self) -> Option<&Row> {
        self.rows().find(|row| !row.flags.contains(Flags::SEEN))
    }

    fn range(&self, first: u32, last: u32) -> impl Iterator<Item = &Row> {
        let chunk = chunk_of(&self.chunks, first);
        self.chunks[chunk..]
            .iter()
            .take_while(move |chunk| chunk.first_uid() <= last)
            .flat_map(move |chunk| {
                let from = chunk.rows.partition_point(|row| row.uid < first);
                let to = chunk.rows.partition_point(|row| row.uid <= last);
                &chunk.rows[from..to.max(from)]
            })
    }
}

/// The array of a folder in use: what the views are taken from.
#[derive(Debug, Default)]
pub(crate) struct FolderIndex {
    chunks: Vec<Arc<Chunk>>,
    len: usize,
    /// The view of just this state, if somebody asked for it.
    shared: Option<Arc<View>>,
    /// When somebody last asked, in ticks of the cache.
    pub(crate) used: u64,
}

impl FolderIndex {
    /// Takes rows in uid order.
    pub(crate) fn from_rows(rows: &[Row]) -> Self {
        Self {
            chunks: rows
                .chunks(CHUNK)
                .map(|rows| Arc::new(Chunk::new(rows.to_vec())))
                .collect(),
            len: rows.len(),
            shared: None,
            used: 0,
        }
    }

    /// Sets rows, new ones and known ones; cheapest in uid order.
    pub(crate) fn put(&mut self, row: Row) {
        self.shared = None;
        let chunk = match chunk_of(&self.chunks, row.uid) {
            end if end == self.chunks.len() => end.saturating_sub(1),
            chunk => chunk,
        };
        let Some(found) = self.chunks.get_mut(chunk) else {
            self.chunks.push(Arc::new(Chunk::new(vec![row])));
            self.len += 1;
            return;
        };
        if found.last_uid() < row.uid {
            self.len += 1;
            if found.rows.len() < CHUNK {
                Arc::make_mut(found).push(row);
            } else {
                let chunk = Chunk::with_room(row);
                self.chunks
                    .insert(chunk_index(&self.chunks, row.uid), Arc::new(chunk));
            }
            return;
        }
        let found = Arc::make_mut(found);
        match found.rows.binary_search_by_key(&row.uid, |row| row.uid) {
            Ok(position) => found.rows[position] = row,
            Err(position) => {
                found.rows.insert(position, row);
                self.len += 1;
            }
        }
        found.widen(&row);
        if found.rows.len() > 2 * CHUNK {
            let second = found.rows.split_off(CHUNK);
            *found = Chunk::new(std::mem::take(&mut found.rows));
            self.chunks.insert(chunk + 1, Arc::new(Chunk::new(second)));
        }
    }

    /// Takes rows out; `uids` ascend. Uids that are not there are passed over.
    pub(crate) fn remove(&mut self, uids: &[u32]) {
        self.shared = None;
        let mut rest = uids;
        while let Some(first) = rest.first() {
            let chunk = chunk_of(&self.chunks, *first);
            let Some(found) = self.chunks.get_mut(chunk) else {
                break;
            };
            let here = rest.partition_point(|uid| *uid <= found.last_uid());
            let gone = &rest[..here];
            let before = found.rows.len();
            let mut kept = Vec::with_capacity(before);
            kept.extend(
                found
                    .rows
                    .iter()
                    .filter(|row| gone.binary_search(&row.uid).is_err()),
            );
            self.len -= before - kept.len();
            *found = Arc::new(Chunk::new(kept));
            rest = &rest[here.max(1)..];
        }
        self.chunks.retain(|chunk| !chunk.rows.is_empty());
    }

    /// The view of this state.
    pub(crate) fn share(
        &mut self,
        uid_validity: u32,
        uid_next: u32,
        highest_mod_seq: u64,
    ) -> Arc<View> {
        let (chunks, len) = (&self.chunks, self.len);
        let make = || {
            let mut total = 0;
            let before = chunks
                .iter()
                .map(|chunk| {
                    total += chunk.rows.len() as u32;
                    total - chunk.rows.len() as u32
                })
                .collect();
            Arc::new(View {
                chunks: chunks.clone(),
                before,
                len,
                uid_validity,
                uid_next,
                highest_mod_seq,
            })
        };
        match &self.shared {
            Some(view)
                if view.highest_mod_seq == highest_mod_seq
                    && view.uid_next == uid_next
                    && view.uid_validity == uid_validity =>
            {
                Arc::clone(view)
            }
            Some(_) | None => {
                let view = make();
                self.shared = Some(Arc::clone(&view));
                view
            }
        }
    }

    /// How many bytes it takes up.
    pub(crate) fn memory(&self) -> usize {
        self.len * size_of::<Row>()
            + self.chunks.len() * (size_of::<Chunk>() + 16)
            + size_of::<Self>()
    }
}

/// Some rows in uid order, at least one.
#[derive(Clone, Debug)]
struct Chunk {
    rows: Vec<Row>,
    /// The newest mod_seq, or a newer one.
    newest: u64,
    /// All entries lie in here.
    entries: RangeInclusive<u64>,
    /// All window dates lie in here.
    window: RangeInclusive<i64>,
}

impl Chunk {
    fn new(rows: Vec<Row>) -> Self {
        let mut chunk = Self {
            newest: 0,
            entries: RangeInclusive::new(u64::MAX, 0),
            window: RangeInclusive::new(i64::MAX, i64::MIN),
            rows: Vec::new(),
        };
        for row in &rows {
            chunk.widen(row);
        }
        chunk.rows = rows;
        chunk
    }

    fn with_room(row: Row) -> Self {
        let mut rows = Vec::with_capacity(CHUNK / 4);
        rows.push(row);
        Self::new(rows)
    }

    fn push(&mut self, row: Row) {
        self.widen(&row);
        self.rows.push(row);
    }

    fn widen(&mut self, row: &Row) {
        self.newest = self.newest.max(row.mod_seq);
        let entry = row.entry.0;
        self.entries = entry.min(*self.entries.start())..=entry.max(*self.entries.end());
        let date = row.window_date;
        self.window = date.min(*self.window.start())..=date.max(*self.window.end());
    }

    fn first_uid(&self) -> u32 {
        self.rows.first().map_or(0, |row| row.uid)
    }

    fn last_uid(&self) -> u32 {
        self.rows.last().map_or(0, |row| row.uid)
    }
}

/// The first chunk whose last uid is not below `uid`: the only one that may hold it.
fn chunk_of(chunks: &[Arc<Chunk>], uid: u32) -> usize {
    match chunks.last() {
        // Most questions are about the newest.
        Some(last) if last.first_uid() <= uid && uid <= last.last_uid() => chunks.len() - 1,
        Some(_) | None => chunks.partition_point(|chunk| chunk.last_uid() < uid),
    }
}

/// Where a chunk that begins with `uid` belongs.
fn chunk_index(chunks: &[Arc<Chunk>], uid: u32) -> usize {
    chunks.partition_point(|chunk| chunk.first_uid() < uid)
}

fn find(chunks: &[Arc<Chunk>], uid: u32) -> Option<&Row> {
    let rows = &chunks.get(chunk_of(chunks, uid))?.rows;
    let position = rows.binary_search_by_key(&uid, |row| row.uid).ok()?;
    Some(&rows[position])
}

fn position(row: &Row) -> WindowPosition {
    WindowPosition {
        window_date: row.window_date,
        entry: row.entry,
    }
}

/// Rows a chunk is filled up to.
const CHUNK: usize = 256;

#[cfg(test)]
mod tests {
    use super::{super::block::tests::row, *};

    #[test]
    fn the_array_equals_a_plain_list_under_many_changes() {
        let mut plain: Vec<Row> = Vec::new();
        let mut index = FolderIndex::default();
        let mut seed = 7u64;
        let mut random = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        for step in 1..6_000u32 {
            match random(10) {
                0 if !plain.is_empty() => {
                    let many = 1 + random(40);
                    let mut gone: Vec<_> = (0..many)
                        .map(|_| plain[random(plain.len() as u64) as usize].uid)
                        .collect();
                    gone.push(u32::MAX);
                    gone.sort_unstable();
                    gone.dedup();
                    index.remove(&gone);
                    plain.retain(|row| !gone.contains(&row.uid));
                }
                1 | 2 if !plain.is_empty() => {
                    let at = random(plain.len() as u64) as usize;
                    plain[at].mod_seq = (1 << 41) + u64::from(step);
                    plain[at].flags = Flags::FLAGGED;
                    index.put(plain[at]);
                }
                _ => {
                    let many = random(12) as u32;
                    for part in 0..many {
                        let mut new = row(step * 20 + part);
                        new.window_date = random(1000) as i64;
                        plain.push(new);
                        index.put(new);
                    }
                }
            }
            if step % 50 == 0 {
                compare(&mut index, &plain, &mut random, step);
            }
        }
    }

    fn compare(
        index: &mut FolderIndex,
        plain: &[Row],
        random: &mut impl FnMut(u64) -> u64,
        step: u32,
    ) {
        let view = index.share(1, 2, u64::from(step));
        assert_eq!(view.len(), plain.len());
        assert!(view.rows().eq(plain));
        let since = (1 << 41) + u64::from(step) - 60;
        assert!(
            view.changed_since(since)
                .eq(plain.iter().filter(|row| row.mod_seq > since))
        );
        assert!(
            view.uid_ranges()
                .flatten()
                .eq(plain.iter().map(|row| row.uid))
        );
        for _ in 0..20 {
            let at = random(plain.len() as u64 + 3) as usize;
            assert_eq!(view.at(at), plain.get(at));
            let uid = random(u64::from(step) * 20) as u32;
            assert_eq!(
                view.position(uid),
                plain.binary_search_by_key(&uid, |row| row.uid)
            );
            assert_eq!(view.by_uid(uid), plain.iter().find(|row| row.uid == uid));
            let entry = EntryId(u64::from(uid) * 3);
            assert_eq!(
                view.by_entry(entry),
                plain.iter().find(|row| row.entry == entry)
            );
            let set = UidSet::from_ranges([uid..=uid + 900, 5..=90]);
            assert!(
                view.within(&set)
                    .eq(plain.iter().filter(|row| set.contains(row.uid)))
            );
            let (low, high, limit) = (
                random(1000) as i64,
                random(1000) as i64,
                random(60) as usize,
            );
            let after = (random(2) == 0).then(|| WindowPosition {
                window_date: random(1000) as i64,
                entry: EntryId(random(100_000)),
            });
            let mut expected: Vec<_> = plain
                .iter()
                .filter(|row| (low..=high).contains(&row.window_date))
                .filter(|row| after.is_none_or(|after| position(row) < after))
                .copied()
                .collect();
            expected.sort_unstable_by_key(|row| Reverse(position(row)));
            expected.truncate(limit);
            assert_eq!(view.by_window_date(low..=high, after, limit), expected);
        }
    }

    #[test]
    fn a_view_stays_as_it_was_while_the_folder_goes_on() {
        let rows: Vec<_> = (1..=1000).map(row).collect();
        let mut index = FolderIndex::from_rows(&rows);
        let view = index.share(1, 1001, 5);
        assert!(Arc::ptr_eq(&view, &index.share(1, 1001, 5)));
        index.put(row(1001));
        index.remove(&[1, 500]);
        assert!(view.rows().eq(&rows));
        assert_eq!(index.share(1, 1002, 6).len(), 999);
        assert!(index.memory() < 200_000);
    }

    #[test]
    fn adding_a_row_leaves_all_but_the_last_chunk_alone() {
        let rows: Vec<_> = (1..=10_000).map(row).collect();
        let mut index = FolderIndex::from_rows(&rows);
        let before = index.share(1, 1, 1);
        index.put(row(10_001));
        let after = index.share(1, 2, 2);
        let same = before
            .chunks
            .iter()
            .zip(&after.chunks)
            .filter(|(one, other)| Arc::ptr_eq(one, other))
            .count();
        assert_eq!(same, before.chunks.len() - 1);
    }
}
