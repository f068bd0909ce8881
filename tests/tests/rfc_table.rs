//! docs/rfc.md names every RFC that the sources cite.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_cited_rfc_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let table = fs::read_to_string(root.join("docs/rfc.md")).unwrap();
    let known: BTreeSet<u32> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split('|').next())
        .flat_map(|cell| {
            cell.split(',')
                .filter_map(|number| number.trim().parse().ok())
        })
        .collect();
    assert!(known.len() > 50, "the table is not read: {known:?}");
    let mut missing: BTreeMap<u32, PathBuf> = BTreeMap::new();
    for directory in ["crates", "tests", "fuzz/fuzz_targets"] {
        for file in sources(&root.join(directory)) {
            for number in cited(&fs::read_to_string(&file).unwrap()) {
                if !known.contains(&number) {
                    missing.entry(number).or_insert_with(|| file.clone());
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "cited, but not in docs/rfc.md: {missing:#?}"
    );
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn cited(text: &str) -> Vec<u32> {
    text.match_indices("RFC ")
        .filter_map(|(at, word)| {
            let digits: String = text[at + word.len()..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            (digits.len() >= 3).then(|| digits.parse().ok())?
        })
        .collect()
}
