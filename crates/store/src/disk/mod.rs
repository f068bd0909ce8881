//! The few file operations that the embedded backend stands on, so that a test can put a failing disk under it.
//!
//! Paths are relative to the disk's root, with `/` between names. Nothing is durable until it is synced: a file's bytes
//! by [`DiskFile::sync_data`], its name (creation, renaming, removal) by [`Disk::sync_dir`] of its directory.

pub mod faulty;
mod real;

use std::{io, path::PathBuf, sync::Arc};

pub use faulty::FaultyDisk;
pub use real::RealDisk;

/// A directory tree in which a store lives.
pub trait Disk: Send + Sync + 'static {
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file; one that is there already is an error (`AlreadyExists`).
    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file, replacing what has the new name. Atomic, durable after `sync_dir`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// The files of a directory with their lengths, in order of name; an absent directory has none.
    fn list(&self, dir: &str) -> io::Result<Vec<DiskEntry>>;

    /// Creates a directory and those above it, durably. That it is there already is no error.
    fn create_dir(&self, dir: &str) -> io::Result<()>;

    /// Makes the names in a directory durable; the root is "".
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Bytes that can still be written.
    fn free_space(&self) -> io::Result<u64>;

    /// Where the tree really lies, for engines that do their own input and output; `None` if it lies nowhere.
    fn real_path(&self) -> Option<PathBuf>;
}

/// An open file. Reads and writes name their offset, so that one handle serves many threads.
pub trait DiskFile: Send + Sync {
    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Fills the whole buffer if that can be done from memory, without waiting for the disk. `false`: it can't, or nobody can
    /// tell, and the buffer's content is of no use.
    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> bool {
        let _ = (buffer, offset);
        false
    }

    /// Writes all of `data`; after an error any part of it may have been written.
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()>;

    /// Makes all that was written durable, with the file's length. After an error nothing may be assumed of what was
    /// written since the last success, and a second try says nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts or extends (with zeros) the file.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// The file's length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads exactly `buffer.len()` bytes or fails with `UnexpectedEof`.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if self.read_at(buffer, offset)? == buffer.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// One file of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiskEntry {
    /// Its name, without the directory.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// Reads a whole file of at most `limit` bytes; `None` if there is none.
pub fn read_file(disk: &dyn Disk, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let len = file.len()?;
    if len > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{path} has {len} bytes, at most {limit} expected"),
        ));
    }
    let mut data = vec![0; len as usize];
    file.read_exact_at(&mut data, 0)?;
    Ok(Some(data))
}

/// Replaces a file's content durably and atomically: after a crash it has the old content or the new one.
pub fn replace_file(disk: &dyn Disk, path: &str, data: &[u8]) -> io::Result<()> {
    let temporary = format!("{path}.new");
    remove_if_there(disk, &temporary)?;
    let result = (|| {
        let file = disk.create(&temporary)?;
        file.write_at(data, 0)?;
        file.sync_data()?;
        disk.rename(&temporary, path)?;
        disk.sync_dir(directory_of(path))
    })();
    if result.is_err() {
        // What is left of the attempt is of no use; the error that counts is the first one.
        drop(remove_if_there(disk, &temporary));
    }
    result
}

/// Removes a file; that there is none is no error.
pub fn remove_if_there(disk: &dyn Disk, path: &str) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The directory part of a path.
pub fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}
