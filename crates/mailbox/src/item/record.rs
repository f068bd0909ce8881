//! What never changes of an item while it is in its folder.

use bytes::Bytes;
use fieldpost_store::BodyId;

use crate::{
    ContentId, EntryId, ThreadId,
    error::Malformed,
    record::{Reader, Writer},
};

/// An item's record. Its bytes are `prefix` and then the body, which items may share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemRecord {
    pub(crate) entry: EntryId,
    pub(crate) content: ContentId,
    pub(crate) thread: ThreadId,
    pub(crate) internal_date: i64,
    pub(crate) body: BodyId,
    pub(crate) body_size: u64,
    /// Header lines of this item alone (Return-Path, Delivered-To).
    pub(crate) prefix: Bytes,
    /// The POP3 unique-id that it came with.
    pub(crate) stored_uidl: Option<String>,
    /// The encoded summary of the body alone, without the prefix.
    pub(crate) summary: Bytes,
}

impl ItemRecord {
    /// Bytes of the whole item.
    pub(crate) fn size(&self) -> u64 {
        self.prefix.len() as u64 + self.body_size
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::with_capacity(64 + self.prefix.len() + self.summary.len());
        writer.byte(VERSION);
        writer.number(self.entry.0);
        writer.number(self.content.0);
        writer.number(self.thread.0);
        writer.signed(self.internal_date);
        writer.raw(&self.body.0);
        writer.number(self.body_size);
        writer.bytes(&self.prefix);
        writer.bytes(self.stored_uidl.as_deref().unwrap_or_default().as_bytes());
        writer.bytes(&self.summary);
        writer.0.into()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        reader.version(VERSION)?;
        let record = Self {
            entry: EntryId(reader.number()?),
            content: ContentId(reader.number()?),
            thread: ThreadId(reader.number()?),
            internal_date: reader.signed()?,
            body: BodyId(reader.raw(16)?.try_into().map_err(|_| Malformed::Short)?),
            body_size: reader.number()?,
            prefix: bytes.slice_ref(reader.bytes()?),
            stored_uidl: Some(reader.text()?.to_owned()).filter(|uidl| !uidl.is_empty()),
            summary: bytes.slice_ref(reader.bytes()?),
        };
        if record.body_size > u64::MAX >> 1 {
            return Err(Malformed::Range);
        }
        reader.end()?;
        Ok(record)
    }
}

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_and_a_cut_one_is_refused() {
        let record = ItemRecord {
            entry: EntryId(1 << 50),
            content: ContentId(2),
            thread: ThreadId(3),
            internal_date: -4,
            body: BodyId([5; 16]),
            body_size: 6,
            prefix: Bytes::from_static(b"Return-Path: <a@b>\r\n"),
            stored_uidl: Some("abc".into()),
            summary: Bytes::from_static(b"summary"),
        };
        let bytes = record.encode();
        assert_eq!(ItemRecord::decode(&bytes), Ok(record));
        for cut in 0..bytes.len() {
            assert!(ItemRecord::decode(&bytes.slice(..cut)).is_err());
        }
    }
}
