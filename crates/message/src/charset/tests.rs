use super::*;

#[test]
fn names_and_bytes() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("utf-8", "grün".as_bytes(), "grün"),
        ("UTF8", "grün".as_bytes(), "grün"),
        ("iso-8859-1", b"gr\xfcn", "grün"),
        ("us-ascii", b"gr\xfcn", "grün"),
        ("us-ascii", "grün".as_bytes(), "grün"),
        ("\"ISO-8859-15\"", b"\xa4", "€"),
        ("iso8859_15", b"\xa4", "€"),
        ("8859-15", b"\xa4", "€"),
        ("cp1251", b"\xcf", "П"),
        ("windows1251", b"\xcf", "П"),
        ("koi8-r", b"\xf0", "П"),
        ("cp932", b"\x93\xfa\x96\x7b", "日本"),
        ("ISO-2022-JP-MS", b"\x1b$BF|K\\\x1b(B", "日本"),
        ("cp949", b"\xc7\xd1", "한"),
        ("gb2312", b"\xc4\xe3", "你"),
        ("big5", b"\xa7\x41", "你"),
        ("utf-7", b"Hi Mom -+Jjo--!", "Hi Mom -☺-!"),
        ("unicode-1-1-utf-7", b"+ZeVnLIqe-", "日本語"),
        ("utf-7", b"1 +- 1 +2D3eAA-", "1 + 1 😀"),
        ("ibm437", b"\x84\xe1", "äß"),
        ("cp850", b"\x84\xe1\xd5", "äßı"),
        ("utf-16le", b"a\0", "a"),
        ("x-unknown", b"\xe4", "ä"),
        ("replacement", b"abc", "abc"),
    ];
    for (name, bytes, expected) in cases {
        let charset = Charset::named(name);
        assert_eq!(charset.decode(bytes), *expected, "{name}");
        for size in [1, 2, 3] {
            let mut decoder = Decoder::new(charset);
            let mut text = String::new();
            bytes
                .chunks(size)
                .for_each(|chunk| decoder.push(chunk, false, &mut text));
            decoder.push(b"", true, &mut text);
            assert_eq!(text, *expected, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn broken_utf_8_in_a_stream() {
    let mut decoder = Decoder::new(Charset::Guess);
    let mut text = String::new();
    decoder.push("ä".as_bytes(), false, &mut text);
    decoder.push(b"\xc3", false, &mut text);
    decoder.push(b"x\xe4", true, &mut text);
    assert_eq!(text, "äÃxä");
}

#[test]
fn headers_hold_no_line_ends() {
    assert_eq!(header_text(b"a\r\n b\0\xe4"), "a bä");
}
