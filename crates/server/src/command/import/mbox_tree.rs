//! Reading a directory of mbox files: a file is a folder, its folders lie in the directory of its name, or of its name and
//! `.sbd` as Thunderbird has it.

use std::{fs, io, path::Path};

use super::{
    dovecot,
    mail::{Source, produced},
    mbox::Mbox,
    modified_utf7,
    source::{self, SourceFolder},
};
use crate::exchange::{Failure, FailureKind};

/// A file and its folder's names.
type Found = (Vec<String>, std::path::PathBuf);

/// Reads all mail below `root`; `folder` takes the place of all the folders' own names.
pub fn read(root: &Path, folder: Option<Vec<String>>) -> Result<Source, Failure> {
    let failed = |error: io::Error| Failure::new(FailureKind::Failed, error);
    let mut files = Vec::new();
    find(root, &[], &mut files).map_err(failed)?;
    files.sort();
    let mut subscriptions = String::new();
    for name in [".subscriptions", "subscriptions"] {
        if subscriptions.is_empty() {
            subscriptions = dovecot::text(&root.join(name)).map_err(failed)?;
        }
    }
    let subscribed = source::subscriptions(&subscriptions, '/');
    let mut folders = Vec::new();
    let mut left_out = Vec::new();
    let mut found = Vec::new();
    for (path, file) in files {
        let opened = Mbox::open(&file)
            .map_err(|error| failed(io::Error::new(error.kind(), named(&file, &error))))?;
        let Some(opened) = opened else {
            left_out.push(format!("{} is no mbox file", file.display()));
            continue;
        };
        folders.push(SourceFolder {
            subscribed: subscribed.contains(&path),
            path: path.clone(),
            uids: opened.uids,
            purpose: None,
        });
        found.push((path, file));
    }
    if folders.is_empty() {
        return Err(Failure::new(
            FailureKind::NotFound,
            format!("there is no mbox file in {}", root.display()),
        )
        .advise("a Maildir is read with --maildir"));
    }
    let is_tree = folder.is_none();
    let keep_uids = is_tree || folders.len() == 1;
    if let Some(folder) = &folder {
        let uids = folders[0].uids.filter(|_| keep_uids);
        folders = vec![SourceFolder {
            path: folder.clone(),
            uids,
            ..SourceFolder::default()
        }];
    }
    let input = produced(move |producer| {
        for (path, file) in found {
            // Opened one at a time: there may be more of them than may be open.
            if let Some(mbox) = Mbox::open(&file)? {
                mbox.send(folder.as_ref().unwrap_or(&path), keep_uids, producer)?;
            }
        }
        Ok(())
    });
    Ok(Source {
        folders,
        is_tree,
        left_out,
        input,
    })
}

/// All files below `directory`, which holds the folders of `path`. Hidden ones, locks and indexes are no folders.
fn find(directory: &Path, path: &[String], found: &mut Vec<Found>) -> io::Result<()> {
    let entries = fs::read_dir(directory)
        .map_err(|error| io::Error::new(error.kind(), named(directory, &error)))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        let is_other = name.starts_with('.')
            || [".lock", ".msf"].iter().any(|end| name.ends_with(end))
            || (path.is_empty() && name == "subscriptions");
        if is_other || path.len() == MAX_DEPTH {
            continue;
        }
        let level = if kind.is_dir() {
            name.strip_suffix(".sbd").unwrap_or(&name)
        } else {
            &name
        };
        let mut below = path.to_vec();
        below.push(modified_utf7::decode(level));
        if kind.is_dir() {
            find(&entry.path(), &below, found)?;
        } else if kind.is_file() {
            if let [only] = &mut below[..]
                && only.eq_ignore_ascii_case("inbox")
            {
                "INBOX".clone_into(only);
            }
            found.push((below, entry.path()));
        }
    }
    Ok(())
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Folders lie no deeper in the core either.
const MAX_DEPTH: usize = fieldpost_mailbox::MAX_FOLDER_DEPTH;
