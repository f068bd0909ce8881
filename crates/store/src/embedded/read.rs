//! Reads that merge the overlay with the index.

use bytes::Bytes;

use crate::{AccountId, BodyId, Hold, Pair, Scan, StoreError};

use super::{digest::Region, inner::Inner, table};

/// A scan ends when it has about this many bytes.
const SCAN_BYTES: usize = 4 * 1024 * 1024;

impl Inner {
    /// The pairs of a range as of one moment.
    pub(crate) fn scan(&self, account: AccountId, scan: &Scan) -> Result<Vec<Pair>, StoreError> {
        let start = table::pair_key(account, &scan.start);
        let end = match &scan.end {
            Some(end) => table::pair_key(account, end),
            None => table::account_range(table::PAIRS, account).1,
        };
        if start >= end || scan.limit == 0 {
            return Ok(Vec::new());
        }
        let shard = self.overlay.shard(account).read();
        let mut pending: Vec<(Bytes, Option<Bytes>)> =
            shard.range(&start, &end).into_iter().collect();
        if scan.reverse {
            pending.reverse();
        }
        let before = |a: &[u8], b: &[u8]| if scan.reverse { a > b } else { a < b };
        let mut pending = pending.into_iter().peekable();
        let mut found = Found {
            entries: Vec::new(),
            bytes: 0,
            limit: scan.limit,
        };
        self.with_index(|index| {
            index.scan(&start, &end, scan.reverse, &mut |key, stored| {
                while let Some((accepted, value)) =
                    pending.next_if(|(accepted, _)| before(accepted, key))
                {
                    if let Some(value) = value
                        && !found.take(&accepted, Entry::Value(value))
                    {
                        return false;
                    }
                }
                match pending.next_if(|(accepted, _)| accepted == key) {
                    Some((accepted, Some(value))) => found.take(&accepted, Entry::Value(value)),
                    Some((_, None)) => true,
                    None => found.take(key, Entry::Stored(Bytes::copy_from_slice(stored))),
                }
            })
        })?;
        for (key, value) in pending {
            if found.is_full() {
                break;
            }
            if let Some(value) = value {
                found.take(&key, Entry::Value(value));
            }
        }
        let mut pairs = Vec::with_capacity(found.entries.len());
        for (key, entry) in found.entries {
            let value = match entry {
                Entry::Value(value) => Some(value),
                Entry::Stored(stored) => {
                    self.with_index(|index| table::unspill(index, account, &key, &stored))?
                }
            };
            match value {
                Some(value) => pairs.push((key, value)),
                None => {
                    return Err(StoreError::Damaged {
                        what: format!("a long value of account {account}"),
                    });
                }
            }
        }
        Ok(pairs)
    }

    /// Holders behind `after`, in order; each bucket is checked before it is read.
    pub(crate) fn holds_after(
        &self,
        after: Option<Hold>,
        limit: usize,
    ) -> Result<Vec<Hold>, StoreError> {
        let mut found = Vec::new();
        let first = after.map_or(0, |hold| hold.body.0[0]);
        for bucket in first..=255 {
            if found.len() >= limit {
                break;
            }
            self.verify(Region::Bucket(bucket))?;
            let start = match after {
                Some(hold) if bucket == first => {
                    let mut key = table::hold_key(hold).to_vec();
                    key.push(0);
                    key
                }
                _ => table::bucket_range(table::HOLDS, bucket).0.to_vec(),
            };
            let end = table::bucket_range(table::HOLDS, bucket).1;
            found.extend(self.holds_between(&start, &end, limit - found.len())?);
        }
        Ok(found)
    }

    /// Holders from a raw key on, of one body or of all.
    pub(crate) fn holds_from(
        &self,
        start: &[u8],
        body: Option<BodyId>,
        limit: usize,
    ) -> Result<Vec<Hold>, StoreError> {
        let end = match body {
            Some(body) => {
                let mut end = vec![table::HOLDS];
                end.extend_from_slice(&body.0);
                crate::prefix_end(&end).map_or_else(|| vec![table::HOLDS + 1], |end| end.to_vec())
            }
            None => vec![table::HOLDS + 1],
        };
        self.holds_between(start, &end, limit)
    }

    fn holds_between(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
    ) -> Result<Vec<Hold>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let holds = self.overlay.holds.read();
        let mut keys = holds.range(start, end);
        // Of what the overlay deletes the index may have as many as the overlay has.
        let wanted = limit.saturating_add(keys.len());
        let mut count = 0;
        self.with_index(|index| {
            index.scan(start, end, false, &mut |key, value| {
                keys.entry(Bytes::copy_from_slice(key))
                    .or_insert_with(|| Some(Bytes::copy_from_slice(value)));
                count += 1;
                count < wanted
            })
        })?;
        Ok(keys
            .into_iter()
            .filter(|(_, value)| value.is_some())
            .filter_map(|(key, _)| table::parse_hold(&key))
            .take(limit)
            .collect())
    }

    /// Waits until the index holds all that has been accepted so far.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        {
            let mut queue = self.queue.lock();
            while queue.busy || !queue.pending.is_empty() {
                self.queue_idle.wait(&mut queue);
            }
        }
        let lsn = self.durable.lock().lsn;
        if self.wait_applied(lsn) {
            Ok(())
        } else {
            Err(StoreError::Closed)
        }
    }
}

enum Entry {
    Value(Bytes),
    /// As the index has it.
    Stored(Bytes),
}

struct Found {
    entries: Vec<(Bytes, Entry)>,
    bytes: usize,
    limit: usize,
}

impl Found {
    /// Takes a pair; `false` says that it was the last one.
    fn take(&mut self, raw: &[u8], entry: Entry) -> bool {
        let key = Bytes::copy_from_slice(table::bare_key(raw));
        self.bytes += key.len()
            + match &entry {
                Entry::Value(value) => value.len(),
                Entry::Stored(stored) => table::stored_len(stored),
            };
        self.entries.push((key, entry));
        !self.is_full()
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.bytes >= SCAN_BYTES
    }
}
