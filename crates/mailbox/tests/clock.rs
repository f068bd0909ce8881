//! A clock that jumps backward.
#![allow(clippy::unwrap_used)]

mod support;

use fieldpost_mailbox::{Depth, Expunge, NewFolder, SpecialUse, UidSet};
use support::{World, add, changes, uids};

const DAY: i64 = 86_400;

/// Fault "clock jumping backward": ids, uids and mod_seqs go on, what is told is told by them and not by the time, and what came before the
/// jump is no older for it.
#[tokio::test]
async fn fault_the_clock_jumps_backward() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let lists = NewFolder {
        name: "Lists".to_owned(),
        ..NewFolder::default()
    };
    let old = mailbox.create_folder(&lists).await.unwrap();
    assert_eq!(add(&world, &mailbox, inbox, 1).await, 1);
    assert_eq!(add(&world, &mailbox, inbox, 2).await, 2);
    mailbox.delete_folder(old.id).await.unwrap();
    let since = mailbox.mod_seq().await.unwrap();

    world.time.pass(-3650 * DAY);
    assert_eq!(add(&world, &mailbox, inbox, 3).await, 3);
    let one = UidSet::from_iter([1]);
    let expunged = mailbox.expunge(inbox, &one, Expunge::All).await.unwrap();
    assert!(expunged.mod_seq > since);
    let new = mailbox.create_folder(&lists).await.unwrap();
    assert!(new.id > old.id && new.uid_validity > old.uid_validity);
    let known = changes(&mailbox, inbox, since).await;
    assert_eq!(known.gone.len(), 1);
    assert_eq!(known.gone[0].uid, 1);
    // As another process finds it.
    world.mailboxes.forget_all().await;
    assert_eq!(uids(&mailbox, inbox).await, [2, 3]);
    assert_eq!(add(&world, &mailbox, inbox, 4).await, 4);

    // The tombstone is kept for its time, and mail in Trash stays for its.
    let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id;
    add(&world, &mailbox, trash, 5).await;
    world.mailboxes.maintain(30 * DAY).await.unwrap();
    assert_eq!(changes(&mailbox, inbox, since).await.gone.len(), 1);
    let expired = world.mailboxes.expire(SpecialUse::Trash, 30 * DAY);
    assert_eq!(expired.await.unwrap(), 0);

    // The clock is right again.
    world.time.pass(3650 * DAY);
    assert_eq!(add(&world, &mailbox, inbox, 6).await, 5);
    let more = NewFolder {
        name: "More".to_owned(),
        ..NewFolder::default()
    };
    let more = mailbox.create_folder(&more).await.unwrap();
    assert!(more.uid_validity > new.uid_validity);
    assert_eq!(mailbox.check(Depth::Bodies).await.unwrap(), []);
}
