//! What phones ask, and what must be true of the answers together.

use std::collections::{BTreeMap, BTreeSet};

use fieldpost_mailbox::FolderId;
use fieldpost_wbxml::{
    Element, Limits,
    tags::{folder_hierarchy, get_item_estimate, move_items, ping},
};

use super::{
    Fate,
    phone::{Asked, AskedCollection, Outcome, mode_xml, window_xml},
    world::World,
};

const DAY: i64 = 86_400;

impl World {
    pub fn sync_xml(&self, phone: usize, asked: &Asked, partial: bool) -> String {
        let version = self.phones[phone].version;
        let collections: String = asked
            .collections
            .iter()
            .map(|one| one.xml(version))
            .collect();
        let mut inside = format!("<airsync:Collections>{collections}</airsync:Collections>");
        if let Some(window) = asked.window {
            inside.push_str(&window_xml(window));
        }
        if partial {
            inside += "<airsync:Partial/>";
        }
        format!("<airsync:Sync>{inside}</airsync:Sync>")
    }

    /// A Sync. What it asks for is `asked`; how it says so is `xml`.
    pub async fn sync(&mut self, phone: usize, asked: &Asked, xml: &str, fate: Fate) -> Outcome {
        let account = self.account_of(phone);
        self.note_alive(account).await;
        if fate == Fate::RequestLost {
            return Outcome::default();
        }
        let unheard = asked
            .collections
            .iter()
            .map(|one| self.phones[phone].collections[&one.folder].unheard)
            .max();
        // An item that no answer brings after many is left out in the end: not here.
        let fate = match (fate, unheard) {
            (fate, None | Some(0)) | (fate @ Fate::ResponseLost, Some(1)) => fate,
            _ => Fate::Answered,
        };
        if fate == Fate::Doubled {
            self.ask(phone, "Sync", xml).await;
        }
        let answer = self.ask(phone, "Sync", xml).await;
        // The server has it, whatever becomes of the answer.
        let facts = &mut self.facts[account];
        for (id, _) in asked.collections.iter().flat_map(|one| &one.deeds) {
            let touches = facts.touched.entry(id.clone()).or_default();
            touches.push((facts.clock, phone + 1));
        }
        let state = &mut self.phones[phone];
        if fate == Fate::ResponseLost {
            state.cached = None;
            for one in &asked.collections {
                let collection = state.collections.get_mut(&one.folder).unwrap();
                collection.settled = false;
                collection.unheard += 1;
            }
            return Outcome::default();
        }
        let root = (!answer.body.is_empty())
            .then(|| Element::parse(&answer.body, Limits::default()).unwrap());
        let outcome = state.apply(root.as_ref(), asked, facts, phone + 1);
        if !outcome.incomplete && !xml.is_empty() {
            state.may_be_incomplete = false;
        }
        outcome
    }

    /// One folder's next round, in full.
    pub async fn sync_one(&mut self, phone: usize, folder: u64, window: usize) -> Outcome {
        let collection = &self.phones[phone].collections[&folder];
        let is_first = collection.key == "0";
        let asked = Asked {
            collections: vec![AskedCollection {
                folder,
                key: collection.key.clone(),
                window: Some(window),
                filter: (collection.confirmed != Some(collection.filter))
                    .then_some(collection.filter),
                conversations: collection.unsaid_mode(),
                get_changes: None,
                deeds: if is_first {
                    Vec::new()
                } else {
                    collection.pending.clone()
                },
            }],
            window: None,
        };
        let xml = self.sync_xml(phone, &asked, false);
        self.sync(phone, &asked, &xml, Fate::Answered).await
    }

    pub async fn folder_sync(&mut self, phone: usize) -> String {
        let key = self.phones[phone].hierarchy_key.clone();
        let xml = format!(
            "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>{key}</folderhierarchy:SyncKey></folderhierarchy:FolderSync>"
        );
        let answer = self.ask(phone, "FolderSync", &xml).await;
        if self.random.chance(15) {
            self.phones[phone].hierarchy_settled = false;
            return "response lost".into();
        }
        let root = Element::parse(&answer.body, Limits::default()).unwrap();
        let phone = &mut self.phones[phone];
        if root.text_of(folder_hierarchy::STATUS).unwrap() == "9" {
            assert!(phone.hierarchy_forgotten, "status 9 for a mere retry");
            phone.hierarchy_key = "0".into();
            return "anew".into();
        }
        if key == "0" {
            phone.hierarchy_forgotten = false;
        }
        phone.apply_hierarchy(&root, key == "0");
        root.to_xml(|_| false)
    }

    /// FolderSync until there is nothing more to hear.
    async fn know_folders(&mut self, phone: usize) {
        for _ in 0..40 {
            let key = self.phones[phone].hierarchy_key.clone();
            let said = self.folder_sync(phone).await;
            if said != "response lost" && said != "anew" && key != "0" {
                return;
            }
        }
        panic!("no end of FolderSync");
    }

    async fn folder_command(&mut self, phone: usize, command: &str, inside: &str) -> String {
        let key = &self.phones[phone].hierarchy_key;
        let xml = format!(
            "<folderhierarchy:{command}><folderhierarchy:SyncKey>{key}</folderhierarchy:SyncKey>{inside}</folderhierarchy:{command}>"
        );
        let lost = self.random.chance(25);
        let mut answer = self.ask(phone, command, &xml).await;
        if lost && self.random.chance(50) {
            self.phones[phone].hierarchy_settled = false;
            return "response lost".into();
        }
        if lost {
            answer = self.ask(phone, command, &xml).await;
        }
        let account = self.account_of(phone);
        self.note_alive(account).await;
        let root = Element::parse(&answer.body, Limits::default()).unwrap();
        let status = root.text_of(folder_hierarchy::STATUS).unwrap().into_owned();
        let state = &mut self.phones[phone];
        if status == "9" {
            assert!(state.hierarchy_forgotten);
        }
        if status == "1" {
            state.hierarchy_key = root
                .text_of(folder_hierarchy::SYNC_KEY)
                .unwrap()
                .into_owned();
            state.hierarchy_settled = true;
        } else if lost {
            state.hierarchy_settled = false;
        }
        if let Some(id) = root.text_of(folder_hierarchy::SERVER_ID) {
            return id.into_owned();
        }
        assert!(
            lost || status == "1" || status == "4" || status == "9",
            "{status}"
        );
        format!("status {status}")
    }

    pub async fn phone_makes_folder(&mut self, phone: usize) -> String {
        if self.phones[phone].folders.is_empty() {
            return "none".into();
        }
        let number = self.facts[0].clock;
        let name = format!("Fp{number}-{phone}");
        let said = self
            .folder_command(
                phone,
                "FolderCreate",
                &format!(
                    "<folderhierarchy:ParentId>0</folderhierarchy:ParentId><folderhierarchy:DisplayName>{name}</folderhierarchy:DisplayName><folderhierarchy:Type>12</folderhierarchy:Type>"
                ),
            )
            .await;
        if let Ok(id) = said.parse() {
            let before = self.phones[phone].folders.insert(id, (name, 0, 12));
            assert_eq!(before, None, "a folder's id comes again");
        }
        said
    }

    /// A folder that the phone may rename or delete.
    fn own_folder_of(&mut self, phone: usize) -> Option<u64> {
        let own: Vec<u64> = self.phones[phone]
            .folders
            .iter()
            .filter(|(_, (name, _, kind))| *kind >= 12 && name.starts_with('F'))
            .map(|(id, _)| *id)
            .collect();
        self.random.pick(&own)
    }

    pub async fn phone_renames_folder(&mut self, phone: usize) -> String {
        let Some(folder) = self.own_folder_of(phone) else {
            return "none".into();
        };
        let name = format!("Fr{}-{phone}", self.facts[0].clock);
        let said = self
            .folder_command(
                phone,
                "FolderUpdate",
                &format!(
                    "<folderhierarchy:ServerId>{folder}</folderhierarchy:ServerId><folderhierarchy:ParentId>0</folderhierarchy:ParentId><folderhierarchy:DisplayName>{name}</folderhierarchy:DisplayName>"
                ),
            )
            .await;
        if said == "status 1" {
            self.phones[phone].folders.get_mut(&folder).unwrap().0 = name;
        }
        format!("{folder} {said}")
    }

    pub async fn phone_deletes_folder(&mut self, phone: usize) -> String {
        let Some(folder) = self.own_folder_of(phone) else {
            return "none".into();
        };
        let said = self
            .folder_command(
                phone,
                "FolderDelete",
                &format!("<folderhierarchy:ServerId>{folder}</folderhierarchy:ServerId>"),
            )
            .await;
        if said == "status 1" {
            let phone = &mut self.phones[phone];
            phone.folders.remove(&folder);
            phone.collections.remove(&folder);
            phone.cached = None;
        }
        format!("{folder} {said}")
    }

    /// MoveItems; half of the answers are lost, and asked for again.
    pub async fn phone_moves(&mut self, phone: usize) -> String {
        let Some((from, id)) = self.held_by(phone) else {
            return "none".into();
        };
        let collections = &self.phones[phone].collections;
        let others: Vec<u64> = collections
            .keys()
            .copied()
            .filter(|to| *to != from)
            .collect();
        let busy = collections[&from]
            .pending
            .iter()
            .any(|(about, _)| *about == id);
        let Some(to) = self.random.pick(&others).filter(|_| !busy) else {
            return "none".into();
        };
        let account = self.account_of(phone);
        self.note_alive(account).await;
        let alive = &self.facts[account].alive;
        let is_there = alive.contains(&from)
            && self
                .shown(account, FolderId(from), i64::MIN, false)
                .await
                .contains_key(&id);
        let has_target = alive.contains(&to);
        let xml = format!(
            "<move:MoveItems><move:Move><move:SrcMsgId>{id}</move:SrcMsgId><move:SrcFldId>{from}</move:SrcFldId><move:DstFldId>{to}</move:DstFldId></move:Move></move:MoveItems>"
        );
        let mut answer = self.ask(phone, "MoveItems", &xml).await;
        let mut restarted = false;
        if self.random.chance(50) {
            if self.random.chance(20) {
                self.restart().await;
                restarted = true;
            }
            answer = self.ask(phone, "MoveItems", &xml).await;
        }
        let root = Element::parse(&answer.body, Limits::default()).unwrap();
        let response = root.child(move_items::RESPONSE).unwrap();
        let status = response.text_of(move_items::STATUS).unwrap();
        match (&*status, is_there, has_target) {
            // Not there any more, because it went there before: by this phone or another.
            ("3", _, true) => {
                let new = response.text_of(move_items::DST_MSG_ID).unwrap();
                assert!(new.starts_with(&format!("{to}:")));
                let subject = self.phones[phone].collections[&from].items[&id]
                    .subject
                    .clone();
                let known = self.facts[account]
                    .subjects
                    .entry(new.into_owned())
                    .or_insert_with(|| subject.clone());
                assert_eq!(*known, subject, "a server id for another message");
                let source = self.phones[phone].collections.get_mut(&from).unwrap();
                source.items.get_mut(&id).unwrap().moved = true;
            }
            ("1", true, true) if restarted => {}
            ("1", false, _) | ("2", _, false) => {}
            (status, ..) => panic!("status {status}, there {is_there}, target {has_target}"),
        }
        format!("{id} to {to}: {status}")
    }

    /// Ping says 2 exactly of the folders of which a Sync then tells something, and 7 only of a list that has changed.
    pub async fn ping(&mut self, phone: usize) -> String {
        let state = &self.phones[phone];
        let is_certain = state.hierarchy_settled;
        let was_forgotten = state.hierarchy_forgotten;
        // Where the last response was lost the server takes the phone to know more than it does.
        let folders: Vec<u64> = state
            .collections
            .iter()
            .filter(|(_, one)| {
                one.settled
                    && one.key != "0"
                    && one.pending.is_empty()
                    && one.confirmed == Some(one.filter)
                    && one.unsaid_mode().is_none()
            })
            .map(|(id, _)| *id)
            .collect();
        if folders.is_empty() {
            return "none".into();
        }
        let mut list = String::new();
        for id in &folders {
            list.extend([
                "<ping:Folder><ping:Id>",
                &id.to_string(),
                "</ping:Id><ping:Class>Email</ping:Class></ping:Folder>",
            ]);
        }
        let answer = self
            .ask(phone, "Ping", &format!("<ping:Ping><ping:HeartbeatInterval>60</ping:HeartbeatInterval><ping:Folders>{list}</ping:Folders></ping:Ping>"))
            .await;
        let root = Element::parse(&answer.body, Limits::default()).unwrap();
        let status = root.text_of(ping::STATUS).unwrap().into_owned();
        if status == "7" {
            if is_certain {
                let before = self.phones[phone].folders.clone();
                self.know_folders(phone).await;
                let is_same = self.phones[phone].folders == before;
                assert!(!is_same || was_forgotten, "7 for nothing");
            }
            return status;
        }
        if is_certain {
            let before = self.phones[phone].folders.clone();
            self.know_folders(phone).await;
            let is_same = self.phones[phone].folders == before;
            assert!(is_same && !was_forgotten, "the list changed: 7");
        }
        let told: BTreeSet<u64> = root
            .child(ping::FOLDERS)
            .iter()
            .flat_map(|folders| folders.all(ping::FOLDER))
            .map(|folder| folder.text().parse().unwrap())
            .collect();
        assert_eq!(status, if told.is_empty() { "1" } else { "2" });
        for folder in folders {
            let Some(collection) = self.phones[phone].collections.get(&folder) else {
                continue;
            };
            let was_forgotten = collection.forgotten;
            let window = 1 + self.random.below(5);
            let outcome = self.sync_one(phone, folder, window).await;
            let told_some = outcome.told.get(&folder).is_some_and(|told| *told > 0);
            if outcome.gone.contains(&folder) {
                continue;
            }
            if was_forgotten && !told.contains(&folder) {
                // There is nothing in it that the phone could miss.
                self.sync_one(phone, folder, window).await;
                let anew = self.sync_one(phone, folder, window).await;
                assert_eq!(anew.told.get(&folder), Some(&0), "{anew:?}");
                continue;
            }
            let says = told_some || outcome.refused.contains(&folder);
            assert_eq!(told.contains(&folder), says, "{folder}: {outcome:?}");
        }
        format!("{status} {told:?}")
    }

    /// GetItemEstimate counts what the next rounds tell.
    pub async fn estimate(&mut self, phone: usize) -> String {
        let folders: Vec<u64> = self.phones[phone]
            .collections
            .iter()
            .filter(|(_, one)| one.key != "0" && one.pending.is_empty())
            .map(|(id, _)| *id)
            .collect();
        let Some(folder) = self.random.pick(&folders) else {
            return "none".into();
        };
        let state = &self.phones[phone];
        let collection = &state.collections[&folder];
        let key = &collection.key;
        let filter = (collection.confirmed != Some(collection.filter) || self.random.chance(30))
            .then_some(collection.filter);
        let filter = filter.map_or(String::new(), |filter| {
            format!("<airsync:FilterType>{filter}</airsync:FilterType>")
        });
        let mode = collection.unsaid_mode().map_or(String::new(), mode_xml);
        let inside = if state.version == "12.1" {
            format!(
                "<getitemestimate:Class>Email</getitemestimate:Class><getitemestimate:CollectionId>{folder}</getitemestimate:CollectionId>{filter}<airsync:SyncKey>{key}</airsync:SyncKey>"
            )
        } else {
            format!(
                "<airsync:SyncKey>{key}</airsync:SyncKey><getitemestimate:CollectionId>{folder}</getitemestimate:CollectionId>{mode}<airsync:Options>{filter}</airsync:Options>"
            )
        };
        let was_forgotten = collection.forgotten;
        let answer = self
            .ask(phone, "GetItemEstimate", &format!("<getitemestimate:GetItemEstimate><getitemestimate:Collections><getitemestimate:Collection>{inside}</getitemestimate:Collection></getitemestimate:Collections></getitemestimate:GetItemEstimate>"))
            .await;
        let root = Element::parse(&answer.body, Limits::default()).unwrap();
        let response = root.child(get_item_estimate::RESPONSE).unwrap();
        let status = response.text_of(get_item_estimate::STATUS).unwrap();
        if status != "1" {
            let account = self.account_of(phone);
            self.note_alive(account).await;
            assert!(
                status == "4" && was_forgotten
                    || status == "2" && !self.facts[account].alive.contains(&folder),
                "status {status}"
            );
            return status.into_owned();
        }
        let estimate: usize = response
            .child(get_item_estimate::COLLECTION)
            .unwrap()
            .text_of(get_item_estimate::ESTIMATE)
            .unwrap()
            .parse()
            .unwrap();
        let mut told = 0;
        loop {
            let window = 1 + self.random.below(5);
            let outcome = self.sync_one(phone, folder, window).await;
            told += outcome.told.get(&folder).copied().unwrap_or(0);
            if !outcome.more.contains(&folder) {
                break;
            }
        }
        assert_eq!(told, estimate, "the estimate of {folder}");
        format!("{folder}: {estimate}")
    }

    /// Rounds until nothing comes; then the phone holds what the server shows.
    pub async fn settle(&mut self, phone: usize) {
        let account = self.account_of(phone);
        self.facts[account].clock += 1;
        self.know_folders(phone).await;
        self.take_up_folders(phone);
        let folders: Vec<u64> = self.phones[phone].collections.keys().copied().collect();
        let now = (self.fixture.mailboxes.settings().clock)();
        for folder in folders {
            let mut rounds = 0;
            loop {
                let is_first = self.phones[phone].collections[&folder].key == "0";
                let was_pending = !self.phones[phone].collections[&folder].pending.is_empty();
                let outcome = self.sync_one(phone, folder, 4).await;
                let told = outcome.told.get(&folder).copied().unwrap_or(0);
                if told == 0 && !is_first && !was_pending && outcome.refused.is_empty() {
                    break;
                }
                rounds += 1;
                assert!(rounds < 200, "no end of rounds");
            }
            let collection = &self.phones[phone].collections[&folder];
            let days = match collection.filter {
                0 => None,
                filter => Some([1, 3, 7, 14, 30][usize::from(filter) - 1]),
            };
            let cut = days.map_or(i64::MIN, |days| (now - days * DAY).div_euclid(DAY) * DAY);
            let whole = collection.conversations;
            let mut shown = self.shown(account, FolderId(folder), cut, whole).await;
            let mut held: BTreeMap<_, _> = collection.items.clone();
            for item in held.values_mut() {
                assert!(!item.moved, "it was moved away, and the phone was not told");
                item.told = 0;
            }
            if self.phones[phone].version == "12.1" {
                for item in shown.values_mut() {
                    item.categories.clear();
                }
            }
            assert_eq!(held, shown, "folder {folder} on phone {phone}");
        }
        let mailbox = self.mailbox(account).await;
        let shown: BTreeMap<u64, String> = mailbox
            .folders()
            .await
            .unwrap()
            .iter()
            .filter(|folder| {
                self.phones[phone].version != "12.1"
                    || folder.kind != fieldpost_mailbox::FolderKind::Notes
            })
            .map(|folder| (folder.id.0, folder.name.to_lowercase()))
            .collect();
        let held: BTreeMap<u64, String> = self.phones[phone]
            .folders
            .iter()
            .map(|(id, (name, ..))| (*id, name.to_lowercase()))
            .collect();
        assert_eq!(held, shown, "the list of folders on phone {phone}");
    }
}
