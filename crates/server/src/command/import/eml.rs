//! Reading a directory of .eml files, a message each, as programs for the desktop export them. Directories are folders. Such
//! files say nothing of flags: whoever saved a message has seen it.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    mail::{Source, produced},
    maildir,
    source::{Origin, SourceFolder},
};
use crate::{
    exchange::{Failure, FailureKind},
    mail_stream::ItemHead,
};

/// Reads all mail below `root`; `folder` takes the place of all the folders' own names.
pub fn read(root: &Path, folder: Option<Vec<String>>) -> Result<Source, Failure> {
    let failed = |error: io::Error| {
        Failure::new(
            FailureKind::NotFound,
            format!("{}: {error}", root.display()),
        )
    };
    let mut found = Vec::new();
    find(root, &[], &mut found).map_err(failed)?;
    if found.is_empty() {
        return Err(Failure::new(
            FailureKind::NotFound,
            format!("there is no .eml file in {}", root.display()),
        ));
    }
    found.sort();
    let is_tree = folder.is_none();
    let mut folders: Vec<SourceFolder> = Vec::new();
    for (path, _) in &mut found {
        if let Some(folder) = &folder {
            path.clone_from(folder);
        } else if path.is_empty() {
            path.push("INBOX".into());
        }
        if folders.last().is_none_or(|last| last.path != *path) {
            folders.push(SourceFolder {
                path: path.clone(),
                ..SourceFolder::default()
            });
        }
    }
    let input = produced(move |producer| {
        for (path, file) in found {
            let named = |error: io::Error| {
                io::Error::new(error.kind(), format!("{}: {error}", file.display()))
            };
            let opened = File::open(&file).map_err(named)?;
            let modified = opened.metadata().and_then(|data| data.modified());
            let head = ItemHead {
                folder: path,
                flags: vec!["seen".into()],
                keywords: Vec::new(),
                internal_date: Some(match arrival(&file).map_err(named)? {
                    Some(date) => date,
                    None => maildir::seconds(modified.map_err(named)?),
                }),
            };
            maildir::send(producer, &head, &Origin::default(), opened)?;
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

fn find(
    directory: &Path,
    path: &[String],
    found: &mut Vec<(Vec<String>, PathBuf)>,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if name.starts_with('.') {
            continue;
        }
        if kind.is_dir() && path.len() < fieldpost_mailbox::MAX_FOLDER_DEPTH {
            let mut below = path.to_vec();
            below.push(if path.is_empty() && name.eq_ignore_ascii_case("inbox") {
                "INBOX".into()
            } else {
                name
            });
            find(&entry.path(), &below, found)?;
        } else if kind.is_file() && name.to_ascii_lowercase().ends_with(".eml") {
            found.push((path.to_vec(), entry.path()));
        }
    }
    Ok(())
}

/// When a message arrived, as its header has it: the date of the last server that took it in, or else of its writing.
fn arrival(file: &Path) -> io::Result<Option<i64>> {
    let mut start = Vec::new();
    File::open(file)?.take(MAX_HEADER).read_to_end(&mut start)?;
    Ok(arrival_of(&String::from_utf8_lossy(&start)))
}

fn arrival_of(header: &str) -> Option<i64> {
    let mut fields: Vec<String> = Vec::new();
    for line in header.lines().take_while(|line| !line.is_empty()) {
        match fields.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
            Some(_) | None => fields.push(line.to_owned()),
        }
    }
    let value = |name: &str| {
        fields.iter().find_map(|field| {
            let (own, value) = field.split_once(':')?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    let received = value("Received").and_then(|value| value.rsplit_once(';'));
    [received.map(|(_, date)| date), value("Date")]
        .into_iter()
        .flatten()
        .find_map(|text| {
            let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim());
            date.ok().map(jiff::Timestamp::as_second)
        })
}

/// As much of a file as is looked at for its header.
const MAX_HEADER: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrived_when_the_last_server_says() {
        let date = "Date: Thu, 1 Jan 1970 00:00:10 +0000\r\n";
        let received = "Received: by a\r\n for b;\r\n Thu, 1 Jan 1970 01:00:20 +0100 (CET)\r\n\
                        Received: by z; Thu, 1 Jan 1970 00:00:05 +0000\r\n";
        assert_eq!(arrival_of(&format!("{received}{date}\r\nx")), Some(20));
        assert_eq!(arrival_of(&format!("Received: odd\r\n{date}")), Some(10));
        assert_eq!(arrival_of(&format!("Subject: x\r\n\r\n{date}")), None);
    }
}
