//! Taking several items into a folder at once.

use std::collections::HashSet;

use super::{
    Appended, Expunge, NewItem,
    append::{Coming, whole_prefix},
};
use crate::{
    Error, FolderId, Mailbox, UidSet, thread,
    transaction::{Attempts, Transaction},
};

/// Whether one more item behind these still comes with them in one commit, so that [`Mailbox::append_all`] is all or nothing even if the
/// machine stops in the middle: for whoever would rather take no more than that.
pub fn has_room_for_more(items: &[NewItem]) -> bool {
    let mut lot = Lot::default();
    for item in items {
        let prefix = whole_prefix(item).len();
        lot.add(
            prefix + item.received.stored_summary.len(),
            prefix as u64 + item.received.size(),
        );
    }
    !lot.is_full()
}

/// What goes into one commit.
#[derive(Debug, Default)]
struct Lot {
    items: usize,
    record_bytes: usize,
    body_bytes: u64,
}

impl Lot {
    fn add(&mut self, record_bytes: usize, body_bytes: u64) {
        self.items += 1;
        self.record_bytes += record_bytes;
        self.body_bytes += body_bytes;
    }

    /// Whether nothing more goes into it. What is added last may be of any size.
    fn is_full(&self) -> bool {
        self.items >= APPENDED_AT_ONCE
            || self.record_bytes > RECORD_BYTES_AT_ONCE
            || self.body_bytes > BODY_BYTES_AT_ONCE
    }
}

impl Mailbox {
    /// Takes items into a folder, in order: all of them or none (RFC 3502). The quota is asked for all of them together.
    /// They are durable when this returns, and one commit as long as they fit into one; if a part of a larger lot fails,
    /// what came in before is taken out again, as in [`Mailbox::copy`].
    pub async fn append_all(
        &self,
        folder: FolderId,
        items: &[NewItem],
    ) -> Result<Vec<Appended>, Error> {
        let coming: Vec<_> = items.iter().map(Coming::new).collect();
        for item in &coming {
            self.mailboxes.admit_size(item.size)?;
        }
        let mut done = Vec::with_capacity(items.len());
        if let Err(error) = self.append_rest(folder, &coming, &mut done).await {
            let taken_in: UidSet = done.iter().map(|appended| appended.uid).collect();
            if !taken_in.is_empty() {
                self.expunge(folder, &taken_in, Expunge::All).await?;
            }
            return Err(error);
        }
        Ok(done)
    }

    async fn append_rest(
        &self,
        folder: FolderId,
        coming: &[Coming<'_>],
        done: &mut Vec<Appended>,
    ) -> Result<(), Error> {
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            transaction.folder(folder)?;
            let rest = &coming[done.len()..];
            let bytes = rest.iter().map(|item| item.size).sum();
            transaction.head.quota.admits(rest.len() as u64, bytes)?;
            if rest.is_empty() {
                return Ok(());
            }
            let appended = self.append_some(&mut transaction, folder, rest).await?;
            if transaction.commit(&mut attempts).await? {
                done.extend(appended);
                if done.len() == coming.len() {
                    return Ok(());
                }
            }
        }
    }

    /// Adds as many items to the transaction as one commit takes, at least one.
    async fn append_some(
        &self,
        transaction: &mut Transaction,
        folder: FolderId,
        coming: &[Coming<'_>],
    ) -> Result<Vec<Appended>, Error> {
        let mut threads = thread::Memory::new(&*self.mailboxes.store, self.account());
        let mut bodies = HashSet::new();
        let mut done = Vec::new();
        let mut lot = Lot::default();
        for item in coming {
            if lot.is_full() {
                break;
            }
            lot.add(item.record_size(), item.size);
            done.push(
                self.take_in(transaction, &mut threads, folder, item)
                    .await?,
            );
            // One message that comes twice is one body, held twice.
            if !bodies.insert(item.body()) {
                transaction.commit.bodies.pop();
            }
        }
        Ok(done)
    }
}

/// How many items one commit takes in at most: each is up to about a dozen operations, far below the store's limit.
const APPENDED_AT_ONCE: usize = 1024;

/// After how many bytes of records a commit takes no further item.
const RECORD_BYTES_AT_ONCE: usize = 2 * 1024 * 1024;

/// After how many bytes of messages a commit takes no further item: small bodies lie in the log, between the commits of others.
const BODY_BYTES_AT_ONCE: u64 = 32 * 1024 * 1024;
