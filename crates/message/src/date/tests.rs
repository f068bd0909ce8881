use proptest::prelude::*;

use super::*;

#[test]
fn forms_of_a_date() {
    let moment = 1_795_453_270;
    let cases = [
        ("Mon, 23 Nov 2026 17:01:10 +0000", moment, 0),
        ("Mon, 23 Nov 2026 18:01:10 +0100", moment, 60),
        ("23 Nov 2026 12:01:10 -0500 (EST)", moment, -300),
        ("23 Nov 26 12:01:10 EST", moment, -300),
        ("Mon,23 Nov 2026 17:01:10 GMT", moment, 0),
        ("Mon, 23 Nov 2026 17:01:10", moment, 0),
        ("Mon, 23 November 2026 17:01:10 +0000", moment, 0),
        (
            "Mon (day), 23 (of (the) month) Nov 2026 (year) 17:01:10 +0000",
            moment,
            0,
        ),
        ("Mon Nov 23 17:01:10 2026", moment, 0),
        ("Mon, 23 Nov 2026 18:01:10 GMT+0100", moment, 60),
        ("Mon, 23 Nov 2026 22:31:10 +05:30", moment, 330),
        ("2026-11-23T17:01:10Z", moment, 0),
        ("2026-11-23 18:01:10 +0100", moment, 60),
        ("2026-11-23T18:01:10.123+01:00", moment, 60),
        ("23-Nov-2026 17:01:10 +0000", moment, 0),
        ("Mon, 23 Nov 2026 5:01:10 PM", moment, 0),
        ("Mon, 23 Nov 2026 18:01:10+0100", moment, 60),
        ("Mon, 23 Nov 2026 17:01:10 X", moment, 0),
        ("Mon, 23 Nov 2026 17:01:10 +9999", moment, 0),
        ("23 Nov 2026 17:01 +0000", moment - 10, 0),
        ("23 Nov 2026", moment - 61_270, 0),
        ("Thu, 1 Jan 1970 00:00:00 +0000", 0, 0),
        ("31 Dec 69 23:59:60 +0000", 0, 0),
        ("29 Feb 2024 00:00:00 +0000", 1_709_164_800, 0),
        ("Fri, 12 May 100 10:00:00 +0000", 958_125_600, 0),
    ];
    for (text, unix, offset_minutes) in cases {
        let expected = SentDate {
            unix,
            offset_minutes,
        };
        assert_eq!(parse(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "yesterday",
        "32 Nov 2026 10:00:00 +0000",
        "29 Feb 2023 10:00:00 +0000",
        "23 Nov 2026 25:00:00 +0000",
        "23 Foo 2026 10:00:00 +0000",
        "23 Nov 20266 10:00:00 +0000",
        "(((((",
        "1 2 3 4 5 6 7 8 9",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn days_of_senders() {
    let date = parse("Mon, 23 Nov 2026 23:30:00 -0500").unwrap();
    assert_eq!(date.local_day(), days_from_civil(2026, 11, 23));
}

proptest! {
    #[test]
    fn written_dates_are_read_back(unix in -60_000_000_000i64..250_000_000_000, offset in -1439i16..=1439) {
        let text = format_rfc5322(unix, offset);
        let expected = SentDate { unix, offset_minutes: offset };
        prop_assert_eq!(parse(&text), Some(expected), "{}", text);
    }

    #[test]
    fn calendar_is_invertible(days in -800_000i64..3_000_000) {
        let (year, month, day) = civil_from_days(days);
        prop_assert_eq!(days_from_civil(year, month, day), days);
    }

    #[test]
    fn anything_may_be_parsed(text in ".{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_moment_can_be_written(unix in any::<i64>(), offset in any::<i16>()) {
        prop_assert_eq!(format_rfc5322(unix, offset).len(), 31);
    }
}
