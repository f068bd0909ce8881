//! The end of a process that has mail in the queue: nobody gets a message twice because of it.

use std::time::Duration;

use fieldpost_transport::{QueueSettings, QueueStop, Relay, Settings};
use tokio::time::Instant;

use super::world::{Order, World};

fn settings() -> Settings {
    Settings {
        hostname: "mail.demo.test".to_owned(),
        relay: Relay::Smarthost,
        queue: QueueSettings {
            connections_per_hop: 1,
            ..QueueSettings::default()
        },
        ..Settings::default()
    }
}

/// One that waits for its turn at a hop stays, untried; one that the hop has answered is done.
#[tokio::test(start_paused = true)]
async fn a_stop_begins_nothing_new() {
    let mut world = World::with(settings()).await;
    world.hop.order([Order::Slow]);
    world.send(&["first@far.test"]).await;
    world.send(&["second@far.test"]).await;
    world.run().await;
    world.hop.hanging.notified().await;
    world.drain();
    world.hop.go_on.notify_one();
    world.stop().await;
    assert_eq!(world.hop.recipients(), [["first@far.test"]]);
    let left = world.transport.queue(None, 9).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].recipients[0].attempts, 0);
    let mut next = world.next(settings());
    next.run().await;
    next.drained().await;
    assert_eq!(next.hop.recipients(), [["second@far.test"]]);
}

/// The same while the connection is being opened, and for the other hops of a message.
#[tokio::test(start_paused = true)]
async fn a_stop_opens_no_connection_to_the_next_of_many_hops() {
    let settings = Settings {
        relay: Relay::Mx,
        queue: QueueSettings {
            connections: 1,
            ..settings().queue
        },
        ..settings()
    };
    let mut world = World::with(settings.clone()).await;
    world.hop.order([Order::Slow]);
    world.send(&["a@one.test", "b@two.test"]).await;
    world.run().await;
    world.hop.hanging.notified().await;
    world.drain();
    world.hop.go_on.notify_one();
    world.stop().await;
    let first = world.hop.recipients();
    assert_eq!((first.len(), *world.hop.connections.lock()), (1, 1));
    let mut next = world.next(settings);
    next.run().await;
    next.drained().await;
    let mut all = [first, next.hop.recipients()].concat();
    all.sort();
    assert_eq!(all, [["a@one.test"], ["b@two.test"]]);
}

/// A message whose end was sent before the drain was over: its answer is heard, written down, and nobody sends it again.
#[tokio::test(start_paused = true)]
async fn an_answer_is_waited_for_beyond_the_drain() {
    let mut world = World::with(settings()).await;
    world.hop.order([Order::Slow]);
    world.send(&["a@far.test"]).await;
    world.run().await;
    world.hop.hanging.notified().await;
    world.drain();
    world.cut();
    tokio::time::sleep(QueueStop::ANSWER.mul_f32(0.9)).await;
    world.hop.go_on.notify_one();
    world.stop().await;
    let mut next = world.next(settings());
    assert_eq!(next.transport.rebuild_queue().await.unwrap(), 0);
    next.run().await;
    assert!(next.hop.recipients().is_empty());
}

/// But not for ever.
#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_ends_no_later() {
    let mut world = World::with(settings()).await;
    world.hop.order([Order::Hang]);
    world.send(&["a@far.test"]).await;
    world.run().await;
    world.hop.hanging.notified().await;
    world.cut();
    let since = Instant::now();
    world.stop().await;
    assert_eq!(since.elapsed().as_secs(), QueueStop::ANSWER.as_secs());
    let left = world.transport.queue(None, 9).await.unwrap();
    assert_eq!(left[0].recipients[0].attempts, 0);
}

/// A hop that has not got the end of a message takes nothing: there is nothing to wait for.
#[tokio::test(start_paused = true)]
async fn what_is_not_sent_to_its_end_is_broken_off_with_the_drain() {
    let mut world = World::with(settings()).await;
    world.hop.order([Order::Stall]);
    world.send(&["a@far.test"]).await;
    world.run().await;
    world.hop.hanging.notified().await;
    world.cut();
    let since = Instant::now();
    world.stop().await;
    assert!(since.elapsed() < Duration::from_secs(1));
    let mut next = world.next(settings());
    next.run().await;
    next.drained().await;
    assert_eq!(next.hop.recipients(), [["a@far.test"]]);
}
