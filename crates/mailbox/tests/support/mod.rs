//! What the mailbox's tests share: a store in memory, a clock that stands still until told, small messages.

#![allow(dead_code)]

pub mod compare;
pub mod half_done;
pub mod model;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use fieldpost_mailbox::{
    Changes, ChangesSince, FolderId, Item, Mailbox, Mailboxes, NewItem, Received, Settings,
    SpecialUse,
};
use fieldpost_store::{AccountId, MemoryStore, Store};

pub const ALICE: AccountId = AccountId(1);
pub const BOB: AccountId = AccountId(2);

/// A clock that tests set.
#[derive(Clone)]
pub struct Time(Arc<AtomicI64>);

impl Time {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000)))
    }

    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub struct World {
    pub store: Arc<dyn Store>,
    pub time: Time,
    pub mailboxes: Arc<Mailboxes>,
}

impl World {
    pub fn new() -> Self {
        Self::with(MemoryStore::new(), |_| {})
    }

    pub fn with(store: Arc<dyn Store>, change: impl FnOnce(&mut Settings)) -> Self {
        let time = Time::new();
        let clock = time.clone();
        let mut settings = Settings {
            clock: Arc::new(move || clock.now()),
            ..Settings::default()
        };
        change(&mut settings);
        Self {
            mailboxes: Mailboxes::new(Arc::clone(&store), settings),
            store,
            time,
        }
    }

    pub async fn alice(&self) -> (Mailbox, FolderId) {
        let mailbox = self.mailboxes.open(ALICE).await.unwrap();
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
        (mailbox, inbox)
    }

    pub async fn receive(&self, bytes: &[u8]) -> Received {
        receive(&self.mailboxes, bytes).await
    }
}

pub async fn receive(mailboxes: &Mailboxes, bytes: &[u8]) -> Received {
    let mut incoming = mailboxes.receive(ALICE, None).await.unwrap();
    for chunk in bytes.chunks(777) {
        incoming.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    incoming.finish().await.unwrap()
}

pub fn message(number: u32) -> String {
    format!(
        "From: Sender {number} <s{number}@example.org>\r\nTo: alice@example.org\r\nSubject: Number {number}\r\n\
         Message-ID: <{number}@example.org>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nText {number}\r\n"
    )
}

pub async fn add(world: &World, mailbox: &Mailbox, folder: FolderId, number: u32) -> u32 {
    let received = world.receive(message(number).as_bytes()).await;
    mailbox
        .append(folder, &NewItem::new(received))
        .await
        .unwrap()
        .uid
}

pub async fn bytes_of(mailbox: &Mailbox, item: &Item) -> Bytes {
    let reader = mailbox.read(item, 0..u64::MAX).await.unwrap();
    reader.read_to_end(1 << 20).await.unwrap()
}

pub async fn uids(mailbox: &Mailbox, folder: FolderId) -> Vec<u32> {
    mailbox
        .view(folder)
        .await
        .unwrap()
        .rows()
        .map(|row| row.uid)
        .collect()
}

pub async fn changes(mailbox: &Mailbox, folder: FolderId, since: u64) -> Changes {
    match mailbox.changes(folder, since).await.unwrap() {
        ChangesSince::Known(changes) => changes,
        ChangesSince::TooOld { floor } => panic!("too old: {since} < {floor}"),
    }
}
