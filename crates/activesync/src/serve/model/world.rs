//! The server, its mailboxes, and the hands that change them beside the phones.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use fieldpost_mailbox::{
    DeviceId, Expunge, FlagUpdate, Flags, FolderId, FolderKind, Mailbox, NewFolder, NewItem,
    SpecialUse, UidSet, UpdateMode,
};
use fieldpost_store::MemoryStore;

use super::phone::{Facts, Held, SimulatedPhone};
use crate::{
    Settings,
    testing::{Answer, Fixture, Phone, backup::copy_of},
};

pub const USERS: [&str; 2] = ["alice", "bob"];
/// Whoever is no phone.
pub const HAND: usize = 0;
pub const CATEGORIES: [&str; 3] = ["Red", "Blue", "Work"];

pub struct World {
    pub fixture: Fixture,
    pub random: Random,
    pub facts: [Facts; 2],
    pub phones: Vec<SimulatedPhone>,
    backup: Option<Arc<MemoryStore>>,
    made: usize,
}

/// xorshift64: the same history for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % bound as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len())].clone())
    }
}

impl World {
    pub async fn new(seed: u64) -> Self {
        let mut world = Self {
            fixture: Fixture::new().await,
            random: Random::new(seed),
            facts: [Facts::default(), Facts::default()],
            phones: Vec::new(),
            backup: None,
            made: 0,
        };
        // Two of alice's, and one of bob's that calls itself as one of hers.
        for (user, id) in [("alice", "d1"), ("alice", "d2"), ("bob", "d1")] {
            let version = world.random.pick(&["12.1", "14.0", "14.1"]).unwrap();
            let phone = Phone::of(&world.fixture, user, id, version).await;
            let policy_key = phone.policy_key;
            world.phones.push(SimulatedPhone {
                user,
                id: id.into(),
                version,
                policy_key,
                hierarchy_key: "0".into(),
                folders: std::collections::BTreeMap::new(),
                collections: std::collections::BTreeMap::new(),
                cached: None,
                may_be_incomplete: true,
                hierarchy_settled: true,
                hierarchy_forgotten: false,
            });
        }
        for account in 0..USERS.len() {
            world.make_folder(account).await;
            for _ in 0..world.random.below(8) {
                world.deliver(account).await;
            }
        }
        world
    }

    pub async fn mailbox(&self, account: usize) -> Mailbox {
        self.fixture.mailbox(USERS[account]).await
    }

    /// One request of a phone; its response is checked against the element tables.
    pub async fn ask(&self, phone: usize, command: &str, xml: &str) -> Answer {
        let phone = &self.phones[phone];
        Phone {
            fixture: &self.fixture,
            user: phone.user,
            id: phone.id.clone(),
            version: phone.version,
            policy_key: phone.policy_key,
        }
        .ask(command, xml)
        .await
    }

    pub fn account_of(&self, phone: usize) -> usize {
        USERS
            .iter()
            .position(|user| *user == self.phones[phone].user)
            .unwrap()
    }

    /// The folders whose mail takes part: inbox, trash, and those that are named `F…`.
    pub async fn folders(&self, account: usize) -> Vec<FolderId> {
        let folders = self.mailbox(account).await.folders().await.unwrap();
        folders
            .iter()
            .filter(|folder| {
                matches!(
                    folder.special_use,
                    Some(SpecialUse::Inbox | SpecialUse::Trash)
                ) || folder.kind == FolderKind::Mail && folder.name.starts_with('F')
            })
            .map(|folder| folder.id)
            .collect()
    }

    pub async fn note_alive(&mut self, account: usize) {
        let folders = self.mailbox(account).await.folders().await.unwrap();
        self.facts[account].alive = folders.iter().map(|folder| folder.id.0).collect();
    }

    /// What a folder shows to somebody who wants nothing older than `cut`, but for the `whole` conversations of what is not, by
    /// server id.
    pub async fn shown(
        &self,
        account: usize,
        folder: FolderId,
        cut: i64,
        whole: bool,
    ) -> std::collections::BTreeMap<String, Held> {
        let mailbox = self.mailbox(account).await;
        let labels = mailbox.labels().await.unwrap();
        let view = mailbox.view(folder).await.unwrap();
        let mut shown = std::collections::BTreeMap::new();
        let threads: BTreeSet<_> = view
            .rows()
            .filter(|row| whole && row.window_date >= cut)
            .map(|row| row.thread)
            .collect();
        let is_shown =
            |row: &&fieldpost_mailbox::Row| row.window_date >= cut || threads.contains(&row.thread);
        for row in view.rows().filter(is_shown) {
            let item = mailbox.item(folder, row.uid).await.unwrap();
            shown.insert(
                format!("{folder}:{}", row.entry),
                Held {
                    subject: item.summary().unwrap().subject(),
                    read: row.flags.contains(Flags::SEEN),
                    flagged: row.flags.contains(Flags::FLAGGED),
                    categories: labels
                        .categories(row.labels)
                        .map(str::to_owned)
                        .collect::<BTreeSet<_>>(),
                    told: 0,
                    moved: false,
                },
            );
        }
        shown
    }

    pub async fn deliver(&mut self, account: usize) -> String {
        let folders = self.folders(account).await;
        let folder = if self.random.chance(70) {
            folders[0]
        } else {
            self.random.pick(&folders).unwrap()
        };
        self.made += 1;
        let (user, number) = (USERS[account], self.made);
        // Every other answers one of the last.
        let references = if self.random.chance(50) {
            let earlier = number.saturating_sub(1 + self.random.below(8));
            format!("References: <{user}-{earlier}@demo.test>\r\n")
        } else {
            String::new()
        };
        let text = format!(
            "From: X <x@demo.test>\r\nSubject: {user}-{number}\r\nMessage-ID: <{user}-{number}@demo.test>\r\n{references}\r\nText\r\n"
        );
        let mailbox = self.mailbox(account).await;
        let mut incoming = self
            .fixture
            .mailboxes
            .receive(mailbox.account(), None)
            .await
            .unwrap();
        incoming.write(Bytes::from(text)).await.unwrap();
        let mut item = NewItem::new(incoming.finish().await.unwrap());
        let now = (self.fixture.mailboxes.settings().clock)();
        // A third is older than it comes, as what somebody copies from another server.
        let age = if self.random.chance(33) {
            self.random.below(40) as i64 * 86_400
        } else {
            0
        };
        item.internal_date = Some(now - age);
        if self.random.chance(20) {
            item.flags = Flags::SEEN;
        }
        let appended = mailbox.append(folder, &item).await.unwrap();
        format!("{} into {folder}:{}", self.made, appended.entry)
    }

    /// Some items of some folder.
    async fn some(&mut self, account: usize) -> Option<(FolderId, UidSet)> {
        let folders = self.folders(account).await;
        let folder = self.random.pick(&folders)?;
        let view = self.mailbox(account).await.view(folder).await.unwrap();
        let uids: Vec<u32> = view.rows().map(|row| row.uid).collect();
        let mut set = BTreeSet::new();
        for _ in 0..=self.random.below(3) {
            set.extend(self.random.pick(&uids));
        }
        (!set.is_empty()).then(|| (folder, set.into_iter().collect()))
    }

    /// An IMAP client's hand on flags and categories.
    pub async fn set_flags(&mut self, account: usize) -> String {
        let Some((folder, uids)) = self.some(account).await else {
            return "none".into();
        };
        let mode = self
            .random
            .pick(&[UpdateMode::Add, UpdateMode::Remove])
            .unwrap();
        let update = match self.random.below(4) {
            0 => FlagUpdate::flags(mode, Flags::SEEN),
            1 => FlagUpdate::flags(mode, Flags::FLAGGED),
            2 => FlagUpdate::flags(mode, Flags::SEEN | Flags::ANSWERED),
            _ => FlagUpdate::categories(mode, self.random.pick(&CATEGORIES)),
        };
        let mailbox = self.mailbox(account).await;
        let stored = mailbox
            .update_flags(folder, &uids, &update, None)
            .await
            .unwrap();
        let facts = &mut self.facts[account];
        for row in &stored.changed {
            let id = format!("{folder}:{}", row.entry);
            let touches = facts.touched.entry(id).or_default();
            touches.push((facts.clock, HAND));
        }
        format!("{folder} {:?}: {update:?}", uids.ranges())
    }

    pub async fn expunge(&mut self, account: usize) -> String {
        let Some((folder, uids)) = self.some(account).await else {
            return "none".into();
        };
        let mailbox = self.mailbox(account).await;
        mailbox.expunge(folder, &uids, Expunge::All).await.unwrap();
        format!("{folder} {:?}", uids.ranges())
    }

    /// A POP3 client that fetches the oldest of the inbox and deletes them there.
    pub async fn pop(&mut self, account: usize) -> String {
        let mailbox = self.mailbox(account).await;
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
        let view = mailbox.view(inbox).await.unwrap();
        let count = self.random.below(3);
        let uids: UidSet = view.rows().take(count).map(|row| row.uid).collect();
        drop(view);
        mailbox.expunge(inbox, &uids, Expunge::All).await.unwrap();
        format!("{:?}", uids.ranges())
    }

    /// There, and sometimes at once back.
    pub async fn shift(&mut self, account: usize) -> String {
        let folders = self.folders(account).await;
        let Some((from, uids)) = self.some(account).await else {
            return "none".into();
        };
        let to = self.random.pick(&folders).unwrap();
        if to == from {
            return "none".into();
        }
        let mailbox = self.mailbox(account).await;
        let moved = mailbox.move_items(from, &uids, to).await.unwrap();
        let back = self.random.chance(40);
        if back {
            let there: UidSet = moved.uids.iter().map(|(_, uid)| *uid).collect();
            mailbox.move_items(to, &there, from).await.unwrap();
        }
        format!("{from} {:?} to {to}, back {back}", uids.ranges())
    }

    pub async fn make_folder(&mut self, account: usize) -> String {
        self.made += 1;
        let kind = self
            .random
            .pick(&[FolderKind::Mail, FolderKind::Mail, FolderKind::Notes])
            .unwrap();
        let new = NewFolder {
            parent: None,
            name: format!("F{}", self.made),
            kind,
        };
        let mailbox = self.mailbox(account).await;
        mailbox.create_folder(&new).await.unwrap();
        self.note_alive(account).await;
        format!("{new:?}")
    }

    /// A folder of the user's own making, of any kind.
    pub async fn own_folder(&mut self, account: usize) -> Option<FolderId> {
        let folders = self.mailbox(account).await.folders().await.unwrap();
        let own: Vec<FolderId> = folders
            .iter()
            .filter(|folder| folder.special_use.is_none() && folder.name.starts_with('F'))
            .map(|folder| folder.id)
            .collect();
        self.random.pick(&own)
    }

    pub async fn rename_folder(&mut self, account: usize) -> String {
        let Some(folder) = self.own_folder(account).await else {
            return "none".into();
        };
        self.made += 1;
        let name = format!("F{}", self.made);
        let mailbox = self.mailbox(account).await;
        mailbox.move_folder(folder, None, &name).await.unwrap();
        format!("{folder} {name}")
    }

    pub async fn delete_folder(&mut self, account: usize) -> String {
        let Some(folder) = self.own_folder(account).await else {
            return "none".into();
        };
        let mailbox = self.mailbox(account).await;
        let deleted = mailbox.delete_folder(folder).await;
        self.note_alive(account).await;
        format!("{folder} {}", deleted.is_ok())
    }

    /// The server starts anew: nothing is left in memory.
    pub async fn restart(&mut self) {
        self.fixture = self.fixture.restarted(Settings::default());
        self.fixture.mailboxes.forget_all().await;
        for phone in &mut self.phones {
            phone.may_be_incomplete = true;
        }
    }

    pub async fn back_up(&mut self) -> String {
        self.backup = Some(copy_of(&*self.fixture.store).await);
        "backup".into()
    }

    /// The last backup is put back, on a machine that knows nothing of what came after it, some phones among it. What is told then
    /// may be told by beginning anew, and is no less right.
    pub async fn restore(&mut self) -> String {
        // Once: a second time would give out the ids of the first life once more.
        let Some(backup) = self.backup.take() else {
            return "none".into();
        };
        self.fixture = self.fixture.restored(backup).await;
        for account in 0..USERS.len() {
            self.note_alive(account).await;
        }
        for phone in 0..self.phones.len() {
            if self.random.chance(40) {
                self.come_anew(phone).await;
            }
        }
        for phone in &mut self.phones {
            phone.may_be_incomplete = true;
            phone.hierarchy_forgotten = true;
            for collection in phone.collections.values_mut() {
                collection.forgotten = true;
            }
        }
        "restored".into()
    }

    /// The backup is older than the phone: all that it knows of the server is a policy that it has to take first.
    async fn come_anew(&mut self, phone: usize) {
        let account = self.account_of(phone);
        let phone = &mut self.phones[phone];
        let id = DeviceId::new(&phone.id).unwrap();
        let mailbox = self.fixture.mailbox(USERS[account]).await;
        mailbox.forget_device(&id).await.unwrap();
        let again = Phone::of(&self.fixture, phone.user, &phone.id, phone.version).await;
        phone.policy_key = again.policy_key;
    }
}
