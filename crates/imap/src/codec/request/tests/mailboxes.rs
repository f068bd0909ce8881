//! Commands on mailboxes: by name, lists of them, SELECT.

use super::*;

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
