//! What some programs send beside the grammar.

use super::*;

/// Python's imaplib joins the arguments it is given, the empty ones too.
#[test]
fn python_imaplib_sends_spaces_for_empty_arguments() {
    let all = || {
        Command::Search(
            Addressing::Uid,
            Search {
                returns: None,
                key: SearchKey::All,
            },
        )
    };
    check([
        ("UID SEARCH  ALL", all()),
        ("UID SEARCH ALL ", all()),
        ("UID  SEARCH  ALL  ", all()),
        ("NOOP ", Command::Noop),
        (
            "STORE 1  +FLAGS  ( \\Seen )",
            Command::Store(
                Addressing::Sequence,
                Store {
                    set: set("1"),
                    mode: StoreMode::Add,
                    silent: false,
                    flags: FlagList {
                        system: Flags::SEEN,
                        keywords: vec![],
                    },
                    unchanged_since: None,
                },
            ),
        ),
    ]);
}

/// Python's imaplib sends the words of a search as they are.
#[test]
fn python_imaplib_sends_utf8_without_quotes() {
    let key = SearchKey::Header {
        field: "Subject".to_owned(),
        text: "Grüße".to_owned(),
    };
    check([(
        "SEARCH CHARSET UTF-8 SUBJECT Grüße",
        Command::Search(Addressing::Sequence, Search { returns: None, key }),
    )]);
}

/// Thunderbird appends the separator to names of mailboxes that have others below them.
#[test]
fn thunderbird_sends_a_separator_too_many() {
    check([
        ("DELETE \"a/b/\"", Command::Delete(name("a/b"))),
        ("SUBSCRIBE \"a/\"", Command::Subscribe(name("a"))),
        ("UNSUBSCRIBE \"a/\"", Command::Unsubscribe(name("a"))),
        (
            "RENAME \"a/\" \"b/\"",
            Command::Rename {
                from: name("a"),
                to: name("b"),
            },
        ),
        (
            "LSUB \"a/\" \"%/\"",
            Command::Lsub {
                reference: name("a/"),
                pattern: "%/".to_owned(),
            },
        ),
    ]);
}
