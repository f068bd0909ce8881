//! Sorting and threading by keys in memory gives the same as reading them anew, whatever came and went; and memory is bounded.

#![allow(clippy::unwrap_used)]

mod support;

use fieldpost_mailbox::{
    Expunge, FolderId, Mailbox, NewItem, SortBy, SortKey, Threaded, Threading, UidSet,
};
use fieldpost_store::MemoryStore;
use support::*;

const KEYS: [SortKey; 4] = [
    SortKey::Subject,
    SortKey::SentDate,
    SortKey::DisplayFrom,
    SortKey::InternalDate,
];

/// A small generator of numbers: a failure comes back.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.0 >> 33) % u64::from(limit)) as u32
    }
}

async fn add_one(world: &World, mailbox: &Mailbox, folder: FolderId, random: &mut Random) {
    let refers_to = match random.below(4) {
        0 => format!("In-Reply-To: <{}@x>\r\n", random.below(60)),
        1 => String::new(),
        _ => format!(
            "References: <{}@x> <{}@x>\r\n",
            random.below(60),
            random.below(60)
        ),
    };
    let mail = format!(
        "Message-ID: <{}@x>\r\n{refers_to}From: S{} <s@x>\r\nSubject: {}the same beginning {}\r\nDate: Mon, {} Nov 2026 10:00:00 +0000\r\n\r\n",
        random.below(60),
        random.below(5),
        ["", "Re: ", "[l] "][random.below(3) as usize],
        random.below(20),
        random.below(28) + 1
    );
    let new = NewItem::new(world.receive(mail.as_bytes()).await);
    mailbox.append(folder, &new).await.unwrap();
}

async fn threaded(
    mailbox: &Mailbox,
    folder: FolderId,
    uids: &[u32],
    threading: Threading,
) -> Vec<Threaded> {
    let view = mailbox.view(folder).await.unwrap();
    mailbox
        .threads(folder, &view, uids, threading, &mut || true)
        .await
        .unwrap()
}

async fn sorted(mailbox: &Mailbox, folder: FolderId, uids: &[u32], keys: &[SortBy]) -> Vec<u32> {
    let view = mailbox.view(folder).await.unwrap();
    mailbox
        .sort(folder, &view, uids, keys, &mut || true)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_in_memory_and_what_is_read_sort_alike() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |_| {});
    // The same mail, read anew each time.
    let plain = World::with(store, |settings| settings.sort_memory = 0);
    let (mailbox, inbox) = world.alice().await;
    let archive = mailbox
        .special(fieldpost_mailbox::SpecialUse::Archive)
        .await
        .unwrap()
        .id;
    let mut random = Random(7);
    for round in 0..150 {
        match random.below(6) {
            0..=2 => add_one(&world, &mailbox, inbox, &mut random).await,
            3 => {
                for _ in 0..10 {
                    add_one(&world, &mailbox, inbox, &mut random).await;
                }
            }
            4 => {
                let some: UidSet = uids(&mailbox, inbox)
                    .await
                    .into_iter()
                    .filter(|_| random.below(8) == 0)
                    .collect();
                mailbox.expunge(inbox, &some, Expunge::All).await.unwrap();
            }
            _ => {
                let (from, to) = if random.below(2) == 0 {
                    (inbox, archive)
                } else {
                    (archive, inbox)
                };
                let some: UidSet = uids(&mailbox, from)
                    .await
                    .into_iter()
                    .filter(|_| random.below(4) == 0)
                    .collect();
                mailbox.move_items(from, &some, to).await.unwrap();
            }
        }
        let keys: Vec<SortBy> = (0..=random.below(2))
            .map(|_| SortBy {
                key: KEYS[random.below(4) as usize],
                reverse: random.below(2) == 0,
            })
            .collect();
        let folder = [inbox, archive][random.below(2) as usize];
        let whole = random.below(3) > 0;
        let asked: Vec<u32> = uids(&mailbox, folder)
            .await
            .into_iter()
            .filter(|_| whole || random.below(3) == 0)
            .collect();
        // What the other process-wide state has in memory is older than what was done here.
        plain.mailboxes.forget_all().await;
        let (other, _) = plain.alice().await;
        assert_eq!(
            sorted(&mailbox, folder, &asked, &keys).await,
            sorted(&other, folder, &asked, &keys).await,
            "round {round}, {keys:?}"
        );
        for threading in [Threading::References, Threading::OrderedSubject] {
            assert_eq!(
                threaded(&mailbox, folder, &asked, threading).await,
                threaded(&other, folder, &asked, threading).await,
                "round {round}, {threading:?}"
            );
        }
        assert_eq!(plain.mailboxes.sort_memory(), 0);
    }
    assert!(world.mailboxes.sort_memory() > 0);
    world.mailboxes.forget_all().await;
    assert_eq!(world.mailboxes.sort_memory(), 0);
}

#[tokio::test]
async fn a_second_sort_or_threading_reads_no_record() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    for number in [3, 1, 2] {
        add(&world, &mailbox, inbox, number).await;
    }
    let by_subject = [SortBy::ascending(SortKey::Subject)];
    let first = sorted(&mailbox, inbox, &[1, 2, 3], &by_subject).await;
    assert_eq!(first, [2, 3, 1]);
    let threads = threaded(&mailbox, inbox, &[1, 2, 3], Threading::References).await;
    // Without records only what is in memory can tell.
    let view = mailbox.view(inbox).await.unwrap();
    mailbox
        .expunge(inbox, &UidSet::all(), Expunge::All)
        .await
        .unwrap();
    let again = mailbox
        .sort(inbox, &view, &[1, 2, 3], &by_subject, &mut || true)
        .await
        .unwrap();
    assert_eq!(again, first);
    let again = mailbox
        .threads(inbox, &view, &[1, 2, 3], Threading::References, &mut || {
            true
        })
        .await
        .unwrap();
    assert_eq!(again, threads);
}

#[tokio::test]
async fn memory_is_bounded() {
    let world = World::with(MemoryStore::new(), |settings| settings.sort_memory = 3_000);
    let (mailbox, inbox) = world.alice().await;
    for number in 0..20 {
        add(&world, &mailbox, inbox, number).await;
        let all = uids(&mailbox, inbox).await;
        for key in KEYS {
            sorted(&mailbox, inbox, &all, &[SortBy::ascending(key)]).await;
            threaded(&mailbox, inbox, &all, Threading::References).await;
            assert!(world.mailboxes.sort_memory() <= 3_000);
        }
    }
    assert!(world.mailboxes.sort_memory() > 0);
}
