use super::Scanner;
use crate::{Content, Limits, Part, Summary};

fn scan(message: &str) -> Summary {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message.as_bytes());
    let summary = scanner.finish();
    // Every test checks the stored form and the cuts as well.
    assert_eq!(Summary::decode(&summary.encode()).unwrap(), summary);
    for size in [1, 2, 3, 7, 64] {
        let mut scanner = Scanner::new(Limits::default());
        message
            .as_bytes()
            .chunks(size)
            .for_each(|chunk| scanner.push(chunk));
        assert_eq!(scanner.finish(), summary, "in pieces of {size}");
    }
    summary
}

fn text<'m>(message: &'m str, part: &Part) -> (&'m str, &'m str) {
    (
        &message[part.header as usize..part.body as usize],
        &message[part.body as usize..part.end as usize],
    )
}

#[test]
fn multipart_with_an_attached_message() {
    let message = "Content-Type: multipart/mixed; boundary=\"=_a\"\r\nFrom: a@b\r\n\r\npreamble\r\n--=_a\r\n\r\nfirst\r\nline\r\n--=_a\r\n\
        Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninside\r\n\r\n--=_a--\r\nepilogue\r\n";
    let summary = scan(message);
    let Content::Multipart(parts) = &summary.structure.content else {
        panic!("no multipart");
    };
    assert_eq!(text(message, &parts[0]), ("\r\n", "first\r\nline"));
    assert_eq!(parts[0].lines, 2);
    assert_eq!(
        text(message, &parts[1]).1,
        "Subject: inner\r\n\r\ninside\r\n"
    );
    assert_eq!(parts[1].lines, 3);
    let Content::Message(attached) = &parts[1].content else {
        panic!("no message");
    };
    assert_eq!(attached.envelope.subject.as_deref(), Some("inner"));
    assert_eq!(
        text(message, &attached.root),
        ("Subject: inner\r\n\r\n", "inside\r\n")
    );
    assert_eq!(attached.root.lines, 1);
    assert_eq!(summary.preview, "first line");
    assert!(summary.has_attachments);
    assert_eq!(summary.size, message.len() as u64);
}
