use super::*;

const ROOM: Room = Room {
    count: 1000,
    bytes: 1 << 20,
};

/// `name|route|mailbox|host`, `-` for nothing.
fn show(value: &str) -> Vec<String> {
    parse(value.as_bytes(), ROOM)
        .into_iter()
        .map(|address| {
            [address.name, address.route, address.mailbox, address.host]
                .map(|field| field.unwrap_or_else(|| "-".into()))
                .join("|")
        })
        .collect()
}

#[test]
fn what_rfc_5322_shows() {
    let cases: &[(&str, &[&str])] = &[
        ("a@b", &["-|-|a|b"]),
        ("Pete <pete@silly.test>", &["Pete|-|pete|silly.test"]),
        (
            "\"Joe Q. Public\" <john.q.public@example.com>",
            &["Joe Q. Public|-|john.q.public|example.com"],
        ),
        (
            "Joe Q. Public <j@x>, <boss@nil.test>",
            &["Joe Q. Public|-|j|x", "-|-|boss|nil.test"],
        ),
        (
            "\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            &["Giant; \"Big\" Box|-|sysservices|example.net"],
        ),
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            &[
                "-|-|A Group|-",
                "Ed Jones|-|c|a.test",
                "-|-|joe|where.test",
                "John|-|jdoe|one.test",
                "-|-|-|-",
            ],
        ),
        (
            "Undisclosed recipients:;",
            &["-|-|Undisclosed recipients|-", "-|-|-|-"],
        ),
        (
            "a@x, G:b@y;, c@z",
            &["-|-|a|x", "-|-|G|-", "-|-|b|y", "-|-|-|-", "-|-|c|z"],
        ),
        (
            "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            &["Pete|-|pete|silly.test"],
        ),
        (
            "Joe <@a.test,@b.test:joe@c.test>",
            &["Joe|@a.test,@b.test|joe|c.test"],
        ),
        ("john . q @ example . com", &["-|-|john.q|example.com"]),
        ("\"a b\"@[192.0.2.1]", &["-|-|a b|[192.0.2.1]"]),
        ("<\"quoted@local\"@h>", &["-|-|quoted@local|h"]),
    ];
    for (value, expected) in cases {
        assert_eq!(show(value), *expected, "{value}");
    }
}

#[test]
fn what_programs_write() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        (" , ,, ", &[]),
        ("user@host (Full Name)", &["Full Name|-|user|host"]),
        ("(first) user@host", &["first|-|user|host"]),
        // What follows the address is its name, if anything does.
        ("(first) user@host (last) (more)", &["last|-|user|host"]),
        ("(first) user@host(last)", &["last|-|user|host"]),
        (
            "(first) user@host (), b@c",
            &["first|-|user|host", "-|-|b|c"],
        ),
        ("<a@b> (Name)", &["Name|-|a|b"]),
        ("=?utf-8?Q?a,_b?= <x@y>", &["=?utf-8?Q?a,_b?=|-|x|y"]),
        ("\"=?utf-8?B?w6Q=?=\" <x@y>", &["=?utf-8?B?w6Q=?=|-|x|y"]),
        ("root", &["-|-|root|"]),
        ("just some words", &["-|-|just some words|"]),
        ("a@b c@d", &["-|-|a|b"]),
        ("alice@a.test <bob@b.test>", &["alice@a.test|-|bob|b.test"]),
        (
            "Bob <bob@b.test, carol@c.test",
            &["Bob|-|bob|b.test", "-|-|carol|c.test"],
        ),
        ("<a@b@c>", &["-|-|a@b|c"]),
        ("<>", &["-|-||"]),
        ("Mailer <>", &["Mailer|-||"]),
        ("Mr X foo@bar", &["Mr X|-|foo|bar"]),
        ("a@b; c@d", &["-|-|a|b", "-|-|c|d"]),
        ("\"unclosed <a@b>", &["-|-|unclosed <a@b>|"]),
        ("x:y:z@h;", &["-|-|x|-", "-|-|y:z|h", "-|-|-|-"]),
        ("g: a@b", &["-|-|g|-", "-|-|a|b", "-|-|-|-"]),
        ("Folded\r\n <a@b>,\r\n\tc@d", &["Folded|-|a|b", "-|-|c|d"]),
        ("B\u{f6}b <b@x>", &["B\u{f6}b|-|b|x"]),
        ("@", &["-|-||"]),
        ("[1.2.3.4]", &["-|-|[1.2.3.4]|"]),
    ];
    for (value, expected) in cases {
        assert_eq!(show(value), *expected, "{value}");
    }
    let latin = parse(b"J\xf6rg <j@x>", ROOM);
    assert_eq!(latin[0].name.as_deref(), Some("Jörg"));
}

/// Fault 30: a comment that ends in a backslash must not be read past.
#[test]
fn fault_30_comment_ending_in_a_backslash() {
    for value in [
        "a@b (c\\",
        "(\\",
        "(a(b\\",
        "\"x\\",
        "a@b (",
        "<a@b (\\",
        "a@b (c\\)",
        "\\",
    ] {
        let list = show(value);
        assert!(list.len() <= 1, "{value}: {list:?}");
    }
    assert_eq!(show("a@b (c\\"), ["c|-|a|b"]);
}

#[test]
fn room_is_kept_and_groups_are_closed() {
    let many = "g:".to_owned() + &"a@b,".repeat(100) + ";";
    let list = parse(
        many.as_bytes(),
        Room {
            count: 5,
            bytes: 1000,
        },
    );
    assert_eq!(list.len(), 6);
    assert_eq!(list[5], Address::default());
    let list = parse(
        many.as_bytes(),
        Room {
            count: 1000,
            bytes: 100,
        },
    );
    assert!(list.len() < 14, "{}", list.len());
}

/// Found by fuzzing: the ends of groups took no room.
#[test]
fn ends_of_groups_take_room() {
    let room = Room {
        count: 20,
        bytes: 1000,
    };
    assert!(parse("g:;".repeat(100).as_bytes(), room).len() <= 21);
}

#[test]
fn addr_specs() {
    let spec = |value: &str| parse(value.as_bytes(), ROOM)[0].addr_spec();
    assert_eq!(spec("\"a b\"@c").as_deref(), Some("\"a b\"@c"));
    assert_eq!(spec("x <a.b@c>").as_deref(), Some("a.b@c"));
    assert_eq!(spec("root").as_deref(), Some("root"));
    assert_eq!(spec("<>").as_deref(), Some("\"\""));
    assert_eq!(spec("g:;"), None);
    let list = parse(b"=?utf-8?Q?J=C3=BCrgen?= <j@x>, G: b@y;", ROOM);
    assert_eq!(list[0].display_name().as_deref(), Some("Jürgen"));
    assert_eq!(search_text(&list), "Jürgen <j@x>, G, b@y");
}
