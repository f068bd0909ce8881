//! A table for each group of commands.

mod clients;
mod mailboxes;
mod messages;
mod search;

use fieldpost_mailbox::Flags;
use proptest::prelude::*;

use super::*;
use crate::codec::date::Day;

fn read(line: &str) -> Result<Command, Problem> {
    read_bytes(line.as_bytes(), false)
}

fn read_bytes(line: &[u8], utf8: bool) -> Result<Command, Problem> {
    let bytes = [b"a1 ", line].concat();
    match parse(&bytes, Mode { utf8 }) {
        Ok(request) => {
            assert_eq!(&*request.tag.0, "a1");
            Ok(request.command)
        }
        Err(bad) => {
            assert_eq!(bad.tag.as_ref().map(|tag| &*tag.0), Some("a1"));
            assert!(!bad.problem.to_string().contains(['\r', '\n']));
            Err(bad.problem)
        }
    }
}

fn check(table: impl IntoIterator<Item = (&'static str, Command)>) {
    for (line, command) in table {
        assert_eq!(read(line), Ok(command), "{line}");
    }
}

fn check_refused<'a>(lines: impl IntoIterator<Item = &'a str>) {
    for line in lines {
        let read = read(line);
        assert!(
            matches!(read, Err(Problem::Arguments(..))),
            "{line}: {read:?}"
        );
    }
}

fn name(name: &str) -> MailboxName {
    MailboxName(name.to_owned())
}

fn veiled(octets: &[u8]) -> Veiled {
    Veiled(Zeroizing::new(octets.to_vec()))
}

fn set(text: &str) -> SequenceSet {
    SequenceSet::parse(text.as_bytes()).unwrap()
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn commands_without_arguments() {
    check([
        ("CAPABILITY", Command::Capability),
        ("noop", Command::Noop),
        ("Logout", Command::Logout),
        ("STARTTLS", Command::StartTls),
        ("NAMESPACE", Command::Namespace),
        ("IDLE", Command::Idle),
        ("UNAUTHENTICATE", Command::Unauthenticate),
        ("CHECK", Command::Check),
        ("CLOSE", Command::Close),
        ("UNSELECT", Command::Unselect),
        ("EXPUNGE", Command::Expunge(None)),
        ("UID EXPUNGE 3:5,*", Command::Expunge(Some(set("3:5,*")))),
        ("uid expunge $", Command::Expunge(Some(SequenceSet::Saved))),
    ]);
    check_refused(["NOOP x", "EXPUNGE 1", "UID EXPUNGE", "UID EXPUNGE 0"]);
}

#[test]
fn the_tag() {
    for line in [
        "",
        " ",
        " a NOOP",
        "+ NOOP",
        "a+b NOOP",
        "a\u{e9} NOOP",
        "(a NOOP",
        "a\tNOOP",
        "a\"NOOP",
    ] {
        let bad = parse(line.as_bytes(), Mode::default()).unwrap_err();
        assert_eq!((bad.tag, bad.problem), (None, Problem::NoTag), "{line}");
    }
    let longest = "x".repeat(limit::TAG);
    let line = format!("{longest} NOOP");
    assert_eq!(
        parse(line.as_bytes(), Mode::default())
            .unwrap()
            .tag
            .to_string(),
        longest
    );
    let bad = parse(format!("x{line}").as_bytes(), Mode::default()).unwrap_err();
    assert_eq!((bad.tag, bad.problem), (None, Problem::TooMuch("Tag")));
    for line in ["a", "a ", "a  "] {
        let bad = parse(line.as_bytes(), Mode::default()).unwrap_err();
        assert_eq!(bad.tag.unwrap().to_string(), "a");
        assert_eq!(bad.problem, Problem::NoCommand);
    }
    assert_eq!(read("UID"), Err(Problem::NoCommand));
    for line in [
        "FOO",
        "UID NOOP",
        "UID FOO 1",
        "\u{0}",
        "(",
        "NOOPNOOPNOOPNOOPNOOPNOOPNOOP",
        "\"NOOP\"",
    ] {
        assert_eq!(read(line), Err(Problem::UnknownCommand), "{line}");
    }
}

#[test]
fn account() {
    let login = |user: &str, password: &[u8]| Command::Login {
        user: user.into(),
        password: veiled(password),
    };
    let authenticate = |mechanism: &str, initial: Option<&[u8]>| Command::Authenticate {
        mechanism: mechanism.to_owned(),
        initial: initial.map(veiled),
    };
    let pair = |field: &str, value: Option<&str>| (field.to_owned(), value.map(str::to_owned));
    check([
        ("LOGIN alice secret", login("alice", b"secret")),
        (
            "login \"alice b\" \"a\\\"\\\\b\"",
            login("alice b", b"a\"\\b"),
        ),
        (
            "LOGIN {5}\r\nalice {3+}\r\n\0\r\n",
            login("alice", b"\0\r\n"),
        ),
        ("LOGIN \"\" \"müller\"", login("", "müller".as_bytes())),
        ("AUTHENTICATE PLAIN", authenticate("PLAIN", None)),
        ("AUTHENTICATE PLAIN =", authenticate("PLAIN", Some(b"="))),
        (
            "authenticate scram-sha-256 biwsbg==",
            authenticate("scram-sha-256", Some(b"biwsbg==")),
        ),
        ("ENABLE condstore", Command::Enable(strings(&["CONDSTORE"]))),
        (
            "ENABLE UTF8=ACCEPT IMAP4rev2",
            Command::Enable(strings(&["UTF8=ACCEPT", "IMAP4REV2"])),
        ),
        ("COMPRESS deflate", Command::Compress("DEFLATE".to_owned())),
        ("ID NIL", Command::Id(vec![])),
        ("ID ()", Command::Id(vec![])),
        (
            "ID (\"name\" \"Mail\" \"os\" NIL {1}\r\nv {3}\r\n1.0)",
            Command::Id(vec![
                pair("name", Some("Mail")),
                pair("os", None),
                pair("v", Some("1.0")),
            ]),
        ),
    ]);
    check_refused([
        "LOGIN",
        "LOGIN alice",
        "LOGIN alice secret more",
        "LOGIN alice \"secret",
        "LOGIN alice {9}\r\nsecret",
        "AUTHENTICATE",
        "AUTHENTICATE PLAIN a b",
        "AUTHENTICATE PLAIN !",
        "ENABLE",
        "COMPRESS",
        "ID",
        "ID (\"name\")",
        "ID (\"name\" \"x\"",
        "ID (name x)",
    ]);
    let shown = format!("{:?}", read("LOGIN alice hunter2"));
    assert!(shown.contains("REDACTED") && !shown.contains("hunter2"));
    assert_eq!(
        read(&format!("ENABLE{}", " x".repeat(limit::LIST + 1))),
        Err(Problem::TooMuch("ENABLE"))
    );
    assert_eq!(
        read(&format!("ID ({})", "\"a\" NIL ".repeat(limit::LIST + 1))),
        Err(Problem::TooMuch("ID"))
    );
}

#[test]
fn append_is_not_read_here() {
    check_refused(["APPEND INBOX {1}\r\nx", "APPEND x"]);
}

fn depth(key: &SearchKey) -> usize {
    match key {
        SearchKey::And(keys) | SearchKey::Any(keys) => {
            1 + keys.iter().map(depth).max().unwrap_or_default()
        }
        SearchKey::Not(key) => 1 + depth(key),
        _ => 1,
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), utf8: bool) {
        let _ = parse(&bytes, Mode { utf8 });
    }

    #[test]
    fn any_words_are_answered(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "UID ", "SEARCH ", "FETCH ", "STORE ", "LIST ", "SELECT ", "APPEND ", "OR ", "NOT ", "(", ")", "1:*", " ", "\"", "{2}\r\n", "ab",
                "BODY[", "]", "<1.2>", "HEADER.FIELDS ", "$", "*", "\\Seen", "FLAGS ", "RETURN ", "CHARSET UTF-8 ", "SUBJECT ", "ALL", "é",
            ]),
            0..40,
        ),
        utf8: bool,
    ) {
        let line = format!("a {}", words.concat());
        let _ = parse(line.as_bytes(), Mode { utf8 });
    }

    #[test]
    fn searches_are_never_too_deep(
        words in prop::collection::vec(prop::sample::select(vec!["OR ", "NOT ", "(", ") ", "ALL ", "NEW "]), 0..400),
    ) {
        let line = format!("a SEARCH {}", words.concat());
        if let Ok(Request { command: Command::Search(_, search), .. }) = parse(line.as_bytes(), Mode::default()) {
            prop_assert!(depth(&search.key) <= limit::SEARCH_DEPTH);
        }
    }
}
