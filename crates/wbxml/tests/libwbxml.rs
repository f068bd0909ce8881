//! A second opinion: libwbxml reads what we write, we read what it writes, and its tables name the same tokens.
#![allow(clippy::unwrap_used)]

mod messages;

use std::{
    io::Write as _,
    process::{Command, Stdio},
    thread,
};

use fieldpost_wbxml::{Element, Encoder, Limits, Tag};
use messages::{OWN, Row, from_hexadecimal};

/// Tokens that libwbxml 0.11 does not have: all of Find's page, and what few clients ever sent or only 16.x has.
const UNKNOWN_TO_IT: [(u8, u8); 14] = [
    (4, 0x2B),
    (4, 0x2C),
    (4, 0x2D),
    (4, 0x2E),
    (4, 0x2F),
    (4, 0x30),
    (4, 0x31),
    (4, 0x32),
    (8, 0x10),
    (8, 0x11),
    (13, 0x0E),
    (14, 0x3B),
    (15, 0x06),
    (21, 0x0A),
];
const FIND: u8 = 25;

/// Names that it spells otherwise than MS-ASWBXML: ours, its.
const OTHER_NAMES: [(&str, &str); 8] = [
    ("AssistantPhoneNumber", "AssistantTelephoneNumber"),
    ("Status", "FlagStatus"),
    ("RequireStorageCardEncryption", "DeviceEncryptionEnabled"),
    ("RightsManagementInformation", "ihsManagementInformation"),
    ("Name", "ForwardeeName"),
    ("Email", "ForwardeeEmail"),
    ("Owner", "RMOwner"),
    (
        "RemoveRightsManagementProtection",
        "RemoveRightsManagementDistribution",
    ),
];

#[test]
fn it_reads_what_we_write_and_we_read_what_it_writes() {
    let shared = messages::shared().unwrap_or_default();
    let mut compared = 0;
    for row in OWN.into_iter().chain(messages::rows(&shared)) {
        compared += usize::from(compare(row));
    }
    assert!(compared >= 11, "{compared}");
}

/// Whether there was something to compare: it knows all tags of the message.
fn compare([name, _, direction, _, _, hex]: Row<'_>) -> bool {
    let bytes = from_hexadecimal(hex);
    let element = Element::parse(&bytes, Limits::default()).unwrap();
    let xml = to_xml(&element.to_wbxml());
    if xml.contains("<unknown") {
        return false;
    }
    let what = format!("{name}, {direction}: {xml}");
    // With the public identifier that ActiveSync has, and with libwbxml's own in a string table.
    let anonymous = run(
        "xml2wbxml",
        &["-n", "-a", "-v", "1.3", "-o", "-", "-"],
        xml.as_bytes(),
    );
    assert_eq!(anonymous, bytes, "{what}");
    let named = run(
        "xml2wbxml",
        &["-n", "-v", "1.3", "-o", "-", "-"],
        xml.as_bytes(),
    );
    assert_ne!(named, bytes, "{what}");
    assert_eq!(
        Element::parse(&named, Limits::default()).as_ref(),
        Ok(&element),
        "{what}"
    );
    true
}

#[test]
fn its_tables_name_the_same_tokens() {
    let mut compared = 0;
    for page in 0..26 {
        let tags: Vec<Tag> = (5..64)
            .map(|token| Tag::new(page, token))
            .filter(|tag| tag.name().is_some())
            .collect();
        let mut encoder = Encoder::new();
        encoder.start(tags[0]);
        for tag in &tags {
            encoder.empty(*tag);
        }
        let xml = to_xml(&encoder.finish());
        let names: Vec<&str> = xml
            .split('<')
            .skip(1)
            .filter(|tag| !tag.starts_with(['?', '!', '/']))
            .map(|tag| tag.split([' ', '/', '>']).next().unwrap())
            .collect();
        assert_eq!(names.len(), tags.len() + 1, "{xml}");
        for (tag, theirs) in tags.into_iter().zip(&names[1..]) {
            let known = tag.page() != FIND && !UNKNOWN_TO_IT.contains(&(page, tag.token()));
            assert_eq!(*theirs != "unknown", known, "{tag:?}");
            assert!(
                !known || is_same(tag.name().unwrap(), theirs),
                "{tag:?}: {theirs}"
            );
            compared += usize::from(known);
        }
    }
    assert_eq!(compared, 655 - UNKNOWN_TO_IT.len() - 22);
}

/// It writes some names in other capitals, with `Recurrence_` or the like in front, or without `Address`.
fn is_same(ours: &str, theirs: &str) -> bool {
    let plain = |name: &str| name.replace(['-', '_', ' '], "").to_lowercase();
    let (mine, other) = (plain(ours), plain(theirs));
    mine == other
        || theirs
            .split_once('_')
            .is_some_and(|(_, behind)| plain(behind) == mine)
        || mine.replace("address", "") == other
        || OTHER_NAMES.contains(&(ours, theirs))
}

fn to_xml(bytes: &[u8]) -> String {
    let xml = run(
        "wbxml2xml",
        &["-l", "ACTIVESYNC", "-m", "0", "-o", "-", "-"],
        bytes,
    );
    String::from_utf8(xml).unwrap()
}

fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => panic!(
            "{program}: {error}; run `apt-get install libwbxml2-utils`, or `./test`, which installs all that the tests speak to"
        ),
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
