//! Tests of the answers.
#![allow(clippy::unwrap_used)]

use quick_xml::{Reader, events::Event};

use super::*;
use crate::site::example;

const STAMP: Stamp = Stamp {
    second_of_day: 86_399,
    id: 7,
};

fn person() -> Person {
    Person {
        display_name: "Anna <&> \"B\"\u{1}".into(),
        address: "anna@example.org".into(),
        login: "anna@example.org".into(),
    }
}

/// The body; that it is well-formed is seen to.
fn text(answer: &Answer) -> &str {
    let text = str::from_utf8(&answer.body).unwrap();
    if answer.content_type.starts_with("text/xml") {
        assert_eq!(answer.status, 200);
        let mut reader = Reader::from_str(text);
        while reader.read_event().unwrap() != Event::Eof {}
    }
    text
}

fn asked_in(schema: Schema) -> Request {
    Request {
        email: "other@example.org".into(),
        schema,
    }
}

/// MS-ASCMD_R2480, R1028, R2624, R2562, R3482, R3484, R2124, R1586, R2228.
#[test]
fn a_phone_is_told_the_url_twice() {
    let answer = Answer::to(&asked_in(Schema::MobileSync), &example(), &person(), STAMP);
    assert_eq!(
        text(&answer),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\
         <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006\">\
         <Culture>en:us</Culture><User><DisplayName>Anna &lt;&amp;&gt; &quot;B&quot;</DisplayName>\
         <EMailAddress>anna@example.org</EMailAddress></User><Action><Settings><Server><Type>MobileSync</Type>\
         <Url>https://mail.example.org/Microsoft-Server-ActiveSync</Url>\
         <Name>https://mail.example.org/Microsoft-Server-ActiveSync</Name></Server></Settings></Action></Response></Autodiscover>"
    );
    // A name is optional (MS-ASCMD_R1518 ff).
    let nameless = Person {
        display_name: String::new(),
        ..person()
    };
    assert!(!text(&Answer::mobile_sync(&example(), &nameless)).contains("DisplayName"));
}

/// Quirk D2: the desktop Outlook asks in its own schema.
#[test]
fn a_desktop_is_told_the_other_services() {
    let answer = Answer::to(&asked_in(Schema::Outlook), &example(), &person(), STAMP);
    let text = text(&answer);
    let login = "<DomainRequired>off</DomainRequired><LoginName>anna@example.org</LoginName><SPA>off</SPA><SSL>on</SSL>";
    for block in [
        format!(
            "<Protocol><Type>IMAP</Type><Server>imap.example.org</Server><Port>993</Port>{login}<Encryption>SSL</Encryption>"
        ),
        format!(
            "<Protocol><Type>POP3</Type><Server>pop.example.org</Server><Port>995</Port>{login}<Encryption>SSL</Encryption>"
        ),
        format!(
            "<Protocol><Type>SMTP</Type><Server>smtp.example.org</Server><Port>587</Port>{login}<Encryption>TLS</Encryption>"
        ),
        "<UsePOPAuth>on</UsePOPAuth>".into(),
        "<Action>settings</Action>".into(),
    ] {
        assert_eq!(text.matches(block.as_str()).count(), 1, "{block}");
    }
    assert!(!text.contains("ActiveSync"));
}

/// MS-ASCMD_R2288, R3818, R1636.
#[test]
fn a_schema_that_nobody_has_is_601() {
    let mut site = example();
    let answer = Answer::to(&asked_in(Schema::Other), &site, &person(), STAMP);
    assert_eq!(
        text(&answer),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\
         <Response><Error Time=\"23:59:59.0000000\" Id=\"7\"><ErrorCode>601</ErrorCode>\
         <Message>Provider is not available</Message><DebugData/></Error></Response></Autodiscover>"
    );
    (site.imap, site.pop3) = (None, None);
    assert_eq!(
        Answer::to(&asked_in(Schema::Outlook), &site, &person(), STAMP),
        answer
    );
}

/// MS-ASCMD_R2287, R3799.
#[test]
fn what_is_no_request_is_600() {
    let answer = Answer::error(
        ErrorCode::InvalidRequest,
        Stamp {
            second_of_day: u32::MAX,
            id: u32::MAX,
        },
    );
    assert!(text(&answer).contains("<ErrorCode>600</ErrorCode><Message>Invalid Request</Message>"));
}

/// MS-ASCMD_R4002, R1632, R4001.
#[test]
fn a_failure_has_status_2_and_no_user() {
    let answer = Answer::failure("no <mailbox>", "");
    let text = text(&answer);
    assert!(text.contains(
        "<Action><Error><Status>2</Status><Message>no &lt;mailbox&gt;</Message></Error></Action>"
    ));
    assert!(!text.contains("<User>") && !text.contains("DebugData"));
}

/// MS-ASCMD_R2439 to R2442.
#[test]
fn a_redirect_names_an_address() {
    let answer = Answer::redirect(&person(), "anna@other.example");
    assert!(text(&answer).contains("<Action><Redirect>anna@other.example</Redirect></Action>"));
}

/// Quirk D1.
#[test]
fn json_is_told_to_anybody() {
    let answer = Answer::json(&example(), Some("activesync"));
    assert_eq!(answer.status, 200);
    assert_eq!(
        text(&answer),
        "{\"Protocol\":\"ActiveSync\",\"Url\":\"https://mail.example.org/Microsoft-Server-ActiveSync\"}"
    );
    let answer = Answer::json(&example(), Some("AutodiscoverV1"));
    assert_eq!(
        text(&answer),
        "{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"https://mail.example.org/autodiscover/autodiscover.xml\"}"
    );
    for (protocol, code) in [
        (Some("<script>"), "InvalidProtocol"),
        (None, "MandatoryParameterMissing"),
    ] {
        let answer = Answer::json(&example(), protocol);
        assert_eq!(answer.status, 400);
        assert!(text(&answer).starts_with(&format!("{{\"ErrorCode\":\"{code}\",")));
        assert!(!text(&answer).contains('<'));
    }
}
