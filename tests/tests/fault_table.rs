//! docs/faults.md names tests that are there, and every test that carries a fault's name.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_named_test_is_there_and_every_fault_has_one() {
    let root = root();
    let mut sources: BTreeMap<String, String> = BTreeMap::new();
    for (row, tests) in table() {
        assert!(!tests.is_empty(), "no test: {row}");
        for (file, test) in tests {
            let source = sources
                .entry(file.clone())
                .or_insert_with(|| fs::read_to_string(root.join(&file)).unwrap_or_default());
            assert!(
                source.contains(&format!("fn {test}(")),
                "{file} has no {test}"
            );
        }
    }
    assert!(sources.len() > 30, "the table is not read: {sources:?}");
}

#[test]
fn every_test_of_a_fault_is_in_the_table() {
    let named: BTreeSet<String> = table()
        .into_iter()
        .flat_map(|(_, tests)| tests)
        .map(|(_, test)| test)
        .collect();
    let mut missing: Vec<(PathBuf, String)> = Vec::new();
    for directory in ["crates", "tests"] {
        for file in sources(&root().join(directory)) {
            let text = fs::read_to_string(&file).unwrap();
            let functions = text.split("fn ").skip(1);
            let names = functions.filter_map(|rest| rest.split_once('(').map(|(name, _)| name));
            for name in names {
                if is_a_faults(name) && !named.contains(name) {
                    missing.push((file.clone(), name.to_owned()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "not in docs/faults.md: {missing:#?}");
}

/// `fault_…`, or `…_fault_31`.
fn is_a_faults(name: &str) -> bool {
    let number = name.split_once("_fault_").map(|(_, rest)| rest);
    name.starts_with("fault_")
        || number.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Each row, and the file and the name of each of its tests. A file's name counts for the tests behind it.
fn table() -> Vec<(String, Vec<(String, String)>)> {
    let text = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| fault |"));
    rows.map(|row| {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let mut file = String::new();
        let mut named = Vec::new();
        for code in tests.split('`').skip(1).step_by(2) {
            if code.contains('/') {
                code.clone_into(&mut file);
            } else {
                named.push((file.clone(), code.to_owned()));
            }
        }
        (row.to_owned(), named)
    })
    .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
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
