//! What senders are told (RFC 3464).

use fieldpost_mailbox::AccountId;
use fieldpost_transport::{Envelope, Notify, Ret};

use super::world::{MESSAGE, Order, World};

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_in_words_and_in_fields() {
    let mut world = World::new().await;
    world.hop.order([Order::Answer(vec![Err(550), Ok(())])]);
    let mut message = world.message(&["gone@far.test", "there@far.test"]).await;
    message.envelope.envelope_id = Some("id+2B1".into());
    message.recipients[0].original = Some("rfc822;old+2Bname@far.test".into());
    world.transport.submit(message).await.unwrap();
    world.run().await;
    world.drained().await;
    let inbox = world.inbox("alice").await;
    let notice = &inbox[0];
    assert_eq!(inbox.len(), 1);
    assert!(notice.starts_with(
        "Return-Path: <>\r\nDelivered-To: alice@demo.test\r\nFrom: Mail Delivery System"
    ));
    for line in [
        "Subject: Undelivered mail",
        "Auto-Submitted: auto-replied",
        "In-Reply-To: <1@demo.test>",
        "Reporting-MTA: dns; mail.demo.test",
        "Original-Envelope-Id: id+1",
        "Original-Recipient: rfc822;old+name@far.test",
        "Final-Recipient: rfc822; gone@far.test",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 the hop says so",
        "Content-Type: message/delivery-status",
        "Content-Type: text/rfc822-headers",
        "Subject: out",
    ] {
        assert!(
            notice.contains(&format!("\r\n{line}")),
            "{line} in {notice}"
        );
    }
    assert!(!notice.contains("there@far.test"));
    assert!(!notice.contains("Going out."), "the header only");
    let mailbox = world.mailbox("alice").await;
    let folder = mailbox
        .special(fieldpost_mailbox::SpecialUse::Inbox)
        .await
        .unwrap();
    let item = mailbox.item(folder.id, 1).await.unwrap();
    let summary = item.summary().unwrap();
    let kinds: Vec<String> = summary
        .structure
        .children()
        .iter()
        .map(|part| part.subtype.clone())
        .collect();
    assert_eq!(kinds.len(), 3, "a report of three parts: {kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn the_sender_says_what_he_wants_to_hear() {
    let mut world = World::new().await;
    world
        .hop
        .order([Order::Answer(vec![Err(550)]), Order::Answer(vec![Err(550)])]);
    let mut message = world.message(&["gone@far.test"]).await;
    message.recipients[0].notify = Notify::NEVER;
    world.transport.submit(message).await.unwrap();
    world.run().await;
    world.drained().await;
    assert!(world.inbox("alice").await.is_empty());
    let mut message = world.message(&["gone@far.test"]).await;
    message.envelope.ret = Some(Ret::Full);
    world.transport.submit(message).await.unwrap();
    world.drained().await;
    let inbox = world.inbox("alice").await;
    assert!(
        inbox[0].contains("Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@demo.test>"),
        "{}",
        inbox[0]
    );
    assert!(inbox[0].contains(&format!("{MESSAGE}\r\n--")));
}

#[tokio::test(start_paused = true)]
async fn success_is_told_by_the_last_who_can() {
    let mut world = World::new().await;
    world.run().await;
    let wanted = Notify {
        success: true,
        ..Notify::default()
    };
    for notifies in [false, true] {
        *world.hop.notifies.lock() = notifies;
        let mut message = world.message(&["a@far.test"]).await;
        message.recipients[0].notify = wanted;
        world.transport.submit(message).await.unwrap();
        world.drained().await;
    }
    let inbox = world.inbox("alice").await;
    assert_eq!(inbox.len(), 1, "not of the one whose next hop tells itself");
    assert!(inbox[0].contains("Action: relayed"));
    let mut message = world.message(&["bob@demo.test"]).await;
    message.recipients[0].notify = wanted;
    world.transport.submit(message).await.unwrap();
    while world.inbox("alice").await.len() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(world.inbox("alice").await[1].contains("Action: delivered"));
    assert_eq!(world.inbox("bob").await.len(), 1);
}

/// A sender elsewhere is told through the organisation's outbox; nobody is told of a notice that can't be delivered.
#[tokio::test(start_paused = true)]
async fn senders_elsewhere_are_told_and_notices_are_not_answered() {
    let mut world = World::new().await;
    world
        .hop
        .order([Order::Answer(vec![Err(550)]), Order::Answer(vec![Err(550)])]);
    let mut message = world.message(&["gone@far.test"]).await;
    message.account = AccountId::ORGANISATION;
    message.envelope = Envelope {
        sender: "somebody@far.test".parse().ok(),
        ..Envelope::default()
    };
    world.transport.submit(message).await.unwrap();
    world.run().await;
    world.drained().await;
    assert_eq!(
        world.hop.recipients(),
        [["gone@far.test"], ["somebody@far.test"]]
    );
    let taken = world.hop.taken.lock()[1].2.clone();
    assert!(taken.contains("Action: failed"), "{taken}");
    assert_eq!(world.transport.queue_statistics().notices, 1);
}
