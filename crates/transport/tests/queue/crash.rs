//! Another process on the same store, after the one before was gone in the middle.

use std::sync::Arc;

use bytes::Bytes;
use fieldpost_mailbox::{NewItem, NewOutgoing, SpecialUse};
use fieldpost_transport::{Envelope, Pending, Relay, Settings, queue::encode_envelope};
use futures_util::FutureExt as _;

use super::world::{MESSAGE, Order, START, World};

fn settings() -> Settings {
    Settings {
        hostname: "mail.demo.test".to_owned(),
        relay: Relay::Smarthost,
        ..Settings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_is_sent_again_and_nothing_else() {
    let mut world = World::new().await;
    world.hop.order([Order::Answer(vec![Ok(())]), Order::Hang]);
    world.send(&["first@far.test"]).await;
    world.run().await;
    world.drained().await;
    world.send(&["second@far.test"]).await;
    world.hop.hanging.notified().await;
    world.kill();
    let mut again = World::over(
        Arc::clone(&world.store),
        Arc::clone(&world.directory),
        settings(),
    );
    again.run().await;
    again.drained().await;
    assert_eq!(again.hop.recipients(), [["second@far.test"]]);
    assert!(again.mailboxes.check_holds(false).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_reply_is_written_down_before_the_next_message() {
    let mut world = World::new().await;
    world.hop.order([Order::Answer(vec![Ok(()), Err(450)])]);
    world.send(&["done@far.test", "later@far.test"]).await;
    world.run().await;
    world.hop.something.notified().await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    world.kill();
    let mut again = World::over(
        Arc::clone(&world.store),
        Arc::clone(&world.directory),
        settings(),
    );
    assert_eq!(again.transport.rebuild_queue().await.unwrap(), 1);
    again.run().await;
    again.drained().await;
    assert_eq!(again.hop.recipients(), [["later@far.test"]]);
}

/// An outbox that is empty at a start is not looked into at the next one.
#[tokio::test(start_paused = true)]
async fn empty_outboxes_are_forgotten() {
    let mut world = World::new().await;
    world.send(&["a@far.test"]).await;
    world.run().await;
    world.drained().await;
    world.stop().await;
    assert_eq!(world.mailboxes.outboxes().await.unwrap().len(), 1);
    let again = World::over(
        Arc::clone(&world.store),
        Arc::clone(&world.directory),
        settings(),
    );
    assert_eq!(again.transport.rebuild_queue().await.unwrap(), 0);
    assert!(again.mailboxes.outboxes().await.unwrap().is_empty());
    again.send(&["b@far.test"]).await;
    assert_eq!(again.mailboxes.outboxes().await.unwrap().len(), 1);
}

/// The server went after the first of the mailboxes had the message, and before that was written into the entry.
#[tokio::test(start_paused = true)]
async fn what_was_delivered_before_is_not_delivered_twice() {
    let world = World::new().await;
    let mut incoming = world
        .mailboxes
        .receive(world.account("alice"), None)
        .await
        .unwrap();
    incoming
        .write(Bytes::from_static(MESSAGE.as_bytes()))
        .await
        .unwrap();
    let received = incoming.finish().await.unwrap();
    let envelope = Envelope {
        sender: "alice@demo.test".parse().ok(),
        ..Envelope::default()
    };
    let everybody = [
        "x@far.test",
        "bob@demo.test",
        "carol@demo.test",
        "alice@demo.test",
    ];
    let recipient = |one: &&str| Pending::new(one.parse().unwrap(), START).encode();
    let message = NewOutgoing {
        received: received.clone(),
        due: START,
        envelope: encode_envelope(&envelope, ""),
        recipients: everybody.iter().map(recipient).collect(),
    };
    let alice = world.mailbox("alice").await;
    let sent = alice.special(SpecialUse::Sent).await.unwrap().id;
    let item = NewItem::new(received);
    alice.post(&message, Some((sent, &item))).await.unwrap();
    let bob = world.mailbox("bob").await;
    let inbox = bob.special(SpecialUse::Inbox).await.unwrap().id;
    bob.append(inbox, &item).await.unwrap();
    let mut again = World::over(
        Arc::clone(&world.store),
        Arc::clone(&world.directory),
        settings(),
    );
    again.run().await;
    again.drained().await;
    for name in ["alice", "bob", "carol"] {
        assert_eq!(again.inbox(name).await.len(), 1, "{name}");
    }
    assert_eq!(again.texts("alice", SpecialUse::Sent).await.len(), 1);
    assert_eq!(again.hop.recipients(), [["x@far.test"]]);
    again.stop().await;
    assert!(again.mailboxes.check_holds(false).await.unwrap().is_empty());
}

/// A client that goes away before it has its answer: its message goes out whole, or not at all.
#[tokio::test(start_paused = true)]
async fn a_sender_who_goes_away_leaves_nothing_half_done() {
    let mut world = World::new().await;
    world.run().await;
    let message = world.message(&["x@far.test", "bob@demo.test"]).await;
    assert!(world.transport.submit(message).now_or_never().is_none());
    world.hop.something.notified().await;
    world.drained().await;
    assert_eq!(world.hop.recipients(), [["x@far.test"]]);
    assert_eq!(world.inbox("bob").await.len(), 1);
}
