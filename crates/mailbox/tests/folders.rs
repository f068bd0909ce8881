//! Folders: names, hierarchy, deletion, what watchers hear.

#![allow(clippy::unwrap_used)]

mod support;

use std::{pin::pin, time::Duration};

use fieldpost_mailbox::{
    Error, FolderId, FolderKind, HierarchySince, MAX_FOLDER_DEPTH, NameError, NewFolder, SpecialUse,
};
use fieldpost_store::{MemoryStore, Scan, Store};
use support::*;
use tokio::time::Instant;

fn top(name: &str) -> NewFolder {
    NewFolder {
        name: name.to_owned(),
        ..NewFolder::default()
    }
}

fn below(parent: FolderId, name: &str) -> NewFolder {
    NewFolder {
        parent: Some(parent),
        ..top(name)
    }
}

#[tokio::test]
async fn opening_makes_the_special_folders_once() {
    let world = World::new();
    let (one, other) = tokio::join!(world.mailboxes.open(ALICE), world.mailboxes.open(ALICE));
    let (one, other) = (one.unwrap(), other.unwrap());
    let folders = one.folders().await.unwrap();
    assert_eq!(folders, other.folders().await.unwrap());
    assert_eq!(folders.len(), SpecialUse::of_every_account().count());
    for special_use in SpecialUse::of_every_account() {
        let folder = one.special(special_use).await.unwrap();
        assert_eq!(folder.name, special_use.default_name());
        assert_eq!(folder.kind, special_use.kind());
        assert!(folder.subscribed && folder.uid_next == 1);
    }
    let again = World::with(world.store.clone(), |_| {});
    assert_eq!(
        again
            .mailboxes
            .open(ALICE)
            .await
            .unwrap()
            .folders()
            .await
            .unwrap(),
        folders
    );
    let calendar = one.special(SpecialUse::Calendar).await.unwrap();
    assert_eq!(calendar.kind, FolderKind::Calendar);
}

/// Fault 16: INBOX in every case, 1,000 levels.
#[tokio::test]
async fn inbox_in_any_case_is_the_inbox_and_depth_is_bounded() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    for name in ["inbox", "Inbox", "iNBOX"] {
        assert_eq!(mailbox.folder_at(&[name]).await.unwrap().unwrap().id, inbox);
        assert!(matches!(
            mailbox.create_folder(&top(name)).await,
            Err(Error::FolderExists(id)) if id == inbox
        ));
    }
    assert!(mailbox.folder_at(&["inbox", "x"]).await.unwrap().is_none());
    let mut parent = mailbox
        .create_folder(&below(inbox, "Inbox"))
        .await
        .unwrap()
        .id;
    for level in 3..=MAX_FOLDER_DEPTH {
        parent = mailbox
            .create_folder(&below(parent, "x"))
            .await
            .unwrap_or_else(|error| panic!("{level}: {error}"))
            .id;
    }
    assert!(matches!(
        mailbox.create_folder(&below(parent, "x")).await,
        Err(Error::Name(NameError::TooDeep))
    ));
    let side = mailbox.create_folder(&top("side")).await.unwrap().id;
    let leaf = mailbox
        .create_folder(&below(side, "leaf"))
        .await
        .unwrap()
        .id;
    let above = mailbox.folder(parent).await.unwrap().parent;
    assert!(matches!(
        mailbox.move_folder(side, above, "side").await,
        Err(Error::Name(NameError::TooDeep))
    ));
    mailbox.move_folder(leaf, above, "leaf").await.unwrap();
}

#[tokio::test]
async fn folders_move_but_not_below_themselves_and_siblings_differ() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let a = mailbox.create_folder(&top("a")).await.unwrap().id;
    let b = mailbox.create_folder(&below(a, "b")).await.unwrap().id;
    let c = mailbox.create_folder(&below(b, "c")).await.unwrap().id;
    assert!(matches!(
        mailbox.move_folder(a, Some(c), "a").await,
        Err(Error::Cycle(_))
    ));
    assert!(matches!(
        mailbox.move_folder(a, Some(a), "a").await,
        Err(Error::Cycle(_))
    ));
    assert!(matches!(
        mailbox.move_folder(a, None, "Sent").await,
        Err(Error::FolderExists(_))
    ));
    assert!(matches!(
        mailbox.move_folder(a, None, "inbox").await,
        Err(Error::FolderExists(_))
    ));
    assert!(matches!(
        mailbox.move_folder(inbox, None, "x").await,
        Err(Error::SpecialFolder(_))
    ));
    assert!(matches!(
        mailbox.create_folder(&below(FolderId(99), "x")).await,
        Err(Error::NoSuchFolder(FolderId(99)))
    ));
    mailbox.move_folder(c, None, "A").await.unwrap();
    assert_eq!(mailbox.folder_at(&["A"]).await.unwrap().unwrap().id, c);
    assert_eq!(mailbox.folder_at(&["a", "b"]).await.unwrap().unwrap().id, b);
    assert!(matches!(
        mailbox.delete_folder(a).await,
        Err(Error::HasChildren(_))
    ));
    assert!(matches!(
        mailbox.delete_folder(inbox).await,
        Err(Error::SpecialFolder(_))
    ));
}

#[tokio::test]
async fn a_deleted_folder_leaves_nothing_behind_and_its_name_gets_another_uid_validity() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |_| {});
    let (mailbox, inbox) = world.alice().await;
    let old = mailbox.create_folder(&top("big")).await.unwrap();
    for number in 0..150 {
        add(&world, &mailbox, old.id, number).await;
    }
    let uids = fieldpost_mailbox::UidSet::from_ranges([1..=10]);
    mailbox.move_items(old.id, &uids, inbox).await.unwrap();
    let since = mailbox.mod_seq().await.unwrap();
    mailbox.delete_folder(old.id).await.unwrap();
    assert!(matches!(
        mailbox.view(old.id).await,
        Err(Error::NoSuchFolder(_))
    ));
    assert!(matches!(
        mailbox.changes(old.id, 0).await,
        Err(Error::NoSuchFolder(_))
    ));
    assert_eq!(mailbox.quota().await.unwrap().used_items, 10);
    assert_eq!(store.bodies(), 10);
    for table in [0x43, 0x44, 0x45, 0x46] {
        let mut prefix = vec![table];
        prefix.extend_from_slice(&old.id.0.to_be_bytes());
        assert_eq!(
            store.scan(ALICE, Scan::prefix(prefix)).await.unwrap().len(),
            0
        );
    }
    let HierarchySince::Known { gone, .. } = mailbox.hierarchy_changes(since).await.unwrap() else {
        panic!("too old");
    };
    assert_eq!(gone, [old.id]);
    let new = mailbox.create_folder(&top("big")).await.unwrap();
    assert_ne!(new.id, old.id);
    assert!(new.uid_validity > old.uid_validity);
    assert_eq!(
        mailbox
            .check(fieldpost_mailbox::Depth::Bodies)
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn the_number_of_folders_is_bounded() {
    let world = World::with(MemoryStore::new(), |settings| settings.max_folders = 12);
    let (mailbox, _) = world.alice().await;
    for number in 0..2 {
        mailbox
            .create_folder(&top(&number.to_string()))
            .await
            .unwrap();
    }
    assert!(matches!(
        mailbox.create_folder(&top("more")).await,
        Err(Error::TooManyFolders(12))
    ));
}

#[tokio::test]
async fn watchers_hear_of_their_folders_and_of_the_list() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let sent = mailbox.special(SpecialUse::Sent).await.unwrap().id;
    let mut watch = mailbox.watch([inbox, FolderId::HIERARCHY]);
    let mut other = mailbox.watch([sent]);
    add(&world, &mailbox, inbox, 1).await;
    let heard = watch.next().await.unwrap();
    let highest = mailbox.folder(inbox).await.unwrap().highest_mod_seq;
    assert_eq!(heard[..], [(inbox, highest)]);
    mailbox.create_folder(&top("new")).await.unwrap();
    let heard = watch.next().await.unwrap();
    assert_eq!(
        heard[..],
        [(FolderId::HIERARCHY, mailbox.mod_seq().await.unwrap())]
    );
    tokio::select! {
        biased;
        heard = other.next() => panic!("{heard:?}"),
        () = std::future::ready(()) => {}
    }
    let uids = fieldpost_mailbox::UidSet::all();
    mailbox.move_items(inbox, &uids, sent).await.unwrap();
    assert_eq!(other.next().await.unwrap()[0].0, sent);
    assert_eq!(watch.next().await.unwrap()[0].0, inbox);
}

/// Fault 24: two sessions at once.
#[tokio::test]
async fn a_maildrop_has_one_session_at_a_time() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let again = world.mailboxes.open(ALICE).await.unwrap();
    let guard = mailbox.exclusive(inbox).unwrap();
    assert!(again.exclusive(inbox).is_none());
    let sent = mailbox.special(SpecialUse::Sent).await.unwrap().id;
    assert!(again.exclusive(sent).is_some());
    let bob = world.mailboxes.open(BOB).await.unwrap();
    assert!(bob.exclusive(inbox).is_some());
    drop(guard);
    assert!(again.exclusive(inbox).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_is_waited_for() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let wait = Duration::from_secs(5);
    let guard = mailbox.exclusive(inbox).unwrap();
    let start = Instant::now();
    assert!(mailbox.exclusive_within(inbox, wait).await.is_none());
    assert!(start.elapsed() >= wait && start.elapsed() < 2 * wait);

    let turn = || async { drop(mailbox.exclusive_within(inbox, wait).await.unwrap()) };
    let mut both = pin!(async { tokio::join!(turn(), turn()) });
    tokio::select! {
        biased;
        _ = &mut both => panic!("two sessions have one maildrop"),
        () = std::future::ready(()) => drop(guard),
    }
    both.await;
    assert!(
        start.elapsed() < 2 * wait,
        "told, not found by the end of the wait"
    );
}
