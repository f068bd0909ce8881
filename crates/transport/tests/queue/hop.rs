//! Connections to a next hop.

use std::time::Duration;

use super::world::{Order, World};

#[tokio::test(start_paused = true)]
async fn messages_that_follow_each_other_share_a_connection() {
    let mut world = World::new().await;
    world.run().await;
    for _ in 0..5 {
        world.send(&["a@far.test"]).await;
        world.drained().await;
    }
    assert_eq!(*world.hop.connections.lock(), 1);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(
        *world.hop.closed.lock(),
        1,
        "it is closed when nothing follows"
    );
    world.send(&["a@far.test"]).await;
    world.drained().await;
    assert_eq!(*world.hop.connections.lock(), 2);
    world.stop().await;
    assert_eq!(*world.hop.closed.lock(), 2);
}

/// A connection that the hop has closed meanwhile costs no attempt.
#[tokio::test(start_paused = true)]
async fn a_stale_connection_is_replaced_at_once() {
    let mut world = World::new().await;
    world.run().await;
    world.send(&["a@far.test"]).await;
    world.drained().await;
    world.hop.order([Order::Gone]);
    world.send(&["b@far.test"]).await;
    world.drained().await;
    assert_eq!(world.hop.recipients(), [["a@far.test"], ["b@far.test"]]);
    assert_eq!(*world.hop.connections.lock(), 2);
    assert_eq!(world.transport.queue_statistics().deferred, 0);
}

#[tokio::test(start_paused = true)]
async fn many_messages_use_few_connections() {
    let mut world = World::new().await;
    for _ in 0..50 {
        world.send(&["a@far.test"]).await;
    }
    world.run().await;
    world.drained().await;
    assert_eq!(world.hop.taken.lock().len(), 50);
    assert!(*world.hop.connections.lock() <= 4);
}
