//! Sending: who has it at once, who waits in the queue, what is kept.

use fieldpost_mailbox::{Limits, SpecialUse};
use fieldpost_transport::{DkimKey, DkimSigner, Relay, Settings, Status, Submitted};

use super::world::{MESSAGE, World};

#[tokio::test(start_paused = true)]
async fn ours_have_it_at_once_and_the_others_through_the_queue() {
    let mut world = World::new().await;
    let sent = world
        .send(&[
            "bob@demo.test",
            "x@far.test",
            "X@far.test",
            "bob@demo.test",
            "x@far.test",
        ])
        .await;
    assert_eq!((sent.delivered, sent.queued), (1, 2));
    assert!(sent.id.is_some());
    let inbox = world.inbox("bob").await;
    assert_eq!(
        inbox,
        [format!(
            "Return-Path: <alice@demo.test>\r\nDelivered-To: bob@demo.test\r\n{MESSAGE}"
        )]
    );
    let kept = world.texts("alice", SpecialUse::Sent).await;
    assert_eq!(kept, [format!("Bcc: <hidden@x.test>\r\n{MESSAGE}")]);
    world.run().await;
    world.drained().await;
    assert_eq!(world.hop.recipients(), [["x@far.test", "X@far.test"]]);
    assert_eq!(world.hop.taken.lock()[0].2, MESSAGE);
    assert!(
        world.inbox("alice").await.is_empty(),
        "no notice of success unless asked for"
    );
    let statistics = world.transport.queue_statistics();
    assert_eq!((statistics.queued, statistics.relayed), (1, 2));
    world.stop().await;
    assert!(world.mailboxes.check_holds(false).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_relay_mail_for_others_is_refused_and_for_ours_is_not() {
    let world = World::with(Settings::default()).await;
    let far = "x@far.test".parse().unwrap();
    let refusal = world.transport.destination(&far, None).unwrap_err();
    assert_eq!((refusal.code, refusal.status), (550, Status(5, 7, 1)));
    let nobody = "nobody@demo.test".parse().unwrap();
    let refusal = world.transport.destination(&nobody, None).unwrap_err();
    assert_eq!((refusal.code, refusal.status), (550, Status(5, 1, 1)));
    let sent = world.send(&["bob@demo.test"]).await;
    assert_eq!(
        sent,
        Submitted {
            delivered: 1,
            queued: 0,
            id: None
        }
    );
    assert_eq!(world.texts("alice", SpecialUse::Sent).await.len(), 1);
}

/// A full mailbox keeps no message from the others; the one that is full is tried again.
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_of_ours_waits_in_the_queue() {
    let mut world = World::new().await;
    let full = Limits {
        bytes: 10,
        items: 0,
    };
    let bob = world.mailbox("bob").await;
    bob.set_quota(full).await.unwrap();
    let message = world.message(&["bob@demo.test"]).await;
    let refusal = world.transport.submit(message).await.unwrap_err();
    assert_eq!(
        refusal.code, 452,
        "nobody else: the sender hears it at once"
    );
    let message = world.message(&["bob@demo.test", "carol@demo.test"]).await;
    let sent = world.transport.submit(message).await.unwrap();
    assert_eq!((sent.delivered, sent.queued), (1, 1));
    bob.set_quota(Limits::default()).await.unwrap();
    world.run().await;
    while world.inbox("bob").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    }
    assert_eq!(world.inbox("bob").await.len(), 1);
    assert_eq!(world.inbox("carol").await.len(), 1);
    world.stop().await;
    assert!(world.transport.queue(None, 1).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_does_not_fit_keeps_no_message_back() {
    let mut world = World::new().await;
    let full = Limits {
        bytes: 10,
        items: 0,
    };
    world.mailbox("alice").await.set_quota(full).await.unwrap();
    let sent = world.send(&["x@far.test", "bob@demo.test"]).await;
    assert_eq!((sent.delivered, sent.queued), (1, 1));
    world.run().await;
    world.drained().await;
    assert!(world.texts("alice", SpecialUse::Sent).await.is_empty());
}

/// What leaves is signed by the sender's domain, what stays is not; the recipient has the signature on top.
#[tokio::test(start_paused = true)]
async fn what_leaves_is_signed() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let signers = ["other.test", "demo.test"]
        .map(|domain| DkimSigner::new(domain, "s1", DkimKey::from_pem(KEY.as_bytes()).unwrap()));
    let mut world = World::with(Settings {
        relay: Relay::Smarthost,
        dkim: signers.into(),
        ..Settings::default()
    })
    .await;
    world.send(&["x@far.test", "bob@demo.test"]).await;
    world.run().await;
    world.drained().await;
    let taken = world.hop.taken.lock()[0].2.clone();
    assert!(taken.starts_with("DKIM-Signature: v=1; c=relaxed/relaxed; q=dns/txt; a=ed25519-sha256;\r\n\td=demo.test; s=s1;"), "{taken}");
    assert!(taken.ends_with(MESSAGE));
    assert!(!world.inbox("bob").await[0].contains("DKIM"));
    // Of the author's domain, which is the one that recipients look at.
    let text = MESSAGE.replace("demo.test", "Other.test");
    assert!(text.contains("From: "), "{text}");
    let mut message = world.message(&["x@far.test"]).await;
    message.received = world.received(&text).await;
    world.transport.submit(message).await.unwrap();
    world.drained().await;
    let taken = world.hop.taken.lock()[1].2.clone();
    assert!(taken.contains("\td=other.test; s=s1;"), "{taken}");
}

/// The others have it, here and elsewhere; whoever was full has it later, and once.
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_among_others_and_elsewhere() {
    let mut world = World::new().await;
    world.run().await;
    let full = Limits {
        bytes: 10,
        items: 0,
    };
    let bob = world.mailbox("bob").await;
    bob.set_quota(full).await.unwrap();
    let sent = world
        .send(&["x@far.test", "bob@demo.test", "carol@demo.test"])
        .await;
    assert_eq!((sent.delivered, sent.queued), (1, 2));
    assert_eq!(world.inbox("carol").await.len(), 1);
    world.hop.something.notified().await;
    let waiting = |entries: Vec<fieldpost_transport::QueueEntry>| -> Vec<(String, u32)> {
        let recipients = entries.into_iter().flat_map(|entry| entry.recipients);
        recipients
            .map(|one| (one.address.to_string(), one.attempts))
            .collect()
    };
    while world.transport.queue_statistics().working > 0 {
        tokio::task::yield_now().await;
    }
    let left = waiting(world.transport.queue(None, 9).await.unwrap());
    assert_eq!(left, [("bob@demo.test".to_owned(), 1)]);
    bob.set_quota(Limits::default()).await.unwrap();
    while world.inbox("bob").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    }
    world.stop().await;
    assert!(world.transport.queue(None, 1).await.unwrap().is_empty());
    assert_eq!(world.inbox("bob").await.len(), 1);
    assert_eq!(world.inbox("carol").await.len(), 1);
    assert_eq!(world.hop.recipients(), [["x@far.test"]]);
    assert!(world.mailboxes.check_holds(false).await.unwrap().is_empty());
}
