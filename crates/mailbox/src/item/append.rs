//! Taking an item into a folder.

use bytes::{Bytes, BytesMut};
use fieldpost_store::{BodyId, StagedBody};

use super::{
    imported::{ImportKey, Imported},
    record::ItemRecord,
};
use crate::{
    ContentId, EntryId, Error, Facts, Flags, Folder, FolderId, FolderKind, LabelSet, Mailbox,
    Received, Row, SpecialUse, ThreadId, keys, maildrop, thread,
    transaction::{Attempts, Transaction},
};

/// An item to be taken in.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// The message.
    pub received: Received,
    /// Whole header lines with their CRLFs, put before the message in this mailbox alone (Return-Path, Delivered-To).
    pub prefix: Bytes,
    /// System flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
    /// When it arrived or is said to have arrived, seconds since 1970; `None` = now.
    pub internal_date: Option<i64>,
    /// The POP3 unique-id under which another server showed it, 1 to 70 printable ASCII characters.
    pub stored_uidl: Option<String>,
    /// The uid under which another server showed it. Kept in a folder that adopted that server's uids
    /// ([`Mailbox::adopt_uids`]), if no other item came between; else the item gets one like any other.
    pub uid: Option<u32>,
    /// What it is on another server, for [`Mailbox::imported`].
    pub imported: Option<ImportKey>,
}

impl NewItem {
    /// A message that arrives now, without flags.
    pub fn new(received: Received) -> Self {
        Self {
            received,
            prefix: Bytes::new(),
            flags: Flags::EMPTY,
            keywords: Vec::new(),
            internal_date: None,
            stored_uidl: None,
            uid: None,
            imported: None,
        }
    }
}

/// Where an item went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The folder's uid_validity.
    pub uid_validity: u32,
    /// Its uid there.
    pub uid: u32,
    /// Its entry there.
    pub entry: EntryId,
    /// Its content id.
    pub content: ContentId,
    /// Its conversation.
    pub thread: ThreadId,
    /// The change's mod_seq.
    pub mod_seq: u64,
}

impl Mailbox {
    /// Takes an item into a folder. It is durable when this returns.
    pub async fn append(&self, folder: FolderId, item: &NewItem) -> Result<Appended, Error> {
        let coming = Coming::new(item);
        self.mailboxes.admit_size(coming.size)?;
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            transaction.folder(folder)?;
            transaction.head.quota.admits(1, coming.size)?;
            let mut threads = thread::Memory::new(&*self.mailboxes.store, self.account());
            let appended = self
                .take_in(&mut transaction, &mut threads, folder, &coming)
                .await?;
            if transaction.commit(&mut attempts).await? {
                return Ok(appended);
            }
        }
    }

    /// Adds one item that comes from outside to the transaction.
    pub(crate) async fn take_in(
        &self,
        transaction: &mut Transaction,
        threads: &mut thread::Memory<'_>,
        folder: FolderId,
        coming: &Coming<'_>,
    ) -> Result<Appended, Error> {
        let item = coming.item;
        let now = self.mailboxes.now();
        let mut set = LabelSet::EMPTY;
        if !item.keywords.is_empty() {
            let mut labels = (*transaction.labels()).clone();
            for keyword in &item.keywords {
                set = set.union(labels.add_keyword(keyword)?);
            }
            transaction.set_labels(labels);
        }
        let content = ContentId(transaction.head.next_content);
        transaction.head.next_content += 1;
        let memory = self.mailboxes.settings.thread_memory;
        let references = &coming.references;
        let thread = thread::place(threads, transaction, references, content, memory).await?;
        let arrival = Arrival {
            body: item.received.body,
            staged: item.received.staged.clone(),
            body_size: item.received.size(),
            prefix: coming.prefix.clone(),
            stored_uidl: item.stored_uidl.clone().filter(|uidl| is_uidl(uidl)),
            summary: item.received.stored_summary.clone(),
            flags: item.flags,
            labels: set,
            internal_date: item.internal_date.unwrap_or(now),
            save_date: now,
            has_attachments: item.received.summary().has_attachments,
            open_end: item.received.open_end,
            content,
            thread,
            uid: item.uid,
        };
        let appended = arrival.enter(transaction, folder)?;
        if let Some(key) = &item.imported {
            let imported = Imported {
                folder,
                uid: appended.uid,
                flags: item.flags,
                keywords: item.keywords.clone(),
            };
            let key = keys::imported(&key.folder, &key.item);
            transaction.commit.put(key, imported.encode());
        }
        Ok(appended)
    }
}

/// An item from outside, with what does not depend on the mailbox's state.
#[derive(Debug)]
pub(crate) struct Coming<'a> {
    item: &'a NewItem,
    prefix: Bytes,
    references: thread::References,
    /// Bytes of the whole item.
    pub(crate) size: u64,
}

impl<'a> Coming<'a> {
    pub(crate) fn new(item: &'a NewItem) -> Self {
        let prefix = whole_prefix(item);
        Self {
            item,
            size: prefix.len() as u64 + item.received.size(),
            prefix,
            references: thread::References::of(item.received.summary()),
        }
    }

    /// Bytes that its record takes up, about.
    pub(super) fn record_size(&self) -> usize {
        self.prefix.len() + self.item.received.stored_summary.len()
    }

    /// Whose bytes it has.
    pub(super) fn body(&self) -> BodyId {
        self.item.received.body
    }
}

/// An item on its way into a folder, from outside or from another folder.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) body: BodyId,
    /// The body, if no item of the store holds it yet.
    pub(crate) staged: Option<StagedBody>,
    pub(crate) body_size: u64,
    pub(crate) prefix: Bytes,
    pub(crate) stored_uidl: Option<String>,
    pub(crate) summary: Bytes,
    pub(crate) flags: Flags,
    pub(crate) labels: LabelSet,
    pub(crate) internal_date: i64,
    pub(crate) save_date: i64,
    pub(crate) has_attachments: bool,
    pub(crate) open_end: bool,
    pub(crate) content: ContentId,
    pub(crate) thread: ThreadId,
    /// The uid that it comes with.
    pub(crate) uid: Option<u32>,
}

impl Arrival {
    /// Gives the item its uid and entry in `folder` and adds all its records to the transaction.
    pub(crate) fn enter(
        self,
        transaction: &mut Transaction,
        folder: FolderId,
    ) -> Result<Appended, Error> {
        let mod_seq = transaction.mod_seq();
        let entry = EntryId(transaction.head.next_entry);
        transaction.head.next_entry += 1;
        let record = transaction.folder_mut(folder)?;
        let uid = record.uid_for(self.uid);
        record.uid_next = uid.checked_add(1).ok_or(Error::UidsExhausted(folder))?;
        let uid_validity = record.uid_validity;
        // One that it has here anyway by its uid need not be kept: it costs a read whenever POP3 lists the folder.
        let stored_uidl = self.stored_uidl.filter(|uidl| {
            self.uid != Some(uid) || *uidl != maildrop::unique_id(uid_validity, uid)
        });
        let item = ItemRecord {
            entry,
            content: self.content,
            thread: self.thread,
            internal_date: self.internal_date,
            body: self.body,
            body_size: self.body_size,
            prefix: self.prefix,
            stored_uidl,
            summary: self.summary,
        };
        let row = Row {
            uid,
            flags: self.flags,
            facts: Facts::default()
                .with(Facts::STORED_UIDL, item.stored_uidl.is_some())
                .with(Facts::ATTACHMENTS, self.has_attachments)
                .with(Facts::OPEN_END, self.open_end),
            entry,
            mod_seq,
            size: item.size(),
            labels: self.labels,
            internal_date: self.internal_date,
            save_date: self.save_date,
            window_date: window_date(record, self.internal_date),
            content: self.content,
            thread: self.thread,
        };
        transaction
            .commit
            .put(keys::item(folder, uid), item.encode())
            .hold(self.body, entry.0);
        transaction.commit.bodies.extend(self.staged);
        transaction.add_row(folder, row)?;
        Ok(Appended {
            uid_validity,
            uid,
            entry,
            content: self.content,
            thread: self.thread,
            mod_seq,
        })
    }
}

/// By what a client's time window judges an item: mail by when it was received; drafts, contacts and notes are always inside.
fn window_date(folder: &Folder, internal_date: i64) -> i64 {
    let always = folder.special_use == Some(SpecialUse::Drafts)
        || matches!(folder.kind, FolderKind::Contacts | FolderKind::Notes);
    if always { i64::MAX } else { internal_date }
}

/// The prefix, with the empty line that a message without a header needs behind it.
pub(super) fn whole_prefix(item: &NewItem) -> Bytes {
    if item.prefix.is_empty() || item.received.summary().header_len > 0 {
        return item.prefix.clone();
    }
    let mut prefix = BytesMut::from(&item.prefix[..]);
    prefix.extend_from_slice(b"\r\n");
    prefix.freeze()
}

/// `unique-id = 1*70 (%x21-7E)` (RFC 1939 §7).
fn is_uidl(uidl: &str) -> bool {
    (1..=70).contains(&uidl.len()) && uidl.bytes().all(|byte| byte.is_ascii_graphic())
}
