//! Tests of the tree.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::tags::{air_sync, air_sync_base, compose_mail, email};

fn written(write: impl FnOnce(&mut Encoder)) -> Vec<u8> {
    let mut encoder = Encoder::new();
    write(&mut encoder);
    encoder.finish()
}

fn parse(bytes: &[u8]) -> Element<'_> {
    Element::parse(bytes, Limits::default()).unwrap()
}

#[test]
fn children_are_found_by_tag() {
    let bytes = written(|e| {
        e.start(air_sync::COLLECTION);
        e.text(air_sync::SYNC_KEY, "7");
        e.empty(air_sync::GET_CHANGES);
        e.text(air_sync::DELETES_AS_MOVES, "0");
        e.text(air_sync::CONVERSATION_MODE, "maybe");
        e.empty(air_sync::OPTIONS);
        e.text(air_sync::OPTIONS, "second");
        e.end();
    });
    let collection = parse(&bytes);
    assert_eq!(collection.children().count(), 6);
    assert_eq!(collection.text_of(air_sync::SYNC_KEY).unwrap(), "7");
    assert_eq!(collection.text_of(air_sync::STATUS), None);
    assert_eq!(collection.flag(air_sync::GET_CHANGES), Some(true));
    assert_eq!(collection.flag(air_sync::DELETES_AS_MOVES), Some(false));
    assert_eq!(collection.flag(air_sync::CONVERSATION_MODE), None);
    assert_eq!(collection.flag(air_sync::PARTIAL), None);
    assert_eq!(collection.all(air_sync::OPTIONS).count(), 2);
    assert!(collection.child(air_sync::OPTIONS).unwrap().is_empty());
    assert!(!collection.is_empty());
    // The page is part of the tag: email:Body has the token of airsync:SyncKey.
    assert!(
        collection
            .child(Tag::new(2, air_sync::SYNC_KEY.token()))
            .is_none()
    );
}

#[test]
fn strings_and_opaque_data_are_read_alike() {
    let bytes = written(|e| {
        e.start(compose_mail::MIME);
        e.push_text("From: ");
        e.push_opaque(b"a\xFF");
        e.push_text("b");
        e.end();
    });
    let mime = parse(&bytes);
    assert_eq!(mime.text(), "From: a\u{FFFD}b");
    assert_eq!(*mime.bytes(), *b"From: a\xFFb");
    let whole = written(|e| e.opaque(compose_mail::MIME, b"whole"));
    let whole = parse(&whole);
    assert!(matches!(whole.bytes(), Cow::Borrowed(b"whole")));
    assert!(matches!(whole.text(), Cow::Borrowed("whole")));
    let none = written(|e| e.empty(compose_mail::MIME));
    let none = parse(&none);
    assert_eq!((none.text().len(), none.bytes().len()), (0, 0));
}

#[test]
fn strings_of_several_pieces_are_one() {
    let bytes = b"\x03\x01\x6A\x00\x45\x03a\0\x03\0\x03b\0\xC3\x00\x01";
    let element = parse(bytes);
    assert_eq!(element.content(), [Content::Text("ab".into())]);
    assert_eq!(element.to_wbxml(), b"\x03\x01\x6A\x00\x45\x03ab\0\x01");
}

#[test]
fn what_is_redacted_shows_its_length_only() {
    let bytes = written(|e| {
        e.start(air_sync::APPLICATION_DATA);
        e.text(email::SUBJECT, "secret");
        e.empty(email::TO);
        e.start(air_sync_base::BODY);
        e.text(air_sync_base::TYPE, "1");
        e.text(air_sync_base::DATA, "äbc");
        e.end();
        e.text(email::READ, "1");
        e.end();
    });
    let xml =
        parse(&bytes).to_xml(|tag| [email::SUBJECT, email::TO, air_sync_base::BODY].contains(&tag));
    assert_eq!(
        xml,
        "<airsync:ApplicationData><email:Subject>{6 bytes}</email:Subject><email:To/>\
         <airsyncbase:Body>{5 bytes}</airsyncbase:Body><email:Read>1</email:Read></airsync:ApplicationData>"
    );
}

#[test]
fn opaque_data_is_shown_as_base64() {
    let bytes = written(|e| e.opaque(compose_mail::MIME, b"foob"));
    assert_eq!(
        parse(&bytes).to_xml(|_| false),
        "<composemail:Mime>{base64:Zm9vYg==}</composemail:Mime>"
    );
}
