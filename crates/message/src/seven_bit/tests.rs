use super::*;
use crate::{Limits, Part, Scanner, transfer};

/// The message converted, in pieces of `size`; `None`: it is 7-bit.
fn convert(message: &[u8], size: usize) -> Result<Option<Vec<u8>>, Obstacle> {
    let mut scan = Scan::new();
    message.chunks(size).for_each(|piece| scan.push(piece));
    let Some(mut survey) = scan.finish()? else {
        return Ok(None);
    };
    for piece in message.chunks(size) {
        survey.push(piece);
    }
    let Some(plan) = survey.finish()? else {
        return Ok(None);
    };
    let mut out = Vec::new();
    let mut converter = plan.converter();
    for piece in message.chunks(size) {
        converter.push(piece, &mut out);
    }
    converter.finish(&mut out);
    Ok(Some(out))
}

fn converted(message: &str) -> String {
    let out = convert(message.as_bytes(), 7).unwrap().unwrap();
    assert_eq!(convert(message.as_bytes(), 4096), Ok(Some(out.clone())));
    assert_eq!(convert(&out, 9), Ok(None), "once is enough");
    String::from_utf8(out).unwrap()
}

fn obstacle(message: &str) -> Obstacle {
    convert(message.as_bytes(), 5).unwrap_err()
}

fn leaves(message: &[u8]) -> Vec<Vec<u8>> {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message);
    let structure = scanner.finish().structure;
    let leaf = |part: &&Part| part.children().is_empty();
    let parts = structure.walk().filter(leaf);
    parts
        .map(|part| {
            let body = &message[part.body as usize..part.end as usize];
            transfer::decode(part.transfer_encoding(), body)
        })
        .collect()
}

#[test]
fn a_text_gets_an_encoding_and_what_makes_it_count() {
    assert_eq!(
        converted("Subject: x\r\n\r\ngr\u{fc}n \r\n- a\r\n"),
        "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         gr=C3=BCn=20\r\n=2D a\r\n"
    );
    assert_eq!(
        converted("\u{fc}ber\r\n"),
        "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BCber\r\n"
    );
    // One that is there is replaced where it stands, folds and repetitions included.
    assert_eq!(
        converted(
            "mime-version: 1.0\r\nContent-Transfer-Encoding:\r\n 8BIT\r\nX: y\r\n\
             Content-transfer-encoding: 8bit\r\n\r\n\u{fc}\r\n"
        ),
        "mime-version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\nX: y\r\n\r\n=C3=BC\r\n"
    );
}

#[test]
fn the_shorter_encoding_is_taken() {
    let cyrillic = converted(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}\r\n",
    );
    assert!(
        cyrillic.ends_with("Content-Transfer-Encoding: base64\r\n\r\n0L/RgNC40LLQtdGCDQo=\r\n"),
        "{cyrillic}"
    );
}

const NESTED: &str = "MIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
    pr\u{e4}ambel\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\nplain\r\n\
    --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\nASCII after all\r\n\
    --b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
    Subject: inner\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
    --c\r\n\r\ngr\u{fc}n\r\n\
    --c\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\r\n\
    --c--\r\n\
    --b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\
    --b--\r\nepilogue\r\n";

#[test]
fn parts_within_parts_and_messages_within_messages() {
    let out = converted(NESTED);
    assert_eq!(
        out,
        "MIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
         pr??ambel\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nplain\r\n\
         --b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nASCII after all\r\n\
         --b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
         Subject: inner\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
         --c\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn\r\n\
         --c\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nw7zDvMO8w7zDvMO8\r\n\
         --c--\r\n\
         --b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\
         --b--\r\nepilogue\r\n"
    );
    assert_eq!(leaves(out.as_bytes()), leaves(NESTED.as_bytes()));
}

/// A body that says it is encoded and is 8-bit all the same is encoded anew; what it decodes to stays.
#[test]
fn damaged_encodings_are_mended() {
    let printable =
        "Content-Transfer-Encoding: Quoted-Printable\r\n\r\ngr\u{fc}n =3D gr=C3=BCn=\r\n!\r\n";
    assert!(converted(printable).ends_with("\r\n\r\ngr=C3=BCn =3D gr=C3=BCn!\r\n"));
    let base64 = "Content-Transfer-Encoding: base64\r\n\r\nQUJD\u{fc}RA==\r\n";
    let out = converted(base64);
    assert_eq!(leaves(out.as_bytes()), [b"ABCD"]);
    // A line too long for anybody, and NUL, are no 7-bit text either.
    let long = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(999));
    assert_eq!(leaves(converted(&long).as_bytes()), leaves(long.as_bytes()));
    assert!(converted("Subject: x\r\n\r\na\0b\r\n").ends_with("\r\n\r\na=00b\r\n"));
}

#[test]
fn what_is_seven_bit_stays_as_it_is() {
    for message in [
        String::new(),
        "Subject: x\r\n\r\nplain\r\n".to_owned(),
        format!(
            "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n",
            "x".repeat(998)
        ),
        // Not ours to fold.
        format!("Subject: {}\r\n\r\nplain\r\n", "x".repeat(2000)),
        format!(
            "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\n{}\r\n--s--\r\n",
            "x".repeat(2000)
        ),
    ] {
        assert_eq!(convert(message.as_bytes(), 11), Ok(None), "{message}");
    }
}

#[test]
fn what_can_not_be_converted_is_told() {
    let signed =
        "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\ngr\u{fc}n\r\n--s--\r\n";
    assert_eq!(obstacle(signed), Obstacle::Signed);
    let within = format!("Content-Type: message/rfc822\r\n\r\n{signed}");
    assert_eq!(obstacle(&within), Obstacle::Signed);
    for header in [
        "Subject: gr\u{fc}n\r\n\r\nx\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Description: gr\u{fc}n\r\n\r\n--b--\r\n",
        "Content-Type: message/rfc822\r\n\r\nSubject: gr\u{fc}n\r\n\r\n",
    ] {
        assert_eq!(obstacle(header), Obstacle::Header, "{header}");
    }
    assert_eq!(
        obstacle("Content-Transfer-Encoding: x-uuencode\r\n\r\n\u{fc}\r\n"),
        Obstacle::Encoding
    );
    for header in [
        "Content-Type: multipart/mixed; boundary=never",
        "Content-Type: message/partial; id=x",
        "Content-Type: message/delivery-status",
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64",
    ] {
        let message = format!("{header}\r\n\r\n\u{fc}\r\n");
        assert_eq!(obstacle(&message), Obstacle::Container, "{header}");
    }
    let deep: Vec<String> = (0..120)
        .map(|level| {
            format!("Content-Type: multipart/mixed; boundary={level}x\r\n\r\n--{level}x\r\n")
        })
        .collect();
    let deep = deep.concat();
    assert_eq!(obstacle(&format!("{deep}\r\n\u{fc}")), Obstacle::Container);
    let wide = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}\u{fc}",
        "--b\r\n\r\n".repeat(3000)
    );
    assert_eq!(obstacle(&wide), Obstacle::Large);
    let long = format!("X: {}\r\n\r\n\u{fc}", "x".repeat(MAX_FIELD));
    assert_eq!(obstacle(&long), Obstacle::Large);
}

/// RFC 6532 §3.7: internationalised mail that is attached may be encoded as a whole.
#[test]
fn an_attached_message_with_8_bit_headers_is_encoded_whole() {
    let message = "Content-Type: message/global\r\n\r\nSubject: gr\u{fc}n\r\n\r\ngr\u{fc}n\r\n";
    let out = converted(message);
    assert!(
        out.ends_with("Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: gr=C3=BCn\r\n\r\ngr=C3=BCn\r\n"),
        "{out}"
    );
}
