//! Copying and moving items within an account.

use super::{Arrival, Expunge, Item, record::ItemRecord};
use crate::{
    Error, Facts, FolderId, Mailbox, Row, SpecialUse, UidSet, keys, maildrop,
    transaction::{Attempts, Transaction},
};

/// Where copied or moved items went (RFC 4315 COPYUID).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The target's uid_validity.
    pub uid_validity: u32,
    /// The uid in the source and the uid in the target, in order.
    pub uids: Vec<(u32, u32)>,
    /// The last change's mod_seq; 0 if nothing was there.
    pub mod_seq: u64,
}

impl Mailbox {
    /// Copies items: new uid and entry, the same content and conversation. All of them or none: if a part of a large copy
    /// fails, what was copied before is taken out again (RFC 9051 §6.4.7).
    pub async fn copy(&self, from: FolderId, uids: &UidSet, to: FolderId) -> Result<Copied, Error> {
        let mut done = Copied::default();
        let result = self
            .transfer(from, uids, to, Transfer::Copy, &mut done)
            .await;
        if let Err(error) = result {
            let copied: UidSet = done.uids.iter().map(|(_, copy)| *copy).collect();
            if !copied.is_empty() {
                self.expunge(to, &copied, Expunge::All).await?;
            }
            return Err(error);
        }
        Ok(done)
    }

    /// Moves items: as [`Mailbox::copy`], and they leave the source in the same commit. A large move is several commits,
    /// each whole; the uids moved by those that came to pass are lost to the caller if a later one fails.
    pub async fn move_items(
        &self,
        from: FolderId,
        uids: &UidSet,
        to: FolderId,
    ) -> Result<Copied, Error> {
        let mut done = Copied::default();
        self.transfer(from, uids, to, Transfer::Move, &mut done)
            .await?;
        Ok(done)
    }

    async fn transfer(
        &self,
        from: FolderId,
        uids: &UidSet,
        to: FolderId,
        how: Transfer,
        done: &mut Copied,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        let mut next_uid = 0;
        // What comes into the source by this very operation is not part of it.
        let mut end_uid = None;
        loop {
            let losses = self.account.losses();
            let mut transaction = self.begin().await?;
            let target = transaction.folder(to)?;
            let source = transaction.folder(from)?;
            let end_uid = *end_uid.get_or_insert(source.uid_next);
            let view = self.rows_for_change(from).await?;
            let rest: Vec<Row> = view
                .within(uids)
                .filter(|row| row.uid >= next_uid && row.uid < end_uid)
                .copied()
                .collect();
            if how == Transfer::Copy {
                let bytes = rest.iter().map(|row| row.size).sum();
                transaction.head.quota.admits(rest.len() as u64, bytes)?;
            }
            done.uid_validity = target.uid_validity;
            let (pairs, taken) = self
                .transfer_some(&mut transaction, from, &rest, to, how)
                .await?;
            if taken == 0 {
                drop(transaction);
                if !self.settled(losses).await {
                    continue;
                }
                return Ok(());
            }
            let mod_seq = transaction.mod_seq();
            if transaction.commit(&mut attempts).await? {
                done.mod_seq = mod_seq;
                done.uids.extend(pairs);
                match rest.get(taken) {
                    Some(row) => next_uid = row.uid,
                    None => return Ok(()),
                }
            }
        }
    }

    /// Adds as many of `rows` to the transaction as one commit takes; the pairs of uids, and how many of `rows` that were.
    async fn transfer_some(
        &self,
        transaction: &mut Transaction,
        from: FolderId,
        rows: &[Row],
        to: FolderId,
        how: Transfer,
    ) -> Result<(Vec<(u32, u32)>, usize), Error> {
        let now = self.mailboxes.now();
        let source = transaction.folder(from)?;
        let is_inbox = source.special_use == Some(SpecialUse::Inbox);
        let mut pairs = Vec::new();
        let mut bytes = 0;
        let mut records = Records {
            folder: from,
            rows,
            page: Vec::new().into_iter(),
        };
        for row in rows {
            if pairs.len() == COPIED_AT_ONCE || bytes > COPIED_BYTES_AT_ONCE {
                break;
            }
            let record = records.next(self, row).await?;
            // POP3 shows the inbox: what leaves it takes its unique-id along, and has it again when it comes back.
            let unique_id = match (how, record.stored_uidl) {
                (Transfer::Copy, _) => None,
                (Transfer::Move, None) => {
                    is_inbox.then(|| maildrop::unique_id(source.uid_validity, row.uid))
                }
                (Transfer::Move, stored) => stored,
            };
            bytes += record.summary.len() + record.prefix.len();
            let arrival = Arrival {
                body: record.body,
                staged: None,
                body_size: record.body_size,
                prefix: record.prefix,
                stored_uidl: unique_id,
                summary: record.summary,
                flags: row.flags,
                labels: row.labels,
                internal_date: row.internal_date,
                save_date: now,
                has_attachments: row.facts.contains(Facts::ATTACHMENTS),
                open_end: row.facts.contains(Facts::OPEN_END),
                content: row.content,
                thread: row.thread,
                uid: None,
            };
            let appended = arrival.enter(transaction, to)?;
            pairs.push((row.uid, appended.uid));
            if how == Transfer::Move {
                transaction.commit.release(record.body, row.entry.0);
                transaction.commit.delete(keys::item(from, row.uid));
                transaction.remove_row(from, row)?;
            }
        }
        let taken = pairs.len();
        Ok((pairs, taken))
    }

    /// An item's record.
    pub(crate) async fn record(&self, folder: FolderId, uid: u32) -> Result<ItemRecord, Error> {
        let value = self
            .mailboxes
            .store
            .get(self.account(), &keys::item(folder, uid))
            .await?
            .ok_or(Error::NoSuchItem { folder, uid })?;
        ItemRecord::decode(&value)
            .map_err(|wrong| self.account.damaged(&format!("item {folder}:{uid}"), wrong))
    }
}

/// The records of rows, read many at a time where these lie close together.
struct Records<'a> {
    folder: FolderId,
    /// Those not read yet.
    rows: &'a [Row],
    page: std::vec::IntoIter<Item>,
}

impl Records<'_> {
    /// The record of the next row.
    async fn next(&mut self, mailbox: &Mailbox, row: &Row) -> Result<ItemRecord, Error> {
        if let Some(item) = self.page.find(|item| item.uid() >= row.uid)
            && item.uid() == row.uid
        {
            return Ok(item.into_record());
        }
        let from = self.rows.partition_point(|other| other.uid < row.uid);
        let rest = &self.rows[from..];
        let span = |count: usize| (rest[count - 1].uid - row.uid) as usize;
        let mut count = rest.len().min(READ_AT_ONCE);
        while count > 1 && span(count) > 2 * count {
            count /= 2;
        }
        if count > 1 {
            let last = rest[count - 1].uid;
            let page = mailbox.items_so_far(self.folder, row.uid..=last, 2 * count + 1);
            self.page = page.await?.into_iter();
            if let Some(item) = self.page.next()
                && item.uid() == row.uid
            {
                return Ok(item.into_record());
            }
            self.page = Vec::new().into_iter();
        }
        // A single one; or it is not there, or damaged: this says which.
        mailbox.record(self.folder, row.uid).await
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    Copy,
    Move,
}

/// How many records are read at a time.
const READ_AT_ONCE: usize = 128;

/// How many items one commit copies or moves at most.
const COPIED_AT_ONCE: usize = 1024;

/// After how many bytes of records a commit takes no further item.
const COPIED_BYTES_AT_ONCE: usize = 2 * 1024 * 1024;
