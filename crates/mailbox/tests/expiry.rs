//! Old mail in Trash and Junk goes by itself, where the operator wants that.
#![allow(clippy::unwrap_used)]

mod support;

use fieldpost_mailbox::{NewItem, SpecialUse};
use support::World;

const DAY: i64 = 86_400;

#[tokio::test]
async fn what_came_into_the_folder_long_ago_goes_and_nothing_else() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id;
    let append = async |folder| {
        let mut item = NewItem::new(world.receive(b"Subject: x\r\n\r\ny\r\n").await);
        // How old a message is does not count, but how long it lies there.
        item.internal_date = Some(0);
        mailbox.append(folder, &item).await.unwrap();
    };
    append(trash).await;
    append(inbox).await;
    world.time.pass(20 * DAY);
    append(trash).await;
    world.time.pass(15 * DAY);
    let count = async |special, days| world.mailboxes.expire(special, days * DAY).await.unwrap();
    assert_eq!(count(SpecialUse::Junk, 30).await, 0);
    assert_eq!(count(SpecialUse::Trash, 36).await, 0);
    assert_eq!(count(SpecialUse::Trash, 30).await, 1);
    assert_eq!(count(SpecialUse::Trash, 30).await, 0);
    let exists = async |special| mailbox.special(special).await.unwrap().counters.exists;
    assert_eq!(exists(SpecialUse::Trash).await, 1);
    assert_eq!(exists(SpecialUse::Inbox).await, 1);
}
