//! Odd mail.

/// The mails that the script appends as `$mail(name)`.
pub fn mail(name: &str) -> Vec<u8> {
    let found = MAILS.iter().find(|(known, _)| *known == name);
    if let Some((_, text)) = found {
        return text.to_vec();
    }
    match name {
        "long" => {
            let mut mail = b"From: l@example.org\r\nSubject: long ".to_vec();
            mail.extend(b"word ".repeat(400));
            mail.extend(b"\r\nX-Long: ");
            mail.extend(vec![b'x'; 9000]);
            mail.extend(b"\r\n\r\n");
            mail.extend(vec![b'y'; 20_000]);
            mail
        }
        "deep" => {
            let mut mail = b"From: d@example.org\r\nSubject: deep\r\n".to_vec();
            for level in 0..8 {
                mail.extend(
                    format!(
                        "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"
                    )
                    .bytes(),
                );
            }
            mail.extend(b"\r\nbottom\r\n");
            for level in (0..8).rev() {
                mail.extend(format!("--b{level}--\r\n").bytes());
            }
            mail
        }
        name => panic!("no mail {name}"),
    }
}

const MAILS: &[(&str, &[u8])] = &[
    ("plain", b"From: Ann Example <ann@example.org>\r\nTo: Bob <bob@example.net>\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nSubject: afternoon meeting\r\nMessage-ID: <p1@example.org>\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nHello Bob, do you think we can meet at 3:30 tomorrow?\r\nAnn\r\n"),
    ("reply", b"From: bob@example.net\r\nTo: ann@example.org\r\nCc: carl@example.com, \"D, E\" <de@example.com>\r\nBcc: hidden@example.com\r\nReply-To: other@example.net\r\nSender: secretary@example.net\r\nDate: Tue, 8 Feb 1994 09:00:00 +0100\r\nSubject: Re: afternoon meeting\r\nIn-Reply-To: <p1@example.org>\r\nReferences: <p1@example.org>\r\nMessage-ID: <p2@example.org>\r\n\r\nYes.\r\n"),
    ("reply2", b"From: carl@example.com\r\nTo: ann@example.org\r\nDate: Wed, 9 Feb 1994 09:00:00 +0000\r\nSubject: Re: Re: afternoon meeting (fwd)\r\nReferences: <p1@example.org> <p2@example.org>\r\nMessage-ID: <p3@example.org>\r\n\r\nNo.\r\n"),
    ("alternative", b"From: a@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nDate: Thu, 10 Feb 1994 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"alt\"; charset=utf-8\r\nContent-Language: de, en\r\nContent-Location: http://example.org/x\r\n\r\npreamble\r\n--alt\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-ID: <part1@example.org>\r\nContent-Description: the text\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n\r\nGr=C3=BC=C3=9Fe aus K=C3=B6ln=\r\n und Umgebung\r\n--alt\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: inline; filename=\"a.html\"\r\n\r\nPHA+R3LDvMOfZTwvcD4K\r\n--alt--\r\nepilogue\r\n"),
    ("nested", b"From: n@example.org\r\nSubject: nested\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n\r\nfirst\r\n--out\r\nContent-Type: message/rfc822\r\nContent-Description: forwarded\r\n\r\nFrom: inner@example.org\r\nTo: you@example.org\r\nSubject: inner\r\nDate: Fri, 11 Feb 1994 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\nContent-Type: text/plain\r\n\r\ninner one\r\n--in\r\nContent-Type: message/rfc822\r\n\r\nFrom: inmost@example.org\r\nSubject: inmost\r\n\r\ninmost body\r\n--in--\r\n\r\n--out\r\nContent-Type: application/octet-stream; name=x.bin\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=x.bin; size=3\r\n\r\nAAEC\r\n--out--\r\n"),
    ("rfc822", b"From: o@example.org\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\nFrom: i@example.org\r\nSubject: inner alone\r\n\r\ninner alone body\r\n"),
    ("noheader", b"\r\nonly a body\r\n"),
    ("nobody", b"From: x@example.org\r\nSubject: no body\r\n\r\n"),
    ("noblank", b"From: x@example.org\r\nSubject: no blank line\r\n"),
    ("noend", b"From: x@example.org\r\nSubject: no line end\r\n\r\nlast line"),
    ("eightbit", b"From: J\xf6rg <j@example.org>\r\nTo: \"Gr\xc3\xbc\xc3\x9fe\" <g@example.org>\r\nSubject: Gr\xc3\xbc\xc3\x9fe 8-bit\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n"),
    ("params", b"From: x@example.org\r\nSubject: parameters\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name*0*=utf-8'de'Gr%C3%BC; name*1*=%C3%9Fe; name*2=\".pdf\"\r\nContent-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n"),
    ("group", b"From: x@example.org\r\nTo: undisclosed-recipients:;\r\nCc: Friends: a@example.org, \"B B\" <b@example.org>;, c@example.org\r\nSubject: groups\r\n\r\nx\r\n"),
    ("addresses", b"From: \"quoted \\\"name\\\" back\\\\slash\" <q@example.org>\r\nTo: <@route.example,@r2.example:x@example.org>, bare, <>, (comment) y@example.org (Name), \"a b\"@example.org, =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\nSender: \r\nReply-To: not an address\r\nSubject: addresses\r\n\r\nx\r\n"),
    ("empty", b"Subject: empty parts\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\n--e\r\n--e\r\n\r\n--e\r\nContent-Type: text/html\r\n--e--\r\n"),
    ("noparts", b"Subject: no parts\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\nthere is no boundary\r\n"),
    ("noboundary", b"Subject: no boundary\r\nContent-Type: multipart/mixed\r\n\r\n--x\r\n\r\nhello\r\n--x--\r\n"),
    ("unclosed", b"Subject: missing end\r\nContent-Type: multipart/mixed; boundary=u\r\n\r\n--u\r\nContent-Type: text/plain\r\n\r\none\r\n--u\r\nContent-Type: text/html\r\n\r\n<b>two</b>\r\n"),
    ("baddate", b"From: x@example.org\r\nDate: yesterday, or so\r\nSubject: bad date\r\n\r\nx\r\n"),
    ("olddate", b"From: x@example.org\r\nDate: 1 Jan 70 00:00 GMT\r\nSubject: old date\r\n\r\nx\r\n"),
    ("folded", b"From: x@example.org\r\nSubject: folded\r\n over\r\n\tlines\r\nX-Test:   spaces   \r\nMessage-ID:\r\n <folded@example.org>\r\n\r\nx\r\n"),
    ("twice", b"From: first@example.org\r\nFrom: second@example.org\r\nSubject: one\r\nSubject: two\r\nTo: a@example.org\r\nTo: b@example.org\r\n\r\nx\r\n"),
    ("digest", b"Subject: digest\r\nContent-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: in digest\r\n\r\nbody\r\n--d--\r\n"),
    ("badmime", b"Subject: bad mime\r\nContent-Type: text\r\nContent-Transfer-Encoding: x-unknown\r\nContent-Disposition: ; =\r\n\r\nx\r\n"),
    ("badqp", b"Subject: bad qp\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=ZZb=\r\nc=3Dd=4\r\n"),
    ("badb64", b"Subject: bad base64\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nAA!!BB==\r\n====\r\n"),
    ("html", b"From: h@example.org\r\nSubject: html\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><head><title>t</title><style>x{}</style></head><body><p>One &amp; two</p><br>three</body></html>\r\n"),
    ("barelf", b"From: x@example.org\nSubject: bare lf\n\none\ntwo\n"),
    ("small", b"Subject: small\r\n\r\nx\r\n"),
    ("empty0", b""),
];
