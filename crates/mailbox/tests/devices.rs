//! Simulated devices against one mailbox: lost requests and responses, tiny windows, filters that change, moves there and
//! back, foreign and own changes to one item, restarts. After any history a device holds what the mailbox holds, and on
//! the way it is told nothing that it knows, and nothing twice.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, HashSet};

use fieldpost_mailbox::{
    DeviceId, EntryId, Expunge, FlagUpdate, Flags, FolderId, Mailbox, NewItem, SpecialUse, UidSet,
    UpdateMode,
    device::{Action, Opened, OwnChange, OwnOutcome, Predicate, SyncKey},
};
use support::{World, message};

struct Phone {
    id: DeviceId,
    folder: FolderId,
    key: Option<SyncKey>,
    /// Entry, and the mod_seq it was told at.
    items: BTreeMap<EntryId, (u64, Flags)>,
    /// The cut that the phone asks for.
    cut: i64,
    /// Whether it asks for whole conversations.
    conversations: bool,
    /// Own changes that it must send (again) until a response comes.
    pending: Vec<(EntryId, bool)>,
    removed: Vec<EntryId>,
}

struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

impl Phone {
    /// One round; whether there was nothing to tell. A response that is lost changes nothing on the phone.
    async fn sync(&mut self, mailbox: &Mailbox, limit: usize, lost: bool) -> bool {
        let Some(key) = self.key else {
            let key = mailbox
                .begin_collection(&self.id, self.folder, Vec::new())
                .await
                .unwrap()
                .unwrap();
            if !lost {
                self.items.clear();
                self.key = Some(key);
            }
            return false;
        };
        let opened = mailbox
            .open_collection(&self.id, self.folder, Some(key))
            .await
            .unwrap();
        let Opened::Known(mut collection) = opened else {
            panic!("a key that was given out is not known");
        };
        let changes: Vec<_> = self
            .pending
            .iter()
            .map(|(entry, seen)| OwnChange::flag(*entry, Flags::SEEN, *seen))
            .collect();
        let outcomes = collection.change_items(&changes).await.unwrap();
        collection.remove_items(&self.removed, true).await.unwrap();
        let predicate = Predicate {
            cut: self.cut,
            conversations: self.conversations,
        };
        let Some(plan) = collection.plan(predicate, limit).await.unwrap() else {
            panic!("nothing is forgotten here");
        };
        assert!(plan.steps.len() <= limit);
        assert_eq!(
            plan.is_empty(),
            collection.estimate(predicate).await.unwrap() == Some(0)
        );
        let nothing = plan.is_empty() && !plan.moves(collection.base());
        assert!(!plan.more || !plan.is_empty(), "a round without progress");
        // A front-end may leave off the last steps.
        let taken = if plan.steps.len() > 2 {
            plan.steps.len() - 1
        } else {
            plan.steps.len()
        };
        let cut_short = taken < plan.steps.len();
        let steps = plan.steps[..taken].to_vec();
        let next = if nothing && changes.is_empty() && self.removed.is_empty() {
            collection.key()
        } else {
            collection.advance(&plan, taken, vec![1]).await.unwrap()
        };
        if lost {
            return false;
        }
        for (change, outcome) in self.pending.drain(..).zip(outcomes) {
            if let (Some(item), OwnOutcome::Done) = (self.items.get_mut(&change.0), outcome) {
                item.1 = if change.1 {
                    item.1 | Flags::SEEN
                } else {
                    item.1.without(Flags::SEEN)
                };
            }
        }
        for entry in self.removed.drain(..) {
            self.items.remove(&entry);
        }
        self.key = Some(next);
        for step in steps {
            match step.action {
                Action::Add(row) => {
                    let old = self.items.insert(row.entry, (row.mod_seq, row.flags));
                    assert!(old.is_none(), "{} came twice", row.entry);
                    assert!(self.conversations || row.window_date >= self.cut);
                }
                Action::Change(row) => {
                    let item = self.items.get_mut(&row.entry).expect("a change of nothing");
                    assert!(row.mod_seq > item.0, "told of what it knows");
                    *item = (row.mod_seq, row.flags);
                }
                Action::Delete(entry) | Action::SoftDelete(entry) => {
                    assert!(self.items.remove(&entry).is_some(), "{entry} was not there");
                }
            }
        }
        !plan.more && !cut_short && plan.is_empty()
    }
}

async fn run(seed: u64) {
    let world = World::new();
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mailbox, _) = world.alice().await;
    let folders: Vec<FolderId> = mailbox
        .folders()
        .await
        .unwrap()
        .iter()
        .filter(|folder| folder.special_use != Some(SpecialUse::Drafts))
        .take(3)
        .map(|folder| folder.id)
        .collect();
    let mut phones: Vec<Phone> = (0..4)
        .map(|n| Phone {
            id: DeviceId::new(&format!("phone{}", n / 2)).unwrap(),
            folder: folders[n % 2],
            key: None,
            items: BTreeMap::new(),
            cut: i64::MIN,
            conversations: false,
            pending: Vec::new(),
            removed: Vec::new(),
        })
        .collect();
    for turn in 0..150u32 {
        let folder = folders[random.next(3) as usize];
        let view = mailbox.view(folder).await.unwrap();
        let some =
            (!view.is_empty()).then(|| *view.at(random.next(view.len() as u64) as usize).unwrap());
        match random.next(12) {
            0..=2 => {
                // Most are answers within one of a few conversations.
                let root = random.next(6);
                let text = if root < 5 {
                    format!("References: <root{root}@example.org>\r\n{}", message(turn))
                } else {
                    message(turn)
                };
                let received = world.receive(text.as_bytes()).await;
                let mut item = NewItem::new(received);
                item.internal_date = Some(random.next(1000) as i64);
                mailbox.append(folder, &item).await.unwrap();
            }
            3 => {
                if let Some(row) = some {
                    let update = FlagUpdate::flags(
                        if random.next(2) == 0 {
                            UpdateMode::Add
                        } else {
                            UpdateMode::Remove
                        },
                        if random.next(2) == 0 {
                            Flags::SEEN
                        } else {
                            Flags::FLAGGED
                        },
                    );
                    let upto = row.uid + random.next(3) as u32;
                    let uids = UidSet::from_ranges([row.uid..=upto]);
                    mailbox
                        .update_flags(folder, &uids, &update, None)
                        .await
                        .unwrap();
                }
            }
            4 => {
                if let Some(row) = some {
                    let to = folders[random.next(3) as usize];
                    if to != folder {
                        mailbox
                            .move_items(folder, &[row.uid].into_iter().collect(), to)
                            .await
                            .unwrap();
                    }
                }
            }
            5 => {
                if let Some(row) = some {
                    mailbox
                        .expunge(folder, &[row.uid].into_iter().collect(), Expunge::All)
                        .await
                        .unwrap();
                }
            }
            6 => {
                let phone = &mut phones[random.next(4) as usize];
                let nth = random.next(phone.items.len().max(1) as u64) as usize;
                if let Some(entry) = phone.items.keys().nth(nth).copied()
                    && !phone.removed.contains(&entry)
                {
                    if random.next(3) == 0 {
                        phone.removed.push(entry);
                    } else {
                        phone.pending.push((entry, random.next(2) == 0));
                    }
                }
            }
            7 => {
                let phone = &mut phones[random.next(4) as usize];
                phone.cut = [i64::MIN, 300, 600, 900][random.next(4) as usize];
                phone.conversations = random.next(2) == 0;
            }
            8 => world.mailboxes.forget_all().await,
            _ => {
                let phone = &mut phones[random.next(4) as usize];
                let limit = 1 + random.next(6) as usize;
                let lost = random.next(3) == 0;
                phone.sync(&mailbox, limit, lost).await;
            }
        }
    }
    for phone in &mut phones {
        let mut rounds = 0;
        while !phone.sync(&mailbox, 4, false).await {
            rounds += 1;
            assert!(rounds < 500, "it never ends");
        }
        let view = mailbox.view(phone.folder).await.unwrap();
        let in_view: HashSet<_> = view
            .rows()
            .filter(|row| row.window_date >= phone.cut)
            .map(|row| row.thread)
            .collect();
        let there: BTreeMap<_, _> = view
            .rows()
            .filter(|row| {
                row.window_date >= phone.cut
                    || (phone.conversations && in_view.contains(&row.thread))
            })
            .map(|row| (row.entry, row.flags))
            .collect();
        let held: BTreeMap<_, _> = phone
            .items
            .iter()
            .map(|(entry, (_, flags))| (*entry, *flags))
            .collect();
        assert_eq!(held, there, "seed {seed}");
    }
}

#[tokio::test]
async fn after_any_history_a_device_holds_what_the_mailbox_holds() {
    for seed in 1..=300 {
        run(seed).await;
    }
}

#[tokio::test]
async fn keys_of_other_devices_and_old_keys_are_unknown() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let [one, two] = ["one", "two"].map(|id| DeviceId::new(id).unwrap());
    let first = mailbox
        .begin_collection(&one, inbox, Vec::new())
        .await
        .unwrap()
        .unwrap();
    mailbox
        .begin_collection(&two, inbox, Vec::new())
        .await
        .unwrap();
    let known = |opened| matches!(opened, Opened::Known(_));
    let open = async |device: &DeviceId, key: SyncKey| {
        known(
            mailbox
                .open_collection(device, inbox, Some(key))
                .await
                .unwrap(),
        )
    };
    assert!(open(&one, first).await);
    assert!(!open(&two, first).await);
    let second = mailbox
        .begin_collection(&one, inbox, Vec::new())
        .await
        .unwrap()
        .unwrap();
    assert!(!open(&one, first).await && open(&one, second).await);
    for bad in [
        "",
        "0",
        "-1",
        "18446744073709551616",
        "0000000000000001-01",
        "x-1",
        "1-1",
    ] {
        assert!(bad.parse::<SyncKey>().is_err(), "{bad}");
    }
    assert_eq!(second.to_string().parse(), Ok(second));
    assert!(mailbox.device(&one).await.unwrap().is_none());
    mailbox.forget_states(&one, None).await.unwrap();
    assert!(!open(&one, second).await);
}

/// What a device or this server can do nothing with is left out: it neither comes again nor is the device told that it
/// changed or went, also when it begins from nothing; unless somebody lets it begin anew.
#[tokio::test]
async fn what_is_left_out_is_never_spoken_of_again() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let device = DeviceId::new("d1").unwrap();
    for number in 0..3 {
        let item = NewItem::new(world.receive(message(number).as_bytes()).await);
        mailbox.append(inbox, &item).await.unwrap();
    }
    let begin = async || {
        let begun = mailbox.begin_collection(&device, inbox, Vec::new()).await;
        begun.unwrap().unwrap()
    };
    let open = async |key| match mailbox
        .open_collection(&device, inbox, Some(key))
        .await
        .unwrap()
    {
        Opened::Known(collection) => collection,
        Opened::Unknown | Opened::Busy => panic!("the key is known"),
    };
    let collection = open(begin().await).await;
    let mut plan = collection
        .plan(Predicate::since(i64::MIN), 10)
        .await
        .unwrap()
        .unwrap();
    let Action::Add(gone) = plan.steps[0].action else {
        panic!("all are new");
    };
    let left_out = plan.steps[1].action.entry();
    plan.leave_out(0);
    plan.leave_out(1);
    let key = collection.advance(&plan, 3, Vec::new()).await.unwrap();
    let seen = FlagUpdate::flags(UpdateMode::Add, Flags::SEEN);
    let all = UidSet::all();
    mailbox
        .update_flags(inbox, &all, &seen, None)
        .await
        .unwrap();
    let one = [gone.uid].into_iter().collect();
    mailbox.expunge(inbox, &one, Expunge::All).await.unwrap();
    let entries = async |key| {
        let plan = open(key)
            .await
            .plan(Predicate::since(i64::MIN), 10)
            .await
            .unwrap()
            .unwrap();
        let steps = plan.steps.iter().map(|step| step.action.entry());
        steps.collect::<Vec<_>>()
    };
    let told = entries(key).await;
    assert_eq!(told.len(), 1);
    assert!(told[0] != gone.entry && told[0] != left_out);
    assert_eq!(entries(begin().await).await, told);
    mailbox.forget_states(&device, Some(inbox)).await.unwrap();
    assert!(entries(begin().await).await.contains(&left_out));
}

async fn again_after(mailbox: &Mailbox, device: &DeviceId, folder: FolderId) -> SyncKey {
    let begun = mailbox.begin_collection(device, folder, Vec::new()).await;
    begun.unwrap().unwrap()
}

/// A device that is told nothing for longer than the log is kept does not have to begin from nothing.
#[tokio::test]
async fn a_device_with_nothing_to_hear_keeps_up_with_the_log() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let device = DeviceId::new("d1").unwrap();
    let mut key = again_after(&mailbox, &device, inbox).await;
    for round in 0..4 {
        let Opened::Known(collection) = mailbox
            .open_collection(&device, inbox, Some(key))
            .await
            .unwrap()
        else {
            panic!("the key is known");
        };
        let plan = collection
            .plan(Predicate::since(i64::MIN), 10)
            .await
            .unwrap();
        let plan = plan.expect("the log reaches back far enough");
        assert!(plan.is_empty());
        if round == 0 {
            key = collection.advance(&plan, 0, Vec::new()).await.unwrap();
        } else {
            collection.rest(&plan).await.unwrap();
        }
        world.time.pass(100);
        mailbox.maintain(50).await.unwrap();
        // It comes and goes between two rounds.
        let item = NewItem::new(world.receive(message(1).as_bytes()).await);
        mailbox.append(inbox, &item).await.unwrap();
        mailbox
            .expunge(inbox, &UidSet::all(), Expunge::All)
            .await
            .unwrap();
    }
}
