//! Which conversation a message belongs to.
//!
//! An account remembers hashes of message-ids, and of base subjects, with their thread. A message joins the thread of its
//! own id (an answer to it came first), of the last of its References or In-Reply-To that is known, or, if it refers to
//! nothing but its subject shows a reply, of that subject (RFC 5256 §3, REFERENCES). How much is remembered is
//! bounded: each message is one *turn*, and the oldest turn makes room for the newest.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use fieldpost_message::Summary;
use fieldpost_store::{AccountId, Store, StoreError};

use crate::{
    ContentId, Error, ThreadId, keys,
    record::{Reader, Writer},
    transaction::Transaction,
};

type Hash = [u8; 16];

/// What a message says of its place, as hashes.
#[derive(Clone, Debug, Default)]
pub(crate) struct References {
    own: Option<Hash>,
    /// The newest first.
    refers_to: Vec<Hash>,
    subject: Option<Hash>,
    is_reply: bool,
}

impl References {
    pub(crate) fn of(summary: &Summary) -> Self {
        let mut refers_to: Vec<Hash> = Vec::new();
        let referred = summary.references.iter().rev().map(String::as_str);
        for id in summary.in_reply_to().take(1).chain(referred) {
            let hash = hash(b"i", id);
            if refers_to.len() < MAX_REFERENCES && !refers_to.contains(&hash) {
                refers_to.push(hash);
            }
        }
        // The root of the thread is worth more than a middle one.
        if let Some(root) = summary.references.first() {
            let root = hash(b"i", root);
            if !refers_to.contains(&root) {
                refers_to.pop();
                refers_to.push(root);
            }
        }
        let base = summary.base_subject();
        Self {
            own: summary.message_id().map(|id| hash(b"i", id)),
            refers_to,
            subject: (!base.text.is_empty()).then(|| hash(b"s", &base.text.to_lowercase())),
            is_reply: base.is_reply_or_forward,
        }
    }
}

/// What the account remembers, as it will be after the transaction at hand: messages that come in one commit find each other.
pub(crate) struct Memory<'a> {
    store: &'a dyn Store,
    account: AccountId,
    /// What this transaction has put (`None`: deleted) and the store does not know yet.
    written: HashMap<Bytes, Option<Bytes>>,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(store: &'a dyn Store, account: AccountId) -> Self {
        Self {
            store,
            account,
            written: HashMap::new(),
        }
    }

    async fn get(&self, key: &Bytes) -> Result<Option<Bytes>, StoreError> {
        match self.written.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.store.get(self.account, key).await,
        }
    }

    fn put(&mut self, transaction: &mut Transaction, key: Bytes, value: Bytes) {
        transaction.commit.put(key.clone(), value.clone());
        self.written.insert(key, Some(value));
    }

    fn delete(&mut self, transaction: &mut Transaction, key: Bytes) {
        transaction.commit.delete(key.clone());
        self.written.insert(key, None);
    }
}

/// Finds the message's thread, and remembers what later ones will find it by.
pub(crate) async fn place(
    known: &mut Memory<'_>,
    transaction: &mut Transaction,
    references: &References,
    content: ContentId,
    memory: u64,
) -> Result<ThreadId, Error> {
    let mut found = None;
    let by_subject = references
        .subject
        .filter(|_| references.refers_to.is_empty() && references.is_reply);
    for hash in references
        .own
        .iter()
        .chain(&references.refers_to)
        .chain(&by_subject)
    {
        if let Some(value) = known.get(&keys::thread(hash)).await?
            && let Some((thread, _)) = decode(&value)
        {
            found = Some(thread);
            break;
        }
    }
    let thread = found.unwrap_or(ThreadId(content.0));
    if memory == 0 {
        return Ok(thread);
    }
    // The nearest and the root: so that two answers to a message that never came meet.
    let ends = references
        .refers_to
        .first()
        .into_iter()
        .chain(references.refers_to.last());
    let mut hashes: Vec<Hash> = references
        .own
        .iter()
        .chain(ends)
        .chain(&references.subject)
        .copied()
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    if !hashes.is_empty() {
        let turn = transaction.head.next_turn;
        transaction.head.next_turn += 1;
        let value = encode(thread, turn);
        let mut written = BytesMut::with_capacity(hashes.len() * 16);
        for hash in &hashes {
            known.put(transaction, keys::thread(hash), value.clone());
            written.extend_from_slice(hash);
        }
        known.put(transaction, keys::thread_turn(turn), written.freeze());
    }
    // Two at a time, so that a smaller setting takes effect while mail comes in.
    for _ in 0..2 {
        if transaction.head.next_turn - transaction.head.first_turn <= memory {
            break;
        }
        forget_oldest(known, transaction, &hashes).await?;
    }
    Ok(thread)
}

async fn forget_oldest(
    known: &mut Memory<'_>,
    transaction: &mut Transaction,
    just_written: &[Hash],
) -> Result<(), Error> {
    let turn = transaction.head.first_turn;
    transaction.head.first_turn += 1;
    let key = keys::thread_turn(turn);
    let Some(written) = known.get(&key).await? else {
        return Ok(());
    };
    for hash in written.chunks_exact(16) {
        let Ok(hash) = Hash::try_from(hash) else {
            continue;
        };
        if just_written.contains(&hash) {
            continue;
        }
        // A later turn may have written it again.
        let key = keys::thread(&hash);
        if let Some(value) = known.get(&key).await?
            && decode(&value).is_none_or(|(_, by)| by == turn)
        {
            known.delete(transaction, key);
        }
    }
    known.delete(transaction, key);
    Ok(())
}

fn hash(kind: &[u8], text: &str) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind);
    hasher.update(text.as_bytes());
    let mut hash = Hash::default();
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}

fn encode(thread: ThreadId, turn: u64) -> Bytes {
    let mut writer = Writer::with_capacity(12);
    writer.number(thread.0);
    writer.number(turn);
    writer.0.into()
}

/// A value that does not parse counts as not there: a thread then begins anew.
fn decode(value: &[u8]) -> Option<(ThreadId, u64)> {
    let mut reader = Reader(value);
    let thread = ThreadId(reader.number().ok()?);
    let turn = reader.number().ok()?;
    reader.end().ok()?;
    Some((thread, turn))
}

/// How many of the ids that a message refers to are looked up.
const MAX_REFERENCES: usize = 6;
