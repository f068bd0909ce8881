//! What an operator does with the queue.

use super::world::{Order, World};

#[tokio::test(start_paused = true)]
async fn entries_are_listed_held_let_go_and_dropped() {
    let mut world = World::new().await;
    let first = world.send(&["a@far.test"]).await.id.unwrap();
    let second = world.send(&["b@other.test"]).await.id.unwrap();
    let listed = world.transport.queue(None, 10).await.unwrap();
    assert_eq!(
        listed.iter().map(|one| one.id).collect::<Vec<_>>(),
        [first, second]
    );
    assert!(listed[0].goes_to("FAR.test") && !listed[1].goes_to("far.test"));
    assert_eq!(
        world.transport.queue(Some(first), 10).await.unwrap().len(),
        1
    );
    assert!(world.transport.hold(first).await.unwrap());
    assert!(world.transport.drop_entry(second).await.unwrap());
    assert!(!world.transport.drop_entry(second).await.unwrap());
    world.run().await;
    tokio::time::sleep(super::world::DAY).await;
    assert!(world.hop.taken.lock().is_empty());
    assert!(
        world
            .transport
            .queue_entry(first)
            .await
            .unwrap()
            .unwrap()
            .held
    );
    assert!(world.transport.retry_now(first).await.unwrap());
    world.drained().await;
    assert_eq!(world.hop.recipients(), [["a@far.test"]]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_comes_at_once_though_the_hop_was_away() {
    let mut world = World::new().await;
    world.hop.order([Order::NoConnection]);
    let id = world.send(&["a@far.test"]).await.id.unwrap();
    world.run().await;
    world.hop.something.notified().await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let entry = world.transport.queue_entry(id).await.unwrap().unwrap();
    assert_eq!(entry.recipients[0].attempts, 1);
    assert_eq!(entry.recipients[0].last.as_ref().unwrap().code, 451);
    world.transport.retry_now(id).await.unwrap();
    world.drained().await;
    assert_eq!(world.hop.taken.lock()[0].0, super::world::elapsed());
}

/// No mailbox comes to be because somebody typed a number.
#[tokio::test(start_paused = true)]
async fn a_number_that_nobody_has_names_nothing() {
    let world = World::new().await;
    let id = "77-1".parse().unwrap();
    assert!(!world.transport.retry_now(id).await.unwrap());
    assert!(world.transport.queue_entry(id).await.unwrap().is_none());
    assert!(world.mailboxes.accounts(None, 10).await.unwrap().is_empty());
}
