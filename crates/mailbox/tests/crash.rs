//! The model again, on the embedded store and a disk that fails: through kills, power cuts and rebuilt indexes every
//! acknowledged operation is there, nothing else is, and no uid is given twice.
//!
//! `FIELDPOST_CRASH_SEEDS` and `FIELDPOST_CRASH_ROUNDS` make it longer; `FIELDPOST_CRASH_SEED` begins elsewhere.

#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use fieldpost_mailbox::{Error, FolderId, Mailbox, Mailboxes, NewItem};
use fieldpost_store::{
    Store,
    disk::faulty::{Fault, FaultyDisk},
    embedded::{EmbeddedStore, IndexKind, Settings},
};
use support::{
    World, bytes_of, half_done, message,
    model::{Model, ModelItem, open, times},
};

/// Store faults: kill -9, power loss with torn writes; the index in memory is rebuilt at every start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_operations_survive_kills_and_power_cuts() {
    let first = times("FIELDPOST_CRASH_SEED", 1);
    for seed in first..first + times("FIELDPOST_CRASH_SEEDS", 3) {
        println!("seed {seed}");
        run(seed, None).await;
    }
}

/// The same with sled, whose directory is lost now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_operations_survive_the_loss_of_the_index() {
    let first = times("FIELDPOST_CRASH_SEED", 501);
    for seed in first..first + times("FIELDPOST_CRASH_SEEDS", 1) {
        println!("seed {seed}");
        let directory = tempfile::tempdir().unwrap();
        run(seed, Some(&directory.path().join("index"))).await;
    }
}

/// Several operations are under way at once when the machine stops, each of them one commit: afterwards those that were
/// acknowledged are there, and each of the others is there whole or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_done_operations_are_there_whole_or_not_at_all() {
    let first = times("FIELDPOST_CRASH_SEED", 1001);
    let (mut done, mut not_done) = (0, 0);
    for seed in first..first + times("FIELDPOST_CRASH_SEEDS", 3) {
        println!("seed {seed}");
        let counts = run_half_done(seed).await;
        (done, not_done) = (done + counts.0, not_done + counts.1);
    }
    println!("not acknowledged: {done} happened, {not_done} did not");
    assert!(not_done > 0, "the machine never stopped in the middle");
}

/// How many operations happened without an acknowledgement, and how many did not happen.
async fn run_half_done(seed: u64) -> (usize, usize) {
    let (mut done, mut not_done) = (0, 0);
    let mut disk = FaultyDisk::new(seed);
    let mut world = World::with(start(&disk, None), |settings| settings.thread_memory = 100);
    let mut mailbox = open(&world.mailboxes).await;
    let mut model = Model::new(seed, &mailbox).await;
    for _ in 0..times("FIELDPOST_CRASH_ROUNDS", 8) {
        for _ in 0..15 {
            model.step(&world.mailboxes, &mailbox, &world.time).await;
        }
        model.compare(&mailbox).await;

        // One after the other, until the machine stops in the middle of one.
        let begun = loop {
            disk.inject(model.random.below(60), Fault::Crash);
            let operations = (0..=model.random.below(4))
                .map(|_| model.operation())
                .collect();
            let begun = half_done::begin(operations, &world.mailboxes, &mailbox).await;
            // While it is looked at what came of them, the store's own upkeep must not meet the fault.
            disk.clear();
            for one in &begun {
                // Only the disk may have stopped it.
                let is_stopped = matches!(one.result, Err(Error::Store(_) | Error::Busy(_)));
                assert!(
                    one.result.is_ok() || is_stopped && disk.crashed(),
                    "{one:?}"
                );
            }
            if disk.crashed() {
                break begun;
            }
            model.settle(&mailbox, &begun, world.time.now()).await;
        };
        let settings = world.mailboxes.settings().clone();
        drop((mailbox, world.mailboxes));
        // Otherwise the machine stands still, and what was written is there.
        disk = if model.random.one_in(4) {
            disk.kill()
        } else {
            disk.power_cut()
        };
        drop(world.store);
        disk.clear();
        world.store = start(&disk, None);
        world.mailboxes = Mailboxes::new(world.store.clone(), settings);
        mailbox = open(&world.mailboxes).await;
        let counts = model.settle(&mailbox, &begun, world.time.now()).await;
        (done, not_done) = (done + counts.0, not_done + counts.1);
        model.compare_and_check(&mailbox).await;
        assert_eq!(world.mailboxes.check_holds(false).await.unwrap(), []);
    }
    (done, not_done)
}

fn start(disk: &FaultyDisk, index: Option<&Path>) -> Arc<dyn Store> {
    let settings = Settings {
        index: if index.is_some() {
            IndexKind::Sled
        } else {
            IndexKind::Memory
        },
        index_path: index.map(Path::to_owned),
        cache_bytes: 4 << 20,
        segment_bytes: 256 * 1024,
        checkpoint_records: 50,
        inline_limit: 300,
        ..Settings::default()
    };
    EmbeddedStore::open_on(Arc::new(disk.clone()), settings).unwrap()
}

async fn run(seed: u64, index: Option<&Path>) {
    let mut disk = FaultyDisk::new(seed);
    let mut world = World::with(start(&disk, index), |settings| settings.thread_memory = 100);
    let mut mailbox = open(&world.mailboxes).await;
    let mut model = Model::new(seed, &mailbox).await;
    for round in 0..times("FIELDPOST_CRASH_ROUNDS", 8) {
        for _ in 0..25 {
            model.step(&world.mailboxes, &mailbox, &world.time).await;
        }
        model.compare(&mailbox).await;

        // Some deliveries are under way when the machine stops.
        let inbox = *model.folders.keys().next().unwrap();
        let is_crash = model.random.one_in(2);
        if is_crash {
            disk.inject(model.random.below(30), Fault::Crash);
        }
        let under_way = deliver(&world, &mailbox, inbox, round as u32 * 100).await;
        if !is_crash {
            assert!(under_way.iter().all(|(_, uid)| uid.is_some()));
        }
        let settings = world.mailboxes.settings().clone();
        drop((mailbox, world.mailboxes));
        let power_cut = model.random.one_in(2);
        // The power fails before the process could end in order.
        disk = if power_cut {
            disk.power_cut()
        } else {
            disk.kill()
        };
        drop(world.store);
        disk.clear();
        if let Some(index) = index
            && model.random.one_in(3)
        {
            std::fs::remove_dir_all(index).unwrap();
        }
        world.store = start(&disk, index);
        world.mailboxes = Mailboxes::new(world.store.clone(), settings);
        mailbox = open(&world.mailboxes).await;
        adopt(&mut model, &mailbox, inbox, &under_way).await;
        model.compare_and_check(&mailbox).await;
        assert_eq!(world.mailboxes.check_holds(false).await.unwrap(), []);
    }
}

/// Delivers several mails at once; which uid each was acknowledged with.
async fn deliver(
    world: &World,
    mailbox: &Mailbox,
    inbox: FolderId,
    number: u32,
) -> Vec<(String, Option<u32>)> {
    let mut tasks = Vec::new();
    for number in number..number + 6 {
        let (mailboxes, mailbox) = (Arc::clone(&world.mailboxes), mailbox.clone());
        tasks.push(tokio::spawn(async move {
            let text = format!("X-Under-Way: yes\r\n{}", message(number));
            let Ok(mut incoming) = mailboxes.receive(mailbox.account(), None).await else {
                return (text, None);
            };
            if incoming.write(text.clone().into()).await.is_err() {
                return (text, None);
            }
            let Ok(received) = incoming.finish().await else {
                return (text, None);
            };
            let appended = mailbox.append(inbox, &NewItem::new(received)).await;
            (text, appended.ok().map(|appended| appended.uid))
        }));
    }
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

/// Takes over into the model what came of the deliveries: those acknowledged must be there under their uid, the others
/// may be; nothing else may.
async fn adopt(
    model: &mut Model,
    mailbox: &Mailbox,
    inbox: FolderId,
    under_way: &[(String, Option<u32>)],
) {
    let view = mailbox.view(inbox).await.unwrap();
    let known = model.folders[&inbox].uid_next;
    let mut found = BTreeSet::new();
    for row in view.rows().filter(|row| row.uid >= known) {
        let item = mailbox.item(inbox, row.uid).await.unwrap();
        let bytes = bytes_of(mailbox, &item).await;
        let (text, acknowledged) = under_way
            .iter()
            .find(|(text, _)| bytes == text.as_bytes())
            .expect("an item that nobody delivered");
        assert!(found.insert(text.clone()), "delivered twice");
        assert!(
            acknowledged.is_none_or(|uid| uid == row.uid),
            "under another uid"
        );
        assert!(model.entries.insert(row.entry.0), "an entry came back");
        assert!(model.contents.insert(row.content.0), "a content came back");
        model.folders.get_mut(&inbox).unwrap().items.insert(
            row.uid,
            ModelItem {
                entry: row.entry.0,
                mod_seq: row.mod_seq,
                flags: row.flags,
                keywords: BTreeSet::new(),
                categories: BTreeSet::new(),
                internal_date: row.internal_date,
                window_date: row.window_date,
                content: row.content.0,
                thread: row.thread.0,
                bytes: bytes.to_vec(),
                stored_uidl: None,
            },
        );
    }
    for (text, acknowledged) in under_way {
        assert!(
            acknowledged.is_none() || found.contains(text),
            "an acknowledged mail is lost"
        );
    }
    let record = model.folders.get_mut(&inbox).unwrap();
    assert_eq!(view.uid_next, known + found.len() as u32);
    record.uid_next = view.uid_next;
    record.highest = view.highest_mod_seq;
    model.last_mod_seq = mailbox.mod_seq().await.unwrap();
}
