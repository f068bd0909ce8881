//! Another process on the same store, after the one before was gone in the middle.

use std::sync::Arc;

use super::world::{Order, World};
use fieldpost_transport::{Relay, Settings};

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
