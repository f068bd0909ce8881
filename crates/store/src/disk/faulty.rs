//! A disk in memory that fails as real ones do, from a seed, so that every failure can be had again.
//!
//! - [`FaultyDisk::power_cut`]: bytes that were not synced are kept, dropped or torn at 512-byte edges, in any order;
//!   of the names that were not synced only some first part of the changes survives.
//! - [`FaultyDisk::kill`]: the process is gone, the page cache stays.
//! - [`FaultyDisk::inject`]: ENOSPC or EIO at the n-th changing operation, or the machine stops there.
//! - After an EIO on a sync the unsynced bytes can still be read but never reach the disk, as on Linux: a second
//!   sync that succeeds means nothing.
//! - [`FaultyDisk::flip`]: one bit of a file is turned over.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use super::{Disk, DiskEntry, DiskFile, directory_of};

/// The unit in which a disk writes: a torn write is torn at its edges.
pub const SECTOR: usize = 512;

/// What goes wrong at a chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full: writes, extensions and new files fail from there on until [`FaultyDisk::clear`].
    NoSpace,
    /// The operation alone fails with EIO. On a sync the unsynced bytes are lost to the disk.
    Io,
    /// The machine stops: that operation and all later ones fail.
    Crash,
}

/// A view of the disk; it ends with the "process" that uses it: a cut or a kill gives the next process a new view.
#[derive(Clone)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
    life: u64,
}

impl FaultyDisk {
    /// An empty disk whose failures follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                random: seed ^ 0x9e37_79b9_7f4a_7c15,
                free: u64::MAX / 2,
                ..State::default()
            })),
            life: 0,
        }
    }

    /// The power fails: what was not synced is partly lost. Returns the disk as the next start finds it.
    pub fn power_cut(&self) -> Self {
        let mut state = self.state.lock();
        state.cut();
        state.next_life();
        Self {
            state: Arc::clone(&self.state),
            life: state.life,
        }
    }

    /// The process is killed, the machine runs on: nothing that was written is lost.
    pub fn kill(&self) -> Self {
        let mut state = self.state.lock();
        state.next_life();
        Self {
            state: Arc::clone(&self.state),
            life: state.life,
        }
    }

    /// Lets `fault` happen at the `after`-th changing operation from now (0 = the next one).
    pub fn inject(&self, after: u64, fault: Fault) {
        let mut state = self.state.lock();
        state.fault = Some((state.operations + after, fault));
    }

    /// Takes back what was injected and has not happened yet, and frees a full disk.
    pub fn clear(&self) {
        let mut state = self.state.lock();
        state.fault = None;
        state.full = false;
    }

    /// How many changing operations there have been.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// How many syncs of files there have been.
    pub fn syncs(&self) -> u64 {
        self.state.lock().syncs
    }

    /// Whether an injected crash has happened.
    pub fn crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// Sets how many bytes [`Disk::free_space`] reports.
    pub fn set_free_space(&self, bytes: u64) {
        self.state.lock().free = bytes;
    }

    /// Turns one bit over, in the page cache and on the platter. `false` if the file has no such bit.
    pub fn flip(&self, path: &str, bit: u64) -> bool {
        let state = self.state.lock();
        let Some(inode) = state.names.get(path) else {
            return false;
        };
        let mut inode = inode.lock();
        let (byte, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        let Some(live) = inode.live.get_mut(byte) else {
            return false;
        };
        *live ^= mask;
        if let Some(durable) = inode.durable.get_mut(byte) {
            *durable ^= mask;
        }
        true
    }

    /// Every file with its length, in order of path.
    pub fn files(&self) -> Vec<(String, u64)> {
        let state = self.state.lock();
        state
            .names
            .iter()
            .map(|(path, inode)| (path.clone(), inode.lock().live.len() as u64))
            .collect()
    }

    fn view(&self) -> io::Result<parking_lot::MutexGuard<'_, State>> {
        let state = self.state.lock();
        state.alive(self.life)?;
        Ok(state)
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.view()?;
        let inode = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(FaultyFile {
            disk: self.clone(),
            inode: Arc::clone(inode),
        }))
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.view()?;
        state.change(Kind::Grow)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = Arc::new(Mutex::new(Inode::default()));
        state.inodes.push(Arc::downgrade(&inode));
        state.names.insert(path.to_owned(), Arc::clone(&inode));
        state
            .journal
            .push(NameChange::Create(path.to_owned(), Arc::clone(&inode)));
        Ok(Arc::new(FaultyFile {
            disk: self.clone(),
            inode,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.view()?;
        state.change(Kind::Other)?;
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        state
            .journal
            .push(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.view()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(Kind::Other)?;
        state.names.remove(path);
        state.journal.push(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<DiskEntry>> {
        let state = self.view()?;
        let files = state
            .names
            .iter()
            .filter(|(path, _)| directory_of(path) == dir);
        Ok(files
            .map(|(path, inode)| DiskEntry {
                name: path.rsplit('/').next().unwrap_or(path).to_owned(),
                len: inode.lock().live.len() as u64,
            })
            .collect())
    }

    fn create_dir(&self, _dir: &str) -> io::Result<()> {
        self.view().map(drop)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.view()?;
        state.change(Kind::Other)?;
        // File systems with a journal write it in order: syncing one directory brings the older changes along.
        let last = state.journal.iter().rposition(|change| change.is_in(dir));
        if let Some(last) = last {
            let changes: Vec<NameChange> = state.journal.drain(..=last).collect();
            for change in changes {
                change.apply(&mut state.durable_names);
            }
        }
        Ok(())
    }

    fn free_space(&self) -> io::Result<u64> {
        let state = self.view()?;
        Ok(if state.full { 0 } else { state.free })
    }

    fn real_path(&self) -> Option<PathBuf> {
        None
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    inode: Arc<Mutex<Inode>>,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let _state = self.disk.view()?;
        let inode = self.inode.lock();
        let start = (offset as usize).min(inode.live.len());
        let count = buffer.len().min(inode.live.len() - start);
        buffer[..count].copy_from_slice(&inode.live[start..start + count]);
        Ok(count)
    }

    fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> bool {
        // As if every second page of 64 bytes were in memory, so that tests go both ways.
        (offset / 64).is_multiple_of(2)
            && self
                .read_at(buffer, offset)
                .is_ok_and(|count| count == buffer.len())
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.view()?;
        let before = state.crashed;
        let result = state.change(Kind::Grow);
        let part = match &result {
            Ok(()) => data.len(),
            // A failing write leaves any part of itself behind; a crash during it as well.
            Err(_) if !before => (state.next() as usize) % (data.len() + 1),
            Err(_) => 0,
        };
        if part > 0 {
            self.inode.lock().write(&data[..part], offset);
        }
        result
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.view()?;
        state.syncs += 1;
        match state.change(Kind::Other) {
            Ok(()) => {
                self.inode.lock().sync();
                Ok(())
            }
            Err(error) => {
                if !state.crashed {
                    // The kernel marks the pages clean and forgets them.
                    self.inode.lock().pending.clear();
                }
                Err(error)
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.view()?;
        let mut inode = self.inode.lock();
        let grows = len as usize > inode.live.len();
        state.change(if grows { Kind::Grow } else { Kind::Other })?;
        inode.live.resize(len as usize, 0);
        inode.pending.push(Pending::SetLen(len as usize));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let _state = self.disk.view()?;
        Ok(self.inode.lock().live.len() as u64)
    }
}

#[derive(Default)]
struct State {
    random: u64,
    life: u64,
    operations: u64,
    syncs: u64,
    free: u64,
    full: bool,
    crashed: bool,
    fault: Option<(u64, Fault)>,
    /// Names as the running process sees them.
    names: BTreeMap<String, Arc<Mutex<Inode>>>,
    /// Names as they would be found after a power cut, before `journal`.
    durable_names: BTreeMap<String, Arc<Mutex<Inode>>>,
    /// Changes of names since, in order.
    journal: Vec<NameChange>,
    inodes: Vec<Weak<Mutex<Inode>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Needs new space.
    Grow,
    Other,
}

impl State {
    fn alive(&self, life: u64) -> io::Result<()> {
        if self.crashed || self.life != life {
            Err(io::Error::other("the power is off"))
        } else {
            Ok(())
        }
    }

    /// Counts a changing operation and lets the injected fault happen if it is its turn.
    fn change(&mut self, kind: Kind) -> io::Result<()> {
        let turn = self.operations;
        self.operations += 1;
        if let Some((at, fault)) = self.fault
            && turn >= at
        {
            match fault {
                Fault::NoSpace => {
                    self.full = true;
                    self.fault = None;
                }
                Fault::Io => {
                    self.fault = None;
                    return Err(io::Error::from_raw_os_error(5));
                }
                Fault::Crash => {
                    self.fault = None;
                    self.crashed = true;
                    return Err(io::Error::other("the power is off"));
                }
            }
        }
        if self.full && kind == Kind::Grow {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn next_life(&mut self) {
        self.life += 1;
        self.crashed = false;
        self.fault = None;
        self.full = false;
    }

    fn cut(&mut self) {
        let kept = self.next() as usize % (self.journal.len() + 1);
        let journal = std::mem::take(&mut self.journal);
        for change in journal.into_iter().take(kept) {
            change.apply(&mut self.durable_names);
        }
        self.names = self.durable_names.clone();
        let inodes: Vec<_> = self.inodes.iter().filter_map(Weak::upgrade).collect();
        for inode in inodes {
            let mut inode = inode.lock();
            let pending = std::mem::take(&mut inode.pending);
            // 0: all lost, 1: all there, otherwise sector by sector.
            let luck = self.next() % 4;
            for change in pending {
                match (change, luck) {
                    (_, 0) => {}
                    (Pending::SetLen(len), _) => inode.durable.resize(len, 0),
                    (Pending::Write(offset, data), 1) => inode.put_durable(offset, &data),
                    (Pending::Write(offset, data), _) => {
                        for (start, sector) in sectors(offset, &data) {
                            if self.next().is_multiple_of(2) {
                                inode.put_durable(start, sector);
                            }
                        }
                    }
                }
            }
            let inode = &mut *inode;
            inode.live.clone_from(&inode.durable);
        }
        self.inodes.retain(|inode| inode.strong_count() > 0);
    }

    /// SplitMix64: small, seeded, good enough to choose what is lost.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[derive(Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

enum Pending {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Inode {
    fn write(&mut self, data: &[u8], offset: u64) {
        put(&mut self.live, offset as usize, data);
        self.pending
            .push(Pending::Write(offset as usize, data.to_vec()));
    }

    fn put_durable(&mut self, offset: usize, data: &[u8]) {
        put(&mut self.durable, offset, data);
    }

    fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            match change {
                Pending::Write(offset, data) => put(&mut self.durable, offset, &data),
                Pending::SetLen(len) => self.durable.resize(len, 0),
            }
        }
    }
}

enum NameChange {
    Create(String, Arc<Mutex<Inode>>),
    Rename(String, String),
    Remove(String),
}

impl NameChange {
    fn is_in(&self, dir: &str) -> bool {
        match self {
            Self::Create(path, _) | Self::Remove(path) => directory_of(path) == dir,
            Self::Rename(from, to) => directory_of(from) == dir || directory_of(to) == dir,
        }
    }

    fn apply(self, names: &mut BTreeMap<String, Arc<Mutex<Inode>>>) {
        match self {
            Self::Create(path, inode) => {
                names.insert(path, inode);
            }
            Self::Rename(from, to) => {
                if let Some(inode) = names.remove(&from) {
                    names.insert(to, inode);
                }
            }
            Self::Remove(path) => {
                names.remove(&path);
            }
        }
    }
}

fn put(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if content.len() < offset + data.len() {
        content.resize(offset + data.len(), 0);
    }
    content[offset..offset + data.len()].copy_from_slice(data);
}

/// Cuts a write at the sector edges of the file.
fn sectors(offset: usize, data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= data.len() {
            return None;
        }
        let end = ((offset + start) / SECTOR + 1) * SECTOR - offset;
        let sector = &data[start..end.min(data.len())];
        let at = offset + start;
        start += sector.len();
        Some((at, sector))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(disk: &FaultyDisk, path: &str) -> Option<Vec<u8>> {
        super::super::read_file(disk, path, 1 << 20).unwrap()
    }

    #[test]
    fn synced_bytes_under_a_synced_name_survive_every_cut() {
        for seed in 0..200 {
            let disk = FaultyDisk::new(seed);
            let file = disk.create("d/a").unwrap();
            file.write_at(&[1; 2000], 0).unwrap();
            file.sync_data().unwrap();
            disk.sync_dir("d").unwrap();
            file.write_at(&[2; 2000], 2000).unwrap();
            let disk = disk.power_cut();
            let found = content(&disk, "d/a").unwrap();
            assert_eq!(found[..2000], [1; 2000]);
            assert!(file.write_at(&[3], 0).is_err(), "the old process is gone");
        }
    }

    #[test]
    fn unsynced_names_and_bytes_are_sometimes_lost_and_torn() {
        let (mut nameless, mut empty, mut torn) = (0, 0, 0);
        for seed in 0..200 {
            let disk = FaultyDisk::new(seed);
            let file = disk.create("d/a").unwrap();
            file.write_at(&[1; 4096], 0).unwrap();
            let disk = disk.power_cut();
            match content(&disk, "d/a") {
                None => nameless += 1,
                Some(data) if data.is_empty() => empty += 1,
                Some(data) if data != [1; 4096] => torn += 1,
                Some(_) => {}
            }
        }
        assert!(
            nameless > 20 && empty > 5 && torn > 5,
            "{nameless} {empty} {torn}"
        );
    }

    #[test]
    fn a_failed_sync_is_never_made_good_by_a_second_one() {
        let disk = FaultyDisk::new(1);
        let file = disk.create("a").unwrap();
        disk.sync_dir("").unwrap();
        file.write_at(b"lost", 0).unwrap();
        disk.inject(0, Fault::Io);
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        assert_eq!(content(&disk, "a").unwrap(), b"lost");
        assert_eq!(content(&disk.power_cut(), "a").unwrap(), b"");
    }

    #[test]
    fn a_full_disk_refuses_growth_until_it_is_cleared() {
        let disk = FaultyDisk::new(1);
        let file = disk.create("a").unwrap();
        disk.inject(0, Fault::NoSpace);
        let error = file.write_at(&[0; 100], 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.free_space().unwrap(), 0);
        assert!(disk.create("b").is_err());
        file.set_len(0).unwrap();
        disk.clear();
        file.write_at(&[0; 100], 0).unwrap();
    }

    #[test]
    fn a_replaced_file_has_the_old_content_or_the_new_after_a_crash_at_any_step() {
        for seed in 0..20 {
            for step in 0..8 {
                let disk = FaultyDisk::new(seed);
                super::super::replace_file(&disk, "f", b"old").unwrap();
                disk.inject(step, Fault::Crash);
                let done = super::super::replace_file(&disk, "f", b"new content").is_ok();
                let found = content(&disk.power_cut(), "f").unwrap();
                assert!(found == b"new content" || (!done && found == b"old"));
            }
        }
    }
}
