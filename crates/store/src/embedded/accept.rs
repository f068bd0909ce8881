//! Accepting a commit: its preconditions and what it replaces are read, its place in the order is taken, and from then
//! on reads see it. The log thread does the rest.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard, RwLockWriteGuard};
use smallvec::SmallVec;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    AccountId, BodyId, Commit, Committed, Hold, Lsn, Mark, Op, Receipt, ReceiptSender, StagedBody,
    StoreError,
};

use super::{
    body::stage::{Staged, UNPLACED},
    digest::{self, Digests, Region},
    frame::FRAME_HEADER,
    inner::Inner,
    overlay::{Entries, PendingPlace},
    record::{Change, FileId, NO_ACCOUNT, Place, Record},
    table,
};

/// What waits for the log thread.
pub(crate) struct Queue {
    pub(crate) next_lsn: u64,
    /// The digests after the last accepted commit.
    pub(crate) digests: Digests,
    pub(crate) pending: Vec<Unit>,
    /// The next unit goes into a new segment.
    pub(crate) seal: bool,
    /// The log thread has taken units and has not dealt with them yet.
    pub(crate) busy: bool,
    /// Why nothing is accepted: the store is read-only, closed, or taking commits back.
    pub(crate) refusing: Option<StoreError>,
    /// The log thread ends once the queue is empty.
    pub(crate) stopping: bool,
}

/// One accepted commit on its way to the log.
pub(crate) struct Unit {
    pub(crate) record: Record,
    /// The record, encoded; places in it are relative to the unit's first frame.
    pub(crate) payload: Vec<u8>,
    /// Encoded bodies whose frames go before the record's.
    pub(crate) bodies: Vec<Bytes>,
    pub(crate) receipt: Option<ReceiptSender>,
    pub(crate) marks: Vec<Mark>,
    /// What it added to each region's digest, in case it must be taken back.
    pub(crate) deltas: SmallVec<[(Region, u128); 3]>,
    /// Bodies it has placed.
    pub(crate) placed: Vec<Arc<Staged>>,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

impl Unit {
    /// The length of all its frames.
    pub(crate) fn len(&self) -> u64 {
        let bodies: usize = self
            .bodies
            .iter()
            .map(|body| FRAME_HEADER + body.len())
            .sum();
        (bodies + FRAME_HEADER + self.payload.len()) as u64
    }
}

/// A change that the store itself makes to where bodies lie.
pub(crate) enum BodyChange {
    /// The encoded bytes move to the end of the log.
    Move {
        body: BodyId,
        place: Place,
        encoded: Bytes,
    },
    /// The body is dead.
    Sweep { body: BodyId, place: Place },
}

impl Inner {
    /// Accepts a commit whose regions have been verified.
    pub(crate) fn accept(
        &self,
        commit: Commit,
        permit: OwnedSemaphorePermit,
    ) -> Result<Committed, StoreError> {
        if self.scarce.load(Ordering::Relaxed) && grows(&commit) {
            return Err(StoreError::NoSpace);
        }
        let account = commit.account;
        let with_bodies = commit
            .ops
            .iter()
            .any(|op| matches!(op, Op::Hold { .. } | Op::Release { .. }))
            || !commit.bodies.is_empty();
        let _bodies = with_bodies.then(|| self.bodies.read());
        let _placing = self.placing(&commit.bodies);
        let mut shard = self.overlay.shard(account).write();
        for precondition in commit.preconditions {
            let found = self.read(&shard, account, &precondition.key)?;
            if found != precondition.expected {
                return Ok(Committed::Conflict {
                    key: precondition.key,
                });
            }
        }
        let mut draft = Draft::new(account);
        for body in &commit.bodies {
            let staged = Arc::clone(&body.backing)
                .downcast::<Staged>()
                .map_err(|_| StoreError::NoSuchBody(body.id))?;
            if staged.placed.load(Ordering::Acquire) || self.place_of(staged.id)?.is_some() {
                continue;
            }
            draft.place(staged);
        }
        for op in newest_first(commit.ops) {
            self.draft_op(&mut draft, &shard, op)?;
        }
        draft.changes.reverse();
        let (sender, receipt) = Receipt::channel(Lsn(0));
        let lsn = self.push(draft, &mut shard, Some(sender), commit.marks, Some(permit))?;
        Ok(Committed::Accepted(receipt.at(lsn)))
    }

    /// Locks the bodies that a commit brings along until it has its place in the order: a message to several people is
    /// committed to their accounts at the same time, and the first of those commits places its body, no other.
    fn placing(&self, bodies: &[StagedBody]) -> SmallVec<[MutexGuard<'_, ()>; 2]> {
        let mut slots: SmallVec<[usize; 2]> = bodies
            .iter()
            .map(|body| usize::from(body.id.0[0]) % self.placing.len())
            .collect();
        slots.sort_unstable();
        slots.dedup();
        slots
            .into_iter()
            .filter_map(|slot| self.placing.get(slot))
            .map(Mutex::lock)
            .collect()
    }

    /// Accepts changes of places; the caller keeps commits that hold bodies away.
    pub(crate) fn accept_body_changes(&self, changes: Vec<BodyChange>) -> Result<Lsn, StoreError> {
        let mut draft = Draft::new(NO_ACCOUNT);
        for change in changes {
            match change {
                BodyChange::Move {
                    body,
                    mut place,
                    encoded,
                } => {
                    place.file = FileId::Log(UNPLACED);
                    place.offset = draft.next_offset;
                    place.len = encoded.len() as u64;
                    draft.push_frame(encoded);
                    draft.changes.push(Change::Place { body, place });
                }
                BodyChange::Sweep { body, place } => {
                    let gone = digest::of_place(body, &place).wrapping_neg();
                    draft.add(Region::of_body(body), gone);
                    draft.changes.push(Change::Unplace { body });
                }
            }
        }
        let mut shard = self.overlay.shard(NO_ACCOUNT).write();
        self.push(draft, &mut shard, None, Vec::new(), None)
    }

    /// Ends one hold, for repair.
    pub(crate) fn release(&self, hold: Hold) -> Result<(), StoreError> {
        let _bodies = self.bodies.read();
        let mut shard = self.overlay.shard(hold.account).write();
        let mut draft = Draft::new(hold.account);
        let op = Op::Release {
            body: hold.body,
            item: hold.item,
        };
        self.draft_op(&mut draft, &shard, op)?;
        self.push(draft, &mut shard, None, Vec::new(), None)
            .map(drop)
    }

    /// Adds `difference` to what a region's digest should be, for repair.
    pub(crate) fn correct_digest(
        &self,
        region: Region,
        difference: u128,
    ) -> Result<Lsn, StoreError> {
        let account = match region {
            Region::Account(account) => account,
            Region::Bucket(_) => NO_ACCOUNT,
        };
        let mut shard = self.overlay.shard(account).write();
        let mut draft = Draft::new(account);
        draft.add(region, difference);
        self.push(draft, &mut shard, None, Vec::new(), None)
    }

    /// Makes the log thread begin another segment, so that the one in use can be given up.
    pub(crate) fn seal_active_segment(&self) -> Result<(), StoreError> {
        self.queue.lock().seal = true;
        // Something must be written for the new segment to be begun.
        let lsn = self.accept_body_changes(Vec::new())?;
        if self.wait_applied(lsn) {
            Ok(())
        } else {
            Err(StoreError::Closed)
        }
    }

    /// The value of a key; the caller holds the account's shard.
    pub(crate) fn read(
        &self,
        shard: &Entries,
        account: AccountId,
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        match shard.get(&table::pair_key(account, key)) {
            Some(value) => Ok(value),
            None => self.with_index(|index| table::get_pair(index, account, key)),
        }
    }

    /// Whether a holder is there; the caller holds the account's shard.
    fn is_held(&self, hold: Hold) -> Result<bool, StoreError> {
        let key = table::hold_key(hold);
        let pending = self.overlay.holds.read().get(&key);
        match pending {
            Some(value) => Ok(value.is_some()),
            None => Ok(self.with_index(|index| index.get(&key))?.is_some()),
        }
    }

    /// The place of a body that some commit has placed, swept ones excluded.
    pub(crate) fn place_of(&self, body: BodyId) -> Result<Option<Place>, StoreError> {
        match self.overlay.place(body) {
            Some(PendingPlace::Staged(staged)) => Ok(Some(staged.place)),
            Some(PendingPlace::Gone) => Ok(None),
            Some(PendingPlace::Moved) | None => self.indexed_place(body),
        }
    }

    fn draft_op(&self, draft: &mut Draft, shard: &Entries, op: Op) -> Result<(), StoreError> {
        let account = draft.account;
        match op {
            Op::Put { key, value } => {
                let old = self.read(shard, account, &key)?;
                let replaces = old.as_ref().map_or(0, |old| table::chunks(old.len()));
                if let Some(old) = old {
                    if old == value {
                        return Ok(());
                    }
                    draft.add_pair(digest::of_pair(&key, &old).wrapping_neg());
                }
                draft.add_pair(digest::of_pair(&key, &value));
                draft.changes.push(Change::Put {
                    key,
                    value,
                    replaces,
                });
            }
            Op::Delete { key } => {
                if let Some(old) = self.read(shard, account, &key)? {
                    draft.add_pair(digest::of_pair(&key, &old).wrapping_neg());
                    let replaces = table::chunks(old.len());
                    draft.changes.push(Change::Delete { key, replaces });
                }
            }
            Op::Hold { body, item } => {
                let hold = Hold {
                    body,
                    account,
                    item,
                };
                let placed_here = draft.placed.iter().any(|staged| staged.id == body);
                if !placed_here && self.place_of(body)?.is_none() {
                    return Err(StoreError::NoSuchBody(body));
                }
                if !self.is_held(hold)? {
                    draft.add(Region::of_body(body), digest::of_hold(hold));
                    draft.changes.push(Change::Hold(hold));
                }
            }
            Op::Release { body, item } => {
                let hold = Hold {
                    body,
                    account,
                    item,
                };
                if self.is_held(hold)? {
                    draft.add(Region::of_body(body), digest::of_hold(hold).wrapping_neg());
                    draft.changes.push(Change::Release(hold));
                }
            }
        }
        Ok(())
    }

    /// Gives the draft its place in the order and shows it to reads.
    fn push(
        &self,
        draft: Draft,
        shard: &mut RwLockWriteGuard<'_, Entries>,
        receipt: Option<ReceiptSender>,
        marks: Vec<Mark>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Lsn, StoreError> {
        let mut unit = draft.into_unit(receipt, marks, permit);
        let mut holds = None;
        if unit
            .record
            .changes
            .iter()
            .any(|change| matches!(change, Change::Hold(_) | Change::Release(_)))
        {
            holds = Some(self.overlay.holds.write());
        }
        let mut queue = self.queue.lock();
        if let Some(error) = &queue.refusing {
            return Err(error.clone());
        }
        let lsn = Lsn(queue.next_lsn);
        queue.next_lsn += 1;
        unit.record.lsn = lsn;
        for (region, delta) in &unit.deltas {
            let digest = queue.digests.add(*region, *delta);
            unit.record.note_digest(*region, digest, &mut unit.payload);
        }
        if unit.record.account != NO_ACCOUNT {
            let region = Region::Account(unit.record.account);
            let digest = queue.digests.of(region);
            unit.record.note_digest(region, digest, &mut unit.payload);
        }
        for change in &unit.record.changes {
            match change {
                Change::Put { key, value, .. } => shard.put(
                    table::pair_key(unit.record.account, key),
                    lsn,
                    Some(value.clone()),
                ),
                Change::Delete { key, .. } => {
                    shard.put(table::pair_key(unit.record.account, key), lsn, None);
                }
                Change::Hold(hold) => {
                    if let Some(holds) = &mut holds {
                        holds.put(table::hold_key(*hold), lsn, Some(Bytes::new()));
                    }
                }
                Change::Release(hold) => {
                    if let Some(holds) = &mut holds {
                        holds.put(table::hold_key(*hold), lsn, None);
                    }
                }
                Change::Place { body, .. } => {
                    let staged = unit.placed.iter().find(|staged| staged.id == *body);
                    let place = staged.map_or(PendingPlace::Moved, |staged| {
                        PendingPlace::Staged(Arc::clone(staged))
                    });
                    self.overlay.put_place(*body, lsn, place);
                }
                Change::Unplace { body } => {
                    self.overlay.put_place(*body, lsn, PendingPlace::Gone);
                }
            }
        }
        for staged in &unit.placed {
            staged.placed.store(true, Ordering::Release);
        }
        let first = queue.pending.is_empty();
        queue.pending.push(unit);
        drop(queue);
        if first {
            self.queue_wake.notify_one();
        }
        Ok(lsn)
    }
}

/// A commit being put together.
struct Draft {
    account: AccountId,
    changes: Vec<Change>,
    bodies: Vec<Bytes>,
    placed: Vec<Arc<Staged>>,
    deltas: SmallVec<[(Region, u128); 3]>,
    /// Where the next body's encoded form would begin, from the unit's first frame.
    next_offset: u64,
}

impl Draft {
    fn new(account: AccountId) -> Self {
        Self {
            account,
            changes: Vec::new(),
            bodies: Vec::new(),
            placed: Vec::new(),
            deltas: SmallVec::new(),
            next_offset: FRAME_HEADER as u64,
        }
    }

    fn add(&mut self, region: Region, delta: u128) {
        match self.deltas.iter_mut().find(|(known, _)| *known == region) {
            Some((_, sum)) => *sum = sum.wrapping_add(delta),
            None => self.deltas.push((region, delta)),
        }
    }

    fn add_pair(&mut self, delta: u128) {
        self.add(Region::Account(self.account), delta);
    }

    fn place(&mut self, staged: Arc<Staged>) {
        if self.placed.iter().any(|placed| placed.id == staged.id) {
            return;
        }
        let mut place = staged.place;
        if let Some(encoded) = &staged.inline {
            place.offset = self.next_offset;
            self.push_frame(encoded.clone());
        }
        self.add(
            Region::of_body(staged.id),
            digest::of_place(staged.id, &place),
        );
        self.changes.push(Change::Place {
            body: staged.id,
            place,
        });
        self.placed.push(staged);
    }

    fn push_frame(&mut self, encoded: Bytes) {
        self.next_offset += (encoded.len() + FRAME_HEADER) as u64;
        self.bodies.push(encoded);
    }

    fn into_unit(
        self,
        receipt: Option<ReceiptSender>,
        marks: Vec<Mark>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Unit {
        let buckets = self
            .deltas
            .iter()
            .filter_map(|(region, _)| match region {
                Region::Bucket(bucket) => Some((*bucket, 0)),
                Region::Account(_) => None,
            })
            .collect();
        let record = Record {
            lsn: Lsn(0),
            account: self.account,
            digest: 0,
            buckets,
            changes: self.changes,
        };
        // The record's own frame begins behind those of the bodies.
        let payload = record.encode(self.next_offset - FRAME_HEADER as u64);
        Unit {
            record,
            payload,
            bodies: self.bodies,
            receipt,
            marks,
            deltas: self.deltas,
            placed: self.placed,
            permit,
        }
    }
}

/// Whether a commit needs more than the reserve is kept for: what deletes mail may still write its few small keys.
fn grows(commit: &Commit) -> bool {
    const SMALL: usize = 64 * 1024;
    let put: usize = commit
        .ops
        .iter()
        .map(|op| match op {
            Op::Put { key, value } => key.len() + value.len(),
            Op::Hold { .. } => SMALL + 1,
            Op::Delete { .. } | Op::Release { .. } => 0,
        })
        .sum();
    put > SMALL || !commit.bodies.is_empty()
}

/// The operations that count, from the last to the first: of several on the same thing the last one wins.
fn newest_first(ops: Vec<Op>) -> Vec<Op> {
    #[derive(PartialEq, Eq, Hash)]
    enum Thing {
        Key(Bytes),
        Hold(BodyId, u64),
    }
    let mut seen = HashSet::with_capacity(ops.len());
    ops.into_iter()
        .rev()
        .filter(|op| {
            seen.insert(match op {
                Op::Put { key, .. } | Op::Delete { key } => Thing::Key(key.clone()),
                Op::Hold { body, item } | Op::Release { body, item } => Thing::Hold(*body, *item),
            })
        })
        .collect()
}
