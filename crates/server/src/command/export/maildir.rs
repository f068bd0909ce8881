//! Writing a Maildir++: INBOX in the directory itself, other folders beside it as `.Name.Child`, names in modified
//! UTF-7, flags in the file names, dates as modification times.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::mail::Sink;
use crate::{
    command::import::modified_utf7,
    exchange::{Failure, FailureKind},
    mail_stream::ItemHead,
};

/// Writes a Maildir.
pub struct Writer {
    root: PathBuf,
    made: HashSet<PathBuf>,
    count: u64,
    open: Option<Open>,
    /// Whether the directory was there before us.
    found: bool,
}

struct Open {
    out: BufWriter<File>,
    beside: PathBuf,
    path: PathBuf,
    date: SystemTime,
    last: u8,
}

impl Writer {
    /// A Maildir in `root`, which must be empty or not there.
    pub fn create(root: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(FailureKind::Failed, format!("{}: {error}", root.display()))
        };
        if fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::new(
                FailureKind::Exists,
                format!("{} exists already, and is not empty", root.display()),
            )
            .advise("name a new directory"));
        }
        let found = root.is_dir();
        fs::create_dir_all(root).map_err(failed)?;
        let mut writer = Self {
            found,
            root: root.to_owned(),
            made: HashSet::new(),
            count: 0,
            open: None,
        };
        writer.folder(&["INBOX".into()]).map_err(failed)?;
        Ok(writer)
    }

    fn folder(&mut self, names: &[String]) -> std::io::Result<PathBuf> {
        let directory = match names {
            [only] if only.eq_ignore_ascii_case("INBOX") => self.root.clone(),
            names => {
                let mut name = String::new();
                for one in names {
                    name.push('.');
                    // The two characters that a name in a Maildir++ cannot have.
                    name.push_str(&modified_utf7::encode(one).replace(['.', '/'], "_"));
                }
                self.root.join(name)
            }
        };
        if self.made.insert(directory.clone()) {
            for part in ["cur", "new", "tmp"] {
                fs::create_dir_all(directory.join(part))?;
            }
            if directory != self.root {
                File::create(directory.join("maildirfolder"))?;
            }
        }
        Ok(directory)
    }
}

impl Sink for Writer {
    fn begin(&mut self, head: &ItemHead) -> anyhow::Result<()> {
        let directory = self.folder(&head.folder)?;
        self.count += 1;
        let seconds = head.internal_date.unwrap_or(0);
        let name = format!("{seconds}.M{}P{}.fieldpost", self.count, std::process::id());
        let mut letters: Vec<char> = head
            .flags
            .iter()
            .filter_map(|flag| match flag.as_str() {
                "draft" => Some('D'),
                "flagged" => Some('F'),
                "answered" => Some('R'),
                "seen" => Some('S'),
                "deleted" => Some('T'),
                _ => None,
            })
            .collect();
        letters.sort_unstable();
        let letters: String = letters.into_iter().collect();
        let beside = directory.join("tmp").join(&name);
        self.open = Some(Open {
            out: BufWriter::new(File::create(&beside)?),
            path: directory.join("cur").join(format!("{name}:2,{letters}")),
            beside,
            date: UNIX_EPOCH + Duration::from_secs(seconds.max(0).unsigned_abs()),
            last: 0,
        });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        for byte in bytes {
            if open.last == b'\r' && *byte != b'\n' {
                open.out.write_all(b"\r")?;
            }
            if *byte != b'\r' {
                open.out.write_all(&[*byte])?;
            }
            open.last = *byte;
        }
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if let Some(mut open) = self.open.take() {
            if open.last == b'\r' {
                open.out.write_all(b"\r")?;
            }
            open.out.flush()?;
            let file = open.out.get_ref();
            file.set_modified(open.date)?;
            file.sync_all()?;
            fs::rename(&open.beside, &open.path)?;
        }
        Ok(())
    }

    fn void(&mut self) -> anyhow::Result<()> {
        if let Some(open) = self.open.take() {
            self.count -= 1;
            fs::remove_file(&open.beside)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        for directory in &self.made {
            File::open(directory.join("cur"))?.sync_all()?;
        }
        Ok(())
    }

    fn give_up(&mut self) -> anyhow::Result<()> {
        self.void()?;
        if self.count > 0 {
            return Ok(());
        }
        // Directories are removed only where they are empty, so nothing that others put there can be lost.
        for directory in std::mem::take(&mut self.made) {
            for part in ["cur", "new", "tmp"] {
                fs::remove_dir(directory.join(part))?;
            }
            if directory != self.root {
                fs::remove_file(directory.join("maildirfolder"))?;
                fs::remove_dir(directory)?;
            }
        }
        if !self.found {
            fs::remove_dir(&self.root)?;
        }
        Ok(())
    }
}
