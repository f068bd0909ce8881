//! Both forms of a query, and what is none.

use proptest::prelude::*;

use super::*;

/// MS-ASHTTP_R98, MS-ASHTTP_R509, MS-ASHTTP_R103, MS-ASHTTP_R107.
#[test]
fn a_plain_query_is_read_in_any_order_and_case() {
    let read =
        parse("devicetype=Smart%20Phone&DEVICEID=v140Device&Cmd=sync&User=alice%2B1%40demo.test");
    assert_eq!(
        read,
        Ok(Query {
            command: Some(Command::Sync),
            user: "alice+1@demo.test".into(),
            device: "v140Device".into(),
            device_type: "Smart Phone".into(),
            ..Query::default()
        })
    );
}

/// MS-ASHTTP_R115 to R122, R437, R487, R511 to R513, R526 to R531.
#[test]
fn a_plain_query_has_parameters() {
    let parameters = |query: &str| parse(query).unwrap().parameters;
    assert_eq!(
        parameters(
            "Cmd=SmartReply&CollectionId=5&ItemId=5%3A12&LongId=l&Occurrence=o&SaveInSent=T&AttachmentName=a"
        ),
        Parameters {
            attachment_name: Some("a".into()),
            collection_id: Some("5".into()),
            item_id: Some("5:12".into()),
            long_id: Some("l".into()),
            occurrence: Some("o".into()),
            save_in_sent: true,
            accepts_multipart: false,
        }
    );
    assert!(!parameters("Cmd=SendMail&SaveInSent=F").save_in_sent);
    assert!(!parameters("Cmd=SendMail&x").save_in_sent);
}

fn bytes(fields: &[&[u8]]) -> String {
    BASE64.encode(fields.concat())
}

/// MS-ASHTTP_R2, R23, R26, R29 to R46: the example of MS-ASHTTP §4.
#[test]
fn a_base64_query_is_read() {
    let expected = Query {
        command: Some(Command::Sync),
        version: QueryVersion::Is(Version::V14_0),
        device: "v140Device".into(),
        device_type: "SmartPhone".into(),
        ..Query::default()
    };
    let text = "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l";
    assert_eq!(parse(text), Ok(expected));
}

/// MS-ASHTTP_R37 to R43, R81 to R95, R510.
#[test]
fn a_base64_query_has_a_policy_key_and_parameters() {
    let query = bytes(&[
        &[141, 19, 9, 4],
        b"\x02d1\x04\x78\x56\x34\x12\x01t",
        b"\x00\x01a\x01\x01c\x03\x01i\x04\x01l\x06\x01o\x07\x01\x03\x08\x05alice\x63\x02zz",
    ]);
    let read = parse(&query).unwrap();
    assert_eq!(read.command, Some(Command::ItemOperations));
    assert_eq!(read.policy_key, Some(0x1234_5678));
    assert_eq!(read.user, "alice");
    assert_eq!(
        read.parameters,
        Parameters {
            attachment_name: Some("a".into()),
            collection_id: Some("c".into()),
            item_id: Some("i".into()),
            long_id: Some("l".into()),
            occurrence: Some("o".into()),
            save_in_sent: true,
            accepts_multipart: true,
        }
    );
}

/// MS-ASHTTP_R34.
#[test]
fn a_guid_becomes_hexadecimal() {
    let guid: Vec<u8> = (0..16).map(|byte| byte * 17).collect();
    let query = bytes(&[&[141, 0, 9, 4, 16], &guid, &[0, 1, b't']]);
    let device = parse(&query).unwrap().device;
    assert_eq!(device, "00112233445566778899aabbccddeeff");
    let text = bytes(&[&[141, 0, 9, 4, 16], b"sixteen-in-a-row", &[0, 1, b't']]);
    assert_eq!(parse(&text).unwrap().device, "sixteen-in-a-row");
}

#[test]
fn padding_may_be_missing_or_escaped_and_the_alphabet_safe_for_urls() {
    // 0xFB 0xFF give `+` and `/`.
    let query = bytes(&[&[141, 0, 0xFB, 0xFF], b"\x01d\x00\x01t\x63\x02\xFB\xFF"]);
    assert!(
        query.contains(['+', '/']) && query.ends_with('='),
        "{query}"
    );
    let expected = parse(&query).unwrap();
    let safe = query.replace('+', "-").replace('/', "_");
    let escaped = query
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    for variant in [safe, escaped, query.trim_end_matches('=').to_owned()] {
        assert_eq!(parse(&variant), Ok(expected.clone()), "{variant}");
    }
}

/// Fault 45, MS-ASHTTP_R38, MS-ASHTTP_R188.
#[test]
fn what_is_no_query_is_refused_fault_45() {
    let whole = b"\x8d\x00\x09\x04\x01d\x04\x01\x02\x03\x04\x01t\x07\x01\x01";
    for cut in 0..whole.len() {
        // Cut before the parameters it is a whole query.
        if cut != 13 {
            let query = BASE64.encode(&whole[..cut]);
            assert_eq!(parse(&query), Err(Malformed), "{cut}");
        }
    }
    for bad in ["", "=", "%3D", "!!!!", "jAAJ BAp2", "a%00b"] {
        assert_eq!(parse(bad), Err(Malformed), "{bad}");
    }
    let key_of_three = bytes(&[&[141, 0, 9, 4], b"\x01d\x03abc\x01t"]);
    assert_eq!(parse(&key_of_three), Err(Malformed));
}

#[test]
fn what_is_not_known_is_not_made_up() {
    let query = bytes(&[&[99, 200, 9, 4], b"\x01d\x00\x01t"]);
    let read = parse(&query).unwrap();
    assert_eq!((read.command, read.version), (None, QueryVersion::Unknown));
    let read = parse("Cmd=Nonsense&x=%zz").unwrap();
    assert_eq!((read.command, read.version), (None, QueryVersion::InHeader));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let _ = parse(&text);
        let _ = parse(&BASE64.encode(bytes));
    }
}
