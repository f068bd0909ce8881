//! What one IMAP session knows of the mail that is its own, and what each command does to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::Random;

/// Flags and keywords of a message.
pub type Flags = BTreeSet<String>;

/// A message in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub folder: String,
    /// Not known before the answer has come.
    pub uid: Option<u32>,
    /// Its Message-ID, from which its octets follow.
    pub message: String,
    pub flags: Flags,
}

/// Who else works in a folder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The inbox: LMTP, POP3 and all sessions. What has left it may come back, but nothing is copied there, since POP3's
    /// deletions are by message.
    Inbox,
    /// All sessions of the account.
    Shared,
    /// This session alone.
    Own,
    /// This session alone, which makes, renames and deletes it.
    Passing,
}

#[derive(Clone, Debug)]
pub struct Place {
    pub kind: Kind,
    /// MAILBOXID, once it is known.
    pub id: Option<String>,
}

/// What the session's mail is like.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub folders: BTreeMap<String, Place>,
    /// Within a folder in the order of arrival.
    pub items: Vec<Item>,
}

/// A command that changes something.
#[derive(Clone, Debug)]
pub enum Op {
    Append {
        to: String,
        messages: Vec<(String, Flags)>,
    },
    Store {
        folder: String,
        uids: BTreeSet<u32>,
        how: char,
        flags: Flags,
        silent: bool,
    },
    Copy {
        folder: String,
        uids: BTreeSet<u32>,
        to: String,
    },
    Move {
        folder: String,
        uids: BTreeSet<u32>,
        to: String,
    },
    /// All that is `\Deleted`, or of that the named.
    Expunge {
        folder: String,
        uids: Option<BTreeSet<u32>>,
    },
    Create(String),
    Rename(String, String),
    Delete(String),
}

/// What the server's answer told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Uids of what was appended, copied or moved.
    pub uids: Vec<u32>,
    /// MAILBOXID
    pub id: Option<String>,
}

impl Op {
    /// What it is, for the tally.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Append { messages, .. } if messages.len() > 1 => "MULTIAPPEND",
            Self::Append { .. } => "APPEND",
            Self::Store { .. } => "STORE",
            Self::Copy { .. } => "COPY",
            Self::Move { .. } => "MOVE",
            Self::Expunge { uids: None, .. } => "EXPUNGE",
            Self::Expunge { .. } => "UID EXPUNGE",
            Self::Create(_) => "CREATE",
            Self::Rename(..) => "RENAME",
            Self::Delete(_) => "DELETE",
        }
    }

    /// The folder that must be selected.
    pub fn selects(&self) -> Option<&str> {
        match self {
            Self::Store { folder, .. }
            | Self::Copy { folder, .. }
            | Self::Move { folder, .. }
            | Self::Expunge { folder, .. } => Some(folder),
            Self::Append { .. } | Self::Create(_) | Self::Rename(..) | Self::Delete(_) => None,
        }
    }
}

impl State {
    /// What follows when `op` is done.
    pub fn apply(&mut self, op: &Op, told: &Told) {
        match op {
            Op::Append { to, messages } => {
                for (number, (message, flags)) in messages.iter().enumerate() {
                    self.items.push(Item {
                        folder: to.clone(),
                        uid: told.uids.get(number).copied(),
                        message: message.clone(),
                        flags: flags.clone(),
                    });
                }
            }
            Op::Store {
                folder,
                uids,
                how,
                flags,
                ..
            } => {
                for item in &mut self.items {
                    if !item.is_one_of(folder, uids) {
                        continue;
                    }
                    match how {
                        '+' => item.flags.extend(flags.iter().cloned()),
                        '-' => item.flags.retain(|flag| !flags.contains(flag)),
                        _ => item.flags.clone_from(flags),
                    }
                }
            }
            Op::Copy { folder, uids, to } | Op::Move { folder, uids, to } => {
                let is_chosen = |item: &Item| item.is_one_of(folder, uids);
                let chosen = self.items.iter().filter(|item| is_chosen(item));
                let arrived: Vec<Item> = chosen
                    .enumerate()
                    .map(|(number, item)| Item {
                        folder: to.clone(),
                        uid: told.uids.get(number).copied(),
                        ..item.clone()
                    })
                    .collect();
                if matches!(op, Op::Move { .. }) {
                    self.items.retain(|item| !is_chosen(item));
                }
                self.items.extend(arrived);
            }
            Op::Expunge { folder, uids } => self.items.retain(|item| {
                let is_named = match uids {
                    Some(uids) => item.is_one_of(folder, uids),
                    None => item.folder == *folder,
                };
                !is_named || !item.flags.contains("\\Deleted")
            }),
            Op::Create(name) => {
                let place = Place {
                    kind: Kind::Passing,
                    id: told.id.clone(),
                };
                self.folders.insert(name.clone(), place);
            }
            Op::Rename(from, to) => {
                if let Some(place) = self.folders.remove(from) {
                    self.folders.insert(to.clone(), place);
                }
                for item in &mut self.items {
                    if item.folder == *from {
                        item.folder.clone_from(to);
                    }
                }
            }
            Op::Delete(name) => {
                self.folders.remove(name);
                self.items.retain(|item| item.folder != *name);
            }
        }
    }

    /// Something to do, all of whose subjects the session knows. `fresh` makes the Message-ID of a new message.
    pub fn choose(&self, random: &mut Random, fresh: &mut dyn FnMut() -> String) -> Op {
        let is_full = self.items.len() > MOST_ITEMS;
        let chosen = match random.below(20) {
            0..=4 if is_full => self.mark(random),
            5..=9 => self.store(random),
            10 | 11 if !is_full => self.transfer(random, true),
            12 | 13 => self.transfer(random, false),
            14..=16 => self.expunge(random),
            17 => self.create(random),
            18 => self.rename(random),
            19 => self.delete(random),
            _ => None,
        };
        chosen.unwrap_or_else(|| self.append(random, fresh))
    }

    fn append(&self, random: &mut Random, fresh: &mut dyn FnMut() -> String) -> Op {
        let many = if random.below(3) == 0 {
            2 + random.below(3)
        } else {
            1
        };
        Op::Append {
            to: self.any_folder(random, |_| true),
            messages: (0..many).map(|_| (fresh(), some_flags(random))).collect(),
        }
    }

    fn store(&self, random: &mut Random) -> Option<Op> {
        let (folder, uids) = self.some_items(random, |_| true)?;
        Some(Op::Store {
            folder,
            uids,
            how: ['+', '-', '='][random.below(3) as usize],
            flags: some_flags(random),
            silent: random.below(2) == 0,
        })
    }

    fn mark(&self, random: &mut Random) -> Option<Op> {
        let (folder, uids) = self.some_items(random, |_| true)?;
        Some(Op::Store {
            folder,
            uids,
            how: '+',
            flags: ["\\Deleted".to_owned()].into(),
            silent: true,
        })
    }

    fn transfer(&self, random: &mut Random, is_copy: bool) -> Option<Op> {
        let (folder, uids) = self.some_items(random, |_| true)?;
        let to = self.any_folder(random, |kind| !is_copy || kind != Kind::Inbox);
        Some(if is_copy {
            Op::Copy { folder, uids, to }
        } else {
            Op::Move { folder, uids, to }
        })
    }

    fn expunge(&self, random: &mut Random) -> Option<Op> {
        let (folder, uids) = self.some_items(random, |item| item.flags.contains("\\Deleted"))?;
        let is_alone = matches!(self.folders[&folder].kind, Kind::Own | Kind::Passing);
        let is_all = is_alone && random.below(2) == 0;
        Some(Op::Expunge {
            folder,
            uids: (!is_all).then_some(uids),
        })
    }

    fn create(&self, random: &mut Random) -> Option<Op> {
        Some(Op::Create(self.free_name(random)?))
    }

    fn rename(&self, random: &mut Random) -> Option<Op> {
        Some(Op::Rename(self.passing(random)?, self.free_name(random)?))
    }

    fn delete(&self, random: &mut Random) -> Option<Op> {
        self.passing(random).map(Op::Delete)
    }

    /// A name that no folder has.
    fn free_name(&self, random: &mut Random) -> Option<String> {
        let own = self
            .folders
            .iter()
            .find(|(_, place)| place.kind == Kind::Own);
        let top = own?.0.split('/').next()?;
        let name = format!(
            "{top}/{}",
            PASSING[random.below(PASSING.len() as u64) as usize]
        );
        (!self.folders.contains_key(&name)).then_some(name)
    }

    fn passing(&self, random: &mut Random) -> Option<String> {
        let is_passing =
            |(name, place): (&String, &Place)| (place.kind == Kind::Passing).then(|| name.clone());
        let names: Vec<String> = self.folders.iter().filter_map(is_passing).collect();
        random.pick(&names).cloned()
    }

    fn any_folder(&self, random: &mut Random, admits: impl Fn(Kind) -> bool) -> String {
        let admitted = self.folders.iter().filter(|(_, place)| admits(place.kind));
        let names: Vec<&String> = admitted.map(|(name, _)| name).collect();
        names[random.below(names.len() as u64) as usize].clone()
    }

    /// Up to five messages of one folder.
    fn some_items(
        &self,
        random: &mut Random,
        admits: impl Fn(&Item) -> bool,
    ) -> Option<(String, BTreeSet<u32>)> {
        let mut known: BTreeMap<&String, Vec<u32>> = BTreeMap::new();
        for item in self.items.iter().filter(|item| admits(item)) {
            known.entry(&item.folder).or_default().extend(item.uid);
        }
        known.retain(|_, uids| !uids.is_empty());
        let folders: Vec<_> = known.into_iter().collect();
        let (folder, uids) = random.pick(&folders)?;
        let many = 1 + random.below(5);
        let uids = (0..many)
            .filter_map(|_| random.pick(uids).copied())
            .collect();
        Some(((*folder).clone(), uids))
    }
}

impl Item {
    fn is_one_of(&self, folder: &str, uids: &BTreeSet<u32>) -> bool {
        self.folder == folder && self.uid.is_some_and(|uid| uids.contains(&uid))
    }
}

fn some_flags(random: &mut Random) -> Flags {
    const ALL: [&str; 7] = [
        "\\Seen",
        "\\Answered",
        "\\Flagged",
        "\\Deleted",
        "\\Draft",
        "$Forwarded",
        "work",
    ];
    let chosen = ALL.iter().filter(|_| random.below(3) == 0);
    chosen.map(|flag| (*flag).to_owned()).collect()
}

/// Names of folders that come and go, below the session's own; of the last two the level above may be missing.
pub const PASSING: [&str; 6] = ["t0", "t1", "t2", "t3", "p0/x", "p1/x"];

/// Beyond so many messages a session rather deletes than adds.
const MOST_ITEMS: usize = 40;
