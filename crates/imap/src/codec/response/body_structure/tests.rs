use fieldpost_message::{EncodedSummary, Limits, Scanner};

use super::*;

fn rendered(message: &str) -> (String, String) {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message.as_bytes());
    let bytes = scanner.finish().encode();
    let part = EncodedSummary::new(&bytes).unwrap().structure().unwrap();
    let mut body = BytesMut::from("BODY ");
    write_body(&mut body, &part, true).unwrap();
    let mut structure = BytesMut::from("BODYSTRUCTURE ");
    write_body_structure(&mut structure, &part, true).unwrap();
    (
        String::from_utf8(body.to_vec()).unwrap(),
        String::from_utf8(structure.to_vec()).unwrap(),
    )
}

#[test]
fn plain_text() {
    let (body, structure) = rendered("From: a@x.test\r\n\r\nHi\r\nthere\r\n");
    assert_eq!(body, r#"BODY ("text" "plain" NIL NIL NIL "7bit" 11 2)"#);
    assert_eq!(
        structure,
        r#"BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 11 2 NIL NIL NIL NIL)"#
    );
}

#[test]
fn every_field_of_a_part() {
    let (body, structure) = rendered(
        "Content-Type: Image/PNG; name=\"a \\\"b\\\".png\"; x=y\r\nContent-ID: <1@x.test>\r\nContent-Description: A picture\r\n\
         Content-Transfer-Encoding: BASE64\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\nContent-Disposition: Attachment; filename=a.png; size=4\r\n\
         Content-Language: en, de-CH\r\nContent-Location: http://x.test/a.png\r\n\r\nAAAA",
    );
    assert_eq!(
        body,
        r#"BODY ("image" "png" ("name" "a \"b\".png" "x" "y") "<1@x.test>" "A picture" "base64" 4)"#
    );
    assert_eq!(
        structure,
        r#"BODYSTRUCTURE ("image" "png" ("name" "a \"b\".png" "x" "y") "<1@x.test>" "A picture" "base64" 4 "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "a.png" "size" "4")) ("en" "de-CH") "http://x.test/a.png")"#
    );
}

#[test]
fn parts_in_parts() {
    let (body, structure) = rendered(
        "Content-Type: multipart/mixed; boundary=o\r\nContent-Language: en\r\n\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n\
         --i\r\n\r\none\r\ntwo\r\n--i\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>one\r\n--i--\r\n\
         --o\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\n%PDF\r\n--o--\r\n",
    );
    assert_eq!(
        body,
        r#"BODY ((("text" "plain" NIL NIL NIL "7bit" 8 2)("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" 6 1) "alternative")("application" "pdf" NIL NIL NIL "7bit" 4) "mixed")"#
    );
    assert_eq!(
        structure,
        r#"BODYSTRUCTURE ((("text" "plain" NIL NIL NIL "7bit" 8 2 NIL NIL NIL NIL)("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" 6 1 NIL NIL NIL NIL) "alternative" ("boundary" "i") NIL NIL NIL)("application" "pdf" NIL NIL NIL "7bit" 4 NIL ("attachment" NIL) NIL NIL) "mixed" ("boundary" "o") NIL ("en") NIL)"#
    );
}

#[test]
fn attached_messages() {
    let (body, structure) = rendered(
        "Content-Type: multipart/digest; boundary=o\r\n\r\n--o\r\n\r\nFrom: a@x.test\r\nSubject: Inner\r\n\r\nHi\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n\
         Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n--o--\r\n",
    );
    assert_eq!(
        body,
        r#"BODY (("message" "rfc822" NIL NIL NIL "7bit" 36 (NIL "Inner" ((NIL NIL "a" "x.test")) ((NIL NIL "a" "x.test")) ((NIL NIL "a" "x.test")) NIL NIL NIL NIL NIL) ("text" "plain" NIL NIL NIL "7bit" 2 1) 4)("message" "rfc822" NIL NIL NIL "7bit" 60 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (("text" "plain" NIL NIL NIL "7bit" 1 1) "mixed") 6) "digest")"#
    );
    assert_eq!(
        structure,
        r#"BODYSTRUCTURE (("message" "rfc822" NIL NIL NIL "7bit" 36 (NIL "Inner" ((NIL NIL "a" "x.test")) ((NIL NIL "a" "x.test")) ((NIL NIL "a" "x.test")) NIL NIL NIL NIL NIL) ("text" "plain" NIL NIL NIL "7bit" 2 1 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)("message" "rfc822" NIL NIL NIL "7bit" 60 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (("text" "plain" NIL NIL NIL "7bit" 1 1 NIL NIL NIL NIL) "mixed" ("boundary" "i") NIL NIL NIL) 6 NIL NIL NIL NIL) "digest" ("boundary" "o") NIL NIL NIL)"#
    );
}

#[test]
fn damage_leaves_nothing_behind() {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(b"Content-Type: text/plain; x=unknown\r\n\r\n");
    let mut bytes = scanner.finish().encode();
    let at = memchr::memmem::find(&bytes, b"unknown").unwrap();
    bytes[at] = 0xff;
    let part = EncodedSummary::new(&bytes).unwrap().structure().unwrap();
    let mut out = BytesMut::from("* 1 FETCH (");
    assert!(write_body(&mut out, &part, true).is_err());
    assert!(write_body_structure(&mut out, &part, true).is_err());
    assert_eq!(&out[..], b"* 1 FETCH (");
}
