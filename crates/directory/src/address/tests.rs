use super::*;
use proptest::prelude::*;

fn canonical(text: &str) -> String {
    Address::parse(text).unwrap().as_str().to_owned()
}

#[test]
fn spellings_of_one_address_become_one() {
    for (text, expected) in [
        ("alice@demo.test", "alice@demo.test"),
        ("ALICE@Demo.TEST", "alice@demo.test"),
        ("alice@demo.test.", "alice@demo.test"),
        ("\"alice\"@demo.test", "alice@demo.test"),
        ("\"al\\ice\"@demo.test", "alice@demo.test"),
        ("a.b+c@localhost", "a.b+c@localhost"),
        (
            "jo\u{308}rg@b\u{fc}cher.example",
            "j\u{f6}rg@xn--bcher-kva.example",
        ),
        (
            "J\u{d6}RG@XN--BCHER-KVA.example",
            "j\u{f6}rg@xn--bcher-kva.example",
        ),
        (
            "\u{39f}\u{394}\u{39f}\u{3a3}@demo.test",
            "\u{3bf}\u{3b4}\u{3bf}\u{3c3}@demo.test",
        ),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
    assert_eq!(
        Address::parse("j\u{f6}rg@xn--bcher-kva.example")
            .unwrap()
            .to_unicode(),
        "j\u{f6}rg@b\u{fc}cher.example"
    );
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "@",
        "alice",
        "alice@",
        "@demo.test",
        ".alice@demo.test",
        "alice.@demo.test",
        "al..ice@demo.test",
        "al ice@demo.test",
        "al\0ice@demo.test",
        "alice\r\n@demo.test",
        "\"alice@demo.test",
        "\"a b\"@demo.test",
        "\"alice\\\"@demo.test",
        "a@b@demo.test",
        "alice@-demo.test",
        "alice@demo..test",
        "alice@de_mo.test",
        "alice@[127.0.0.1]",
        "alice@demo\u{202e}.test",
        "al\u{202e}ice@demo.test",
        "al\u{200b}ice@demo.test",
        "alice@xn--\u{fc}.test",
        // Found by fuzzing: its Unicode form is another A-label, and no domain.
        "alice@xn--xn--e-jchmchme-jchmchmpla",
    ] {
        assert!(Address::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn lengths_are_limited() {
    let local = "l".repeat(64);
    assert!(Address::parse(&format!("{local}@demo.test")).is_ok());
    assert_eq!(
        Address::parse(&format!("{local}l@demo.test")),
        Err(AddressError::TooLong)
    );
    let label = "d".repeat(63);
    let domain = format!("{label}.{label}.{label}");
    assert_eq!(domain.len(), 191);
    assert!(Address::parse(&format!("{}@{domain}", "l".repeat(62))).is_ok());
    assert_eq!(
        Address::parse(&format!("{local}@{domain}")),
        Err(AddressError::TooLong)
    );
    assert!(Address::parse(&format!("a@d{label}.test")).is_err());
    assert!(Address::parse(&"a".repeat(1 << 20)).is_err());
}

#[test]
fn the_forms_of_a_login_name() {
    let address = |text| LoginName::Address(Address::parse(text).unwrap());
    for (name, expected) in [
        ("Alice", LoginName::Local("alice".into())),
        ("alice@Demo.test", address("alice@demo.test")),
        (
            "DEMO\\Alice",
            LoginName::Domain {
                domain: "demo".into(),
                local: "alice".into(),
            },
        ),
        (
            "demo.test\\alice",
            LoginName::Domain {
                domain: "demo.test".into(),
                local: "alice".into(),
            },
        ),
        ("\\alice", LoginName::Local("alice".into())),
        ("DEMO\\alice@demo.test", address("alice@demo.test")),
    ] {
        assert_eq!(LoginName::parse(name.as_bytes()), Ok(expected), "{name}");
    }
}

/// fault 13: NUL and bytes that are no UTF-8 in user names (CVE-2019-10691).
#[test]
fn fault_13_odd_bytes_in_login_names_name_nobody() {
    for name in [
        &b"alice\0"[..],
        b"\0",
        b"al\0ice@demo.test",
        b"alice@demo.test\0",
        b"\xff\xfe",
        b"al\xc3",
        b"\xed\xa0\x80",
        b"",
        b"a\\b\\c",
        b"D\0M\\alice",
        b"\\",
        b"DEMO\\",
        &[b'a'; MAX_LOGIN + 1],
    ] {
        assert!(LoginName::parse(name).is_err(), "{name:?}");
    }
}

proptest! {
    #[test]
    fn the_canonical_form_is_its_own_canonical_form(text in "\\PC{1,20}@[a-zA-Z\u{df}-\u{17f}]{1,8}\\.test") {
        if let Ok(address) = Address::parse(&text) {
            prop_assert_eq!(Address::parse(address.as_str()).unwrap(), address.clone());
            prop_assert_eq!(Address::parse(&address.to_unicode()).unwrap(), address.clone());
            prop_assert!(address.as_str().len() <= MAX_ADDRESS);
            prop_assert_eq!(LoginName::parse(address.as_str().as_bytes()), Ok(LoginName::Address(address)));
        }
    }

    #[test]
    fn no_name_panics(name in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = LoginName::parse(&name);
    }
}
