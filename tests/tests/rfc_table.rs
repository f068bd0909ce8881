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

/// The extensions that IMAP sessions announce are there by their names.
#[test]
fn every_announced_capability_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let table = fs::read_to_string(root.join("docs/rfc.md")).unwrap();
    let named: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split('|').nth(1))
        .flat_map(|cell| cell.split([',', ' ', ':']))
        .collect();
    let source = fs::read_to_string(root.join("crates/imap/src/command/capability.rs")).unwrap();
    let lists = source
        .split("const ")
        .filter(|part| part.contains("&[&str] = &["));
    let announced: BTreeSet<&str> = lists
        .filter_map(|list| list.split("];").next())
        .flat_map(|list| list.split('"').skip(1).step_by(2))
        .collect();
    assert!(
        announced.len() > 30,
        "the lists are not read: {announced:?}"
    );
    let missing: Vec<&&str> = announced
        .iter()
        .filter(|capability| {
            // `THREAD=REFERENCES` is one of THREAD's, `QUOTA=RES-STORAGE` one of QUOTA's.
            let family = capability.split('=').next().unwrap_or_default();
            !named.contains(*capability) && !named.contains(family)
        })
        .collect();
    assert!(missing.is_empty(), "not in docs/rfc.md: {missing:?}");
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
