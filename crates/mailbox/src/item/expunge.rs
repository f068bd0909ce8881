//! Taking items out of a folder for good.

use std::sync::Arc;

use super::record::ItemRecord;
use crate::{
    Error, Flags, FolderId, Mailbox, Row, UidSet, View, keys,
    transaction::{Attempts, Transaction},
};

/// Which of the named items an expunge takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expunge {
    /// All of them (POP3's QUIT, an ActiveSync delete).
    All,
    /// Those with `\Deleted` (IMAP's EXPUNGE).
    Deleted,
}

/// What an expunge took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expunged {
    /// The uids that are gone, ascending.
    pub uids: Vec<u32>,
    /// The last change's mod_seq; 0 if nothing was there to be taken.
    pub mod_seq: u64,
}

impl Mailbox {
    /// Takes items out of a folder. Uids that are not there are passed over. It is durable when this returns; each
    /// [`EXPUNGED_AT_ONCE`] items are one commit, so that a crash in a larger one leaves a beginning of it done.
    pub async fn expunge(
        &self,
        folder: FolderId,
        uids: &UidSet,
        which: Expunge,
    ) -> Result<Expunged, Error> {
        let mut done = Expunged::default();
        let mut attempts = Attempts::new();
        let mut from = 0;
        loop {
            let losses = self.account.losses();
            let mut transaction = self.begin().await?;
            let view = self.rows_for_change(folder).await?;
            let mut rest = view
                .within(uids)
                .filter(|row| row.uid >= from)
                .filter(|row| which == Expunge::All || row.flags.contains(Flags::DELETED));
            let rows: Vec<Row> = rest.by_ref().take(EXPUNGED_AT_ONCE).copied().collect();
            let more = rest.next().map(|row| row.uid);
            if rows.is_empty() {
                drop(transaction);
                if !self.settled(losses).await {
                    continue;
                }
                return Ok(done);
            }
            for row in &rows {
                self.remove(&mut transaction, folder, row).await?;
            }
            let mod_seq = transaction.mod_seq();
            if transaction.commit(&mut attempts).await? {
                done.mod_seq = mod_seq;
                done.uids.extend(rows.iter().map(|row| row.uid));
                match more {
                    Some(uid) => from = uid,
                    None => return Ok(done),
                }
            }
        }
    }

    /// Takes one item's records out.
    pub(crate) async fn remove(
        &self,
        transaction: &mut Transaction,
        folder: FolderId,
        row: &Row,
    ) -> Result<(), Error> {
        let key = keys::item(folder, row.uid);
        match self.mailboxes.store.get(self.account(), &key).await? {
            Some(value) => match ItemRecord::decode(&value) {
                Ok(item) => drop(transaction.commit.release(item.body, row.entry.0)),
                Err(wrong) => {
                    tracing::error!(account = %self.account(), %folder, uid = row.uid, %wrong, "damaged item expunged; fsck frees its body");
                }
            },
            None => {
                tracing::error!(account = %self.account(), %folder, uid = row.uid, "an item without a record expunged");
            }
        }
        transaction.commit.delete(key);
        transaction.remove_row(folder, row)
    }

    /// The rows that a change is made from. The caller holds the account's writer.
    pub(crate) async fn rows_for_change(&self, folder: FolderId) -> Result<Arc<View>, Error> {
        self.load_index(folder)
            .await?
            .ok_or(Error::Busy(self.account()))
    }
}

/// How many items one commit takes out at most.
pub const EXPUNGED_AT_ONCE: usize = 8192;
