//! What a header costs that is in memory, and one that is not.
//!
//! `cargo run --release -p fieldpost-mailbox --example header_cost`: 10,000 messages with a header of 2 KB each. The store is the one
//! in memory, so what is not in memory costs more in life than it does here.

use std::{hint::black_box, time::Instant};

use bytes::Bytes;
use fieldpost_mailbox::{Error, Header, Item, Mailbox, Mailboxes, NewFolder, NewItem, Settings};
use fieldpost_store::{AccountId, MemoryStore};

const MESSAGES: u32 = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mailboxes = Mailboxes::new(MemoryStore::new(), Settings::default());
    let mailbox = mailboxes.open(AccountId(1)).await?;
    let new = NewFolder {
        name: "headers".to_owned(),
        ..NewFolder::default()
    };
    let folder = mailbox.create_folder(&new).await?.id;
    for number in 0..MESSAGES {
        let mut incoming = mailboxes.receive(AccountId(1), None).await?;
        let header = format!(
            "Subject: {number}\r\nX-Filling: {}\r\n\r\n",
            "x".repeat(2_000)
        );
        incoming.write(Bytes::from(header)).await?;
        let mut new = NewItem::new(incoming.finish().await?);
        new.prefix = Bytes::from_static(b"Return-Path: <a@b>\r\n");
        mailbox.append(folder, &new).await?;
    }
    let start = Instant::now();
    let mut items = Vec::new();
    while items.len() < MESSAGES as usize {
        let next = items.last().map_or(1, |item: &Item| item.uid() + 1);
        let more = mailbox.items(folder, next..=u32::MAX, 1_000).await?;
        if more.is_empty() {
            break;
        }
        items.extend(more);
    }
    report("read the items' records", start);
    let start = Instant::now();
    look(&mailbox, &items).await?;
    report("headers from the store", start);
    for _ in 0..3 {
        let start = Instant::now();
        look(&mailbox, &items).await?;
        report("headers in memory", start);
    }
    println!(
        "{:>8} bytes of memory a header",
        mailboxes.header_memory() / items.len()
    );
    Ok(())
}

async fn look(mailbox: &Mailbox, items: &[Item]) -> Result<(), Error> {
    for item in items {
        match mailbox.header(item).await? {
            Header::Whole { prefix, own } => drop(black_box((prefix, own))),
            Header::Long(reader) => drop(black_box(reader)),
        }
    }
    Ok(())
}

fn report(what: &str, start: Instant) {
    let each = start.elapsed().as_secs_f64() / f64::from(MESSAGES);
    println!("{:>8.3} µs  {what}", each * 1e6);
}
