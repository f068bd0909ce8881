//! Searching and sorting: what is found, in which charset and where it lies; random mail against a naive reading of it.

#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string
)]

mod support;

use std::sync::Arc;

use fieldpost_mailbox::{
    ContentId, Error, Expunge, FlagUpdate, Flags, FolderId, Mailbox, NewItem, Query, SortBy,
    SortKey, ThreadId, Threading, UidSet, UpdateMode,
};
use fieldpost_store::{Commit, MemoryStore, Scan, Store};
use support::*;

async fn append(world: &World, mailbox: &Mailbox, inbox: FolderId, text: &str) -> u32 {
    append_bytes(world, mailbox, inbox, text.as_bytes()).await
}

async fn append_bytes(world: &World, mailbox: &Mailbox, inbox: FolderId, text: &[u8]) -> u32 {
    let new = NewItem::new(world.receive(text).await);
    mailbox.append(inbox, &new).await.unwrap().uid
}

async fn search(mailbox: &Mailbox, folder: FolderId, query: &Query) -> Vec<u32> {
    let view = mailbox.view(folder).await.unwrap();
    mailbox
        .search(folder, &view, query, &UidSet::all(), &mut || true)
        .await
        .unwrap()
}

fn header(field: &str, text: &str) -> Query {
    Query::Header {
        field: field.into(),
        text: text.into(),
    }
}

fn body(text: &str) -> Query {
    Query::Body(text.into())
}

fn text(text: &str) -> Query {
    Query::Text(text.into())
}

fn not(query: Query) -> Query {
    Query::Not(Box::new(query))
}

#[tokio::test]
async fn rows_tell_flags_dates_sizes_keywords_and_ids() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    for number in 1..=4 {
        let mut new = NewItem::new(world.receive(message(number).as_bytes()).await);
        new.internal_date = Some(i64::from(number) * 100);
        if number == 3 {
            new.flags = Flags::SEEN | Flags::FLAGGED;
            new.keywords = vec!["$Junk".into()];
        }
        mailbox.append(inbox, &new).await.unwrap();
    }
    let update = FlagUpdate::categories(UpdateMode::Add, ["Red"]);
    let two = UidSet::from_iter([2]);
    let changed = mailbox
        .update_flags(inbox, &two, &update, None)
        .await
        .unwrap();
    let size = message(1).len() as u64;
    let view = mailbox.view(inbox).await.unwrap();
    let row = *view.by_uid(4).unwrap();
    for (query, expected) in [
        (Query::All, &[1, 2, 3, 4][..]),
        (Query::Flags(Flags::SEEN), &[3]),
        (not(Query::Flags(Flags::SEEN)), &[1, 2, 4]),
        (Query::Flags(Flags::SEEN | Flags::DELETED), &[]),
        (Query::Keyword("$junk".into()), &[3]),
        (Query::Keyword("$none".into()), &[]),
        (not(Query::Keyword("$none".into())), &[1, 2, 3, 4]),
        (Query::Category("Red".into()), &[2]),
        (Query::InternalDate(200..400), &[2, 3]),
        (Query::SaveDate(i64::MIN..world.time.now()), &[]),
        (Query::SaveDate(world.time.now()..i64::MAX), &[1, 2, 3, 4]),
        (Query::Larger(size), &[]),
        (Query::Larger(size - 1), &[1, 2, 3, 4]),
        (Query::Smaller(size), &[]),
        (Query::ModSeq(changed.mod_seq), &[2]),
        (Query::Content(row.content), &[4]),
        (Query::Content(ContentId(99)), &[]),
        (Query::Thread(ThreadId(row.thread.0)), &[4]),
        (Query::Attachments, &[]),
        (Query::Uids(UidSet::from_ranges([2..=3])), &[2, 3]),
        (
            Query::Any(vec![Query::Flags(Flags::SEEN), Query::InternalDate(0..101)]),
            &[1, 3],
        ),
        // 23 Nov 2026 is day 20,780.
        (Query::SentDay(20_780..20_781), &[1, 2, 3, 4]),
        (Query::SentDay(i64::MIN..20_780), &[]),
        (
            Query::And(vec![Query::Flags(Flags::SEEN), header("subject", "number")]),
            &[3],
        ),
    ] {
        assert_eq!(search(&mailbox, inbox, &query).await, expected, "{query:?}");
    }
    let within = UidSet::from_iter([1, 4, 9]);
    let found = mailbox
        .search(inbox, &view, &text("number"), &within, &mut || true)
        .await
        .unwrap();
    assert_eq!(found, [1, 4]);
}

#[tokio::test]
async fn text_is_found_in_every_charset_and_encoding() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    for (head, coded) in [
        (
            "text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable",
            "Gr=FC=DFe aus M=FCn=\r\nchen",
        ),
        (
            "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
            "R3LDvMOfZSBhdXMgTcO8bmNo\r\nZW4=",
        ),
        (
            "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
            "GR=C3=9CSSE  aus=20\r\n\tM=C3=BCnchen",
        ),
        (
            "text/html; charset=utf-8",
            "<style>p{Grau}</style><p title=\"Wien\">Gr&uuml;&szlig;e <b>aus</b>\r\nM&#252;nchen</p>",
        ),
        ("text/plain; charset=utf-7", "Gr+APwA3w-e aus M+APw-nchen"),
        ("application/octet-stream; name=a", "Gr=FC=DFe aus Wien"),
    ] {
        let mail = format!(
            "From: a@x\r\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n =?iso-8859-1?Q?_aus_Wien?=\r\nMIME-Version: 1.0\r\nContent-Type: {head}\r\n\r\n{coded}\r\n"
        );
        append(&world, &mailbox, inbox, &mail).await;
    }
    append_bytes(
        &world,
        &mailbox,
        inbox,
        b"Subject: raw\r\n\r\nGr\xfc\xdfe aus M\xfcnchen\r\n",
    )
    .await;
    let text_parts = [1, 2, 3, 4, 5, 7];
    for (query, expected) in [
        (body("grüsse AUS münchen"), &text_parts[..]),
        (body("GRÜßE"), &text_parts),
        (body("munchen"), &[]),
        (body("e  aus \t M"), &text_parts),
        (body("wien"), &[]),
        (text("wien"), &[1, 2, 3, 4, 5, 6]),
        (body("grau"), &[]),
        (header("Subject", "grüße aus"), &[1, 2, 3, 4, 5, 6]),
        (header("subject", "GRÜSSE AUS WIEN"), &[1, 2, 3, 4, 5, 6]),
        (header("Content-Type", "quoted"), &[]),
        (header("content-transfer-encoding", "QUOTED"), &[1, 3]),
        (header("mime-version", ""), &[1, 2, 3, 4, 5, 6]),
        (not(header("mime-version", "")), &[7]),
        (header("subject", ""), &[1, 2, 3, 4, 5, 6, 7]),
        (header("bcc", ""), &[]),
        (header("from", ""), &[1, 2, 3, 4, 5, 6]),
        (text("mime-version: 1.0"), &[1, 2, 3, 4, 5, 6]),
        (body("mime-version"), &[]),
    ] {
        assert_eq!(search(&mailbox, inbox, &query).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn parts_their_headers_and_attached_messages_are_searched() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let inner = "Subject: Inner subject\r\nTo: deep@example.org\r\n\r\nInner words\r\n";
    let mail = format!(
        "Subject: Outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\nfirst text\r\n\
         --b\r\nContent-Type: application/pdf; name=\"=?utf-8?Q?L=C3=B6wenzahn.pdf?=\"\r\n\r\n{}hidden\r\n\
         --b\r\nContent-Type: message/rfc822\r\n\r\n{inner}--b\r\n\r\nlast text\r\n--b--\r\n",
        "x".repeat(200_000)
    );
    let uid = append(&world, &mailbox, inbox, &mail).await;
    for (query, found) in [
        (body("first text"), true),
        (body("last TEXT"), true),
        (body("text last"), false),
        (body("hidden"), false),
        (text("hidden"), false),
        (text("preamble"), false),
        (text("LÖWENZAHN.pdf"), true),
        (body("löwenzahn"), false),
        (body("inner words"), true),
        (body("inner subject"), false),
        (text("inner subject"), true),
        (text("deep@example"), true),
        (header("subject", "inner"), false),
        (header("to", "deep"), false),
        (Query::And(vec![text("outer"), body("last text")]), true),
        (Query::And(vec![text("outer"), body("nothing")]), false),
        (
            Query::Any(vec![body("nothing"), text("application/pdf")]),
            true,
        ),
        (not(Query::Any(vec![body("nothing"), text("never")])), true),
    ] {
        let expected: &[u32] = if found { &[uid] } else { &[] };
        assert_eq!(search(&mailbox, inbox, &query).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn a_needle_lies_wherever_chunks_end() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let mut uids = Vec::new();
    // Around 64 KiB, at which bodies are cut, in plain text and in HTML whose markup is taken off 256 KiB at a time.
    for (kind, around) in [("plain", 65_536), ("html", 65_536), ("html", 262_144)] {
        for shift in 0..12 {
            let head = format!("Subject: s\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n");
            let length = around - head.len() - shift;
            let line = "lorem <b>ipsum</b>\r\n";
            let lines = line.repeat(length / line.len());
            let rest = "y".repeat(length % line.len());
            let mail = format!("{head}{lines}{rest} the nÄEdle{line}");
            uids.push(append(&world, &mailbox, inbox, &mail).await);
        }
    }
    assert_eq!(search(&mailbox, inbox, &body("THE NÄEDLE")).await, uids);
    assert_eq!(search(&mailbox, inbox, &body("the naedle")).await, []);
}

#[tokio::test]
async fn long_and_odd_header_fields_are_found_whole() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let many: String = (0..3_000)
        .map(|number| format!("Person {number} <p{number}@example.org>,\r\n "))
        .collect();
    let ids: String = (0..200)
        .map(|number| format!("<id{number}@x>\r\n "))
        .collect();
    append(
        &world,
        &mailbox,
        inbox,
        &format!("To: {many}last@end\r\nReferences: {ids}<end@x>\r\nX-Odd: a\r\nX-ODD: b\r\n\r\n"),
    )
    .await;
    append(
        &world,
        &mailbox,
        inbox,
        "To: \r\nCc: undisclosed-recipients:;\r\nSubject:\r\n\r\n",
    )
    .await;
    for (query, expected) in [
        (header("to", "p2999@example"), &[1][..]),
        (header("to", "PERSON 7 <"), &[1]),
        (header("TO", "last@end"), &[1]),
        (header("to", "nobody@"), &[]),
        (header("references", "<id100@x>"), &[1]),
        (header("references", "id100@x"), &[1]),
        (header("references", "id1000@x"), &[]),
        (header("to", ""), &[1, 2]),
        (header("cc", "undisclosed"), &[2]),
        (header("subject", ""), &[2]),
        (header("x-odd", "b"), &[1]),
        (header("X-odd", ""), &[1]),
    ] {
        assert_eq!(search(&mailbox, inbox, &query).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn what_is_damaged_or_gone_is_passed_over() {
    let store = MemoryStore::new();
    let world = World::with(store.clone(), |_| {});
    let (mailbox, inbox) = world.alice().await;
    for number in 1..=5 {
        add(&world, &mailbox, inbox, number).await;
    }
    let view = mailbox.view(inbox).await.unwrap();
    let mut prefix = vec![0x46];
    prefix.extend_from_slice(&inbox.0.to_be_bytes());
    let records = store.scan(ALICE, Scan::prefix(prefix)).await.unwrap();
    let mut commit = Commit::new(ALICE);
    // A record that does not parse, and one whose summary does not.
    commit.put(records[1].0.clone(), vec![9]);
    let mut damaged = records[2].1.to_vec();
    let summary = world
        .receive(message(3).as_bytes())
        .await
        .summary()
        .encode();
    let version = damaged.len() - summary.len();
    damaged[version] ^= 0xff;
    commit.put(records[2].0.clone(), damaged);
    store.commit(commit).await.unwrap();
    mailbox
        .expunge(inbox, &UidSet::from_iter([4]), Expunge::All)
        .await
        .unwrap();
    for query in [
        header("subject", "number"),
        text("text"),
        body("text"),
        not(body("nowhere")),
    ] {
        let found = mailbox
            .search(inbox, &view, &query, &UidSet::all(), &mut || true)
            .await
            .unwrap();
        assert_eq!(found, [1, 5], "{query:?}");
    }
    let all = [1, 2, 3, 4, 5];
    let keys = [SortBy::descending(SortKey::Subject)];
    let sorted = mailbox
        .sort(inbox, &view, &all, &keys, &mut || true)
        .await
        .unwrap();
    assert_eq!(sorted, [5, 1, 2, 3, 4]);
    for threading in [Threading::References, Threading::OrderedSubject] {
        let threads = mailbox
            .threads(inbox, &view, &all, threading, &mut || true)
            .await
            .unwrap();
        let mut uids: Vec<_> = threads.iter().filter_map(|one| one.uid).collect();
        uids.sort_unstable();
        assert_eq!(uids, all);
    }
}

#[tokio::test]
async fn a_search_that_is_not_wanted_any_more_ends_and_others_run_meanwhile() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    let mail = format!("Subject: s\r\n\r\n{}", "some words\r\n".repeat(5_000));
    let received = world.receive(mail.as_bytes()).await;
    for _ in 0..60 {
        let new = NewItem::new(received.clone());
        mailbox.append(inbox, &new).await.unwrap();
    }
    let view = mailbox.view(inbox).await.unwrap();
    let mut asked = 0;
    let mut pace = || {
        asked += 1;
        asked < 3
    };
    let result = mailbox
        .search(inbox, &view, &text("nothing"), &UidSet::all(), &mut pace)
        .await;
    assert!(matches!(result, Err(Error::Cancelled)));
    assert_eq!(asked, 3);
    // As a task of its own, beside another one on the same thread.
    let counted = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let other = Arc::clone(&counted);
    let beside = tokio::spawn(async move {
        loop {
            other.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let search = tokio::spawn(async move {
        let query = text("nothing");
        mailbox
            .search(inbox, &view, &query, &UidSet::all(), &mut || true)
            .await
    });
    assert_eq!(search.await.unwrap().unwrap(), []);
    beside.abort();
    assert!(counted.load(std::sync::atomic::Ordering::Relaxed) > 5);
}

#[tokio::test]
async fn items_are_sorted_by_each_key() {
    let world = World::new();
    let (mailbox, inbox) = world.alice().await;
    // RFC 5256 §2.1: the base subject; §2.2: the sent date in UTC, the internal date without one; RFC 5957: names shown.
    for (number, head) in [
        "From: \"beta\" <zed@x>\r\nTo: One <m@x>\r\nCc: c@x\r\nSubject: Re: banana\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100",
        "From: Alpha@x\r\nTo: zoo@x\r\nSubject: [list] Apple (fwd)\r\nDate: Mon, 23 Nov 2026 09:30:00 +0000",
        "From: =?utf-8?Q?=C3=84rger?= <mid@x>\r\nTo: m@x\r\nCc: B@x\r\nSubject: apple\r\nX: filling",
        "Subject: =?utf-8?B?WmVicmE=?=\r\nDate: Mon, 23 Nov 2026 09:15:00 +0000",
    ]
    .into_iter()
    .enumerate()
    {
        let mail = format!("{head}\r\n\r\n");
        let mut new = NewItem::new(world.receive(mail.as_bytes()).await);
        new.internal_date = Some([30, 20, 1_795_428_600, 10][number]);
        mailbox.append(inbox, &new).await.unwrap();
    }
    let view = mailbox.view(inbox).await.unwrap();
    let sort = async |keys: &[SortBy]| {
        mailbox
            .sort(inbox, &view, &[4, 3, 9, 2, 1, 1], keys, &mut || true)
            .await
            .unwrap()
    };
    let by = SortBy::ascending;
    for (key, expected) in [
        (SortKey::InternalDate, [4, 2, 1, 3]),
        // 09:00, 09:30, 10:10 (its internal date), 09:15.
        (SortKey::SentDate, [1, 4, 2, 3]),
        (SortKey::Size, [4, 3, 2, 1]),
        (SortKey::Subject, [2, 3, 1, 4]),
        (SortKey::From, [4, 2, 3, 1]),
        (SortKey::To, [4, 1, 3, 2]),
        (SortKey::Cc, [2, 4, 3, 1]),
        (SortKey::DisplayFrom, [4, 2, 3, 1]),
        (SortKey::DisplayTo, [4, 3, 1, 2]),
    ] {
        assert_eq!(sort(&[by(key)]).await, expected, "{key:?}");
    }
    let reverse = SortBy::descending(SortKey::To);
    assert_eq!(sort(&[reverse]).await, [2, 1, 3, 4]);
    let then = SortBy::descending(SortKey::InternalDate);
    assert_eq!(sort(&[by(SortKey::Subject), then]).await, [3, 2, 1, 4]);
    assert_eq!(sort(&[]).await, [1, 2, 3, 4]);
}

/// Words that mails and queries are made of; some are part of others, some differ in case alone.
const WORDS: [&str; 10] = [
    "alpha", "ALPHABET", "bet", "Grüße", "GRÜSSE", "日本", "naïve", "x", "Straße", "end",
];

/// What stands in the header of every random mail, and of its parts.
const FIXED: [&str; 4] = [
    "From: <someone@example.org>",
    "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=",
    "Content-Type: text/plain; charset=utf-8",
];

/// A mail as it is meant, before it is encoded.
struct Meant {
    subject: String,
    from: String,
    odd: Option<String>,
    texts: Vec<String>,
    flags: Flags,
    date: i64,
    size: u64,
}

fn folded(text: &str) -> String {
    let decomposed: String = text
        .to_uppercase()
        .chars()
        .flat_map(|char| match char {
            'Ü' => vec!['U', '\u{308}'],
            'Ï' => vec!['I', '\u{308}'],
            other => vec![other],
        })
        .collect();
    let mut out = String::new();
    for char in decomposed.chars() {
        match char {
            ' ' | '\r' | '\n' if out.ends_with(' ') => {}
            ' ' | '\r' | '\n' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

fn holds(text: &str, needle: &str) -> bool {
    folded(text).contains(&folded(needle))
}

impl Meant {
    fn random(random: &mut model::Random) -> Self {
        let words = |most: u64, random: &mut model::Random| {
            let count = random.below(most) + 1;
            let words: Vec<_> = (0..count)
                .map(|_| WORDS[random.below(WORDS.len() as u64) as usize])
                .collect();
            words.join(if random.below(4) == 0 { "\r\n" } else { " " })
        };
        let line = |text: String| text.replace("\r\n", " ");
        Self {
            subject: line(words(4, random)),
            from: line(words(2, random)),
            odd: (random.below(2) == 0).then(|| line(words(3, random))),
            texts: (0..=random.below(3)).map(|_| words(12, random)).collect(),
            flags: [Flags::EMPTY, Flags::SEEN, Flags::FLAGGED][random.below(3) as usize],
            date: random.below(10) as i64,
            size: 0,
        }
    }

    fn encoded(&self, random: &mut model::Random) -> String {
        let word = |text: &str| format!("=?utf-8?B?{}?=", base64(text.as_bytes()));
        let mut mail = format!(
            "Subject: {}\r\nFrom: {} <someone@example.org>\r\n",
            word(&self.subject),
            word(&self.from)
        );
        if let Some(odd) = &self.odd {
            mail.push_str(&format!("X-Odd: {}\r\n", word(odd)));
        }
        mail.push_str(
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_=\"\r\n\r\n",
        );
        for text in &self.texts {
            mail.push_str("--=_=\r\n");
            let (encoding, coded) = match random.below(3) {
                0 => ("8bit", text.clone()),
                1 => ("base64", base64(text.as_bytes())),
                _ => (
                    "quoted-printable",
                    text.bytes()
                        .map(|byte| match byte {
                            b'\r' | b'\n' | b' ' => char::from(byte).to_string(),
                            byte => format!("={byte:02X}"),
                        })
                        .collect(),
                ),
            };
            mail.push_str(&format!(
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{coded}\r\n"
            ));
        }
        mail.push_str("--=_=--\r\n");
        mail
    }

    fn answers(&self, uid: u32, query: &Query) -> bool {
        match query {
            Query::All => true,
            Query::And(parts) => parts.iter().all(|part| self.answers(uid, part)),
            Query::Any(parts) => parts.iter().any(|part| self.answers(uid, part)),
            Query::Not(part) => !self.answers(uid, part),
            Query::Uids(uids) => uids.contains(uid),
            Query::Flags(flags) => self.flags.contains(*flags),
            Query::InternalDate(range) => range.contains(&self.date),
            Query::Larger(size) => self.size > *size,
            Query::Header { field, text } => match field.as_str() {
                "Subject" => holds(&self.subject, text),
                "From" => holds(&format!("{} <someone@example.org>", self.from), text),
                _ => self.odd.as_deref().is_some_and(|odd| holds(odd, text)),
            },
            Query::Body(text) => self.texts.iter().any(|part| holds(part, text)),
            Query::Text(text) => {
                FIXED.iter().any(|fixed| holds(fixed, text))
                    || holds(&self.subject, text)
                    || holds(&self.from, text)
                    || self.odd.as_deref().is_some_and(|odd| holds(odd, text))
                    || self.texts.iter().any(|part| holds(part, text))
            }
            other => panic!("{other:?}"),
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(group.get(place).copied().unwrap_or(0));
        }
        for place in 0..4 {
            out.push(if place <= group.len() {
                ALPHABET[(bits >> (18 - 6 * place) & 63) as usize].into()
            } else {
                '='
            });
        }
    }
    out
}

fn random_query(random: &mut model::Random, depth: u64) -> Query {
    let phrase = |random: &mut model::Random| {
        let one = WORDS[random.below(WORDS.len() as u64) as usize];
        match random.below(4) {
            0 => format!("{one} {}", WORDS[random.below(WORDS.len() as u64) as usize]),
            // A part of a word.
            1 => one.chars().skip(1).collect(),
            _ => one.to_owned(),
        }
    };
    let parts = |random: &mut model::Random| {
        (0..random.below(4))
            .map(|_| random_query(random, depth + 1))
            .collect()
    };
    match random.below(if depth < 3 { 13 } else { 9 }) {
        0 => Query::Flags(Flags::SEEN),
        1 => Query::InternalDate(random.below(6) as i64..random.below(10) as i64),
        2 => Query::Larger(300 + random.below(400)),
        3 => Query::Uids(UidSet::from_ranges([1..=random.below(30) as u32])),
        4 => header("Subject", &phrase(random)),
        5 => header("From", &phrase(random)),
        6 => header("X-Odd", &phrase(random)),
        7 => body(&phrase(random)),
        8 => text(&phrase(random)),
        9 => not(random_query(random, depth + 1)),
        10 => Query::And(parts(random)),
        11 => Query::Any(parts(random)),
        _ => Query::All,
    }
}

#[tokio::test]
async fn random_queries_find_what_a_naive_reading_finds() {
    for seed in 1..=4 {
        let mut random = model::Random(seed);
        let world = World::new();
        let (mailbox, inbox) = world.alice().await;
        let mut mails = Vec::new();
        for _ in 0..40 {
            let mut meant = Meant::random(&mut random);
            let mail = meant.encoded(&mut random);
            meant.size = mail.len() as u64;
            let mut new = NewItem::new(world.receive(mail.as_bytes()).await);
            new.flags = meant.flags;
            new.internal_date = Some(meant.date);
            mailbox.append(inbox, &new).await.unwrap();
            mails.push(meant);
        }
        for round in 0..300 {
            let query = random_query(&mut random, 0);
            let expected: Vec<u32> = (1..)
                .zip(&mails)
                .filter(|(uid, meant)| meant.answers(*uid, &query))
                .map(|(uid, _)| uid)
                .collect();
            let found = search(&mailbox, inbox, &query).await;
            assert_eq!(found, expected, "seed {seed}, round {round}: {query:?}");
        }
    }
}
