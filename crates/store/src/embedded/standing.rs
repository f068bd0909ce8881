//! What a directory is before anything is put into it: nothing yet, a store, a backup, something else, or what a restore,
//! an import or a backup left that was not finished.
//!
//! Whoever fills a directory writes the file `UNFINISHED` first and removes it last, both durably. Until then nobody
//! opens it: half of a store would pass for a whole smaller one.

use crate::{
    StoreError,
    disk::{self, Disk, remove_if_there},
};

use super::{
    backup::{DIRECTORIES, MANIFEST, RESTORED},
    checkpoint::{self, Checkpoint},
    directory::{self, FORMAT_FILE, Lock, check_format, path_of},
    inner::io_error,
    scan, snapshot,
};

/// Present while a directory is being filled; its text says by what.
pub(crate) const UNFINISHED: &str = "UNFINISHED";

/// What fills a directory, as the marker and messages name it.
pub(crate) const BY_RESTORE: &str = "a restore";
pub(crate) const BY_IMPORT: &str = "an import";
pub(crate) const BY_BACKUP: &str = "a backup";
const BY_EITHER: &str = "a restore or an import";

/// What a directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet.
    Empty,
    /// "a restore", "an import" or "a backup" into it was not finished, or still runs.
    Unfinished(String),
    /// A store's data directory.
    Store,
    /// A whole backup.
    Backup,
    /// It has something in it that is none of ours: the name of it.
    Foreign(String),
}

/// Looks what a directory is. Damage within a store or a backup is not looked for.
pub fn standing(disk: &dyn Disk) -> Result<Standing, StoreError> {
    if let Some(by) = unfinished(disk)? {
        return Ok(Standing::Unfinished(by));
    }
    if exists(disk, MANIFEST)? {
        return Ok(Standing::Backup);
    }
    if exists(disk, FORMAT_FILE)? || exists(disk, checkpoint::PATH)? {
        return Ok(Standing::Store);
    }
    if let Some(name) = foreign(disk)? {
        return Ok(Standing::Foreign(name));
    }
    // Whatever has been opened once has a checkpoint, and FORMAT before that.
    Ok(if has_data(disk)? {
        Standing::Unfinished(BY_EITHER.to_owned())
    } else {
        Standing::Empty
    })
}

/// Takes away what an unfinished restore or import left, so that the next one begins in an empty directory. Says whether there was
/// something; all other directories are left as they are. The marker stays until whoever fills the directory has finished.
pub fn clear_unfinished(disk: &dyn Disk) -> Result<bool, StoreError> {
    let _lock = lock(disk)?;
    match standing(disk)? {
        Standing::Unfinished(by) if by != BY_BACKUP => {
            clear(disk, &by)?;
            finished(disk)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Writes the file FORMAT anew if it is damaged or lost and what else is there can be read as this format. Says
/// whether it did.
///
/// Log segments, snapshots and the checkpoint carry the version of their own format in their first bytes, and a newer
/// one of the store comes with a newer one of the log: so a number in FORMAT that is too high is believed unless all
/// else contradicts it.
pub fn repair_format(disk: &dyn Disk) -> Result<bool, StoreError> {
    let _lock = lock(disk)?;
    let newer = match check_format(disk, false) {
        Err(StoreError::FormatDamaged { .. }) => false,
        Err(StoreError::Format { .. }) => true,
        other => return other.map(|()| false),
    };
    let (segments, damage) = scan::segments(disk)?;
    let snapshots = snapshot::list(disk)?;
    let whole = snapshots
        .iter()
        .filter(|(start, _)| snapshot::Snapshot::open(disk, *start).is_ok())
        .count();
    let readable =
        !segments.is_empty() || whole > 0 || (!newer && Checkpoint::read(disk)?.is_some());
    if !readable || (newer && (!damage.is_empty() || whole < snapshots.len())) {
        return Ok(false);
    }
    directory::write_format(disk)?;
    Ok(true)
}

/// Keeps other processes out of a directory of the machine.
pub(crate) fn lock(disk: &dyn Disk) -> Result<Option<Lock>, StoreError> {
    disk.real_path()
        .map(|path| Lock::acquire(&path))
        .transpose()
}

/// Who left the directory unfinished, if the marker is there.
pub(crate) fn unfinished(disk: &dyn Disk) -> Result<Option<String>, StoreError> {
    let text = disk::read_file(disk, UNFINISHED, 4096).map_err(io_error(UNFINISHED))?;
    Ok(text.map(|text| {
        let text = String::from_utf8_lossy(&text);
        [BY_RESTORE, BY_IMPORT, BY_BACKUP]
            .into_iter()
            .find(|by| *by == text.trim())
            .unwrap_or(BY_EITHER)
            .to_owned()
    }))
}

/// Marks the directory as being filled, durably.
pub(crate) fn begin(disk: &dyn Disk, by: &str) -> Result<(), StoreError> {
    disk::replace_file(disk, UNFINISHED, format!("{by}\n").as_bytes()).map_err(io_error(UNFINISHED))
}

/// Takes the mark away: all that belongs into the directory is there, durably.
pub(crate) fn finished(disk: &dyn Disk) -> Result<(), StoreError> {
    remove_if_there(disk, UNFINISHED)
        .and_then(|()| disk.sync_dir(""))
        .map_err(io_error(UNFINISHED))
}

/// Removes the files of a store, and nothing else.
pub(crate) fn clear(disk: &dyn Disk, by: &str) -> Result<(), StoreError> {
    begin(disk, by)?;
    for file in [
        FORMAT_FILE,
        RESTORED,
        checkpoint::PATH,
        "snapshot/unfinished",
    ] {
        remove_if_there(disk, file).map_err(io_error(file))?;
    }
    for dir in DIRECTORIES {
        let entries = disk.list(dir).map_err(io_error(dir))?;
        for entry in &entries {
            if is_ours(&entry.name) {
                let path = format!("{dir}/{}", entry.name);
                disk.remove(&path).map_err(io_error(path))?;
            }
        }
        if !entries.is_empty() {
            disk.sync_dir(dir).map_err(io_error(dir))?;
        }
    }
    if let Some(root) = disk.real_path() {
        match std::fs::remove_dir_all(root.join("index")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io_error("index")(error));
            }
            _ => {}
        }
    }
    disk.sync_dir("").map_err(io_error("the directory"))
}

/// The refusal to put anything into a directory that is not free for it.
pub(crate) fn occupied(disk: &dyn Disk, standing: Standing) -> StoreError {
    StoreError::Occupied {
        path: path_of(disk),
        what: match standing {
            Standing::Empty => "nothing".to_owned(),
            Standing::Unfinished(by) => format!("what {by} left that was not finished"),
            Standing::Store => "a store already".to_owned(),
            Standing::Backup => "a backup".to_owned(),
            Standing::Foreign(name) => format!("something else: {name}"),
        },
    }
}

pub(crate) fn exists(disk: &dyn Disk, path: &str) -> Result<bool, StoreError> {
    match disk.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error(path)(error)),
    }
}

/// Whether there are files of a store.
pub(crate) fn has_data(disk: &dyn Disk) -> Result<bool, StoreError> {
    for dir in DIRECTORIES {
        let entries = disk.list(dir).map_err(io_error(dir))?;
        if entries.iter().any(|entry| is_ours(&entry.name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first name in the directory, or in one of a store's, that no store gives.
fn foreign(disk: &dyn Disk) -> Result<Option<String>, StoreError> {
    let names: Vec<String> = match disk.real_path() {
        Some(root) => std::fs::read_dir(&root)
            .and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                    .collect()
            })
            .map_err(io_error(root.display().to_string()))?,
        None => {
            let entries = disk.list("").map_err(io_error("the directory"))?;
            entries.into_iter().map(|entry| entry.name).collect()
        }
    };
    let strange = names.into_iter().find(|name| {
        !DIRECTORIES.contains(&&**name) && !OWN.contains(&name.strip_suffix(".new").unwrap_or(name))
    });
    if strange.is_some() {
        return Ok(strange);
    }
    for dir in DIRECTORIES {
        let entries = disk.list(dir).map_err(io_error(dir))?;
        let strange = entries
            .into_iter()
            .find(|entry| !is_ours(&entry.name) && entry.name != "unfinished");
        if let Some(entry) = strange {
            return Ok(Some(format!("{dir}/{}", entry.name)));
        }
    }
    Ok(None)
}

/// Whether a name is one that a store gives to its segments and snapshots.
fn is_ours(name: &str) -> bool {
    name.split_once('.').is_some_and(|(number, kind)| {
        number.len() == 16
            && u64::from_str_radix(number, 16).is_ok()
            && ["log", "body", "snap"].contains(&kind)
    })
}

/// What else lies in a store's directory, and what a file system puts into each.
const OWN: [&str; 8] = [
    "LOCK",
    FORMAT_FILE,
    MANIFEST,
    RESTORED,
    UNFINISHED,
    checkpoint::PATH,
    "index",
    "lost+found",
];
