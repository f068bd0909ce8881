//! Operations that are begun together and, when the machine stops, may not have come to their end. Which of them happened, and in
//! which order, is found by trying: there must be a history that holds all that were acknowledged, each of its operations whole,
//! after which the naive model is what is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fieldpost_mailbox::{
    ChangesSince, Error, Expunge, FlagUpdate, Flags, FolderId, FolderKind, Mailbox, Mailboxes,
    NewItem, UidSet, UpdateMode,
};

use super::{
    ALICE, bytes_of, message,
    model::{Model, ModelFolder, ModelItem, apply},
};

#[derive(Clone, Debug)]
pub enum Operation {
    Append(FolderId, Vec<String>),
    Flags(FolderId, UidSet, FlagUpdate),
    Copy(FolderId, UidSet, FolderId),
    Move(FolderId, UidSet, FolderId),
    Expunge(FolderId, UidSet, Expunge),
    CreatePath([String; 3]),
}

/// What an operation is acknowledged with.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// 0 if there was nothing to do.
    mod_seq: u64,
    /// The uids that are new, changed or gone.
    uids: Vec<u32>,
}

/// An operation that was begun, and its acknowledgement if there was one.
#[derive(Debug)]
pub struct Begun {
    pub operation: Operation,
    pub result: Result<Done, Error>,
}

/// What stands for the id of a folder that a history makes: the mailbox alone knows which it gave.
const PROVISIONAL: u64 = 1 << 62;

/// Begins all of them at once; returns when each has an answer, or has failed with the disk.
pub async fn begin(
    operations: Vec<Operation>,
    mailboxes: &Arc<Mailboxes>,
    mailbox: &Mailbox,
) -> Vec<Begun> {
    let tasks: Vec<_> = operations
        .into_iter()
        .map(|operation| {
            let (mailboxes, mailbox) = (Arc::clone(mailboxes), mailbox.clone());
            tokio::spawn(async move {
                let result = run(&operation, &mailboxes, &mailbox).await;
                Begun { operation, result }
            })
        })
        .collect();
    let mut begun = Vec::new();
    for task in tasks {
        begun.push(task.await.unwrap());
    }
    begun
}

async fn run(
    operation: &Operation,
    mailboxes: &Mailboxes,
    mailbox: &Mailbox,
) -> Result<Done, Error> {
    Ok(match operation {
        Operation::Append(folder, texts) => {
            let mut items = Vec::new();
            for text in texts {
                let mut incoming = mailboxes.receive(ALICE, None).await?;
                incoming.write(text.clone().into()).await?;
                items.push(NewItem::new(incoming.finish().await?));
            }
            let appended = mailbox.append_all(*folder, &items).await?;
            Done {
                mod_seq: appended.last().map_or(0, |one| one.mod_seq),
                uids: appended.iter().map(|one| one.uid).collect(),
            }
        }
        Operation::Flags(folder, uids, update) => {
            let stored = mailbox.update_flags(*folder, uids, update, None).await?;
            Done {
                mod_seq: stored.mod_seq,
                uids: stored.changed.iter().map(|row| row.uid).collect(),
            }
        }
        Operation::Copy(from, uids, to) => {
            let copied = mailbox.copy(*from, uids, *to).await?;
            Done {
                mod_seq: copied.mod_seq,
                uids: copied.uids.iter().map(|pair| pair.1).collect(),
            }
        }
        Operation::Move(from, uids, to) => {
            let moved = mailbox.move_items(*from, uids, *to).await?;
            Done {
                mod_seq: moved.mod_seq,
                uids: moved.uids.iter().map(|pair| pair.1).collect(),
            }
        }
        Operation::Expunge(folder, uids, which) => {
            let expunged = mailbox.expunge(*folder, uids, *which).await?;
            Done {
                mod_seq: expunged.mod_seq,
                uids: expunged.uids,
            }
        }
        Operation::CreatePath(path) => {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let made = mailbox.create_path(&path, FolderKind::Mail, None).await?;
            Done {
                mod_seq: made.changed,
                uids: Vec::new(),
            }
        }
    })
}

impl Model {
    /// An operation that touches several records, if it finds something to do.
    pub fn operation(&mut self) -> Operation {
        let (folder, other) = (self.any_folder(), self.any_folder());
        let uids = self.some_uids(folder);
        let one = self.random.below(3);
        let is_full = |folder| self.folders[&folder].items.len() > 300;
        match self.random.below(6) {
            0 if self.folders.len() < 60 => {
                self.number += 1;
                let last = format!("p{}", self.number);
                Operation::CreatePath([format!("d{one}"), format!("e{one}"), last])
            }
            1 => {
                let flags = [Flags::SEEN, Flags::DELETED, Flags::FLAGGED][one as usize];
                let mode = [UpdateMode::Add, UpdateMode::Remove][self.random.below(2) as usize];
                let update = if self.random.one_in(2) {
                    FlagUpdate::flags(mode, flags)
                } else {
                    FlagUpdate::keywords(mode, [format!("half{one}")])
                };
                Operation::Flags(folder, uids, update)
            }
            2 if !is_full(other) => Operation::Copy(folder, uids, other),
            3 if !is_full(other) => Operation::Move(folder, uids, other),
            4 => {
                let which = [Expunge::All, Expunge::Deleted][self.random.below(2) as usize];
                Operation::Expunge(folder, uids, which)
            }
            _ => {
                let many = 1 + self.random.below(5);
                let mut text = || {
                    self.number += 1;
                    // Half of the bodies lie in the log, half in files of their own.
                    let filling = "x".repeat(self.random.below(2) as usize * 500);
                    format!("{}{filling}\r\n", message(self.number as u32))
                };
                let texts = (0..many).map(|_| text()).collect();
                Operation::Append(folder, texts)
            }
        }
    }

    /// Takes over what came of the operations that were begun together at `now`; how many happened without an acknowledgement, and
    /// how many did not happen.
    pub async fn settle(&mut self, mailbox: &Mailbox, begun: &[Begun], now: i64) -> (usize, usize) {
        let seen = self.look(mailbox).await;
        let mod_seq = mailbox.mod_seq().await.unwrap();
        let all: Vec<usize> = (0..begun.len()).collect();
        let mut tried = Vec::new();
        let before = self.clone();
        let found = before.after(&all, begun, now, &mut |history| {
            let agreed = history.agreed(&seen, mod_seq);
            agreed.map_err(|why| tried.push(why)).ok()
        });
        let Some((settled, not_done)) = found else {
            panic!("nothing that may have happened leaves what is there.\n{begun:#?}\n{tried:#?}");
        };
        *self = settled;
        let open = begun.iter().filter(|one| one.result.is_err()).count();
        (open - not_done, not_done)
    }

    /// Tries this state, if every acknowledged operation is in it, then those after one more of the `open` operations. What was
    /// found, and how many were still open.
    fn after(
        &self,
        open: &[usize],
        begun: &[Begun],
        now: i64,
        is_it: &mut dyn FnMut(&Self) -> Option<Self>,
    ) -> Option<(Self, usize)> {
        if open.iter().all(|number| begun[*number].result.is_err())
            && let Some(settled) = is_it(self)
        {
            return Some((settled, open.len()));
        }
        open.iter().find_map(|number| {
            let Begun { operation, result } = &begun[*number];
            let mut next = self.clone();
            let done = next.happens(operation, now);
            if result.as_ref().is_ok_and(|told| *told != done) {
                return None;
            }
            let open: Vec<usize> = open.iter().copied().filter(|one| one != number).collect();
            next.after(&open, begun, now, is_it)
        })
    }

    /// Changes the model as a whole operation does. What the mailbox alone chooses (entries, contents, threads, folders' ids)
    /// stays 0 or provisional.
    fn happens(&mut self, operation: &Operation, now: i64) -> Done {
        let mod_seq = self.last_mod_seq + 1;
        let mut uids = Vec::new();
        match operation {
            Operation::Append(folder, texts) => {
                for text in texts {
                    let item = ModelItem {
                        entry: 0,
                        mod_seq,
                        flags: Flags::EMPTY,
                        keywords: BTreeSet::new(),
                        categories: BTreeSet::new(),
                        internal_date: now,
                        window_date: now,
                        content: 0,
                        thread: 0,
                        bytes: text.clone().into(),
                        stored_uidl: None,
                    };
                    uids.push(self.arrives(*folder, item, mod_seq));
                }
            }
            Operation::Flags(folder, chosen, update) => {
                for uid in self.chosen(*folder, chosen) {
                    let record = self.folders.get_mut(folder).unwrap();
                    let item = record.items.get_mut(&uid).unwrap();
                    let before = item.clone();
                    if let Some(flags) = update.flags {
                        item.flags = match update.mode {
                            UpdateMode::Add => item.flags | flags,
                            _ => item.flags.without(flags),
                        };
                    }
                    if let Some(keywords) = &update.keywords {
                        apply(update.mode, &mut item.keywords, keywords);
                    }
                    if *item != before {
                        item.mod_seq = mod_seq;
                        record.highest = mod_seq;
                        uids.push(uid);
                    }
                }
            }
            Operation::Copy(from, chosen, to) => {
                for uid in self.chosen(*from, chosen) {
                    let mut item = self.folders[from].items[&uid].clone();
                    item.stored_uidl = None;
                    uids.push(self.arrives(*to, item, mod_seq));
                }
            }
            Operation::Move(from, chosen, to) => {
                for uid in self.chosen(*from, chosen) {
                    let mut item = self.leaves(*from, uid, mod_seq, now);
                    let source = &self.folders[from];
                    // What leaves the inbox takes its unique-id along.
                    if source.parent.is_none() && source.name == "INBOX" {
                        let derived = format!("{:08x}.{uid:08x}", source.uid_validity);
                        item.stored_uidl.get_or_insert(derived);
                    }
                    uids.push(self.arrives(*to, item, mod_seq));
                }
            }
            Operation::Expunge(folder, chosen, which) => {
                uids = self.chosen(*folder, chosen);
                let items = &self.folders[folder].items;
                uids.retain(|uid| {
                    *which == Expunge::All || items[uid].flags.contains(Flags::DELETED)
                });
                for uid in &uids {
                    self.leaves(*folder, *uid, mod_seq, now);
                }
            }
            Operation::CreatePath(path) => {
                let mut parent = None;
                for name in path {
                    let mut folders = self.folders.iter();
                    let found = folders.find(|(_, one)| one.parent == parent && one.name == *name);
                    let id = match found {
                        Some((id, _)) => *id,
                        None => FolderId(PROVISIONAL + self.folders.len() as u64),
                    };
                    self.folders.entry(id).or_insert_with(|| ModelFolder {
                        parent,
                        name: name.clone(),
                        uid_next: 1,
                        highest: mod_seq,
                        changed: mod_seq,
                        ..ModelFolder::default()
                    });
                    parent = Some(id);
                }
            }
        }
        let is_nothing = uids.is_empty() && !matches!(operation, Operation::CreatePath(_));
        let mod_seq = if is_nothing { 0 } else { mod_seq };
        self.last_mod_seq = self.last_mod_seq.max(mod_seq);
        Done { mod_seq, uids }
    }

    fn arrives(&mut self, to: FolderId, item: ModelItem, mod_seq: u64) -> u32 {
        let target = self.folders.get_mut(&to).unwrap();
        let uid = target.uid_next;
        target.uid_next += 1;
        target.highest = mod_seq;
        let window_date = if target.is_drafts {
            i64::MAX
        } else {
            item.internal_date
        };
        let item = ModelItem {
            entry: 0,
            mod_seq,
            window_date,
            ..item
        };
        target.items.insert(uid, item);
        uid
    }

    fn leaves(&mut self, from: FolderId, uid: u32, mod_seq: u64, now: i64) -> ModelItem {
        let source = self.folders.get_mut(&from).unwrap();
        let item = source.items.remove(&uid).unwrap();
        source.highest = mod_seq;
        let gone = (mod_seq, uid, item.entry, item.window_date, now);
        source.gone.push(gone);
        item
    }

    /// All that is there. The bytes are read of those contents alone that the model does not know.
    async fn look(&self, mailbox: &Mailbox) -> BTreeMap<FolderId, ModelFolder> {
        let mut seen = BTreeMap::new();
        let labels = mailbox.labels().await.unwrap();
        for folder in mailbox.folders().await.unwrap() {
            let view = mailbox.view(folder.id).await.unwrap();
            let mut items = BTreeMap::new();
            for row in view.rows() {
                let plain = row.labels.without(labels.all_categories());
                let mut bytes = Vec::new();
                if !self.contents.contains(&row.content.0) {
                    let item = mailbox.item(folder.id, row.uid).await.unwrap();
                    bytes = bytes_of(mailbox, &item).await.to_vec();
                }
                let item = ModelItem {
                    entry: row.entry.0,
                    mod_seq: row.mod_seq,
                    flags: row.flags,
                    keywords: labels.keywords(plain).map(str::to_owned).collect(),
                    categories: labels.categories(row.labels).map(str::to_owned).collect(),
                    internal_date: row.internal_date,
                    window_date: row.window_date,
                    content: row.content.0,
                    thread: row.thread.0,
                    bytes,
                    stored_uidl: None,
                };
                items.insert(row.uid, item);
            }
            let floor = self.folders.get(&folder.id).map_or(0, |known| known.floor);
            let changes = mailbox.changes(folder.id, floor).await.unwrap();
            let ChangesSince::Known(changes) = changes else {
                panic!("the floor of {} has risen", folder.id);
            };
            let gone = changes.gone.iter();
            let record = ModelFolder {
                parent: folder.parent,
                name: folder.name.clone(),
                uid_validity: folder.uid_validity,
                uid_next: folder.uid_next,
                highest: folder.highest_mod_seq,
                changed: folder.changed,
                items,
                gone: gone
                    .map(|one| (one.mod_seq, one.uid, one.entry.0, one.window_date, 0))
                    .collect(),
                ..ModelFolder::default()
            };
            seen.insert(folder.id, record);
        }
        seen
    }

    /// This state with what the mailbox chose, if it is what was seen; else what is different.
    fn agreed(&self, seen: &BTreeMap<FolderId, ModelFolder>, mod_seq: u64) -> Result<Self, String> {
        if self.last_mod_seq != mod_seq {
            return Err(format!("mod_seq {mod_seq}, not {}", self.last_mod_seq));
        }
        let mut settled = self.clone();
        settled.folders.clear();
        let mut ids: BTreeMap<FolderId, FolderId> = BTreeMap::new();
        // Provisional ids come last, parents before their children.
        for (id, folder) in &self.folders {
            let mut folder = folder.clone();
            folder.parent = folder
                .parent
                .map(|parent| ids.get(&parent).copied().unwrap_or(parent));
            let id = if id.0 < PROVISIONAL {
                *id
            } else {
                let mut others = seen.iter();
                let found = others.find(|(other, one)| {
                    (one.parent, &one.name) == (folder.parent, &folder.name)
                        && !self.folder_ids.contains(other)
                });
                let (real, record) = found.ok_or_else(|| format!("no folder {}", folder.name))?;
                folder.uid_validity = record.uid_validity;
                let mut before = settled.folders.values();
                if before.any(|other| other.uid_validity >= folder.uid_validity) {
                    return Err(format!("the uid_validity of {real} is not new"));
                }
                ids.insert(*id, *real);
                settled.folder_ids.insert(*real);
                *real
            };
            let record = seen.get(&id).ok_or_else(|| format!("no folder {id}"))?;
            self.agree(&mut folder, record)
                .map_err(|what| format!("folder {id}: {what}"))?;
            for item in folder.items.values() {
                settled.entries.insert(item.entry);
                settled.contents.insert(item.content);
            }
            settled.folders.insert(id, folder);
        }
        if settled.folders.len() == seen.len() {
            Ok(settled)
        } else {
            Err("a folder too many".to_owned())
        }
    }

    fn agree(&self, folder: &mut ModelFolder, seen: &ModelFolder) -> Result<(), String> {
        let facts = |one: &ModelFolder| {
            let numbers = (one.uid_validity, one.uid_next, one.highest, one.changed);
            (one.parent, one.name.clone(), numbers)
        };
        if facts(folder) != facts(seen) {
            return Err(format!("{:?}, not {:?}", facts(seen), facts(folder)));
        }
        if !folder.items.keys().eq(seen.items.keys()) {
            return Err("other uids".to_owned());
        }
        for ((uid, item), seen) in folder.items.iter_mut().zip(seen.items.values()) {
            let is_known = item.content != 0;
            if item.entry == 0 && !self.entries.contains(&seen.entry) {
                item.entry = seen.entry;
            }
            if !is_known && !self.contents.contains(&seen.content) {
                (item.content, item.thread) = (seen.content, seen.thread);
            }
            let mut seen = seen.clone();
            seen.stored_uidl.clone_from(&item.stored_uidl);
            if is_known {
                seen.bytes.clone_from(&item.bytes);
            }
            if *item != seen {
                return Err(format!("uid {uid}: {seen:?}, not {item:?}"));
            }
        }
        // The entry of what came and left while nobody looked is the mailbox's own.
        folder.gone.sort_unstable();
        let mut gone = seen.gone.clone();
        gone.sort_unstable();
        if folder.gone.len() != gone.len() {
            return Err("another number is gone".to_owned());
        }
        for (gone, seen) in folder.gone.iter_mut().zip(gone) {
            if gone.2 == 0 && !self.entries.contains(&seen.2) {
                gone.2 = seen.2;
            }
            if (gone.0, gone.1, gone.2, gone.3) != (seen.0, seen.1, seen.2, seen.3) {
                return Err(format!("{seen:?} is gone, not {gone:?}"));
            }
        }
        Ok(())
    }
}
