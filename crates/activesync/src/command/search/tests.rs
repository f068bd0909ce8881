//! The address list and the mailbox.

use fieldpost_mailbox::{NewItem, SpecialUse};
use fieldpost_wbxml::{tags::air_sync as a, tags::email as e};

use super::*;
use crate::testing::{Asking, Fixture, ask, within};

fn search(
    name: &str,
    query: impl FnOnce(&mut Encoder),
    options: impl FnOnce(&mut Encoder),
) -> Asking {
    ask("Search").document(|out| {
        within(out, t::SEARCH, |out| {
            within(out, t::STORE, |out| {
                out.text(t::NAME, name);
                within(out, t::QUERY, query);
                within(out, t::OPTIONS, options);
            });
        });
    })
}

fn gal(query: &str) -> Asking {
    search("GAL", |out| out.push_text(query), |_| {})
}

/// The store's content as XML without prefixes.
async fn store(fixture: &Fixture, asking: Asking) -> String {
    let xml = asking.of(fixture).await.xml();
    let inner = xml
        .strip_prefix(
            "<search:Search><search:Status>1</search:Status><search:Response><search:Store>",
        )
        .unwrap_or_else(|| panic!("{xml}"));
    let inner = inner
        .strip_suffix("</search:Store></search:Response></search:Search>")
        .unwrap();
    ["search:", "gal:", "airsync:", "email:"]
        .into_iter()
        .fold(inner.to_owned(), |text, prefix| text.replace(prefix, ""))
}

/// MS-ASCMD_R417, R420, R421, R426, R3698, R3699, R3846, R5711; client-quirks C8.
#[tokio::test]
async fn the_address_list_is_found_by_how_things_begin() {
    let fixture = Fixture::new().await;
    assert_eq!(
        store(&fixture, gal("ALI")).await,
        "<Status>1</Status><Result><Properties><DisplayName>Alice Adams</DisplayName><Alias>alice</Alias>\
         <FirstName>Alice</FirstName><LastName>Adams</LastName><EmailAddress>alice@demo.test</EmailAddress>\
         </Properties></Result><Range>0-0</Range><Total>1</Total>"
    );
    for query in ["adams", "adams alice", "alice@demo", "al ad"] {
        assert!(
            store(&fixture, gal(query)).await.contains("Alice Adams"),
            "{query}"
        );
    }
    // By an alias too.
    assert!(
        store(&fixture, gal("robert"))
            .await
            .contains("bob@demo.test")
    );
    for query in ["lice", "adams bob", "", "demo.test"] {
        assert!(
            store(&fixture, gal(query)).await.contains("<Total>0<"),
            "{query}"
        );
    }
}

/// MS-ASCMD_R3850; client-quirks D4.
#[tokio::test]
async fn nothing_found_is_an_empty_result_and_a_name_may_be_missing_nokia_d4() {
    let fixture = Fixture::new().await;
    assert_eq!(
        store(&fixture, gal("nobody")).await,
        "<Status>1</Status><Result/><Range>0-0</Range><Total>0</Total>"
    );
    assert!(store(&fixture, gal("carol")).await.contains(
        "<DisplayName>carol@demo.test</DisplayName><Alias>carol</Alias><FirstName/><LastName/>"
    ));
}

/// MS-ASCMD_R4373; client-quirks B6.
#[tokio::test]
async fn an_empty_picture_asks_for_pictures_ios_b6() {
    let fixture = Fixture::new().await;
    let asking = || {
        search(
            "GAL",
            |out| out.push_text("bob"),
            |out| out.empty(t::PICTURE),
        )
    };
    let found = store(&fixture, asking()).await;
    assert!(
        found.contains("<Picture><Status>173</Status></Picture>"),
        "{found}"
    );
    let found = store(&fixture, asking().version("14.0")).await;
    assert!(!found.contains("Picture"), "{found}");
}

/// MS-ASCMD_R416, R419, R431, R3725, R3729, R3735, R3736.
#[tokio::test]
async fn a_range_is_a_part_of_what_is_found() {
    let fixture = Fixture::new().await;
    for number in 0..103 {
        let address = format!("user{number:03}@demo.test").parse().unwrap();
        let account = fieldpost_directory::NewAccount::new(address);
        fixture.directory.add(account).await.unwrap();
    }
    let range = |range: &'static str| {
        search(
            "GAL",
            |out| out.push_text("user"),
            |out| out.text(t::RANGE, range),
        )
    };
    let found = store(&fixture, range("1-2")).await;
    assert_eq!(found.matches("<Result>").count(), 2);
    assert!(
        found.contains("user001@") && found.contains("user002@"),
        "{found}"
    );
    assert!(
        found.ends_with("<Range>1-2</Range><Total>103</Total>"),
        "{found}"
    );
    let found = store(&fixture, gal("user")).await;
    assert!(
        found.ends_with("<Range>0-99</Range><Total>103</Total>"),
        "{found}"
    );
    let found = store(&fixture, range("90-120")).await;
    assert!(found.starts_with("<Status>12</Status><Result>"), "{found}");
    assert!(found.contains("<Range>90-99</Range>"), "{found}");
    for (text, status) in [
        ("100-110", 12),
        ("2-1", 2),
        ("-1", 2),
        ("x", 2),
        ("0-99999999999999999999", 2),
    ] {
        assert_eq!(
            store(&fixture, range(text)).await,
            format!("<Status>{status}</Status>"),
            "{text}"
        );
    }
}

async fn deliver(fixture: &Fixture, name: &str, use_: SpecialUse, date: i64, text: &str) -> String {
    let mailbox = fixture.mailbox(name).await;
    let folder = mailbox.special(use_).await.unwrap().id;
    let mut incoming = fixture
        .mailboxes
        .receive(mailbox.account(), None)
        .await
        .unwrap();
    incoming.write(text.to_owned().into()).await.unwrap();
    let received = incoming.finish().await.unwrap();
    let item = NewItem {
        internal_date: Some(date),
        ..NewItem::new(received)
    };
    let appended = mailbox.append(folder, &item).await.unwrap();
    format!("{folder}:{}", appended.entry)
}

const APPLES: &str = "From: Bob <bob@demo.test>\r\nTo: alice@demo.test\r\nSubject: =?utf-8?q?=C3=84pfel?=\r\n\r\nred ones, very sweet\r\n";
const PEARS: &str = "From: bob@demo.test\r\nTo: alice@demo.test\r\nSubject: Pears\r\nImportance: high\r\n\r\ngreen ones\r\n";

/// Two mails of alice's in two folders, one of bob's; their ids.
async fn mails(fixture: &Fixture) -> [String; 3] {
    [
        deliver(fixture, "alice", SpecialUse::Inbox, 1_700_000_000, APPLES).await,
        deliver(fixture, "alice", SpecialUse::Trash, 1_700_100_000, PEARS).await,
        deliver(fixture, "bob", SpecialUse::Inbox, 1_700_000_000, APPLES).await,
    ]
}

fn find(conditions: impl FnOnce(&mut Encoder)) -> Asking {
    search("Mailbox", |out| within(out, t::AND, conditions), |_| {})
}

/// MS-ASCMD_R3846, R3849, R3862, R5849, R922; client-quirks C13, D1.
#[tokio::test]
async fn mail_is_found_by_its_words_the_newest_first() {
    let fixture = Fixture::new().await;
    let [apples, pears, _] = mails(&fixture).await;
    let inbox = apples.split_once(':').unwrap().0.to_owned();
    let found = store(
        &fixture,
        find(|out| out.text(t::FREE_TEXT, "SWEET \"red ones\"")),
    )
    .await;
    let head = format!(
        "<Status>1</Status><Result><Class>Email</Class><LongId>{apples}</LongId><CollectionId>{inbox}</CollectionId>\
         <Properties><To>alice@demo.test</To><From>\"Bob\" &lt;bob@demo.test&gt;</From><Subject>\u{c4}pfel</Subject>\
         <DateReceived>2023-11-14T22:13:20.000Z</DateReceived>"
    );
    assert!(found.starts_with(&head), "{found}");
    assert!(
        found.ends_with("</Properties></Result><Range>0-0</Range><Total>1</Total>"),
        "{found}"
    );
    assert!(
        found.contains("<Importance>1</Importance><Read>0</Read>"),
        "{found}"
    );
    let everywhere = find(|out| {
        out.text(a::CLASS, "Email");
        out.text(a::COLLECTION_ID, "0");
        out.text(t::FREE_TEXT, "ones");
    });
    let found = store(&fixture, everywhere).await;
    let places = [&pears, &apples].map(|id| found.find(&format!("<LongId>{id}<")).unwrap());
    assert!(places.is_sorted() && found.contains("<Total>2<"), "{found}");
    let nothing = store(&fixture, find(|out| out.text(t::FREE_TEXT, "ones blue"))).await;
    assert_eq!(
        nothing,
        "<Status>1</Status><Result/><Range>0-0</Range><Total>0</Total>"
    );
}

/// MS-ASCMD_R3140, R2031, R2083, R920.
#[tokio::test]
async fn conditions_narrow_a_search() {
    let fixture = Fixture::new().await;
    let [apples, _, _] = mails(&fixture).await;
    let mailbox = fixture.mailbox("alice").await;
    let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
    let row = *mailbox.view(inbox).await.unwrap().at(0).unwrap();
    let only_apples = |found: String, what: &str| {
        assert!(
            found.contains(&format!("<LongId>{apples}<")),
            "{what}: {found}"
        );
        assert!(found.contains("<Total>1<"), "{what}: {found}");
    };
    let in_inbox = find(|out| {
        out.number(a::COLLECTION_ID, inbox);
        out.text(t::FREE_TEXT, "ones");
    });
    only_apples(store(&fixture, in_inbox).await, "folder");
    let before = find(|out| {
        within(out, t::LESS_THAN, |out| {
            out.empty(e::DATE_RECEIVED);
            out.text(t::VALUE, "2023-11-15T00:00:00.000Z");
        });
    });
    only_apples(store(&fixture, before).await, "date");
    let mut id = vec![0; 8];
    id.extend(row.thread.0.to_be_bytes());
    let conversation = find(|out| out.opaque(t::CONVERSATION_ID, &id));
    only_apples(store(&fixture, conversation).await, "conversation");
    let after = find(|out| {
        within(out, t::GREATER_THAN, |out| {
            out.empty(e::DATE_RECEIVED);
            out.text(t::VALUE, "2023-11-17T00:00:00.000Z");
        });
    });
    assert!(store(&fixture, after).await.contains("<Total>0<"));
    let tasks = find(|out| out.text(a::CLASS, "Tasks"));
    assert!(store(&fixture, tasks).await.contains("<Total>0<"));
}

/// MS-ASCMD_R772, R923, R2032, R3105, R3143, R3220, R4329; DocumentLibrary; fault 39: another's folder is none.
#[tokio::test]
async fn what_can_not_be_searched_is_told_by_its_status_fault_39() {
    let fixture = Fixture::new().await;
    let asked = |query: fn(&mut Encoder)| search("Mailbox", query, |_| {});
    let and = |conditions: fn(&mut Encoder)| find(conditions);
    let cases = [
        (
            asked(|out| within(out, t::OR, |out| out.text(t::FREE_TEXT, "x"))),
            8,
        ),
        (asked(|out| out.text(t::FREE_TEXT, "x")), 8),
        (
            asked(|out| {
                out.empty(t::AND);
                out.empty(t::AND);
            }),
            8,
        ),
        (and(|out| within(out, t::OR, |_| {})), 8),
        (and(|out| out.empty(t::GREATER_THAN)), 2),
        (
            and(|out| {
                within(out, t::LESS_THAN, |out| {
                    out.empty(e::DATE_RECEIVED);
                    out.text(t::VALUE, "soon");
                });
            }),
            2,
        ),
        (and(|out| out.opaque(t::CONVERSATION_ID, b"short")), 2),
        (and(|out| out.text(a::COLLECTION_ID, "987654")), 11),
        (and(|out| out.text(a::COLLECTION_ID, "-1")), 11),
        (
            and(|out| out.text(a::COLLECTION_ID, "18446744073709551616")),
            11,
        ),
        (asked(|_| {}), 2),
        (
            search("DocumentLibrary", |out| out.empty(t::EQUAL_TO), |_| {}),
            5,
        ),
        (search("Nowhere", |out| out.push_text("x"), |_| {}), 2),
    ];
    for (number, (asking, status)) in cases.into_iter().enumerate() {
        assert_eq!(
            store(&fixture, asking).await,
            format!("<Status>{status}</Status>"),
            "case {number}"
        );
    }
    let none = ask("Search").of(&fixture).await.xml();
    assert_eq!(
        none,
        "<search:Search><search:Status>3</search:Status></search:Search>"
    );
}
