//! How pairs, holders and places lie in the index.
//!
//! ```text
//! "A" account:u64be key                          -> 0 value / 1 len:u32 chunks:u16   (spilled)
//! "C" account:u64be keylen:u16be key no:u16be    -> chunk of a spilled value
//! "H" body account:u64be item:u64be              -> (empty)
//! "M" name                                       -> the store's own
//! "P" body                                       -> place
//! ```
//!
//! Values longer than 3 KB spill into chunks, because sled writes long values into files of their own that it does
//! not sync.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{AccountId, BodyId, Hold, Lsn};

use super::{
    digest::{self, Region},
    index::{Index, IndexBatch, IndexResult},
    record::{Change, Place},
};

/// The longest value that is kept in one piece.
pub(crate) const WHOLE: usize = 3000;
const CHUNK: usize = 3000;

pub(crate) const PAIRS: u8 = b'A';
pub(crate) const CHUNKS: u8 = b'C';
pub(crate) const HOLDS: u8 = b'H';
pub(crate) const PLACES: u8 = b'P';

/// The key under which the index says up to which LSN it has been applied.
pub(crate) const APPLIED: &[u8] = b"Mapplied";

pub(crate) fn pair_key(account: AccountId, key: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(9 + key.len());
    out.put_u8(PAIRS);
    out.put_u64(account.0);
    out.put_slice(key);
    out.freeze()
}

/// The key without its account.
pub(crate) fn bare_key(raw: &[u8]) -> &[u8] {
    raw.get(9..).unwrap_or_default()
}

pub(crate) fn account_of(raw: &[u8]) -> Option<AccountId> {
    let bytes = raw.get(1..9)?;
    Some(AccountId(u64::from_be_bytes(bytes.try_into().ok()?)))
}

/// The range of keys of one kind that belong to an account.
pub(crate) fn account_range(kind: u8, account: AccountId) -> (Bytes, Bytes) {
    let key = |account: AccountId| {
        let mut out = BytesMut::with_capacity(9);
        out.put_u8(kind);
        out.put_u64(account.0);
        out.freeze()
    };
    let end = match account.0.checked_add(1) {
        Some(next) => key(AccountId(next)),
        None => Bytes::copy_from_slice(&[kind + 1]),
    };
    (key(account), end)
}

/// The range of keys of one kind (holders or places) that belong to a bucket of bodies.
pub(crate) fn bucket_range(kind: u8, bucket: u8) -> ([u8; 2], [u8; 2]) {
    let end = match bucket.checked_add(1) {
        Some(next) => [kind, next],
        None => [kind + 1, 0],
    };
    ([kind, bucket], end)
}

pub(crate) fn hold_key(hold: Hold) -> Bytes {
    let mut out = BytesMut::with_capacity(33);
    out.put_u8(HOLDS);
    out.put_slice(&hold.body.0);
    out.put_u64(hold.account.0);
    out.put_u64(hold.item);
    out.freeze()
}

pub(crate) fn parse_hold(raw: &[u8]) -> Option<Hold> {
    let (body, rest) = raw.get(1..)?.split_first_chunk::<16>()?;
    let (account, rest) = rest.split_first_chunk()?;
    let item = rest.try_into().ok()?;
    Some(Hold {
        body: BodyId(*body),
        account: AccountId(u64::from_be_bytes(*account)),
        item: u64::from_be_bytes(item),
    })
}

pub(crate) fn place_key(body: BodyId) -> Bytes {
    let mut out = BytesMut::with_capacity(17);
    out.put_u8(PLACES);
    out.put_slice(&body.0);
    out.freeze()
}

fn chunk_key(account: AccountId, key: &[u8], number: u16) -> Bytes {
    let mut out = BytesMut::with_capacity(13 + key.len());
    out.put_u8(CHUNKS);
    out.put_u64(account.0);
    out.put_u16(key.len() as u16);
    out.put_slice(key);
    out.put_u16(number);
    out.freeze()
}

/// The value of a pair, put together if it was spilled; `None` too if a chunk is missing (the digest will tell).
pub(crate) fn get_pair(
    index: &dyn Index,
    account: AccountId,
    key: &[u8],
) -> IndexResult<Option<Bytes>> {
    match index.get(&pair_key(account, key))? {
        None => Ok(None),
        Some(stored) => unspill(index, account, key, &stored),
    }
}

/// A stored value as it was put.
pub(crate) fn unspill(
    index: &dyn Index,
    account: AccountId,
    key: &[u8],
    stored: &Bytes,
) -> IndexResult<Option<Bytes>> {
    match stored.first() {
        Some(0) => Ok(Some(stored.slice(1..))),
        Some(1) => {
            let Some((len, chunks)) = spilled(stored) else {
                return Ok(None);
            };
            let mut value = Vec::with_capacity((len as usize).min(crate::MAX_VALUE));
            for number in 0..chunks {
                match index.get(&chunk_key(account, key, number))? {
                    Some(chunk) => value.extend_from_slice(&chunk),
                    None => return Ok(None),
                }
            }
            Ok((value.len() == len as usize).then(|| value.into()))
        }
        _ => Ok(None),
    }
}

/// How long a stored value is once it is put together.
pub(crate) fn stored_len(stored: &[u8]) -> usize {
    spilled(stored).map_or(stored.len(), |(len, _)| len as usize)
}

/// The length and the number of chunks of a spilled value.
fn spilled(stored: &[u8]) -> Option<(u32, u16)> {
    let (len, chunks) = stored.strip_prefix(&[1])?.split_first_chunk()?;
    let chunks = chunks.try_into().ok()?;
    Some((u32::from_le_bytes(*len), u16::from_le_bytes(chunks)))
}

/// How many chunks a value of that length is spilled into.
pub(crate) fn chunks(len: usize) -> u16 {
    if len <= WHOLE {
        0
    } else {
        len.div_ceil(CHUNK) as u16
    }
}

/// Turns a record's change into changes of the index.
pub(crate) fn apply_change(account: AccountId, change: &Change, batch: &mut IndexBatch) {
    match change {
        Change::Put {
            key,
            value,
            replaces,
        } => {
            delete_chunks(account, key, chunks(value.len())..*replaces, batch);
            put_pair(account, key, value, batch);
        }
        Change::Delete { key, replaces } => {
            delete_chunks(account, key, 0..*replaces, batch);
            batch.delete(pair_key(account, key));
        }
        Change::Hold(hold) => batch.put(hold_key(*hold), Bytes::new()),
        Change::Release(hold) => batch.delete(hold_key(*hold)),
        Change::Place { body, place } => batch.put(place_key(*body), place.encode()),
        Change::Unplace { body } => batch.delete(place_key(*body)),
    }
}

fn put_pair(account: AccountId, key: &[u8], value: &[u8], batch: &mut IndexBatch) {
    let mut stored = BytesMut::with_capacity(1 + value.len().min(WHOLE));
    if value.len() <= WHOLE {
        stored.put_u8(0);
        stored.put_slice(value);
    } else {
        stored.put_u8(1);
        stored.put_u32_le(value.len() as u32);
        stored.put_u16_le(chunks(value.len()));
        for (number, chunk) in value.chunks(CHUNK).enumerate() {
            batch.put(
                chunk_key(account, key, number as u16),
                Bytes::copy_from_slice(chunk),
            );
        }
    }
    batch.put(pair_key(account, key), stored.freeze());
}

fn delete_chunks(
    account: AccountId,
    key: &[u8],
    numbers: std::ops::Range<u16>,
    batch: &mut IndexBatch,
) {
    for number in numbers {
        batch.delete(chunk_key(account, key, number));
    }
}

/// The LSN up to which the index says it has been applied.
pub(crate) fn applied(index: &dyn Index) -> IndexResult<Lsn> {
    let value = index.get(APPLIED)?;
    let lsn = value.and_then(|value| Some(u64::from_le_bytes(value[..].try_into().ok()?)));
    Ok(Lsn(lsn.unwrap_or(0)))
}

pub(crate) fn set_applied(batch: &mut IndexBatch, lsn: Lsn) {
    let value = Bytes::copy_from_slice(&lsn.0.to_le_bytes());
    batch.seal = Some((Bytes::from_static(APPLIED), value));
}

/// The digest of what the index really holds of a region.
pub(crate) fn digest_of(index: &dyn Index, region: Region) -> IndexResult<u128> {
    let mut sum = 0u128;
    match region {
        Region::Account(account) => {
            let mut long = Vec::new();
            let (start, end) = account_range(PAIRS, account);
            index.scan(&start, &end, false, &mut |raw, stored| {
                let key = bare_key(raw);
                match stored.split_first() {
                    Some((0, value)) => sum = sum.wrapping_add(digest::of_pair(key, value)),
                    _ => long.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(stored))),
                }
                true
            })?;
            for (key, stored) in long {
                if let Some(value) = unspill(index, account, &key, &stored)? {
                    sum = sum.wrapping_add(digest::of_pair(&key, &value));
                }
            }
        }
        Region::Bucket(bucket) => {
            let (start, end) = bucket_range(HOLDS, bucket);
            index.scan(&start, &end, false, &mut |raw, _| {
                if let Some(hold) = parse_hold(raw) {
                    sum = sum.wrapping_add(digest::of_hold(hold));
                }
                true
            })?;
            let (start, end) = bucket_range(PLACES, bucket);
            index.scan(&start, &end, false, &mut |raw, stored| {
                let body = raw.get(1..).and_then(|id| id.try_into().ok());
                if let (Some(body), Ok(place)) = (body, Place::decode(stored)) {
                    sum = sum.wrapping_add(digest::of_place(BodyId(body), &place));
                }
                true
            })?;
        }
    }
    Ok(sum)
}
