//! Backup of a store that serves, and restore into a new data directory.
//!
//! A backup is a data directory without its index: log segments, body segments, a snapshot, FORMAT, and the file
//! `BACKUP`, which names every file with its length and BLAKE3 digest and is replaced last. A later run copies only
//! what the target lacks: segments never change, they only grow at the end, and the list says how much of each counts.
//! So a run that is cut off leaves the backup before it whole. What is there already is read and compared with the list, and
//! copied again if it is not what was written.
//!
//! A copy is as good as what it was made from: after it the store is checked, and what is damaged is in the report.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use crate::{
    StoreError,
    disk::{self, Disk, DiskEntry, DiskFile},
};

use super::{
    EmbeddedStore, IndexKind, Settings,
    codec::{Cursor, Malformed, put_sized},
    directory::{Lock, check_format, write_format},
    fsck::FsckOptions,
    inner::{Inner, io_error},
    rebuild::Progress,
    snapshot,
    standing::{self, Standing, standing},
};

/// The list of a backup's files.
pub(crate) const MANIFEST: &str = "BACKUP";
/// Present in a data directory that was restored, until whoever opened it has dealt with that.
pub(crate) const RESTORED: &str = "RESTORED";
const MAGIC: [u8; 8] = *b"FPBACK\0\x01";
pub(crate) const DIRECTORIES: [&str; 3] = ["log", "bodies", "snapshot"];
const PIECE: usize = 1024 * 1024;

/// What a backup or a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// Files in the backup.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Bytes that had to be copied this time.
    pub copied: u64,
    /// The last commit in it.
    pub lsn: u64,
    /// What is damaged: in the store, when a backup was made (it was copied as it is), or in the backup that was verified.
    pub damage: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Manifest {
    lsn: u64,
    /// Length and digest by path.
    files: BTreeMap<String, (u64, [u8; 32])>,
}

impl Inner {
    /// Copies the store as it is now to `target`.
    pub(crate) fn backup(
        &self,
        target: &dyn Disk,
        progress: Progress<'_>,
    ) -> Result<BackupReport, StoreError> {
        let mut report = self.copy_to(target, progress)?;
        let _one = self.keeper.maintenance.lock();
        let checked = self.fsck(FsckOptions::default(), &mut |_, _| {})?;
        report.damage = checked.problems.iter().map(ToString::to_string).collect();
        Ok(report)
    }

    fn copy_to(
        &self,
        target: &dyn Disk,
        progress: Progress<'_>,
    ) -> Result<BackupReport, StoreError> {
        let _lock = self.begin_backup(target)?;
        {
            let _one = self.keeper.maintenance.lock();
            self.settle()?;
            self.checkpoint(false)?;
            if self.keeper.wants_snapshot_for_backup() || snapshot::list(&*self.disk)?.is_empty() {
                self.take_snapshot(&mut |_, _| {})?;
            }
        }
        // From here to the end no file goes away.
        let _pinned = self.pinned.read();
        self.settle()?;
        let durable = *self.durable.lock();
        let mut wanted: Vec<(String, u64)> = Vec::new();
        for dir in DIRECTORIES {
            for entry in self.disk.list(dir).map_err(io_error(dir))? {
                let path = format!("{dir}/{}", entry.name);
                let number = entry.name.split('.').next();
                let number = number.and_then(|n| u64::from_str_radix(n, 16).ok());
                let Some(number) = number else {
                    continue;
                };
                let len = match dir {
                    "log" if number == durable.segment => durable.offset,
                    // Begun after the moment that this backup is of.
                    "log" if number > durable.segment => continue,
                    _ => entry.len,
                };
                wanted.push((path, len));
            }
        }
        wanted.push(("FORMAT".to_owned(), file_len(&*self.disk, "FORMAT")?));
        // A body that is being written is in no commit yet.
        let before = read_manifest(target)?.unwrap_or_default();
        for dir in DIRECTORIES {
            target.create_dir(dir).map_err(io_error(dir))?;
        }
        let total = wanted.iter().map(|(_, len)| len).sum();
        let mut report = BackupReport {
            lsn: durable.lsn.0,
            ..BackupReport::default()
        };
        let mut manifest = Manifest {
            lsn: durable.lsn.0,
            ..Manifest::default()
        };
        let mut done = 0;
        for (path, len) in wanted {
            let listed = before.files.get(&path).filter(|(old, _)| *old == len);
            let digest = match listed {
                Some((_, digest)) if is_as_listed(target, &path, len, digest) => *digest,
                _ => {
                    report.copied += len;
                    match copy(&*self.disk, target, &path, len) {
                        Ok(digest) => digest,
                        // A staged body that was given up.
                        Err(StoreError::Damaged { .. }) if path.starts_with("bodies/") => continue,
                        Err(error) => return Err(error),
                    }
                }
            };
            manifest.files.insert(path, (len, digest));
            report.files += 1;
            report.bytes += len;
            done += len;
            progress(done, total);
        }
        for dir in DIRECTORIES {
            target.sync_dir(dir).map_err(io_error(dir))?;
        }
        disk::replace_file(target, MANIFEST, &manifest.encode()).map_err(io_error(MANIFEST))?;
        // What is not in the list any more is of no use to anybody.
        for path in before.files.keys() {
            if !manifest.files.contains_key(path) {
                disk::remove_if_there(target, path).map_err(io_error(path))?;
            }
        }
        standing::finished(target)?;
        Ok(report)
    }

    /// Refuses a target that is no place for a backup, and marks a new one until it holds a whole one.
    fn begin_backup(&self, target: &dyn Disk) -> Result<Option<Lock>, StoreError> {
        let real = |disk: &dyn Disk| disk.real_path().and_then(|path| path.canonicalize().ok());
        if let (Some(own), Some(other)) = (real(&*self.disk), real(target))
            && other.starts_with(own)
        {
            return Err(StoreError::Occupied {
                path: other.display().to_string(),
                what: "the store itself".to_owned(),
            });
        }
        match standing(target)? {
            Standing::Backup => standing::lock(target),
            Standing::Empty => {
                let lock = standing::lock(target)?;
                standing::begin(target, standing::BY_BACKUP)?;
                Ok(lock)
            }
            Standing::Unfinished(by) if by == standing::BY_BACKUP => standing::lock(target),
            other => Err(standing::occupied(target, other)),
        }
    }
}

/// A backup as its list has it: nothing that a run left behind which was cut off, and nothing can be written.
pub(crate) struct Listed {
    disk: Arc<dyn Disk>,
    files: BTreeMap<String, u64>,
}

impl Listed {
    /// `None` if there is no list: then it is a data directory.
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Result<Option<Self>, StoreError> {
        let files = match read_manifest(&*disk)? {
            Some(manifest) => manifest.files,
            None => return Ok(None),
        };
        let files = files.into_iter().map(|(path, (len, _))| (path, len));
        Ok(Some(Self {
            files: files.collect(),
            disk,
        }))
    }
}

impl Disk for Listed {
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        if DIRECTORIES.contains(&disk::directory_of(path)) && !self.files.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.disk.open(path)
    }

    fn create(&self, _path: &str) -> io::Result<Arc<dyn DiskFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove(&self, _path: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DiskEntry>> {
        let entries = self.disk.list(dir)?.into_iter();
        if !DIRECTORIES.contains(&dir) {
            return Ok(entries.collect());
        }
        let listed = entries.filter_map(|entry| {
            let len = self.files.get(&format!("{dir}/{}", entry.name))?;
            Some(DiskEntry {
                len: entry.len.min(*len),
                name: entry.name,
            })
        });
        Ok(listed.collect())
    }

    fn create_dir(&self, _dir: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn free_space(&self) -> io::Result<u64> {
        self.disk.free_space()
    }

    fn real_path(&self) -> Option<PathBuf> {
        None
    }
}

/// Reads every file of a backup and compares it with the list, then checks what is in them as [`EmbeddedStore::fsck`] does: a
/// backup of a damaged store is the same damage byte by byte. The index for that is built in memory.
pub fn verify_backup(
    backup: &Arc<dyn Disk>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<BackupReport, StoreError> {
    check_format(&**backup, false)?;
    let manifest = read_manifest(&**backup)?.ok_or_else(no_backup)?;
    let mut report = BackupReport {
        lsn: manifest.lsn,
        ..BackupReport::default()
    };
    let total = manifest.files.values().map(|(len, _)| len).sum();
    for (path, (len, digest)) in &manifest.files {
        if !is_as_listed(&**backup, path, *len, digest) {
            report
                .damage
                .push(format!("{path} is not what was written to the backup"));
        }
        report.files += 1;
        report.bytes += len;
        progress(report.bytes, total);
    }
    let listed = Listed::new(Arc::clone(backup))?.ok_or_else(no_backup)?;
    let settings = Settings {
        index: IndexKind::Memory,
        read_only: true,
        background: false,
        ..Settings::default()
    };
    let store = EmbeddedStore::open_on(Arc::new(listed), settings)?;
    let checked = store.fsck(FsckOptions::default(), &mut |_, _| {})?;
    let problems = checked.problems.iter().map(ToString::to_string);
    report.damage.extend(problems);
    Ok(report)
}

/// Copies a backup into a new data directory, checking every file on the way. One that was cut off, or that a damaged file
/// stopped, leaves a directory that can't be opened and can be restored into again. The index is built when the store is opened
/// for the first time. [`super::EmbeddedStore::restored`] then says that this happened, until it is told that whoever
/// keeps counters has moved them on.
pub fn restore(
    backup: &dyn Disk,
    target: &dyn Disk,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<BackupReport, StoreError> {
    check_format(backup, false)?;
    let manifest = read_manifest(backup)?.ok_or_else(no_backup)?;
    let _lock = standing::lock(target)?;
    match standing(target)? {
        Standing::Empty => standing::begin(target, standing::BY_RESTORE)?,
        // What the one before left goes first.
        Standing::Unfinished(by) if by != standing::BY_BACKUP => {
            standing::clear(target, standing::BY_RESTORE)?;
        }
        other => return Err(standing::occupied(target, other)),
    }
    for dir in DIRECTORIES {
        target.create_dir(dir).map_err(io_error(dir))?;
    }
    let mut report = BackupReport {
        lsn: manifest.lsn,
        ..BackupReport::default()
    };
    let total = manifest.files.values().map(|(len, _)| len).sum();
    for (path, (len, digest)) in &manifest.files {
        // FORMAT makes it a data directory: last.
        if path == "FORMAT" {
            continue;
        }
        disk::remove_if_there(target, path).map_err(io_error(path))?;
        if copy(backup, target, path, *len)? != *digest {
            return Err(StoreError::Damaged {
                what: format!("{path} in the backup is not what was written"),
            });
        }
        report.files += 1;
        report.bytes += len;
        report.copied += len;
        progress(report.bytes, total);
    }
    for dir in DIRECTORIES {
        target.sync_dir(dir).map_err(io_error(dir))?;
    }
    disk::replace_file(target, RESTORED, manifest.lsn.to_string().as_bytes())
        .map_err(io_error(RESTORED))?;
    write_format(target)?;
    standing::finished(target)?;
    Ok(report)
}

impl Manifest {
    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.lsn.to_le_bytes());
        out.extend_from_slice(&(self.files.len() as u32).to_le_bytes());
        for (path, (len, digest)) in &self.files {
            put_sized(&mut out, path.as_bytes());
            out.extend_from_slice(&len.to_le_bytes());
            out.extend_from_slice(digest);
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let (covered, crc) = data.split_last_chunk().ok_or(Malformed)?;
        if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
            return Err(Malformed);
        }
        let mut cursor = Cursor::new(covered);
        if cursor.array()? != MAGIC {
            return Err(Malformed);
        }
        let mut manifest = Self {
            lsn: cursor.u64()?,
            ..Self::default()
        };
        for _ in 0..cursor.u32()? {
            let path = std::str::from_utf8(cursor.sized(256)?).map_err(|_| Malformed)?;
            // Nothing outside the store's own directories is ever read or written by a list.
            let known = DIRECTORIES.iter().any(|dir| {
                path.strip_prefix(dir)
                    .is_some_and(|rest| rest.starts_with('/'))
            });
            if path.contains("..") || (!known && path != "FORMAT") {
                return Err(Malformed);
            }
            let path = path.to_owned();
            manifest
                .files
                .insert(path, (cursor.u64()?, cursor.array()?));
        }
        Ok(manifest)
    }
}

fn read_manifest(disk: &dyn Disk) -> Result<Option<Manifest>, StoreError> {
    let data = disk::read_file(disk, MANIFEST, 1 << 30).map_err(io_error(MANIFEST))?;
    data.map(|data| Manifest::decode(&data))
        .transpose()
        .map_err(|_| StoreError::Damaged {
            what: "the backup's list of files".to_owned(),
        })
}

fn no_backup() -> StoreError {
    StoreError::Damaged {
        what: "this is no backup: it has no file BACKUP".to_owned(),
    }
}

/// Whether a file of a backup is what the list says, byte by byte.
fn is_as_listed(backup: &dyn Disk, path: &str, len: u64, digest: &[u8; 32]) -> bool {
    backup
        .open(path)
        .map_err(io_error(path))
        .and_then(|file| digest_of(&*file, path, len))
        .is_ok_and(|found| found == *digest)
}

fn file_len(disk: &dyn Disk, path: &str) -> Result<u64, StoreError> {
    disk.open(path)
        .and_then(|file| file.len())
        .map_err(io_error(path))
}

/// Copies the first `len` bytes of a file over what the target may have of it, syncs, reads them back and compares.
fn copy(from: &dyn Disk, to: &dyn Disk, path: &str, len: u64) -> Result<[u8; 32], StoreError> {
    let source = match from.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::Damaged {
                what: format!("{path} is gone"),
            });
        }
        Err(error) => return Err(io_error(path)(error)),
    };
    let target: Arc<dyn DiskFile> = match to.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            to.create(path).map_err(io_error(path))?
        }
        Err(error) => return Err(io_error(path)(error)),
    };
    let mut hasher = blake3::Hasher::new();
    each_piece(&*source, path, len, &mut |offset, piece| {
        hasher.update(piece);
        target.write_at(piece, offset).map_err(io_error(path))
    })?;
    target.sync_data().map_err(io_error(path))?;
    let digest = *hasher.finalize().as_bytes();
    if digest_of(&*target, path, len)? == digest {
        Ok(digest)
    } else {
        Err(StoreError::Io {
            what: format!("copying {path}"),
            error: "what was written is not what is read back".to_owned(),
        })
    }
}

fn digest_of(file: &dyn DiskFile, path: &str, len: u64) -> Result<[u8; 32], StoreError> {
    let mut hasher = blake3::Hasher::new();
    each_piece(file, path, len, &mut |_, piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok(*hasher.finalize().as_bytes())
}

/// What is done with each piece, by its offset.
type Visit<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), StoreError>;

fn each_piece(
    file: &dyn DiskFile,
    path: &str,
    len: u64,
    visit: Visit<'_>,
) -> Result<(), StoreError> {
    let mut buffer = vec![0; PIECE.min(len as usize)];
    let mut offset = 0;
    while offset < len {
        let count = buffer.len().min((len - offset) as usize);
        file.read_exact_at(&mut buffer[..count], offset)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => StoreError::Damaged {
                    what: format!("{path} is cut off"),
                },
                _ => io_error(path)(error),
            })?;
        visit(offset, &buffer[..count])?;
        offset += count as u64;
    }
    Ok(())
}
