//! Checking everything, and repairing what can be, on a store that is open and may be in use.
//!
//! Repair loses only what is broken and lists it: a body that can't be read is given up with its holders named; a part
//! of the index is built anew; log segments and snapshots with damage in them are replaced by a fresh snapshot and
//! emptied of the bodies that are whole.

use std::{collections::HashSet, time::Duration};

use crate::{AccountId, BodyId, Hold, Lsn, StoreError};

use super::{
    accept::BodyChange,
    body::read::Opened,
    compact::{CompactOptions, Compacted},
    digest::Region,
    inner::{Inner, io_error},
    rebuild,
    record::{FileId, Place},
    scan::{self, Damage, ScanLog},
    snapshot, table,
};

/// What a check found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FsckReport {
    /// Frames of the log that were read.
    pub frames: u64,
    /// Snapshots that were read through.
    pub snapshots: u64,
    /// Accounts whose pairs were compared with their digest.
    pub accounts: u64,
    /// Bodies that were read through.
    pub bodies: u64,
    /// Bytes of their content.
    pub body_bytes: u64,
    /// Holders that were looked at.
    pub holds: u64,
    /// Bodies that nothing holds: swept in time, no damage.
    pub unheld: u64,
    /// What is damaged.
    pub problems: Vec<Problem>,
    /// Whether a repair has dealt with the problems.
    pub repaired: bool,
}

impl FsckReport {
    /// Whether all is as it should be.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One thing that is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Part of a log segment.
    #[error("{} at {}: {}", .0.file, .0.offset, .0.what)]
    Log(Damage),
    /// A snapshot.
    #[error("{0}")]
    Snapshot(String),
    /// The index does not hold what the log says; a rebuild of this part mends it.
    #[error("the index of account {0} is not what the log says")]
    Account(AccountId),
    /// The same for what is known of bodies.
    #[error("the index of body bucket {0:02x} is not what the log says")]
    Bucket(u8),
    /// A body is lost; its holders are listed.
    #[error("{reason} (held by {} items)", .holders.len())]
    Body {
        /// Which.
        body: BodyId,
        /// What is wrong with it.
        reason: String,
        /// Who held it.
        holders: Vec<Hold>,
    },
}

/// What a check does beyond looking.
#[derive(Clone, Copy, Debug)]
pub struct FsckOptions {
    /// Reads every body through; without it only where each one begins and ends is looked at.
    pub bodies: bool,
    /// Repairs what is damaged.
    pub repair: bool,
}

impl Default for FsckOptions {
    fn default() -> Self {
        Self {
            bodies: true,
            repair: false,
        }
    }
}

impl Inner {
    /// Checks everything; the caller holds `keeper.maintenance`. Progress counts steps: the log, the snapshots, the
    /// accounts and the 256 buckets of bodies.
    pub(crate) fn fsck(
        &self,
        options: FsckOptions,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<FsckReport, StoreError> {
        let mut report = FsckReport::default();
        let accounts: Vec<AccountId> = self
            .applied
            .lock()
            .digests
            .accounts
            .keys()
            .copied()
            .collect();
        let total = accounts.len() as u64 + 258;
        self.check_log(&mut report)?;
        progress(1, total);
        for (start, _) in snapshot::list(&*self.disk)? {
            report.snapshots += 1;
            let checked = snapshot::Snapshot::open(&*self.disk, start).and_then(|s| s.check());
            if let Err(error) = checked {
                report.problems.push(Problem::Snapshot(error.to_string()));
            }
        }
        progress(2, total);
        for (done, account) in accounts.iter().enumerate() {
            report.accounts += 1;
            let (expected, found) = self.digests_of(Region::Account(*account))?;
            if expected != found {
                report.problems.push(Problem::Account(*account));
                if options.repair {
                    self.mend(Region::Account(*account))?;
                }
            }
            progress(3 + done as u64, total);
        }
        for bucket in 0..=255 {
            let (expected, found) = self.digests_of(Region::Bucket(bucket))?;
            if expected != found {
                report.problems.push(Problem::Bucket(bucket));
                if options.repair {
                    self.mend(Region::Bucket(bucket))?;
                }
            }
            self.check_bodies(bucket, options, &mut report)?;
            progress(accounts.len() as u64 + 3 + u64::from(bucket), total);
        }
        if options.repair && !report.is_clean() {
            self.replace_damaged_files(&report)?;
            report.repaired = true;
        }
        Ok(report)
    }

    fn check_log(&self, report: &mut FsckReport) -> Result<(), StoreError> {
        let durable = *self.durable.lock();
        let (segments, damage) = scan::segments(&*self.disk)?;
        report.problems.extend(damage.into_iter().map(Problem::Log));
        // What was kept when the store was opened is the end of the log, nothing of it is torn.
        let end = ScanLog {
            disk: &*self.disk,
            segments: &segments,
            after: Lsn(0),
            synced: durable.lsn,
            check_bodies_after: Lsn(0),
            gaps_after: snapshot::list(&*self.disk)?
                .last()
                .map_or(Lsn(0), |(oldest, _)| *oldest),
            until: Some((durable.segment, durable.offset)),
        }
        .run(&mut |_| Ok(()))?;
        report.frames = end.frames;
        report
            .problems
            .extend(end.damage.into_iter().map(Problem::Log));
        Ok(())
    }

    /// Builds a region of a running index anew while the applier waits. If it is still not what its digest says, then
    /// what the log holds of it is all there is, and the digest is made to fit.
    fn mend(&self, region: Region) -> Result<(), StoreError> {
        let difference = {
            let _still = self.applying.write();
            let index = self.index()?;
            rebuild::region(self, &*index, region)?;
            let expected = self.applied.lock().digests.of(region);
            let found = self.with_index(|index| table::digest_of(index, region))?;
            found.wrapping_sub(expected)
        };
        if difference == 0 || self.wait_applied(self.correct_digest(region, difference)?) {
            Ok(())
        } else {
            Err(StoreError::Closed)
        }
    }

    fn check_bodies(
        &self,
        bucket: u8,
        options: FsckOptions,
        report: &mut FsckReport,
    ) -> Result<(), StoreError> {
        let mut places: Vec<(BodyId, Place)> = Vec::new();
        let mut holds: Vec<Hold> = Vec::new();
        {
            let _still = self.applying.read();
            let (start, end) = table::bucket_range(table::PLACES, bucket);
            self.with_index(|index| {
                index.scan(&start, &end, false, &mut |key, stored| {
                    let body = key.get(1..).and_then(|id| id.try_into().ok());
                    if let (Some(body), Ok(place)) = (body, Place::decode(stored)) {
                        places.push((BodyId(body), place));
                    }
                    true
                })
            })?;
            let (start, end) = table::bucket_range(table::HOLDS, bucket);
            self.with_index(|index| {
                index.scan(&start, &end, false, &mut |key, _| {
                    holds.extend(table::parse_hold(key));
                    true
                })
            })?;
        }
        report.holds += holds.len() as u64;
        let held: HashSet<BodyId> = holds.iter().map(|hold| hold.body).collect();
        let placed: HashSet<BodyId> = places.iter().map(|(body, _)| *body).collect();
        report.unheld += placed.difference(&held).count() as u64;
        let mut lost: Vec<(BodyId, Option<Place>, String)> = held
            .difference(&placed)
            .map(|body| (*body, None, format!("body {body} has no place")))
            .collect();
        for (body, place) in places {
            report.bodies += 1;
            report.body_bytes += place.size;
            let mut checked = self.check_body(body, &place, options.bodies);
            // Moved or swept meanwhile?
            if checked.is_err() {
                match self.place_of(body)? {
                    Some(now) if now != place => {
                        checked = self.check_body(body, &now, options.bodies);
                    }
                    Some(_) => {}
                    None => continue,
                }
            }
            if let Err(error) = checked {
                lost.push((body, Some(place), error.to_string()));
            }
        }
        for (body, place, reason) in lost {
            let holders: Vec<Hold> = holds
                .iter()
                .filter(|hold| hold.body == body)
                .copied()
                .collect();
            if options.repair {
                self.give_up(body, place, &holders)?;
            }
            report.problems.push(Problem::Body {
                body,
                reason,
                holders,
            });
        }
        Ok(())
    }

    fn check_body(&self, body: BodyId, place: &Place, whole: bool) -> Result<(), StoreError> {
        let opened = Opened::at(self, body, place)?;
        if whole { opened.check() } else { Ok(()) }
    }

    /// Forgets a body that can't be read, and that anybody held it.
    fn give_up(
        &self,
        body: BodyId,
        place: Option<Place>,
        holders: &[Hold],
    ) -> Result<(), StoreError> {
        for hold in holders {
            self.release(*hold)?;
        }
        if let Some(place) = place {
            let lsn = {
                let _nobody_holds = self.bodies.write();
                self.accept_body_changes(vec![BodyChange::Sweep { body, place }])?
            };
            if !self.wait_applied(lsn) {
                return Err(StoreError::Closed);
            }
        }
        Ok(())
    }

    fn replace_damaged_files(&self, report: &FsckReport) -> Result<(), StoreError> {
        self.settle()?;
        self.checkpoint(false)?;
        let damaged: HashSet<String> = report
            .problems
            .iter()
            .filter_map(|problem| match problem {
                Problem::Log(damage) => Some(damage.file.clone()),
                _ => None,
            })
            .collect();
        for (start, _) in snapshot::list(&*self.disk)? {
            if snapshot::Snapshot::open(&*self.disk, start)
                .and_then(|s| s.check())
                .is_err()
            {
                let path = snapshot::path(start);
                self.disk.remove(&path).map_err(io_error(path))?;
            }
        }
        if damaged.is_empty() {
            return Ok(());
        }
        // A snapshot of an index that has been checked makes the records in damaged segments superfluous, and the
        // older one that may need them goes too.
        let fresh = self.take_snapshot(&mut |_, _| {})?;
        for (start, _) in snapshot::list(&*self.disk)? {
            if start < fresh {
                let path = snapshot::path(start);
                self.disk.remove(&path).map_err(io_error(path))?;
            }
        }
        let (segments, headless) = scan::segments(&*self.disk)?;
        let force = segments
            .iter()
            .map(|segment| segment.header.number)
            .filter(|number| damaged.contains(&FileId::Log(*number).path()))
            .collect();
        let options = CompactOptions {
            force,
            live_share: 0.0,
            ..CompactOptions::thorough(Duration::MAX)
        };
        self.seal_active_segment()?;
        self.retire(&options, &mut |_, _| {})?;
        // The bodies in a segment without a header can be read all the same: they move first.
        let headless: HashSet<u64> = headless
            .iter()
            .filter_map(|damage| {
                let name = damage.file.strip_prefix("log/")?.strip_suffix(".log")?;
                u64::from_str_radix(name, 16).ok()
            })
            .collect();
        if !headless.is_empty() {
            let stuck = self.empty(&headless, &options, &mut Compacted::default())?;
            self.checkpoint(false)?;
            let _unpinned = self.pinned.write();
            for number in headless.difference(&stuck) {
                let id = FileId::Log(*number);
                self.files.forget(id);
                self.disk.remove(&id.path()).map_err(io_error(id.path()))?;
            }
            self.disk.sync_dir("log").map_err(io_error("log"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        Commit, Committed, StageOptions, Store,
        disk::faulty::FaultyDisk,
        embedded::{EmbeddedStore, IndexKind, Settings},
    };

    #[tokio::test]
    async fn a_digest_that_the_log_itself_does_not_bear_out_is_mended_for_good() {
        let disk = FaultyDisk::new(1);
        let settings = || Settings {
            index: IndexKind::Memory,
            background: false,
            ..Settings::default()
        };
        let open = || EmbeddedStore::open_on(Arc::new(disk.clone()), settings()).unwrap();
        let store = open();
        let account = AccountId(1);
        let body = store
            .stage_body(StageOptions::default())
            .await
            .unwrap()
            .finish()
            .await
            .unwrap();
        let mut commit = Commit::new(account);
        commit.put("key", "value").hold(body.id, 1);
        commit.bodies.push(body.clone());
        let Committed::Accepted(receipt) = store.commit(commit).await.unwrap() else {
            panic!("a conflict over nothing")
        };
        receipt.durable().await.unwrap();
        let bucket = Region::of_body(body.id);
        for region in [Region::Account(account), bucket] {
            let lsn = store.inner.correct_digest(region, 7).unwrap();
            assert!(store.inner.wait_applied(lsn));
        }
        let fsck = |store: &EmbeddedStore, repair| {
            let options = FsckOptions {
                repair,
                ..FsckOptions::default()
            };
            store.fsck(options, &mut |_, _| {}).unwrap().problems
        };
        let wrong = [Problem::Account(account), Problem::Bucket(body.id.0[0])];
        assert_eq!(fsck(&store, false), wrong);
        assert_eq!(fsck(&store, true), wrong);
        assert_eq!(fsck(&store, false), []);
        drop(store);
        assert_eq!(fsck(&open(), false), []);
    }
}
