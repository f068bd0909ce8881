//! The record of a message on its way out.

use bytes::Bytes;
use fieldpost_store::BodyId;

use crate::{
    error::Malformed,
    record::{Reader, Writer},
};

/// What lies in the store of an entry, its recipients aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutgoingRecord {
    pub(crate) held: bool,
    /// Whether a copy came into a folder with it.
    pub(crate) copied: bool,
    /// Counts the changes, so that no two leave the same record behind.
    pub(crate) changes: u64,
    pub(crate) due: i64,
    pub(crate) created: i64,
    pub(crate) body: BodyId,
    pub(crate) body_size: u64,
    pub(crate) envelope: Bytes,
}

impl OutgoingRecord {
    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(64 + self.envelope.len());
        writer.byte(VERSION);
        writer.byte(u8::from(self.held) | u8::from(self.copied) << 1);
        writer.number(self.changes);
        writer.signed(self.due);
        writer.signed(self.created);
        writer.raw(&self.body.0);
        writer.number(self.body_size);
        writer.bytes(&self.envelope);
        writer.0.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let flags = reader.byte()?;
        if flags > 3 {
            return Err(Malformed::Range);
        }
        let (changes, due, created) = (reader.number()?, reader.signed()?, reader.signed()?);
        let body = reader.raw(16)?.try_into().map_err(|_| Malformed::Short)?;
        let record = Self {
            held: flags & 1 != 0,
            copied: flags & 2 != 0,
            changes,
            due,
            created,
            body: BodyId(body),
            body_size: reader.number()?,
            envelope: Bytes::copy_from_slice(reader.bytes()?),
        };
        reader.end()?;
        Ok(record)
    }
}

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_and_a_cut_one_does_not() {
        let record = OutgoingRecord {
            held: true,
            copied: true,
            changes: 300,
            due: -1,
            created: 1_700_000_000,
            body: BodyId([7; 16]),
            body_size: u64::MAX,
            envelope: Bytes::from_static(b"envelope"),
        };
        let bytes = record.encode();
        assert_eq!(OutgoingRecord::decode(&bytes), Ok(record));
        for cut in 0..bytes.len() {
            assert!(OutgoingRecord::decode(&bytes[..cut]).is_err());
        }
    }
}
