//! Get and Set, in every version, and what is refused.

use super::*;
use crate::testing::{Fixture, Phone, text_of, texts_of};

const VERSIONS: [&str; 3] = ["12.1", "14.0", "14.1"];

async fn get(phone: &Phone<'_>, body_type: &str) -> String {
    let asked = format!(
        "<settings:Settings><settings:Oof><settings:Get><settings:BodyType>{body_type}</settings:BodyType></settings:Get></settings:Oof></settings:Settings>"
    );
    phone.ask("Settings", &asked).await.xml()
}

/// The property's status.
async fn set(phone: &Phone<'_>, what: &str) -> String {
    let asked = format!(
        "<settings:Settings><settings:Oof><settings:Set>{what}</settings:Set></settings:Oof></settings:Settings>"
    );
    let answer = phone.ask("Settings", &asked).await.xml();
    let statuses = texts_of(&answer, "settings:Status");
    assert_eq!(statuses.len(), 2, "{answer}");
    assert_eq!(statuses[0], "1", "of the command: {answer}");
    statuses[1].clone()
}

fn state(state: &str) -> String {
    format!("<settings:OofState>{state}</settings:OofState>")
}

fn times(start: &str, end: &str) -> String {
    format!(
        "<settings:StartTime>{start}</settings:StartTime><settings:EndTime>{end}</settings:EndTime>"
    )
}

fn message(audience: &str, enabled: &str, text: &str, body_type: &str) -> String {
    format!(
        "<settings:OofMessage><settings:AppliesTo{audience}/><settings:Enabled>{enabled}</settings:Enabled>\
        <settings:ReplyMessage>{text}</settings:ReplyMessage><settings:BodyType>{body_type}</settings:BodyType></settings:OofMessage>"
    )
}

fn reply(enabled: bool, text: &str, html: bool) -> Reply {
    Reply {
        enabled,
        text: text.to_owned(),
        html,
    }
}

/// MS-ASCMD_R2001, R3504, R3505, R3521, R3522, R3525, R3530, R3531.
#[tokio::test]
async fn nobody_is_answered_until_it_is_set() {
    let fixture = Fixture::new().await;
    for version in VERSIONS {
        let phone = Phone::new(&fixture, version, version).await;
        let message = |audience| {
            format!(
                "<OofMessage><AppliesTo{audience}/><Enabled>0</Enabled><ReplyMessage/><BodyType>HTML</BodyType></OofMessage>"
            )
        };
        assert_eq!(
            get(&phone, "html").await.replace("settings:", ""),
            format!(
                "<Settings><Status>1</Status><Oof><Status>1</Status><Get><OofState>0</OofState>{}{}{}</Get></Oof></Settings>",
                message("Internal"),
                message("ExternalKnown"),
                message("ExternalUnknown")
            )
        );
    }
}

/// MS-ASCMD_R481, R783, R785, R786, R787, R793, R794, R795, R796, R802, R803, R804, R805, R826, R1106, R2251, R2252, R3499, R3509,
/// R3533, R3937, R3938, R3939, R4392, R5866, R5867.
#[tokio::test]
async fn what_is_set_is_read_again_and_is_the_accounts_setting() {
    let fixture = Fixture::new().await;
    for version in VERSIONS {
        let phone = Phone::new(&fixture, version, version).await;
        let what = [
            state("2"),
            times("2026-12-20T08:00:00.000Z", "20270104T070000Z"),
            message(
                "Internal",
                "1",
                &format!("Back in January {version}"),
                "TEXT",
            ),
            message("ExternalKnown", "1", "", "Text"),
            message("ExternalUnknown", "0", "Closed", "text"),
        ];
        assert_eq!(set(&phone, &what.concat()).await, "1");
        let kept = fixture
            .mailbox("alice")
            .await
            .out_of_office()
            .await
            .unwrap();
        assert_eq!(
            kept.when,
            When::Between {
                start: date::parse("2026-12-20T08:00:00Z").unwrap(),
                end: date::parse("2027-01-04T07:00:00Z").unwrap(),
            }
        );
        assert_eq!(
            [&kept.internal, &kept.known, &kept.unknown],
            [
                &reply(true, &format!("Back in January {version}"), false),
                &reply(true, "", false),
                &reply(false, "Closed", false)
            ]
        );
        let answer = get(&phone, "Text").await;
        assert_eq!(text_of(&answer, "settings:OofState"), "2");
        assert_eq!(
            text_of(&answer, "settings:StartTime"),
            "2026-12-20T08:00:00.000Z"
        );
        assert_eq!(
            text_of(&answer, "settings:EndTime"),
            "2027-01-04T07:00:00.000Z"
        );
        assert_eq!(texts_of(&answer, "settings:Enabled"), ["1", "1", "0"]);
        assert_eq!(
            texts_of(&answer, "settings:ReplyMessage"),
            [format!("Back in January {version}"), "Closed".into()]
        );
        assert_eq!(texts_of(&answer, "settings:BodyType"), ["Text"; 3]);
    }
}

/// MS-ASCMD_R3502, R3534, R3535, R7544, R3532: a message or a state alone changes nothing else, and times go with state 2 alone.
#[tokio::test]
async fn what_a_set_leaves_out_stays() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let mailbox = fixture.mailbox("alice").await;
    let dates = times("2026-12-20T08:00:00.000Z", "2026-12-30T08:00:00.000Z");
    for number in ["0", "1"] {
        assert_eq!(set(&phone, &(state(number) + &dates)).await, "1");
        let answer = get(&phone, "Text").await;
        assert_eq!(text_of(&answer, "settings:OofState"), number);
        assert!(!answer.contains("StartTime"), "{answer}");
    }
    assert_eq!(
        set(&phone, &message("Internal", "1", "Away", "Text")).await,
        "1"
    );
    let kept = mailbox.out_of_office().await.unwrap();
    assert_eq!(
        (kept.when, &kept.internal),
        (When::Always, &reply(true, "Away", false))
    );
    // Switched off, as phones do it: without its text.
    let off = "<settings:OofMessage><settings:AppliesToInternal/><settings:Enabled>0</settings:Enabled><settings:BodyType>Text</settings:BodyType></settings:OofMessage>";
    assert_eq!(set(&phone, off).await, "1");
    let kept = mailbox.out_of_office().await.unwrap();
    assert_eq!(
        (kept.when, &kept.internal),
        (When::Always, &reply(false, "Away", false))
    );
    assert_eq!(set(&phone, &(state("2") + &dates)).await, "1");
    let between = mailbox.out_of_office().await.unwrap().when;
    assert_eq!(set(&phone, &state("2")).await, "1", "the times are kept");
    assert_eq!(mailbox.out_of_office().await.unwrap().when, between);
    assert_eq!(set(&phone, &state("0")).await, "1");
    assert_eq!(mailbox.out_of_office().await.unwrap().when, When::Never);
}

/// MS-ASCMD_R817, R822, R823, R3503.
#[tokio::test]
async fn a_message_is_given_in_the_form_that_is_asked_for() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let mailbox = fixture.mailbox("alice").await;
    let mut setting = OutOfOffice {
        when: When::Always,
        internal: reply(true, "<p>Ask <b>Ben</b> &amp; Eva</p>", true),
        unknown: reply(true, "1 < 2\nBye", false),
        ..OutOfOffice::default()
    };
    mailbox.set_out_of_office(&setting).await.unwrap();
    // As the XML in which the test reads it escapes it.
    let text = texts_of(&get(&phone, "TEXT").await, "settings:ReplyMessage");
    assert_eq!(text, ["Ask Ben &amp; Eva", "1 &lt; 2\nBye"]);
    let html = texts_of(&get(&phone, "HTML").await, "settings:ReplyMessage");
    assert_eq!(html.len(), 2);
    assert_eq!(
        html[0],
        "&lt;p&gt;Ask &lt;b&gt;Ben&lt;/b&gt; &amp;amp; Eva&lt;/p&gt;"
    );
    assert!(html[1].contains("1 &amp;lt; 2&lt;br&gt;"), "{}", html[1]);
    // Sent back as it was given, in the other form, with the switch changed: it is still the page that was written.
    let back = message("Internal", "0", &text[0], "Text");
    assert_eq!(set(&phone, &back).await, "1");
    setting.internal.enabled = false;
    let kept = mailbox.out_of_office().await.unwrap();
    assert_eq!(kept.internal, setting.internal);
    let other = message("Internal", "1", "Ask Eva", "Text");
    assert_eq!(set(&phone, &other).await, "1");
    let kept = mailbox.out_of_office().await.unwrap();
    assert_eq!(kept.internal, reply(true, "Ask Eva", false));
    let page = message("Internal", "1", "&lt;i&gt;Away&lt;/i&gt;", "html");
    assert_eq!(set(&phone, &page).await, "1");
    let kept = mailbox.out_of_office().await.unwrap();
    assert_eq!(kept.internal, reply(true, "<i>Away</i>", true));
}

/// MS-ASCMD_R824, R825, R2271, R2272, R3517, R3526, R3991, R3992, R5582, R5583, R5681, R5702, R5827, R5845: each by its status, and nothing
/// of such a Set counts.
#[tokio::test]
async fn what_is_wrong_is_refused_whole() {
    let fixture = Fixture::new().await;
    let phone = Phone::new(&fixture, "d1", "14.1").await;
    let start = "<settings:StartTime>2026-12-20T08:00:00.000Z</settings:StartTime>";
    let end = "<settings:EndTime>2026-12-20T08:00:00.000Z</settings:EndTime>";
    let internal = message("Internal", "1", "Away", "Text");
    let long = message("Internal", "1", &"x".repeat(MAX_REPLY + 1), "Text");
    let both = "<settings:OofMessage><settings:AppliesToInternal/><settings:AppliesToExternalKnown/><settings:Enabled>1</settings:Enabled></settings:OofMessage>";
    let nobody =
        "<settings:OofMessage><settings:Enabled>1</settings:Enabled></settings:OofMessage>";
    let typeless = "<settings:OofMessage><settings:AppliesToInternal/><settings:ReplyMessage>Away</settings:ReplyMessage></settings:OofMessage>";
    for (what, status) in [
        (state("2") + start, "2"),
        (state("1") + end, "2"),
        (state("2"), "5"),
        (state("3"), "5"),
        (
            state("2") + &times("yesterday", "2026-12-20T08:00:00.000Z"),
            "5",
        ),
        (state("2") + start + end, "5"),
        (internal.clone() + &internal, "6"),
        (both.into(), "6"),
        (nobody.into(), "2"),
        (typeless.into(), "2"),
        (message("Internal", "maybe", "Away", "Text"), "5"),
        (message("ExternalKnown", "1", "Away", "InvalidValue"), "5"),
        (long, "5"),
    ] {
        let what = what + &message("ExternalUnknown", "1", "Away", "Text");
        assert_eq!(
            set(&phone, &what).await,
            status,
            "{}",
            &what[..what.len().min(400)]
        );
        let kept = fixture
            .mailbox("alice")
            .await
            .out_of_office()
            .await
            .unwrap();
        assert_eq!(kept, OutOfOffice::default(), "{status}");
    }
    for (wrong, status) in [
        ("<settings:Get/>", "2"),
        (
            "<settings:Get><settings:BodyType>RTF</settings:BodyType></settings:Get>",
            "5",
        ),
        (
            "<settings:Get><settings:BodyType>Text</settings:BodyType></settings:Get><settings:Set/>",
            "2",
        ),
        ("", "2"),
    ] {
        let asked =
            format!("<settings:Settings><settings:Oof>{wrong}</settings:Oof></settings:Settings>");
        let answer = phone.ask("Settings", &asked).await.xml();
        assert_eq!(
            texts_of(&answer, "settings:Status"),
            ["1", status],
            "{wrong}"
        );
    }
    let longest = message("Internal", "1", &"x".repeat(MAX_REPLY), "Text");
    assert_eq!(set(&phone, &longest).await, "1");
}
