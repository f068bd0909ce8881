//! Disks that fail: power cuts with unsynced writes lost or torn, full disks, failing writes and syncs, flipped bits, a crash
//! at every operation of open, compaction, snapshot, backup and restore. After each: every acknowledged commit is there,
//! nothing of a refused one, the digests are right, `fsck` is clean.
//!
//! `FIELDPOST_FAULT_ROUNDS` rounds of each (20 unless told; the full run is 200).

#![allow(clippy::unwrap_used)]

mod cuts;
mod damage;
mod full;
mod history;
mod index;
mod reopen;
mod upkeep;

/// How many rounds of each fault.
pub fn rounds() -> u64 {
    std::env::var("FIELDPOST_FAULT_ROUNDS").map_or(20, |text| text.parse().unwrap())
}
