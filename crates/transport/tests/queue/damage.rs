//! A store that is damaged in one place: what lies there is told and ends, and everybody else's mail goes on.

use std::sync::Arc;

use fieldpost_mailbox::Limits;
use fieldpost_store::Store;
use fieldpost_transport::{Notify, Relay, Ret, Settings};

use super::{
    faulty::FaultyStore,
    world::{DAY, World, elapsed},
};

fn settings() -> Settings {
    Settings {
        hostname: "mail.demo.test".to_owned(),
        relay: Relay::Mx,
        ..Settings::default()
    }
}

async fn faulty() -> (Arc<FaultyStore>, World) {
    let store = FaultyStore::new();
    let world = World::on(Arc::clone(&store) as Arc<dyn Store>, settings()).await;
    (store, world)
}

/// Each attempt counts, the sender hears of the delay and of the end, and then the entry is gone: nobody waits for the message's
/// header to be read for that.
#[tokio::test(start_paused = true)]
async fn fault_a_body_that_can_not_be_read_is_given_up_in_time() {
    for (readable, ret) in [(0, None), (0, Some(Ret::Full)), (40, Some(Ret::Full))] {
        let (store, mut world) = faulty().await;
        let mut message = world.message(&["a@far.test", "bob@demo.test"]).await;
        message.envelope.ret = ret;
        // One of ours is among those who wait, and the whole message is read for him.
        let full = Limits { bytes: 9, items: 0 };
        world.mailbox("bob").await.set_quota(full).await.unwrap();
        world.transport.submit(message).await.unwrap();
        *store.readable.lock() = Some(readable);
        let begun = elapsed();
        world.run().await;
        while !world.transport.queue(None, 1).await.unwrap().is_empty() {
            tokio::time::sleep(DAY).await;
            assert!(elapsed() - begun < 10 * DAY.as_secs().cast_signed());
        }
        world.stop().await;
        assert!(world.hop.recipients().is_empty());
        *store.readable.lock() = None;
        let inbox = world.inbox("alice").await;
        let about = |action: &str, address: &str| {
            let action = format!("Action: {action}\r\n");
            inbox
                .iter()
                .filter(|notice| notice.contains(&action) && notice.contains(address))
                .count()
        };
        for address in ["a@far.test", "bob@demo.test"] {
            assert_eq!(about("failed", address), 1, "{inbox:?}");
            assert_eq!(about("delayed", address), 1, "{inbox:?}");
        }
        let last = inbox.last().unwrap();
        if readable == 0 {
            assert!(last.contains("damaged in the mail store"), "{last}");
        }
        assert!(last.ends_with("--\r\n") && !last.contains("Content-Type: message/rfc822\r\n"));
        let header = readable > 0;
        assert_eq!(last.contains("Message-ID: <1@demo.test>"), header, "{last}");
    }
}

/// A message that one hop is being given is not given up because another can't be settled, or tried.
#[tokio::test(start_paused = true)]
async fn a_store_that_can_not_write_stops_no_other_hop_in_the_middle() {
    use super::world::Order;
    use fieldpost_store::StoreError;

    let (store, mut world) = faulty().await;
    world.hop.order([Order::Slow, Order::Slow]);
    world.send(&["a@one.test", "b@two.test"]).await;
    world.run().await;
    while world.hop.taken.lock().len() < 2 {
        world.hop.hanging.notified().await;
    }
    *store.meddler.lock() = Some(Box::new(|_| Some(Err(StoreError::NoSpace))));
    // One is answered, and that can't be written down; then the other is.
    for _ in 0..2 {
        world.hop.go_on.notify_one();
        let answered = world.hop.something.notified();
        tokio::time::timeout(DAY, answered).await.unwrap();
    }
    *store.meddler.lock() = None;
    world.emptied().await;
    world.stop().await;
    let mut taken = world.hop.recipients();
    taken.sort();
    assert_eq!(taken, [["a@one.test"], ["b@two.test"]]);
}

#[tokio::test(start_paused = true)]
async fn fault_a_damaged_account_keeps_nobody_from_starting() {
    let (store, world) = faulty().await;
    world.send(&["x@far.test"]).await;
    let mut message = world.message(&["y@far.test"]).await;
    message.account = world.account("bob");
    message.recipients[0].notify = Notify::NEVER;
    world.transport.submit(message).await.unwrap();
    let alice = world.account("alice");
    *store.damaged.lock() = Some(alice);
    let mut next = world.next(settings());
    assert_eq!(next.transport.rebuild_queue().await.unwrap(), 1);
    next.run().await;
    next.hop.something.notified().await;
    assert_eq!(next.hop.recipients(), [["y@far.test"]]);
    next.emptied().await;
    assert_eq!(
        next.transport.queue(None, 9).await.unwrap().len(),
        0,
        "what can't be read is not shown"
    );
    assert!(next.mailboxes.outboxes().await.unwrap().contains(&alice));
    // Once it is mended it goes out, without a restart.
    *store.damaged.lock() = None;
    next.hop.something.notified().await;
    next.emptied().await;
    assert_eq!(next.hop.recipients(), [["y@far.test"], ["x@far.test"]]);
    next.stop().await;
}
