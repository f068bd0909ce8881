//! Raw headers, from the store and from memory.

#![allow(clippy::unwrap_used)]

mod support;

use bytes::Bytes;
use fieldpost_mailbox::{Header, Item, Mailbox, NewItem};
use fieldpost_store::MemoryStore;
use support::{ALICE, BOB, World};

const MESSAGE: &str = "Subject: x\r\nFrom: a@b\r\n\r\nbody\r\n";
const PREFIX: &str = "Return-Path: <a@b>\r\n";

async fn put(world: &World, message: &str, prefix: &'static str) -> Vec<(Mailbox, Item)> {
    let mut incoming = world.mailboxes.receive(ALICE, None).await.unwrap();
    incoming
        .write(Bytes::copy_from_slice(message.as_bytes()))
        .await
        .unwrap();
    let mut new = NewItem::new(incoming.finish().await.unwrap());
    new.prefix = Bytes::from_static(prefix.as_bytes());
    let mut items = Vec::new();
    for account in [ALICE, BOB] {
        let mailbox = world.mailboxes.open(account).await.unwrap();
        let inbox = mailbox.folders().await.unwrap()[0].id;
        let uid = mailbox.append(inbox, &new).await.unwrap().uid;
        let item = mailbox.item(inbox, uid).await.unwrap();
        items.push((mailbox, item));
    }
    items
}

async fn whole(mailbox: &Mailbox, item: &Item) -> String {
    match mailbox.header(item).await.unwrap() {
        Header::Whole { prefix, own } => String::from_utf8([&prefix[..], &own].concat()).unwrap(),
        Header::Long(_) => panic!("a long header"),
    }
}

#[tokio::test]
async fn two_mailboxes_share_one_header() {
    let world = World::new();
    let items = put(&world, MESSAGE, PREFIX).await;
    let expected = format!("{PREFIX}Subject: x\r\nFrom: a@b\r\n\r\n");
    assert_eq!(world.mailboxes.header_memory(), 0);
    let (mailbox, item) = &items[0];
    assert_eq!(whole(mailbox, item).await, expected);
    let memory = world.mailboxes.header_memory();
    assert!(memory > 0);
    let (mailbox, item) = &items[1];
    assert_eq!(whole(mailbox, item).await, expected);
    assert_eq!(world.mailboxes.header_memory(), memory);
    world.mailboxes.forget_all().await;
    assert_eq!(world.mailboxes.header_memory(), 0);
    assert_eq!(whole(mailbox, item).await, expected);
}

#[tokio::test]
async fn no_header_and_a_long_one() {
    let world = World::with(MemoryStore::new(), |settings| settings.header_memory = 0);
    let items = put(&world, "no header", "").await;
    assert_eq!(whole(&items[0].0, &items[0].1).await, "");
    let long = format!("Subject: {}\r\n\r\nbody", "x".repeat(70_000));
    let items = put(&world, &long, PREFIX).await;
    let (mailbox, item) = &items[0];
    let Header::Long(reader) = mailbox.header(item).await.unwrap() else {
        panic!("a whole header");
    };
    let read = reader.read_to_end(100_000).await.unwrap();
    assert_eq!(read, format!("{PREFIX}{}", &long[..long.len() - 4]));
}
