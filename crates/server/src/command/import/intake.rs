//! Taking the items of one folder in: many to a commit, and none twice. What came before is known by the folder's name and
//! UIDVALIDITY and the item's uid and date where it comes from, or else by its bytes.

use std::collections::{BTreeSet, HashMap};

use fieldpost_mailbox::{
    Error, FlagUpdate, Flags, ImportKey, Imported, Mailbox, NewItem, UpdateMode,
};

use super::{source::SourceFolder, target::Target};
use crate::{command::export::mail::FLAGS, engine, exchange::Failure};

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Items that came in.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Items that had come before.
    pub known: u64,
    /// Those among them that were marked otherwise since.
    pub changed: u64,
    /// Keywords that cannot be kept.
    pub keywords_left_out: BTreeSet<String>,
}

/// The items of a folder that came before.
pub struct Known {
    folder: [u8; 16],
    items: HashMap<[u8; 16], Imported>,
    /// How often the same bytes were met.
    met: HashMap<[u8; 16], u32>,
}

/// One folder that is being taken in.
pub struct Intake {
    mailbox: Mailbox,
    target: Target,
    known: Known,
    batch: Vec<NewItem>,
    batch_bytes: u64,
    notes: Vec<(ImportKey, Imported)>,
    tally: Tally,
}

impl Tally {
    /// Adds another folder's.
    pub fn add(&mut self, other: Self) {
        self.items += other.items;
        self.bytes += other.bytes;
        self.known += other.known;
        self.changed += other.changed;
        for keyword in other.keywords_left_out {
            note(&mut self.keywords_left_out, &keyword);
        }
    }

    /// What to say of keywords that are not kept.
    pub fn left_out(&self) -> impl Iterator<Item = String> {
        self.keywords_left_out
            .iter()
            .map(|keyword| format!("the keyword {keyword:?} cannot be kept"))
    }
}

impl Known {
    /// What came from `source` before.
    pub async fn read(mailbox: &Mailbox, source: &SourceFolder) -> Result<Self, Failure> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"folder");
        for name in &source.path {
            hasher.update(&[0]).update(name.as_bytes());
        }
        let validity = source.uids.map_or(0, |uids| uids.validity);
        hasher.update(&[0]).update(&validity.to_be_bytes());
        let folder = short(&hasher);
        Ok(Self {
            folder,
            items: mailbox
                .imported(&folder)
                .await
                .map_err(engine::of_mailbox)?,
            met: HashMap::new(),
        })
    }

    /// An item with a uid, which with its date names it for ever. The date tells two servers apart that count from 1.
    pub fn of_uid(&self, uid: u32, internal_date: i64) -> ImportKey {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"uid").update(&uid.to_be_bytes());
        hasher.update(&internal_date.to_be_bytes());
        self.key(&hasher)
    }

    /// An item that is known by its bytes alone, and by how many of the same were met before it.
    pub fn of_bytes(&mut self, hash: &blake3::Hasher) -> ImportKey {
        let bytes = short(hash);
        let met = self.met.entry(bytes).or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"bytes").update(&bytes);
        hasher.update(&met.to_be_bytes());
        *met += 1;
        self.key(&hasher)
    }

    /// Whether it came before.
    pub fn contains(&self, key: &ImportKey) -> bool {
        self.items.contains_key(&key.item)
    }

    fn key(&self, hasher: &blake3::Hasher) -> ImportKey {
        ImportKey {
            folder: self.folder,
            item: short(hasher),
        }
    }
}

impl Intake {
    /// Begins with a folder.
    pub async fn open(
        mailbox: &Mailbox,
        source: &SourceFolder,
        target: Target,
    ) -> Result<Self, Failure> {
        Ok(Self {
            mailbox: mailbox.clone(),
            target,
            known: Known::read(mailbox, source).await?,
            batch: Vec::new(),
            batch_bytes: 0,
            notes: Vec::new(),
            tally: Tally::default(),
        })
    }

    /// What came before.
    pub fn known(&mut self) -> &mut Known {
        &mut self.known
    }

    /// An item that came before, with how it is marked there now. What changed there since changes here; what somebody
    /// changed here stays.
    pub async fn again(
        &mut self,
        key: ImportKey,
        flags: Flags,
        keywords: &[String],
    ) -> Result<(), Failure> {
        self.tally.known += 1;
        let Some(before) = self.known.items.get_mut(&key.item) else {
            return Ok(());
        };
        if before.flags == flags && before.keywords == keywords {
            return Ok(());
        }
        let uids = [before.uid].into_iter().collect();
        for (mode, flags, keywords) in [
            (
                UpdateMode::Add,
                without(flags, before.flags),
                missing(keywords, &before.keywords),
            ),
            (
                UpdateMode::Remove,
                without(before.flags, flags),
                missing(&before.keywords, keywords),
            ),
        ] {
            if flags == Flags::EMPTY && keywords.is_empty() {
                continue;
            }
            let mut update = FlagUpdate::flags(mode, flags);
            update.keywords = Some(keywords);
            let folder = before.folder;
            let mut done = self
                .mailbox
                .update_flags(folder, &uids, &update, None)
                .await;
            if let Err(Error::BadKeyword(_) | Error::TooManyKeywords(_)) = &done {
                let left_out = update.keywords.take().unwrap_or_default();
                for keyword in &left_out {
                    note(&mut self.tally.keywords_left_out, keyword);
                }
                done = self
                    .mailbox
                    .update_flags(folder, &uids, &update, None)
                    .await;
            }
            match done {
                // Its folder is gone, and it with it.
                Ok(_) | Err(Error::NoSuchFolder(_)) => {}
                Err(error) => return Err(engine::of_mailbox(error)),
            }
        }
        self.tally.changed += 1;
        before.flags = flags;
        before.keywords = keywords.to_vec();
        self.notes.push((key, before.clone()));
        if self.notes.len() >= BATCH {
            self.write_notes().await?;
        }
        Ok(())
    }

    /// A new item; it is durable when [`Self::flush`] returns. How many have come in altogether by now.
    pub async fn add(&mut self, mut item: NewItem, key: ImportKey) -> Result<u64, Failure> {
        self.batch_bytes += item.received.size();
        item.imported = Some(key);
        if !self.target.keeps_uids {
            item.uid = None;
        }
        self.batch.push(item);
        if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(self.tally.items)
    }

    /// Commits what has come so far.
    pub async fn flush(&mut self) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let folder = self.target.folder;
        match self.mailbox.append_all(folder, &batch).await {
            Ok(_) => {
                self.tally.items += batch.len() as u64;
                self.tally.bytes += batch.iter().map(|item| item.received.size()).sum::<u64>();
                Ok(())
            }
            // One of them is in the way of all: the others come in.
            Err(Error::BadKeyword(_) | Error::TooManyKeywords(_) | Error::OverQuota { .. }) => {
                for item in batch {
                    self.take_in(item).await?;
                }
                Ok(())
            }
            Err(error) => Err(engine::of_mailbox(error)),
        }
    }

    /// Commits the rest.
    pub async fn finish(mut self) -> Result<Tally, Failure> {
        self.flush().await?;
        self.write_notes().await?;
        Ok(self.tally)
    }

    async fn write_notes(&mut self) -> Result<(), Failure> {
        let notes = std::mem::take(&mut self.notes);
        self.mailbox
            .note_imported(&notes)
            .await
            .map_err(engine::of_mailbox)
    }

    async fn take_in(&mut self, mut item: NewItem) -> Result<(), Failure> {
        loop {
            match self.mailbox.append(self.target.folder, &item).await {
                Ok(_) => {
                    self.tally.items += 1;
                    self.tally.bytes += item.received.size();
                    return Ok(());
                }
                // Mail counts for more than its keywords. Each round has fewer of them.
                Err(Error::BadKeyword(bad)) if item.keywords.contains(&bad) => {
                    item.keywords.retain(|keyword| *keyword != bad);
                    note(&mut self.tally.keywords_left_out, &bad);
                }
                Err(Error::TooManyKeywords(_)) if !item.keywords.is_empty() => {
                    let labels = self.mailbox.labels().await.map_err(engine::of_mailbox)?;
                    let (known, new): (Vec<_>, Vec<_>) = std::mem::take(&mut item.keywords)
                        .into_iter()
                        .partition(|keyword| labels.keyword(keyword).is_some());
                    item.keywords = known;
                    for keyword in new {
                        note(&mut self.tally.keywords_left_out, &keyword);
                    }
                }
                Err(error) => return Err(engine::of_mailbox(error)),
            }
        }
    }
}

/// The flags of those names.
pub fn flags_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Flags {
    let mut flags = Flags::EMPTY;
    for name in names {
        flags |= FLAGS
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(Flags::EMPTY, |(_, flag)| *flag);
    }
    flags
}

fn without(flags: Flags, others: Flags) -> Flags {
    let mut rest = Flags::EMPTY;
    for (_, flag) in FLAGS {
        if flags.contains(flag) && !others.contains(flag) {
            rest |= flag;
        }
    }
    rest
}

fn missing(keywords: &[String], others: &[String]) -> Vec<String> {
    keywords
        .iter()
        .filter(|keyword| !others.contains(keyword))
        .cloned()
        .collect()
}

fn short(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

/// Keeps a keyword that is left out, unless that would be too many.
fn note(left_out: &mut BTreeSet<String>, keyword: &str) {
    if left_out.len() < MAX_NOTED {
        left_out.insert(keyword.chars().take(100).collect());
    }
}

/// How many keywords that cannot be kept are named.
const MAX_NOTED: usize = 100;

/// How many items are committed at once.
const BATCH: usize = 64;

/// After how many bytes of items a commit takes no more.
const BATCH_BYTES: u64 = 8 << 20;
