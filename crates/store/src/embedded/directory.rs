//! The data directory itself: who has it open, and which version of fieldpost wrote it.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::{
    StoreError,
    disk::{self, Disk},
};

use super::{
    inner::io_error,
    standing::{self, Standing, standing},
};

/// The on-disk format that this version reads and writes.
pub const FORMAT: u32 = 1;
pub(crate) const FORMAT_FILE: &str = "FORMAT";

/// Keeps other processes out for as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn acquire(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("LOCK");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error(path.display().to_string()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who it is is only told to help.
                drop(file.read_to_string(&mut pid));
                return Err(StoreError::Locked {
                    path: dir.display().to_string(),
                    pid: pid.trim().parse().unwrap_or(0),
                });
            }
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(io_error(path.display().to_string())(error));
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = written {
            tracing::warn!(%error, "the process id could not be written to LOCK");
        }
        Ok(Self { _file: file })
    }
}

/// Checks the format of a store, or writes it down for a new one. What a restore or an import did not finish is no store.
pub(crate) fn check_format(disk: &dyn Disk, create: bool) -> Result<(), StoreError> {
    let unfinished = |by: &str| StoreError::Unfinished {
        path: path_of(disk),
        by: by.to_owned(),
    };
    if let Some(by) = standing::unfinished(disk)? {
        return Err(unfinished(&by));
    }
    let path = || path_of(disk);
    let text = disk::read_file(disk, FORMAT_FILE, 4096).map_err(io_error(FORMAT_FILE))?;
    let Some(text) = text else {
        return match standing(disk)? {
            Standing::Unfinished(by) => Err(unfinished(&by)),
            Standing::Store | Standing::Backup => Err(StoreError::FormatDamaged { path: path() }),
            Standing::Foreign(_) if standing::has_data(disk)? => {
                Err(StoreError::FormatDamaged { path: path() })
            }
            Standing::Empty | Standing::Foreign(_) if create => write_format(disk),
            Standing::Empty | Standing::Foreign(_) => Err(StoreError::Damaged {
                what: format!("{} is no data directory: it has no file FORMAT", path()),
            }),
        };
    };
    let found = String::from_utf8_lossy(&text)
        .trim()
        .strip_prefix("fieldpost store ")
        .and_then(|version| version.parse().ok());
    match found {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(StoreError::Format {
            path: path(),
            found,
            supported: FORMAT,
        }),
        _ => Err(StoreError::FormatDamaged { path: path() }),
    }
}

/// Writes the format down: from now on the directory is a store's.
pub(crate) fn write_format(disk: &dyn Disk) -> Result<(), StoreError> {
    let text = format!("fieldpost store {FORMAT}\n");
    disk::replace_file(disk, FORMAT_FILE, text.as_bytes()).map_err(io_error(FORMAT_FILE))
}

/// Where a disk lies, for people.
pub(crate) fn path_of(disk: &dyn Disk) -> String {
    disk.real_path()
        .map_or_else(|| "the disk".to_owned(), |path| path.display().to_string())
}
