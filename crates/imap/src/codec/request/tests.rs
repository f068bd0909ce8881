//! A table for each group of commands.

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
fn mailboxes() {
    let create = |mailbox: &str, uses: &[&str]| Command::Create {
        mailbox: name(mailbox),
        special_use: strings(uses),
    };
    check([
        ("CREATE foo", create("foo", &[])),
        ("CREATE foo/", create("foo", &[])),
        ("CREATE \"foo//\"", create("foo/", &[])),
        ("CREATE Sent (USE (\\Sent))", create("Sent", &["\\Sent"])),
        (
            "CREATE x (USE (\\Sent \\Drafts) USE ())",
            create("x", &["\\Sent", "\\Drafts"]),
        ),
        ("DELETE inbox", Command::Delete(name("inbox"))),
        ("DELETE Entw&APw-rfe", Command::Delete(name("Entwürfe"))),
        ("DELETE Entw&APw", Command::Delete(name("Entw&APw"))),
        ("DELETE {8}\r\nEntwürf", Command::Delete(name("Entwürf"))),
        (
            "DELETE \"Entwürfe & Co\"",
            Command::Delete(name("Entwürfe & Co")),
        ),
        (
            "RENAME a \"b c\"",
            Command::Rename {
                from: name("a"),
                to: name("b c"),
            },
        ),
        ("SUBSCRIBE a&-b", Command::Subscribe(name("a&b"))),
        ("UNSUBSCRIBE ~a", Command::Unsubscribe(name("~a"))),
        (
            "LSUB \"\" *",
            Command::Lsub {
                reference: name(""),
                pattern: "*".to_owned(),
            },
        ),
        (
            "LSUB \"a/\" \"%\"",
            Command::Lsub {
                reference: name("a/"),
                pattern: "%".to_owned(),
            },
        ),
        (
            "XLIST \"\" \"*\"",
            Command::XList {
                reference: name(""),
                pattern: "*".to_owned(),
            },
        ),
        ("GETQUOTA \"\"", Command::GetQuota(String::new())),
        ("GETQUOTAROOT INBOX", Command::GetQuotaRoot(name("INBOX"))),
        (
            "SETQUOTA \"\" (STORAGE 512 MESSAGE 7)",
            Command::SetQuota(String::new()),
        ),
        ("SETQUOTA x ()", Command::SetQuota("x".to_owned())),
    ]);
    check_refused([
        "CREATE",
        "CREATE a b",
        "CREATE a (FOO (\\x))",
        "CREATE a (USE \\Sent)",
        "CREATE a (USE (Sent))",
        "DELETE \"../\0\"",
        "DELETE a*",
        "DELETE a b",
        "RENAME a",
        "LSUB \"\"",
        "LSUB \"\" (a b)",
        "GETQUOTA",
        "GETQUOTA \"a\tb\"",
        "SETQUOTA \"\" (STORAGE)",
        "SETQUOTA \"\"",
    ]);
    assert_eq!(
        read_bytes(b"DELETE \"Entw&APw-rfe\"", true),
        Ok(Command::Delete(name("Entw&APw-rfe")))
    );
    assert!(read_bytes(b"DELETE \"\xff\"", true).is_err());
    assert!(read_bytes(b"DELETE \"\xff\"", false).is_err());
}

#[test]
fn lists_of_mailboxes() {
    let list = |reference: &str, patterns: &[&str]| List {
        reference: reference.to_owned(),
        patterns: strings(patterns),
        ..List::default()
    };
    let extended = |patterns: &[&str], select, returns| {
        Command::List(List {
            select,
            returns,
            extended: true,
            ..list("", patterns)
        })
    };
    let select = ListSelect::default();
    check([
        ("LIST \"\" *", Command::List(list("", &["*"]))),
        ("LIST \"\" \"\"", Command::List(list("", &[""]))),
        (
            "LIST foo/ Entw&APw-%",
            Command::List(list("foo/", &["Entwü%"])),
        ),
        ("LIST {1}\r\na {2}\r\nb%", Command::List(list("a", &["b%"]))),
        (
            "LIST () \"\" %]",
            extended(&["%]"], select, ListReturn::default()),
        ),
        (
            "LIST \"\" (INBOX \"a/%\")",
            extended(&["INBOX", "a/%"], select, ListReturn::default()),
        ),
        (
            "LIST \"\" % RETURN ()",
            extended(&["%"], select, ListReturn::default()),
        ),
        (
            "LIST (SUBSCRIBED RECURSIVEMATCH SPECIAL-USE REMOTE) \"\" * RETURN (CHILDREN subscribed special-use STATUS (MESSAGES UNSEEN))",
            extended(
                &["*"],
                ListSelect {
                    subscribed: true,
                    remote: true,
                    recursive_match: true,
                    special_use: true,
                },
                ListReturn {
                    subscribed: true,
                    children: true,
                    special_use: true,
                    status: Some(vec![StatusItem::Messages, StatusItem::Unseen]),
                },
            ),
        ),
    ]);
    check_refused([
        "LIST",
        "LIST \"\"",
        "LIST \"\" ()",
        "LIST \"\" * RETURN",
        "LIST \"\" * RETURN (FOO)",
        "LIST \"\" * RETURN (STATUS ())",
        "LIST \"\" * FOO ()",
        "LIST (FOO) \"\" *",
        "LIST (RECURSIVEMATCH) \"\" *",
        "LIST (RECURSIVEMATCH REMOTE) \"\" *",
        "LIST \"\" * *",
    ]);
    let many = format!("LIST \"\" ({})", "a ".repeat(limit::LIST + 1));
    assert_eq!(read(&many), Err(Problem::TooMuch("LIST")));
}

#[test]
fn status() {
    use StatusItem::*;
    check([(
        "STATUS \"a b\" (messages RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ APPENDLIMIT MAILBOXID DELETED-STORAGE)",
        Command::Status(StatusRequest {
            mailbox: name("a b"),
            items: vec![
                Messages,
                Recent,
                UidNext,
                UidValidity,
                Unseen,
                Deleted,
                Size,
                HighestModSeq,
                AppendLimit,
                MailboxId,
                DeletedStorage,
            ],
        }),
    )]);
    check_refused([
        "STATUS a",
        "STATUS a ()",
        "STATUS a MESSAGES",
        "STATUS a (FOO)",
        "STATUS a (UNSEEN) x",
    ]);
}

#[test]
fn select() {
    let plain = |mailbox: &str| Select {
        mailbox: name(mailbox),
        condstore: false,
        qresync: None,
    };
    let qresync = |known_uids, known_sequence| Select {
        qresync: Some(QuickResync {
            uid_validity: 67_890_007,
            mod_seq: 90_060_115_194_045_000,
            known_uids,
            known_sequence,
        }),
        ..plain("INBOX")
    };
    check([
        ("SELECT INBOX", Command::Select(plain("INBOX"))),
        ("examine iNbOx", Command::Examine(plain("iNbOx"))),
        (
            "SELECT INBOX (CONDSTORE)",
            Command::Select(Select {
                condstore: true,
                ..plain("INBOX")
            }),
        ),
        (
            "SELECT INBOX (QRESYNC (67890007 90060115194045000))",
            Command::Select(qresync(None, None)),
        ),
        (
            "SELECT INBOX (QRESYNC (67890007 90060115194045000 41,43:211,214:541))",
            Command::Select(qresync(Some(set("41,43:211,214:541")), None)),
        ),
        (
            "EXAMINE INBOX (QRESYNC (67890007 90060115194045000 (1,2 5,9)))",
            Command::Examine(qresync(None, Some((set("1,2"), set("5,9"))))),
        ),
        (
            "SELECT INBOX (CONDSTORE QRESYNC (67890007 90060115194045000 1:9 (1,2 5,9)))",
            Command::Select(Select {
                condstore: true,
                ..qresync(Some(set("1:9")), Some((set("1,2"), set("5,9"))))
            }),
        ),
    ]);
    check_refused([
        "SELECT",
        "SELECT a b",
        "SELECT a (FOO)",
        "SELECT a (QRESYNC)",
        "SELECT a (QRESYNC ())",
        "SELECT a (QRESYNC (1))",
        "SELECT a (QRESYNC (0 1))",
        "SELECT a (QRESYNC (1 1 *))",
        "SELECT a (QRESYNC (1 1 1:*))",
        "SELECT a (QRESYNC (1 1 $))",
        "SELECT a (QRESYNC (1 1 (1)))",
        "SELECT a (QRESYNC (1 1 (1:2 1:3)))",
        "SELECT a (QRESYNC (1 1) QRESYNC (1 1))",
        "SELECT a (QRESYNC (1 99999999999999999999))",
    ]);
}

#[test]
fn fetch() {
    use FetchItem::*;
    let fetch = |numbers: &str, items: Vec<FetchItem>| Fetch {
        set: set(numbers),
        items,
        changed_since: None,
        vanished: false,
    };
    let by_number =
        |numbers: &str, items| Command::Fetch(Addressing::Sequence, fetch(numbers, items));
    let section = |part: &[u32], text, partial: Option<(u64, u64)>, peek| {
        Section(BodySection {
            part: part.to_vec(),
            text,
            partial: partial.map(|(start, count)| Partial { start, count }),
            peek,
        })
    };
    check([
        (
            "FETCH 1 ALL",
            by_number("1", vec![Flags, InternalDate, Rfc822Size, Envelope]),
        ),
        (
            "FETCH 1 fast",
            by_number("1", vec![Flags, InternalDate, Rfc822Size]),
        ),
        (
            "FETCH 1 FULL",
            by_number("1", vec![Flags, InternalDate, Rfc822Size, Envelope, Body]),
        ),
        ("FETCH $ UID", by_number("$", vec![Uid])),
        (
            "FETCH 1:* (UID FLAGS INTERNALDATE SAVEDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE MODSEQ EMAILID THREADID RFC822 RFC822.HEADER RFC822.TEXT)",
            by_number(
                "1:*",
                vec![
                    Uid,
                    Flags,
                    InternalDate,
                    SaveDate,
                    Rfc822Size,
                    Envelope,
                    Body,
                    BodyStructure,
                    ModSeq,
                    EmailId,
                    ThreadId,
                    Rfc822,
                    Rfc822Header,
                    Rfc822Text,
                ],
            ),
        ),
        (
            "UID FETCH 1 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
            Command::Fetch(
                Addressing::Uid,
                Fetch {
                    changed_since: Some(12345),
                    vanished: true,
                    ..fetch("1", vec![Flags])
                },
            ),
        ),
        (
            "FETCH 1 FLAGS (CHANGEDSINCE 0)",
            Command::Fetch(
                Addressing::Sequence,
                Fetch {
                    changed_since: Some(0),
                    ..fetch("1", vec![Flags])
                },
            ),
        ),
        (
            "FETCH 1 (PREVIEW UID PREVIEW (LAZY) FLAGS)",
            by_number(
                "1",
                vec![Preview { lazy: false }, Uid, Preview { lazy: true }, Flags],
            ),
        ),
        (
            "FETCH 1 PREVIEW (LAZY)",
            by_number("1", vec![Preview { lazy: true }]),
        ),
        (
            "FETCH 1 PREVIEW (CHANGEDSINCE 5)",
            Command::Fetch(
                Addressing::Sequence,
                Fetch {
                    changed_since: Some(5),
                    ..fetch("1", vec![Preview { lazy: false }])
                },
            ),
        ),
        (
            "FETCH 1 (BODY[] BODY.PEEK[]<0.22300> BODY[1.2.3] BODY[TEXT]<5.1>)",
            by_number(
                "1",
                vec![
                    section(&[], None, None, false),
                    section(&[], None, Some((0, 22300)), true),
                    section(&[1, 2, 3], None, None, false),
                    section(&[], Some(SectionText::Text), Some((5, 1)), false),
                ],
            ),
        ),
        (
            "FETCH 1 (body.peek[header.fields (Date \"From\" {2}\r\nTo)] BODY[1.HEADER.FIELDS.NOT (x)] BODY[HEADER] BODY[4.1.MIME])",
            by_number(
                "1",
                vec![
                    section(
                        &[],
                        Some(SectionText::HeaderFields(strings(&["Date", "From", "To"]))),
                        None,
                        true,
                    ),
                    section(
                        &[1],
                        Some(SectionText::HeaderFieldsNot(strings(&["x"]))),
                        None,
                        false,
                    ),
                    section(&[], Some(SectionText::Header), None, false),
                    section(&[4, 1], Some(SectionText::Mime), None, false),
                ],
            ),
        ),
        (
            "FETCH 1 (BINARY[1]<0.9> BINARY.PEEK[] BINARY.SIZE[2.1])",
            by_number(
                "1",
                vec![
                    Binary(BinaryPart {
                        part: vec![1],
                        partial: Some(Partial { start: 0, count: 9 }),
                        peek: false,
                    }),
                    Binary(BinaryPart {
                        part: vec![],
                        partial: None,
                        peek: true,
                    }),
                    BinarySize(vec![2, 1]),
                ],
            ),
        ),
    ]);
    check_refused([
        "FETCH",
        "FETCH 1",
        "FETCH 0 FLAGS",
        "FETCH 1 ()",
        "FETCH 1 FOO",
        "FETCH 1 (FLAGS",
        "FETCH 1 (FLAGS UID))",
        "FETCH 1 FLAGS UID",
        "FETCH 1 (ALL)",
        "FETCH 1 BODY[MIME]",
        "FETCH 1 BODY[0]",
        "FETCH 1 BODY[1.]",
        "FETCH 1 BODY[1",
        "FETCH 1 BODY[HEADER.FIELDS]",
        "FETCH 1 BODY[HEADER.FIELDS ()]",
        "FETCH 1 BODY[HEADER.FIELDS ({4}\r\na\r\nb)]",
        "FETCH 1 BODY[]<0.0>",
        "FETCH 1 BODY[]<0>",
        "FETCH 1 BODY.PEEK",
        "FETCH 1 BINARY",
        "FETCH 1 BINARY.SIZE[1]<0.1>",
        "FETCH 1 BINARY[1.HEADER]",
        "FETCH 1 PREVIEW (FOO)",
        "FETCH 1 FLAGS (VANISHED)",
        "FETCH 1 FLAGS (FOO 1)",
        "FETCH 1 FLAGS (CHANGEDSINCE)",
    ]);
    let deep = format!("FETCH 1 BODY[{}1]", "1.".repeat(limit::SECTION));
    assert_eq!(read(&deep), Err(Problem::TooMuch("FETCH")));
    let many = format!("FETCH 1 ({})", "UID ".repeat(limit::LIST + 1));
    assert_eq!(read(&many), Err(Problem::TooMuch("FETCH")));
    let fields = format!(
        "FETCH 1 BODY[HEADER.FIELDS ({})]",
        "x ".repeat(limit::LIST + 1)
    );
    assert_eq!(read(&fields), Err(Problem::TooMuch("FETCH")));
}

#[test]
fn store_copy_move() {
    let store = |mode, silent, system, keywords: &[&str], unchanged_since| Store {
        set: set("1:3"),
        mode,
        silent,
        flags: FlagList {
            system,
            keywords: strings(keywords),
        },
        unchanged_since,
    };
    let stored = |store| Command::Store(Addressing::Sequence, store);
    check([
        (
            "STORE 1:3 FLAGS ()",
            stored(store(StoreMode::Replace, false, Flags::EMPTY, &[], None)),
        ),
        (
            "store 1:3 +flags.silent (\\seen \\Answered \\FLAGGED \\Deleted \\Draft \\Recent $Junk foo)",
            stored(store(
                StoreMode::Add,
                true,
                Flags::ALL,
                &["$Junk", "foo"],
                None,
            )),
        ),
        (
            "STORE 1:3 -FLAGS \\Seen a",
            stored(store(StoreMode::Remove, false, Flags::SEEN, &["a"], None)),
        ),
        (
            "UID STORE 1:3 (UNCHANGEDSINCE 0) +FLAGS (a)",
            Command::Store(
                Addressing::Uid,
                store(StoreMode::Add, false, Flags::EMPTY, &["a"], Some(0)),
            ),
        ),
        (
            "COPY 1,2 a",
            Command::Copy(Addressing::Sequence, set("1,2"), name("a")),
        ),
        (
            "UID COPY * \"a b\"",
            Command::Copy(Addressing::Uid, set("*"), name("a b")),
        ),
        (
            "MOVE $ a",
            Command::Move(Addressing::Sequence, set("$"), name("a")),
        ),
        (
            "UID MOVE 1 {1}\r\na",
            Command::Move(Addressing::Uid, set("1"), name("a")),
        ),
    ]);
    check_refused([
        "STORE 1",
        "STORE 1 FLAGS",
        "STORE 1 FLAGS \\Foo",
        "STORE 1 FLAGS \\*",
        "STORE 1 FLAGS (a",
        "STORE 1 FLAGS (a b))",
        "STORE 1 FLAGS a]",
        "STORE 1 *FLAGS a",
        "STORE 1 FLAGSX a",
        "STORE 1 (UNCHANGEDSINCE) FLAGS a",
        "STORE 1 (FOO 1) FLAGS a",
        "STORE 0 FLAGS a",
        "COPY 1",
        "COPY a 1",
        "MOVE 1:4294967296 a",
    ]);
    for form in ["({})", "{}"] {
        let flags = form.replace("{}", "f ".repeat(limit::LIST + 1).trim_end());
        let many = format!("STORE 1 FLAGS {flags}");
        assert_eq!(read(&many), Err(Problem::TooMuch("STORE")));
    }
}

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
