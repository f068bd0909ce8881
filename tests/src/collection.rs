//! What a phone holds of a mail folder: it believes every word, and says so if it can't be true.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io,
};

use fieldpost_wbxml::{
    Element, Tag,
    tags::{air_sync as tag, email},
};

use crate::phone::{Phone, parse};

/// A folder on a phone.
#[derive(Clone, Debug)]
pub struct Collection {
    /// The folder's id.
    pub folder: String,
    /// The last key that the phone was told; `0` before the first.
    pub key: String,
    /// By server id.
    pub items: BTreeMap<String, Held>,
    /// The server ids of all that the phone was ever told of since it began.
    pub known: BTreeSet<String>,
    /// What its user did and the server has not answered. It goes along with each Sync, in the same order, until one is answered.
    pub pending: Vec<(String, Deed)>,
    /// Whether the next Sync wants what is deleted to be moved to the trash.
    pub deletes_as_moves: bool,
}

/// A mail on a phone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The subject.
    pub subject: String,
    /// Whether it is read.
    pub is_read: bool,
    /// Whether it has a follow-up flag.
    pub is_flagged: bool,
}

/// What the user of a phone does to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Marks it as read or unread.
    Read(bool),
    /// Gives it a follow-up flag or takes that away.
    Flag(bool),
    /// Deletes it.
    Delete,
}

/// What a Sync told of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The server ids of what is new.
    pub added: Vec<String>,
    /// Of what has changed, with what it is now.
    pub changed: Vec<(String, Held)>,
    /// Of what is gone.
    pub deleted: Vec<String>,
    /// There is more to be told.
    pub has_more: bool,
    /// The key was refused: the phone has to begin anew, and what it did is not answered for.
    pub is_refused: bool,
}

impl Phone {
    /// One Sync of some folders, each with what its user did; what it told, in the same order.
    ///
    /// An error of kind `Other` is the server's mistake, any other the connection's: then nothing is changed, and the next
    /// Sync repeats this one.
    pub fn sync(
        &mut self,
        collections: &mut [&mut Collection],
        window: usize,
    ) -> io::Result<Vec<Told>> {
        let asked: String = collections.iter().map(|one| one.request(window)).collect();
        let asked = format!(
            "<airsync:Sync><airsync:Collections>{asked}</airsync:Collections></airsync:Sync>"
        );
        let answer = self.ask("Sync", &asked)?;
        let mut told = vec![Told::default(); collections.len()];
        let mut answered = vec![false; collections.len()];
        if !answer.is_empty() {
            let root = parse(&answer)?;
            let wrong = |problem: String| {
                let answer = root.to_xml(|tag| tag == fieldpost_wbxml::tags::air_sync_base::DATA);
                io::Error::other(format!("{problem}\nto {asked}\n{answer}"))
            };
            let elements = root
                .child(tag::COLLECTIONS)
                .ok_or_else(|| wrong("no collections".into()))?;
            for element in elements.children() {
                let id = element.text_of(tag::COLLECTION_ID).unwrap_or_default();
                let place = collections.iter().position(|one| one.folder == id);
                let place = place.ok_or_else(|| wrong(format!("{id} was not asked for")))?;
                if std::mem::replace(&mut answered[place], true) {
                    return Err(wrong(format!("{id} twice")));
                }
                told[place] = collections[place]
                    .apply(element)
                    .map_err(|problem| wrong(format!("folder {id}: {problem}")))?;
            }
        }
        for (one, answered) in collections.iter().zip(answered) {
            if !answered && (!one.pending.is_empty() || one.key == "0") {
                return Err(io::Error::other(format!("no answer to {asked}")));
            }
        }
        Ok(told)
    }

    /// Syncs a folder until nothing is left to be told; all that was.
    pub fn sync_all(&mut self, collection: &mut Collection, window: usize) -> io::Result<Told> {
        let mut all = Told::default();
        loop {
            let is_first = collection.key == "0";
            let had_deeds = !collection.pending.is_empty();
            let told = self.sync(&mut [&mut *collection], window)?.remove(0);
            let is_over = told == Told::default() && !is_first && !had_deeds;
            all.added.extend(told.added);
            all.changed.extend(told.changed);
            all.deleted.extend(told.deleted);
            all.is_refused |= told.is_refused;
            if is_over {
                return Ok(all);
            }
        }
    }
}

impl Collection {
    /// A folder of which nothing is known.
    pub fn new(folder: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            key: "0".into(),
            items: BTreeMap::new(),
            known: BTreeSet::new(),
            pending: Vec::new(),
            deletes_as_moves: false,
        }
    }

    fn request(&self, window: usize) -> String {
        let mut deeds = String::new();
        // A new folder has no items.
        let pending = if self.key == "0" { &[] } else { &*self.pending };
        for (id, deed) in pending {
            let id = format!("<airsync:ServerId>{id}</airsync:ServerId>");
            let data = match deed {
                Deed::Delete => {
                    // A string cannot refuse what is written into it.
                    let _ = write!(deeds, "<airsync:Delete>{id}</airsync:Delete>");
                    continue;
                }
                Deed::Read(read) => format!("<email:Read>{}</email:Read>", u8::from(*read)),
                Deed::Flag(true) => "<email:Flag><email:Status>2</email:Status><email:FlagType>Flag for follow up</email:FlagType></email:Flag>".into(),
                Deed::Flag(false) => "<email:Flag/>".into(),
            };
            let _ = write!(
                deeds,
                "<airsync:Change>{id}<airsync:ApplicationData>{data}</airsync:ApplicationData></airsync:Change>"
            );
        }
        if !deeds.is_empty() {
            deeds = format!("<airsync:Commands>{deeds}</airsync:Commands>");
        }
        let changes = if self.key == "0" {
            String::new()
        } else {
            let moves = u8::from(self.deletes_as_moves);
            format!(
                "<airsync:DeletesAsMoves>{moves}</airsync:DeletesAsMoves><airsync:GetChanges>1</airsync:GetChanges><airsync:WindowSize>{window}</airsync:WindowSize>"
            )
        };
        format!(
            "<airsync:Collection><airsync:SyncKey>{}</airsync:SyncKey><airsync:CollectionId>{}</airsync:CollectionId>{changes}{deeds}</airsync:Collection>",
            self.key, self.folder
        )
    }

    /// Takes over what an answer says; or what in it can't be true.
    fn apply(&mut self, element: &Element<'_>) -> Result<Told, String> {
        let mut told = Told::default();
        match &*text(element, tag::STATUS)? {
            "1" => {}
            "3" => {
                told.is_refused = true;
                self.key = "0".into();
                self.items.clear();
                self.known.clear();
                return Ok(told);
            }
            status => return Err(format!("status {status}")),
        }
        let key = text(element, tag::SYNC_KEY)?;
        if key == self.key {
            return Err("the key stays".into());
        }
        let responses = element.child(tag::RESPONSES);
        for response in responses.into_iter().flat_map(Element::children) {
            // Only failures are said, and nobody else touches what the phone changes. But if all was done and the answer was lost,
            // what it changed before it deleted it is not there when it comes again.
            let id = text(response, tag::SERVER_ID)?;
            let is_deleted = self.pending.contains(&(id, Deed::Delete));
            if !is_deleted || text(response, tag::STATUS)? != "8" {
                return Err(format!("refused: {}", response.to_xml(|_| false)));
            }
        }
        told.has_more = element.child(tag::MORE_AVAILABLE).is_some();
        let commands = element.child(tag::COMMANDS);
        if self.key == "0" {
            self.key = key;
            return match commands {
                None if !told.has_more => Ok(told),
                _ => Err("items for a new key".into()),
            };
        }
        self.key = key;
        let mut own_deleted = Vec::new();
        for (id, deed) in std::mem::take(&mut self.pending) {
            match (deed, self.items.get_mut(&id)) {
                (Deed::Delete, _) => {
                    self.items.remove(&id);
                    own_deleted.push(id);
                }
                (Deed::Read(read), Some(held)) => held.is_read = read,
                (Deed::Flag(flag), Some(held)) => held.is_flagged = flag,
                (_, None) => {}
            }
        }
        for command in commands.into_iter().flat_map(Element::children) {
            let id = text(command, tag::SERVER_ID)?;
            match command.tag {
                tag::ADD => {
                    let data = command.child(tag::APPLICATION_DATA).ok_or("no data")?;
                    let subject = text(data, email::SUBJECT)?;
                    let mut held = Held {
                        subject,
                        ..Held::default()
                    };
                    held.take(data);
                    if self.items.insert(id.clone(), held).is_some() {
                        return Err(format!("{id} comes twice"));
                    }
                    self.known.insert(id.clone());
                    told.added.push(id);
                }
                tag::CHANGE => {
                    let data = command.child(tag::APPLICATION_DATA).ok_or("no data")?;
                    let held = self.items.get_mut(&id);
                    let held = held.ok_or_else(|| format!("{id} changes and is not known"))?;
                    held.take(data);
                    told.changed.push((id, held.clone()));
                }
                tag::DELETE => {
                    // The server may speak of what came and went before the phone could be told of it.
                    let is_news = self.items.remove(&id).is_some() || !self.known.contains(&id);
                    if !is_news && !own_deleted.contains(&id) {
                        return Err(format!("{id} is deleted twice"));
                    }
                    told.deleted.push(id);
                }
                other => return Err(format!("{other} is not expected")),
            }
        }
        if told.has_more && told.added.is_empty() && told.changed.is_empty() {
            let is_progress = !told.deleted.is_empty();
            return is_progress
                .then_some(told)
                .ok_or("more, but nothing".into());
        }
        Ok(told)
    }
}

impl Held {
    fn take(&mut self, data: &Element<'_>) {
        if let Some(read) = data.flag(email::READ) {
            self.is_read = read;
        }
        if let Some(flag) = data.child(email::FLAG) {
            self.is_flagged = flag.text_of(email::STATUS).as_deref() == Some("2");
        }
    }
}

fn text(element: &Element<'_>, tag: Tag) -> Result<String, String> {
    let text = element.text_of(tag).ok_or_else(|| format!("no {tag}"))?;
    Ok(text.into_owned())
}
