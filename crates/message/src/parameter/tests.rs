use std::fmt::Write as _;

use super::*;

fn show(value: &str) -> String {
    let (head, params) = parse(value.as_bytes(), 64);
    params.iter().fold(head, |out, param| {
        format!("{out};{}={}", param.name, param.value)
    })
}

#[test]
fn fields_as_they_come() {
    let cases = [
        ("text/plain", "text/plain"),
        ("Text/HTML; Charset=\"UTF-8\"", "text/html;charset=UTF-8"),
        (
            "text / plain ; charset = us-ascii (Plain text)",
            "text/plain;charset=us-ascii",
        ),
        (
            "text/plain (comment; a=b); charset=x",
            "text/plain;charset=x",
        ),
        ("text/plain charset=utf-8", "text/plain;charset=utf-8"),
        ("attachment filename=x.pdf", "attachment;filename=x.pdf"),
        (
            "attachment; filename=my report (1).pdf",
            "attachment;filename=my report (1).pdf",
        ),
        (
            "attachment; filename=\"a;b\\\"c\"; size=3",
            "attachment;filename=a;b\"c;size=3",
        ),
        ("attachment; filename=\"open", "attachment;filename=open"),
        ("a/b;;; x=1;y;z=2;x=3", "a/b;x=1;z=2"),
        ("a/b; =x; c=d", "a/b;c=d"),
        ("", ""),
        (";", ""),
        ("a/b; x=", "a/b;x="),
        ("a/b; x=(unclosed \\", "a/b;x="),
        (
            "multipart/mixed; boundary=\"=_ a b \"",
            "multipart/mixed;boundary==_ a b ",
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(show(value), expected, "{value}");
    }
}

#[test]
fn rfc_2231_segments() {
    let cases = [
        (
            "a/b; url*0=\"ftp://\"; url*1=\"cs.utk.edu/x\"",
            "a/b;url=ftp://cs.utk.edu/x",
        ),
        (
            "a/b; t*1*=%2a; t*0*=us-ascii'en'x%20; t*2=\"isn't it!\"",
            "a/b;t*=us-ascii'en'x%20%2aisn%27t%20it!",
        ),
        ("a/b; t*0=x; t*2=z", "a/b;t=x"),
        ("a/b; t*1=x; t*2=z", "a/b;t=xz"),
        ("a/b; t*7=z", "a/b"),
        ("a/b; t*0=x; t*0=y; t*1=z", "a/b;t=xz"),
        (
            "a/b; t*=utf-8''%e2%82%ac; t=plain",
            "a/b;t*=utf-8''%e2%82%ac;t=plain",
        ),
        (
            "a/b; t*99999999999999999999=x",
            "a/b;t*99999999999999999999=x",
        ),
        ("a/b; *=x; *0=y", "a/b;*=x;*0=y"),
    ];
    for (value, expected) in cases {
        assert_eq!(show(value), expected, "{value}");
    }
    assert_eq!(decode_extended("utf-8''%e2%82%ac%20rates"), "€ rates");
    assert_eq!(decode_extended("iso-8859-1'en'%A3%0d%0a"), "£");
    assert_eq!(decode_extended("plain%41%"), "plainA%");
}

/// Fault 28: a flood of RFC 2231 segments costs what the limit allows and no more.
#[test]
fn fault_28_parameter_flood() {
    let mut value = "attachment".to_owned();
    for index in 0..100_000 {
        let _ = write!(value, "; filename*{index}*=x");
    }
    let (_, params) = parse(value.as_bytes(), 64);
    assert_eq!(params.len(), 1);
    assert_eq!(params[0].value, "x".repeat(64));
}
