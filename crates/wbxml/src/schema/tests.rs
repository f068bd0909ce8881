//! Tests of the trees and of the check.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    Element, Encoder, Limits, Tag, Version,
    tags::{
        air_sync, air_sync_base, email, email2, find, folder_hierarchy, gal, item_operations, ping,
        search, settings,
    },
};

fn check(
    mode: Mode,
    command: Command,
    direction: Direction,
    version: Version,
    write: impl FnOnce(&mut Encoder),
) -> Result<(), String> {
    let mut encoder = Encoder::new();
    write(&mut encoder);
    let bytes = encoder.finish();
    let element = Element::parse(&bytes, Limits::default()).unwrap();
    validate_in(mode, &element, command, direction, version)
        .map_err(|violation| violation.to_string())
}

fn folder_sync(mode: Mode, write: impl FnOnce(&mut Encoder)) -> Result<(), String> {
    check(
        mode,
        Command::FolderSync,
        Direction::Response,
        Version::V14_1,
        |e| {
            e.start(folder_hierarchy::FOLDER_SYNC);
            write(e);
            e.end();
        },
    )
}

#[test]
fn a_violation_says_where_and_what() {
    let told = |write: fn(&mut Encoder)| folder_sync(Mode::Strict, write).unwrap_err();
    assert_eq!(
        told(|_| ()),
        "folderhierarchy:FolderSync: folderhierarchy:Status is missing"
    );
    assert_eq!(
        told(|e| e.text(folder_hierarchy::STATUS, "x")),
        "folderhierarchy:FolderSync/folderhierarchy:Status: content is not of type Integer"
    );
    assert_eq!(
        told(|e| {
            e.text(folder_hierarchy::STATUS, "1");
            e.text(folder_hierarchy::STATUS, "1");
        }),
        "folderhierarchy:FolderSync/folderhierarchy:Status: more than 1 of them"
    );
    assert_eq!(
        told(|e| {
            e.text(folder_hierarchy::STATUS, "1");
            e.start(folder_hierarchy::CHANGES);
            e.text(folder_hierarchy::COUNT, "0");
            e.text(folder_hierarchy::STATUS, "1");
            e.end();
        }),
        "folderhierarchy:FolderSync/folderhierarchy:Changes/folderhierarchy:Status: not allowed here"
    );
}

#[test]
fn the_root_is_that_of_the_command() {
    let wrong = |command, tag, version| {
        check(Mode::Lenient, command, Direction::Request, version, |e| {
            e.empty(tag);
        })
        .unwrap_err()
    };
    assert_eq!(
        wrong(Command::Ping, search::SEARCH, Version::V14_1),
        "search:Search: not allowed here"
    );
    assert_eq!(
        wrong(Command::Find, find::FIND, Version::V16_0),
        "find:Find: not in version 16.0"
    );
    assert_eq!(
        wrong(Command::GetAttachment, ping::PING, Version::V12_1),
        "ping:Ping: the command has no such document"
    );
    assert_eq!(
        check(
            Mode::Strict,
            Command::Ping,
            Direction::Request,
            Version::V14_1,
            |e| e.empty(ping::PING)
        ),
        Ok(())
    );
}

/// Quirk A10.
#[test]
fn requests_are_taken_leniently() {
    let collection = |mode, version| {
        check(mode, Command::Sync, Direction::Request, version, |e| {
            e.start(air_sync::SYNC);
            e.start(air_sync::COLLECTIONS);
            e.start(air_sync::COLLECTION);
            e.text(air_sync::SYNC_KEY, "0");
            e.text(air_sync::COLLECTION_ID, "5");
            // An element that nobody knows, with content that would be wrong elsewhere.
            e.start(Tag::new(0, 0x3E));
            e.empty(Tag::new(99, 0x05));
            e.end();
            e.empty(air_sync::WINDOW_SIZE);
        })
    };
    assert_eq!(collection(Mode::Lenient, Version::V12_1), Ok(()));
    assert!(collection(Mode::Strict, Version::V12_1).is_err());

    let change = |mode, write: fn(&mut Encoder)| {
        check(
            mode,
            Command::Sync,
            Direction::Request,
            Version::V16_1,
            |e| {
                e.start(air_sync::SYNC);
                e.start(air_sync::COLLECTIONS);
                e.start(air_sync::COLLECTION);
                e.text(air_sync::SYNC_KEY, "7");
                e.text(air_sync::COLLECTION_ID, "5");
                e.start(air_sync::COMMANDS);
                e.start(air_sync::CHANGE);
                e.text(air_sync::SERVER_ID, "5:1");
                e.start(air_sync::APPLICATION_DATA);
                write(e);
            },
        )
    };
    // A flag taken back, content where there should be none, a date of no form, blanks around a number.
    for write in [
        |e: &mut Encoder| e.empty(email::FLAG),
        |e: &mut Encoder| {
            e.start(email::FLAG);
            e.text(email::COMPLETE_TIME, "yesterday");
            e.end();
        },
        |e: &mut Encoder| e.text(email::IMPORTANCE, " 1 "),
        |e: &mut Encoder| e.text(email::READ, ""),
    ] {
        assert_eq!(change(Mode::Lenient, write), Ok(()));
    }
    assert_eq!(change(Mode::Strict, |e| e.empty(email::FLAG)), Ok(()));
    for write in [
        |e: &mut Encoder| e.text(email::IMPORTANCE, "high"),
        |e: &mut Encoder| e.text(email::READ, "yes"),
    ] {
        assert!(change(Mode::Lenient, write).is_err());
    }
}

#[test]
fn what_a_version_does_not_have_is_told() {
    let preview = |version| {
        check(
            Mode::Strict,
            Command::Sync,
            Direction::Response,
            version,
            |e| {
                e.start(air_sync::SYNC);
                e.start(air_sync::COLLECTIONS);
                e.start(air_sync::COLLECTION);
                e.text(air_sync::SYNC_KEY, "7");
                e.text(air_sync::COLLECTION_ID, "5");
                e.text(air_sync::STATUS, "1");
                e.start(air_sync::COMMANDS);
                e.start(air_sync::ADD);
                e.text(air_sync::SERVER_ID, "5:1");
                e.start(air_sync::APPLICATION_DATA);
                e.text(email2::IS_DRAFT, "0");
            },
        )
    };
    assert_eq!(preview(Version::V16_0), Ok(()));
    assert!(
        preview(Version::V14_1)
            .unwrap_err()
            .ends_with("email2:IsDraft: not in version 14.1")
    );
}

#[test]
fn a_search_for_people_has_a_string_where_others_have_elements() {
    let query = |write: fn(&mut Encoder)| {
        check(
            Mode::Strict,
            Command::Search,
            Direction::Request,
            Version::V14_1,
            |e| {
                e.start(search::SEARCH);
                e.start(search::STORE);
                e.text(search::NAME, "x");
                e.start(search::QUERY);
                write(e);
                e.end();
            },
        )
    };
    assert_eq!(query(|e| e.push_text("anna")), Ok(()));
    assert_eq!(
        query(|e| {
            e.start(search::AND);
            e.text(air_sync::CLASS, "Email");
            e.text(search::FREE_TEXT, "anna");
        }),
        Ok(())
    );
    assert!(query(|e| e.text(search::NAME, "anna")).is_err());
}

#[test]
fn values_have_their_forms() {
    let time = |text: &str| folder_like(|e| e.text(settings::START_TIME, text), Kind::DateTime);
    for right in [
        "2010-04-08T18:16:00.000Z",
        "2010-04-08T18:16:00Z",
        "20100408T181600Z",
        "20100408T181600.5Z",
    ] {
        assert!(time(right), "{right}");
    }
    for wrong in [
        "2010-04-08T18:16:00",
        "2010-04-08",
        "20100408T181600.Z",
        "2010-04-08T18:16:00.1234567890Z",
        "2010-04-08t18:16:00Z",
        "20100408181600Z",
        "Z",
    ] {
        assert!(!time(wrong), "{wrong}");
    }
    let number = |text: &str| folder_like(|e| e.text(settings::STATUS, text), Kind::Integer);
    assert!(number("0") && number("-1") && number("4294967295"));
    assert!(!number("4294967296") && !number("1.5") && !number(" 1") && !number("-2147483649"));
    let decimal =
        |text: &str| folder_like(|e| e.text(air_sync_base::LATITUDE, text), Kind::Decimal);
    assert!(decimal("47.5") && decimal("-0.25") && !decimal("NaN") && !decimal("x"));
}

/// Whether an element written so is of that kind.
fn folder_like(write: impl FnOnce(&mut Encoder), kind: Kind) -> bool {
    let mut encoder = Encoder::new();
    write(&mut encoder);
    let bytes = encoder.finish();
    let element = Element::parse(&bytes, Limits::default()).unwrap();
    validate::is_of_kind(&element, kind, Mode::Strict)
}

/// Every rule is of a tag that some version knows, stands once in its place, and has children only if it is a container.
#[test]
fn the_trees_are_sound() {
    let mut rules = 0;
    for command in Command::ALL {
        for direction in [Direction::Request, Direction::Response] {
            let Some(root) = root(command, direction) else {
                continue;
            };
            let mut open = vec![root];
            while let Some(rule) = open.pop() {
                rules += 1;
                let known = Version::ALL.into_iter().any(|v| rule.is_known_in(v));
                assert!(known, "{:?}", rule.tag);
                assert!(rule.min <= rule.max && rule.max > 0, "{:?}", rule.tag);
                let container = matches!(rule.kind, Kind::Container | Kind::Mixed);
                assert_eq!(container, rule.rules().next().is_some(), "{:?}", rule.tag);
                for child in rule.rules() {
                    let same = rule.rules().filter(|other| other.tag == child.tag);
                    assert_eq!(same.count(), 1, "{:?} in {:?}", child.tag, rule.tag);
                    open.push(child);
                }
            }
        }
    }
    assert!(rules > 3_000, "{rules}");
}

/// Some of what the trees must have, by hand: the list they were made from is not there on every machine.
#[test]
fn the_trees_have_what_clients_need() {
    let has = |command, direction, path: &[Tag]| {
        let mut rule = root(command, direction).unwrap();
        assert_eq!(rule.tag, path[0]);
        for tag in &path[1..] {
            rule = rule
                .child(*tag)
                .unwrap_or_else(|| panic!("{tag} of {path:?}"));
        }
    };
    let collection = [air_sync::SYNC, air_sync::COLLECTIONS, air_sync::COLLECTION];
    let with = |more: &[Tag]| [&collection, more].concat();
    has(Command::Sync, Direction::Request, &with(&[air_sync::CLASS]));
    has(
        Command::Sync,
        Direction::Request,
        &with(&[
            air_sync::OPTIONS,
            air_sync_base::BODY_PREFERENCE,
            air_sync_base::PREVIEW,
        ]),
    );
    let data = [
        air_sync::COMMANDS,
        air_sync::ADD,
        air_sync::APPLICATION_DATA,
    ];
    has(
        Command::Sync,
        Direction::Response,
        &with(&[&data[..], &[air_sync_base::BODY, air_sync_base::DATA]].concat()),
    );
    has(
        Command::Search,
        Direction::Response,
        &[
            search::SEARCH,
            search::RESPONSE,
            search::STORE,
            search::RESULT,
            search::PROPERTIES,
            gal::PICTURE,
            gal::DATA,
        ],
    );
    has(
        Command::ItemOperations,
        Direction::Response,
        &[
            item_operations::ITEM_OPERATIONS,
            item_operations::RESPONSE,
            item_operations::FETCH,
            item_operations::PROPERTIES,
            item_operations::PART,
        ],
    );
}

/// The list that the trees were made from: every path of it is in them, with its type.
#[test]
fn the_trees_have_every_path_of_the_shared_list() {
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/eas/elements.tsv");
    if !file.parent().unwrap().is_dir() {
        return;
    }
    let text = std::fs::read_to_string(file).unwrap();
    let mut faults = Vec::new();
    let mut left_out = 0;
    for line in text.lines().skip(1) {
        let row: Vec<&str> = line.split('\t').collect();
        // Autodiscover is no WBXML.
        let Some(command) = Command::from_name(row[0]) else {
            continue;
        };
        let direction = match row[1] {
            "request" => Direction::Request,
            _ => Direction::Response,
        };
        let Some(path) = tags_of(row[2]) else {
            left_out += 1;
            continue;
        };
        let mut rule = root(command, direction);
        assert_eq!(rule.unwrap().tag, path[0]);
        for tag in &path[1..] {
            rule = rule.and_then(|rule| rule.child(*tag));
        }
        match rule {
            None => faults.push(format!("{line}: missing")),
            Some(rule) if !is_kind_of(rule.kind, row[3], row[2]) => {
                faults.push(format!("{line}: {:?}", rule.kind));
            }
            Some(_) => {}
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    // folderhierarchy:FileReference and contacts:AssistnamePhoneNumber, names without a token.
    assert_eq!(left_out, 2);
}

/// The tags of a path, with the names that the list has from elsewhere put right.
fn tags_of(path: &str) -> Option<Vec<Tag>> {
    let mut tags: Vec<Tag> = Vec::new();
    for segment in path.split('/') {
        let (prefix, name) = segment.split_once(':')?;
        let prefix = match prefix {
            "rm" => "rightsmanagement",
            "calendar" if tags.last() == Some(&air_sync_base::ATTACHMENTS) => "airsyncbase",
            // What an address list entry consists of stands on its own page.
            "search" | "find"
                if [
                    Some(&search::PROPERTIES),
                    Some(&find::PROPERTIES),
                    Some(&gal::PICTURE),
                ]
                .contains(&tags.last()) =>
            {
                "gal"
            }
            other => other,
        };
        let name = match (prefix, name) {
            ("find", "GALSearchCriterion") => "GalSearchCriterion",
            ("validatecert", "CheckCrl") => "CheckCRL",
            ("composemail", "ForwardeeEmail") => "Email",
            ("composemail", "ForwardeeName") => "Name",
            ("contacts", "Webpage") => "WebPage",
            (_, other) => other,
        };
        let name = if prefix == "contacts" {
            name.replace("TelephoneNumber", "PhoneNumber")
        } else {
            name.to_owned()
        };
        let tag = Tag::find(prefix, &name).or_else(|| {
            // A find:Result's own elements are on its page.
            Tag::find(segment.split_once(':')?.0, &name)
        })?;
        tags.push(tag);
    }
    Some(tags)
}

/// Whether the kind is what the list calls that type.
fn is_kind_of(kind: Kind, listed: &str, path: &str) -> bool {
    // In these, elements stand for their names only.
    if path.contains("/airsync:Supported/") || path.contains("/itemoperations:Schema/") {
        return kind == Kind::Empty || kind == Kind::Container;
    }
    let plain = listed.split('[').next().unwrap_or_default();
    match kind {
        Kind::Container | Kind::Mixed => {
            plain.starts_with("container") || plain.ends_with("Picture") || plain.ends_with("Body")
        }
        Kind::String => ["string", "list/union"].contains(&plain) || plain.starts_with("enum"),
        Kind::Boolean => ["boolean", "empty"].contains(&plain),
        Kind::Integer => plain.starts_with("unsigned") || plain.starts_with("int"),
        Kind::Decimal => plain == "double",
        Kind::DateTime => plain == "dateTime",
        Kind::Opaque => plain == "base64Binary",
        Kind::Empty => plain == "empty" || listed == "string[maxLength=0]",
    }
}
