//! Messages on their way out of an account, until every recipient has them or was given up.
//!
//! An entry lies under its sender's account, so that the entry and the copy in his Sent folder are one commit; mail that no
//! account of ours sends lies under the organisation ([`Mailboxes::outbox_of`]). What is known of an envelope and of its
//! recipients is the business of whoever sends: here it is bytes. An entry holds its body until it is dropped.
//!
//! Invariants:
//! - A change names the entry as it was read; if somebody else changed it meanwhile, nothing happens.
//! - Whoever has entries is noted under the organisation before the first of them is committed, so that they are found
//!   at a start without a look at every account.
//! - Entries take no mod_seq: nothing of them is shown to clients, and nobody is woken.

mod change;
mod record;

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use fieldpost_message::Scanner;
use fieldpost_store::{AccountId, Commit, Committed, Hold, Scan};
use parking_lot::Mutex;

use crate::{
    EntryId, Error, FolderId, ItemReader, Mailbox, Mailboxes, NewItem, Received, keys,
    pages::Pages, thread, transaction::Attempts,
};

pub use change::OutgoingChange;
pub(crate) use record::OutgoingRecord;

/// A message that is to go out.
#[derive(Clone, Debug)]
pub struct NewOutgoing {
    /// The message.
    pub received: Received,
    /// When somebody is to look after it, seconds since 1970.
    pub due: i64,
    /// What the sender of mail needs to know of it.
    pub envelope: Bytes,
    /// The same of each recipient.
    pub recipients: Vec<Bytes>,
}

/// A message on its way out, as it was read.
#[derive(Clone, Debug)]
pub struct Outgoing {
    account: AccountId,
    id: EntryId,
    record: OutgoingRecord,
    /// The record's value, by which a change knows that nobody came in between.
    stored: Bytes,
    recipients: BTreeMap<u32, Bytes>,
}

impl Outgoing {
    /// Whose outbox it is in.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Its id, unlike that of any item of the account.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// When somebody is to look after it, seconds since 1970.
    pub fn due(&self) -> i64 {
        self.record.due
    }

    /// Whether it is to stay until an operator lets it go.
    pub fn is_held(&self) -> bool {
        self.record.held
    }

    /// When it came, seconds since 1970.
    pub fn created(&self) -> i64 {
        self.record.created
    }

    /// The message's size in bytes.
    pub fn size(&self) -> u64 {
        self.record.body_size
    }

    /// What the sender of mail knows of it.
    pub fn envelope(&self) -> &Bytes {
        &self.record.envelope
    }

    /// The recipients that are left, by number.
    pub fn recipients(&self) -> &BTreeMap<u32, Bytes> {
        &self.recipients
    }
}

impl Mailboxes {
    /// The mailbox whose outbox takes mail of `account`. The organisation has an outbox and nothing else.
    pub async fn outbox_of(
        self: &std::sync::Arc<Self>,
        account: AccountId,
    ) -> Result<Mailbox, Error> {
        if account == AccountId::ORGANISATION {
            Ok(self.handle(account))
        } else {
            self.open(account).await
        }
    }

    /// The accounts that have, or had when the server started, messages on their way out.
    pub async fn outboxes(&self) -> Result<Vec<AccountId>, Error> {
        let scan = Scan::prefix(vec![keys::OUTBOXES]);
        let mut pages = Pages::new(&*self.store, AccountId::ORGANISATION, scan);
        let mut accounts = Vec::new();
        while let Some((key, _)) = pages.next().await? {
            match keys::number(&key, 1) {
                Some(account) => accounts.push(AccountId(account)),
                None => tracing::error!(?key, "damaged note of an outbox"),
            }
        }
        Ok(accounts)
    }

    /// Forgets that `account` has messages on their way out. For a start, before anything is sent: whoever sends then
    /// notes it anew.
    pub async fn forget_outbox(&self, account: AccountId) -> Result<(), Error> {
        let mut commit = Commit::new(AccountId::ORGANISATION);
        commit.delete(keys::outbox_of(account));
        self.commit_note(commit).await
    }

    /// Notes durably that `account` has messages on their way out.
    async fn note_outbox(&self, account: AccountId) -> Result<(), Error> {
        if self.outboxes.0.lock().contains(&account) {
            return Ok(());
        }
        let mut commit = Commit::new(AccountId::ORGANISATION);
        commit.put(keys::outbox_of(account), Bytes::new());
        self.commit_note(commit).await?;
        self.outboxes.0.lock().insert(account);
        Ok(())
    }

    async fn commit_note(&self, commit: Commit) -> Result<(), Error> {
        match self.store.commit(commit).await? {
            Committed::Accepted(receipt) => drop(receipt.durable().await?),
            // It requires nothing.
            Committed::Conflict { .. } => return Err(Error::Busy(AccountId::ORGANISATION)),
        }
        Ok(())
    }
}

/// The accounts noted by this process as having messages on their way out.
#[derive(Debug, Default)]
pub(crate) struct Noted(Mutex<HashSet<AccountId>>);

impl Mailbox {
    /// Takes a message into the outbox and, in the same commit, its copy into a folder. Durable when this returns.
    pub async fn post(
        &self,
        message: &NewOutgoing,
        copy: Option<(FolderId, &NewItem)>,
    ) -> Result<EntryId, Error> {
        self.mailboxes.note_outbox(self.account()).await?;
        let record = OutgoingRecord {
            held: false,
            copied: copy.is_some(),
            changes: 0,
            due: message.due,
            created: self.mailboxes.now(),
            body: message.received.body,
            body_size: message.received.size(),
            envelope: message.envelope.clone(),
        };
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = self.begin().await?;
            let id = EntryId(transaction.head.next_entry);
            transaction.head.next_entry += 1;
            let commit = &mut transaction.commit;
            commit.put(keys::outgoing(id), record.encode());
            for (number, recipient) in (0..).zip(&message.recipients) {
                commit.put(keys::outgoing_recipient(id, number), recipient.clone());
            }
            commit.hold(message.received.body, id.0);
            commit.bodies.extend(message.received.staged.clone());
            if let Some((folder, item)) = copy {
                let size = crate::item::Coming::new(item).size;
                transaction.head.quota.admits(1, size)?;
                self.add_copy(&mut transaction, folder, item).await?;
            }
            if transaction.commit(&mut attempts).await? {
                return Ok(id);
            }
        }
    }

    /// An entry of the outbox, if it is there.
    pub async fn outgoing(&self, id: EntryId) -> Result<Option<Outgoing>, Error> {
        let scan = Scan::prefix(keys::outgoing(id));
        Ok(self.read_outbox(scan, 1).await?.pop())
    }

    /// The entries of the outbox from behind `after`, in order, at most `limit`.
    pub async fn outbox(
        &self,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<Outgoing>, Error> {
        let mut scan = Scan::prefix(vec![keys::OUTBOX]);
        if let Some(after) = after {
            let Some(next) = after.0.checked_add(1) else {
                return Ok(Vec::new());
            };
            scan.start = keys::outgoing(EntryId(next));
        }
        self.read_outbox(scan, limit).await
    }

    /// Reads an entry's message.
    pub async fn read_outgoing(&self, outgoing: &Outgoing) -> Result<ItemReader, Error> {
        let record = &outgoing.record;
        let body = self.mailboxes.store.body(record.body, 0..record.body_size);
        Ok(ItemReader::over(body.await?))
    }

    /// An entry's message, to be given to other mailboxes: they share its body. The entry must stay until they have it.
    pub async fn received(&self, outgoing: &Outgoing) -> Result<Received, Error> {
        let mut scanner = Scanner::new(self.mailboxes.settings.scanner.clone());
        let mut reader = self.read_outgoing(outgoing).await?;
        let (mut before, mut last) = (0, b'\n');
        while let Some(chunk) = reader.next().await? {
            if let [.., one, other] = *chunk {
                (before, last) = (one, other);
            } else if let [byte] = *chunk {
                (before, last) = (last, byte);
            }
            scanner.push(&chunk);
        }
        let record = &outgoing.record;
        let open_end = record.body_size > 0 && (before, last) != (b'\r', b'\n');
        Ok(Received::held(record.body, scanner.finish(), open_end))
    }

    /// Whether an item of `account` has the message of an entry: it was delivered there, whatever the entry says.
    ///
    /// The entry's own copy does not count.
    pub async fn is_delivered(
        &self,
        outgoing: &Outgoing,
        account: AccountId,
    ) -> Result<bool, Error> {
        let own = |item: u64| {
            let id = outgoing.id.0;
            // The copy came in one commit with the entry, and right behind it.
            account == outgoing.account
                && (item == id || outgoing.record.copied && Some(item) == id.checked_add(1))
        };
        let body = outgoing.record.body;
        let mut after = Hold {
            body,
            account,
            item: 0,
        };
        loop {
            // One more than may be our own.
            let page = self.mailboxes.store.holds(Some(after), 3).await?;
            let is_theirs = |hold: &&Hold| hold.body == body && hold.account == account;
            if page.iter().filter(is_theirs).any(|hold| !own(hold.item)) {
                return Ok(true);
            }
            match page.last().filter(is_theirs) {
                Some(last) => after = *last,
                None => return Ok(false),
            }
        }
    }

    /// Reads entries with their recipients.
    async fn read_outbox(&self, scan: Scan, limit: usize) -> Result<Vec<Outgoing>, Error> {
        loop {
            let losses = self.account.losses();
            let found = self.outbox_so_far(scan.clone(), limit).await?;
            if self.settled(losses).await {
                return Ok(found);
            }
        }
    }

    /// The same, which may not be durable yet.
    async fn outbox_so_far(&self, scan: Scan, limit: usize) -> Result<Vec<Outgoing>, Error> {
        let mut pages = Pages::new(&*self.mailboxes.store, self.account(), scan);
        let mut found: Vec<Outgoing> = Vec::new();
        while let Some((key, value)) = pages.next().await? {
            let Some((id, recipient)) = keys::of_outgoing(&key) else {
                tracing::error!(account = %self.account(), ?key, "damaged key in the outbox");
                continue;
            };
            match (recipient, found.last_mut()) {
                (Some(number), Some(last)) if last.id == id => {
                    last.recipients.insert(number, value);
                }
                // Its entry does not parse.
                (Some(_), _) => {}
                (None, _) => {
                    if found.len() >= limit {
                        break;
                    }
                    match OutgoingRecord::decode(&value) {
                        Ok(record) => found.push(Outgoing {
                            account: self.account(),
                            id,
                            record,
                            stored: value,
                            recipients: BTreeMap::new(),
                        }),
                        // The others go out; fsck reports it.
                        Err(wrong) => {
                            tracing::error!(account = %self.account(), %id, %wrong, "damaged entry in the outbox");
                        }
                    }
                }
            }
        }
        Ok(found)
    }

    /// Adds an item to a change of the outbox. It shares the entry's body or brings its own.
    async fn add_copy(
        &self,
        transaction: &mut crate::transaction::Transaction,
        folder: FolderId,
        item: &NewItem,
    ) -> Result<(), Error> {
        transaction.folder(folder)?;
        let mut threads = thread::Memory::new(&*self.mailboxes.store, self.account());
        let held: Vec<_> = transaction
            .commit
            .bodies
            .iter()
            .map(|body| body.id)
            .collect();
        self.take_in(
            transaction,
            &mut threads,
            folder,
            &crate::item::Coming::new(item),
        )
        .await?;
        // One body that an entry and its copy hold is brought once.
        if held.contains(&item.received.body) {
            transaction.commit.bodies.truncate(held.len());
        }
        Ok(())
    }
}
