//! Check and repair, restore epochs, taking items out of a backup.

#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::HashMap, sync::Arc};

use fieldpost_mailbox::{
    ChangesSince, Depth, Expunge, FlagUpdate, Flags, NewFolder, NewItem, Problem, Selection,
    Settings, SpecialUse, UidSet, UpdateMode, restored,
};
use fieldpost_store::{Commit, Committed, MemoryStore, Scan, StageOptions, Store, read_to_end};
use support::*;

async fn filled(store: Arc<dyn Store>) -> World {
    let world = World::with(store, |_| {});
    let (mailbox, inbox) = world.alice().await;
    for number in 0..90 {
        add(&world, &mailbox, inbox, number).await;
    }
    mailbox
        .expunge(inbox, &UidSet::from_ranges([5..=7]), Expunge::All)
        .await
        .unwrap();
    let archive = mailbox.special(SpecialUse::Archive).await.unwrap().id;
    mailbox
        .move_items(inbox, &UidSet::from_ranges([20..=29]), archive)
        .await
        .unwrap();
    let work = mailbox
        .create_folder(&NewFolder {
            name: "Work".into(),
            ..NewFolder::default()
        })
        .await
        .unwrap();
    mailbox
        .copy(inbox, &UidSet::from_ranges([1..=3]), work.id)
        .await
        .unwrap();
    let red = FlagUpdate::categories(UpdateMode::Add, ["Red"]);
    mailbox
        .update_flags(work.id, &UidSet::all(), &red, None)
        .await
        .unwrap();
    world
}

async fn change(store: &dyn Store, key: &[u8], value: Option<Vec<u8>>) {
    let mut commit = Commit::new(ALICE);
    match value {
        Some(value) => commit.put(key.to_vec(), value),
        None => commit.delete(key.to_vec()),
    };
    let Committed::Accepted(_) = store.commit(commit).await.unwrap() else {
        panic!("conflict");
    };
}

/// Fault "a flipped bit in any record": every record of an account damaged in turn, cut or lost: the rest stays readable,
/// check reports it, repair leaves a sound account.
#[tokio::test]
async fn any_damaged_record_costs_only_itself() {
    let store = MemoryStore::new();
    let world = filled(store.clone()).await;
    let (mailbox, _) = world.alice().await;
    let mut whole = HashMap::new();
    for folder in mailbox.folders().await.unwrap() {
        whole.insert(folder.id, mailbox.view(folder.id).await.unwrap().len());
    }
    let keys = store.scan(ALICE, Scan::prefix(Vec::new())).await.unwrap();
    let mut unnoticed = 0;
    for (number, (key, value)) in keys.iter().enumerate() {
        // Threads are hints; a table of which each third record will do.
        if key[0] >= 0x48 || (keys.len() > 100 && key[0] == 0x46 && number % 5 != 0) {
            continue;
        }
        for damage in 0..3 {
            let copy = copy_of(&*store).await;
            let damaged = match damage {
                0 => Some(value[..value.len() / 2].to_vec()),
                1 => None,
                _ => {
                    let mut flipped = value.to_vec();
                    let at = number % flipped.len();
                    flipped[at] ^= 0x81;
                    Some(flipped)
                }
            };
            change(&*copy, key, damaged).await;
            let world = World::with(copy.clone(), |_| {});
            let mailbox = world.mailboxes.open_existing(ALICE).await;
            if let Ok(Some(mailbox)) = &mailbox {
                let own =
                    (key.len() >= 9).then(|| u64::from_be_bytes(key[1..9].try_into().unwrap()));
                for folder in mailbox.folders().await.unwrap() {
                    if Some(folder.id.0) != own {
                        let seen = mailbox.view(folder.id).await.unwrap().len();
                        assert_eq!(
                            seen, whole[&folder.id],
                            "{key:?} damaged, folder {}",
                            folder.id
                        );
                    }
                }
                assert!(mailbox.folders().await.unwrap().len() >= whole.len() - 1);
            } else {
                assert_eq!(
                    key[0], 0x40,
                    "only a damaged head keeps an account from being opened"
                );
            }
            let mailbox = world.mailboxes.open(BOB).await.unwrap();
            assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
            // A handle on the damaged account, opened or not.
            let damaged = World::with(copy.clone(), |_| {});
            let found = repair(&damaged).await;
            unnoticed += u32::from(found == 0);
            damaged.mailboxes.check_holds(true).await.unwrap();
            assert_eq!(damaged.mailboxes.check_holds(false).await.unwrap(), []);
            let mailbox = damaged.mailboxes.open(ALICE).await.unwrap();
            assert_eq!(
                mailbox.check(Depth::Bodies).await.unwrap(),
                [],
                "{key:?} {damage}"
            );
            let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
            let count = mailbox.view(inbox).await.unwrap().len();
            assert!(
                (76..=78).contains(&count) || key[0] == 0x41 || key[0] == 0x45,
                "{count} left with {key:?} {damage}"
            );
            add(&damaged, &mailbox, inbox, 1).await;
        }
    }
    drop(world);
    // A flipped bit may make another valid value (a date); the store's checksums see those.
    println!("{unnoticed} damages made valid values");
}

async fn repair(world: &World) -> usize {
    let accounts = world.mailboxes.repair_all().await.unwrap();
    accounts.iter().map(|(_, problems)| problems.len()).sum()
}

/// Everything of a store in another one; bodies keep their ids.
async fn copy_of(store: &dyn Store) -> Arc<MemoryStore> {
    let copy = MemoryStore::new();
    let mut staged = Vec::new();
    let mut commit = Commit::new(ALICE);
    for hold in store.holds(None, usize::MAX).await.unwrap() {
        if staged.iter().all(|(id, _)| *id != hold.body) {
            let mut reader = store.body(hold.body, 0..u64::MAX).await.unwrap();
            let bytes = read_to_end(&mut *reader, 1 << 20).await.unwrap();
            let options = StageOptions {
                id: Some(hold.body),
                ..StageOptions::default()
            };
            let mut writer = copy.stage_body(options).await.unwrap();
            writer.write(bytes).await.unwrap();
            staged.push((hold.body, writer.finish().await.unwrap()));
        }
        commit.hold(hold.body, hold.item);
    }
    for (key, value) in store.scan(ALICE, Scan::prefix(Vec::new())).await.unwrap() {
        commit.put(key, value);
    }
    commit.bodies = staged.into_iter().map(|(_, body)| body).collect();
    let Committed::Accepted(_) = copy.commit(commit).await.unwrap() else {
        panic!("conflict");
    };
    copy
}

#[tokio::test]
async fn holds_that_do_not_fit_are_found_and_mended() {
    let store = MemoryStore::new();
    let world = filled(store.clone()).await;
    let holds = store.holds(None, 1000).await.unwrap();
    let mut commit = Commit::new(ALICE);
    commit.release(holds[0].body, holds[0].item);
    commit.hold(holds[1].body, 999_999);
    // Another hold keeps the first body alive meanwhile.
    commit.hold(holds[0].body, 999_998);
    store.commit(commit).await.unwrap();
    let problems = world.mailboxes.check_holds(true).await.unwrap();
    assert_eq!(problems.len(), 3);
    assert!(
        problems
            .iter()
            .any(|problem| matches!(problem, Problem::NotHeld { .. }))
    );
    assert_eq!(world.mailboxes.check_holds(false).await.unwrap(), []);
    assert_eq!(store.holds(None, 1000).await.unwrap(), holds);
}

/// Fault 20 and 25: UIDVALIDITY, UIDNEXT and UIDL after a restore; nothing given out before comes back.
#[tokio::test]
async fn after_a_restore_no_id_comes_back_and_clients_compare_once() {
    let store = MemoryStore::new();
    let world = filled(store.clone()).await;
    let (mailbox, inbox) = world.alice().await;
    let backup = copy_of(&*store).await;
    let before = mailbox.folder(inbox).await.unwrap();
    let view = mailbox.view(inbox).await.unwrap();
    let ids = mailbox.unique_ids(inbox, &view).await.unwrap();
    // Given out after the backup was made.
    let received = world.receive(message(500).as_bytes()).await;
    let lost = mailbox
        .append(inbox, &NewItem::new(received))
        .await
        .unwrap();

    assert_eq!(
        restored(backup.clone(), Settings::default()).await.unwrap(),
        1
    );
    let world = World::with(backup, |_| {});
    let (mailbox, inbox) = world.alice().await;
    let after = mailbox.folder(inbox).await.unwrap();
    assert_eq!(after.uid_validity, before.uid_validity);
    assert!(after.uid_next >= before.uid_next + (1 << 20));
    assert!(after.highest_mod_seq > lost.mod_seq);
    assert!(matches!(
        mailbox.changes(inbox, lost.mod_seq).await.unwrap(),
        ChangesSince::TooOld { floor } if floor > lost.mod_seq
    ));
    let again = mailbox.view(inbox).await.unwrap();
    assert!(again.rows().eq(view.rows()));
    let restored_ids = mailbox.unique_ids(inbox, &again).await.unwrap();
    assert!(
        view.rows()
            .all(|row| ids.of(row.uid) == restored_ids.of(row.uid))
    );
    let received = world.receive(message(501).as_bytes()).await;
    let new = mailbox
        .append(inbox, &NewItem::new(received))
        .await
        .unwrap();
    assert!(new.uid > lost.uid && new.entry > lost.entry && new.content > lost.content);
    assert!(new.mod_seq > lost.mod_seq + (1 << 39));
    let folder = mailbox
        .create_folder(&NewFolder {
            name: "later".into(),
            ..NewFolder::default()
        })
        .await
        .unwrap();
    assert!(folder.id.0 > 1 << 40);
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}

#[tokio::test]
async fn one_backup_put_back_twice_gives_out_nothing_twice() {
    let store = MemoryStore::new();
    filled(store.clone()).await;
    let mut lives = Vec::new();
    for minutes in [0, 5] {
        let store = copy_of(&*store).await;
        let now = 1_795_000_000 + minutes * 60;
        let settings = Settings {
            clock: Arc::new(move || now),
            ..Settings::default()
        };
        restored(store.clone(), settings).await.unwrap();
        let world = World::with(store, |_| {});
        let (mailbox, inbox) = world.alice().await;
        let mut given = Vec::new();
        for number in 600..700 {
            let received = world.receive(message(number).as_bytes()).await;
            let item = NewItem::new(received);
            given.push(mailbox.append(inbox, &item).await.unwrap());
        }
        let later = NewFolder {
            name: "later".into(),
            ..NewFolder::default()
        };
        let folder = mailbox.create_folder(&later).await.unwrap();
        lives.push((given[0], given[99], folder));
    }
    let ((_, last, folder), (first, _, other)) = (&lives[0], &lives[1]);
    assert!(first.uid > last.uid && first.entry > last.entry && first.content > last.content);
    assert!(first.mod_seq > last.mod_seq);
    assert!(other.id > folder.id && other.uid_validity > folder.uid_validity);
}

#[tokio::test]
async fn items_come_back_from_a_backup_once_and_with_their_unique_ids() {
    let store = MemoryStore::new();
    let world = filled(store.clone()).await;
    let (mailbox, inbox) = world.alice().await;
    let backup_world = World::with(copy_of(&*store).await, |_| {});
    let backup = backup_world
        .mailboxes
        .open_existing(ALICE)
        .await
        .unwrap()
        .unwrap();
    let old_view = mailbox.view(inbox).await.unwrap();
    let old_ids = mailbox.unique_ids(inbox, &old_view).await.unwrap();
    let flagged = FlagUpdate::flags(UpdateMode::Add, Flags::FLAGGED);
    backup
        .update_flags(inbox, &UidSet::from_iter([40]), &flagged, None)
        .await
        .unwrap();

    // Some are lost, one only moved; a whole folder is gone.
    mailbox
        .expunge(inbox, &UidSet::from_ranges([40..=49]), Expunge::All)
        .await
        .unwrap();
    let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id;
    mailbox
        .move_items(inbox, &UidSet::from_iter([60]), trash)
        .await
        .unwrap();
    let work = mailbox.folder_at(&["Work"]).await.unwrap().unwrap();
    mailbox.delete_folder(work.id).await.unwrap();

    let selection = Selection {
        folder: Some(inbox),
        since: None,
    };
    let done = mailbox
        .restore_items(&backup, &selection, |_| {})
        .await
        .unwrap();
    assert_eq!(
        (done.restored, done.present, done.unreadable.len()),
        (10, 67, 0)
    );
    let view = mailbox.view(inbox).await.unwrap();
    let ids = mailbox.unique_ids(inbox, &view).await.unwrap();
    let back: Vec<_> = view.rows().rev().take(10).copied().collect();
    for (row, old) in back
        .iter()
        .rev()
        .zip(old_view.rows().filter(|row| (40..=49).contains(&row.uid)))
    {
        assert!(row.entry > old.entry && row.content > old.content);
        assert_eq!(ids.of(row.uid), old_ids.of(old.uid));
        assert_eq!((row.internal_date, row.size), (old.internal_date, old.size));
        assert_eq!(row.flags.contains(Flags::FLAGGED), old.uid == 40);
        let item = mailbox.item(inbox, row.uid).await.unwrap();
        let there = backup.item(inbox, old.uid).await.unwrap();
        assert_eq!(
            bytes_of(&mailbox, &item).await,
            bytes_of(&backup, &there).await
        );
    }
    let again = mailbox
        .restore_items(&backup, &selection, |_| {})
        .await
        .unwrap();
    assert_eq!((again.restored, again.present), (0, 77));

    // The folder that is gone: its copies' contents are still in the inbox, so nothing is missing from the account.
    let all = mailbox
        .restore_items(&backup, &Selection::default(), |_| {})
        .await
        .unwrap();
    assert_eq!(all.restored, 0);
    assert!(mailbox.folder_at(&["Work"]).await.unwrap().is_some());

    // Into another account everything comes, with its category.
    let bob = world.mailboxes.open(BOB).await.unwrap();
    let all = bob
        .restore_items(&backup, &Selection::default(), |_| {})
        .await
        .unwrap();
    assert_eq!((all.restored, all.present), (90, 0));
    let work = bob.folder_at(&["Work"]).await.unwrap().unwrap();
    let view = bob.view(work.id).await.unwrap();
    let labels = bob.labels().await.unwrap();
    assert_eq!(view.len(), 3);
    for row in view.rows() {
        assert_eq!(labels.categories(row.labels).collect::<Vec<_>>(), ["Red"]);
    }
    assert_eq!(bob.check(Depth::Bodies).await.unwrap(), []);
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}

#[tokio::test]
async fn tombstones_past_the_horizon_are_forgotten() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    for number in 0..10 {
        add(&world, &mailbox, inbox, number).await;
    }
    let start = mailbox.mod_seq().await.unwrap();
    let first = mailbox
        .expunge(inbox, &UidSet::from_iter([1]), Expunge::All)
        .await
        .unwrap();
    world.time.pass(1000);
    let second = mailbox
        .expunge(inbox, &UidSet::from_iter([2]), Expunge::All)
        .await
        .unwrap();
    world.time.pass(100);
    let done = world.mailboxes.maintain(500).await.unwrap();
    assert_eq!(done.purged, 1);
    assert!(matches!(
        mailbox.changes(inbox, start).await.unwrap(),
        ChangesSince::TooOld { floor } if floor == first.mod_seq
    ));
    let known = changes(&mailbox, inbox, first.mod_seq).await;
    assert_eq!(
        (known.gone.len(), known.gone[0].uid, known.up_to),
        (1, 2, second.mod_seq)
    );
    world.mailboxes.forget_all().await;
    assert_eq!(uids(&mailbox, inbox).await, (3..=10).collect::<Vec<_>>());
}
