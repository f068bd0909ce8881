//! Groups, catch-all, folders named by an address, marked spam.

use std::{collections::HashMap, sync::Arc};

use fieldpost_directory::{Group, GroupSenders};
use fieldpost_mailbox::{FolderKind, NewFolder, SpecialUse};
use fieldpost_transport::{
    Address, Addressee, Destination, Envelope, Refusal, Relay, Settings, SpamMark, Status,
};

use super::world::World;

async fn group(world: &World, address: &str, members: &[&str], senders: GroupSenders) {
    let group = Group {
        address: address.parse().unwrap(),
        description: String::new(),
        members: members.iter().map(|one| one.parse().unwrap()).collect(),
        senders,
    };
    world.directory.add_group(group).await.unwrap();
}

/// Mail from outside, as LMTP brings it; the results of its recipients.
async fn comes(
    world: &World,
    sender: &str,
    recipients: &[&str],
    text: &str,
) -> Vec<Result<(), u16>> {
    let sender: Option<Address> = sender.parse().ok();
    let mut addressees = Vec::new();
    for recipient in recipients {
        let address: Address = recipient.parse().unwrap();
        match world.transport.inbound(&address, sender.as_ref()) {
            Ok(destination) => addressees.push(Addressee::new(address, destination)),
            Err(refusal) => return vec![Err(refusal.code)],
        }
    }
    let received = world.arrived(text).await;
    let envelope = Envelope {
        sender,
        ..Envelope::default()
    };
    let results = world
        .transport
        .distribute(envelope, received, addressees)
        .all()
        .await;
    results
        .into_iter()
        .map(|result| result.map(drop).map_err(|refusal| refusal.code))
        .collect()
}

const TEXT: &str = "Subject: x\r\n\r\ny\r\n";

#[tokio::test(start_paused = true)]
async fn everybody_in_a_group_has_one_copy_however_often_he_is_named() {
    let mut world = World::new().await;
    let anyone = GroupSenders::Anyone;
    group(
        &world,
        "inner@demo.test",
        &["bob@demo.test", "x@far.test", "all@demo.test"],
        anyone.clone(),
    )
    .await;
    group(
        &world,
        "all@demo.test",
        &[
            "bob@demo.test",
            "carol@demo.test",
            "inner@demo.test",
            "gone@demo.test",
        ],
        anyone,
    )
    .await;
    let recipients = ["all@demo.test", "carol@demo.test", "inner@demo.test"];
    let results = comes(&world, "sender@far.test", &recipients, TEXT).await;
    assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(world.inbox("bob").await.len(), 1);
    assert_eq!(world.inbox("carol").await.len(), 1);
    world.run().await;
    world.drained().await;
    assert_eq!(world.hop.recipients(), [["x@far.test"]]);
    // The same by somebody of ours.
    let sent = world
        .send(&["inner@demo.test", "bob@demo.test", "x@far.test"])
        .await;
    assert_eq!((sent.delivered, sent.queued), (2, 1));
    assert_eq!(world.inbox("bob").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_may_send_to_a_group_is_decided_at_once() {
    let world = World::new().await;
    group(
        &world,
        "team@demo.test",
        &["bob@demo.test", "x@far.test"],
        GroupSenders::Members,
    )
    .await;
    let listed = GroupSenders::Listed(vec!["alice@demo.test".parse().unwrap()]);
    group(&world, "news@demo.test", &["bob@demo.test"], listed).await;
    group(
        &world,
        "empty@demo.test",
        &["nobody@demo.test"],
        GroupSenders::Anyone,
    )
    .await;
    for (sender, recipient, result) in [
        ("bob@demo.test", "team@demo.test", Ok(())),
        ("X@far.test", "team@demo.test", Ok(())),
        ("alice@demo.test", "team@demo.test", Err(550)),
        ("<>", "team@demo.test", Err(550)),
        ("alice@demo.test", "NEWS@demo.test", Ok(())),
        ("bob@demo.test", "news@demo.test", Err(550)),
        ("bob@demo.test", "empty@demo.test", Err(550)),
    ] {
        let results = comes(&world, sender, &[recipient], TEXT).await;
        assert_eq!(results, [result], "{sender} to {recipient}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_in_a_group_is_tried_again_and_keeps_nobody_waiting() {
    let mut world = World::new().await;
    group(
        &world,
        "team@demo.test",
        &["bob@demo.test", "carol@demo.test"],
        GroupSenders::Anyone,
    )
    .await;
    let bob = world.mailbox("bob").await;
    let full = fieldpost_mailbox::Limits { bytes: 5, items: 0 };
    bob.set_quota(full).await.unwrap();
    assert_eq!(
        comes(&world, "s@far.test", &["team@demo.test"], TEXT).await,
        [Ok(())]
    );
    assert_eq!(world.inbox("carol").await.len(), 1);
    bob.set_quota(fieldpost_mailbox::Limits::default())
        .await
        .unwrap();
    world.run().await;
    while world.inbox("bob").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    }
    assert_eq!(world.inbox("carol").await.len(), 1);
}

fn settings() -> Settings {
    Settings {
        relay: Relay::Smarthost,
        catch_all: HashMap::from([("demo.test".to_owned(), "carol@demo.test".parse().unwrap())]),
        spam_marks: Arc::from([SpamMark::parse("X-Spam-Flag: YES").unwrap()]),
        ..Settings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_may_name_a_folder_and_what_nobody_has_is_caught() {
    let world = World::with(settings()).await;
    let bob = world.mailbox("bob").await;
    let folder = bob
        .create_folder(&NewFolder {
            parent: None,
            name: "Lists".to_owned(),
            kind: FolderKind::Mail,
        })
        .await
        .unwrap()
        .id;
    for recipient in [
        "bob+lists@demo.test",
        "bob+other@demo.test",
        "Bob+@demo.test",
        "who@DEMO.test",
    ] {
        assert_eq!(
            comes(&world, "s@far.test", &[recipient], TEXT).await,
            [Ok(())],
            "{recipient}"
        );
    }
    assert_eq!(bob.folder(folder).await.unwrap().counters.exists, 1);
    assert_eq!(world.inbox("bob").await.len(), 1);
    let caught = world.inbox("carol").await;
    assert_eq!(caught.len(), 2);
    assert!(
        caught[1].contains("Delivered-To: who@DEMO.test\r\n"),
        "{}",
        caught[1]
    );
    let elsewhere: Address = "who@far.test".parse().unwrap();
    let refused: Result<Destination, Refusal> = world.transport.inbound(&elsewhere, None);
    assert_eq!(refused.unwrap_err().status, Status(5, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn marked_spam_goes_to_junk() {
    let mut world = World::with(settings()).await;
    world.with_spam_filing(settings());
    let spam = format!("X-Spam-Flag: YES\r\n{TEXT}");
    comes(&world, "s@far.test", &["bob@demo.test"], &spam).await;
    comes(&world, "s@far.test", &["bob@demo.test"], TEXT).await;
    assert_eq!(world.inbox("bob").await.len(), 1);
    assert_eq!(world.texts("bob", SpecialUse::Junk).await.len(), 1);
}

/// RFC 9228: what we delivered to somebody and comes again to him goes round in circles; with the count of Received fields alone it
/// would do so some fifteen times, and twice as often each time where two members of a group send it back.
#[tokio::test(start_paused = true)]
async fn what_comes_again_to_the_same_mailbox_or_group_is_refused() {
    let mut world = World::with(Settings {
        hostname: "mail.demo.test".to_owned(),
        ..settings()
    })
    .await;
    let members = ["bob@demo.test", "carol@demo.test", "x@far.test"];
    group(&world, "team@demo.test", &members, GroupSenders::Anyone).await;
    let ours =
        "Received: from mx.test\r\n\tby mail.demo.test (fieldpost) with LMTP\r\n\tid 1.1; x\r\n";
    let first = format!("{ours}{TEXT}");
    assert_eq!(
        comes(&world, "s@far.test", &["bob@demo.test"], &first).await,
        [Ok(())]
    );
    let delivered = world.inbox("bob").await.remove(0);
    let again = format!("{ours}Received: by far.test; x\r\n{delivered}");
    let recipients = ["bob@demo.test", "Bob+x@demo.test", "carol@demo.test"];
    assert_eq!(
        comes(&world, "s@far.test", &recipients, &again).await,
        [Err(554), Err(554), Ok(())],
        "each spelling of the same mailbox, and nobody else"
    );
    // A member who has it does not get it again, and keeps it from nobody.
    assert_eq!(
        comes(&world, "s@far.test", &["team@demo.test"], &again).await,
        [Ok(())]
    );
    assert_eq!(world.inbox("bob").await.len(), 1);
    assert_eq!(world.inbox("carol").await.len(), 2);
    world.run().await;
    world.drained().await;
    let left = world.hop.taken.lock()[0].2.clone();
    assert!(
        left.starts_with("Delivered-To: team@demo.test\r\nReceived: "),
        "{left}"
    );
    let back = format!("{ours}Received: by far.test; x\r\n{left}");
    assert_eq!(
        comes(
            &world,
            "s@far.test",
            &["TEAM@demo.test", "bob@demo.test"],
            &back
        )
        .await,
        [Err(554), Err(554)]
    );
    // By hand, with mutt's bounce: no circle.
    let resent = format!("{ours}Resent-From: <x@far.test>\r\nResent-To: <bob@demo.test>\r\n{left}");
    assert_eq!(
        comes(&world, "s@far.test", &["bob@demo.test"], &resent).await,
        [Ok(())]
    );
}
