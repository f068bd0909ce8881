//! What peers choose becomes keys of hash tables: names, addresses, keywords, device ids.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Fault 21: the standard library's tables are keyed at random for each process; no other hasher is named anywhere.
#[test]
fn fault_21_every_hash_table_is_keyed_at_random() {
    const OTHERS: [&str; 8] = [
        "BuildHasherDefault",
        "with_hasher",
        "DefaultHasher::new",
        "FxHash",
        "fxhash",
        "rustc_hash",
        "nohash",
        "fnv::",
    ];
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut files = Vec::new();
    collect(&crates, &mut files);
    assert!(files.len() > 300, "{} files", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for other in OTHERS {
            assert!(!text.contains(other), "{}: {other}", file.display());
        }
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
