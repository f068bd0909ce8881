use super::*;

#[test]
fn bases() {
    let cases = [
        ("Hello", "Hello", false),
        ("Re: Hello", "Hello", true),
        ("RE : Hello", "Hello", true),
        ("Fwd: Re: re: Hello  world", "Hello world", true),
        ("fw: Hello (fwd)", "Hello", true),
        ("[list] Re: Hello", "Hello", true),
        ("Re: [list] Hello", "Hello", true),
        ("[list] Hello", "Hello", false),
        ("Re[2]: Hello", "Hello", true),
        ("[a] [b]", "[b]", false),
        ("[fwd: Hello]", "Hello", true),
        ("[Fwd: Re: [x] Hello (fwd)]", "Hello", true),
        ("Re:", "", true),
        ("", "", false),
        ("Regarding", "Regarding", false),
        ("Hello [tag]", "Hello [tag]", false),
        (" Hello  you ", "Hello you", false),
        ("Hello\tyou", "Hello you", false),
        ("Hello you\n", "Hello you", false),
        ("Grüße\u{a0}an  alle", "Grüße an alle", false),
    ];
    for (subject, base, marked) in cases {
        let expected = BaseSubject {
            text: base.to_owned(),
            is_reply_or_forward: marked,
        };
        assert_eq!(base_subject(subject), expected, "{subject}");
    }
}

#[test]
fn floods_are_linear() {
    for unit in ["[a]", "re:", "[fwd:", "(fwd)", "[", "re[", ": "] {
        base_subject(&unit.repeat(500_000 / unit.len()));
        base_subject(&(unit.repeat(500_000 / unit.len()) + &"]".repeat(100_000)));
    }
}
