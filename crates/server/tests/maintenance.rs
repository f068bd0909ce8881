//! Backup, restore, check, export and import of the whole store, as operators run them.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use support::{Lines, Site, succeeded};

const LISTENER: &str = "[[listener]]\nprotocol = \"pop3\"\naddress = \"127.0.0.1:0\"\n";
const PASSWORD: &str = "a long enough password";

/// A site with an account and `count` messages in it.
fn filled(count: u32) -> Site {
    let site = Site::new(LISTENER);
    site.add("anna@example.org", PASSWORD);
    for number in 0..count {
        deliver(&site, number);
    }
    site
}

fn deliver(site: &Site, number: u32) {
    let message = format!(
        "Subject: number {number}\nMessage-ID: <{number}@example.org>\n\nThis is message marked-{number}-here.\n"
    );
    succeeded(&site.run_with(&["deliver", "anna@example.org"], message.as_bytes()));
}

fn inbox(site: &Site) -> serde_json::Value {
    let folders = site.json(&["folder", "list", "anna@example.org"]);
    let found = folders
        .as_array()
        .unwrap()
        .iter()
        .find(|folder| folder["path"] == "INBOX");
    found.unwrap().clone()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_backup_of_a_running_server_is_verified_incremental_and_restores_everything() {
    let site = filled(5);
    let before = inbox(&site);
    let server = site.serve();
    let backup = site.path().join("backup");
    site.ok(&["backup", path(&backup)]);
    // A message's body only; what was there already stays as it is.
    deliver(&site, 5);
    let second = site.json(&["backup", path(&backup)]);
    assert!(
        second["bytes"].as_u64() > second["copied"].as_u64(),
        "{second}"
    );
    site.ok(&["backup", path(&backup), "--verify"]);
    site.fails(6, &["restore", path(&backup)]);
    site.fails(2, &["backup", path(&site.path().join("data/store/within"))]);
    server.stop();
    site.fails(5, &["restore", path(&backup)]);

    std::fs::rename(site.path().join("data"), site.path().join("old")).unwrap();
    let answer = site.json(&["restore", path(&backup)]);
    assert_eq!(answer["accounts"], 1);
    let after = inbox(&site);
    assert_eq!(after["items"], 6);
    assert_eq!(after["uid_validity"], before["uid_validity"]);
    // Uids given out after the backup on the lost machine do not come back here.
    assert!(
        after["uid_next"].as_u64().unwrap() >= before["uid_next"].as_u64().unwrap() + (1 << 20),
        "{after}"
    );
    let server = site.serve();
    let mut pop3 = Lines::connect(server.address("pop3"));
    pop3.line();
    pop3.ask("USER anna@example.org");
    assert!(pop3.ask(&format!("PASS {PASSWORD}")).starts_with("+OK"));
    assert!(pop3.ask("STAT").starts_with("+OK 6 "));
    server.stop();
    site.ok(&["fsck"]);

    // A backup that was tampered with says so.
    let file = std::fs::read_dir(backup.join("log"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    flip(&file, 200);
    site.fails(7, &["backup", path(&backup), "--verify"]);
}

#[test]
fn single_mails_come_back_from_a_backup_while_the_server_runs() {
    let site = filled(3);
    let server = site.serve();
    let backup = site.path().join("backup");
    site.ok(&["backup", path(&backup)]);
    let mut pop3 = Lines::connect(server.address("pop3"));
    pop3.line();
    pop3.ask("USER anna@example.org");
    pop3.ask(&format!("PASS {PASSWORD}"));
    assert!(pop3.ask("DELE 2").starts_with("+OK"));
    assert!(pop3.ask("QUIT").starts_with("+OK"));
    assert_eq!(inbox(&site)["items"], 2);

    site.fails(
        4,
        &[
            "restore",
            path(&backup),
            "--account",
            "anna@example.org",
            "--folder",
            "None",
        ],
    );
    site.fails(
        4,
        &[
            "restore",
            path(&site.path().join("nothing")),
            "--account",
            "anna@example.org",
        ],
    );
    let future = site.json(&[
        "restore",
        path(&backup),
        "--account",
        "anna@example.org",
        "--since",
        "2999-01-01",
    ]);
    assert_eq!(future["restored"], 0);
    let answer = site.json(&[
        "restore",
        path(&backup),
        "--account",
        "anna@example.org",
        "--folder",
        "INBOX",
    ]);
    assert_eq!(
        (&answer["restored"], &answer["present"]),
        (&1.into(), &2.into())
    );
    let again = site.json(&["restore", path(&backup), "--account", "anna@example.org"]);
    assert_eq!(again["restored"], 0, "{again}");
    assert_eq!(inbox(&site)["items"], 3);
    server.stop();
}

#[test]
fn a_message_that_is_damaged_in_the_backup_ends_a_restore_with_7_and_the_others_come_back() {
    let site = filled(3);
    let server = site.serve();
    let backup = site.path().join("backup");
    site.ok(&["backup", path(&backup)]);
    let mut pop3 = Lines::connect(server.address("pop3"));
    pop3.line();
    pop3.ask("USER anna@example.org");
    pop3.ask(&format!("PASS {PASSWORD}"));
    for number in 1..=3 {
        assert!(pop3.ask(&format!("DELE {number}")).starts_with("+OK"));
    }
    assert!(pop3.ask("QUIT").starts_with("+OK"));
    assert_eq!(inbox(&site)["items"], 0);

    let (file, place) = body_of(&backup.join("log"), b"marked-1-here");
    flip(&file, place);
    // The backup itself says that it is hit.
    site.fails(7, &["backup", path(&backup), "--verify"]);
    let restore = ["restore", path(&backup), "--account", "anna@example.org"];
    let error = site.fails(7, &restore);
    assert!(error.contains("1 messages can't be read"), "{error}");
    assert_eq!(inbox(&site)["items"], 2);
    // Whoever tries again is told again, and nothing comes twice.
    site.fails(7, &restore);
    assert_eq!(inbox(&site)["items"], 2);

    // With the byte as it was, the one that is missing comes back.
    flip(&file, place);
    let answer = site.json(&restore);
    assert_eq!(
        (&answer["restored"], &answer["present"]),
        (&1.into(), &2.into())
    );
    server.stop();
}

/// Where a log has the body that contains `text`: the frames of its segments are walked, because the record of a message
/// may hold the same words in its preview. A frame begins with "FPfr", its kind (1: a body) and, at 8, the length of what
/// follows its 36 bytes.
fn body_of(log: &Path, text: &[u8]) -> (PathBuf, u64) {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(log).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        let mut at = 64;
        while at + 36 <= bytes.len() {
            assert_eq!(&bytes[at..at + 4], b"FPfr", "{} at {at}", file.display());
            let len = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
            let payload = &bytes[at + 36..at + 36 + len];
            let place = payload.windows(text.len()).position(|part| part == text);
            if let (1, Some(place)) = (bytes[at + 4], place) {
                found.push((file.clone(), (at + 36 + place) as u64));
            }
            at += 36 + len;
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn the_whole_store_goes_through_one_file() {
    let site = filled(4);
    let server = site.serve();
    let file = site.path().join("all.export");
    site.ok(&["export", "--store", path(&file)]);
    site.fails(5, &["export", "--store", path(&file)]);
    site.fails(6, &["import", "--store", path(&file)]);
    server.stop();
    site.fails(5, &["import", "--store", path(&file)]);

    // Another machine, another index.
    let other = Site::new(&format!("{LISTENER}[store]\nindex = \"redb\"\n"));
    other.ok(&["import", "--store", path(&file)]);
    assert_eq!(inbox(&other)["items"], 4);
    assert_eq!(
        other.json(&["account", "list"]),
        site.json(&["account", "list"])
    );
    other.ok(&["fsck"]);
    let stats = other.json(&["stats"]);
    assert_eq!(stats["index"], "redb");
    let server = other.serve();
    let mut pop3 = Lines::connect(server.address("pop3"));
    pop3.line();
    pop3.ask("USER anna@example.org");
    assert!(pop3.ask(&format!("PASS {PASSWORD}")).starts_with("+OK"));
    server.stop();
}

#[test]
fn fsck_finds_a_flipped_bit_and_repair_loses_that_message_only() {
    let site = filled(4);
    assert!(site.ok(&["fsck"]).contains("clean"));
    let server = site.serve();
    assert!(site.ok(&["fsck", "--quick"]).contains("clean"));
    assert!(
        site.ok(&["fsck", "--account", "anna@example.org"])
            .contains("clean")
    );
    server.stop();

    let mut flipped = 0;
    for entry in std::fs::read_dir(site.path().join("data/store/log")).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        if let Some(place) = bytes
            .windows(13)
            .position(|window| window == b"marked-2-here")
        {
            flip(&file, place as u64);
            flipped += 1;
        }
    }
    assert_eq!(flipped, 1);
    let error = site.fails(7, &["fsck"]);
    assert!(error.contains("--repair"), "{error}");
    let repaired = site.ok(&["fsck", "--repair"]);
    assert!(repaired.contains("\"number 2\""), "{repaired}");
    assert!(site.ok(&["fsck"]).contains("clean"));
    let server = site.serve();
    let mut pop3 = Lines::connect(server.address("pop3"));
    pop3.line();
    pop3.ask("USER anna@example.org");
    pop3.ask(&format!("PASS {PASSWORD}"));
    let stat = pop3.ask("STAT");
    assert!(
        stat.starts_with("+OK 3 ") || stat.starts_with("+OK 4 "),
        "{stat}"
    );
    server.stop();
}

#[test]
fn compact_gives_the_space_of_removed_accounts_back() {
    let site = filled(3);
    site.ok(&["account", "remove", "anna@example.org", "--yes"]);
    let answer = site.json(&["compact", "--grace", "0"]);
    assert!(answer["bodies_swept"].as_u64().unwrap() >= 1, "{answer}");
    assert!(site.ok(&["stats"]).contains("takes writes"));
}

fn flip(file: &Path, place: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    let mut out = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    bytes[place as usize] ^= 0x20;
    out.seek(SeekFrom::Start(place)).unwrap();
    out.write_all(&bytes[place as usize..=place as usize])
        .unwrap();
}

#[test]
fn a_restore_and_an_import_that_stopped_are_refused_and_start_over() {
    let site = filled(3);
    let backup = site.path().join("backup");
    let file = site.path().join("all.export");
    site.ok(&["backup", path(&backup)]);
    site.ok(&["export", "--store", path(&file)]);
    let data = site.path().join("data");
    std::fs::rename(&data, site.path().join("old")).unwrap();

    let snapshot = std::fs::read_dir(backup.join("snapshot")).unwrap();
    let snapshot = snapshot.last().unwrap().unwrap().path();
    let whole = std::fs::read(&snapshot).unwrap();
    flip(&snapshot, 30);
    site.fails(7, &["restore", path(&backup)]);
    for command in [&["fsck"][..], &["fsck", "--repair"], &["account", "list"]] {
        let error = site.fails(7, command);
        assert!(error.contains("was not finished"), "{error}");
    }
    std::fs::write(&snapshot, whole).unwrap();
    assert_eq!(site.json(&["restore", path(&backup)])["accounts"], 1);
    assert_eq!(inbox(&site)["items"], 3);

    std::fs::remove_dir_all(&data).unwrap();
    let export = std::fs::read(&file).unwrap();
    std::fs::write(&file, &export[..export.len() - 20]).unwrap();
    site.fails(7, &["import", "--store", path(&file)]);
    let error = site.fails(7, &["account", "list"]);
    assert!(error.contains("an import into"), "{error}");
    std::fs::write(&file, export).unwrap();
    site.ok(&["import", "--store", path(&file)]);
    assert_eq!(inbox(&site)["items"], 3);
}

#[test]
fn damage_in_the_store_ends_a_backup_with_7_and_a_lost_format_is_repaired() {
    let site = filled(3);
    let log = site.path().join("data/store/log");
    for entry in std::fs::read_dir(&log).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        let place = bytes
            .windows(13)
            .position(|window| window == b"marked-1-here");
        if let Some(place) = place {
            flip(&file, place as u64);
        }
    }
    let backup = site.path().join("backup");
    site.fails(7, &["backup", path(&backup)]);
    assert!(backup.join("BACKUP").exists());
    site.fails(7, &["backup", path(&backup), "--verify"]);
    // Neither the data directory nor anything else that is no backup.
    site.fails(5, &["backup", path(&site.path().join("data"))]);
    site.ok(&["fsck", "--repair"]);

    std::fs::write(site.path().join("data/store/FORMAT"), "fieldp").unwrap();
    let error = site.fails(7, &["fsck"]);
    assert!(!error.contains("run fieldpost fsck"), "{error}");
    assert!(site.ok(&["fsck", "--repair"]).contains("FORMAT"));
    assert!(site.ok(&["fsck"]).contains("clean"));
}
