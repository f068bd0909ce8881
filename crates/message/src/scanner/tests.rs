use std::fmt::Write as _;

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

#[test]
fn odd_mail() {
    // Message; header length; then for each leaf its header and body.
    #[expect(clippy::type_complexity, reason = "a table")]
    let cases: &[(&str, &str, u64, &[(&str, &str)])] = &[
        ("nothing", "", 0, &[("", "")]),
        ("only a header", "A: b\r\n", 6, &[("A: b\r\n", "")]),
        ("only a header, no line end", "A: b", 4, &[("A: b", "")]),
        ("only an empty line", "\r\n", 2, &[("\r\n", "")]),
        (
            "no header",
            "Hello world\r\n\r\nA: b",
            0,
            &[("", "Hello world\r\n\r\nA: b")],
        ),
        ("empty header", "\r\nA: b", 2, &[("\r\n", "A: b")]),
        (
            "bare line feeds",
            "A: b\n\nx\ny",
            6,
            &[("A: b\n\n", "x\ny")],
        ),
        (
            "bare carriage returns",
            "A: b\r\rx",
            7,
            &[("A: b\r\rx", "")],
        ),
        (
            "mixed line ends",
            "A: b\n\r\nx\r\ny\n",
            7,
            &[("A: b\n\r\n", "x\r\ny\n")],
        ),
        ("NUL", "A: b\0c\r\n\r\n\0", 10, &[("A: b\0c\r\n\r\n", "\0")]),
        (
            "mailbox line",
            "From a@b Mon\r\nA: b\r\n\r\nx",
            22,
            &[("From a@b Mon\r\nA: b\r\n\r\n", "x")],
        ),
        (
            "junk in the header",
            "A: b\r\njunk\r\nC: d\r\n\r\nx",
            20,
            &[("A: b\r\njunk\r\nC: d\r\n\r\n", "x")],
        ),
        (
            "no boundary parameter",
            "Content-Type: multipart/mixed\n\n--x\n\na\n--x--\n",
            31,
            &[("Content-Type: multipart/mixed\n\n", "--x\n\na\n--x--\n")],
        ),
        (
            "boundary never seen",
            "Content-Type: multipart/mixed; boundary=y\n\n--x\n\na\n",
            43,
            &[(
                "Content-Type: multipart/mixed; boundary=y\n\n",
                "--x\n\na\n",
            )],
        ),
        (
            "not closed",
            "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x\n\nb\n",
            43,
            &[("\n", "a"), ("\n", "b\n")],
        ),
        (
            "cut off in a part's first line",
            "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x\nContent-Ty",
            43,
            &[("\n", "a"), ("", "Content-Ty")],
        ),
        (
            "cut off at the delimiter",
            "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x",
            43,
            &[("\n", "a"), ("", "")],
        ),
        (
            "empty parts",
            "Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\n\n--x\n\n\n--x\nA: b\n--x--",
            43,
            &[("", ""), ("\n", ""), ("\n", ""), ("A: b", "")],
        ),
        (
            "part without header",
            "Content-Type: multipart/mixed; boundary=x\n\n--x\ntext\nmore\n--x--",
            43,
            &[("", "text\nmore")],
        ),
        (
            "blanks after delimiters, preamble, epilogue",
            "Content-Type: multipart/mixed; boundary=x\n\npre\n--x \t\n\na\r\n--x-- \nepilogue\n--x\n\nb\n",
            43,
            &[("\n", "a")],
        ),
        (
            "boundaries that begin with one another",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\n\
             --bbb\n--b-\n--bb--\n--b\n\n--bb\n--b--\n",
            43,
            &[("\n", "--bbb\n--b-"), ("\n", "--bb")],
        ),
        (
            "inner multipart not closed",
            "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\na\n--o\n\nb\n--o--\n",
            43,
            &[("\n", "a"), ("\n", "b")],
        ),
        (
            "the same boundary twice",
            "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--\n--x\n\nb\n--x--\n",
            43,
            &[("\n", "a"), ("\n", "b")],
        ),
        (
            "digest",
            "Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: a\n\nb\n--x--\n",
            44,
            &[("Subject: a\n\n", "b")],
        ),
        (
            "encoded attached message",
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgoKYw==\n",
            64,
            &[(
                "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n",
                "QTogYgoKYw==\n",
            )],
        ),
    ];
    for (name, message, header_len, leaves) in cases {
        let summary = scan(message);
        assert_eq!(summary.header_len, *header_len, "{name}");
        assert_eq!(summary.size, message.len() as u64, "{name}");
        let found: Vec<_> = summary
            .structure
            .walk()
            .filter(|part| part.children().is_empty())
            .map(|part| text(message, part))
            .collect();
        assert_eq!(found, *leaves, "{name}");
    }
}

#[test]
fn what_a_multipart_without_parts_becomes() {
    let never_seen =
        scan("Content-Type: multipart/mixed; boundary=y; charset=koi8-r\n\ntext\n").structure;
    assert!(never_seen.is("text", "plain"));
    assert_eq!(
        (never_seen.lines, never_seen.charset()),
        (1, Some("koi8-r"))
    );
    let encoded =
        scan("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgoKYw==\n");
    assert!(encoded.structure.is("application", "octet-stream"));
}

#[test]
fn fields_of_the_summary() {
    let summary = scan(
        "Date: Mon, 23 Nov 2026 18:01:10 +0100\r\nSubject: =?utf-8?Q?Re:_gr=C3=BCn?=\r\nFrom: \"A, B\" <a@b.test>\r\n\
         Sender: s@b.test\r\nTo: c@d.test,\r\n e@f.test\r\nTo: g@h.test\r\nMessage-ID: <1@b.test>\r\nIn-Reply-To: <0@d.test> (x)\r\n\
         References: <a@d.test>\r\n <0@d.test>\r\nX-Priority: 1 (Highest)\r\nList-Id: L <l.b.test>\r\nAuto-Submitted: auto-replied; x=y\r\n\
         Precedence: bulk\r\nX-Auto-Response-Suppress: All\r\nSubject: second\r\nContent-Type: TEXT/Plain; CharSet=utf-8\r\n\
         Content-Language: en, de\r\nContent-ID: <x@y>\r\nContent-MD5: Q2hlY2s=\r\nContent-Location: http://x/y\r\n\
         Content-Description: =?utf-8?Q?d?=\r\nContent-Disposition: INLINE; filename=\"a.txt\"\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n\
         > quoted\r\n\r\nHello   there\r\n",
    );
    let sent = summary.sent.unwrap();
    assert_eq!((sent.unix, sent.offset_minutes), (1_795_453_270, 60));
    assert_eq!(
        summary.envelope.subject.as_deref(),
        Some("=?utf-8?Q?Re:_gr=C3=BCn?=")
    );
    assert_eq!(summary.subject(), "Re: grün");
    assert_eq!(summary.base_subject().text, "grün");
    assert_eq!(
        summary.search_text(crate::SearchField::From),
        "A, B <a@b.test>"
    );
    assert_eq!(
        summary.search_text(crate::SearchField::To),
        "c@d.test, e@f.test, g@h.test"
    );
    assert_eq!(summary.envelope.sender()[0].mailbox.as_deref(), Some("s"));
    assert_eq!(summary.envelope.reply_to()[0].mailbox.as_deref(), Some("a"));
    assert_eq!(summary.message_id(), Some("1@b.test"));
    assert_eq!(summary.in_reply_to().collect::<Vec<_>>(), ["0@d.test"]);
    assert_eq!(summary.references, ["a@d.test", "0@d.test"]);
    assert_eq!(summary.importance, crate::Importance::High);
    assert_eq!(summary.list_id.as_deref(), Some("L <l.b.test>"));
    assert_eq!(summary.auto_submitted, crate::AutoSubmitted::Replied);
    assert_eq!(summary.precedence, crate::Precedence::Bulk);
    assert!(summary.suppress_auto_response && summary.is_automatic());
    assert_eq!(summary.preview, "Hello there");
    let part = &summary.structure;
    assert!(part.is("text", "plain"));
    assert_eq!(part.language, ["en", "de"]);
    assert_eq!(part.id.as_deref(), Some("<x@y>"));
    assert_eq!(part.md5.as_deref(), Some("Q2hlY2s="));
    assert_eq!(part.location.as_deref(), Some("http://x/y"));
    assert_eq!(part.description.as_deref(), Some("=?utf-8?Q?d?="));
    assert_eq!(part.encoding, "8bit");
    assert_eq!(part.file_name().as_deref(), Some("a.txt"));
    assert!(summary.has_attachments);
}

#[test]
fn sections() {
    let summary = scan(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x\nContent-Type: message/rfc822\n\n\
         Content-Type: multipart/mixed; boundary=y\n\n--y\n\nb\n--y\n\nc\n--y--\n--x\nContent-Type: message/rfc822\n\nA: b\n\nd\n--x--\n",
    );
    let root = &summary.structure;
    let section = |numbers: &[u32]| {
        root.section(numbers)
            .map(|part| (part.media_type.clone(), part.body))
    };
    let parts = root.children();
    assert_eq!(root.section(&[]), Some(root));
    assert_eq!(root.section(&[1]), Some(&parts[0]));
    assert_eq!(root.section(&[2]), Some(&parts[1]));
    let inner = &parts[1].children()[0];
    assert_eq!(root.section(&[2, 2]), Some(&inner.children()[1]));
    assert_eq!(root.section(&[3, 1]), Some(&parts[2].children()[0]));
    for missing in [
        &[0][..],
        &[4],
        &[1, 1],
        &[2, 3],
        &[3, 2],
        &[2, 1, 1],
        &[u32::MAX],
    ] {
        assert_eq!(section(missing), None, "{missing:?}");
    }
    let single = scan("A: b\n\nc").structure;
    assert_eq!(single.section(&[1]), Some(&single));
    assert_eq!(single.section(&[2]), None);
    let message = scan("Content-Type: message/rfc822\n\nA: b\n\nc").structure;
    assert_eq!(message.section(&[1]), Some(&message));
    assert_eq!(message.section(&[1, 1]), Some(&message.children()[0]));
}

#[test]
fn previews() {
    let cases = [
        ("A: b\n\n\n\n  a\n\n b\u{200b} ", "a b"),
        (
            "Content-Type: text/html\n\n<style>x</style><p>Hi&nbsp;<b>you</b><p>there",
            "Hi you there",
        ),
        ("Content-Type: application/pdf\n\nxx", ""),
        ("Content-Disposition: attachment\n\nxx", ""),
        (
            "Content-Type: multipart/alternative; boundary=x\n\n--x\n\n \n--x\nContent-Type: text/html\n\n<p>html\n--x--\n",
            "html",
        ),
        (
            "Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>html\n--x\n\nplain\n--x--\n",
            "plain",
        ),
        (
            "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\n\nA: b\n\ninside\n--x\n\noutside\n--x--\n",
            "outside",
        ),
        ("A: b\n\n> only\n> quoted", "> only > quoted"),
        ("Content-Transfer-Encoding: base64\n\nSGVs\nbG8=\n", "Hello"),
    ];
    for (message, preview) in cases {
        assert_eq!(scan(message).preview, preview, "{message}");
    }
    let long = scan(&("A: b\n\n".to_owned() + &"äö ".repeat(4000)));
    assert_eq!(long.preview.chars().count(), Summary::PREVIEW_CHARS);
    let styled = format!(
        "Content-Type: text/html\n\n<style>{}</style>seen",
        "p { margin: 0 }\n".repeat(1000)
    );
    assert_eq!(scan(&styled).preview, "seen");
}

#[test]
fn a_prefix_moves_everything() {
    let message = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nc\r\n--x--\r\n";
    let prefix = "Return-Path: <a@b>\r\nDelivered-To: c@d\r\n";
    let mut moved = scan(message);
    moved.prepend(prefix.as_bytes());
    assert_eq!(moved, scan(&(prefix.to_owned() + message)));
    let mut single = scan("A: b\r\n\r\nc");
    single.prepend(prefix.as_bytes());
    assert_eq!(single, scan(&(prefix.to_owned() + "A: b\r\n\r\nc")));
}

/// Scans a message far too large to be built, piece by piece, and checks that the scanner's own buffers stay small.
fn flood(head: &str, piece: &str, times: usize, tail: &str) -> Summary {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(head.as_bytes());
    for _ in 0..times {
        scanner.push(piece.as_bytes());
        assert!(scanner.partial.capacity() <= 2 * scanner.limits.field_bytes);
        assert!(scanner.field.capacity() <= 2 * scanner.limits.field_bytes);
        assert!(scanner.frames.len() <= Limits::MAX_DEPTH);
    }
    scanner.push(tail.as_bytes());
    let summary = scanner.finish();
    assert_eq!(
        summary.size,
        (head.len() + piece.len() * times + tail.len()) as u64
    );
    let encoded = summary.encode();
    assert!(
        encoded.len() <= Summary::MAX_SCANNED,
        "{} bytes",
        encoded.len()
    );
    assert_eq!(Summary::decode(&encoded).unwrap(), summary);
    summary
}

/// Fault 26: ten thousand parts, flat and each in the one before.
#[test]
fn fault_26_ten_thousand_parts() {
    let flat = flood(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n",
        "--x\r\nContent-Type: text/plain; name=abc; charset=utf-8\r\nContent-Disposition: attachment; filename=\"abc.txt\"\r\n\r\nx\r\n",
        10_000,
        "--x--\r\n",
    );
    let parts = flat.structure.children();
    assert_eq!(parts.len(), Limits::default().parts - 1);
    assert!(parts.iter().all(|part| part.size() == 1));
    // Hundreds of attachments keep their names; only floods lose them.
    assert!(parts[..1000].iter().all(|part| part.file_name().is_some()));
    let nested = flood(
        "",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        10_000,
        "",
    );
    assert!(nested.structure.walk().count() <= Limits::default().parts);
    let mut distinct = String::new();
    for index in 0..10_000 {
        distinct.push_str("Content-Type: multipart/mixed; boundary=");
        let _ = write!(distinct, "b{index}\r\n\r\n--b{index}\r\n");
    }
    let nested = flood("", &distinct, 1, "");
    assert_eq!(nested.structure.walk().count(), Limits::default().depth + 1);
}

/// Fault 27: messages in messages, and one that seems to contain itself.
#[test]
fn fault_27_nested_messages() {
    let nested = flood(
        "",
        "Content-Type: message/rfc822\r\n\r\n",
        100_000,
        "Subject: x\r\n\r\nx",
    );
    let depth = nested.structure.walk().count();
    assert_eq!(depth, Limits::default().depth + 1);
    let deepest = nested.structure.walk().last().unwrap();
    assert!(deepest.is("application", "octet-stream"));
    let cyclic = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n";
    let cyclic = flood("", cyclic, 10_000, "--x--\r\n");
    assert!(cyclic.structure.walk().count() <= Limits::default().parts);
}

/// Fault 28: RFC 2231 parameters without end, in one field and over many parts.
#[test]
fn fault_28_parameters() {
    let mut field = "Content-Type: multipart/mixed; boundary=x".to_owned();
    for index in 0..20_000 {
        let _ = write!(field, ";\r\n name*{index}*=%41%42");
    }
    let one = flood(&field, "\r\n", 2, "--x\r\n\r\na\r\n--x--\r\n");
    assert_eq!(one.structure.children().len(), 1);
    let field = field.replace("multipart/mixed; boundary=x", "text/plain");
    let many = flood(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n",
        &format!("--x\r\n{field}\r\n\r\nx\r\n"),
        200,
        "--x--\r\n",
    );
    assert!(many.structure.children().len() > 10);
}

/// Fault 29: fifty thousand addresses, and ten megabytes of header in one field, in many fields, and in one line.
#[test]
fn fault_29_addresses_and_header() {
    let addresses = flood(
        "From: a@b\r\nTo: x@y",
        ",\r\n Some One <someone@example.test>",
        50_000,
        "\r\nCc: c@d\r\nSubject: still here\r\n\r\nbody",
    );
    assert!(addresses.envelope.to.len() > 100);
    assert_eq!(addresses.envelope.subject.as_deref(), Some("still here"));
    assert_eq!(addresses.preview, "body");
    let fields = flood(
        "",
        "To: someone@example.test\r\nBcc: g:;\r\n",
        300_000,
        "Subject: s\r\n\r\nx",
    );
    assert_eq!(fields.subject(), "s");
    let unknown = flood(
        "",
        "Received: from a by b; Mon, 23 Nov 2026\r\n",
        250_000,
        "Subject: s\r\n\r\nx",
    );
    assert_eq!(
        (unknown.subject().as_str(), unknown.header_len),
        ("s", unknown.size - 1)
    );
    let line = flood(
        "Subject: ",
        "xxxxxxxxxx",
        1_000_000,
        "\r\nFrom: a@b\r\n\r\nx",
    );
    assert_eq!(line.envelope.from.len(), 1);
    let folded = flood(
        "References: <a@b>",
        "\r\n <0123456789@example.test>",
        400_000,
        "\r\n\r\nx",
    );
    assert_eq!(folded.references.len(), Limits::default().references);
    assert_eq!(folded.references[0], "a@b");
    let groups = flood("To: ", "g:;", 100_000, "\r\n\r\nx");
    assert!(groups.envelope.to.len() > 100);
    flood("\r\n", "x", 10_000_000 / 50, "");
    flood(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n",
        "--",
        5_000_000,
        "",
    );
}

/// Every kind of text at its largest at once.
#[test]
fn no_summary_is_larger_than_it_may_be() {
    let long = "x".repeat(100_000);
    let mut message = String::new();
    for name in [
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "List-Id",
        "Content-ID",
        "Content-Description",
        "Content-MD5",
        "Content-Location",
        "Content-Language",
        "Content-Transfer-Encoding",
        "Content-Disposition",
    ] {
        let _ = write!(message, "{name}: <{long}>\r\n");
    }
    for name in ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"] {
        let _ = write!(
            message,
            "{name}: {}\r\n",
            "a@b,\u{1f600} <c@d>,".repeat(5000)
        );
    }
    let _ = write!(message, "References: {}\r\n", "<a@b> ".repeat(5000));
    message.push_str("Content-Type: multipart/mixed; boundary=x\r\n\r\n");
    let part = format!(
        "--x\r\nContent-Type: message/rfc822; a={long}; b=c\r\n\r\nSubject: {long}\r\nFrom: {}\r\n\r\n{}\r\n",
        "a@b,".repeat(1000),
        "\u{1f600}".repeat(1000)
    );
    flood(&message, &part, 50, "");
}
