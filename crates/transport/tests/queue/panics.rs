//! A bug met on the way costs an attempt, and after some the entry waits for an operator; nothing is lost, and nobody else waits.

use fieldpost_transport::{Relay, Settings};

use super::world::{Order, World};

/// Waits until the hop has heard of `count` attempts.
async fn attempts(world: &World, count: usize) {
    for _ in 0..count {
        world.hop.something.notified().await;
    }
    while world.transport.queue_statistics().working > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_panics_is_tried_again() {
    let mut world = World::new().await;
    world.hop.order([Order::Panic]);
    world.send(&["a@far.test"]).await;
    world.run().await;
    attempts(&world, 1).await;
    let entry = &world.transport.queue(None, 9).await.unwrap()[0];
    let recipient = &entry.recipients[0];
    assert_eq!((entry.held, recipient.attempts), (false, 1));
    let last = recipient.last.as_ref().unwrap().to_string();
    assert_eq!(
        last,
        "451 4.3.0 a bug in the mail server: the hop found a bug"
    );
    assert!(recipient.due > super::world::START + super::world::elapsed() + 200);
    world.drained().await;
    assert_eq!(world.hop.recipients(), [["a@far.test"]]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_panics_again_and_again_is_held_until_it_is_retried() {
    let mut world = World::new().await;
    world.hop.order([Order::Panic, Order::Panic, Order::Panic]);
    let id = world.send(&["a@far.test"]).await.id.unwrap();
    world.run().await;
    attempts(&world, 3).await;
    let entry = world.transport.queue_entry(id).await.unwrap().unwrap();
    assert!(entry.held);
    assert_eq!(entry.recipients[0].attempts, 3);
    // The next message finds its way.
    world.send(&["b@far.test"]).await;
    attempts(&world, 1).await;
    assert_eq!(world.hop.recipients(), [["b@far.test"]]);
    // One more bug, after an operator wanted it, is the first one again.
    world.hop.order([Order::Panic]);
    assert!(world.transport.retry_now(id).await.unwrap());
    attempts(&world, 1).await;
    assert!(!world.transport.queue_entry(id).await.unwrap().unwrap().held);
    world.drained().await;
    assert_eq!(world.hop.recipients(), [["b@far.test"], ["a@far.test"]]);
    world.stop().await;
}

/// What another hop took meanwhile is written down, and does not go out twice.
#[tokio::test(start_paused = true)]
async fn a_panic_with_one_hop_has_nothing_to_do_with_the_others() {
    let mut world = World::with(Settings {
        relay: Relay::Mx,
        ..Settings::default()
    })
    .await;
    world.hop.order([Order::Panic]);
    world.send(&["a@one.test", "b@two.test"]).await;
    world.run().await;
    world.drained().await;
    let mut recipients = world.hop.recipients();
    recipients.sort();
    assert_eq!(recipients, [["a@one.test"], ["b@two.test"]]);
}

/// A bug in what delivers to mailboxes here, before anything is handed to anybody.
#[tokio::test(start_paused = true)]
async fn a_panic_of_our_own_delivery_is_an_attempt_too() {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use fieldpost_store::BoxFuture;
    use fieldpost_transport::{Delivery, Hook, Placement, Refusal, Status, Transport};

    struct Buggy(AtomicU32);
    impl Hook for Buggy {
        fn name(&self) -> &'static str {
            "buggy"
        }

        fn place<'a>(
            &'a self,
            _: &'a Delivery<'a>,
            _: &'a mut Placement,
        ) -> BoxFuture<'a, Result<(), Refusal>> {
            Box::pin(async move {
                match self.0.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(Refusal::new(450, Status(4, 2, 0), "not now")),
                    1 => panic!("a hook with a bug"),
                    _ => Ok(()),
                }
            })
        }
    }

    let mut world = World::new().await;
    world.transport = Transport::with_hooks(
        Arc::clone(&world.directory),
        Arc::clone(&world.mailboxes),
        Settings {
            relay: Relay::Smarthost,
            ..Settings::default()
        },
        vec![Arc::new(Buggy(AtomicU32::default()))],
    );
    world.send(&["bob@demo.test", "x@far.test"]).await;
    world.run().await;
    while world.inbox("bob").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    }
    world.stop().await;
    assert!(world.transport.queue(None, 1).await.unwrap().is_empty());
    assert_eq!(world.hop.recipients(), [["x@far.test"]]);
}
