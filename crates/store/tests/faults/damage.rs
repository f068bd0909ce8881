//! Flipped bits in what was acknowledged long ago. faults.md: a flipped bit in any record.

use fieldpost_store::{
    Store, StoreError,
    disk::{Disk, FaultyDisk},
    embedded::{FsckOptions, IndexKind, Problem, repair_format},
};

use std::path::Path;

use crate::{
    history::{History, Random, content, open},
    rounds,
};

/// Whatever bit is flipped: the store opens, at most what the bit stood in is lost, `fsck` says so, and a repair leaves a store
/// in which it finds nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_costs_one_record_and_is_repaired() {
    let mut lost = 0;
    for seed in 0..rounds() * 2 {
        let mut random = Random(seed);
        let disk = FaultyDisk::new(seed);
        let mut history = History::default();
        let store = open(&disk, IndexKind::Memory).unwrap();
        history.run(&store, &mut random, 40).await;
        history.check_at_rest(&store, "before").await;
        if seed % 2 == 0 {
            store.snapshot(&mut |_, _| {}).unwrap();
        }
        store.close().await.unwrap();
        drop(store);
        let before = history.sure.clone();
        let files: Vec<(String, u64)> = disk
            .files()
            .into_iter()
            .filter(|(path, len)| *len > 0 && path.contains('/'))
            .collect();
        let (path, len) = &files[random.below(files.len() as u64) as usize];
        let bit = random.below(len * 8);
        assert!(disk.flip(path, bit));
        let context = format!("seed {seed}: bit {bit} of {path}");
        let disk = disk.kill();
        let store = open(&disk, IndexKind::Memory).unwrap();
        let found = content(&store).await;
        // One record changes at most four keys and one holder; a segment's header is the one bit that costs more.
        let missing = before
            .pairs
            .iter()
            .filter(|(key, value)| found.pairs.get(*key) != Some(*value))
            .count();
        assert!(
            missing <= 5 || bit < 512,
            "{context}: {missing} pairs differ"
        );
        let report = store.fsck(FsckOptions::default(), &mut |_, _| {}).unwrap();
        let broken: usize = report
            .problems
            .iter()
            .filter(|problem| matches!(problem, Problem::Body { .. }))
            .count();
        assert!(broken <= 1 || bit < 512, "{context}: {:?}", report.problems);
        if found != before || broken > 0 {
            lost += 1;
            let said = !store.stats().unwrap().damage.is_empty() || !report.is_clean();
            assert!(said, "{context}: something is lost and nobody says so");
        }
        let repair = FsckOptions {
            repair: true,
            ..FsckOptions::default()
        };
        store.fsck(repair, &mut |_, _| {}).unwrap();
        let again = store.fsck(FsckOptions::default(), &mut |_, _| {}).unwrap();
        assert!(
            again.is_clean(),
            "{context}: {:?} after {:?}",
            again.problems,
            report.problems
        );
        drop(store);
        let store = open(&disk.kill(), IndexKind::Memory).unwrap();
        let again = store.fsck(FsckOptions::default(), &mut |_, _| {}).unwrap();
        assert!(
            again.is_clean(),
            "{context}, opened again: {:?}",
            again.problems
        );
    }
    println!("{lost} of {} flips lost something", rounds() * 2);
}

/// A flipped or truncated FORMAT costs one file that says nothing new; what an unfinished restore left is no such case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_format_file_is_written_anew_if_the_rest_can_be_read() {
    let disk = FaultyDisk::new(3);
    let mut random = Random(31);
    let mut history = History::default();
    let store = open(&disk, IndexKind::Memory).unwrap();
    history.run(&store, &mut random, 40).await;
    history.check_at_rest(&store, "before").await;
    store.close().await.unwrap();
    drop(store);
    assert!(!repair_format(&disk).unwrap(), "it is whole");
    let len = disk.open("FORMAT").unwrap().len().unwrap();
    let white_space = (len - 1) * 8..len * 8;
    for bit in 0..len * 8 {
        assert!(disk.flip("FORMAT", bit));
        // The end of the line may be any white space, or none.
        if white_space.contains(&bit) && open(&disk, IndexKind::Memory).is_ok() {
            assert!(disk.flip("FORMAT", bit));
            continue;
        }
        let refused = open(&disk, IndexKind::Memory).err().unwrap();
        assert!(
            matches!(
                refused,
                StoreError::FormatDamaged { .. } | StoreError::Format { .. }
            ),
            "bit {bit}: {refused}"
        );
        assert!(repair_format(&disk).unwrap(), "bit {bit}");
        assert!(!repair_format(&disk).unwrap(), "bit {bit}");
    }
    disk.open("FORMAT").unwrap().set_len(4).unwrap();
    assert!(repair_format(&disk).unwrap());
    disk.remove("FORMAT").unwrap();
    let refused = open(&disk, IndexKind::Memory).err().unwrap();
    assert!(refused.to_string().contains("fsck --repair"), "{refused}");
    assert!(repair_format(&disk).unwrap());
    let store = open(&disk, IndexKind::Memory).unwrap();
    history.check(&store, "after").await;
    store.close().await.unwrap();
    drop(store);
    // A number that is too high, and a log that is not of this format either: a newer version's store.
    assert!(disk.flip("FORMAT", (len - 2) * 8 + 1));
    for (path, _) in disk.files() {
        if Path::new(&path)
            .extension()
            .is_some_and(|kind| kind == "log")
        {
            assert!(disk.flip(&path, 7 * 8 + 1));
        }
    }
    assert!(!repair_format(&disk).unwrap());
    assert!(matches!(
        open(&disk, IndexKind::Memory),
        Err(StoreError::Format { found: 3, .. })
    ));
}
