//! What the core's operations cost in processor time, in an empty folder and in a full one.
//!
//! `cargo run --release -p fieldpost-mailbox --example cost [-- ITEMS]` (100,000 by default). The store is the one in memory, so
//! that no disk is measured; everything runs on one thread, whose own processor time is read from the kernel.

use std::{
    future::Future,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fieldpost_mailbox::{
    ChangesSince, Error, FlagUpdate, Flags, FolderId, Mailbox, Mailboxes, NewFolder, NewItem,
    Received, Settings, UidSet, UpdateMode,
};
use fieldpost_store::{AccountId, MemoryStore};

const MAIL: usize = 33 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let items: u32 = std::env::args()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(100_000);
    let settings = Settings {
        memory_budget: 1 << 30,
        ..Settings::default()
    };
    let mailboxes = Mailboxes::new(MemoryStore::new(), settings);
    let mailbox = mailboxes.open(AccountId(1)).await?;
    let empty = folder(&mailbox, "empty").await?;
    let cold = folder(&mailbox, "cold").await?;
    let full = folder(&mailbox, "full").await?;
    for folder in [cold, full] {
        fill(&mailboxes, &mailbox, folder, items).await?;
    }
    println!("{items} items in a folder, mails of {MAIL} bytes, processor time of one operation:");

    let received = take_in(&mailboxes, 1).await?;
    measure(
        "take a mail in (scan, hash, store its body)",
        300,
        async |number| {
            black_box(take_in(&mailboxes, number).await?);
            Ok(())
        },
    )
    .await?;
    mailboxes.forget_all().await;
    mailbox.view(full).await?;
    mailbox.view(empty).await?;
    append(
        "append to an empty folder in memory",
        &mailbox,
        empty,
        &received,
    )
    .await?;
    append(
        "append to the full folder in memory",
        &mailbox,
        full,
        &received,
    )
    .await?;
    append(
        "append to a full folder not in memory",
        &mailbox,
        cold,
        &received,
    )
    .await?;
    measure(
        "append to the full folder while a client looks at it",
        2000,
        async |_| {
            mailbox
                .append(full, &NewItem::new(received.clone()))
                .await?;
            black_box(mailbox.view(full).await?);
            Ok(())
        },
    )
    .await?;

    measure("read the full folder from the store", 20, async |_| {
        mailboxes.forget_all().await;
        black_box(mailbox.view(full).await?);
        Ok(())
    })
    .await?;
    println!("{:>12} bytes of memory", mailboxes.memory());
    measure("walk the flags of all items", 50, async |_| {
        let view = mailbox.view(full).await?;
        let seen = view
            .rows()
            .filter(|row| row.flags.contains(Flags::SEEN))
            .count();
        black_box(seen);
        Ok(())
    })
    .await?;
    let since = mailbox.folder(full).await?.highest_mod_seq;
    let ten: UidSet = (1..=10).map(|number| number * (items / 11)).collect();
    let update = FlagUpdate::flags(UpdateMode::Add, Flags::FLAGGED);
    mailbox.update_flags(full, &ten, &update, None).await?;
    measure(
        "what changed since, 10 items, in memory",
        5000,
        async |_| changes(&mailbox, full, since).await,
    )
    .await?;
    measure(
        "what changed since, 10 items, not in memory",
        100,
        async |_| {
            mailboxes.forget_all().await;
            changes(&mailbox, full, since).await
        },
    )
    .await?;
    mailbox.view(full).await?;
    measure("set a flag of one item", 2000, async |number| {
        let mode = [UpdateMode::Add, UpdateMode::Remove][number as usize % 2];
        let one = UidSet::from_iter([1 + number / 2 * 37 % items]);
        let update = FlagUpdate::flags(mode, Flags::ANSWERED);
        mailbox.update_flags(full, &one, &update, None).await?;
        Ok(())
    })
    .await?;
    measure("the newest 100 by window date", 200, async |_| {
        let view = mailbox.view(full).await?;
        black_box(view.by_window_date(0..=i64::MAX, None, 100));
        Ok(())
    })
    .await
}

async fn append(
    what: &str,
    mailbox: &Mailbox,
    folder: FolderId,
    received: &Received,
) -> Result<(), Error> {
    measure(what, 3000, async |_| {
        mailbox
            .append(folder, &NewItem::new(received.clone()))
            .await?;
        Ok(())
    })
    .await
}

async fn changes(mailbox: &Mailbox, folder: FolderId, since: u64) -> Result<(), Error> {
    if let ChangesSince::Known(changes) = mailbox.changes(folder, since).await? {
        assert_eq!(changes.changed.len(), 10);
    }
    Ok(())
}

async fn folder(mailbox: &Mailbox, name: &str) -> Result<FolderId, Error> {
    let new = NewFolder {
        name: name.to_owned(),
        ..NewFolder::default()
    };
    Ok(mailbox.create_folder(&new).await?.id)
}

/// Fills a folder with one small mail many times; what the items are does not matter for the index.
async fn fill(
    mailboxes: &Arc<Mailboxes>,
    mailbox: &Mailbox,
    folder: FolderId,
    items: u32,
) -> Result<(), Error> {
    let mut incoming = mailboxes.receive(AccountId(1), None).await?;
    let text = "Message-ID: <same@x>\r\nSubject: filling\r\n\r\ntext\r\n";
    incoming.write(Bytes::from_static(text.as_bytes())).await?;
    let mut new = NewItem::new(incoming.finish().await?);
    for number in 0..items {
        new.internal_date = Some(1_700_000_000 + i64::from(number) * 60);
        mailbox.append(folder, &new).await?;
    }
    Ok(())
}

async fn take_in(mailboxes: &Arc<Mailboxes>, number: u32) -> Result<Received, Error> {
    let mut incoming = mailboxes.receive(AccountId(1), Some(MAIL as u64)).await?;
    let mut text = format!(
        "Return-Path: <sender@example.org>\r\nReceived: from a by b; Mon, 23 Nov 2026 10:00:00 +0000\r\n\
         From: Some Sender <sender@example.org>\r\nTo: alice@example.org\r\nSubject: Re: Number {number}\r\n\
         Message-ID: <{number}@example.org>\r\nIn-Reply-To: <{}@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n\
         --b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        number / 2
    );
    while text.len() < MAIL - 10 {
        text.push_str(
            "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n",
        );
    }
    text.push_str("--b--\r\n");
    let text = Bytes::from(text);
    for chunk in text.chunks(8192) {
        incoming.write(text.slice_ref(chunk)).await?;
    }
    incoming.finish().await
}

async fn measure<F: Future<Output = Result<(), Error>>>(
    what: &str,
    times: u32,
    operation: impl Fn(u32) -> F,
) -> Result<(), Error> {
    let (start, clock) = (processor_time(), Instant::now());
    for number in 0..times {
        operation(number).await?;
    }
    let spent = match (start, processor_time()) {
        (Some(start), Some(end)) => end.saturating_sub(start),
        _ => clock.elapsed(),
    };
    println!("{:>12.2?}  {what}", spent / times);
    Ok(())
}

/// What the kernel has given to this thread so far (Linux).
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let spent = stat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(spent))
}
