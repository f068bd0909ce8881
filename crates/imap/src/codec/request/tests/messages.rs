//! FETCH, STORE, COPY and MOVE.

use super::*;

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
