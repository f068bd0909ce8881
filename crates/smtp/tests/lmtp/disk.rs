//! What the client hears when the disk does not do as it should: never 250 for what is not durable.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use fieldpost_smtp::Settings;
use fieldpost_store::{
    AccountId, BodyId, BodyReader, BodyWriter, BoxFuture, Commit, Committed, Hold, Lsn,
    MemoryStore, Pair, Receipt, ReceiptSender, Scan, StageOptions, StagedBody, Store, StoreError,
    Subscription, Topics,
};
use parking_lot::Mutex;

use super::harness::{MESSAGE, Server, text};

/// A store in memory whose disk can be told to fail, or to take its time over a sync.
#[derive(Default)]
struct Disk {
    inner: Arc<MemoryStore>,
    fault: Arc<Mutex<Fault>>,
    /// Syncs that somebody waits for.
    syncs: Mutex<Vec<ReceiptSender>>,
    waiting: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Fault {
    #[default]
    None,
    /// No space for a new body.
    Stage,
    /// No space for more of a body, this many writes from now.
    Write(u32),
    /// No space to finish a body.
    Finish,
    /// No space for a commit.
    Commit,
    /// The sync fails, so the commit may or may not be there after a restart.
    Sync,
    /// The sync takes as long as the test says.
    Slow,
}

impl Disk {
    async fn server(self: &Arc<Self>) -> Server {
        let store = Arc::clone(self) as Arc<dyn Store>;
        let transport = fieldpost_transport::Settings::default();
        let server = Server::over(
            Arc::clone(&self.inner),
            store,
            Settings::default(),
            transport,
        )
        .await;
        // The folders are there before the disk fails.
        for name in ["alice", "bob"] {
            server.mailbox(name).await;
        }
        server
    }

    fn fails(&self, fault: Fault) -> Result<(), StoreError> {
        if *self.fault.lock() == fault {
            Err(StoreError::NoSpace)
        } else {
            Ok(())
        }
    }
}

impl Store for Disk {
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
            self.fails(Fault::Commit)?;
            let committed = self.inner.commit(commit).await?;
            let fault = *self.fault.lock();
            if !matches!(fault, Fault::Sync | Fault::Slow) {
                return Ok(committed);
            }
            let (sender, receipt) = Receipt::channel(Lsn(0));
            if fault == Fault::Sync {
                sender.resolve(Err(StoreError::ReadOnly {
                    reason: "EIO".to_owned(),
                }));
            } else {
                self.syncs.lock().push(sender);
                self.waiting.fetch_add(1, Ordering::SeqCst);
            }
            Ok(Committed::Accepted(receipt))
        })
    }

    fn stage_body(
        &self,
        options: StageOptions,
    ) -> BoxFuture<'_, Result<Box<dyn BodyWriter>, StoreError>> {
        Box::pin(async move {
            self.fails(Fault::Stage)?;
            let inner = self.inner.stage_body(options).await?;
            let fault = Arc::clone(&self.fault);
            Ok(Box::new(Writer { inner, fault }) as Box<dyn BodyWriter>)
        })
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

struct Writer {
    inner: Box<dyn BodyWriter>,
    fault: Arc<Mutex<Fault>>,
}

impl BodyWriter for Writer {
    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut fault = self.fault.lock();
        match &mut *fault {
            Fault::Write(0) => return Box::pin(async { Err(StoreError::NoSpace) }),
            Fault::Write(left) => *left -= 1,
            _ => {}
        }
        drop(fault);
        self.inner.write(chunk)
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<StagedBody, StoreError>> {
        if *self.fault.lock() == Fault::Finish {
            return Box::pin(async { Err(StoreError::NoSpace) });
        }
        self.inner.finish()
    }
}

/// ENOSPC at every write point: the message is read to its end, refused once for each recipient, and tried again with
/// success on the same connection once there is space.
#[tokio::test]
async fn no_space_at_any_point_is_told_and_the_connection_goes_on() {
    for fault in [
        Fault::Stage,
        Fault::Write(0),
        Fault::Write(1),
        Fault::Write(3),
        Fault::Finish,
        Fault::Commit,
    ] {
        let disk = Arc::new(Disk::default());
        let server = disk.server().await;
        let mut client = server.greeted().await;
        *disk.fault.lock() = fault;
        client.envelope(&["alice", "bob"]).await;
        client.ask("DATA", "354").await;
        client.send(text(200_000)).await;
        client.send(".\r\n").await;
        client.expect("452 4.3.1").await;
        client.expect("452 4.3.1").await;
        *disk.fault.lock() = Fault::None;
        assert_eq!(server.inbox("alice").await.len(), 0, "{fault:?}");
        assert_eq!(disk.inner.bodies(), 0, "{fault:?} left a body behind");
        client.envelope(&["alice", "bob"]).await;
        client.ask("DATA", "354").await;
        client.send(format!("{MESSAGE}.\r\n")).await;
        client.expect("250 2.0.0").await;
        client.expect("250 2.0.0").await;
        assert_eq!(server.inbox("bob").await.len(), 1);
    }
}

/// EIO on sync: the commit was accepted, and is not durable. The client must keep the message.
#[tokio::test]
async fn a_failed_sync_is_not_acknowledged() {
    let disk = Arc::new(Disk::default());
    let server = disk.server().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice"]).await;
    *disk.fault.lock() = Fault::Sync;
    client
        .send(format!("BDAT {} LAST\r\n{MESSAGE}", MESSAGE.len()))
        .await;
    client.expect("451 4.3.0").await;
}

/// No reply before the sync, and the replies in the order of RCPT whichever sync is first.
#[tokio::test]
async fn a_reply_waits_for_its_sync_and_keeps_its_place() {
    let disk = Arc::new(Disk::default());
    let server = disk.server().await;
    let mut client = server.greeted().await;
    client.envelope(&["alice", "bob"]).await;
    client.ask("DATA", "354").await;
    *disk.fault.lock() = Fault::Slow;
    client.send(format!("{MESSAGE}.\r\n")).await;
    while disk.waiting.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    let mut byte = [0];
    let quiet = client.stream.try_read(&mut byte);
    assert!(quiet.is_err(), "a reply before the sync");
    let mut syncs = std::mem::take(&mut *disk.syncs.lock());
    assert_eq!(syncs.len(), 2, "both deliveries are under way at once");
    // Bob's is durable first; his reply waits for Alice's.
    syncs.pop().unwrap().resolve(Ok(()));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(client.stream.try_read(&mut byte).is_err(), "out of order");
    syncs.pop().unwrap().resolve(Ok(()));
    client.expect("250 2.0.0 <alice@").await;
    client.expect("250 2.0.0 <bob@").await;
}
