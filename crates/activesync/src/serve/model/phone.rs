//! A phone that believes every word: what it holds is what it was told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fieldpost_wbxml::{
    Element,
    tags::{air_sync as tag, email, folder_hierarchy},
};

/// A phone of somebody's.
pub struct SimulatedPhone {
    pub user: &'static str,
    pub id: String,
    pub version: &'static str,
    pub policy_key: u32,
    pub hierarchy_key: String,
    /// Name, parent and type of each folder.
    pub folders: BTreeMap<u64, (String, u64, u8)>,
    pub collections: BTreeMap<u64, Collection>,
    /// What the server remembers as this phone's last request, if the phone can be sure of it.
    pub cached: Option<Asked>,
    /// The server may have forgotten the last request.
    pub may_be_incomplete: bool,
    /// The last response about the list of folders arrived.
    pub hierarchy_settled: bool,
    /// The server was told to forget this phone's list of folders.
    pub hierarchy_forgotten: bool,
}

/// What the phone holds of a folder.
pub struct Collection {
    pub key: String,
    /// The FilterType that its user wants.
    pub filter: u8,
    /// The one that the server has confirmed.
    pub confirmed: Option<u8>,
    /// Whether its user wants whole conversations, and whether the server has confirmed that.
    pub conversations: bool,
    pub conversations_confirmed: bool,
    pub items: BTreeMap<String, Held>,
    /// What its user did and the server has not confirmed.
    pub pending: Vec<(String, Deed)>,
    /// The last response arrived.
    pub settled: bool,
    /// How often the server answered since a response last arrived.
    pub unheard: usize,
    /// The server was told to forget it.
    pub forgotten: bool,
}

/// An item as the phone shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub subject: String,
    pub read: bool,
    pub flagged: bool,
    pub categories: BTreeSet<String>,
    /// When the phone was last told of it.
    pub told: u64,
    /// The phone moved it away and waits to be told so.
    pub moved: bool,
}

/// What a phone's user does to an item.
#[derive(Clone, Debug)]
pub enum Deed {
    Read(bool),
    Flag(bool),
    Categories(Vec<String>),
    Delete,
}

/// A Sync as the phone asks for it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub collections: Vec<AskedCollection>,
    pub window: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct AskedCollection {
    pub folder: u64,
    pub key: String,
    pub window: Option<usize>,
    pub filter: Option<u8>,
    pub conversations: Option<bool>,
    pub get_changes: Option<bool>,
    /// What the phone did.
    pub deeds: Vec<(String, Deed)>,
}

/// What everybody did to the items of one account, and what they are called.
#[derive(Default)]
pub struct Facts {
    pub clock: u64,
    /// By item: when, and who; 0 is no phone.
    pub touched: HashMap<String, Vec<(u64, usize)>>,
    pub subjects: HashMap<String, String>,
    pub alive: BTreeSet<u64>,
}

/// What a Sync came to.
#[derive(Default, Debug)]
pub struct Outcome {
    /// The things told, by folder.
    pub told: BTreeMap<u64, usize>,
    pub more: BTreeSet<u64>,
    /// Folders whose key was refused.
    pub refused: BTreeSet<u64>,
    /// Folders that are not there.
    pub gone: BTreeSet<u64>,
    /// The request has to come again in full.
    pub incomplete: bool,
}

impl Facts {
    fn touched_by_others(&self, id: &str, since: u64, phone: usize) -> bool {
        self.touched
            .get(id)
            .is_some_and(|all| all.iter().any(|(time, who)| *time > since && *who != phone))
    }
}

impl Collection {
    pub fn new(filter: u8) -> Self {
        Self {
            key: "0".into(),
            filter,
            confirmed: None,
            conversations: false,
            conversations_confirmed: false,
            items: BTreeMap::new(),
            pending: Vec::new(),
            settled: true,
            unheard: 0,
            forgotten: false,
        }
    }

    /// Everything anew.
    fn restart(&mut self) {
        let conversations = self.conversations;
        *self = Self::new(self.filter);
        self.conversations = conversations;
    }

    /// The ConversationMode that the server has to hear of.
    pub fn unsaid_mode(&self) -> Option<bool> {
        (self.conversations != self.conversations_confirmed).then_some(self.conversations)
    }

    /// Its user does something.
    pub fn act(&mut self, id: &str, deed: Deed) {
        match &deed {
            Deed::Delete => drop(self.items.remove(id)),
            deed => self.items.get_mut(id).unwrap().show(deed),
        }
        self.pending.push((id.to_owned(), deed));
    }
}

impl AskedCollection {
    pub fn xml(&self, version: &str) -> String {
        let class = if version == "12.1" {
            "<airsync:Class>Email</airsync:Class>"
        } else {
            ""
        };
        let changes = match self.get_changes {
            None => "",
            Some(true) => "<airsync:GetChanges>1</airsync:GetChanges>",
            Some(false) => "<airsync:GetChanges>0</airsync:GetChanges>",
        };
        let window = self.window.map_or(String::new(), window_xml);
        let options = self.filter.map_or(String::new(), |filter| {
            format!(
                "<airsync:Options><airsync:FilterType>{filter}</airsync:FilterType></airsync:Options>"
            )
        });
        let mode = self.conversations.map_or(String::new(), mode_xml);
        let mut deeds = String::new();
        for (id, deed) in &self.deeds {
            deeds.push_str(&deed.xml(id));
        }
        if !deeds.is_empty() {
            deeds = format!("<airsync:Commands>{deeds}</airsync:Commands>");
        }
        let (key, folder) = (&self.key, self.folder);
        format!(
            "<airsync:Collection>{class}<airsync:SyncKey>{key}</airsync:SyncKey><airsync:CollectionId>{folder}</airsync:CollectionId>{changes}{window}{mode}{options}{deeds}</airsync:Collection>"
        )
    }
}

pub fn window_xml(window: usize) -> String {
    format!("<airsync:WindowSize>{window}</airsync:WindowSize>")
}

pub fn mode_xml(conversations: bool) -> String {
    let mode = u8::from(conversations);
    format!("<airsync:ConversationMode>{mode}</airsync:ConversationMode>")
}

impl Deed {
    fn xml(&self, id: &str) -> String {
        let data = match self {
            Self::Read(read) => format!("<email:Read>{}</email:Read>", u8::from(*read)),
            Self::Flag(true) => {
                "<email:Flag><email:Status>2</email:Status></email:Flag>".to_owned()
            }
            Self::Flag(false) => "<email:Flag/>".to_owned(),
            Self::Categories(all) => {
                let mut inside = String::new();
                for name in all {
                    inside.extend(["<email:Category>", name, "</email:Category>"]);
                }
                format!("<email:Categories>{inside}</email:Categories>")
            }
            Self::Delete => {
                return format!(
                    "<airsync:Delete><airsync:ServerId>{id}</airsync:ServerId></airsync:Delete>"
                );
            }
        };
        format!(
            "<airsync:Change><airsync:ServerId>{id}</airsync:ServerId><airsync:ApplicationData>{data}</airsync:ApplicationData></airsync:Change>"
        )
    }
}

fn text(element: &Element<'_>, tag: fieldpost_wbxml::Tag) -> String {
    element
        .text_of(tag)
        .unwrap_or_else(|| panic!("no {tag} in {}", element.to_xml(|_| false)))
        .into_owned()
}

impl SimulatedPhone {
    /// Believes a response about the list of folders.
    pub fn apply_hierarchy(&mut self, root: &Element<'_>, first: bool) {
        if first {
            self.folders.clear();
        }
        let changes = root.child(folder_hierarchy::CHANGES).unwrap();
        let count: usize = text(changes, folder_hierarchy::COUNT).parse().unwrap();
        assert_eq!(count, changes.children().count() - 1);
        for change in changes.children().skip(1) {
            let id: u64 = text(change, folder_hierarchy::SERVER_ID).parse().unwrap();
            if change.tag == folder_hierarchy::DELETE {
                assert!(self.folders.remove(&id).is_some(), "a folder it had not");
                self.collections.remove(&id);
                self.cached = None;
                continue;
            }
            let told = (
                text(change, folder_hierarchy::DISPLAY_NAME),
                text(change, folder_hierarchy::PARENT_ID).parse().unwrap(),
                text(change, folder_hierarchy::TYPE).parse().unwrap(),
            );
            assert!(
                told.1 == 0 || self.folders.contains_key(&told.1),
                "a folder before its parent"
            );
            let is_add = change.tag == folder_hierarchy::ADD;
            let before = self.folders.insert(id, told.clone());
            assert_eq!(before.is_none(), is_add, "{told:?}");
            assert_ne!(before, Some(told), "told what it knows");
        }
        self.hierarchy_key = text(root, folder_hierarchy::SYNC_KEY);
        self.hierarchy_settled = true;
        let folders = &self.folders;
        self.collections.retain(|id, _| folders.contains_key(id));
    }

    /// Believes a response to a Sync. `me` is the phone's number.
    pub fn apply(
        &mut self,
        root: Option<&Element<'_>>,
        asked: &Asked,
        facts: &mut Facts,
        me: usize,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut plain = asked.clone();
        for one in &mut plain.collections {
            one.deeds.clear();
        }
        for one in &asked.collections {
            if let Some(collection) = self.collections.get_mut(&one.folder) {
                collection.settled = true;
                collection.unheard = 0;
            }
        }
        let Some(root) = root else {
            // An empty response: nothing at all to say.
            assert!(asked.collections.iter().all(|one| one.deeds.is_empty()));
            self.cached = Some(plain);
            return outcome;
        };
        if let Some(status) = root.text_of(tag::STATUS) {
            assert_eq!(status, "13", "{}", root.to_xml(|_| false));
            assert!(self.may_be_incomplete, "the last request was forgotten");
            self.cached = None;
            outcome.incomplete = true;
            return outcome;
        }
        self.cached = Some(plain);
        let collections = root.child(tag::COLLECTIONS).unwrap();
        assert!(collections.children().count() > 0, "empty Collections");
        let mut answered = BTreeSet::new();
        for element in collections.children() {
            let folder: u64 = text(element, tag::COLLECTION_ID).parse().unwrap();
            assert!(answered.insert(folder), "a folder twice");
            let one = asked
                .collections
                .iter()
                .find(|one| one.folder == folder)
                .expect("a folder that was not asked for");
            self.apply_collection(element, one, facts, me, &mut outcome);
        }
        for one in &asked.collections {
            assert!(
                one.deeds.is_empty() || answered.contains(&one.folder),
                "no answer to what the phone did"
            );
        }
        let all: usize = outcome.told.values().sum();
        assert!(all <= asked.window.unwrap_or(512), "the root's window");
        outcome
    }

    fn apply_collection(
        &mut self,
        element: &Element<'_>,
        asked: &AskedCollection,
        facts: &mut Facts,
        me: usize,
        outcome: &mut Outcome,
    ) {
        let folder = asked.folder;
        let is_14 = self.version != "12.1";
        let Some(collection) = self.collections.get_mut(&folder) else {
            panic!("asked for a folder it has not");
        };
        assert_eq!(element.child(tag::CLASS).is_some(), !is_14);
        match text(element, tag::STATUS).as_str() {
            "1" => {}
            "3" => {
                assert!(collection.forgotten, "status 3 for a mere retry");
                collection.restart();
                outcome.refused.insert(folder);
                return;
            }
            "12" => {
                assert!(!facts.alive.contains(&folder), "status 12 for a folder");
                outcome.gone.insert(folder);
                return;
            }
            other => panic!("status {other} in {}", element.to_xml(|_| false)),
        }
        let key = text(element, tag::SYNC_KEY);
        assert_ne!(key, asked.key, "the key stays");
        collection.key = key;
        let commands = element.child(tag::COMMANDS);
        let more = element.child(tag::MORE_AVAILABLE).is_some();
        if asked.key == "0" {
            assert!(commands.is_none() && !more && element.child(tag::RESPONSES).is_none());
            collection.items.clear();
            collection.forgotten = false;
            collection.confirmed = asked.filter.or(Some(0));
            collection.conversations_confirmed = asked.conversations.unwrap_or(false);
            return;
        }
        if let Some(filter) = asked.filter {
            collection.confirmed = Some(filter);
        }
        if let Some(conversations) = asked.conversations {
            collection.conversations_confirmed = conversations;
        }
        // What the phone has yet to say stays; what it said is done.
        collection.pending.drain(..asked.deeds.len());
        if let Some(responses) = element.child(tag::RESPONSES) {
            assert!(responses.children().count() > 0, "empty Responses");
            for response in responses.children() {
                let id = text(response, tag::SERVER_ID);
                assert!(asked.deeds.iter().any(|(about, _)| *about == id));
                let status = text(response, tag::STATUS);
                match status.as_str() {
                    "7" => assert!(
                        facts
                            .touched
                            .get(&id)
                            .is_some_and(|all| all.iter().any(|(_, who)| *who != me)),
                        "a conflict with itself"
                    ),
                    "8" => {}
                    other => panic!("status {other} for a change"),
                }
            }
        }
        let told = commands.map_or(0, |commands| commands.children().count());
        assert!(commands.is_none() || told > 0, "empty Commands");
        assert!(!more || told > 0, "MoreAvailable without progress");
        assert!(told <= asked.window.unwrap_or(100), "the window");
        if asked.get_changes == Some(false) {
            assert_eq!(told, 0, "changes that were not asked for");
        }
        if more {
            outcome.more.insert(folder);
        }
        outcome.told.insert(folder, told);
        for command in commands.iter().flat_map(|commands| commands.children()) {
            let id = text(command, tag::SERVER_ID);
            let data = command.child(tag::APPLICATION_DATA);
            let is_deleted = collection
                .pending
                .iter()
                .any(|(about, deed)| *about == id && matches!(deed, Deed::Delete));
            if is_deleted && command.tag != tag::ADD {
                // Its user has deleted it, and the server has not heard.
                continue;
            }
            match command.tag {
                tag::ADD => {
                    let data = data.unwrap();
                    let subject = text(data, email::SUBJECT);
                    assert!(
                        subject.starts_with(self.user),
                        "{subject} is somebody else's"
                    );
                    let known = facts
                        .subjects
                        .entry(id.clone())
                        .or_insert_with(|| subject.clone());
                    assert_eq!(*known, subject, "a server id for another message");
                    let mut held = Held {
                        subject,
                        read: false,
                        flagged: false,
                        categories: BTreeSet::new(),
                        told: facts.clock,
                        moved: false,
                    };
                    held.take(data);
                    let before = collection.items.insert(id.clone(), held);
                    assert!(before.is_none(), "{id} came twice");
                }
                tag::CHANGE => {
                    let held = collection
                        .items
                        .get_mut(&id)
                        .unwrap_or_else(|| panic!("a change of {id}, which it has not"));
                    assert!(
                        facts.touched_by_others(&id, held.told, me),
                        "{id}: told of its own change"
                    );
                    held.told = facts.clock;
                    held.take(data.unwrap());
                    // What its user did since, and the server has not heard, is still shown.
                    for (about, deed) in &collection.pending {
                        if *about == id {
                            held.show(deed);
                        }
                    }
                }
                tag::DELETE | tag::SOFT_DELETE => {
                    assert!(
                        collection.items.remove(&id).is_some(),
                        "{id} leaves, which it has not"
                    );
                }
                other => panic!("{other}"),
            }
        }
    }
}

impl Held {
    fn show(&mut self, deed: &Deed) {
        match deed {
            Deed::Read(read) => self.read = *read,
            Deed::Flag(flagged) => self.flagged = *flagged,
            Deed::Categories(categories) => self.categories = categories.iter().cloned().collect(),
            Deed::Delete => {}
        }
    }

    fn take(&mut self, data: &Element<'_>) {
        if let Some(read) = data.flag(email::READ) {
            self.read = read;
        }
        if let Some(flag) = data.child(email::FLAG) {
            self.flagged = flag.text_of(email::STATUS).is_some_and(|text| text == "2");
        }
        if let Some(categories) = data.child(email::CATEGORIES) {
            self.categories = categories
                .all(email::CATEGORY)
                .map(|category| category.text().into_owned())
                .collect();
        }
    }
}
