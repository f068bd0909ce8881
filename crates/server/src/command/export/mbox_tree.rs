//! Writing a directory of mbox files, a folder a file. A folder's own folders lie in the directory of its name and `.sbd`,
//! as Thunderbird has it: a file and a directory cannot have the same name.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{mail::Sink, maildir::new_directory, mbox};
use crate::{
    command::import::{
        modified_utf7,
        source::{Origin, SourceFolder, subscriptions_of},
    },
    exchange::Failure,
    mail_stream::ItemHead,
};

/// Writes a directory of mbox files.
pub struct Writer {
    root: PathBuf,
    /// The file under way.
    open: Option<(Vec<String>, mbox::Writer)>,
    /// The folders' files.
    files: HashMap<Vec<String>, PathBuf>,
    taken: HashSet<PathBuf>,
    found: bool,
}

impl Writer {
    /// Files in `root`, which must be empty or not there.
    pub fn create(root: &Path) -> Result<Self, Failure> {
        let found = new_directory(root)?;
        Ok(Self {
            root: root.to_owned(),
            open: None,
            files: HashMap::new(),
            taken: HashSet::new(),
            found,
        })
    }

    /// The file of the folder of that name, which is begun if it is not there.
    fn file(&mut self, folder: &[String]) -> anyhow::Result<&mut mbox::Writer> {
        if self.open.as_ref().is_none_or(|(path, _)| path != folder) {
            self.close()?;
            let path = self.path(folder);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            self.open = Some((folder.to_owned(), mbox::Writer::create(&path)?));
        }
        match &mut self.open {
            Some((_, writer)) => Ok(writer),
            None => anyhow::bail!("no file is open"),
        }
    }

    fn close(&mut self) -> anyhow::Result<()> {
        if let Some((_, mut writer)) = self.open.take() {
            writer.finish(&[])?;
        }
        Ok(())
    }

    fn path(&mut self, folder: &[String]) -> PathBuf {
        let Some((last, above)) = folder.split_last() else {
            return self.root.clone();
        };
        if let Some(path) = self.files.get(folder) {
            return path.clone();
        }
        let mut path = if above.is_empty() {
            self.root.clone()
        } else {
            let mut parent = self.path(above).into_os_string();
            parent.push(".sbd");
            PathBuf::from(parent)
        };
        let mut name = modified_utf7::encode(last).replace('/', "_");
        // Such names are hidden from an import.
        if name.starts_with('.') || is_beside(&name) {
            name = format!("_{}_", name.trim_start_matches('.'));
        }
        while !self.taken.insert(path.join(&name)) {
            name.push('_');
        }
        path.push(name);
        self.files.insert(folder.to_owned(), path.clone());
        path
    }
}

impl Sink for Writer {
    fn begin(&mut self, head: &ItemHead, origin: &Origin) -> anyhow::Result<()> {
        self.file(&head.folder)?.begin(head, origin)
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match &mut self.open {
            Some((_, writer)) => writer.write(bytes),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> anyhow::Result<()> {
        match &mut self.open {
            Some((_, writer)) => writer.end(),
            None => Ok(()),
        }
    }

    fn void(&mut self) -> anyhow::Result<()> {
        match &mut self.open {
            Some((_, writer)) => writer.void(),
            None => Ok(()),
        }
    }

    fn finish(&mut self, folders: &[SourceFolder]) -> anyhow::Result<Vec<String>> {
        self.close()?;
        for folder in folders {
            // Empty ones too.
            let path = self.path(&folder.path);
            if !path.exists() {
                self.file(&folder.path)?;
                self.close()?;
            }
        }
        fs::write(self.root.join(".subscriptions"), subscriptions_of(folders))?;
        File::open(&self.root)?.sync_all()?;
        Ok(Vec::new())
    }

    fn give_up(&mut self) -> anyhow::Result<()> {
        if let Some((_, mut writer)) = self.open.take() {
            writer.give_up()?;
        }
        // Goes only if it is empty.
        if !self.found {
            fs::remove_dir(&self.root)?;
        }
        Ok(())
    }
}

/// Whether a file of that name is none of mail: Thunderbird's indexes, and locks.
fn is_beside(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "msf" || extension == "lock")
}
