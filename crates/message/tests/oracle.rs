//! mail-parser as a second opinion on mails as they come, well and badly formed: subjects, addresses, dates, ids, texts.
//!
//! A mail on which the two differ on purpose says in its entry what is not compared, and why.

#![allow(clippy::unwrap_used)]

use fieldpost_message::{
    Limits, Scanner, Summary,
    body::{Bodies, TextReader, plain_text},
};
use mail_parser::{Address, MessageParser};

/// What is not compared.
#[derive(Clone, Copy, Default)]
struct Except {
    subject: bool,
    from: bool,
    to: bool,
    date: bool,
    text: bool,
    leaves: bool,
}

const ALL: Except = Except {
    subject: false,
    from: false,
    to: false,
    date: false,
    text: false,
    leaves: false,
};

/// Name, exceptions, mail with LF for CRLF.
fn corpus() -> Vec<(&'static str, Except, Vec<u8>)> {
    let text = |name, except, mail: &str| (name, except, mail.replace('\n', "\r\n").into_bytes());
    vec![
        text(
            "plain",
            ALL,
            "From: Alice Example <alice@demo.test>\nTo: bob@demo.test\nSubject: Lunch\nDate: Mon, 23 Nov 2026 17:01:10 +0000\n\
             Message-ID: <1@demo.test>\n\nAt noon?\n",
        ),
        text(
            "answer with references",
            // It makes nothing of this obsolete date.
            Except { date: true, ..ALL },
            "From: \"Example, Bob\" <bob@demo.test>\nTo: Alice <alice@demo.test>,\n Carol <carol@other.test>\nSubject: Re: Lunch\n\
             Date: 23 Nov 26 12:01 EST\nMessage-ID: <2@demo.test>\nIn-Reply-To: <1@demo.test>\nReferences: <0@demo.test>\n <1@demo.test>\n\n\
             > At noon?\nYes.\n",
        ),
        text(
            "encoded words",
            ALL,
            "From: =?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <jm@demo.test>\nTo: =?iso-8859-1?Q?Andr=E9?= <andre@demo.test>\n\
             Subject: =?utf-8?B?R3LDvMOfZSBhdXMg?=\n =?utf-8?B?TcO8bmNoZW4=?=\nDate: Tue, 1 Jan 2019 00:00:00 +0100\n\nx\n",
        ),
        text(
            "Japanese",
            ALL,
            "From: =?ISO-2022-JP?B?GyRCO3ZFRBsoQg==?= <yamada@demo.test>\nTo: bob@demo.test\nSubject: =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=\n\
             Date: Wed, 2 Jan 2019 09:00:00 +0900 (JST)\nContent-Type: text/plain; charset=ISO-2022-JP\nContent-Transfer-Encoding: base64\n\n\
             GyRCRnxLXBsoQg==\n",
        ),
        text(
            "Cyrillic in koi8-r and quoted-printable",
            ALL,
            "From: a@demo.test\nTo: b@demo.test\nSubject: =?koi8-r?B?8NLJ18XU?=\nDate: Thu, 3 Jan 2019 09:00:00 +0300\n\
             Content-Type: text/plain; charset=\"koi8-r\"\nContent-Transfer-Encoding: quoted-printable\n\n=F0=D2=C9=\n=D7=C5=D4\n",
        ),
        text(
            "alternative",
            ALL,
            "From: a@demo.test\nTo: b@demo.test\nSubject: both\nDate: Fri, 4 Jan 2019 09:00:00 -0800 (PST)\n\
             Content-Type: multipart/alternative; boundary=\"=_1\"\n\n--=_1\nContent-Type: text/plain; charset=utf-8\n\nplain text\n\
             --=_1\nContent-Type: text/html; charset=utf-8\n\n<p>HTML text\n--=_1--\n",
        ),
        text(
            "HTML only",
            // Both turn it into text, each with its own idea of empty lines.
            Except { text: true, ..ALL },
            "From: a@demo.test\nTo: b@demo.test\nSubject: html\nDate: Fri, 4 Jan 2019 09:00:00 +0000\nContent-Type: text/html\n\n\
             <html><body><h1>Title</h1><p>One &amp; two</body></html>\n",
        ),
        text(
            "attachments and an attached message",
            ALL,
            "From: a@demo.test\nTo: b@demo.test\nSubject: files\nDate: Sat, 5 Jan 2019 09:00:00 +0000\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=outer\n\npreamble\n--outer\n\nsee files\n--outer\n\
             Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment; filename=a.pdf\nContent-Transfer-Encoding: base64\n\n\
             JVBERi0xLjQK\n--outer\nContent-Type: message/rfc822\n\nFrom: c@demo.test\nSubject: inner\n\
             Content-Type: multipart/alternative; boundary=inner\n\n--inner\n\nx\n--inner\nContent-Type: text/html\n\n<b>x</b>\n--inner--\n\n\
             --outer--\nepilogue\n",
        ),
        text(
            "groups",
            ALL,
            "From: a@demo.test\nTo: Friends: x@demo.test, \"Y Z\" <y@demo.test>;, other@demo.test\nSubject: g\n\
             Date: Sat, 5 Jan 2019 09:00:00 +0000\n\nx\n",
        ),
        text(
            "nobody disclosed",
            ALL,
            "From: a@demo.test\nTo: undisclosed-recipients:;\nSubject: g\nDate: Sat, 5 Jan 2019 09:00:00 +0000\n\nx\n",
        ),
        text(
            "comments",
            // It joins a comment in the display name to the name.
            Except { from: true, ..ALL },
            "From: Pete(A nice chap) <pete(his account)@silly.test(his host)>\nTo: b@demo.test (Bob)\nSubject: c\n\
             Date: Thu, 13 Feb 1969 23:32 -0330 (Newfoundland Time)\n\nx\n",
        ),
        text("no header at all", ALL, "\nx\n"),
        text(
            "blanks everywhere",
            ALL,
            "From:   a@demo.test  \nTo:\n b@demo.test\nSubject:  \t spaced   out \nDate:   Mon, 7 Jan 2019 09:00:00 +0000  \n\nx\n",
        ),
        text(
            "empty fields",
            ALL,
            "From:\nTo: \nSubject:\nDate:\n\nx\n",
        ),
        text(
            "senseless date",
            ALL,
            "From: a@demo.test\nTo: b@demo.test\nSubject: d\nDate: yesterday\n\nx\n",
        ),
        text(
            "no content type but an encoding",
            ALL,
            "From: a@demo.test\nTo: b@demo.test\nSubject: e\nDate: Mon, 7 Jan 2019 09:00:00 +0000\nContent-Transfer-Encoding: base64\n\nSGVsbG8=\n",
        ),
        text(
            "closing delimiter missing",
            ALL,
            "From: a@demo.test\nTo: b@demo.test\nSubject: t\nDate: Mon, 7 Jan 2019 09:00:00 +0000\n\
             Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo\n",
        ),
        (
            "eight bits in the header",
            // It reads bytes that are not UTF-8 as U+FFFD, we as windows-1252.
            Except { subject: true, from: true, ..ALL },
            b"From: J\xfcrgen <a@demo.test>\nTo: b@demo.test\nSubject: gr\xfcn\nDate: Mon, 7 Jan 2019 09:00:00 +0000\n\nx\n".to_vec(),
        ),
        (
            "UTF-8 in the header, bare line feeds",
            ALL,
            "From: Jürgen <a@demo.test>\nTo: b@demo.test\nSubject: grün\nDate: Mon, 7 Jan 2019 09:00:00 +0000\n\nx\n"
                .as_bytes()
                .to_vec(),
        ),
        (
            "windows-1252 text",
            ALL,
            b"From: a@demo.test\nTo: b@demo.test\nSubject: w\nDate: Mon, 7 Jan 2019 09:00:00 +0000\nContent-Type: text/plain; charset=windows-1252\n\n\
              \x80 \x93quoted\x94 gr\xfcn\n"
                .to_vec(),
        ),
    ]
}

fn scan(mail: &[u8]) -> Summary {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(mail);
    scanner.finish()
}

/// Names and addresses, groups left out.
fn theirs(address: Option<&Address<'_>>) -> Vec<(Option<String>, String)> {
    let mut all = Vec::new();
    if let Some(address) = address {
        for address in address.iter() {
            all.push((
                address.name().map(str::to_owned),
                address.address().unwrap_or_default().to_owned(),
            ));
        }
    }
    all
}

fn ours(list: &[fieldpost_message::Address]) -> Vec<(Option<String>, String)> {
    list.iter()
        .filter(|address| address.is_mailbox())
        .map(|address| (address.display_name(), address.addr_spec().unwrap()))
        .collect()
}

#[test]
fn the_oracle_agrees() {
    let mut differences = Vec::new();
    for (name, except, mail) in corpus() {
        let summary = scan(&mail);
        let parsed = MessageParser::default().parse(&mail[..]).unwrap();
        let mut compare = |what: &str, skip: bool, ours: String, theirs: String| {
            if !skip && ours != theirs {
                differences.push(format!(
                    "{what} of {name}:\n  ours   {ours}\n  theirs {theirs}"
                ));
            }
        };
        compare(
            "subject",
            except.subject,
            summary.subject(),
            parsed.subject().unwrap_or_default().to_owned(),
        );
        compare(
            "From",
            except.from,
            format!("{:?}", ours(&summary.envelope.from)),
            format!("{:?}", theirs(parsed.from())),
        );
        compare(
            "To",
            except.to,
            format!("{:?}", ours(&summary.envelope.to)),
            format!("{:?}", theirs(parsed.to())),
        );
        let date = parsed.date().filter(|date| date.is_valid());
        compare(
            "date",
            except.date,
            format!("{:?}", summary.sent.map(|sent| sent.unix)),
            format!("{:?}", date.map(mail_parser::DateTime::to_timestamp)),
        );
        compare(
            "id",
            false,
            format!("{:?}", summary.message_id()),
            format!("{:?}", parsed.message_id()),
        );
        let references: Vec<String> = parsed
            .references()
            .as_text_list()
            .map(|list| list.iter().map(ToString::to_string).collect())
            .unwrap_or_default();
        compare(
            "references",
            false,
            summary.references.join(" "),
            references.join(" "),
        );
        let ranges: Vec<_> = summary
            .structure
            .walk()
            .filter(|part| part.children().is_empty())
            .map(|part| (part.body, part.end))
            .collect();
        compare(
            "parts",
            except.leaves,
            format!("{ranges:?}"),
            format!("{:?}", leaves(&parsed)),
        );
        let bodies = Bodies::of(&summary.structure);
        let part = bodies.first_text().unwrap();
        let mut reader = TextReader::new(part, 10_000);
        reader.push(&mail[part.body as usize..part.end as usize]);
        compare(
            "text",
            except.text,
            plain_text(part, &reader.finish().text, 10_000),
            parsed.body_text(0).unwrap_or_default().into_owned(),
        );
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn leaves(message: &mail_parser::Message<'_>) -> Vec<(u64, u64)> {
    let mut out = Vec::new();
    for part in &message.parts {
        match &part.body {
            mail_parser::PartType::Multipart(_) => {}
            mail_parser::PartType::Message(inner) => out.extend(leaves(inner)),
            _ => out.push((part.offset_body.into(), part.offset_end.into())),
        }
    }
    out
}
