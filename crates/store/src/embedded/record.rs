//! One commit as it stands in the log: absolute changes and the digests after them.
//!
//! ```text
//! record  = account:u64 digest:u128 buckets:u16 *(bucket:u8 digest:u128) count:varint *change
//! change  = 0 key value / 1 key / 2 body item / 3 body item / 4 body size:varint blake3:32 where / 5 body
//!         / 6 replaces:varint key value / 7 replaces:varint key   ; as 0 and 1, where the old value was a long one
//! where   = 0 back:varint len:varint        ; in the body frame that begins `back` bytes before this record's frame
//!         / 1 file:varint len:varint        ; alone in a body segment
//! ```

use bytes::Bytes;
use smallvec::SmallVec;

use crate::{AccountId, BodyId, Hold, Lsn, MAX_KEY, MAX_VALUE};

use super::{
    codec::{Cursor, Malformed, put_sized, put_varint},
    digest::Region,
};

/// The account of records that the store itself writes (moved and swept bodies): it has no pairs and no digest.
pub(crate) const NO_ACCOUNT: AccountId = AccountId(u64::MAX);

/// The changes of one commit, in the order of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) lsn: Lsn,
    pub(crate) account: AccountId,
    /// The account's digest after it.
    pub(crate) digest: u128,
    /// The digests after it of the buckets it touches.
    pub(crate) buckets: SmallVec<[(u8, u128); 2]>,
    pub(crate) changes: Vec<Change>,
}

/// One absolute change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put {
        key: Bytes,
        value: Bytes,
        /// How many chunks the value before it was spilled into (see [`super::table`]); they go with it.
        replaces: u16,
    },
    Delete {
        key: Bytes,
        replaces: u16,
    },
    Hold(Hold),
    Release(Hold),
    Place {
        body: BodyId,
        place: Place,
    },
    Unplace {
        body: BodyId,
    },
}

/// What a body is and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its size as written by the peer.
    pub(crate) size: u64,
    /// BLAKE3 over those bytes.
    pub(crate) digest: [u8; 32],
    /// Where its encoded form begins.
    pub(crate) file: FileId,
    pub(crate) offset: u64,
    /// How long its encoded form is.
    pub(crate) len: u64,
}

/// A file that bodies lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileId {
    /// A segment of the log.
    Log(u64),
    /// A segment that one large body has to itself.
    Body(u64),
}

impl FileId {
    pub(crate) fn path(self) -> String {
        match self {
            Self::Log(number) => format!("log/{number:016x}.log"),
            Self::Body(number) => format!("bodies/{number:016x}.body"),
        }
    }

    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Log(number) | Self::Body(number) => number,
        }
    }
}

impl Place {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(72);
        put_varint(&mut out, self.size);
        out.extend_from_slice(&self.digest);
        out.push(u8::from(matches!(self.file, FileId::Body(_))));
        put_varint(&mut out, self.file.number());
        put_varint(&mut out, self.offset);
        put_varint(&mut out, self.len);
        out
    }

    pub(crate) fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(data);
        let (size, digest) = (cursor.varint()?, cursor.array()?);
        let kind = cursor.u8()?;
        let number = cursor.varint()?;
        let place = Self {
            size,
            digest,
            file: match kind {
                0 => FileId::Log(number),
                1 => FileId::Body(number),
                _ => return Err(Malformed),
            },
            offset: cursor.varint()?,
            len: cursor.varint()?,
        };
        if cursor.is_empty() {
            Ok(place)
        } else {
            Err(Malformed)
        }
    }
}

impl Record {
    /// Encodes all but the LSN. Places in the log are written relative to `frame`, the offset at which the record's own
    /// frame will begin.
    pub(crate) fn encode(&self, frame: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len_estimate());
        out.extend_from_slice(&self.account.0.to_le_bytes());
        out.extend_from_slice(&self.digest.to_le_bytes());
        out.extend_from_slice(&(self.buckets.len() as u16).to_le_bytes());
        for (bucket, digest) in &self.buckets {
            out.push(*bucket);
            out.extend_from_slice(&digest.to_le_bytes());
        }
        put_varint(&mut out, self.changes.len() as u64);
        for change in &self.changes {
            match change {
                Change::Put {
                    key,
                    value,
                    replaces,
                } => {
                    put_tag(&mut out, 0, *replaces);
                    put_sized(&mut out, key);
                    put_sized(&mut out, value);
                }
                Change::Delete { key, replaces } => {
                    put_tag(&mut out, 1, *replaces);
                    put_sized(&mut out, key);
                }
                Change::Hold(hold) => put_hold(&mut out, 2, hold),
                Change::Release(hold) => put_hold(&mut out, 3, hold),
                Change::Place { body, place } => {
                    out.push(4);
                    out.extend_from_slice(&body.0);
                    put_varint(&mut out, place.size);
                    out.extend_from_slice(&place.digest);
                    match place.file {
                        FileId::Log(_) => {
                            out.push(0);
                            put_varint(&mut out, frame - place.offset);
                        }
                        FileId::Body(number) => {
                            out.push(1);
                            put_varint(&mut out, number);
                        }
                    }
                    put_varint(&mut out, place.len);
                }
                Change::Unplace { body } => {
                    out.push(5);
                    out.extend_from_slice(&body.0);
                }
            }
        }
        out
    }

    /// Decodes what `encode` wrote, as found in a frame at offset `frame` of log segment `segment`.
    pub(crate) fn decode(
        lsn: Lsn,
        data: &Bytes,
        segment: u64,
        frame: u64,
    ) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(data);
        let account = AccountId(cursor.u64()?);
        let digest = cursor.u128()?;
        let mut buckets = SmallVec::new();
        for _ in 0..cursor.u16()? {
            buckets.push((cursor.u8()?, cursor.u128()?));
        }
        let count = cursor.varint()?;
        // Each change has at least three bytes: no count can make us reserve more than the record is long.
        if count > cursor.remaining() as u64 / 3 + 1 {
            return Err(Malformed);
        }
        let mut changes = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let tag = cursor.u8()?;
            let replaces = match tag {
                6 | 7 => u16::try_from(cursor.varint()?).map_err(|_| Malformed)?,
                _ => 0,
            };
            changes.push(match tag {
                0 | 6 => Change::Put {
                    key: data.slice_ref(cursor.sized(MAX_KEY)?),
                    value: data.slice_ref(cursor.sized(MAX_VALUE)?),
                    replaces,
                },
                1 | 7 => Change::Delete {
                    key: data.slice_ref(cursor.sized(MAX_KEY)?),
                    replaces,
                },
                2 => Change::Hold(take_hold(&mut cursor, account)?),
                3 => Change::Release(take_hold(&mut cursor, account)?),
                4 => {
                    let body = BodyId(cursor.array()?);
                    let (size, digest) = (cursor.varint()?, cursor.array()?);
                    let (file, offset) = match (cursor.u8()?, cursor.varint()?) {
                        (0, back) => (
                            FileId::Log(segment),
                            frame.checked_sub(back).ok_or(Malformed)?,
                        ),
                        (1, number) => (FileId::Body(number), 0),
                        _ => return Err(Malformed),
                    };
                    let len = cursor.varint()?;
                    let place = Place {
                        size,
                        digest,
                        file,
                        offset,
                        len,
                    };
                    Change::Place { body, place }
                }
                5 => Change::Unplace {
                    body: BodyId(cursor.array()?),
                },
                _ => return Err(Malformed),
            });
        }
        if !cursor.is_empty() {
            return Err(Malformed);
        }
        Ok(Self {
            lsn,
            account,
            digest,
            buckets,
            changes,
        })
    }

    /// Enters a digest that was not known when `payload` was encoded.
    pub(crate) fn note_digest(&mut self, region: Region, digest: u128, payload: &mut [u8]) {
        const BUCKETS: usize = 8 + 16 + 2;
        let at = match region {
            Region::Account(_) => {
                self.digest = digest;
                8
            }
            Region::Bucket(bucket) => {
                let Some(slot) = self.buckets.iter().position(|(known, _)| *known == bucket) else {
                    return;
                };
                self.buckets[slot].1 = digest;
                BUCKETS + slot * 17 + 1
            }
        };
        payload[at..at + 16].copy_from_slice(&digest.to_le_bytes());
    }

    fn encoded_len_estimate(&self) -> usize {
        let changes = self.changes.iter().map(|change| match change {
            Change::Put { key, value, .. } => 10 + key.len() + value.len(),
            Change::Delete { key, .. } => 6 + key.len(),
            Change::Hold(_) | Change::Release(_) | Change::Unplace { .. } => 32,
            Change::Place { .. } => 96,
        });
        40 + 17 * self.buckets.len() + changes.sum::<usize>()
    }
}

/// The tag of a put (0) or delete (1), with what it replaces if that was long.
fn put_tag(out: &mut Vec<u8>, tag: u8, replaces: u16) {
    if replaces == 0 {
        out.push(tag);
    } else {
        out.push(tag + 6);
        put_varint(out, u64::from(replaces));
    }
}

fn put_hold(out: &mut Vec<u8>, tag: u8, hold: &Hold) {
    out.push(tag);
    out.extend_from_slice(&hold.body.0);
    put_varint(out, hold.item);
}

fn take_hold(cursor: &mut Cursor<'_>, account: AccountId) -> Result<Hold, Malformed> {
    Ok(Hold {
        body: BodyId(cursor.array()?),
        account,
        item: cursor.varint()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change() -> impl Strategy<Value = Change> {
        let bytes = |max| proptest::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from);
        let hold = (any::<[u8; 16]>(), any::<u64>()).prop_map(|(body, item)| Hold {
            body: BodyId(body),
            account: AccountId(7),
            item,
        });
        prop_oneof![
            (bytes(40), bytes(200), 0u16..3).prop_map(|(key, value, replaces)| Change::Put {
                key,
                value,
                replaces,
            }),
            (bytes(40), 0u16..3).prop_map(|(key, replaces)| Change::Delete { key, replaces }),
            hold.clone().prop_map(Change::Hold),
            hold.prop_map(Change::Release),
            (any::<[u8; 16]>(), any::<u64>(), any::<bool>(), 0u64..5000).prop_map(
                |(body, size, inline, offset)| Change::Place {
                    body: BodyId(body),
                    place: Place {
                        size,
                        digest: [3; 32],
                        file: if inline {
                            FileId::Log(9)
                        } else {
                            FileId::Body(8)
                        },
                        offset: if inline { offset } else { 0 },
                        len: 77,
                    }
                }
            ),
            any::<[u8; 16]>().prop_map(|body| Change::Unplace { body: BodyId(body) }),
        ]
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(changes in proptest::collection::vec(change(), 0..20), digest: u128) {
            let record = Record {
                lsn: Lsn(5),
                account: AccountId(7),
                digest,
                buckets: SmallVec::from_slice(&[(1, 2), (255, u128::MAX)]),
                changes,
            };
            let data = Bytes::from(record.encode(6000));
            prop_assert_eq!(Record::decode(Lsn(5), &data, 9, 6000), Ok(record));
            for cut in 0..data.len() {
                prop_assert!(Record::decode(Lsn(5), &data.slice(..cut), 9, 6000).is_err());
            }
        }
    }

    #[test]
    fn a_place_comes_back_as_it_was() {
        let place = Place {
            size: 1 << 40,
            digest: [9; 32],
            file: FileId::Body(3),
            offset: 0,
            len: 1 << 39,
        };
        assert_eq!(Place::decode(&place.encode()), Ok(place));
        let data = place.encode();
        assert!(Place::decode(&data[..data.len() - 1]).is_err());
    }
}
