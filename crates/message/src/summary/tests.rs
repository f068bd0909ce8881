use proptest::prelude::*;

use super::*;
use crate::{Limits, Scanner};

const MESSAGE: &[u8] = b"Return-Path: <alice@demo.test>\r\nReceived: from mail.demo.test by post.demo.test; Mon, 23 Nov 2026 17:01:11 +0000\r\n\
From: \"Alice Example\" <alice@demo.test>\r\nTo: Bob <bob@demo.test>, \"Carol Third\" <carol@other.test>\r\nCc: team: d@e.test;\r\n\
Subject: Re: Minutes of Thursday's meeting\r\nDate: Mon, 23 Nov 2026 18:01:10 +0100\r\nMessage-ID: <20261123170110.1234@demo.test>\r\n\
In-Reply-To: <20261122090000.99@other.test>\r\nReferences: <20261121@other.test>\r\n <20261122090000.99@other.test>\r\n\
MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"----=_Part_1\"\r\n\r\n------=_Part_1\r\nContent-Type: multipart/alternative; boundary=\"----=_Part_2\"\r\n\r\n\
------=_Part_2\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHello Bob,\r\n\r\nhere they are.\r\n\
------=_Part_2\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Hello Bob,<p>here they are.\r\n------=_Part_2--\r\n\
------=_Part_1\r\nContent-Type: application/pdf; name=\"minutes.pdf\"\r\nContent-Disposition: attachment; filename=\"minutes.pdf\"\r\n\
Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n------=_Part_1--\r\n";

pub(super) fn summary() -> Summary {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(MESSAGE);
    scanner.finish()
}

#[test]
fn a_usual_mail_is_small() {
    let summary = summary();
    let encoded = summary.encode();
    assert_eq!(Summary::decode(&encoded).unwrap(), summary);
    assert!(encoded.len() < 700, "{} bytes", encoded.len());
}

#[test]
fn damage_is_an_error() {
    let encoded = summary().encode();
    for length in 0..encoded.len() {
        assert!(
            Summary::decode(&encoded[..length]).is_err(),
            "cut at {length}"
        );
    }
    let mut longer = encoded.clone();
    longer.push(0);
    assert_eq!(Summary::decode(&longer), Err(Error::SummaryTrailing));
    let mut newer = encoded.clone();
    newer[0] += 1;
    assert_eq!(
        Summary::decode(&newer),
        Err(Error::SummaryVersion(encoded[0] + 1, encoded[0]))
    );
    assert_eq!(
        Summary::decode(&vec![1; Summary::MAX_ENCODED + 1]),
        Err(Error::SummaryTooLong(Summary::MAX_ENCODED + 1))
    );
}

#[test]
fn deep_and_wide_values_are_refused() {
    let mut deep = summary();
    for _ in 0..200 {
        let mut outer = Part::at(0);
        outer.end = deep.size;
        outer.content =
            crate::Content::Multipart(vec![std::mem::replace(&mut deep.structure, Part::at(0))]);
        deep.structure = outer;
    }
    assert_eq!(
        Summary::decode(&deep.encode()),
        Err(Error::SummaryDamaged("depth"))
    );
    let mut wide = summary();
    wide.envelope.to = vec![Address::default(); 100_000];
    assert_eq!(
        Summary::decode(&wide.encode()),
        Err(Error::SummaryDamaged("too many entries"))
    );
    let mut outside = summary();
    outside.structure.end += 1;
    assert_eq!(
        Summary::decode(&outside.encode()),
        Err(Error::SummaryDamaged("part range"))
    );
    let mut backwards = summary();
    backwards.structure.header = 5;
    backwards.structure.body = 4;
    assert!(Summary::decode(&backwards.encode()).is_err());
}

#[test]
fn ids() {
    let ids = |value| message_ids(value).collect::<Vec<_>>();
    assert_eq!(ids("<a@b> <c@d>"), ["a@b", "c@d"]);
    assert_eq!(ids("<a@b><c@d"), ["a@b"]);
    assert_eq!(ids("text <a@b <c@d> (x)"), ["c@d"]);
    assert_eq!(ids("a@b c@d words"), ["a@b", "c@d"]);
    assert!(ids("<> < >").is_empty());
    assert!(ids("").is_empty());
}

proptest! {
    /// What decodes is what some summary encodes to.
    #[test]
    fn hostile_values_never_panic(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut encoded = summary().encode();
        for (index, byte) in changes {
            let at = index.index(encoded.len());
            encoded[at] = byte;
        }
        if let Ok(summary) = Summary::decode(&encoded) {
            prop_assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
        }
    }

    #[test]
    fn bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        let _ = Summary::decode(&bytes);
    }
}
