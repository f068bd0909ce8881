use super::*;

#[test]
fn documents() {
    let cases = [
        ("Hello", "Hello"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a<br>b<br/>c<BR><br><br>d", "a\nb\nc\n\nd"),
        ("  a \r\n\t b  ", "a b"),
        ("a<b>b</b> <i> c</i>", "ab c"),
        ("<ul><li>x</li><li>y</ul>z", "* x\n* y\n\nz"),
        (
            "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>",
            "1 2\n3",
        ),
        ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
        (
            "&lt;b&gt; &amp;amp; &euro;&#8364;&#x20AC;&#128;",
            "<b> &amp; €€€€",
        ),
        ("a&nbsp;&nbsp;b &nbspc", "a  b  c"),
        (
            "&bogus; &; & &#; &#x; &#xffffffff;",
            "&bogus; &; & &#; &#x; \u{fffd}",
        ),
        (
            "<style>p { x: y }</style>a<script>if (a < b) '</p>'</script>b",
            "ab",
        ),
        ("<title>t</title><head><meta x></head><body>b", "b"),
        (
            "a<!-- <p> -->b<!-->c<!--->d<!doctype html>e<?xml ?>f",
            "abcdef",
        ),
        ("<a href=\"x>y\" title='a>b'>link</a>", "link"),
        ("<a title=it's>x</a>", "x"),
        ("<a href=\"open>text</a>", "text"),
        ("1 < 2 <3 <", "1 < 2 <3 <"),
        ("a<", "a<"),
        ("a<b", "a"),
        ("a<!-- open", "a"),
        ("a<script>open", "a"),
        ("日本<br>語", "日本\n語"),
        ("", ""),
    ];
    for (html, expected) in cases {
        assert_eq!(to_text(html, usize::MAX), expected, "{html}");
    }
}

#[test]
fn the_limit_ends_the_work() {
    let html = "<p>word word</p>".repeat(100_000);
    let text = to_text(&html, 100);
    assert!((100..6000).contains(&text.len()), "{}", text.len());
}

/// Fault 31 (HTML with 20,000 nested elements), and whatever else could make a reader's work more than linear. Quadratic work on
/// these sizes would take minutes.
#[test]
fn fault_31_nested_html_is_linear() {
    let deep = "<div>".repeat(20_000) + "x" + &"</div>".repeat(20_000);
    assert_eq!(to_text(&deep, usize::MAX), "x");
    for unit in [
        "<div>",
        "<table><tr><td>",
        "<blockquote>",
        "<ul><li>",
        "<a b=\"",
        "<a b='c\" ",
        "<!--",
        "<!",
        "<",
        "<a ",
        "</",
        "&",
        "&#",
        "&amp",
        "<style>",
        "<pre>\n ",
        " ",
        "<p> ",
        "<b =\"",
        "<script></",
    ] {
        to_text(&unit.repeat(1_000_000 / unit.len()), usize::MAX);
    }
}
