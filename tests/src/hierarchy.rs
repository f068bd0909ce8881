//! What a phone holds of the list of folders: it believes every word, and says so if it can't be true.

use std::{collections::BTreeMap, io};

use fieldpost_wbxml::{Element, Tag, tags::folder_hierarchy as tag};

use crate::phone::{Phone, parse};

/// The list of folders on a phone.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    /// The last key that the phone was told; `0` before the first.
    pub key: String,
    /// By server id.
    pub folders: BTreeMap<String, Folder>,
}

/// A folder on a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its name, without those above it.
    pub name: String,
    /// The id of the folder that it is in; `0` at the top.
    pub parent: String,
    /// What it is for: 2 is the inbox, 12 is mail, and so on.
    pub kind: u8,
}

impl Default for Hierarchy {
    fn default() -> Self {
        Self {
            key: "0".into(),
            folders: BTreeMap::new(),
        }
    }
}

impl Phone {
    /// A FolderSync; whether the key was known. If it was not, the phone has to begin anew.
    ///
    /// An error of kind `Other` is the server's mistake, any other the connection's: then nothing is changed.
    pub fn sync_folders(&mut self, hierarchy: &mut Hierarchy) -> io::Result<bool> {
        let key = &hierarchy.key;
        let asked = format!(
            "<folderhierarchy:FolderSync><folderhierarchy:SyncKey>{key}</folderhierarchy:SyncKey></folderhierarchy:FolderSync>"
        );
        let answer = self.ask("FolderSync", &asked)?;
        let root = parse(&answer)?;
        hierarchy.apply(&root).map_err(|problem| {
            let answer = root.to_xml(|_| false);
            io::Error::other(format!("{problem}\nto {asked}\n{answer}"))
        })
    }
}

impl Hierarchy {
    /// The id of the folder of that path: `a/b`.
    ///
    /// # Panics
    /// If there is none.
    pub fn id(&self, path: &str) -> String {
        let paths = self.paths();
        let found = paths.iter().find(|(_, (other, _))| other == path);
        let (id, _) = found.unwrap_or_else(|| panic!("no {path} in {paths:?}"));
        id.clone()
    }

    /// By id: the names from the top down, and what it is for.
    pub fn paths(&self) -> BTreeMap<String, (String, u8)> {
        let path = |folder: &Folder| {
            let mut path = folder.name.clone();
            let mut above = &folder.parent;
            while let Some(folder) = self.folders.get(above) {
                path = format!("{}/{path}", folder.name);
                above = &folder.parent;
            }
            (path, folder.kind)
        };
        let folders = self.folders.iter();
        folders
            .map(|(id, folder)| (id.clone(), path(folder)))
            .collect()
    }

    fn apply(&mut self, root: &Element<'_>) -> Result<bool, String> {
        match &*text(root, tag::STATUS)? {
            "1" => {}
            "9" if self.key != "0" => {
                *self = Self::default();
                return Ok(false);
            }
            status => return Err(format!("status {status}")),
        }
        if self.key == "0" {
            self.folders.clear();
        }
        self.key = text(root, tag::SYNC_KEY)?;
        let changes = root.child(tag::CHANGES).ok_or("no changes")?;
        let mut count = 0;
        for change in changes.children().filter(|one| one.tag != tag::COUNT) {
            count += 1;
            let id = text(change, tag::SERVER_ID)?;
            let is_known = self.folders.contains_key(&id);
            if is_known == (change.tag == tag::ADD) {
                return Err(format!("{} of {id}, known: {is_known}", change.tag));
            }
            if change.tag == tag::DELETE {
                self.folders.remove(&id);
                continue;
            }
            let kind = text(change, tag::TYPE)?;
            let folder = Folder {
                name: text(change, tag::DISPLAY_NAME)?,
                parent: text(change, tag::PARENT_ID)?,
                kind: kind.parse().map_err(|_| kind)?,
            };
            if folder.parent != "0" && !self.folders.contains_key(&folder.parent) {
                return Err(format!("{id} before the folder that it is in"));
            }
            self.folders.insert(id, folder);
        }
        let said = text(changes, tag::COUNT)?;
        if said != count.to_string() {
            return Err(format!("{count} changes, {said} are said"));
        }
        let is_lost =
            |folder: &&Folder| folder.parent != "0" && !self.folders.contains_key(&folder.parent);
        match self.folders.values().find(is_lost) {
            Some(folder) => Err(format!("{folder:?} is in no folder")),
            None => Ok(true),
        }
    }
}

fn text(element: &Element<'_>, tag: Tag) -> Result<String, String> {
    let text = element.text_of(tag).ok_or_else(|| format!("no {tag}"))?;
    Ok(text.into_owned())
}
