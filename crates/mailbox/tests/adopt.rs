//! Folders that come from another server keep their uids, and no uid ever gets another meaning.

#![allow(clippy::unwrap_used)]

mod support;

use fieldpost_mailbox::{Depth, FolderKind, Mailbox, NewFolder, NewItem};
use support::*;

const OLD: u32 = 1_200_000_000;

async fn add_as(world: &World, mailbox: &Mailbox, folder: fieldpost_mailbox::FolderId, uid: u32) {
    let mut item = NewItem::new(world.receive(message(uid).as_bytes()).await);
    item.uid = Some(uid);
    mailbox.append(folder, &item).await.unwrap();
}

#[tokio::test]
async fn uids_and_what_the_other_server_gave_out_are_kept() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    assert_eq!(mailbox.view(inbox).await.unwrap().rows().count(), 0);
    assert!(mailbox.adopt_uids(inbox, OLD, 50).await.unwrap());
    assert_eq!(mailbox.view(inbox).await.unwrap().uid_validity, OLD);
    for uid in [3, 7, 40] {
        add_as(&world, &mailbox, inbox, uid).await;
    }
    // Not in order, and not that server's.
    add_as(&world, &mailbox, inbox, 60).await;
    add_as(&world, &mailbox, inbox, 41).await;
    assert_eq!(uids(&mailbox, inbox).await, [3, 7, 40, 50, 51]);
    mailbox.end_adoption(inbox).await.unwrap();
    assert_eq!(mailbox.folder(inbox).await.unwrap().uid_next, 52);
    assert!(!mailbox.adopt_uids(inbox, OLD - 1, 50).await.unwrap());
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}

#[tokio::test]
async fn mail_that_arrives_between_gets_no_uid_of_the_other_server() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    assert!(mailbox.adopt_uids(inbox, OLD, 50).await.unwrap());
    add_as(&world, &mailbox, inbox, 3).await;
    assert_eq!(add(&world, &mailbox, inbox, 100).await, 50);
    add_as(&world, &mailbox, inbox, 7).await;
    assert_eq!(uids(&mailbox, inbox).await, [3, 50, 51]);
}

#[tokio::test]
async fn without_another_item_the_folder_goes_on_behind_the_other_server() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    assert!(mailbox.adopt_uids(inbox, OLD, 50).await.unwrap());
    add_as(&world, &mailbox, inbox, 3).await;
    mailbox.end_adoption(inbox).await.unwrap();
    assert_eq!(mailbox.folder(inbox).await.unwrap().uid_next, 50);
    assert_eq!(mailbox.view(inbox).await.unwrap().uid_next, 50);
    add_as(&world, &mailbox, inbox, 9).await;
    assert_eq!(uids(&mailbox, inbox).await, [3, 50]);
}

#[tokio::test]
async fn a_uid_validity_is_taken_over_once_and_never_one_that_was_given_here() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let make = async |name: &str| {
        let new = NewFolder {
            parent: None,
            name: name.into(),
            kind: FolderKind::Mail,
        };
        mailbox.create_folder(&new).await.unwrap()
    };
    let one = make("One").await;
    assert!(mailbox.adopt_uids(one.id, OLD, 9).await.unwrap());
    // While that folder is there, and when it is gone.
    assert!(!mailbox.adopt_uids(inbox, OLD, 9).await.unwrap());
    mailbox.delete_folder(one.id).await.unwrap();
    let one = make("One").await;
    assert!(!mailbox.adopt_uids(one.id, OLD, 9).await.unwrap());
    // Given to a folder that is gone.
    let two = make("Two").await;
    mailbox.delete_folder(two.id).await.unwrap();
    let three = make("Three").await;
    for refused in [0, two.uid_validity, three.uid_validity, u32::MAX] {
        assert!(
            !mailbox.adopt_uids(three.id, refused, 9).await.unwrap(),
            "{refused}"
        );
    }
    // A later one is admitted once that time has come, and folders made afterwards have later ones still.
    world.time.pass(1000);
    let later = u32::try_from(world.time.now()).unwrap() - 5;
    assert!(mailbox.adopt_uids(three.id, later, 9).await.unwrap());
    assert!(make("Four").await.uid_validity > later);
    // A folder that had an item is not new, though it is empty.
    let uid = add(&world, &mailbox, one.id, 1).await;
    mailbox
        .expunge(
            one.id,
            &[uid].into_iter().collect(),
            fieldpost_mailbox::Expunge::All,
        )
        .await
        .unwrap();
    assert!(!mailbox.adopt_uids(one.id, OLD - 1, 9).await.unwrap());
}
