//! Simulated phones against the whole front-end: random histories of everything that happens to a mailbox and to a
//! connection. On the way no phone is told what it knows, what it can't understand, or what is somebody else's; at the
//! end each holds just what the server shows it.
//!
//! `FIELDPOST_MODEL_SEEDS=1000` runs more histories, `FIELDPOST_MODEL_SEED=17` one.

mod asking;
mod phone;
mod world;

use phone::{Asked, AskedCollection, Collection, Deed};
use world::{CATEGORIES, USERS, World};

const SEEDS: u64 = 200;
const ACTIONS: usize = 90;

#[tokio::test(start_paused = true)]
async fn phones_hold_what_the_server_shows_after_any_history() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = match number("FIELDPOST_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("FIELDPOST_MODEL_SEEDS").unwrap_or(SEEDS) + 1,
    };
    for seed in seeds {
        let mut history = History {
            seed,
            done: Vec::new(),
        };
        let mut world = World::new(seed).await;
        for _ in 0..ACTIONS {
            world.act(&mut history).await;
        }
        for phone in 0..world.phones.len() {
            history.note(format!("settle {phone}"));
            world.settle(phone).await;
        }
    }
}

/// Says what led to a failure.
struct History {
    seed: u64,
    done: Vec<String>,
}

impl History {
    fn note(&mut self, what: String) {
        self.done.push(what);
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for done in &self.done {
                eprintln!("{done}");
            }
            eprintln!("seed {}", self.seed);
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    RequestLost,
    ResponseLost,
    /// It comes twice; the phone hears the second response.
    Doubled,
}

impl World {
    /// Something happens.
    async fn act(&mut self, history: &mut History) {
        let account = self.random.below(USERS.len());
        let phone = self.random.below(self.phones.len());
        for facts in &mut self.facts {
            facts.clock += 1;
        }
        let kind = self.random.below(100);
        history.note(format!("action {kind} account {account} phone {phone}"));
        let what = match kind {
            0..12 => self.deliver(account).await,
            12..20 => self.set_flags(account).await,
            20..24 => self.expunge(account).await,
            24..26 => self.pop(account).await,
            26..31 => self.shift(account).await,
            31..33 => self.make_folder(account).await,
            33..35 => self.rename_folder(account).await,
            35 => self.delete_folder(account).await,
            36..41 => self.folder_sync(phone).await,
            41..43 => self.phone_makes_folder(phone).await,
            43 => self.phone_renames_folder(phone).await,
            44 => self.phone_deletes_folder(phone).await,
            45..55 => self.phone_acts(phone),
            55..59 => self.phone_moves(phone).await,
            59..62 => {
                let hours = self.random.below(60);
                self.fixture.pass(hours as i64 * 3600);
                format!("{hours} hours pass")
            }
            62..64 => self.change_filter(phone),
            64..69 => self.ping(phone).await,
            69..74 => self.estimate(phone).await,
            74..76 => {
                self.restart().await;
                "restart".into()
            }
            76 => self.forget(phone).await,
            77 => self.back_up().await,
            78 => self.restore().await,
            _ => self.random_sync(phone).await,
        };
        history.note(format!("  {what}"));
    }

    /// A phone's user touches some mail.
    fn phone_acts(&mut self, phone: usize) -> String {
        let Some((folder, id)) = self.held_by(phone) else {
            return "none".into();
        };
        let deed = match self.random.below(5) {
            0 | 1 => Deed::Read(self.random.chance(60)),
            2 => Deed::Flag(self.random.chance(60)),
            3 if self.phones[phone].version != "12.1" => Deed::Categories(
                self.random
                    .pick(&CATEGORIES)
                    .filter(|_| self.random.chance(80))
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            ),
            3 => Deed::Read(true),
            _ => Deed::Delete,
        };
        let what = format!("{id} {deed:?}");
        let collection = self.phones[phone].collections.get_mut(&folder).unwrap();
        collection.act(&id, deed);
        what
    }

    /// An item of a phone's that its user can do something with.
    fn held_by(&mut self, phone: usize) -> Option<(u64, String)> {
        let all: Vec<(u64, String)> = self.phones[phone]
            .collections
            .iter()
            .flat_map(|(folder, collection)| {
                let items = collection.items.iter().filter(|(_, item)| !item.moved);
                items.map(|(id, _)| (*folder, id.clone()))
            })
            .collect();
        self.random.pick(&all)
    }

    /// What its user wants to see of a folder.
    fn change_filter(&mut self, phone: usize) -> String {
        let filter = self.random.below(6) as u8;
        let folders: Vec<u64> = self.phones[phone].collections.keys().copied().collect();
        let Some(folder) = self.random.pick(&folders) else {
            return "none".into();
        };
        let has_modes = self.phones[phone].version != "12.1";
        let conversations = has_modes && self.random.chance(50);
        let collection = self.phones[phone].collections.get_mut(&folder).unwrap();
        collection.filter = filter;
        collection.conversations = conversations;
        format!("{folder} {filter}, conversations {conversations}")
    }

    /// Somebody who looks after the server lets a phone begin anew.
    async fn forget(&mut self, phone: usize) -> String {
        let account = self.account_of(phone);
        let mailbox = self.mailbox(account).await;
        let id = fieldpost_mailbox::DeviceId::new(&self.phones[phone].id).unwrap();
        let folders: Vec<u64> = self.phones[phone].collections.keys().copied().collect();
        let folder = self
            .random
            .pick(&folders)
            .filter(|_| self.random.chance(60));
        let named = folder.map(fieldpost_mailbox::FolderId);
        mailbox.forget_states(&id, named).await.unwrap();
        let phone = &mut self.phones[phone];
        phone.hierarchy_forgotten |= folder.is_none();
        for (id, collection) in &mut phone.collections {
            collection.forgotten |= folder.is_none_or(|folder| folder == *id);
        }
        format!("{folder:?}")
    }

    /// A Sync of some folders, in any of the ways in which a phone asks and a network fails.
    async fn random_sync(&mut self, phone: usize) -> String {
        if self.phones[phone].folders.is_empty() {
            return self.folder_sync(phone).await;
        }
        self.take_up_folders(phone);
        let fate = match self.random.below(10) {
            0 => Fate::RequestLost,
            1 | 2 => Fate::ResponseLost,
            3 => Fate::Doubled,
            _ => Fate::Answered,
        };
        let cached = self.phones[phone].cached.clone().filter(|cached| {
            // An empty or partial request speaks of the keys in the last one.
            cached.collections.iter().all(|one| {
                let held = self.phones[phone].collections.get(&one.folder);
                held.is_some_and(|held| held.key == one.key)
            })
        });
        if let Some(cached) = cached {
            if self.random.chance(30) {
                self.sync(phone, &cached, "", fate).await;
                return format!("empty {fate:?} {cached:?}");
            }
            if self.random.chance(30) {
                let named = self.some_collections(phone);
                let mut whole = named.clone();
                for old in &cached.collections {
                    if !whole.collections.iter().any(|new| new.folder == old.folder) {
                        whole.collections.push(old.clone());
                    }
                }
                whole.window = whole.window.or(cached.window);
                let xml = self.sync_xml(phone, &named, true);
                self.sync(phone, &whole, &xml, fate).await;
                return format!("partial {fate:?} {whole:?}");
            }
        }
        let asked = self.some_collections(phone);
        let xml = self.sync_xml(phone, &asked, false);
        let outcome = self.sync(phone, &asked, &xml, fate).await;
        format!("{fate:?} {asked:?}: {outcome:?}")
    }

    /// What a phone asks of some of its folders.
    fn some_collections(&mut self, phone: usize) -> Asked {
        let folders: Vec<u64> = self.phones[phone].collections.keys().copied().collect();
        let mut asked = Asked {
            window: self.random.chance(15).then(|| 1 + self.random.below(6)),
            ..Asked::default()
        };
        let count = 1 + self.random.below(folders.len().min(3));
        while asked.collections.len() < count {
            let folder = self.random.pick(&folders).unwrap();
            if !asked.collections.iter().any(|one| one.folder == folder) {
                let one = self.ask_for(phone, folder);
                asked.collections.push(one);
            }
        }
        asked
    }

    fn ask_for(&mut self, phone: usize, folder: u64) -> AskedCollection {
        let collection = &self.phones[phone].collections[&folder];
        let is_first = collection.key == "0";
        let says_filter = collection.confirmed != Some(collection.filter);
        let mut asked = AskedCollection {
            folder,
            key: collection.key.clone(),
            window: None,
            filter: None,
            conversations: collection.unsaid_mode(),
            get_changes: None,
            deeds: Vec::new(),
        };
        if !is_first {
            // What was said once is said again until there is an answer; there may be more by then.
            asked.deeds.clone_from(&collection.pending);
        }
        if says_filter || self.random.chance(20) {
            asked.filter = Some(collection.filter);
        }
        if self.phones[phone].version != "12.1" && self.random.chance(20) {
            asked.conversations = Some(collection.conversations);
        }
        if self.random.chance(70) {
            asked.window = Some(1 + self.random.below(5));
        }
        if !is_first && self.random.chance(25) {
            asked.get_changes = Some(asked.deeds.is_empty() || self.random.chance(50));
        }
        asked
    }

    /// Begins with folders that the phone has heard of and not asked for yet.
    fn take_up_folders(&mut self, phone: usize) {
        let phone = &mut self.phones[phone];
        for (id, (name, _, kind)) in &phone.folders {
            if matches!(kind, 2 | 4) || *kind == 12 && name.starts_with('F') {
                phone
                    .collections
                    .entry(*id)
                    .or_insert_with(|| Collection::new(0));
            }
        }
    }
}
