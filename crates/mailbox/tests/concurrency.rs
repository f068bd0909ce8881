//! Many at once on one account, and what happens when the store fails under them.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fieldpost_mailbox::{
    ChangesSince, Depth, Error, Expunge, FlagUpdate, Flags, Mailboxes, NewItem, Settings,
    SpecialUse, UidSet, UpdateMode,
};
use fieldpost_store::{
    AccountId, BodyId, BodyReader, BodyWriter, BoxFuture, Commit, Committed, Hold, MemoryStore,
    Pair, Receipt, ReceiptSender, Scan, StageOptions, Store, StoreError, Subscription, Topics,
};
use parking_lot::Mutex;
use support::*;

/// Appends, expunges, flags and readers in parallel: no uid twice, nothing lost, counters exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_on_one_account() {
    let world = Arc::new(World::with(MemoryStore::new(), |settings| {
        settings.memory_budget = 60_000;
    }));
    let (mailbox, inbox) = world.alice().await;
    let sent = mailbox.special(SpecialUse::Sent).await.unwrap().id;
    let mut tasks = Vec::new();
    for task in 0..8u32 {
        let (world, mailbox) = (Arc::clone(&world), mailbox.clone());
        tasks.push(tokio::spawn(async move {
            let mut own = Vec::new();
            for number in 0..40 {
                own.push(add(&world, &mailbox, inbox, task * 1000 + number).await);
                if number % 5 == 4 {
                    let uid = own.remove(0);
                    let gone = mailbox
                        .expunge(inbox, &UidSet::from_iter([uid]), Expunge::All)
                        .await
                        .unwrap();
                    assert_eq!(gone.uids, [uid]);
                }
                if number % 7 == 0 {
                    let seen = FlagUpdate::flags(UpdateMode::Add, Flags::SEEN);
                    mailbox
                        .update_flags(inbox, &UidSet::all(), &seen, None)
                        .await
                        .unwrap();
                    mailbox
                        .copy(inbox, &UidSet::from_iter([own[0]]), sent)
                        .await
                        .unwrap();
                }
            }
            own
        }));
    }
    let reader = {
        let mailbox = mailbox.clone();
        tokio::spawn(async move {
            let mut watch = mailbox.watch([inbox]);
            let mut last = 0;
            while last < 8 * 40 {
                watch.next().await.unwrap();
                let view = mailbox.view(inbox).await.unwrap();
                assert!(
                    view.rows()
                        .map(|row| row.uid)
                        .is_sorted_by(|one, next| one < next)
                );
                assert!(
                    view.rows()
                        .all(|row| row.uid < view.uid_next && row.mod_seq <= view.highest_mod_seq)
                );
                last = view.uid_next - 1;
            }
        })
    };
    let mut left = BTreeSet::new();
    for task in tasks {
        for uid in task.await.unwrap() {
            assert!(left.insert(uid), "uid {uid} was given twice");
        }
    }
    reader.await.unwrap();
    assert_eq!(
        uids(&mailbox, inbox).await,
        left.into_iter().collect::<Vec<_>>()
    );
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
    assert_eq!(world.mailboxes.check_holds(false).await.unwrap(), []);
}

/// Two processes (two sets of caches) on one store: each other's commits are conflicts, which are tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_caches_on_one_store_never_give_a_uid_twice() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let one = World::with(store.clone(), |_| {});
    let other = World::with(store, |_| {});
    let (mailbox, inbox) = one.alice().await;
    let (again, _) = other.alice().await;
    let mut given = BTreeSet::new();
    for number in 0..40 {
        let (a, b) = tokio::join!(
            add(&one, &mailbox, inbox, number),
            add(&other, &again, inbox, 100 + number)
        );
        assert!(given.insert(a) && given.insert(b));
    }
    one.mailboxes.forget_all().await;
    assert_eq!(uids(&mailbox, inbox).await.len(), 80);
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}

/// A store whose receipts resolve when told: the window between accepted and durable held open.
struct Slow {
    inner: Arc<MemoryStore>,
    held: AtomicBool,
    waiting: Mutex<Vec<ReceiptSender>>,
    /// A commit that is published does not return to who made it before it has this.
    returning: tokio::sync::Mutex<()>,
}

impl Slow {
    fn release(&self, result: &Result<(), StoreError>) {
        self.held.store(false, Ordering::SeqCst);
        for sender in std::mem::take(&mut *self.waiting.lock()) {
            sender.resolve(result.clone());
        }
    }
}

impl Store for Slow {
    fn get<'a>(
        &'a self,
        account: AccountId,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        self.inner.get(account, key)
    }
    fn scan(&self, account: AccountId, scan: Scan) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        self.inner.scan(account, scan)
    }
    fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<AccountId>, StoreError>> {
        self.inner.accounts(after, limit)
    }
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let committed = self.inner.commit(commit).await?;
            let _returning = self.returning.lock().await;
            match committed {
                Committed::Accepted(receipt) if self.held.load(Ordering::SeqCst) => {
                    let (sender, receipt) = Receipt::channel(receipt.lsn());
                    self.waiting.lock().push(sender);
                    Ok(Committed::Accepted(receipt))
                }
                committed => Ok(committed),
            }
        })
    }
    fn stage_body(
        &self,
        options: StageOptions,
    ) -> BoxFuture<'_, Result<Box<dyn BodyWriter>, StoreError>> {
        self.inner.stage_body(options)
    }
    fn body(
        &self,
        id: BodyId,
        range: Range<u64>,
    ) -> BoxFuture<'_, Result<Box<dyn BodyReader>, StoreError>> {
        self.inner.body(id, range)
    }
    fn holds(
        &self,
        after: Option<Hold>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Hold>, StoreError>> {
        self.inner.holds(after, limit)
    }
    fn subscribe(&self, account: AccountId, topics: Topics) -> Subscription {
        self.inner.subscribe(account, topics)
    }
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}

async fn slow_world() -> (Arc<Slow>, Arc<Mailboxes>) {
    let slow = Arc::new(Slow {
        inner: MemoryStore::new(),
        held: AtomicBool::new(false),
        waiting: Mutex::default(),
        returning: tokio::sync::Mutex::default(),
    });
    let mailboxes = Mailboxes::new(slow.clone(), Settings::default());
    mailboxes.open(ALICE).await.unwrap();
    (slow, mailboxes)
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// Fault "power loss": a uid that a client was told must not be given again, so nothing is shown before it is durable,
/// while the next writer goes on at once.
#[tokio::test]
async fn nothing_is_shown_before_it_is_durable_and_the_next_writer_does_not_wait() {
    let (slow, mailboxes) = slow_world().await;
    let mailbox = mailboxes.open(ALICE).await.unwrap();
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    mailbox.view(inbox).await.unwrap();
    slow.held.store(true, Ordering::SeqCst);
    let mut tasks = Vec::new();
    for number in 0..3 {
        let (mailbox, received) = (
            mailbox.clone(),
            receive(&mailboxes, message(number).as_bytes()).await,
        );
        tasks.push(tokio::spawn(async move {
            mailbox.append(inbox, &NewItem::new(received)).await
        }));
    }
    // All three are accepted though none is durable.
    until(|| slow.waiting.lock().len() == 3).await;
    let shown = tokio::time::timeout(Duration::from_millis(20), mailbox.folder(inbox)).await;
    assert!(shown.is_err(), "shown before it is durable");
    assert!(tasks.iter().all(|task| !task.is_finished()));
    slow.release(&Ok(()));
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(mailbox.folder(inbox).await.unwrap().counters.exists, 3);
}

/// Fault "EIO on fsync": the caller hears of it, and what was cached on top of it is read again.
#[tokio::test]
async fn a_commit_that_does_not_become_durable_is_an_error_and_the_cache_is_dropped() {
    let (slow, mailboxes) = slow_world().await;
    let mailbox = mailboxes.open(ALICE).await.unwrap();
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    slow.held.store(true, Ordering::SeqCst);
    let received = receive(&mailboxes, message(1).as_bytes()).await;
    let append = {
        let mailbox = mailbox.clone();
        tokio::spawn(async move { mailbox.append(inbox, &NewItem::new(received)).await })
    };
    until(|| slow.waiting.lock().len() == 1).await;
    let waits = {
        let mailbox = mailbox.clone();
        tokio::spawn(async move { mailbox.view(inbox).await })
    };
    tokio::task::yield_now().await;
    let failed = Err(StoreError::ReadOnly {
        reason: "sync failed".into(),
    });
    slow.release(&failed);
    assert!(matches!(
        append.await.unwrap(),
        Err(Error::Store(StoreError::ReadOnly { .. }))
    ));
    // Who waited is shown what the store says now, whatever that kept; nobody waits for what will never be durable.
    assert_eq!(waits.await.unwrap().unwrap().len(), 1);
    assert_eq!(mailbox.view(inbox).await.unwrap().len(), 1);
}

/// A store publishes a commit when it is durable, and whoever hears of it looks at once: before it is told, the state has to
/// have followed, or the one look that it takes shows nothing new, and nothing comes to make it look again.
#[tokio::test]
async fn a_change_is_not_told_before_it_is_to_be_seen() {
    let (slow, mailboxes) = slow_world().await;
    let mailbox = mailboxes.open(ALICE).await.unwrap();
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let before = mailbox.view(inbox).await.unwrap().highest_mod_seq;
    let mut watch = mailbox.watch([inbox]);
    let mut published = slow.subscribe(ALICE, Topics::All);
    let returning = slow.returning.lock().await;
    let received = receive(&mailboxes, message(1).as_bytes()).await;
    let append = {
        let mailbox = mailbox.clone();
        tokio::spawn(async move { mailbox.append(inbox, &NewItem::new(received)).await })
    };
    published.next().await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(20), watch.next()).await;
    assert!(early.is_err(), "told of what is not to be seen");
    drop(returning);
    assert_eq!(watch.next().await.unwrap()[0].0, inbox);
    let ChangesSince::Known(changes) = mailbox.changes(inbox, before).await.unwrap() else {
        panic!("nothing is that old")
    };
    assert_eq!(changes.changed.len(), 1);
    append.await.unwrap().unwrap();
}

/// A connection that breaks while its commit is under way leaves no stale cache behind.
#[tokio::test]
async fn a_caller_who_goes_away_takes_nothing_back() {
    let (slow, mailboxes) = slow_world().await;
    let mailbox = mailboxes.open(ALICE).await.unwrap();
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    slow.held.store(true, Ordering::SeqCst);
    let received = receive(&mailboxes, message(1).as_bytes()).await;
    let append = {
        let mailbox = mailbox.clone();
        tokio::spawn(async move { mailbox.append(inbox, &NewItem::new(received)).await })
    };
    until(|| slow.waiting.lock().len() == 1).await;
    append.abort();
    assert!(append.await.unwrap_err().is_cancelled());
    slow.release(&Ok(()));
    assert_eq!(uids(&mailbox, inbox).await, [1]);
    assert_eq!(mailbox.folder(inbox).await.unwrap().uid_next, 2);
}

/// Invariant: memory is bounded, however many accounts and folders are in use.
#[tokio::test]
async fn memory_stays_within_its_budget() {
    let world = World::with(MemoryStore::new(), |settings| {
        settings.memory_budget = 100_000;
    });
    let mut highest = 0;
    for account in 1..60 {
        let mailbox = world.mailboxes.open(AccountId(account)).await.unwrap();
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
        for number in 0..20 {
            add(&world, &mailbox, inbox, number).await;
        }
        mailbox.view(inbox).await.unwrap();
        highest = highest.max(world.mailboxes.memory());
    }
    assert!(highest <= 110_000, "{highest} bytes");
    for account in 1..60 {
        let mailbox = world.mailboxes.open(AccountId(account)).await.unwrap();
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
        assert_eq!(uids(&mailbox, inbox).await.len(), 20);
    }
}
