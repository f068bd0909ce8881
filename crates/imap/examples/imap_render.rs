//! What ENVELOPE and BODYSTRUCTURE of one message cost: `cargo run --release -p fieldpost-imap --example imap_render`.

use std::{hint::black_box, time::Instant};

use bytes::BytesMut;
use fieldpost_imap::codec::response::{
    body_structure::write_body_structure, envelope::write_envelope,
};
use fieldpost_message::{EncodedSummary, Limits, Scanner, Summary};

const ROUNDS: usize = 500;
const SAMPLES: usize = 200;

fn main() {
    let head = "Return-Path: <alice@demo.test>\r\nFrom: \"Alice Example\" <alice@demo.test>\r\nTo: Bob <bob@demo.test>, \"Carol Third\" <carol@other.test>\r\n\
        Subject: Re: Minutes of Thursday's meeting\r\nDate: Mon, 23 Nov 2026 18:01:10 +0100\r\nMessage-ID: <20261123170110.1234@demo.test>\r\n\
        In-Reply-To: <20261122090000.99@other.test>\r\nReferences: <20261121@other.test> <20261122090000.99@other.test>\r\nMIME-Version: 1.0\r\n";
    let alternative = "Content-Type: multipart/alternative; boundary=\"----=_2\"\r\n\r\n\
        ------=_2\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHello Bob,\r\n\r\nhere they are.\r\n\
        ------=_2\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Hello Bob,</p>\r\n------=_2--\r\n";
    let mixed = format!(
        "Content-Type: multipart/mixed; boundary=\"----=_1\"\r\n\r\n------=_1\r\n{alternative}\
        ------=_1\r\nContent-Type: application/pdf; name=\"minutes.pdf\"\r\nContent-Disposition: attachment; filename=\"minutes.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n------=_1--\r\n"
    );
    let team: Vec<_> = (0..40)
        .map(|number| format!("\"Member {number}\" <member{number}@demo.test>"))
        .collect();
    let cyrillic = "From: \"Алиса Примерова\" <alice@demo.test>\r\nTo: Борис <bob@demo.test>\r\nSubject: Протокол собрания в четверг\r\n\
        Date: Mon, 23 Nov 2026 18:01:10 +0100\r\nMessage-ID: <20261123170110.1234@demo.test>\r\n";
    let corpus = [
        ("plain text", format!("{head}\r\nHello Bob,\r\n")),
        ("alternative", format!("{head}{alternative}")),
        ("alternative and PDF", format!("{head}{mixed}")),
        (
            "forwarded as attachment",
            format!(
                "{head}Content-Type: multipart/mixed; boundary=f\r\n\r\n--f\r\n\r\nSee below.\r\n--f\r\nContent-Type: message/rfc822\r\n\r\n{head}{alternative}\r\n--f--\r\n"
            ),
        ),
        (
            "to forty members",
            format!("Cc: {}\r\n{head}\r\nHello all,\r\n", team.join(",\r\n ")),
        ),
        (
            "UTF-8 header and text",
            format!("{cyrillic}\r\n{}\r\n", "Здравствуйте, Борис. ".repeat(20)),
        ),
    ];
    let encoded: Vec<_> = corpus
        .iter()
        .map(|(name, message)| {
            let mut scanner = Scanner::new(Limits::default());
            scanner.push(message.as_bytes());
            (*name, scanner.finish().encode())
        })
        .collect();
    println!("                          stored  written  decode µs  envelope µs  both µs");
    let mut sum = 0.0;
    for (name, bytes) in &encoded {
        let decode = cost(|_| {
            black_box(Summary::decode(black_box(bytes)).is_ok());
        });
        let envelope = cost(|out| render(out, bytes, false));
        let both = cost(|out| render(out, bytes, true));
        let mut out = BytesMut::new();
        render(&mut out, bytes, true);
        println!(
            "{name:25} {:6} {:8} {decode:10.2} {envelope:12.2} {both:8.2}",
            bytes.len(),
            out.len()
        );
        sum += both;
    }
    println!("mean of both: {:.2} µs", sum / encoded.len() as f64);
}

fn render(out: &mut BytesMut, bytes: &[u8], structure: bool) {
    let summary = EncodedSummary::new(black_box(bytes)).expect("front");
    let envelope = summary.envelope().expect("envelope");
    write_envelope(out, &envelope, false).expect("envelope");
    if structure {
        let part = summary.structure().expect("part");
        write_body_structure(out, &part, false).expect("structure");
    }
}

/// The best of many short samples, in microseconds, since other programs only ever add to it.
fn cost(mut run: impl FnMut(&mut BytesMut)) -> f64 {
    let mut out = BytesMut::with_capacity(256 * 1024);
    let mut best = f64::MAX;
    for _ in 0..SAMPLES {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            if out.len() > 128 * 1024 {
                out.clear();
            }
            run(&mut out);
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / ROUNDS as f64);
    }
    best
}
