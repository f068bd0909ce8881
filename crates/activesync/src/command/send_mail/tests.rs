//! Conversations about sending.

use fieldpost_directory::SendRight;
use fieldpost_mailbox::{Flags, FolderId, Limits, Mailbox, Row, SpecialUse};

use crate::{
    Settings,
    testing::{
        Answer, Fixture, Phone,
        collection::{Sync, deliver, mail},
        text_of, wbxml,
    },
};

const TO_BOB: &str = "To: bob@demo.test\r\nSubject: hello\r\n\r\nText\r\n";

/// A document of 14.0 and later.
fn document(command: &str, client_id: &str, inside: &str, mime: &str) -> String {
    let mime = mime.replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<composemail:{command}><composemail:ClientId>{client_id}</composemail:ClientId>{inside}<composemail:Mime>{mime}</composemail:Mime></composemail:{command}>"
    )
}

async fn ask(phone: &Phone<'_>, command: &str, id: &str, inside: &str, mime: &str) -> Answer {
    phone
        .ask(command, &document(command, id, inside, mime))
        .await
}

/// The status of what was not sent.
async fn refusal(phone: &Phone<'_>, command: &str, id: &str, inside: &str, mime: &str) -> String {
    let answer = ask(phone, command, id, inside, mime).await;
    text_of(&answer.xml(), "composemail:Status")
}

/// The messages of a folder as they lie there, and their rows.
async fn messages(mailbox: &Mailbox, special: SpecialUse) -> Vec<(String, Row)> {
    let folder = mailbox.special(special).await.unwrap().id;
    all(mailbox, folder).await
}

async fn all(mailbox: &Mailbox, folder: FolderId) -> Vec<(String, Row)> {
    let all = octets(mailbox, folder).await.into_iter();
    all.map(|(octets, row)| (String::from_utf8(octets).unwrap(), row))
        .collect()
}

async fn octets(mailbox: &Mailbox, folder: FolderId) -> Vec<(Vec<u8>, Row)> {
    let rows: Vec<Row> = mailbox
        .view(folder)
        .await
        .unwrap()
        .rows()
        .copied()
        .collect();
    let mut messages = Vec::new();
    for row in rows {
        let item = mailbox.item(folder, row.uid).await.unwrap();
        let reader = mailbox.read(&item, 0..u64::MAX).await.unwrap();
        let bytes = reader.read_to_end(1 << 30).await.unwrap();
        messages.push((bytes.to_vec(), row));
    }
    messages
}

/// The body of a message whose only part is base64.
fn decoded(message: &str) -> String {
    use base64::Engine as _;
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("base64"), "{head}");
    let body: String = body.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(body)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

/// MS-ASCMD_R443, R463 (an empty response); what the client leaves out is put in (client-quirks A11); it is kept only if
/// the client says so (MS-ASCMD_R3870, R3871).
#[tokio::test]
async fn a_message_reaches_its_recipient_in_every_version() {
    for (version, save) in [
        ("12.1", false),
        ("12.1", true),
        ("14.0", false),
        ("14.1", true),
    ] {
        let fixture = Fixture::new().await;
        let phone = Phone::new(&fixture, "d1", version).await;
        let answer = if version == "12.1" {
            let asking = phone.asking("SendMail", "");
            let save = if save { "&SaveInSent=T" } else { "" };
            let query = format!("{}{save}", asking.query);
            asking
                .query(&query)
                .header("content-type", "message/rfc822")
                // Bare line feeds are brought to order.
                .body(TO_BOB.replace("\r\n", "\n"))
                .of(&fixture)
                .await
        } else {
            let inside = if save {
                "<composemail:SaveInSentItems/>"
            } else {
                ""
            };
            ask(&phone, "SendMail", "c1", inside, TO_BOB).await
        };
        assert_eq!(answer.status, 200);
        assert!(answer.body.is_empty());
        let got = messages(&fixture.mailbox("bob").await, SpecialUse::Inbox).await;
        assert_eq!(got.len(), 1);
        let (text, row) = &got[0];
        assert!(!row.flags.contains(Flags::SEEN));
        for line in [
            "From: \"Alice Adams\" <alice@demo.test>\r\n",
            "Subject: hello\r\n",
            "\r\nDate: ",
            "\r\nMessage-ID: <",
            "\r\n\r\nText",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.replace("\r\n", "").contains('\n'));
        let sent = messages(&fixture.mailbox("alice").await, SpecialUse::Sent).await;
        assert_eq!(sent.len(), usize::from(save), "{version}");
        assert!(sent.iter().all(|(_, row)| row.flags.contains(Flags::SEEN)));
    }
}

/// MS-ASCMD_R4848, R4850: 118, also after a restart; another device's and another user's names are their own.
#[tokio::test]
async fn a_message_is_sent_once() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    assert!(
        ask(&phone, "SendMail", "c1", "", TO_BOB)
            .await
            .body
            .is_empty()
    );
    assert_eq!(refusal(&phone, "SendMail", "c1", "", TO_BOB).await, "118");
    let restarted = fixture.restarted(Settings::default());
    restarted.mailboxes.forget_all().await;
    let phone = Phone {
        fixture: &restarted,
        ..phone
    };
    assert_eq!(refusal(&phone, "SendMail", "c1", "", TO_BOB).await, "118");
    for (user, id) in [("alice", "d2"), ("bob", "d1")] {
        let other = Phone::of(&restarted, user, id, "14.1").await;
        let answer = ask(&other, "SendMail", "c1", "", TO_BOB).await;
        assert!(answer.body.is_empty());
    }
    let bob = fixture.mailbox("bob").await;
    assert_eq!(messages(&bob, SpecialUse::Inbox).await.len(), 3);
    // What was refused was not sent, and may come again.
    assert_eq!(
        refusal(&phone, "SendMail", "c2", "", "Subject: x\r\n\r\n").await,
        "119"
    );
    assert!(
        ask(&phone, "SendMail", "c2", "", TO_BOB)
            .await
            .body
            .is_empty()
    );
}

/// MS-ASCMD_R4853 (119), R4826 (107), R4844 (116), R724 and R4956 (166), R4821 (105), R4930 (150), R541 and R4819 (104),
/// R4919 (146): nobody gets anything.
#[tokio::test]
async fn what_can_not_be_sent_has_a_status_and_reaches_nobody() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("original")).await;
    let item = text_of(&sync.go("").await, "airsync:ServerId");
    let source = |inside: &str| format!("<composemail:Source>{inside}</composemail:Source>");
    let of = |inside: &str| {
        source(&format!(
            "<composemail:FolderId>1</composemail:FolderId><composemail:ItemId>{item}</composemail:ItemId>{inside}"
        ))
    };
    let instance = |text: &str| {
        of(&format!(
            "<composemail:InstanceId>{text}</composemail:InstanceId>"
        ))
    };
    let nobody = "To: bob@demo.test, nobody@demo.test\r\n\r\nx";
    let other = "From: carol@demo.test\r\nTo: bob@demo.test\r\n\r\nx";
    let account = "<composemail:AccountId>a</composemail:AccountId>";
    for (command, inside, mime, status) in [
        ("SendMail", "", "Subject: x\r\n\r\nx", "119"),
        ("SendMail", "", "", "107"),
        ("SendMail", "", nobody, "116"),
        ("SendMail", "", "To: bob@elsewhere.test\r\n\r\nx", "120"),
        ("SendMail", "", other, "120"),
        ("SendMail", account, TO_BOB, "166"),
        ("SmartReply", &source(""), TO_BOB, "105"),
        (
            "SmartReply",
            &of(&format!("<composemail:LongId>{item}</composemail:LongId>")),
            TO_BOB,
            "105",
        ),
        (
            "SmartReply",
            &source(
                "<composemail:FolderId>1</composemail:FolderId><composemail:ItemId>1:99</composemail:ItemId>",
            ),
            TO_BOB,
            "150",
        ),
        (
            "SmartForward",
            &source("<composemail:LongId>nonsense</composemail:LongId>"),
            TO_BOB,
            "150",
        ),
        ("SmartForward", &instance("yesterday"), TO_BOB, "104"),
        (
            "SmartForward",
            &instance("2026-11-23T18:01:10.000Z"),
            TO_BOB,
            "146",
        ),
    ] {
        let got = refusal(&sync.phone, command, "c", inside, mime).await;
        assert_eq!(got, status, "{command} {inside} {mime}");
    }
    let no_id = document("SendMail", "", "", TO_BOB)
        .replace("<composemail:ClientId></composemail:ClientId>", "");
    let answer = sync.phone.ask("SendMail", &no_id).await;
    assert_eq!(text_of(&answer.xml(), "composemail:Status"), "103");
    let bob = fixture.mailbox("bob").await;
    assert!(messages(&bob, SpecialUse::Inbox).await.is_empty());
}

/// MS-ASCMD_R448: nobody writes in another's name; an alias is one's own.
#[tokio::test]
async fn a_message_is_from_who_sends_it() {
    let fixture = Fixture::new().await;
    let phone = Phone::of(&fixture, "bob", "d1", "14.1").await;
    let alias = "From: Rob <robert@demo.test>\r\nTo: alice@demo.test\r\n\r\nx";
    assert!(
        ask(&phone, "SendMail", "c1", "", alias)
            .await
            .body
            .is_empty()
    );
    let forged = "From: alice@demo.test, robert@demo.test\r\nTo: alice@demo.test\r\n\r\nx";
    assert_eq!(refusal(&phone, "SendMail", "c2", "", forged).await, "120");
    let alice = fixture.mailbox("alice").await;
    let got = messages(&alice, SpecialUse::Inbox).await;
    assert_eq!(got.len(), 1);
    assert!(got[0].0.contains("From: Rob <robert@demo.test>"));
}

/// On behalf of who lets her: Sender says who it was, a reply's as well (RFC 5322 §3.6.2).
#[tokio::test]
async fn a_message_on_behalf_of_another_tells_who_sends_it() {
    let fixture = Fixture::new().await;
    let [alice, carol] = ["alice@demo.test", "carol@demo.test"]
        .map(|address| fixture.directory.resolve(address).unwrap());
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("original")).await;
    let item = text_of(&sync.go("").await, "airsync:ServerId");
    let source = format!(
        "<composemail:Source><composemail:FolderId>1</composemail:FolderId><composemail:ItemId>{item}</composemail:ItemId></composemail:Source>"
    );
    let save = "<composemail:SaveInSentItems/>";
    let mime =
        "From: Office <carol@demo.test>\r\nSender: dave@far.test\r\nTo: bob@demo.test\r\n\r\nx";
    let asked = [
        ("SendMail", save.to_owned()),
        ("SmartReply", format!("{source}{save}")),
        ("SmartForward", format!("{source}{save}")),
    ];
    for (command, inside) in &asked {
        assert_eq!(
            refusal(&sync.phone, command, "c", inside, mime).await,
            "120"
        );
    }
    let right = SendRight::SendOnBehalf;
    let set = fixture
        .directory
        .set_senders(carol, right, vec![alice], Vec::new());
    set.await.unwrap();
    for (command, inside) in &asked {
        let answer = ask(&sync.phone, command, command, inside, mime).await;
        assert!(answer.body.is_empty(), "{command}: {answer:?}");
    }
    let bob = messages(&fixture.mailbox("bob").await, SpecialUse::Inbox).await;
    let sent = messages(&fixture.mailbox("alice").await, SpecialUse::Sent).await;
    assert_eq!((bob.len(), sent.len()), (3, 3));
    for (text, _) in bob.iter().chain(&sent) {
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("From: Office <carol@demo.test>\r\n"),
            "{text}"
        );
        let sender = "\r\nSender: \"Alice Adams\" <alice@demo.test>";
        assert!(head.contains(sender), "{text}");
        assert!(!text.contains("dave@far.test"), "{text}");
    }
    for (text, _) in &bob {
        assert!(text.starts_with("Return-Path: <alice@demo.test>"), "{text}");
    }
    let carol = fixture.mailbox("carol").await;
    assert!(messages(&carol, SpecialUse::Sent).await.is_empty());
}

/// Also of a reply, whose copy has the original in it as well.
#[tokio::test]
async fn bcc_is_in_the_senders_copy_only() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, &mail("original")).await;
    let item = text_of(&sync.go("").await, "airsync:ServerId");
    let mime = "To: bob@demo.test\r\nBcc: carol@demo.test\r\nSubject: s\r\n\r\nmine\r\n";
    let save = "<composemail:SaveInSentItems/>";
    ask(&sync.phone, "SendMail", "c1", save, mime).await;
    let source = format!(
        "<composemail:Source><composemail:FolderId>1</composemail:FolderId><composemail:ItemId>{item}</composemail:ItemId></composemail:Source>{save}"
    );
    ask(&sync.phone, "SmartReply", "c2", &source, mime).await;
    for name in ["bob", "carol"] {
        let got = messages(&fixture.mailbox(name).await, SpecialUse::Inbox).await;
        assert_eq!(got.len(), 2);
        assert!(got.iter().all(|(text, _)| !text.contains("carol")
            || text.find("carol") < text.find("From:")), "{got:?}");
        assert!(got.iter().all(|(text, _)| !text.contains("Bcc")));
    }
    let sent = messages(&fixture.mailbox("alice").await, SpecialUse::Sent).await;
    assert_eq!(sent.len(), 2);
    assert!(
        sent.iter()
            .all(|(text, _)| text.contains("Bcc: carol@demo.test"))
    );
    assert!(decoded(&sent[1].0).contains("Text of original"));
}

/// The recipient has it: a failure would make the phone send it again, and again.
#[tokio::test]
async fn a_full_mailbox_does_not_make_a_message_go_twice() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let alice = fixture.mailbox("alice").await;
    deliver(&fixture, &mail("one")).await;
    let limits = Limits { bytes: 0, items: 1 };
    alice.set_quota(limits).await.unwrap();
    let save = "<composemail:SaveInSentItems/>";
    let answer = ask(&phone, "SendMail", "c1", save, TO_BOB).await;
    assert!(answer.body.is_empty(), "{answer:?}");
    assert_eq!(refusal(&phone, "SendMail", "c1", save, TO_BOB).await, "118");
    let bob = fixture.mailbox("bob").await;
    assert_eq!(messages(&bob, SpecialUse::Inbox).await.len(), 1);
    assert!(messages(&alice, SpecialUse::Sent).await.is_empty());
}

const ORIGINAL: &str = "From: Bob <bob@demo.test>\r\nTo: alice@demo.test\r\nSubject: plans\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nthe original's text\r\n--o\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=a.png\r\n\r\nPICTURE\r\n--o--\r\n";

/// MS-ASCMD_R532, R545, R568 (an empty response), R3775 (with ReplaceMime nothing of the original is added); other clients
/// see that it was answered or forwarded.
#[tokio::test]
async fn the_original_is_in_replies_and_forwards_unless_the_message_is_whole() {
    let fixture = Fixture::new().await;
    let mut sync = Sync::new(&fixture, "d1", "14.1", SpecialUse::Inbox).await;
    deliver(&fixture, ORIGINAL).await;
    let item = text_of(&sync.go("").await, "airsync:ServerId");
    let by_item = format!(
        "<composemail:Source><composemail:FolderId>1</composemail:FolderId><composemail:ItemId>{item}</composemail:ItemId></composemail:Source>"
    );
    let by_long_id = format!(
        "<composemail:Source><composemail:LongId>{item}</composemail:LongId></composemail:Source>"
    );
    let html = "To: bob@demo.test\r\nSubject: Re: plans\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>mine</p>\r\n";
    let plain =
        "To: bob@demo.test\r\nSubject: Re: plans\r\nIn-Reply-To: <x@demo.test>\r\n\r\nmine\r\n";
    let whole = format!("{by_item}<composemail:ReplaceMime/>");
    for (number, (command, source, mime)) in [
        ("SmartReply", by_item.as_str(), plain),
        ("SmartReply", &by_long_id, html),
        ("SmartReply", &whole, plain),
        ("SmartForward", &by_item, plain),
        ("SmartForward", &whole, plain),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ask(&sync.phone, command, &format!("c{number}"), source, mime).await;
        assert!(answer.body.is_empty());
    }
    // Below 14.0 the message is the body, and the original stands in the query.
    let asking = sync.phone.asking("SmartForward", "").version("12.1");
    let query = format!("{}&CollectionId=1&ItemId={item}", asking.query);
    let answer = asking.query(&query).body(plain).of(&fixture).await;
    assert!(answer.status == 200 && answer.body.is_empty());
    let got = messages(&fixture.mailbox("bob").await, SpecialUse::Inbox).await;
    let [
        reply,
        html_reply,
        whole_reply,
        forward,
        whole_forward,
        older,
    ] = &got[..]
    else {
        panic!("{}", got.len());
    };
    let quoted = decoded(&reply.0);
    assert!(quoted.starts_with("mine"), "{quoted}");
    assert!(quoted.contains("the original's text") && quoted.contains("Subject: plans"));
    assert!(reply.0.contains("In-Reply-To: <x@demo.test>"));
    let quoted = decoded(&html_reply.0);
    assert!(quoted.contains("<p>mine</p>") && quoted.contains("the original's text"));
    for (text, _) in [whole_reply, whole_forward] {
        assert!(
            text.ends_with("\r\n\r\nmine\r\n") || text.ends_with("\r\n\r\nmine"),
            "{text}"
        );
        assert!(!text.contains("original"));
    }
    for (text, _) in [forward, older] {
        assert!(text.contains("mine") && text.contains("Content-Type: message/rfc822"));
        assert!(text.contains("PICTURE") && text.contains("plans.eml"));
    }
    // What it was is marked, and the phone itself is told as of somebody else's change.
    let told = sync.go("").await;
    assert_eq!(text_of(&told, "email2:LastVerbExecuted"), "3");
    let alice = fixture.mailbox("alice").await;
    let (_, row) = &messages(&alice, SpecialUse::Inbox).await[0];
    assert!(row.flags.contains(Flags::ANSWERED));
    assert!(!row.flags.contains(Flags::SEEN));
    let labels = alice.labels().await.unwrap();
    assert!(labels.keywords(row.labels).any(|word| word == "$Forwarded"));
}

/// A mail as a string that is not UTF-8, or in two strings, arrives octet for octet, and ends nothing else.
#[tokio::test]
async fn a_message_may_be_a_string_of_any_bytes_and_come_in_pieces() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let whole = wbxml(&document("SendMail", "c1", "", TO_BOB));
    let at = whole.windows(4).position(|text| text == b"Text").unwrap();
    for (id, between) in [("c2", &b"\xb5"[..]), ("c3", b"\0\x03")] {
        let mut sent = whole.clone();
        sent.splice(at + 2..at + 2, between.iter().copied());
        let name = sent.windows(2).position(|text| text == b"c1").unwrap();
        sent[name..name + 2].copy_from_slice(id.as_bytes());
        let answer = phone.asking("SendMail", "").body(sent).of(&fixture).await;
        assert_eq!(answer.status, hyper::StatusCode::OK);
        assert!(answer.body.is_empty(), "{}", answer.xml());
    }
    let bob = fixture.mailbox("bob").await;
    let inbox = bob.special(SpecialUse::Inbox).await.unwrap().id;
    let came = octets(&bob, inbox).await;
    for ((octets, _), text) in came.iter().zip([&b"\nTe\xb5xt"[..], b"\nText"]) {
        assert!(octets.trim_ascii_end().ends_with(text), "{octets:?}");
    }
}
