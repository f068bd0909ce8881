use fieldpost_message::{EncodedSummary, Limits, Scanner};

use super::*;

fn rendered(message: &str, utf8: bool) -> String {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message.as_bytes());
    let bytes = scanner.finish().encode();
    let envelope = EncodedSummary::new(&bytes).unwrap().envelope().unwrap();
    let mut out = BytesMut::from("ENVELOPE ");
    write_envelope(&mut out, &envelope, utf8).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn a_usual_mail() {
    let message = "Date: Mon, 23 Nov 2026 18:01:10 +0100\r\nFrom: \"Alice Example\" <alice@demo.test>\r\nTo: bob@demo.test, Carol <carol@other.test>\r\n\
        Subject: Re: Minutes of \"Thursday\"\r\nMessage-ID: <2@demo.test>\r\nIn-Reply-To: <1@other.test>\r\n\r\nHi\r\n";
    assert_eq!(
        rendered(message, false),
        r#"ENVELOPE ("Mon, 23 Nov 2026 18:01:10 +0100" "Re: Minutes of \"Thursday\"" (("Alice Example" NIL "alice" "demo.test")) (("Alice Example" NIL "alice" "demo.test")) (("Alice Example" NIL "alice" "demo.test")) ((NIL NIL "bob" "demo.test")("Carol" NIL "carol" "other.test")) NIL NIL "<1@other.test>" "<2@demo.test>")"#
    );
}

#[test]
fn fields_of_their_own() {
    let message = "From: a@x.test\r\nSender: b@x.test\r\nReply-To: c@x.test, d@x.test\r\nCc: e@x.test\r\nBcc: f@x.test\r\nSubject:\r\n\r\n";
    assert_eq!(
        rendered(message, false),
        r#"ENVELOPE (NIL "" ((NIL NIL "a" "x.test")) ((NIL NIL "b" "x.test")) ((NIL NIL "c" "x.test")(NIL NIL "d" "x.test")) NIL ((NIL NIL "e" "x.test")) ((NIL NIL "f" "x.test")) NIL NIL)"#
    );
}

#[test]
fn nothing_at_all() {
    assert_eq!(
        rendered("\r\nHi\r\n", false),
        "ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    );
}

#[test]
fn groups_routes_and_bare_words() {
    let message = "From: root\r\nTo: Team: a@x.test, B <b@x.test>;, undisclosed-recipients:;\r\nCc: <@r.test,@s.test:c@x.test>\r\n\r\n";
    assert_eq!(
        rendered(message, false),
        r#"ENVELOPE (NIL NIL ((NIL NIL "root" "")) ((NIL NIL "root" "")) ((NIL NIL "root" "")) ((NIL NIL "Team" NIL)(NIL NIL "a" "x.test")("B" NIL "b" "x.test")(NIL NIL NIL NIL)(NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) ((NIL "@r.test,@s.test" "c" "x.test")) NIL NIL NIL)"#
    );
}

#[test]
fn beyond_ascii() {
    let message =
        "From: Jürgen <j@x.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= und Grüße\r\n\r\n";
    assert_eq!(
        rendered(message, true),
        r#"ENVELOPE (NIL "=?utf-8?q?Gr=C3=BC=C3=9Fe?= und Grüße" (("Jürgen" NIL "j" "x.test")) (("Jürgen" NIL "j" "x.test")) (("Jürgen" NIL "j" "x.test")) NIL NIL NIL NIL NIL)"#
    );
    assert_eq!(
        rendered(message, false),
        "ENVELOPE (NIL {39}\r\n=?utf-8?q?Gr=C3=BC=C3=9Fe?= und Grüße (({7}\r\nJürgen NIL \"j\" \"x.test\")) (({7}\r\nJürgen NIL \"j\" \"x.test\")) (({7}\r\nJürgen NIL \"j\" \"x.test\")) NIL NIL NIL NIL NIL)"
    );
}

#[test]
fn damage_leaves_nothing_behind() {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(b"From: alice@demo.test\r\nTo: bob@demo.test\r\n\r\n");
    let mut bytes = scanner.finish().encode();
    let at = memchr::memmem::find(&bytes, b"bob").unwrap();
    bytes[at] = 0xff;
    let envelope = EncodedSummary::new(&bytes).unwrap().envelope().unwrap();
    let mut out = BytesMut::from("* 1 FETCH (");
    assert!(write_envelope(&mut out, &envelope, true).is_err());
    assert_eq!(&out[..], b"* 1 FETCH (");
}

/// RFC 9051 §7.5.2: NIL for a mailbox is a group's end; what an address lacks is empty.
#[test]
fn an_address_without_a_mailbox_has_an_empty_one() {
    let message = "From: @x.test\r\nTo: <@y.test>, (first) z@y.test (Zoe)\r\n\r\n";
    assert_eq!(
        rendered(message, false),
        r#"ENVELOPE (NIL NIL ((NIL NIL "" "x.test")) ((NIL NIL "" "x.test")) ((NIL NIL "" "x.test")) ((NIL NIL "" "y.test")("Zoe" NIL "z" "y.test")) NIL NIL NIL NIL)"#
    );
}
