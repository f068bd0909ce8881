//! SEARCH, SORT and THREAD.

use super::*;

#[test]
fn search() {
    use SearchKey as Key;
    let not = |key| Key::Not(Box::new(key));
    let flag = Key::Flag;
    let header = |field: &str, text: &str| Key::Header {
        field: field.to_owned(),
        text: text.to_owned(),
    };
    let day = Day {
        year: 1994,
        month: 2,
        day: 1,
    };
    let table = [
        ("ALL", Key::All),
        ("all", Key::All),
        ("1:*", Key::Sequence(set("1:*"))),
        ("$", Key::Sequence(SequenceSet::Saved)),
        ("UID $", Key::Uid(SequenceSet::Saved)),
        ("UID 1,3", Key::Uid(set("1,3"))),
        ("ANSWERED", flag(Flags::ANSWERED)),
        ("UNDELETED", not(flag(Flags::DELETED))),
        ("NOT NOT SEEN", flag(Flags::SEEN)),
        ("NOT NOT NOT SEEN", not(flag(Flags::SEEN))),
        ("NEW", Key::And(vec![Key::Recent, not(flag(Flags::SEEN))])),
        ("OLD", not(Key::Recent)),
        ("KEYWORD $Junk", Key::Keyword("$Junk".to_owned())),
        ("UNKEYWORD a", not(Key::Keyword("a".to_owned()))),
        ("FROM bob", header("From", "bob")),
        ("SUBJECT \"a b\"", header("Subject", "a b")),
        ("TO {3}\r\na\"b", header("To", "a\"b")),
        ("CC \"\"", header("Cc", "")),
        ("BCC x", header("Bcc", "x")),
        ("HEADER Message-ID <1@x>", header("Message-ID", "<1@x>")),
        ("BODY x", Key::Body("x".to_owned())),
        ("TEXT grün", Key::Text("grün".to_owned())),
        ("BEFORE 1-Feb-1994", Key::Before(day)),
        ("ON \"01-feb-1994\"", Key::On(day)),
        ("SINCE 1-Feb-1994", Key::Since(day)),
        ("SENTBEFORE 1-Feb-1994", Key::SentBefore(day)),
        ("SENTON 1-Feb-1994", Key::SentOn(day)),
        ("SENTSINCE 1-Feb-1994", Key::SentSince(day)),
        ("SAVEDBEFORE 1-Feb-1994", Key::SavedBefore(day)),
        ("SAVEDON 1-Feb-1994", Key::SavedOn(day)),
        ("SAVEDSINCE 1-Feb-1994", Key::SavedSince(day)),
        ("SAVEDATESUPPORTED", Key::SaveDateSupported),
        ("LARGER 9223372036854775807", Key::Larger(i64::MAX as u64)),
        ("SMALLER 0", Key::Smaller(0)),
        ("OLDER 1", Key::Older(1)),
        ("YOUNGER 86400", Key::Younger(86400)),
        ("MODSEQ 620162338", Key::ModSeq(620_162_338)),
        (
            "MODSEQ \"/flags/\\\\draft\" all 620162338",
            Key::ModSeq(620_162_338),
        ),
        (
            "EMAILID M6d99ac3275bb4e",
            Key::EmailId("M6d99ac3275bb4e".to_owned()),
        ),
        (
            "THREADID T64b478a75b7ea9",
            Key::ThreadId("T64b478a75b7ea9".to_owned()),
        ),
        (
            "SEEN DRAFT",
            Key::And(vec![flag(Flags::SEEN), flag(Flags::DRAFT)]),
        ),
        ("(SEEN)", flag(Flags::SEEN)),
        (
            "((SEEN) (ALL))",
            Key::And(vec![flag(Flags::SEEN), Key::All]),
        ),
        (
            "OR SEEN DRAFT",
            Key::Any(vec![flag(Flags::SEEN), flag(Flags::DRAFT)]),
        ),
        (
            "OR 1 OR 2 OR 3 4 5",
            Key::And(vec![
                Key::Any(
                    (1..=4)
                        .map(|n| Key::Sequence(set(&n.to_string())))
                        .collect(),
                ),
                Key::Sequence(set("5")),
            ]),
        ),
        (
            "OR OR OR 1 2 3 4",
            Key::Any(
                (1..=4)
                    .map(|n| Key::Sequence(set(&n.to_string())))
                    .collect(),
            ),
        ),
        (
            "OR (1 NOT SEEN) NOT OR 2 (OR 3 (4))",
            Key::Any(vec![
                Key::And(vec![Key::Sequence(set("1")), not(flag(Flags::SEEN))]),
                not(Key::Any(vec![
                    Key::Sequence(set("2")),
                    Key::Any(vec![Key::Sequence(set("3")), Key::Sequence(set("4"))]),
                ])),
            ]),
        ),
    ];
    for (keys, key) in table {
        for (command, by) in [
            ("SEARCH", Addressing::Sequence),
            ("UID SEARCH", Addressing::Uid),
        ] {
            let expected = Command::Search(
                by,
                Search {
                    returns: None,
                    key: key.clone(),
                },
            );
            assert_eq!(read(&format!("{command} {keys}")), Ok(expected), "{keys}");
        }
    }
    check_refused([
        "SEARCH",
        "SEARCH FOO",
        "SEARCH FOO x",
        "SEARCH FROM",
        "SEARCH 0",
        "SEARCH 4294967296",
        "SEARCH NOT",
        "SEARCH OR",
        "SEARCH OR 1",
        "SEARCH OR 1 OR 2",
        "SEARCH (",
        "SEARCH ()",
        "SEARCH (1",
        "SEARCH 1)",
        "SEARCH (1))",
        "SEARCH OR (1 2)",
        "SEARCH (OR 1) 2",
        "SEARCH (NOT) 2",
        "SEARCH KEYWORD (a)",
        "SEARCH ON 30-Feb-1994",
        "SEARCH ON \"1-Feb-1994",
        "SEARCH OLDER 0",
        "SEARCH LARGER 9223372036854775808",
        "SEARCH MODSEQ \"/flags/x\" foo 1",
        "SEARCH HEADER \"a\tb\" c",
        "SEARCH UID",
    ]);
}

#[test]
fn search_results() {
    let all = |returns| {
        Command::Search(
            Addressing::Sequence,
            Search {
                returns: Some(returns),
                key: SearchKey::All,
            },
        )
    };
    let none = SearchReturn::default();
    check([
        ("SEARCH RETURN () ALL", all(none)),
        (
            "SEARCH RETURN (MIN max COUNT ALL SAVE) ALL",
            all(SearchReturn {
                min: true,
                max: true,
                all: true,
                count: true,
                save: true,
            }),
        ),
        (
            "SEARCH RETURN (SAVE) CHARSET UTF-8 ALL",
            all(SearchReturn { save: true, ..none }),
        ),
    ]);
    check_refused([
        "SEARCH RETURN ALL",
        "SEARCH RETURN (FOO) ALL",
        "SEARCH RETURN (ALL)",
        "SEARCH RETURN",
        "SEARCH CHARSET UTF-8",
    ]);
}

#[test]
fn charsets() {
    let subject = |line: &[u8]| -> Result<String, Problem> {
        match read_bytes(line, false)? {
            Command::Search(
                _,
                Search {
                    key: SearchKey::Header { text, .. },
                    ..
                },
            ) => Ok(text),
            other => panic!("{other:?}"),
        }
    };
    let cases: &[(&[u8], &str)] = &[
        (b"SEARCH SUBJECT {3}\r\n\xc3\xa4b", "äb"),
        (b"SEARCH SUBJECT {2}\r\n\xe4b", "äb"),
        (b"SEARCH CHARSET utf-8 SUBJECT {3}\r\n\xc3\xa4b", "äb"),
        (b"SEARCH CHARSET \"US-ASCII\" SUBJECT b", "b"),
        (b"SEARCH CHARSET ISO-8859-1 SUBJECT {2}\r\n\xe4b", "äb"),
        (b"SEARCH CHARSET KOI8-R SUBJECT \"\xd0\"", "п"),
        (
            b"SEARCH CHARSET ISO-2022-JP SUBJECT {8}\r\n\x1b$B$\"\x1b(B",
            "あ",
        ),
    ];
    for (line, text) in cases {
        assert_eq!(subject(line).as_deref(), Ok(*text), "{line:?}");
    }
    for line in [
        "SEARCH CHARSET FOO ALL",
        "SEARCH CHARSET \"\" ALL",
        "SORT (DATE) X-Y ALL",
        "THREAD REFERENCES X ALL",
        "SEARCH RETURN (COUNT) CHARSET FOO ALL",
    ] {
        let bad = Problem::BadCharset { saves: false };
        assert_eq!(read(line), Err(bad), "{line}");
    }
    for line in [
        "SEARCH RETURN (SAVE) CHARSET FOO ALL",
        "SORT RETURN (COUNT SAVE) (DATE) X-Y ALL",
    ] {
        let bad = Problem::BadCharset { saves: true };
        assert_eq!(read(line), Err(bad), "{line}");
    }
    // The charset is missing, or what follows is no search anyway.
    for line in [
        "SORT (SUBJECT) ALL",
        "SORT (SUBJECT) FROM x",
        "THREAD REFERENCES ALL",
        "SEARCH CHARSET FOO",
        "SEARCH CHARSET FOO NONSENSE",
    ] {
        let problem = read(line).unwrap_err();
        assert!(
            matches!(problem, Problem::Arguments(..)),
            "{line}: {problem:?}"
        );
    }
}

/// Fault 15: searches nested 10,000 deep; and case 10, as many opening parentheses.
#[test]
fn fault_15_deep_searches() {
    let deep = |count| format!("SEARCH {}ALL{}", "(".repeat(count), ")".repeat(count));
    assert!(read(&deep(limit::SEARCH_DEPTH - 4)).is_ok());
    assert_eq!(
        read(&deep(limit::SEARCH_DEPTH)),
        Err(Problem::TooMuch("SEARCH"))
    );
    let new = format!("SEARCH {}NEW 1{} 1", "NOT (1 ".repeat(48), ")".repeat(48));
    let Ok(Command::Search(_, search)) = read(&new) else {
        panic!("too deep");
    };
    assert_eq!(depth(&search.key), limit::SEARCH_DEPTH);
    for unit in ["(", "NOT (", "OR 1 (", "OR NOT ", "NOT OR 1 "] {
        let line = format!("SEARCH {}", unit.repeat(10_000));
        assert_eq!(read(&line), Err(Problem::TooMuch("SEARCH")), "{unit}");
    }
    assert!(read(&format!("SEARCH {}ALL", "NOT ".repeat(10_000))).is_ok());
}

#[test]
fn long_chains_of_or_are_flat() {
    let ids: Vec<_> = (0..limit::SEARCH_KEYS)
        .map(|n| format!("HEADER Message-ID <{n}@x>"))
        .collect();
    let right = format!("SEARCH OR {}", ids.join(" OR "));
    // The last two are the operands of one.
    let last = right.rfind(" OR ").unwrap();
    let right = format!("{}{}", &right[..last], &right[last + 3..]);
    let left = format!("SEARCH {}{}", "OR ".repeat(ids.len() - 1), ids.join(" "));
    for line in [right, left] {
        let Ok(Command::Search(
            _,
            Search {
                key: SearchKey::Any(keys),
                ..
            },
        )) = read(&line)
        else {
            panic!("no chain");
        };
        assert_eq!(keys.len(), limit::SEARCH_KEYS);
    }
    let more = format!("SEARCH {}", "ALL ".repeat(limit::SEARCH_KEYS + 1));
    assert_eq!(read(&more), Err(Problem::TooMuch("SEARCH")));
}

#[test]
fn sort_and_thread() {
    use SortKey::*;
    let sort = |returns, keys: &[(SortKey, bool)]| {
        Command::Sort(
            Addressing::Sequence,
            Sort {
                returns,
                keys: keys.to_vec(),
                key: SearchKey::All,
            },
        )
    };
    check([
        ("SORT (SUBJECT) UTF-8 ALL", sort(None, &[(Subject, false)])),
        (
            "SORT (ARRIVAL reverse CC DATE REVERSE DISPLAYFROM DISPLAYTO FROM SIZE SUBJECT TO) us-ascii ALL",
            sort(
                None,
                &[
                    (Arrival, false),
                    (Cc, true),
                    (Date, false),
                    (DisplayFrom, true),
                    (DisplayTo, false),
                    (From, false),
                    (Size, false),
                    (Subject, false),
                    (To, false),
                ],
            ),
        ),
        (
            "SORT RETURN (COUNT) (DATE) UTF-8 ALL",
            sort(
                Some(SearchReturn {
                    count: true,
                    ..SearchReturn::default()
                }),
                &[(Date, false)],
            ),
        ),
        (
            "UID THREAD REFERENCES UTF-8 ALL",
            Command::Thread(
                Addressing::Uid,
                Thread {
                    algorithm: ThreadAlgorithm::References,
                    key: SearchKey::All,
                },
            ),
        ),
        (
            "THREAD orderedsubject \"UTF-8\" ALL",
            Command::Thread(
                Addressing::Sequence,
                Thread {
                    algorithm: ThreadAlgorithm::OrderedSubject,
                    key: SearchKey::All,
                },
            ),
        ),
    ]);
    check_refused([
        "SORT",
        "SORT () UTF-8 ALL",
        "SORT (FOO) UTF-8 ALL",
        "SORT (REVERSE) UTF-8 ALL",
        "SORT (DATE) UTF-8",
        "SORT (DATE)",
        "SORT DATE UTF-8 ALL",
        "THREAD REFS UTF-8 ALL",
        "THREAD REFERENCES UTF-8",
    ]);
    let many = format!("SORT ({}) UTF-8 ALL", "DATE ".repeat(limit::LIST + 1));
    assert_eq!(read(&many), Err(Problem::TooMuch("SORT")));
}
