//! The outbox: entries and Sent copies in one commit, changes that name what they were made from, bodies that go with the
//! last that holds them.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use fieldpost_mailbox::{
    Depth, Mailbox, Mailboxes, NewItem, NewOutgoing, OutgoingChange, Settings, SpecialUse,
};
use fieldpost_store::{AccountId, MemoryStore, Store};
use support::{ALICE, World};

const MESSAGE: &[u8] = b"Subject: out\r\n\r\nGoing.\r\n";

async fn post(world: &World, mailbox: &Mailbox, copy: bool) -> fieldpost_mailbox::EntryId {
    let received = world.receive(MESSAGE).await;
    let item = NewItem::new(received.clone());
    let message = NewOutgoing {
        received,
        due: 100,
        envelope: Bytes::from_static(b"from me"),
        recipients: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
    };
    let sent = if copy {
        Some(mailbox.special(SpecialUse::Sent).await.unwrap().id)
    } else {
        None
    };
    mailbox
        .post(&message, sent.map(|sent| (sent, &item)))
        .await
        .unwrap()
}

fn done(numbers: &[u32]) -> OutgoingChange {
    OutgoingChange {
        recipients: numbers.iter().map(|number| (*number, None)).collect(),
        ..OutgoingChange::default()
    }
}

#[tokio::test]
async fn an_entry_and_its_copy_come_together_and_share_one_body() {
    let store = MemoryStore::new();
    let world = World::with(Arc::clone(&store) as Arc<dyn Store>, |_| {});
    let (mailbox, _) = world.alice().await;
    let id = post(&world, &mailbox, true).await;
    let sent = mailbox.special(SpecialUse::Sent).await.unwrap();
    assert_eq!(sent.counters.exists, 1);
    assert_eq!(store.bodies(), 1);
    let entry = mailbox.outgoing(id).await.unwrap().unwrap();
    assert_eq!((entry.due(), entry.is_held()), (100, false));
    assert_eq!(&entry.envelope()[..], b"from me");
    assert_eq!(entry.recipients().len(), 2);
    let reader = mailbox.read_outgoing(&entry).await.unwrap();
    assert_eq!(&reader.read_to_end(1000).await.unwrap()[..], MESSAGE);
    assert!(
        mailbox
            .change_outgoing(&entry, &done(&[0, 1]), None)
            .await
            .unwrap()
    );
    assert!(mailbox.outgoing(id).await.unwrap().is_none());
    // The copy in Sent still holds it.
    assert_eq!(store.bodies(), 1);
    let item = mailbox.item(sent.id, 1).await.unwrap();
    assert_ne!(item.entry(), id);
    assert!(world.mailboxes.check_holds(false).await.unwrap().is_empty());
    assert!(mailbox.check(Depth::Bodies).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_last_recipient_takes_the_body_along() {
    let store = MemoryStore::new();
    let world = World::with(Arc::clone(&store) as Arc<dyn Store>, |_| {});
    let (mailbox, _) = world.alice().await;
    let id = post(&world, &mailbox, false).await;
    let entry = mailbox.outgoing(id).await.unwrap().unwrap();
    let mut change = done(&[0]);
    change.due = Some(200);
    change
        .recipients
        .insert(1, Some(Bytes::from_static(b"second try")));
    assert!(
        mailbox
            .change_outgoing(&entry, &change, None)
            .await
            .unwrap()
    );
    // What was read before is not what is there now.
    assert!(
        !mailbox
            .change_outgoing(&entry, &done(&[1]), None)
            .await
            .unwrap()
    );
    let entry = mailbox.outgoing(id).await.unwrap().unwrap();
    assert_eq!(entry.due(), 200);
    assert_eq!(entry.recipients().len(), 1);
    assert_eq!(&entry.recipients()[&1][..], b"second try");
    assert!(world.mailboxes.check_holds(false).await.unwrap().is_empty());
    assert!(
        mailbox
            .change_outgoing(&entry, &done(&[1]), None)
            .await
            .unwrap()
    );
    assert_eq!(store.bodies(), 0);
    assert!(mailbox.outbox(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_notice_and_the_end_of_an_entry_are_one_commit() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let id = post(&world, &mailbox, false).await;
    let entry = mailbox.outgoing(id).await.unwrap().unwrap();
    let notice = NewItem::new(world.receive(b"Subject: no\r\n\r\nGone.\r\n").await);
    let change = done(&[0, 1]);
    let inbox_now = || async { mailbox.view(inbox).await.unwrap().rows().count() };
    assert!(
        mailbox
            .change_outgoing(&entry, &change, Some((inbox, &notice)))
            .await
            .unwrap()
    );
    assert_eq!(inbox_now().await, 1);
    assert!(
        !mailbox
            .change_outgoing(&entry, &change, Some((inbox, &notice)))
            .await
            .unwrap()
    );
    assert_eq!(inbox_now().await, 1, "told once");
    assert!(world.mailboxes.check_holds(false).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_has_entries_is_known_without_a_look_at_every_account() {
    let world = World::new();
    let (mailbox, _) = world.alice().await;
    assert!(world.mailboxes.outboxes().await.unwrap().is_empty());
    post(&world, &mailbox, false).await;
    let organisation = world.mailboxes.outbox_of(AccountId::ORGANISATION).await;
    let organisation = organisation.unwrap();
    let id = post(&world, &organisation, false).await;
    assert_eq!(
        world.mailboxes.outboxes().await.unwrap(),
        [AccountId::ORGANISATION, ALICE]
    );
    assert!(organisation.folders().await.unwrap().is_empty());
    assert!(organisation.outgoing(id).await.unwrap().is_some());
    // Another process on the same store, that finds an outbox empty.
    let again = Mailboxes::new(Arc::clone(&world.store), Settings::default());
    again.forget_outbox(ALICE).await.unwrap();
    assert_eq!(again.outboxes().await.unwrap(), [AccountId::ORGANISATION]);
    assert_eq!(world.mailboxes.accounts(None, 10).await.unwrap(), [ALICE]);
}

/// What went out after a backup was made is not known in what is restored from it.
#[tokio::test]
async fn after_a_restore_entries_wait_for_an_operator() {
    let world = World::new();
    let (mailbox, _) = world.alice().await;
    let id = post(&world, &mailbox, false).await;
    let organisation = world.mailboxes.outbox_of(AccountId::ORGANISATION).await;
    let own = post(&world, &organisation.unwrap(), false).await;
    world.mailboxes.forget_all().await;
    fieldpost_mailbox::restored(Arc::clone(&world.store), Settings::default())
        .await
        .unwrap();
    let again = Mailboxes::new(Arc::clone(&world.store), Settings::default());
    for (account, id) in [(ALICE, id), (AccountId::ORGANISATION, own)] {
        let outbox = again.outbox_of(account).await.unwrap();
        assert!(outbox.outgoing(id).await.unwrap().unwrap().is_held());
    }
}

/// Who has an entry's message shares its body, and is known by that, whatever else of the account holds it.
#[tokio::test]
async fn whoever_was_given_an_entrys_message_is_known() {
    let store = MemoryStore::new();
    let world = World::with(Arc::clone(&store) as Arc<dyn Store>, |_| {});
    let (mailbox, inbox) = world.alice().await;
    let bob = AccountId(77);
    for copy in [false, true] {
        let id = post(&world, &mailbox, copy).await;
        let entry = mailbox.outgoing(id).await.unwrap().unwrap();
        for account in [ALICE, bob] {
            assert!(!mailbox.is_delivered(&entry, account).await.unwrap());
        }
        let bodies = store.bodies();
        let received = mailbox.received(&entry).await.unwrap();
        assert_eq!(received.size(), MESSAGE.len() as u64);
        let item = NewItem::new(received);
        let appended = mailbox.append(inbox, &item).await.unwrap();
        assert!(mailbox.is_delivered(&entry, ALICE).await.unwrap());
        assert!(!mailbox.is_delivered(&entry, bob).await.unwrap());
        assert_eq!(store.bodies(), bodies);
        assert!(
            mailbox
                .change_outgoing(&entry, &done(&[0, 1]), None)
                .await
                .unwrap()
        );
        let item = mailbox.item(inbox, appended.uid).await.unwrap();
        let reader = mailbox.read(&item, 0..u64::MAX).await.unwrap();
        assert_eq!(&reader.read_to_end(1000).await.unwrap()[..], MESSAGE);
    }
    assert!(world.mailboxes.check_holds(false).await.unwrap().is_empty());
}
