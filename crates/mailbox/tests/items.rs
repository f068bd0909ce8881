//! Items: appending, reading, flags, copies, moves, expunges.

#![allow(clippy::unwrap_used)]

mod support;

use bytes::Bytes;
use fieldpost_mailbox::{
    Error, Expunge, FlagUpdate, Flags, Limits, NewItem, SpecialUse, UidSet, UpdateMode,
};
use fieldpost_store::MemoryStore;
use support::*;

#[tokio::test]
async fn an_item_is_read_back_with_its_prefix_counted() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let text = message(1);
    let prefix = "Return-Path: <s@example.org>\r\nDelivered-To: alice@example.org\r\n";
    let mut new = NewItem::new(world.receive(text.as_bytes()).await);
    new.prefix = Bytes::from_static(prefix.as_bytes());
    new.flags = Flags::FLAGGED;
    new.keywords = vec!["$Forwarded".into()];
    let appended = mailbox.append(inbox, &new).await.unwrap();
    assert_eq!(appended.uid, 1);

    let whole = format!("{prefix}{text}");
    let item = mailbox.item(inbox, 1).await.unwrap();
    assert_eq!(item.size(), whole.len() as u64);
    assert_eq!(bytes_of(&mailbox, &item).await, whole);
    for (start, end) in [
        (0, 5),
        (60, 70),
        (63, 64),
        (64, 70),
        (70, 1_000_000),
        (5_000, 6_000),
        (7, 7),
    ] {
        let reader = mailbox.read(&item, start..end).await.unwrap();
        let expected =
            &whole.as_bytes()[(start as usize).min(whole.len())..(end as usize).min(whole.len())];
        assert_eq!(reader.remaining(), expected.len() as u64);
        assert_eq!(reader.read_to_end(1 << 20).await.unwrap(), expected);
    }
    let summary = item.summary().unwrap();
    assert_eq!(summary.size, whole.len() as u64);
    let body = summary.structure.body_range();
    assert_eq!(&whole[body.start as usize..body.end as usize], "Text 1\r\n");
    assert_eq!(summary.envelope.subject.as_deref(), Some("Number 1"));

    let view = mailbox.view(inbox).await.unwrap();
    let row = view.by_uid(1).unwrap();
    assert_eq!(row.size, whole.len() as u64);
    assert_eq!(row.flags, Flags::FLAGGED);
    let labels = mailbox.labels().await.unwrap();
    assert_eq!(
        labels.keywords(row.labels).collect::<Vec<_>>(),
        ["$Forwarded"]
    );
    let counters = mailbox.folder(inbox).await.unwrap().counters;
    assert_eq!(
        (counters.exists, counters.unseen, counters.size),
        (1, 1, row.size)
    );
}

#[tokio::test]
async fn a_message_without_a_header_gets_an_empty_line_behind_its_prefix() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let mut new = NewItem::new(world.receive(b"just text, no header\r\n").await);
    let has_header = new.received.summary().header_len > 0;
    new.prefix = Bytes::from_static(b"Return-Path: <>\r\n");
    let uid = mailbox.append(inbox, &new).await.unwrap().uid;
    let item = mailbox.item(inbox, uid).await.unwrap();
    let bytes = bytes_of(&mailbox, &item).await;
    assert_eq!(
        bytes.starts_with(b"Return-Path: <>\r\n\r\njust"),
        !has_header
    );
}

#[tokio::test]
async fn one_received_message_goes_to_many_mailboxes_and_its_body_is_kept_once() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |_| {});
    let (alice, inbox) = world.alice().await;
    let bob = world.mailboxes.open(BOB).await.unwrap();
    let received = world.receive(message(1).as_bytes()).await;
    let one = alice
        .append(inbox, &NewItem::new(received.clone()))
        .await
        .unwrap();
    let other = bob.append(inbox, &NewItem::new(received)).await.unwrap();
    assert_eq!(store.bodies(), 1);
    alice
        .expunge(inbox, &UidSet::all(), Expunge::All)
        .await
        .unwrap();
    assert_eq!(store.bodies(), 1);
    let item = bob.item(inbox, other.uid).await.unwrap();
    assert_eq!(bytes_of(&bob, &item).await, message(1));
    bob.expunge(inbox, &UidSet::all(), Expunge::All)
        .await
        .unwrap();
    assert_eq!(store.bodies(), 0);
    assert!(matches!(
        alice.item(inbox, one.uid).await,
        Err(Error::NoSuchItem { .. })
    ));
}

#[tokio::test]
async fn flags_change_only_where_they_differ_and_nobody_else_was_quicker() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    for number in 1..=5 {
        add(&world, &mailbox, inbox, number).await;
    }
    let since = mailbox.folder(inbox).await.unwrap().highest_mod_seq;
    let seen = FlagUpdate::flags(UpdateMode::Add, Flags::SEEN);
    let stored = mailbox
        .update_flags(inbox, &UidSet::from_iter([2, 3, 99]), &seen, None)
        .await
        .unwrap();
    assert_eq!(
        stored.changed.iter().map(|row| row.uid).collect::<Vec<_>>(),
        [2, 3]
    );
    let again = mailbox
        .update_flags(inbox, &UidSet::from_iter([2, 3]), &seen, None)
        .await
        .unwrap();
    assert_eq!((again.changed.len(), again.mod_seq), (0, 0));
    let flagged = FlagUpdate::flags(UpdateMode::Replace, Flags::FLAGGED);
    let stored = mailbox
        .update_flags(inbox, &UidSet::all(), &flagged, Some(since))
        .await
        .unwrap();
    assert_eq!(stored.modified, [2, 3]);
    assert_eq!(stored.changed.len(), 3);
    assert_eq!(changes(&mailbox, inbox, since).await.changed.len(), 5);
    assert_eq!(changes(&mailbox, inbox, stored.mod_seq).await.changed, []);
    assert_eq!(mailbox.folder(inbox).await.unwrap().counters.unseen, 3);
}

#[tokio::test]
async fn categories_and_keywords_are_one_set_for_all_protocols() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    add(&world, &mailbox, inbox, 1).await;
    let one = UidSet::from_iter([1]);
    let set = FlagUpdate::categories(UpdateMode::Replace, ["Red (urgent)", "Home"]);
    mailbox.update_flags(inbox, &one, &set, None).await.unwrap();
    let set = FlagUpdate::keywords(UpdateMode::Add, ["$Junk"]);
    mailbox.update_flags(inbox, &one, &set, None).await.unwrap();
    let set = FlagUpdate::keywords(UpdateMode::Remove, ["$home", "$never-seen"]);
    mailbox.update_flags(inbox, &one, &set, None).await.unwrap();
    let row = *mailbox.view(inbox).await.unwrap().by_uid(1).unwrap();
    let labels = mailbox.labels().await.unwrap();
    assert_eq!(
        labels.keywords(row.labels).collect::<Vec<_>>(),
        ["$Red_+28urgent+29", "$Junk"]
    );
    assert_eq!(
        labels.categories(row.labels).collect::<Vec<_>>(),
        ["Red (urgent)"]
    );
    let set = FlagUpdate::categories(UpdateMode::Replace, Vec::<String>::new());
    mailbox.update_flags(inbox, &one, &set, None).await.unwrap();
    let row = *mailbox.view(inbox).await.unwrap().by_uid(1).unwrap();
    assert_eq!(labels.keywords(row.labels).collect::<Vec<_>>(), ["$Junk"]);
    let bad = FlagUpdate::keywords(UpdateMode::Add, ["two words"]);
    assert!(matches!(
        mailbox.update_flags(inbox, &one, &bad, None).await,
        Err(Error::BadKeyword(_))
    ));
}

#[tokio::test]
async fn a_copy_shares_content_and_body_and_a_move_leaves_a_tombstone() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |_| {});
    let (mailbox, inbox) = world.alice().await;
    let archive = mailbox.special(SpecialUse::Archive).await.unwrap().id;
    add(&world, &mailbox, inbox, 1).await;
    add(&world, &mailbox, inbox, 2).await;
    let before = *mailbox.view(inbox).await.unwrap().by_uid(2).unwrap();
    let copied = mailbox
        .copy(inbox, &UidSet::from_iter([2]), archive)
        .await
        .unwrap();
    assert_eq!(copied.uids, [(2, 1)]);
    let moved = mailbox
        .move_items(inbox, &UidSet::from_iter([2]), archive)
        .await
        .unwrap();
    assert_eq!(moved.uids, [(2, 2)]);
    let view = mailbox.view(archive).await.unwrap();
    for row in view.rows() {
        assert_eq!((row.content, row.thread), (before.content, before.thread));
        assert_ne!(row.entry, before.entry);
        let item = mailbox.item(archive, row.uid).await.unwrap();
        assert_eq!(bytes_of(&mailbox, &item).await, message(2));
    }
    assert_eq!(uids(&mailbox, inbox).await, [1]);
    let gone = changes(&mailbox, inbox, copied.mod_seq).await.gone;
    assert_eq!(
        (gone.len(), gone[0].uid, gone[0].entry),
        (1, 2, before.entry)
    );
    assert_eq!(mailbox.quota().await.unwrap().used_items, 3);
    mailbox
        .expunge(archive, &UidSet::all(), Expunge::All)
        .await
        .unwrap();
    assert_eq!(store.bodies(), 1);
}

#[tokio::test]
async fn moving_within_a_folder_takes_each_item_once() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    for number in 1..=3 {
        add(&world, &mailbox, inbox, number).await;
    }
    let moved = mailbox
        .move_items(inbox, &UidSet::all(), inbox)
        .await
        .unwrap();
    assert_eq!(moved.uids, [(1, 4), (2, 5), (3, 6)]);
    assert_eq!(uids(&mailbox, inbox).await, [4, 5, 6]);
    let copied = mailbox.copy(inbox, &UidSet::all(), inbox).await.unwrap();
    assert_eq!(copied.uids.len(), 3);
    assert_eq!(uids(&mailbox, inbox).await, [4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn expunge_takes_only_what_it_is_told() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    for number in 1..=5 {
        add(&world, &mailbox, inbox, number).await;
    }
    let deleted = FlagUpdate::flags(UpdateMode::Add, Flags::DELETED);
    mailbox
        .update_flags(inbox, &UidSet::from_iter([2, 4]), &deleted, None)
        .await
        .unwrap();
    assert_eq!(mailbox.folder(inbox).await.unwrap().counters.deleted, 2);
    let expunged = mailbox
        .expunge(inbox, &UidSet::from_ranges([1..=3]), Expunge::Deleted)
        .await
        .unwrap();
    assert_eq!(expunged.uids, [2]);
    assert_eq!(uids(&mailbox, inbox).await, [1, 3, 4, 5]);
    let nothing = mailbox
        .expunge(inbox, &UidSet::from_iter([2]), Expunge::All)
        .await
        .unwrap();
    assert_eq!((nothing.uids.len(), nothing.mod_seq), (0, 0));
    let counters = mailbox.folder(inbox).await.unwrap().counters;
    assert_eq!((counters.exists, counters.deleted), (4, 1));
}

/// Fault 19 (APPEND over quota): refused, nothing kept.
#[tokio::test]
async fn an_item_over_quota_is_refused_and_nothing_of_it_stays() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |_| {});
    let (mailbox, inbox) = world.alice().await;
    add(&world, &mailbox, inbox, 1).await;
    let size = message(1).len() as u64;
    mailbox
        .set_quota(Limits {
            bytes: 2 * size,
            items: 0,
        })
        .await
        .unwrap();
    add(&world, &mailbox, inbox, 2).await;
    let received = world.receive(message(3).as_bytes()).await;
    let refused = mailbox.append(inbox, &NewItem::new(received)).await;
    assert!(matches!(
        refused,
        Err(Error::OverQuota { what: "bytes", .. })
    ));
    assert!(matches!(
        mailbox.copy(inbox, &UidSet::all(), inbox).await,
        Err(Error::OverQuota { .. })
    ));
    assert_eq!(uids(&mailbox, inbox).await, [1, 2]);
    assert_eq!(store.bodies(), 2);
    let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id;
    mailbox
        .move_items(inbox, &UidSet::all(), trash)
        .await
        .unwrap();
    mailbox
        .set_quota(Limits { bytes: 0, items: 2 })
        .await
        .unwrap();
    let received = world.receive(message(3).as_bytes()).await;
    let refused = mailbox.append(inbox, &NewItem::new(received)).await;
    assert!(matches!(
        refused,
        Err(Error::OverQuota { what: "items", .. })
    ));
    mailbox
        .expunge(trash, &UidSet::from_iter([1]), Expunge::All)
        .await
        .unwrap();
    add(&world, &mailbox, inbox, 3).await;
    assert_eq!(mailbox.quota().await.unwrap().used_items, 2);
}

#[tokio::test]
async fn a_message_larger_than_the_settings_allow_is_refused_as_it_comes() {
    let world = World::with(MemoryStore::new(), |settings| settings.max_item_size = 100);
    assert!(matches!(
        world.mailboxes.receive(ALICE, Some(101)).await,
        Err(Error::ItemTooLarge { .. })
    ));
    let mut incoming = world.mailboxes.receive(ALICE, None).await.unwrap();
    incoming
        .write(Bytes::from_static(&[b'x'; 100]))
        .await
        .unwrap();
    assert!(matches!(
        incoming.write(Bytes::from_static(b"x")).await,
        Err(Error::ItemTooLarge {
            size: 101,
            limit: 100
        })
    ));
}

#[tokio::test]
async fn answers_join_their_thread_and_copies_stay_in_it() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let mut threads = Vec::new();
    for (id, header) in [
        ("a", "Subject: Plan\r\n"),
        ("b", "Subject: Re: Plan\r\nIn-Reply-To: <a@x>\r\n"),
        (
            "c",
            "Subject: Something else\r\nReferences: <gone@x> <b@x>\r\n",
        ),
        ("d", "Subject: Re: plan\r\n"),
        ("e", "Subject: Plan\r\n"),
        ("f", "Subject: q\r\nReferences: <root@x> <one@x>\r\n"),
        ("g", "Subject: r\r\nReferences: <root@x> <two@x>\r\n"),
        ("root", "Subject: Late\r\n"),
    ] {
        let text = format!("Message-ID: <{id}@x>\r\n{header}\r\ntext\r\n");
        let received = world.receive(text.as_bytes()).await;
        threads.push(
            mailbox
                .append(inbox, &NewItem::new(received))
                .await
                .unwrap()
                .thread,
        );
    }
    assert_eq!(threads[1], threads[0]);
    assert_eq!(threads[2], threads[0]);
    assert_eq!(threads[3], threads[0], "a reply by its subject alone");
    assert_ne!(threads[4], threads[0], "the same subject is no reply");
    assert_eq!(threads[6], threads[5], "two answers to what is not here");
    assert_eq!(threads[7], threads[5], "their parent, arriving last");
}

#[tokio::test]
async fn the_memory_of_threads_is_bounded() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |settings| settings.thread_memory = 10);
    let (mailbox, inbox) = world.alice().await;
    for number in 0..50 {
        add(&world, &mailbox, inbox, number).await;
    }
    use fieldpost_store::{Scan, Store};
    let threads = store
        .scan(ALICE, Scan::prefix(vec![0x48]))
        .await
        .unwrap()
        .len();
    let turns = store
        .scan(ALICE, Scan::prefix(vec![0x49]))
        .await
        .unwrap()
        .len();
    assert_eq!((threads, turns), (20, 10));
}
