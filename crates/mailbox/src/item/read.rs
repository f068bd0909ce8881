//! Reading items: their records in order, their bytes by range.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use bytes::Bytes;
use fieldpost_message::{EncodedSummary, Summary};
use fieldpost_store::{AccountId, BodyReader, Scan, read_to_end};

use super::record::ItemRecord;
use crate::{ContentId, EntryId, Error, FolderId, Mailbox, ThreadId, error::Malformed, keys};

/// An item's record: what never changes of it. Reading one opens no body.
#[derive(Clone, Debug)]
pub struct Item {
    account: AccountId,
    folder: FolderId,
    uid: u32,
    record: ItemRecord,
}

impl Item {
    /// Its uid.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Its entry.
    pub fn entry(&self) -> EntryId {
        self.record.entry
    }

    /// Its content.
    pub fn content(&self) -> ContentId {
        self.record.content
    }

    /// Its conversation.
    pub fn thread(&self) -> ThreadId {
        self.record.thread
    }

    /// Its internal date, seconds since 1970.
    pub fn internal_date(&self) -> i64 {
        self.record.internal_date
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.record.size()
    }

    /// The header lines put before the message in this mailbox alone.
    pub fn prefix(&self) -> &Bytes {
        &self.record.prefix
    }

    /// The POP3 unique-id that it came with, if any.
    pub fn stored_uidl(&self) -> Option<&str> {
        self.record.stored_uidl.as_deref()
    }

    /// What the scanner found when it arrived. Sizes, lines and offsets are those of the whole item, its prefix included.
    pub fn summary(&self) -> Result<Summary, Error> {
        let mut summary =
            Summary::decode(&self.record.summary).map_err(|wrong| self.damaged_summary(wrong))?;
        if !self.record.prefix.is_empty() {
            summary.prepend(&self.record.prefix);
        }
        Ok(summary)
    }

    /// The same as it is stored, to be read without a copy: what it says of the message, the item's prefix not counted. The
    /// prefix, whole header lines, shifts offsets, sizes and lines of the message and of its header, but changes neither
    /// ENVELOPE nor BODYSTRUCTURE.
    pub fn encoded_summary(&self) -> Result<EncodedSummary<'_>, Error> {
        EncodedSummary::new(&self.record.summary).map_err(|wrong| self.damaged_summary(wrong))
    }

    /// What it is made of.
    pub(super) fn into_record(self) -> ItemRecord {
        self.record
    }

    fn damaged_summary(&self, wrong: fieldpost_message::Error) -> Error {
        Error::Damaged {
            account: self.account,
            what: format!("summary of item {}:{}: {wrong}", self.folder, self.uid),
        }
    }
}

impl Mailbox {
    /// An item's record.
    pub async fn item(&self, folder: FolderId, uid: u32) -> Result<Item, Error> {
        loop {
            let losses = self.account.losses();
            let record = self.record(folder, uid).await;
            if self.settled(losses).await {
                return Ok(Item {
                    account: self.account(),
                    folder,
                    uid,
                    record: record?,
                });
            }
        }
    }

    /// The records of the items with a uid in `uids`, in order, at most `limit` of them and at most about 4 MiB; a caller
    /// that wants more asks again from behind the last. Damaged records are left out and logged.
    pub async fn items(
        &self,
        folder: FolderId,
        uids: RangeInclusive<u32>,
        limit: usize,
    ) -> Result<Vec<Item>, Error> {
        loop {
            let losses = self.account.losses();
            let items = self.items_so_far(folder, uids.clone(), limit).await?;
            if self.settled(losses).await {
                return Ok(items);
            }
        }
    }

    /// The same for who holds the account's writer lock: not told to anybody, so it need not wait until what it reads is durable.
    pub(super) async fn items_so_far(
        &self,
        folder: FolderId,
        uids: RangeInclusive<u32>,
        limit: usize,
    ) -> Result<Vec<Item>, Error> {
        let start = keys::item(folder, *uids.start());
        let end = keys::behind(&keys::item(folder, *uids.end()));
        let scan = Scan::range(start..end).limit(limit);
        let mut items = Vec::new();
        for (key, value) in self.mailboxes.store.scan(self.account(), scan).await? {
            let record = keys::uid_of(&key)
                .ok_or(Malformed::Range)
                .and_then(|uid| Ok((uid, ItemRecord::decode(&value)?)));
            match record {
                Ok((uid, record)) => items.push(Item {
                    account: self.account(),
                    folder,
                    uid,
                    record,
                }),
                Err(wrong) => {
                    tracing::error!(account = %self.account(), %folder, uid = ?keys::uid_of(&key), %wrong, "damaged item");
                }
            }
        }
        Ok(items)
    }

    /// Reads a range of an item's bytes (prefix, then body). What lies beyond the end is cut off.
    pub async fn read(&self, item: &Item, range: Range<u64>) -> Result<ItemReader, Error> {
        let record = &item.record;
        let prefix = record.prefix.len() as u64;
        let end = range.end.min(record.size());
        let start = range.start.min(end);
        let before = record
            .prefix
            .slice(start.min(prefix) as usize..end.min(prefix) as usize);
        let body = start.max(prefix) - prefix..end.max(prefix) - prefix;
        let body = if body.is_empty() {
            None
        } else {
            Some(self.mailboxes.store.body(record.body, body).await?)
        };
        Ok(ItemReader { before, body })
    }

    /// An item's header, from memory if it was used lately ([`Settings::header_memory`](crate::Settings::header_memory)).
    pub async fn header(&self, item: &Item) -> Result<Header, Error> {
        let record = &item.record;
        let prefix = record.prefix.clone();
        if let Some(own) = self.mailboxes.headers.find(record.body) {
            return Ok(Header::Whole { prefix, own });
        }
        let length = item.encoded_summary()?.header_len();
        if length > Header::MAX_WHOLE {
            let all = 0..prefix.len() as u64 + length;
            return Ok(Header::Long(self.read(item, all).await?));
        }
        let own: Arc<[u8]> = if length == 0 {
            Arc::default()
        } else {
            let mut body = self.mailboxes.store.body(record.body, 0..length).await?;
            read_to_end(&mut *body, Header::MAX_WHOLE).await?[..].into()
        };
        self.mailboxes.headers.insert(record.body, &own);
        Ok(Header::Whole { prefix, own })
    }
}

/// An item's raw header, with the empty line that ends it: what [`Mailbox::header`] gives.
#[derive(Debug)]
pub enum Header {
    /// All of it, in two pieces.
    Whole {
        /// The header lines put before the message in this mailbox alone.
        prefix: Bytes,
        /// The message's own header, shared with all who look at it.
        own: Arc<[u8]>,
    },
    /// It is longer than [`Header::MAX_WHOLE`]: to be read piece by piece.
    Long(ItemReader),
}

impl Header {
    /// Bytes of a message's own header that are held whole.
    pub const MAX_WHOLE: u64 = 64 * 1024;
}

/// Hands out an item's bytes in order.
pub struct ItemReader {
    /// What is still to come of the prefix.
    before: Bytes,
    body: Option<Box<dyn BodyReader>>,
}

impl ItemReader {
    /// A body that nothing was put before.
    pub(crate) fn over(body: Box<dyn BodyReader>) -> Self {
        Self {
            before: Bytes::new(),
            body: Some(body),
        }
    }

    /// The next chunk, at most 64 KiB; `None` at the end of the range.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.before.is_empty() {
            let size = self.before.len().min(CHUNK);
            return Ok(Some(self.before.split_to(size)));
        }
        match &mut self.body {
            None => Ok(None),
            Some(body) => Ok(body.next().await?),
        }
    }

    /// How many bytes are still to come.
    pub fn remaining(&self) -> u64 {
        let body = self.body.as_ref().map_or(0, |body| body.remaining());
        self.before.len() as u64 + body
    }

    /// All that is left, if it is at most `limit` bytes.
    pub async fn read_to_end(mut self, limit: u64) -> Result<Bytes, Error> {
        let size = self.remaining();
        if size > limit {
            return Err(Error::ItemTooLarge { size, limit });
        }
        let mut all = Vec::with_capacity(size as usize);
        while let Some(chunk) = self.next().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }
}

impl std::fmt::Debug for ItemReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ItemReader")
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

const CHUNK: usize = 64 * 1024;
