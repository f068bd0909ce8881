//! The disk of the machine.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Disk, DiskEntry, DiskFile};

/// A directory of the file system. New files and directories are for their owner alone.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// The tree under `root`, which is created if it is not there.
    pub fn new(root: &Path) -> io::Result<Self> {
        let disk = Self {
            root: root.to_owned(),
        };
        create_durably(root)?;
        Ok(disk)
    }

    /// The tree under `root`, which must be there.
    pub fn existing(root: &Path) -> io::Result<Self> {
        if fs::metadata(root)?.is_dir() {
            Ok(Self {
                root: root.to_owned(),
            })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.root.join(path);
        // A backup may lie on a medium that can't be written.
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                File::open(&path)?
            }
            other => other?,
        };
        Ok(Arc::new(RealFile(file)))
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.root.join(path))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DiskEntry>> {
        let entries = match fs::read_dir(self.root.join(dir)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                // Removed between the listing and the look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if let (true, Some(name)) = (meta.is_file(), entry.file_name().to_str()) {
                found.push(DiskEntry {
                    name: name.to_owned(),
                    len: meta.len(),
                });
            }
        }
        found.sort();
        Ok(found)
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        create_durably(&self.root.join(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.root.join(dir))?.sync_all()
    }

    fn free_space(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn real_path(&self) -> Option<PathBuf> {
        Some(self.root.clone())
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.0.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> bool {
        let wanted = buffer.len();
        let read = rustix::io::preadv2(
            &self.0,
            &mut [io::IoSliceMut::new(buffer)],
            offset,
            rustix::io::ReadWriteFlags::NOWAIT,
        );
        // Part of it in memory counts as nothing, and so does every error: whoever reads the plain way next learns it.
        read.is_ok_and(|count| count == wanted)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// Creates a directory and those above it, and makes each new name durable in the directory that holds it.
fn create_durably(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if dir.is_dir() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_durably(parent)?;
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_just_been_written_is_read_from_memory_and_nothing_behind_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(dir.path()).unwrap();
        let file = disk.create("file").unwrap();
        let data: Vec<u8> = (0..20_000u32).map(|number| number as u8).collect();
        file.write_at(&data, 0).unwrap();
        let mut buffer = vec![0; 9000];
        // Some file systems can't tell; then it is read the plain way.
        if file.read_cached_at(&mut buffer, 11_000) {
            assert_eq!(buffer, data[11_000..]);
        }
        assert!(!file.read_cached_at(&mut buffer, 11_001), "cut off");
        assert!(!file.read_cached_at(&mut buffer, 30_000));
    }
}
