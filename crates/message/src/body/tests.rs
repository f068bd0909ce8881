use super::*;
use crate::{Limits, Scanner, Summary};

fn scan(message: &[u8]) -> Summary {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message);
    scanner.finish()
}

/// A tree in short: `mixed(plain alternative(plain html) pdf!)`, `!` for an attachment.
fn tree(short: &str) -> Part {
    let mut stack: Vec<(String, Vec<Part>)> = vec![(String::new(), Vec::new())];
    let mut word = String::new();
    for c in short.chars().chain([' ']) {
        match c {
            '(' => stack.push((std::mem::take(&mut word), Vec::new())),
            ' ' | ')' => {
                if !word.is_empty() {
                    let mut part = Part::at(0);
                    let name = word.trim_end_matches('!');
                    let media_type = match name {
                        "plain" | "html" => "text",
                        "png" => "image",
                        _ => "application",
                    };
                    media_type.clone_into(&mut part.media_type);
                    name.clone_into(&mut part.subtype);
                    if word.ends_with('!') {
                        part.disposition = Some(crate::Disposition {
                            kind: "attachment".into(),
                            params: Vec::new(),
                        });
                    }
                    stack.last_mut().unwrap().1.push(part);
                    word.clear();
                }
                if c == ')' {
                    let (subtype, parts) = stack.pop().unwrap();
                    let mut part = Part::at(0);
                    part.media_type = "multipart".into();
                    part.subtype = subtype;
                    part.content = Content::Multipart(parts);
                    stack.last_mut().unwrap().1.push(part);
                }
            }
            _ => word.push(c),
        }
    }
    stack.pop().unwrap().1.pop().unwrap()
}

#[test]
fn which_parts_are_the_body() {
    let cases = [
        ("plain", "plain", "plain", ""),
        ("html", "html", "html", ""),
        ("pdf", "", "", "pdf"),
        ("alternative(plain html)", "plain", "html", ""),
        (
            "mixed(alternative(plain html) pdf!)",
            "plain",
            "html",
            "pdf",
        ),
        (
            "mixed(plain plain! plain)",
            "plain plain",
            "plain plain",
            "plain",
        ),
        (
            "mixed(plain png plain)",
            "plain png plain",
            "plain png plain",
            "",
        ),
        ("related(html png)", "html", "html", "png"),
        (
            "alternative(plain related(html png))",
            "plain",
            "html",
            "png",
        ),
        (
            "mixed(alternative(plain mixed(html png pdf!)) plain)",
            "plain plain",
            "html png plain",
            "png pdf",
        ),
        ("alternative(html)", "html", "html", ""),
        ("alternative(plain calendar)", "plain", "plain", "calendar"),
        ("mixed(pdf! zip!)", "", "", "pdf zip"),
    ];
    let names = |parts: &[&Part]| {
        let names: Vec<_> = parts.iter().map(|part| part.subtype.as_str()).collect();
        names.join(" ")
    };
    for (short, text, html, attachments) in cases {
        let root = tree(short);
        let bodies = Bodies::of(&root);
        assert_eq!(names(&bodies.text), text, "text of {short}");
        assert_eq!(names(&bodies.html), html, "HTML of {short}");
        assert_eq!(
            names(&bodies.attachments),
            attachments,
            "attachments of {short}"
        );
    }
}

fn read(message: &[u8], limit: usize) -> Text {
    let summary = scan(message);
    let part = Bodies::of(&summary.structure).first_text().unwrap().clone();
    let body = &message[part.body as usize..part.end as usize];
    let mut whole = TextReader::new(&part, limit);
    whole.push(body);
    let whole = whole.finish();
    for size in [1, 2, 5] {
        let mut pieces = TextReader::new(&part, limit);
        body.chunks(size).for_each(|piece| {
            pieces.push(piece);
        });
        assert_eq!(pieces.finish(), whole);
    }
    whole
}

#[test]
fn text_is_decoded_and_cut() {
    let message = b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E4=F6=\r\n=FC\r\n";
    assert_eq!(
        read(message, 100),
        Text {
            text: "äöü\r\n".into(),
            size: 8
        }
    );
    let cut = read(message, 3);
    assert_eq!(
        (cut.text.as_str(), cut.size, cut.is_truncated()),
        ("ä", 8, true)
    );
    let japanese = b"Content-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: base64\r\n\r\nGyRCRnxLXBsoQg==\r\n";
    assert_eq!(read(japanese, 100).text, "日本");
    let html = b"Content-Type: text/html\r\n\r\n<meta charset=koi8-r><p>\xf0";
    let text = read(html, 100).text;
    assert_eq!(plain_text(&scan(html).structure, &text, 100), "П");
}

#[test]
fn memory_is_the_limit() {
    let part = Part::at(0);
    let mut reader = TextReader::new(&part, 1000);
    let piece = vec![b'x'; 100_000];
    for _ in 0..1000 {
        reader.push(&piece);
        assert!(reader.text.capacity() < 100_000);
    }
    let text = reader.finish();
    assert_eq!((text.text.len(), text.size), (1000, 100_000_000));
}
