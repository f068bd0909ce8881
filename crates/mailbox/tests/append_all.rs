//! Taking in several items at once, and making a path of folders at once: all or nothing.

#![allow(clippy::unwrap_used)]

mod support;

use fieldpost_mailbox::{
    Depth, Error, Flags, FolderKind, Limits, NameError, NewItem, SpecialUse, UidSet,
    has_room_for_more,
};
use fieldpost_store::MemoryStore;
use support::*;

async fn items(world: &World, numbers: impl IntoIterator<Item = u32>) -> Vec<NewItem> {
    let mut items = Vec::new();
    for number in numbers {
        items.push(NewItem::new(
            world.receive(message(number).as_bytes()).await,
        ));
    }
    items
}

#[tokio::test]
async fn several_items_are_one_change() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let before = mailbox.mod_seq().await.unwrap();
    let mut new = items(&world, 1..=3).await;
    new[1].flags = Flags::SEEN;
    new[1].keywords = vec!["$One".into(), "$Two".into()];
    new[2].keywords = vec!["$Two".into()];
    new[2].internal_date = Some(7);
    let appended = mailbox.append_all(inbox, &new).await.unwrap();
    assert_eq!(
        appended
            .iter()
            .map(|one| (one.uid, one.mod_seq))
            .collect::<Vec<_>>(),
        [1, 2, 3].map(|uid| (uid, before + 1))
    );
    let view = mailbox.view(inbox).await.unwrap();
    let labels = mailbox.labels().await.unwrap();
    let row = view.by_uid(2).unwrap();
    assert_eq!(row.flags, Flags::SEEN);
    assert_eq!(
        labels.keywords(row.labels).collect::<Vec<_>>(),
        ["$One", "$Two"]
    );
    assert_eq!(view.by_uid(3).unwrap().internal_date, 7);
    for uid in 1..=3 {
        let item = mailbox.item(inbox, uid).await.unwrap();
        assert_eq!(bytes_of(&mailbox, &item).await, message(uid));
    }
    assert!(mailbox.append_all(inbox, &[]).await.unwrap().is_empty());
    assert_eq!(mailbox.mod_seq().await.unwrap(), before + 1);
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}

#[tokio::test]
async fn answers_in_one_commit_join_their_thread_and_a_message_may_come_twice() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |settings| settings.thread_memory = 2);
    let (mailbox, inbox) = world.alice().await;
    let mut new = Vec::new();
    for text in [
        "Message-ID: <a@x>\r\n\r\nHow?\r\n",
        "Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\nSo.\r\n",
        "Message-ID: <c@x>\r\nIn-Reply-To: <b@x>\r\n\r\nThanks.\r\n",
        "Message-ID: <d@x>\r\n\r\nElse.\r\n",
    ] {
        new.push(NewItem::new(world.receive(text.as_bytes()).await));
    }
    new.push(new[3].clone());
    let appended = mailbox.append_all(inbox, &new).await.unwrap();
    assert_eq!(appended[1].thread, appended[0].thread);
    assert_eq!(appended[2].thread, appended[0].thread);
    assert_ne!(appended[3].thread, appended[0].thread);
    assert_eq!(appended[4].thread, appended[3].thread);
    assert_ne!(appended[4].content, appended[3].content);
    assert_eq!(store.bodies(), 4);
    use fieldpost_store::{Scan, Store};
    let scan = Scan::prefix(vec![0x49]);
    assert_eq!(store.scan(ALICE, scan).await.unwrap().len(), 2);
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused_together() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |_| {});
    let (mailbox, inbox) = world.alice().await;
    let limits = Limits { bytes: 0, items: 2 };
    mailbox.set_quota(limits).await.unwrap();
    let new = items(&world, 1..=3).await;
    assert!(matches!(
        mailbox.append_all(inbox, &new).await,
        Err(Error::OverQuota { what: "items", .. })
    ));
    assert_eq!(uids(&mailbox, inbox).await, []);
    let mut new = new[..2].to_vec();
    new[1].keywords = vec!["not a keyword".into()];
    assert!(matches!(
        mailbox.append_all(inbox, &new).await,
        Err(Error::BadKeyword(_))
    ));
    assert_eq!(uids(&mailbox, inbox).await, []);
    assert_eq!(mailbox.folder(inbox).await.unwrap().uid_next, 1);
}

#[tokio::test]
async fn a_lot_too_large_for_one_commit_is_still_all_or_nothing() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |_| {});
    let (mailbox, inbox) = world.alice().await;
    let one = items(&world, [1]).await.remove(0);
    let mut new = vec![one; 1100];
    assert!(has_room_for_more(&new[..1023]));
    assert!(!has_room_for_more(&new[..1024]));
    let appended = mailbox.append_all(inbox, &new).await.unwrap();
    assert!(appended.iter().map(|one| one.uid).eq(1..=1100));
    assert_eq!(appended[1099].mod_seq, appended[0].mod_seq + 1);
    new[1050].keywords = vec!["not a keyword".into()];
    assert!(mailbox.append_all(inbox, &new).await.is_err());
    assert_eq!(mailbox.folder(inbox).await.unwrap().counters.exists, 1100);
    assert_eq!(mailbox.quota().await.unwrap().used_items, 1100);
    let everything = mailbox.view(inbox).await.unwrap();
    assert_eq!(everything.within(&UidSet::all()).count(), 1100);
    assert_eq!(mailbox.check(Depth::Records).await.unwrap(), []);
}

#[tokio::test]
async fn a_path_is_made_with_its_missing_levels_in_one_commit() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let before = mailbox.mod_seq().await.unwrap();
    let path = ["inbox", "Projects", "2026"];
    let made = mailbox
        .create_path(&path, FolderKind::Mail, None)
        .await
        .unwrap();
    assert_eq!(mailbox.mod_seq().await.unwrap(), before + 1);
    assert_eq!(mailbox.folder_at(&path).await.unwrap().unwrap(), made);
    let above = mailbox.folder(made.parent.unwrap()).await.unwrap();
    assert_eq!((above.parent, above.subscribed), (Some(inbox), false));
    assert_ne!(above.uid_validity, made.uid_validity);
    for (path, expected) in [
        (&path[..], "a folder of that name exists"),
        (&["INBOX"][..], "a folder of that name exists"),
        (&[][..], "not a folder name"),
        (&["a", "", "b"][..], "not a folder name"),
        (&["a", "b", ".."][..], "not a folder name"),
        (&["x"; 33][..], "not a folder name: more than 32 levels"),
    ] {
        let error = mailbox
            .create_path(path, FolderKind::Mail, None)
            .await
            .unwrap_err();
        assert!(error.to_string().starts_with(expected), "{path:?}: {error}");
    }
    assert_eq!(mailbox.mod_seq().await.unwrap(), before + 1);
    assert!(matches!(
        mailbox.create_path(&["a\0"], FolderKind::Mail, None).await,
        Err(Error::Name(NameError::Control))
    ));
}

#[tokio::test]
async fn a_special_use_is_given_once_and_only_where_it_fits() {
    let world = World::with(MemoryStore::new(), |settings| settings.max_folders = 12);
    let (mailbox, inbox) = world.alice().await;
    let create = async |kind, special_use| {
        mailbox
            .create_path(&["Mine"], kind, Some(special_use))
            .await
            .unwrap_err()
    };
    assert!(matches!(
        create(FolderKind::Mail, SpecialUse::Sent).await,
        Error::SpecialUseTaken(name) if name == "Sent"
    ));
    assert!(matches!(
        create(FolderKind::Mail, SpecialUse::Inbox).await,
        Error::SpecialUseRefused(SpecialUse::Inbox)
    ));
    assert!(matches!(
        create(FolderKind::Mail, SpecialUse::Calendar).await,
        Error::SpecialUseRefused(SpecialUse::Calendar)
    ));
    assert!(mailbox.folder_at(&["Mine"]).await.unwrap().is_none());
    assert!(matches!(
        mailbox
            .create_path(&["a", "b", "c"], FolderKind::Mail, None)
            .await,
        Err(Error::TooManyFolders(12))
    ));
    mailbox
        .create_path(&["a", "b"], FolderKind::Mail, None)
        .await
        .unwrap();
    assert_eq!(mailbox.folder(inbox).await.unwrap().uid_next, 1);
}
