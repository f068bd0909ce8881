//! Packed rows: what a block's and a change key's value hold.
//!
//! `version, folded-to mod_seq, number of rows`, then each row as differences from the one before. A row takes about 25
//! bytes, so that a block of 3 KB, what an index keeps inline, holds a hundred.

use bytes::Bytes;

use super::row::{Facts, Flags, Row};
use crate::{
    ContentId, EntryId, LabelSet, ThreadId,
    error::Malformed,
    record::{Reader, Writer},
};

/// At most so many bytes go into one value.
pub(crate) const MAX_BLOCK: usize = 3 * 1024 - 64;

/// Rows that were read from one value.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) folded_to: u64,
    /// In uid order.
    pub(crate) rows: Vec<Row>,
}

/// Packs rows, which are in uid order, into as few values as they need; with the first uid of each.
pub(crate) fn pack<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    folded_to: u64,
) -> Vec<(u32, Bytes)> {
    let mut packed = Vec::new();
    let mut body = Writer::with_capacity(MAX_BLOCK);
    let mut first = 0;
    let mut count = 0u64;
    let mut before = ORIGIN;
    for row in rows {
        let mark = body.0.len();
        write_row(&mut body, row, &before);
        if body.0.len() > MAX_BLOCK - HEADER && count > 0 {
            body.0.truncate(mark);
            packed.push((first, finish(&body.0, count, folded_to)));
            body.0.clear();
            count = 0;
            write_row(&mut body, row, &ORIGIN);
        }
        if count == 0 {
            first = row.uid;
        }
        count += 1;
        before = *row;
    }
    if count > 0 {
        packed.push((first, finish(&body.0, count, folded_to)));
    }
    packed
}

/// Reads what [`pack`] wrote; uids must ascend.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Block, Malformed> {
    let mut reader = Reader(bytes);
    reader.version(VERSION)?;
    let folded_to = reader.number()?;
    let count = usize::try_from(reader.number()?).map_err(|_| Malformed::Range)?;
    // A row has at least ten bytes: a false count can't make us reserve more than the value's own size.
    let mut rows = Vec::with_capacity(count.min(bytes.len() / 10));
    let mut before = ORIGIN;
    for _ in 0..count {
        let row = read_row(&mut reader, &before)?;
        if row.uid <= before.uid {
            return Err(Malformed::Order);
        }
        rows.push(row);
        before = row;
    }
    reader.end()?;
    Ok(Block { folded_to, rows })
}

fn finish(body: &[u8], count: u64, folded_to: u64) -> Bytes {
    let mut writer = Writer::with_capacity(body.len() + HEADER);
    writer.byte(VERSION);
    writer.number(folded_to);
    writer.number(count);
    writer.raw(body);
    writer.0.into()
}

fn write_row(writer: &mut Writer, row: &Row, before: &Row) {
    let difference = |now: i64, then: i64| now.wrapping_sub(then);
    writer.number(u64::from(row.uid.wrapping_sub(before.uid)));
    writer.byte(row.flags.0);
    // What is mostly the same as another field is one bit here instead.
    let same_window = row.window_date == row.internal_date;
    let own_thread = row.thread.0 == row.content.0;
    let saved_then = row.save_date == row.internal_date;
    writer.byte(
        row.facts.0
            | u8::from(same_window) << 7
            | u8::from(own_thread) << 6
            | u8::from(saved_then) << 5,
    );
    writer.signed(difference(row.entry.0 as i64, before.entry.0 as i64));
    writer.signed(difference(row.mod_seq as i64, before.mod_seq as i64));
    writer.number(row.size);
    writer.wide(row.labels.0);
    writer.signed(difference(row.internal_date, before.internal_date));
    if !saved_then {
        writer.signed(difference(row.save_date, before.save_date));
    }
    if !same_window {
        writer.signed(row.window_date);
    }
    writer.signed(difference(row.content.0 as i64, before.content.0 as i64));
    if !own_thread {
        writer.signed(difference(row.thread.0 as i64, before.thread.0 as i64));
    }
}

fn read_row(reader: &mut Reader<'_>, before: &Row) -> Result<Row, Malformed> {
    let uid = before
        .uid
        .checked_add(reader.number32()?)
        .ok_or(Malformed::Range)?;
    let flags = reader.byte()?;
    let facts = reader.byte()?;
    if flags > Flags::ALL.0 || facts & 0x1f > Facts::ALL.0 {
        return Err(Malformed::Range);
    }
    let mut after = |then: i64| reader.signed().map(|step| then.wrapping_add(step));
    let entry = after(before.entry.0 as i64)? as u64;
    let mod_seq = after(before.mod_seq as i64)? as u64;
    let size = reader.number()?;
    let labels = LabelSet(reader.wide()?);
    let mut after = |then: i64| reader.signed().map(|step| then.wrapping_add(step));
    let internal_date = after(before.internal_date)?;
    let save_date = if facts & 0x20 != 0 {
        internal_date
    } else {
        after(before.save_date)?
    };
    let window_date = if facts & 0x80 != 0 {
        internal_date
    } else {
        after(0)?
    };
    let content = after(before.content.0 as i64)? as u64;
    let thread = if facts & 0x40 != 0 {
        content
    } else {
        after(before.thread.0 as i64)? as u64
    };
    Ok(Row {
        uid,
        flags: Flags(flags),
        facts: Facts(facts & 0x1f),
        entry: EntryId(entry),
        mod_seq,
        size,
        labels,
        internal_date,
        save_date,
        window_date,
        content: ContentId(content),
        thread: ThreadId(thread),
    })
}

const VERSION: u8 = 1;

/// Version and two numbers.
const HEADER: usize = 21;

/// What the first row of a block is the difference from.
const ORIGIN: Row = Row {
    uid: 0,
    flags: Flags::EMPTY,
    facts: Facts(0),
    entry: EntryId(0),
    mod_seq: 0,
    size: 0,
    labels: LabelSet::EMPTY,
    internal_date: 0,
    save_date: 0,
    window_date: 0,
    content: ContentId(0),
    thread: ThreadId(0),
};

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(uid: u32) -> Row {
        Row {
            uid,
            flags: Flags(uid as u8 & 31),
            facts: Facts(uid as u8 & 3),
            entry: EntryId(u64::from(uid) * 3),
            mod_seq: (1 << 40) + u64::from(uid),
            size: 33_000 + u64::from(uid),
            labels: LabelSet(u128::from(uid % 4) << 100),
            internal_date: 1_700_000_000 + i64::from(uid) * 60,
            save_date: 1_700_000_000 + i64::from(uid) * 60 + i64::from(uid % 2),
            window_date: if uid.is_multiple_of(7) {
                i64::MAX
            } else {
                1_700_000_000 + i64::from(uid) * 60
            },
            content: ContentId(u64::from(uid)),
            thread: ThreadId(u64::from(uid - uid % 5)),
        }
    }

    #[test]
    fn rows_come_back_from_blocks_of_bounded_size() {
        let rows: Vec<_> = (1..5_000).map(row).collect();
        let packed = pack(&rows, 77);
        assert!(packed.len() < 80, "{} blocks", packed.len());
        let mut back = Vec::new();
        for (first, bytes) in &packed {
            assert!(bytes.len() <= MAX_BLOCK);
            let block = unpack(bytes).unwrap();
            assert_eq!(block.folded_to, 77);
            assert_eq!(block.rows[0].uid, *first);
            back.extend(block.rows);
        }
        assert_eq!(back, rows);
        assert!(pack(&[], 1).is_empty());
    }

    #[test]
    fn extreme_rows_come_back() {
        let extreme = Row {
            uid: u32::MAX,
            entry: EntryId(u64::MAX),
            mod_seq: u64::MAX >> 1,
            size: u64::MAX,
            labels: LabelSet(u128::MAX),
            internal_date: i64::MIN,
            save_date: i64::MAX,
            window_date: i64::MIN + 1,
            content: ContentId(u64::MAX),
            thread: ThreadId(0),
            ..row(1)
        };
        let rows = [row(1), extreme];
        assert_eq!(unpack(&pack(&rows, 1)[0].1).unwrap().rows, rows);
    }

    #[test]
    fn cut_and_flipped_blocks_are_refused_or_read_without_panic() {
        let rows: Vec<_> = (1..40).map(row).collect();
        let bytes = pack(&rows, 5).remove(0).1;
        for cut in 0..bytes.len() {
            assert!(unpack(&bytes[..cut]).is_err());
        }
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.to_vec();
                flipped[position] ^= 1 << bit;
                drop(unpack(&flipped));
            }
        }
    }
}
