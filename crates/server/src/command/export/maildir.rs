//! Writing a Maildir++: INBOX in the directory itself, other folders beside it as `.Name.Child`, names in modified
//! UTF-7, flags and keywords in the file names, dates as modification times, and what Dovecot keeps beside them: uids,
//! unique-ids, the keywords' names, subscriptions. The same mail has the same file names in every export.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{dovecot::Beside, mail::Sink};
use crate::{
    command::import::{
        modified_utf7,
        source::{Origin, SourceFolder, subscriptions_of},
    },
    exchange::{Failure, FailureKind},
    mail_stream::ItemHead,
};

/// Writes a Maildir.
pub struct Writer {
    root: PathBuf,
    made: HashMap<Vec<String>, PathBuf>,
    taken: HashSet<PathBuf>,
    beside: HashMap<PathBuf, Beside>,
    /// The directory that the last item went to.
    last: PathBuf,
    count: u64,
    open: Option<Open>,
    /// Whether the directory was there before us.
    found: bool,
}

struct Open {
    out: BufWriter<File>,
    temporary: PathBuf,
    directory: PathBuf,
    name: String,
    letters: String,
    origin: Origin,
    date: SystemTime,
    last: u8,
    /// Bytes, with line ends of CRLF.
    size: u64,
}

impl Writer {
    /// A Maildir in `root`, which must be empty or not there.
    pub fn create(root: &Path) -> Result<Self, Failure> {
        let found = new_directory(root)?;
        let mut writer = Self {
            found,
            root: root.to_owned(),
            made: HashMap::new(),
            taken: HashSet::new(),
            beside: HashMap::new(),
            last: PathBuf::new(),
            count: 0,
            open: None,
        };
        writer
            .folder(&["INBOX".into()])
            .map_err(|error| failed(root, &error))?;
        Ok(writer)
    }

    fn folder(&mut self, names: &[String]) -> std::io::Result<PathBuf> {
        if let Some(directory) = self.made.get(names) {
            return Ok(directory.clone());
        }
        let mut directory = match names {
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
        while !self.taken.insert(directory.clone()) {
            // Another folder's name looks the same without those characters.
            directory.as_mut_os_string().push("_");
        }
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(directory.join(part))?;
        }
        if directory != self.root {
            File::create(directory.join("maildirfolder"))?;
        }
        self.made.insert(names.to_owned(), directory.clone());
        Ok(directory)
    }
}

impl Sink for Writer {
    fn begin(&mut self, head: &ItemHead, origin: &Origin) -> anyhow::Result<()> {
        let directory = self.folder(&head.folder)?;
        if self.last != directory {
            if let Some(beside) = self.beside.get_mut(&self.last) {
                beside.rest()?;
            }
            self.last.clone_from(&directory);
        }
        self.count += 1;
        let seconds = head.internal_date.unwrap_or(0);
        // Unique in the whole account, and sorted as the uids are.
        let uid = origin.uid.map_or(self.count, u64::from);
        let validity = origin.uids.map_or(0, |uids| uids.validity);
        let name = format!("{}.V{validity}U{uid:010}.fieldpost", seconds.max(0));
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
        let beside = self.beside.entry(directory.clone()).or_default();
        letters.extend(
            head.keywords
                .iter()
                .filter_map(|keyword| beside.letter(keyword)),
        );
        letters.sort_unstable();
        let temporary = directory.join("tmp").join(&name);
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let date = if seconds < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        self.open = Some(Open {
            out: BufWriter::new(File::create(&temporary)?),
            letters: letters.into_iter().collect(),
            directory,
            name,
            origin: origin.clone(),
            temporary,
            date: date.unwrap_or(UNIX_EPOCH),
            last: 0,
            size: 0,
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
            open.size += 1 + u64::from(*byte == b'\n' && open.last != b'\r');
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
            let name = format!("{}:2,{}", open.name, open.letters);
            fs::rename(&open.temporary, open.directory.join("cur").join(name))?;
            let beside = self.beside.entry(open.directory.clone()).or_default();
            beside.add(&open.directory, &open.name, open.size, &open.origin)?;
        }
        Ok(())
    }

    fn void(&mut self) -> anyhow::Result<()> {
        if let Some(open) = self.open.take() {
            self.count -= 1;
            fs::remove_file(&open.temporary)?;
        }
        Ok(())
    }

    fn finish(&mut self, folders: &[SourceFolder]) -> anyhow::Result<Vec<String>> {
        let mut left_out = Vec::new();
        for folder in folders {
            // Empty ones too.
            let directory = self.folder(&folder.path)?;
            if let Some(uids) = folder.uids {
                let beside = self.beside.entry(directory.clone()).or_default();
                for keyword in beside.finish(&directory, uids)? {
                    left_out.push(format!(
                        "{}: a Maildir has no room for the keyword {keyword}",
                        folder.path.join("/")
                    ));
                }
            }
        }
        let subscriptions = subscriptions_of(folders);
        fs::write(self.root.join("subscriptions"), subscriptions)?;
        for directory in self.made.values() {
            for part in ["cur", ""] {
                File::open(directory.join(part))?.sync_all()?;
            }
        }
        Ok(left_out)
    }

    fn give_up(&mut self) -> anyhow::Result<()> {
        self.void()?;
        if self.count > 0 {
            return Ok(());
        }
        // Directories are removed only where they are empty, so nothing that others put there can be lost.
        for directory in std::mem::take(&mut self.made).into_values() {
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

/// Makes `root`, which must be empty or not there; whether it was there.
pub fn new_directory(root: &Path) -> Result<bool, Failure> {
    if fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::new(
            FailureKind::Exists,
            format!("{} exists already, and is not empty", root.display()),
        )
        .advise("name a new directory"));
    }
    let found = root.is_dir();
    fs::create_dir_all(root).map_err(|error| failed(root, &error))?;
    Ok(found)
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(FailureKind::Failed, format!("{}: {error}", path.display()))
}
