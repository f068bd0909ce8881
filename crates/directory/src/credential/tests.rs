use super::*;
use proptest::prelude::*;

const CORRECT: &str = "correct horse";
const UMLAUTS: &str = "p\u{e4}ssw\u{f6}rd";

/// Made with `doveadm pw -s SCHEME -p PASSWORD` of Dovecot 2.3.19.
const FROM_DOVECOT: &[(&str, &str)] = &[
    (
        CORRECT,
        "{SHA512-CRYPT}$6$YTcwhWD9TgVnTVxa$vocWV1JJdc7h.0qGIXRVV2qh/NW.B39z0nDijVVg.B67GjEII5y7d68z4lAgIMS2/scLW6cttrAA8uKCr1uu..",
    ),
    (
        UMLAUTS,
        "{SHA512-CRYPT}$6$rounds=1000$6vqM0bJZi4pgGXpj$3Qn1exDXqEn6XLm02uE9FFoeky2xFqxqP/lClVBG3PRja28bod.32.WvjbRzPl6TNhaxzy0JvWzAbqU7hQPvf1",
    ),
    (
        CORRECT,
        "{SHA512-CRYPT.B64}JDYkUUFZM29LRkZYaXFBdWRrcCRtWC5QS0N1ZHhKL0YyQllDSnZtL0RrRDZQU2JzNExIM0F3RVFRY0NreWZNejY3djdEL2F1VkV2LkZabzBScERZTkp2NGl1UXU1ZUY2ajk4bEUvYmJoMQ==",
    ),
    (
        CORRECT,
        "{BLF-CRYPT}$2y$05$jEDoZI/N9t5RM6YybOE7uOjf7P815n8m1n5ZjQVBExH/PE7cPVw76",
    ),
    (
        UMLAUTS,
        "{BLF-CRYPT}$2y$05$mT2V5jD/AxCA8U1PRt03f.Xon1w1QqsgQ4I3HUm9TEUCKYTak.nhe",
    ),
    (
        CORRECT,
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$PmuxYRK8UCbW8+Et6WO1RA$z+fCmRyG107NGYp3PKsI+nPXtmTty7uCMSISq8EtmfY",
    ),
    (
        UMLAUTS,
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$rTEXHll57I1XBAO5OhoXqw$WnVcgU+D+B45bKCKzgjS2DJrAkbHncdgan2iA/qjQEs",
    ),
    (CORRECT, "{SSHA}8A0Z+ErlkRLcY7Iv6K0Qj2HX88UhXplM"),
    (
        CORRECT,
        "{SSHA.HEX}faf42886041fe7fc451b446ce9b3ee76e56b0e0a755b7e47",
    ),
    (
        CORRECT,
        "{SCRAM-SHA-256}4096,zq+hPziJ3sGOmv/pKVz3+w==,8bTYZo7Auv5EaU9Lev1vQ+BI7ErQPgPDsHAkFz7Oibg=,ESlWTf8YyXBO3NdssgxnNV5rOxTO4xtdlrf4jVhOhLw=",
    ),
];

fn verifier(field: &str) -> Verifier {
    match take(field) {
        Ok(Taken::Verifier(verifier)) => verifier,
        other => panic!("{field}: {other:?}"),
    }
}

fn cheap() -> Settings {
    Settings {
        argon2: Argon2Cost::CHEAPEST,
        scram_iterations: 4096,
        ..Settings::default()
    }
}

#[test]
fn hashes_that_dovecot_made_are_verified() {
    let work = Work::default();
    for (password, field) in FROM_DOVECOT {
        let verifier = verifier(field);
        assert!(verifier.verify(&Secret::from(*password), &work), "{field}");
        let wrong = ["correct hors", "correct horse ", "", "Correct horse"];
        // Dovecot's Argon2 takes 64 MiB each time.
        let count = if field.contains("$argon2id$") { 1 } else { 4 };
        for wrong in &wrong[..count] {
            assert!(!verifier.verify(&Secret::from(*wrong), &work), "{field}");
        }
    }
}

#[test]
fn crypt_strings_need_no_scheme_and_schemes_no_case() {
    for (_, field) in FROM_DOVECOT {
        let (scheme, value) = field[1..].split_once('}').unwrap();
        if matches!(scheme, "SHA512-CRYPT" | "BLF-CRYPT" | "ARGON2ID") {
            assert_eq!(verifier(value), verifier(field));
            assert_eq!(verifier(&format!("{{crypt}}{value}")), verifier(field));
        }
        assert_eq!(
            verifier(&format!("{{{}}}{value}", scheme.to_lowercase())),
            verifier(field)
        );
    }
}

#[test]
fn what_is_no_usable_hash_is_refused_with_its_reason() {
    let salt = "$6$YTcwhWD9TgVnTVxa$";
    for (field, reason) in [
        (String::new(), Refused::Empty),
        ("{SHA512-CRYPT}".into(), Refused::Empty),
        ("!".into(), Refused::Empty),
        ("*".into(), Refused::Empty),
        ("{PLAIN}".into(), Refused::Empty),
        ("{SHA512-CRYPT}!$6$x".into(), Refused::Empty),
        ("{MD5-CRYPT}$1$abc$def".into(), Refused::Scheme),
        ("{SSHA.ROT13}abc".into(), Refused::Scheme),
        ("abcdefgh12345".into(), Refused::Scheme),
        ("$y$j9T$abc$def".into(), Refused::Scheme),
        ("{SHA512-CRYPT}hello".into(), Refused::Value),
        (format!("{{SHA512-CRYPT}}{salt}"), Refused::Value),
        (format!("{salt}{}", "a".repeat(85)), Refused::Value),
        (format!("{salt}{}$", "a".repeat(86)), Refused::Value),
        (format!("{salt}{}", "\u{e4}".repeat(43)), Refused::Value),
        (format!("$6$rounds=999${}${}", "a", "a".repeat(86)), Refused::Value),
        (format!("$6$rounds=999999999${}${}", "a", "a".repeat(86)), Refused::Value),
        ("{BLF-CRYPT}$2y$05$short".into(), Refused::Value),
        (format!("$2y$31${}", "a".repeat(53)), Refused::Value),
        (format!("$2y$03${}", "a".repeat(53)), Refused::Value),
        ("{SSHA}AAAA".into(), Refused::Value),
        ("{SSHA}not base64".into(), Refused::Value),
        ("{SSHA}!!!!".into(), Refused::Value),
        ("{SSHA.HEX}0".into(), Refused::Value),
        ("{SSHA.HEX}\u{e4}\u{e4}".into(), Refused::Value),
        ("{ARGON2ID}$argon2i$v=19$m=65536,t=3,p=1$PmuxYRK8UCbW8+Et6WO1RA$z+fC".into(), Refused::Value),
        ("{ARGON2ID}$argon2id$v=19$m=4294967295,t=3,p=1$PmuxYRK8UCbW8+Et6WO1RA$z+fCmRyG107NGYp3PKsI+nPXtmTty7uCMSISq8EtmfY".into(), Refused::Value),
        ("{ARGON2ID}$argon2id$v=19$m=65536,t=0,p=1$PmuxYRK8UCbW8+Et6WO1RA$z+fCmRyG107NGYp3PKsI+nPXtmTty7uCMSISq8EtmfY".into(), Refused::Value),
        ("{SCRAM-SHA-256}1,AAAA,AAAA,AAAA".into(), Refused::Value),
        (format!("{{SSHA}}{}", "A".repeat(5000)), Refused::Value),
    ] {
        assert_eq!(take(&field), Err(reason), "{field}");
    }
    assert_eq!(take("{PLAIN}{x}y"), Ok(Taken::Plain(Secret::from("{x}y"))));
    assert_eq!(
        take("{PLAIN.B64}aGk="),
        Ok(Taken::Plain(Secret::from("hi")))
    );
}

#[test]
fn a_decoy_costs_what_it_stands_for_and_matches_nothing() {
    let cheap = Argon2id::derive(&CORRECT.into(), Argon2Cost::CHEAPEST, &Work::default()).unwrap();
    let cheap = format!("{{ARGON2ID}}{cheap}");
    let fields = FROM_DOVECOT
        .iter()
        .filter(|(_, field)| !field.starts_with("{ARGON2ID}"));
    for (password, field) in fields.chain([&(CORRECT, &*cheap)]) {
        let real = verifier(field);
        let decoy = real.cost().decoy();
        assert_eq!(decoy.cost(), real.cost());
        let (for_real, for_decoy) = (Work::default(), Work::default());
        // A password that SASLprep changes is tried in both forms, and by a decoy too.
        for wrong in ["wrong", "wrong\u{2168}"] {
            assert!(!real.verify(&Secret::from(wrong), &for_real));
            assert!(!decoy.verify(&Secret::from(wrong), &for_decoy));
        }
        assert!(!decoy.verify(&Secret::from(*password), &Work::default()));
        assert_eq!(for_real.snapshot(), for_decoy.snapshot(), "{field}");
        assert_ne!(for_real.snapshot(), Work::default().snapshot());
    }
}

#[test]
fn derived_credentials_hold_both_kinds_and_come_back_from_their_record() {
    let work = Work::default();
    let settings = cheap();
    let credentials = Credentials::derive(&Secret::from(UMLAUTS), 7, &settings, &work).unwrap();
    let stored = Credentials::decode(&credentials.encode()).unwrap();
    assert_eq!(stored, credentials);
    assert!(!stored.is_outdated(&settings));
    let verifier = stored.password_verifier().unwrap();
    assert!(matches!(verifier, Verifier::Argon2id(_)));
    // The same password, typed in another way.
    assert!(verifier.verify(&Secret::from("pa\u{308}sswo\u{308}rd"), &work));
    let scram = Verifier::ScramSha256(stored.scram().unwrap().clone());
    assert!(scram.verify(&Secret::from(UMLAUTS), &work));
    assert!(!scram.verify(&Secret::from("x"), &work));

    let dearer = Settings {
        argon2: Argon2Cost {
            passes: 2,
            ..Argon2Cost::CHEAPEST
        },
        ..cheap()
    };
    assert!(stored.is_outdated(&dearer));
    for (_, field) in FROM_DOVECOT {
        let imported = Credentials::imported(super::tests::verifier(field), 1);
        assert!(imported.is_outdated(&settings));
        assert_eq!(Credentials::decode(&imported.encode()).unwrap(), imported);
    }
}

#[test]
fn nothing_of_credentials_is_printed() {
    for (_, field) in FROM_DOVECOT {
        let printed = format!("{:?}", Credentials::imported(verifier(field), 1));
        let secret = field.rsplit(['$', '}', ',']).next().unwrap();
        assert!(!printed.contains(secret), "{printed}");
        assert!(printed.contains("REDACTED"));
    }
}

#[test]
fn a_damaged_record_is_an_error() {
    let settings = cheap();
    let credentials =
        Credentials::derive(&Secret::from("x"), 7, &settings, &Work::default()).unwrap();
    let value = credentials.encode();
    for end in 0..value.len() {
        assert!(Credentials::decode(&value[..end]).is_err());
    }
    for at in 0..value.len() * 8 {
        let mut flipped = value.to_vec();
        flipped[at / 8] ^= 1 << (at % 8);
        let _ = Credentials::decode(&flipped);
    }
}

proptest! {
    #[test]
    fn no_password_field_panics(field in "(\\{[A-Z0-9.-]{0,14}\\})?[ -~]{0,80}|\\PC{0,60}") {
        if let Ok(Taken::Verifier(Verifier::Foreign(hash))) = take(&field) {
            prop_assert_eq!(Foreign::parse(&hash.to_string()), Some(hash));
        }
    }
}
