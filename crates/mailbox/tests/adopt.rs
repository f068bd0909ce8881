//! Folders that come from another server keep their uids, and no uid ever gets another meaning.

#![allow(clippy::unwrap_used)]

mod support;

use fieldpost_mailbox::{
    Depth, Flags, FolderKind, ImportKey, Imported, Mailbox, NewFolder, NewItem,
};
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

#[tokio::test]
async fn an_adoption_goes_on_where_it_broke_off_and_with_what_came_there_since() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    assert!(mailbox.adopt_uids(inbox, OLD, 50).await.unwrap());
    add_as(&world, &mailbox, inbox, 3).await;
    // It broke off here; the other server got one more meanwhile.
    assert!(!mailbox.adopt_uids(inbox, OLD - 1, 51).await.unwrap());
    assert!(mailbox.adopt_uids(inbox, OLD, 51).await.unwrap());
    add_as(&world, &mailbox, inbox, 7).await;
    add_as(&world, &mailbox, inbox, 50).await;
    mailbox.end_adoption(inbox).await.unwrap();
    // And more, once and again.
    for (uid, next) in [(55, 60), (60, 61), (61, 70)] {
        assert!(mailbox.adopt_uids(inbox, OLD, next).await.unwrap());
        add_as(&world, &mailbox, inbox, uid).await;
        mailbox.end_adoption(inbox).await.unwrap();
    }
    assert_eq!(uids(&mailbox, inbox).await, [3, 7, 50, 55, 60, 61]);
    // Ours came between: from now on the two go their own ways.
    assert_eq!(add(&world, &mailbox, inbox, 100).await, 70);
    assert!(!mailbox.adopt_uids(inbox, OLD, 80).await.unwrap());
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_imported_is_remembered_when_it_is_gone() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let key = |item: u8| ImportKey {
        folder: [1; 16],
        item: [item; 16],
    };
    let mut item = NewItem::new(world.receive(message(1).as_bytes()).await);
    item.flags = Flags::SEEN;
    item.keywords = vec!["work".into()];
    item.imported = Some(key(1));
    let uid = mailbox.append(inbox, &item).await.unwrap().uid;
    mailbox
        .expunge(
            inbox,
            &[uid].into_iter().collect(),
            fieldpost_mailbox::Expunge::All,
        )
        .await
        .unwrap();
    let found = mailbox.imported(&[1; 16]).await.unwrap();
    let mut imported = Imported {
        folder: inbox,
        uid,
        flags: Flags::SEEN,
        keywords: vec!["work".into()],
    };
    assert_eq!(found[&[1; 16]], imported);
    imported.flags = Flags::EMPTY;
    mailbox
        .note_imported(&[(key(1), imported.clone()), (key(2), imported.clone())])
        .await
        .unwrap();
    let found = mailbox.imported(&[1; 16]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&[1; 16]], imported);
    assert!(mailbox.imported(&[2; 16]).await.unwrap().is_empty());
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}
