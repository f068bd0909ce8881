//! Conversations about fetches and what else is done with many items.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fieldpost_mailbox::{Flags, FolderId, FolderKind, NewFolder, SpecialUse};
use fieldpost_wbxml::{Element, Limits};

use crate::{
    Settings,
    testing::{
        Fixture, Phone,
        collection::{Sync, deliver, mail},
        text_of, texts_of,
    },
};

const WITH_ATTACHMENT: &str = "From: x@demo.test\r\nSubject: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nthe text\r\n--b\r\nContent-Type: application/x\r\nContent-Disposition: attachment; filename=a.x\r\n\r\n0123456789\r\n--b--\r\n";

fn fetch(inside: &str) -> String {
    format!(
        "<itemoperations:Fetch><itemoperations:Store>Mailbox</itemoperations:Store>{inside}</itemoperations:Fetch>"
    )
}

fn all(operations: &str) -> String {
    format!("<itemoperations:ItemOperations>{operations}</itemoperations:ItemOperations>")
}

fn by_server_id(id: &str, options: &str) -> String {
    fetch(&format!(
        "<airsync:CollectionId>1</airsync:CollectionId><airsync:ServerId>{id}</airsync:ServerId><itemoperations:Options>{options}</itemoperations:Options>"
    ))
}

fn by_reference(reference: &str, range: &str) -> String {
    let range = if range.is_empty() {
        String::new()
    } else {
        format!(
            "<itemoperations:Options><itemoperations:Range>{range}</itemoperations:Range></itemoperations:Options>"
        )
    };
    fetch(&format!(
        "<airsyncbase:FileReference>{reference}</airsyncbase:FileReference>{range}"
    ))
}

const PLAIN: &str = "<airsyncbase:BodyPreference><airsyncbase:Type>1</airsyncbase:Type></airsyncbase:BodyPreference>";
const MIME: &str = "<airsync:MIMESupport>2</airsync:MIMESupport><airsyncbase:BodyPreference><airsyncbase:Type>4</airsyncbase:Type></airsyncbase:BodyPreference>";

async fn ask(phone: &Phone<'_>, operations: &str) -> String {
    phone.ask("ItemOperations", &all(operations)).await.xml()
}

/// By both names (iOS fetches by LongId, client-quirks B8), in the form that is asked for (MS-ASCMD_R3366 to R3368); to fetch
/// is not to read.
#[tokio::test]
async fn an_item_is_fetched_whole_and_stays_unread() {
    for version in ["12.1", "14.0", "14.1"] {
        let fixture = Fixture::new().await;
        let mut sync = Sync::new(&fixture, "d1", version, SpecialUse::Inbox).await;
        deliver(&fixture, WITH_ATTACHMENT).await;
        let id = text_of(&sync.go("").await, "airsync:ServerId");
        let long = fetch(&format!(
            "<search:LongId>{id}</search:LongId><itemoperations:Options>{MIME}</itemoperations:Options>"
        ));
        let answer = ask(&sync.phone, &format!("{}{long}", by_server_id(&id, PLAIN))).await;
        assert_eq!(texts_of(&answer, "itemoperations:Status"), ["1", "1", "1"]);
        assert_eq!(texts_of(&answer, "airsync:ServerId"), [id.as_str()]);
        assert_eq!(texts_of(&answer, "search:LongId"), [id.as_str()]);
        assert_eq!(texts_of(&answer, "airsyncbase:Type"), ["1", "4"]);
        assert_eq!(text_of(&answer, "airsyncbase:Data"), "the text");
        assert_eq!(texts_of(&answer, "email:Read"), ["0", "0"]);
        assert_eq!(sync.go("").await, "");
        let mailbox = fixture.mailbox("alice").await;
        let view = mailbox.view(FolderId(1)).await.unwrap();
        assert!(!view.at(0).unwrap().flags.contains(Flags::SEEN));
    }
}

/// MS-ASCMD_R234, R5503, R2130 (base64 in the document), R3716 (all of it), R5422, R5423 (a range counts from 0); a range
/// is said only where it was asked for (iOS 10, client-quirks B7).
#[tokio::test]
async fn an_attachment_is_fetched_whole_or_in_ranges() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, WITH_ATTACHMENT).await;
    let reference = text_of(&sync.go("").await, "airsyncbase:FileReference");
    for (range, expected, said) in [
        ("", "0123456789", None),
        ("0-0", "0", Some("0-0")),
        ("3-5", "345", Some("3-5")),
        ("8-100", "89", Some("8-9")),
        ("0-18446744073709551615", "0123456789", Some("0-9")),
    ] {
        let answer = ask(&sync.phone, &by_reference(&reference, range)).await;
        let data = text_of(&answer, "itemoperations:Data");
        assert_eq!(
            STANDARD.decode(data).unwrap(),
            expected.as_bytes(),
            "{range}"
        );
        assert_eq!(text_of(&answer, "airsyncbase:ContentType"), "application/x");
        assert_eq!(text_of(&answer, "airsyncbase:FileReference"), reference);
        match said {
            None => assert!(!answer.contains("Range") && !answer.contains("Total")),
            Some(said) => {
                assert_eq!(text_of(&answer, "itemoperations:Range"), said);
                assert_eq!(text_of(&answer, "itemoperations:Total"), "10");
            }
        }
    }
    for bad in ["10-11", "5-3", "x", "1", "-1-2", "1-99999999999999999999"] {
        let answer = ask(&sync.phone, &by_reference(&reference, bad)).await;
        assert_eq!(
            texts_of(&answer, "itemoperations:Status"),
            ["1", "8"],
            "{bad}"
        );
        assert!(!answer.contains("itemoperations:Properties"));
    }
}

/// MS-ASCMD_R236, R5505, R5506, R5509, R5510, R5512, R5517, R5518, R3633.
#[tokio::test]
async fn parts_come_apart_from_the_document_where_that_is_asked_for() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, WITH_ATTACHMENT).await;
    let added = sync.go("").await;
    let (id, reference) = (
        text_of(&added, "airsync:ServerId"),
        text_of(&added, "airsyncbase:FileReference"),
    );
    let operations = [
        by_reference(&reference, "2-4"),
        by_reference("1:99:1", ""),
        by_server_id(&id, PLAIN),
    ]
    .concat();
    let answer = sync
        .phone
        .asking("ItemOperations", &all(&operations))
        .header("ms-asacceptmultipart", "T")
        .of(&fixture)
        .await;
    assert_eq!(
        answer.header("content-type"),
        "application/vnd.ms-sync.multipart"
    );
    let number =
        |at: usize| u32::from_le_bytes(answer.body[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!(number(0), 3);
    let part = |n: usize| {
        let (offset, length) = (number(4 + 8 * n), number(8 + 8 * n));
        &answer.body[offset..offset + length]
    };
    let xml = Element::parse(part(0), Limits::default())
        .unwrap()
        .to_xml(|_| false);
    assert_eq!(
        texts_of(&xml, "itemoperations:Status"),
        ["1", "1", "15", "1"]
    );
    assert_eq!(texts_of(&xml, "itemoperations:Part"), ["1", "2"]);
    assert!(!xml.contains("Data>"), "{xml}");
    assert_eq!(part(1), b"234");
    assert_eq!(part(2), b"the text");
    assert_eq!(4 + 8 * 3 + part(0).len() + 3 + 8, answer.body.len());
}

/// MS-ASCMD_R193, R194: in order, each with a status; MS-ASCMD_R4161 (9), R4166 (15), R4153; R4817 (103: too many).
#[tokio::test]
async fn each_operation_has_a_status_of_its_own() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, WITH_ATTACHMENT).await;
    let id = text_of(&sync.go("").await, "airsync:ServerId");
    let emptied = "<itemoperations:EmptyFolderContents><airsync:CollectionId>1</airsync:CollectionId></itemoperations:EmptyFolderContents>";
    let operations = [
        by_server_id(&id, PLAIN).replace("Mailbox", "mailbox"),
        by_server_id(&id, PLAIN).replace("Mailbox", "GAL"),
        by_reference("nonsense", ""),
        by_server_id("1:99", PLAIN),
        emptied.to_owned(),
        by_server_id(&id, PLAIN),
    ]
    .concat();
    let answer = ask(&sync.phone, &operations).await;
    assert_eq!(
        texts_of(&answer, "itemoperations:Status"),
        ["1", "1", "9", "15", "6", "1", "6"]
    );
    for (count, status) in [(100, "1"), (101, "103")] {
        let answer = ask(&sync.phone, &by_server_id(&id, "").repeat(count)).await;
        assert_eq!(texts_of(&answer, "itemoperations:Status")[0], status);
    }
}

/// Nothing is done of a request of which something can't be understood: nobody would hear of it.
#[tokio::test]
async fn an_operation_that_does_not_exist_stops_those_before_it() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    deliver(&fixture, &mail("one")).await;
    let operations = "<itemoperations:EmptyFolderContents><airsync:CollectionId>1</airsync:CollectionId></itemoperations:EmptyFolderContents><itemoperations:Schema/>";
    for operations in [operations, ""] {
        let answer = ask(&phone, operations).await;
        assert_eq!(texts_of(&answer, "itemoperations:Status"), ["2"]);
    }
    let mailbox = fixture.mailbox("alice").await;
    assert_eq!(mailbox.view(FolderId(1)).await.unwrap().len(), 1);
}

/// A hundred large attachments in one request do not all lie in memory.
#[tokio::test]
async fn a_response_has_a_largest_size() {
    let fixture = Fixture::with(Settings {
        max_message: 4096,
        ..Settings::default()
    })
    .await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(
        &fixture,
        &WITH_ATTACHMENT.replace("0123456789", &"x".repeat(900)),
    )
    .await;
    let reference = text_of(&sync.go("").await, "airsyncbase:FileReference");
    for multipart in ["T", "F"] {
        let answer = sync
            .phone
            .asking(
                "ItemOperations",
                &all(&by_reference(&reference, "").repeat(20)),
            )
            .header("ms-asacceptmultipart", multipart)
            .of(&fixture)
            .await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() < 7000, "{}", answer.body.len());
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.matches("11").count() >= 15, "the rest is too large");
    }
}

/// MS-ASCMD_R199; R2167 and R2244: subfolders stay; R2243: unless they are to go.
#[tokio::test]
async fn a_folder_is_emptied_with_or_without_its_subfolders() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let mailbox = fixture.mailbox("alice").await;
    let trash = mailbox.special(SpecialUse::Trash).await.unwrap().id;
    let mut parent = Some(trash);
    for name in ["a", "b"] {
        let new = NewFolder {
            parent,
            name: name.into(),
            kind: FolderKind::Mail,
        };
        parent = Some(mailbox.create_folder(&new).await.unwrap().id);
    }
    let before = mailbox.folders().await.unwrap().len();
    deliver(&fixture, &mail("one")).await;
    let uids = fieldpost_mailbox::UidSet::all();
    mailbox.move_items(FolderId(1), &uids, trash).await.unwrap();
    let empty = |options: &str| {
        format!(
            "<itemoperations:EmptyFolderContents><airsync:CollectionId>{trash}</airsync:CollectionId>{options}</itemoperations:EmptyFolderContents>"
        )
    };
    let answer = ask(&phone, &empty("")).await;
    assert_eq!(texts_of(&answer, "itemoperations:Status"), ["1", "1"]);
    assert_eq!(text_of(&answer, "airsync:CollectionId"), trash.to_string());
    assert!(mailbox.view(trash).await.unwrap().is_empty());
    assert_eq!(mailbox.folders().await.unwrap().len(), before);
    let with =
        "<itemoperations:Options><itemoperations:DeleteSubFolders/></itemoperations:Options>";
    let answer = ask(&phone, &empty(with)).await;
    assert_eq!(texts_of(&answer, "itemoperations:Status"), ["1", "1"]);
    assert_eq!(mailbox.folders().await.unwrap().len(), before - 2);
}

/// MS-ASCMD_R201; R3475: 155 without MoveAlways; 156 for a folder that takes no mail.
#[tokio::test]
async fn a_conversation_moves_from_all_folders() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    let mailbox = fixture.mailbox("alice").await;
    let special = async |special| mailbox.special(special).await.unwrap().id;
    let (trash, archive) = (
        special(SpecialUse::Trash).await,
        special(SpecialUse::Archive).await,
    );
    let calendar = special(SpecialUse::Calendar).await;
    deliver(
        &fixture,
        "Message-ID: <a@x>\r\nFrom: x@demo.test\r\nSubject: s\r\n\r\n1\r\n",
    )
    .await;
    let uids = fieldpost_mailbox::UidSet::all();
    mailbox
        .move_items(FolderId(1), &uids, archive)
        .await
        .unwrap();
    deliver(&fixture, "Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\nReferences: <a@x>\r\nFrom: x@demo.test\r\nSubject: Re: s\r\n\r\n2\r\n").await;
    deliver(&fixture, &mail("another")).await;
    let body = sync.phone.ask("Sync", &sync.request("")).await.body;
    sync.go("").await;
    let root = Element::parse(&body, Limits::default()).unwrap();
    let id = find(&root, "Re: s").expect("the conversation's id");
    let request = |target: FolderId, options: &str| {
        let xml = all(&format!(
            "<itemoperations:Move><itemoperations:ConversationId>@</itemoperations:ConversationId><itemoperations:DstFldId>{target}</itemoperations:DstFldId>{options}</itemoperations:Move>"
        ));
        // The id is opaque data.
        let bytes = crate::testing::wbxml(&xml);
        let at = bytes.windows(3).position(|at| at == b"\x03@\0").unwrap();
        let mut whole = bytes[..at].to_vec();
        whole.extend([0xC3, id.len() as u8]);
        whole.extend(&id);
        whole.extend(&bytes[at + 3..]);
        sync.phone.asking("ItemOperations", "").body(whole)
    };
    let always = "<itemoperations:Options><itemoperations:MoveAlways/></itemoperations:Options>";
    for (target, options, status) in [
        (trash, "", "155"),
        (calendar, always, "156"),
        (FolderId(4711), always, "156"),
        (trash, always, "1"),
        (trash, always, "6"),
    ] {
        let answer = request(target, options).of(&fixture).await.xml();
        assert_eq!(texts_of(&answer, "itemoperations:Status"), ["1", status]);
    }
    assert_eq!(mailbox.view(trash).await.unwrap().len(), 2);
    assert_eq!(mailbox.view(FolderId(1)).await.unwrap().len(), 1);
}

/// The conversation of the mail with that subject.
fn find(element: &Element<'_>, subject: &str) -> Option<Vec<u8>> {
    use fieldpost_wbxml::tags::{email, email2};
    if element
        .text_of(email::SUBJECT)
        .is_some_and(|text| text == subject)
    {
        return Some(element.child(email2::CONVERSATION_ID)?.bytes().into_owned());
    }
    element.children().find_map(|child| find(child, subject))
}

/// MS-ASPROV_R206, R738, R269: whatever a device makes of the policy, the server keeps to it.
#[tokio::test]
async fn the_policy_bounds_what_is_fetched() {
    let with = |change: fn(&mut crate::Policy)| {
        let mut policy = crate::Policy::default();
        change(&mut policy);
        Settings {
            policy,
            ..Settings::default()
        }
    };
    for (settings, status, http) in [
        (with(|_| {}), "1", 200),
        (
            with(|policy| policy.max_attachment_size = Some(10)),
            "1",
            200,
        ),
        (
            with(|policy| policy.max_attachment_size = Some(9)),
            "11",
            413,
        ),
        (
            with(|policy| policy.attachments_enabled = Some(false)),
            "5",
            403,
        ),
    ] {
        let fixture = Fixture::with(settings).await;
        let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
        deliver(&fixture, WITH_ATTACHMENT).await;
        let reference = text_of(&sync.go("").await, "airsyncbase:FileReference");
        let answer = ask(&sync.phone, &by_reference(&reference, "")).await;
        assert_eq!(texts_of(&answer, "itemoperations:Status")[1], status);
        let old = Phone::new(&fixture, "d2", "12.1").await;
        let asking = old.asking("GetAttachment", "");
        let query = format!("{}&AttachmentName={reference}", asking.query);
        assert_eq!(asking.query(&query).of(&fixture).await.status, http);
    }
    let fixture = Fixture::with(with(|policy| {
        policy.max_email_body_truncation_size = Some(0);
    }))
    .await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, WITH_ATTACHMENT).await;
    let id = text_of(&sync.go("").await, "airsync:ServerId");
    let answer = ask(&sync.phone, &by_server_id(&id, PLAIN)).await;
    assert!(!answer.contains("the text"), "{answer}");
    assert_eq!(text_of(&answer, "airsyncbase:Truncated"), "1", "{answer}");
}
