//! A bug of ours met while an entry is worked on costs an attempt, not the entry: it is tried again like any other failure, and
//! held for an operator when it happens again and again.

use std::{any::Any, collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use fieldpost_mailbox::{Error, OutgoingChange};
use futures_util::FutureExt as _;
use parking_lot::Mutex;

use super::{Pending, QueueId, chance, schedule::Key};
use crate::{Refusal, Status, Transport};

/// How often work on an entry has panicked since the start, for those with which it has.
#[derive(Debug, Default)]
pub(crate) struct Panics(Mutex<HashMap<Key, u32>>);

impl Panics {
    /// Counts one more; how many there were.
    fn count(&self, key: Key) -> u32 {
        let mut counts = self.0.lock();
        let count = counts.entry(key).or_default();
        *count += 1;
        *count
    }

    /// Whether there were as many as an entry is allowed.
    pub(super) fn are_too_many(&self, key: Key) -> bool {
        self.0.lock().get(&key).is_some_and(|count| *count >= MAX)
    }

    /// The entry is done, or an operator wants it to be tried.
    pub(super) fn forget(&self, key: Key) {
        self.0.lock().remove(&key);
    }
}

impl Transport {
    /// Does a part of the work on an entry. A panic becomes a refusal for now, is counted and told to the log.
    pub(super) async fn guarded<T>(
        &self,
        key: Key,
        work: impl Future<Output = T>,
    ) -> Result<T, Refusal> {
        // What was under way is dropped whole; what outlives it is behind locks that know no poison.
        AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .map_err(|panic| {
                let text = text_of(&*panic);
                let count = self.queue.panics.count(key);
                tracing::error!(account = %key.0, entry = %key.1, count, panic = text, "a bug: work on an entry of the queue panicked");
                Refusal::new(451, Status(4, 3, 0), format!("a bug in the mail server: {text}"))
            })
    }

    /// The work on an entry as a whole panicked. When it is to be looked after again.
    pub(super) async fn after_panic(self: &Arc<Self>, key: Key, refusal: &Refusal) -> Option<i64> {
        let later = self.now() + self.settings.queue.retry_after(1, chance());
        let recovered = self.guarded(key, self.put_off(key, refusal)).await;
        match recovered {
            Ok(Ok(due)) => due,
            Ok(Err(error)) => {
                tracing::error!(account = %key.0, entry = %key.1, %error, "what became of a message can't be written down");
                Some(later)
            }
            Err(_) => Some(later),
        }
    }

    /// Writes down that all that was due of an entry failed.
    async fn put_off(&self, key: Key, refusal: &Refusal) -> Result<Option<i64>, Error> {
        let id = QueueId {
            account: key.0,
            entry: key.1,
        };
        let now = self.now();
        let due = Mutex::new(None);
        let is_there = self
            .change_entry(id, |entry| {
                let mut change = OutgoingChange::default();
                let mut next = None::<i64>;
                for (number, value) in entry.recipients() {
                    // One that does not parse is given up at the next look.
                    let mut pending_due = now + 1;
                    if let Ok(mut pending) = Pending::decode(value) {
                        if pending.due <= now {
                            pending.attempts = pending.attempts.saturating_add(1);
                            pending.last = Some(refusal.clone());
                            pending.due =
                                now + self.settings.queue.retry_after(pending.attempts, chance());
                            change.recipients.insert(*number, Some(pending.encode()));
                        }
                        pending_due = pending.due;
                    }
                    next = Some(next.map_or(pending_due, |next| next.min(pending_due)));
                }
                change.due = next;
                *due.lock() = next.filter(|_| !entry.is_held());
                change
            })
            .await?;
        if !is_there {
            return Ok(None);
        }
        Ok(self.held_for_panics(key).await?.unwrap_or(due.into_inner()))
    }

    /// Holds an entry whose work panicked too often. `Some`: it did, and the entry is not looked after any more.
    pub(super) async fn held_for_panics(&self, key: Key) -> Result<Option<Option<i64>>, Error> {
        if !self.queue.panics.are_too_many(key) {
            return Ok(None);
        }
        let id = QueueId {
            account: key.0,
            entry: key.1,
        };
        if self.hold(id).await? {
            tracing::error!(entry = %id, "held until an operator retries it: work on it panicked {MAX} times");
        }
        Ok(Some(None))
    }
}

/// What a panic says.
fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no more is known")
}

/// With so many panics since the start an entry is held.
const MAX: u32 = 3;

#[cfg(test)]
mod tests {
    use fieldpost_directory::Directory;
    use fieldpost_mailbox::{AccountId, Mailboxes};
    use fieldpost_store::{MemoryStore, Store};

    use super::*;
    use crate::{Addressee, Destination, Envelope, Relay, Settings, Submission};

    /// Where no attempt is to blame: the whole of the work panicked.
    #[tokio::test]
    async fn work_on_an_entry_as_a_whole_is_put_off_and_then_held() {
        let store: Arc<dyn Store> = MemoryStore::new();
        let settings = fieldpost_directory::Settings::default();
        let directory = Directory::open(Arc::clone(&store), settings).await.unwrap();
        let mailboxes = Mailboxes::new(store, fieldpost_mailbox::Settings::default());
        let settings = Settings {
            relay: Relay::Smarthost,
            ..Settings::default()
        };
        let transport = Transport::new(directory, mailboxes, settings);
        let address: crate::Address = "a@far.test".parse().unwrap();
        let incoming = transport.compose(AccountId(1), None).await.unwrap();
        let submission = Submission {
            account: AccountId(1),
            envelope: Envelope::default(),
            received: incoming.finish().await.unwrap(),
            recipients: vec![Addressee::new(
                address.clone(),
                Destination::Remote(address),
            )],
            copy: None,
        };
        let id = transport.submit(submission).await.unwrap().id.unwrap();
        let key = (id.account, id.entry);
        for count in 1..=MAX {
            transport.retry_soon(id).await;
            let work = async { panic!("number {count}") };
            let refusal = transport.guarded::<()>(key, work).await.unwrap_err();
            assert!(refusal.is_temporary());
            let due = transport.after_panic(key, &refusal).await;
            let entry = transport.queue_entry(id).await.unwrap().unwrap();
            assert_eq!(entry.recipients[0].attempts, count);
            assert_eq!(entry.recipients[0].last, Some(refusal));
            assert_eq!(entry.held, count == MAX);
            assert_eq!(due.is_none(), entry.held);
        }
        transport.drop_entry(id).await.unwrap();
        let refusal = Refusal::temporary();
        assert_eq!(transport.after_panic(key, &refusal).await, None, "gone");
    }

    impl Transport {
        /// Makes all of an entry due.
        async fn retry_soon(&self, id: QueueId) {
            let change = |entry: &fieldpost_mailbox::Outgoing| {
                let mut change = OutgoingChange::default();
                for (number, value) in entry.recipients() {
                    let mut pending = Pending::decode(value).unwrap();
                    pending.due = self.now();
                    change.recipients.insert(*number, Some(pending.encode()));
                }
                change
            };
            assert!(self.change_entry(id, change).await.unwrap());
        }
    }
}
