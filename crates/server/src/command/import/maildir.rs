//! Reading a Maildir or Maildir++.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use super::{mail::produced, modified_utf7};
use crate::{
    command::deliver::CrlfReader,
    exchange::{Failure, FailureKind},
    mail_stream::{ItemHead, MAX_CHUNK},
};

/// Reads all mail below `root`; `folder` takes the place of all the folders' own names.
pub fn read(root: &Path, folder: Option<Vec<String>>) -> Result<Box<dyn Read + Send>, Failure> {
    if !root.join("cur").is_dir() {
        return Err(Failure::new(
            FailureKind::NotFound,
            format!("{} is no Maildir: there is no cur in it", root.display()),
        ));
    }
    let folders = folders(root).map_err(|error| {
        Failure::new(FailureKind::Failed, format!("{}: {error}", root.display()))
    })?;
    Ok(produced(move |producer| {
        for (names, directory) in folders {
            let names = folder.clone().unwrap_or(names);
            for part in ["cur", "new"] {
                for path in files(&directory.join(part))? {
                    let file = File::open(&path)?;
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let mut flags = flags(&name);
                    if part == "new" {
                        flags.retain(|flag| *flag != "seen");
                    }
                    let modified = file.metadata()?.modified()?;
                    producer.begin(&ItemHead {
                        folder: names.clone(),
                        flags: flags.into_iter().map(String::from).collect(),
                        keywords: Vec::new(),
                        internal_date: modified
                            .duration_since(UNIX_EPOCH)
                            .ok()
                            .map(|since| since.as_secs() as i64),
                    })?;
                    let mut file = CrlfReader::new(file);
                    let mut piece = vec![0; MAX_CHUNK];
                    loop {
                        let count = file.read(&mut piece)?;
                        if count == 0 {
                            break;
                        }
                        producer.write(&piece[..count])?;
                    }
                    producer.end()?;
                }
            }
        }
        Ok(())
    }))
}

/// The folders of a Maildir++ with their names, INBOX first.
fn folders(root: &Path) -> io::Result<Vec<(Vec<String>, PathBuf)>> {
    let mut folders = vec![(vec!["INBOX".to_owned()], root.to_owned())];
    let mut others = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = name.strip_prefix('.')
            && !name.is_empty()
            && path.join("cur").is_dir()
        {
            let names = name
                .split('.')
                .filter(|part| !part.is_empty())
                .map(modified_utf7::decode)
                .collect();
            others.push((names, path));
        }
    }
    others.sort();
    folders.extend(others);
    Ok(folders)
}

/// In order of their names, which begin with the time of arrival.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
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
    files.sort();
    Ok(files)
}

fn flags(name: &str) -> Vec<&'static str> {
    let Some((_, letters)) = name.rsplit_once(":2,") else {
        return Vec::new();
    };
    letters
        .chars()
        .filter_map(|letter| match letter {
            'D' => Some("draft"),
            'F' => Some("flagged"),
            'R' => Some("answered"),
            'S' => Some("seen"),
            'T' => Some("deleted"),
            _ => None,
        })
        .collect()
}
