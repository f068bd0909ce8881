//! What is tried again, when, and for whom.

use std::time::Duration;

use fieldpost_transport::QueueSettings;
use tokio::time::Instant;

use super::world::{DAY, Order, World, set_clock_back};

#[tokio::test(start_paused = true)]
async fn only_who_was_refused_for_now_is_tried_again() {
    let mut world = World::new().await;
    world
        .hop
        .order([Order::Answer(vec![Ok(()), Err(451), Err(550)])]);
    world
        .send(&["a@far.test", "b@far.test", "c@far.test"])
        .await;
    world.run().await;
    world.drained().await;
    assert_eq!(
        world.hop.recipients(),
        [
            vec!["a@far.test", "b@far.test", "c@far.test"],
            vec!["b@far.test"]
        ]
    );
    let times: Vec<i64> = world.hop.taken.lock().iter().map(|one| one.0).collect();
    assert!((240..=361).contains(&(times[1] - times[0])), "{times:?}");
    let inbox = world.inbox("alice").await;
    assert_eq!(
        inbox.len(),
        1,
        "a notice of the one that was refused for good"
    );
    assert!(
        inbox[0].contains("c@far.test") && !inbox[0].contains("b@far.test"),
        "{}",
        inbox[0]
    );
}

#[tokio::test(start_paused = true)]
async fn distances_double_and_in_the_end_it_is_given_up() {
    let mut world = World::new().await;
    world
        .hop
        .order((0..200).map(|_| Order::Answer(vec![Err(451)])));
    world.send(&["a@far.test"]).await;
    world.run().await;
    world.drained().await;
    let times: Vec<i64> = world.hop.taken.lock().iter().map(|one| one.0).collect();
    assert!((30..50).contains(&times.len()), "{times:?}");
    for (number, pair) in times.windows(2).take(times.len() - 2).enumerate() {
        let base = (300i64 << number.min(20)).min(4 * 3600);
        let distance = pair[1] - pair[0];
        assert!(
            distance >= base * 4 / 5 - 1 && distance <= base * 6 / 5 + 2,
            "{distance} after {number}"
        );
    }
    let (first, last) = (times[0], times[times.len() - 1]);
    let expiry = 5 * DAY.as_secs().cast_signed();
    assert!(
        (expiry - 5..=expiry + 5).contains(&(last - first)),
        "{last}"
    );
    let inbox = world.inbox("alice").await;
    assert_eq!(inbox.len(), 2, "one notice of the delay, one of the end");
    assert!(inbox[0].contains("Action: delayed") && inbox[0].contains("Will-Retry-Until:"));
    assert!(inbox[1].contains("Action: failed") && inbox[1].contains("Status: 5.4.7"));
}

/// Fault "clock jumping backward": what was put off by a clock that was ahead is not held up until then.
#[tokio::test(start_paused = true)]
async fn fault_a_clock_that_is_set_back_holds_no_mail_up() {
    let mut world = World::new().await;
    let answer = |code| Order::Answer(vec![code]);
    world.hop.order([answer(Err(451)), answer(Err(451))]);
    world.send(&["a@far.test"]).await;
    world.run().await;
    // The clock runs on when the first attempt is written down.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.hop.taken.lock().len(), 1);
    set_clock_back(365 * DAY.as_secs().cast_signed());
    let since = Instant::now();
    world.drained().await;
    assert!(
        since.elapsed() < Duration::from_hours(1),
        "{:?}",
        since.elapsed()
    );
    assert_eq!(world.hop.taken.lock().len(), 3);
}

/// The same for one that is found at a start.
#[tokio::test(start_paused = true)]
async fn fault_a_clock_that_was_set_back_before_a_start_holds_no_mail_up() {
    let mut world = World::new().await;
    world.send(&["a@far.test"]).await;
    set_clock_back(365 * DAY.as_secs().cast_signed());
    let since = Instant::now();
    world.run().await;
    world.drained().await;
    assert!(
        since.elapsed() < Duration::from_hours(1),
        "{:?}",
        since.elapsed()
    );
}

/// While a hop can't be reached, what comes for it meanwhile is not tried either.
#[tokio::test(start_paused = true)]
async fn a_hop_that_is_away_is_left_alone_for_a_while() {
    let mut world = World::new().await;
    world.hop.order([Order::NoConnection]);
    for _ in 0..20 {
        world.send(&["a@far.test"]).await;
    }
    world.run().await;
    world.hop.something.notified().await;
    let first = super::world::elapsed();
    world.drained().await;
    let times: Vec<i64> = world.hop.taken.lock().iter().map(|one| one.0).collect();
    assert_eq!(times.len(), 20);
    // Those that a worker was about to connect for at that moment may have gone through.
    let later = times.iter().filter(|time| *time - first >= 240).count();
    assert!(later >= 16, "{later}");
    assert!(world.inbox("alice").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_to_each_domain_on_its_own() {
    use fieldpost_transport::{Relay, Settings};
    let mut world = World::with(Settings {
        relay: Relay::Mx,
        queue: QueueSettings {
            connections_per_hop: 1,
            ..QueueSettings::default()
        },
        ..Settings::default()
    })
    .await;
    world
        .send(&["a@one.test", "b@TWO.test", "c@one.test"])
        .await;
    world.run().await;
    world.drained().await;
    let mut recipients = world.hop.recipients();
    recipients.sort();
    assert_eq!(
        recipients,
        [vec!["a@one.test", "c@one.test"], vec!["b@TWO.test"]]
    );
    let literal = "a@[192.0.2.1]".parse().unwrap();
    let refused = world.transport.destination(&literal, None);
    assert_eq!(refused.unwrap_err().code, 550);
}
