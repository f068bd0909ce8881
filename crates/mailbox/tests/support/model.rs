//! The naive model: plain maps, changed by the same operations, compared with all that the protocols will see.

#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use fieldpost_mailbox::{
    Error, Expunge, FlagUpdate, Flags, FolderId, HierarchySince, Mailbox, Mailboxes, NewFolder,
    NewItem, Row, SpecialUse, UidSet, UpdateMode,
};

use super::{ALICE, Time, receive};

/// A small generator of numbers that a seed repeats.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below.max(1)
    }

    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.below(from.len() as u64) as usize])
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ModelItem {
    pub entry: u64,
    pub mod_seq: u64,
    pub flags: Flags,
    pub keywords: BTreeSet<String>,
    pub categories: BTreeSet<String>,
    pub internal_date: i64,
    pub window_date: i64,
    pub content: u64,
    pub thread: u64,
    pub bytes: Vec<u8>,
    pub stored_uidl: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct ModelFolder {
    pub parent: Option<FolderId>,
    pub name: String,
    pub is_drafts: bool,
    pub is_special: bool,
    pub uid_validity: u32,
    pub uid_next: u32,
    pub highest: u64,
    pub changed: u64,
    pub floor: u64,
    pub items: BTreeMap<u32, ModelItem>,
    /// (mod_seq, uid, entry, window date, when)
    pub gone: Vec<(u64, u32, u64, i64, i64)>,
}

/// What a client holds that synchronises by change since N.
#[derive(Clone, Debug)]
pub struct Replica {
    pub folder: FolderId,
    pub since: u64,
    pub rows: BTreeMap<u32, Row>,
}

#[derive(Clone)]
pub struct Model {
    pub random: Random,
    pub folders: BTreeMap<FolderId, ModelFolder>,
    pub gone_folders: Vec<(u64, FolderId)>,
    pub hierarchy_floor: u64,
    pub replicas: Vec<Replica>,
    pub entries: HashSet<u64>,
    pub contents: HashSet<u64>,
    pub folder_ids: HashSet<FolderId>,
    pub last_mod_seq: u64,
    pub number: u64,
}

impl Model {
    pub async fn new(seed: u64, mailbox: &Mailbox) -> Self {
        let mut model = Self {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            folders: BTreeMap::new(),
            gone_folders: Vec::new(),
            hierarchy_floor: 0,
            replicas: Vec::new(),
            entries: HashSet::new(),
            contents: HashSet::new(),
            folder_ids: HashSet::new(),
            last_mod_seq: 0,
            number: 0,
        };
        for folder in mailbox.folders().await.unwrap() {
            model.folder_ids.insert(folder.id);
            model.folders.insert(
                folder.id,
                ModelFolder {
                    parent: folder.parent,
                    name: folder.name.clone(),
                    is_drafts: folder.special_use == Some(SpecialUse::Drafts)
                        || matches!(
                            folder.special_use,
                            Some(SpecialUse::Contacts | SpecialUse::Notes)
                        ),
                    is_special: true,
                    uid_validity: folder.uid_validity,
                    uid_next: 1,
                    highest: folder.highest_mod_seq,
                    changed: folder.changed,
                    ..ModelFolder::default()
                },
            );
            model.last_mod_seq = model.last_mod_seq.max(folder.changed);
        }
        model
    }

    pub fn any_folder(&mut self) -> FolderId {
        // Mostly the first few, so that they grow.
        let ids: Vec<_> = self.folders.keys().copied().collect();
        if self.random.below(3) > 0 {
            ids[self.random.below(2) as usize]
        } else {
            self.random.pick(&ids).unwrap()
        }
    }

    pub fn some_uids(&mut self, folder: FolderId) -> UidSet {
        let next = self.folders[&folder].uid_next;
        match self.random.below(5) {
            0 => {
                let first = 1 + self.random.below(u64::from(next)) as u32;
                UidSet::from_ranges([first..=first + self.random.below(60) as u32])
            }
            1 if self.random.one_in(6) => UidSet::all(),
            _ => {
                let many = 1 + self.random.below(6);
                (0..many)
                    .map(|_| 1 + self.random.below(u64::from(next)) as u32)
                    .collect()
            }
        }
    }

    pub fn chosen(&self, folder: FolderId, uids: &UidSet) -> Vec<u32> {
        let items = &self.folders[&folder].items;
        items
            .keys()
            .copied()
            .filter(|uid| uids.contains(*uid))
            .collect()
    }

    fn advance(&mut self, mod_seq: u64) {
        assert!(mod_seq > self.last_mod_seq, "mod_seq went back");
        self.last_mod_seq = mod_seq;
    }

    /// One random operation, by whichever handle.
    pub async fn step(&mut self, mailboxes: &Mailboxes, mailbox: &Mailbox, time: &Time) {
        if self.random.one_in(3) {
            time.pass(self.random.below(100) as i64);
        }
        match self.random.below(22) {
            0..=6 => self.append(mailboxes, mailbox, time).await,
            7..=10 => self.flags(mailbox).await,
            11 | 12 => self.copy(mailbox).await,
            13 | 14 => self.move_items(mailbox, time).await,
            15 | 16 => self.expunge(mailbox, time).await,
            17 => self.create(mailbox).await,
            18 => self.rename(mailbox).await,
            19 => self.delete_folder(mailbox).await,
            20 => match self.random.below(4) {
                0 => self.purge(mailbox, time).await,
                1 => drop(mailbox.fold_all().await.unwrap()),
                2 => mailboxes.forget_all().await,
                _ => {
                    let folder = self.any_folder();
                    let is_subscribed = mailbox.folder(folder).await.unwrap().subscribed;
                    mailbox.subscribe(folder, !is_subscribed).await.unwrap();
                    self.last_mod_seq += 1;
                    self.folders.get_mut(&folder).unwrap().changed = self.last_mod_seq;
                }
            },
            _ => self.synchronise(mailbox).await,
        }
    }

    async fn append(&mut self, mailboxes: &Mailboxes, mailbox: &Mailbox, time: &Time) {
        let folder = self.any_folder();
        let many = if self.random.one_in(3) {
            self.random.below(30)
        } else {
            1
        };
        for _ in 0..many {
            self.number += 1;
            let parent = self.random.below(self.number);
            let text = format!(
                "From: a@b\r\nSubject: {}{}\r\nMessage-ID: <{}@m>\r\nIn-Reply-To: <{parent}@m>\r\n\r\n{}\r\n",
                if self.random.one_in(2) { "Re: " } else { "" },
                self.random.below(5),
                self.number,
                "x".repeat(self.random.below(200) as usize)
            );
            let mut new = NewItem::new(receive(mailboxes, text.as_bytes()).await);
            if self.random.one_in(2) {
                new.prefix = Bytes::from(format!("Return-Path: <{}@r>\r\n", self.number));
            }
            new.flags = Flags::ALL.without(Flags::ALL);
            for flag in [Flags::SEEN, Flags::DELETED, Flags::FLAGGED] {
                if self.random.one_in(4) {
                    new.flags |= flag;
                }
            }
            if self.random.one_in(4) {
                new.keywords.push(format!("key{}", self.random.below(6)));
            }
            if self.random.one_in(2) {
                new.internal_date = Some(1_600_000_000 + self.random.below(100_000_000) as i64);
            }
            if self.random.one_in(10) {
                new.stored_uidl = Some(format!("stored-{}", self.number));
            }
            let appended = mailbox.append(folder, &new).await.unwrap();
            self.advance(appended.mod_seq);
            assert!(self.entries.insert(appended.entry.0), "an entry came back");
            assert!(
                self.contents.insert(appended.content.0),
                "a content came back"
            );
            let date = new.internal_date.unwrap_or(time.now());
            let record = self.folders.get_mut(&folder).unwrap();
            assert_eq!(
                (appended.uid, appended.uid_validity),
                (record.uid_next, record.uid_validity)
            );
            record.uid_next += 1;
            record.highest = appended.mod_seq;
            let mut bytes = new.prefix.to_vec();
            bytes.extend_from_slice(text.as_bytes());
            record.items.insert(
                appended.uid,
                ModelItem {
                    entry: appended.entry.0,
                    mod_seq: appended.mod_seq,
                    flags: new.flags,
                    keywords: new.keywords.iter().cloned().collect(),
                    categories: BTreeSet::new(),
                    internal_date: date,
                    window_date: if record.is_drafts { i64::MAX } else { date },
                    content: appended.content.0,
                    thread: appended.thread.0,
                    bytes,
                    stored_uidl: new.stored_uidl.clone(),
                },
            );
        }
    }

    async fn flags(&mut self, mailbox: &Mailbox) {
        let folder = self.any_folder();
        let uids = self.some_uids(folder);
        let mode = [UpdateMode::Replace, UpdateMode::Add, UpdateMode::Remove]
            [self.random.below(3) as usize];
        let one = [
            Flags::SEEN,
            Flags::DELETED,
            Flags::ANSWERED | Flags::DRAFT,
            Flags::EMPTY,
        ][self.random.below(4) as usize];
        let name = self.random.below(6);
        let update = match self.random.below(3) {
            0 => FlagUpdate::keywords(mode, [format!("key{name}")]),
            1 => FlagUpdate::categories(mode, [format!("Colour {name}")]),
            _ => FlagUpdate::flags(mode, one),
        };
        let unchanged_since = self
            .random
            .one_in(4)
            .then(|| self.random.below(self.last_mod_seq + 1));
        let stored = mailbox
            .update_flags(folder, &uids, &update, unchanged_since)
            .await
            .unwrap();
        let chosen = self.chosen(folder, &uids);
        let (mut modified, mut changed) = (Vec::new(), Vec::new());
        let items = &mut self.folders.get_mut(&folder).unwrap().items;
        for uid in chosen {
            let item = items.get_mut(&uid).unwrap();
            if unchanged_since.is_some_and(|since| item.mod_seq > since) {
                modified.push(uid);
                continue;
            }
            let before = item.clone();
            if let Some(flags) = update.flags {
                item.flags = match mode {
                    UpdateMode::Replace => flags,
                    UpdateMode::Add => item.flags | flags,
                    UpdateMode::Remove => item.flags.without(flags),
                };
            }
            if let Some(keywords) = &update.keywords {
                apply(mode, &mut item.keywords, keywords);
                // IMAP sees categories as keywords: replacing all keywords replaces them too.
                if mode == UpdateMode::Replace {
                    item.categories.clear();
                }
            }
            if let Some(categories) = &update.categories {
                apply(mode, &mut item.categories, categories);
            }
            if *item != before {
                item.mod_seq = stored.mod_seq;
                changed.push(uid);
            }
        }
        assert_eq!(stored.modified, modified);
        assert!(
            stored
                .changed
                .iter()
                .map(|row| row.uid)
                .eq(changed.iter().copied())
        );
        if changed.is_empty() {
            assert_eq!(stored.mod_seq, 0);
        } else {
            self.advance(stored.mod_seq);
            self.folders.get_mut(&folder).unwrap().highest = stored.mod_seq;
        }
    }

    async fn copy(&mut self, mailbox: &Mailbox) {
        let (from, to) = (self.any_folder(), self.any_folder());
        let uids = self.some_uids(from);
        // Copies double what is there: keep it small.
        if self.folders[&to].items.len() > 600 {
            return;
        }
        let copied = mailbox.copy(from, &uids, to).await.unwrap();
        let chosen = self.chosen(from, &uids);
        assert!(
            copied
                .uids
                .iter()
                .map(|pair| pair.0)
                .eq(chosen.iter().copied())
        );
        if !chosen.is_empty() {
            self.advance(copied.mod_seq);
        }
        for (uid, copy) in copied.uids {
            let mut item = self.folders[&from].items[&uid].clone();
            item.stored_uidl = None;
            self.enter(mailbox, to, copy, item, copied.mod_seq).await;
        }
    }

    async fn move_items(&mut self, mailbox: &Mailbox, time: &Time) {
        let (from, to) = (self.any_folder(), self.any_folder());
        let uids = self.some_uids(from);
        let moved = mailbox.move_items(from, &uids, to).await.unwrap();
        let chosen = self.chosen(from, &uids);
        assert!(
            moved
                .uids
                .iter()
                .map(|pair| pair.0)
                .eq(chosen.iter().copied())
        );
        if !chosen.is_empty() {
            self.advance(moved.mod_seq);
        }
        for (uid, copy) in moved.uids {
            let source = self.folders.get_mut(&from).unwrap();
            let mut item = source.items.remove(&uid).unwrap();
            // What leaves the inbox takes its unique-id along.
            if source.parent.is_none() && source.name == "INBOX" {
                let derived = format!("{:08x}.{uid:08x}", source.uid_validity);
                item.stored_uidl.get_or_insert(derived);
            }
            source.highest = moved.mod_seq;
            source
                .gone
                .push((moved.mod_seq, uid, item.entry, item.window_date, time.now()));
            self.enter(mailbox, to, copy, item, moved.mod_seq).await;
        }
    }

    async fn enter(
        &mut self,
        mailbox: &Mailbox,
        to: FolderId,
        uid: u32,
        item: ModelItem,
        mod_seq: u64,
    ) {
        let entry = mailbox.view(to).await.unwrap().by_uid(uid).unwrap().entry.0;
        assert!(self.entries.insert(entry), "an entry came back");
        let target = self.folders.get_mut(&to).unwrap();
        assert_eq!(uid, target.uid_next);
        target.uid_next += 1;
        target.highest = mod_seq;
        let window_date = if target.is_drafts {
            i64::MAX
        } else {
            item.internal_date
        };
        let item = ModelItem {
            entry,
            mod_seq,
            window_date,
            ..item
        };
        target.items.insert(uid, item);
    }

    async fn expunge(&mut self, mailbox: &Mailbox, time: &Time) {
        let folder = self.any_folder();
        let uids = self.some_uids(folder);
        let which = if self.random.one_in(2) {
            Expunge::Deleted
        } else {
            Expunge::All
        };
        let expunged = mailbox.expunge(folder, &uids, which).await.unwrap();
        let mut chosen = self.chosen(folder, &uids);
        let record = self.folders.get_mut(&folder).unwrap();
        chosen.retain(|uid| {
            which == Expunge::All || record.items[uid].flags.contains(Flags::DELETED)
        });
        assert_eq!(expunged.uids, chosen);
        for uid in &chosen {
            let item = record.items.remove(uid).unwrap();
            record.highest = expunged.mod_seq;
            record.gone.push((
                expunged.mod_seq,
                *uid,
                item.entry,
                item.window_date,
                time.now(),
            ));
        }
        if !chosen.is_empty() {
            self.advance(expunged.mod_seq);
        }
    }

    async fn create(&mut self, mailbox: &Mailbox) {
        let parent = self.random.one_in(2).then(|| self.any_folder());
        let name = format!("f{}", self.random.below(8));
        let new = NewFolder {
            parent,
            name: name.clone(),
            ..NewFolder::default()
        };
        let namesake = self
            .folders
            .iter()
            .find(|(_, folder)| folder.parent == parent && folder.name == name);
        match mailbox.create_folder(&new).await {
            Ok(folder) => {
                assert!(namesake.is_none());
                assert!(self.folder_ids.insert(folder.id), "a folder id came back");
                assert!(
                    self.folders
                        .values()
                        .all(|other| other.uid_validity < folder.uid_validity)
                );
                self.advance(folder.changed);
                self.folders.insert(
                    folder.id,
                    ModelFolder {
                        parent,
                        name,
                        uid_validity: folder.uid_validity,
                        uid_next: 1,
                        highest: folder.highest_mod_seq,
                        changed: folder.changed,
                        ..ModelFolder::default()
                    },
                );
            }
            Err(Error::FolderExists(id)) => assert_eq!(Some(&id), namesake.map(|(id, _)| id)),
            Err(other) => panic!("{other}"),
        }
    }

    async fn rename(&mut self, mailbox: &Mailbox) {
        let id = self.any_folder();
        let parent = self.random.one_in(2).then(|| self.any_folder());
        let name = format!("f{}", self.random.below(8));
        let is_below = {
            let mut above = parent;
            loop {
                match above {
                    Some(other) if other == id => break true,
                    Some(other) => above = self.folders[&other].parent,
                    None => break false,
                }
            }
        };
        let namesake = self
            .folders
            .iter()
            .any(|(other, folder)| *other != id && folder.parent == parent && folder.name == name);
        let before = (self.folders[&id].parent, self.folders[&id].name.clone());
        let result = mailbox.move_folder(id, parent, &name).await;
        if self.folders[&id].name == "INBOX" {
            assert!(matches!(result, Err(Error::SpecialFolder(_))));
        } else if is_below {
            assert!(matches!(result, Err(Error::Cycle(_))));
        } else if namesake {
            assert!(matches!(result, Err(Error::FolderExists(_))));
        } else {
            result.unwrap();
            if before != (parent, name.clone()) {
                self.last_mod_seq += 1;
                let folder = self.folders.get_mut(&id).unwrap();
                (folder.parent, folder.name, folder.changed) = (parent, name, self.last_mod_seq);
            }
        }
    }

    async fn delete_folder(&mut self, mailbox: &Mailbox) {
        let id = self.any_folder();
        let has_children = self
            .folders
            .values()
            .any(|folder| folder.parent == Some(id));
        match mailbox.delete_folder(id).await {
            Ok(()) => {
                assert!(!has_children && !self.folders[&id].is_special);
                self.last_mod_seq += 1;
                self.gone_folders.push((self.last_mod_seq, id));
                self.folders.remove(&id);
                self.replicas.retain(|replica| replica.folder != id);
            }
            Err(Error::HasChildren(_)) => assert!(has_children),
            Err(Error::SpecialFolder(_)) => assert!(self.folders[&id].is_special),
            Err(other) => panic!("{other}"),
        }
    }

    async fn purge(&mut self, mailbox: &Mailbox, time: &Time) {
        let before = time.now() - self.random.below(20_000) as i64;
        mailbox.purge(before).await.unwrap();
        for folder in self.folders.values_mut() {
            for gone in &folder.gone {
                if gone.4 < before {
                    folder.floor = folder.floor.max(gone.0);
                }
            }
            folder.gone.retain(|gone| gone.4 >= before);
        }
        match mailbox.hierarchy_changes(0).await.unwrap() {
            HierarchySince::Known { .. } => {}
            HierarchySince::TooOld { floor } => {
                self.hierarchy_floor = floor;
                self.gone_folders.retain(|gone| gone.0 > floor);
            }
        }
    }
}

pub fn apply(mode: UpdateMode, set: &mut BTreeSet<String>, named: &[String]) {
    match mode {
        UpdateMode::Replace => *set = named.iter().cloned().collect(),
        UpdateMode::Add => set.extend(named.iter().cloned()),
        UpdateMode::Remove => set.retain(|name| !named.contains(name)),
    }
}

pub async fn open(mailboxes: &std::sync::Arc<Mailboxes>) -> Mailbox {
    mailboxes.open(ALICE).await.unwrap()
}

/// How often, from the environment or as given.
pub fn times(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}
