//! Reading a Maildir or Maildir++, with what Dovecot keeps in it: uids, keywords, subscriptions.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    dovecot::{self, Keywords, UidList},
    mail::{Producer, Source, produced},
    modified_utf7,
    source::{self, Origin, SourceFolder},
};
use crate::{
    command::deliver::CrlfReader,
    exchange::{Failure, FailureKind},
    mail_stream::{ItemHead, MAX_CHUNK},
};

/// Reads all mail below `root`; `folder` takes the place of all the folders' own names.
pub fn read(root: &Path, folder: Option<Vec<String>>) -> Result<Source, Failure> {
    if !root.join("cur").is_dir() {
        return Err(Failure::new(
            FailureKind::NotFound,
            format!("{} is no Maildir: there is no cur in it", root.display()),
        ));
    }
    let failed = |error: io::Error| {
        Failure::new(FailureKind::Failed, format!("{}: {error}", root.display()))
    };
    let directories = directories(root).map_err(failed)?;
    let subscriptions = dovecot::text(&root.join("subscriptions")).map_err(failed)?;
    let subscribed = source::subscriptions(&subscriptions, '.');
    let mut folders = Vec::new();
    for (path, directory) in &directories {
        folders.push(SourceFolder {
            subscribed: subscribed.contains(path),
            path: path.clone(),
            uids: UidList::read(directory).map_err(failed)?.uids,
            purpose: None,
        });
    }
    let is_tree = folder.is_none();
    if let Some(folder) = &folder {
        // Uids of several folders would get into each other's way.
        let uids = folders.first().and_then(|only| only.uids);
        let uids = uids.filter(|_| directories.len() == 1);
        folders = vec![SourceFolder {
            path: folder.clone(),
            uids,
            ..SourceFolder::default()
        }];
    }
    let keep_uids = is_tree || directories.len() == 1;
    let root = root.to_owned();
    let input = produced(move |producer| {
        for (path, directory) in directories {
            let files = Files {
                is_inbox: directory == root,
                keep_uids,
                path: folder.clone().unwrap_or(path),
                directory,
            };
            files.send(producer)?;
        }
        Ok(())
    });
    Ok(Source {
        folders,
        is_tree,
        left_out: Vec::new(),
        input,
    })
}

/// The files of one folder.
struct Files {
    /// Where they go.
    path: Vec<String>,
    directory: PathBuf,
    is_inbox: bool,
    keep_uids: bool,
}

impl Files {
    /// Sends all, in the order of their uids; those without one last, in order of their names, which begin with the time
    /// of arrival.
    fn send(&self, producer: &mut Producer) -> io::Result<()> {
        let uids = UidList::read(&self.directory)?;
        let keywords = Keywords::read(&self.directory)?;
        let mut files = Vec::new();
        for part in ["cur", "new"] {
            for path in files_in(&self.directory.join(part))? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let origin = uids.origin(&name, self.is_inbox);
                files.push((
                    origin.uid.unwrap_or(u32::MAX),
                    name.into_owned(),
                    origin,
                    path,
                ));
            }
        }
        files.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        for (_, name, mut origin, path) in files {
            if !self.keep_uids {
                origin.uid = None;
            }
            let file = File::open(&path)?;
            let head = ItemHead {
                folder: self.path.clone(),
                flags: flags(&name).map(String::from).collect(),
                keywords: keywords.of(&name),
                internal_date: Some(seconds(file.metadata()?.modified()?)),
            };
            send(producer, &head, &origin, file)?;
        }
        Ok(())
    }
}

/// Sends a file as one item.
pub fn send(
    producer: &mut Producer,
    head: &ItemHead,
    origin: &Origin,
    file: File,
) -> io::Result<()> {
    producer.begin(head, origin)?;
    let mut file = CrlfReader::new(file);
    let mut piece = vec![0; MAX_CHUNK];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return producer.end();
        }
        producer.write(&piece[..count])?;
    }
}

/// The directories of a Maildir++ with their folders' names, INBOX first.
fn directories(root: &Path) -> io::Result<Vec<(Vec<String>, PathBuf)>> {
    let mut folders = vec![(vec!["INBOX".to_owned()], root.to_owned())];
    let mut others = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = name.strip_prefix('.')
            && path.join("cur").is_dir()
        {
            let names: Vec<String> = name
                .split('.')
                .filter(|part| !part.is_empty())
                .map(modified_utf7::decode)
                .collect();
            if !names.is_empty() {
                others.push((names, path));
            }
        }
    }
    others.sort();
    folders.extend(others);
    Ok(folders)
}

fn files_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// The flags of a file of that name. Those in `new` may have some: Dovecot delivers there with flags.
fn flags(name: &str) -> impl Iterator<Item = &'static str> {
    dovecot::info(name)
        .chars()
        .filter_map(|letter| match letter {
            'D' => Some("draft"),
            'F' => Some("flagged"),
            'R' => Some("answered"),
            'S' => Some("seen"),
            'T' => Some("deleted"),
            _ => None,
        })
}

/// In seconds since 1970, before that too.
pub fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            -whole - i64::from(before.subsec_nanos() > 0)
        }
    }
}
