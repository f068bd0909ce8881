//! The floors of ARCHITECTURE.md hold: no crate depends on one that stands beside it or above it.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, path::Path};

/// From the top floor to the bottom one. Crates on one floor never depend on each other.
const FLOORS: &[&[&str]] = &[
    &["server"],
    &["imap", "pop3", "activesync", "smtp", "autoconfig", "web"],
    &["transport"],
    &["mailbox", "directory"],
    &["message", "wbxml", "store", "connection"],
];

/// A floor may be closed to those above the next one: front-ends speak to the core, never to the store.
const CLOSED: &[(&str, &[&str])] = &[(
    "store",
    &["imap", "pop3", "activesync", "smtp", "autoconfig", "web"],
)];

fn floor(name: &str) -> usize {
    FLOORS
        .iter()
        .position(|floor| floor.contains(&name))
        .unwrap_or_else(|| panic!("{name} stands on no floor"))
}

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(crates).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let manifest: toml::Table = std::fs::read_to_string(manifest).unwrap().parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap().to_owned();
        // Tests may stand on anything below them too; what ships is what counts.
        let own = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flatten();
        let own = own
            .filter_map(|(name, _)| name.strip_prefix("fieldpost-"))
            .map(str::to_owned)
            .collect();
        found.insert(name.strip_prefix("fieldpost-").unwrap().to_owned(), own);
    }
    found
}

#[test]
fn every_room_stands_on_a_floor() {
    let rooms: Vec<String> = dependencies().into_keys().collect();
    let mut planned: Vec<&str> = FLOORS.concat();
    planned.sort_unstable();
    assert_eq!(rooms, planned);
}

#[test]
fn no_crate_depends_sideways_or_upward() {
    for (name, below) in dependencies() {
        for dependency in below {
            assert!(
                floor(&name) < floor(&dependency),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn front_ends_never_touch_the_store() {
    for (closed, to) in CLOSED {
        for (name, below) in dependencies() {
            let allowed = !to.contains(&name.as_str()) || !below.iter().any(|one| one == closed);
            assert!(allowed, "{name} must not depend on {closed}");
        }
    }
}
