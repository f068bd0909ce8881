//! How long one message costs: `cargo run --release -p fieldpost-message --example scan_speed`.

use std::{fmt::Write as _, hint::black_box, time::Instant};

use fieldpost_message::{Limits, Scanner, Summary};

fn main() {
    let header = "Return-Path: <alice@demo.test>\r\nReceived: from mail.demo.test (mail.demo.test [192.0.2.1])\r\n\tby post.demo.test with ESMTPS id 1A2B\r\n\tfor <bob@demo.test>; Mon, 23 Nov 2026 17:01:11 +0000\r\n\
        From: \"Alice Example\" <alice@demo.test>\r\nTo: Bob <bob@demo.test>, \"Carol Third\" <carol@other.test>\r\n\
        Subject: Re: Minutes of Thursday's meeting\r\nDate: Mon, 23 Nov 2026 18:01:10 +0100\r\nMessage-ID: <20261123170110.1234@demo.test>\r\n\
        In-Reply-To: <20261122090000.99@other.test>\r\nReferences: <20261121@other.test> <20261122090000.99@other.test>\r\nMIME-Version: 1.0\r\n";
    let text = "Hello Bob, here are the minutes of our meeting, as promised yesterday.\r\n";
    let base64 = format!("{}\r\n", "JVBERi0xLjQK".repeat(6));
    let plain = format!("{header}\r\n{}", text.repeat(30));
    let mut mixed = format!(
        "{header}Content-Type: multipart/mixed; boundary=\"----=_1\"\r\n\r\n------=_1\r\nContent-Type: multipart/alternative; boundary=\"----=_2\"\r\n\r\n\
         ------=_2\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n\
         ------=_2\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>{}</p>\r\n------=_2--\r\n",
        text.repeat(20),
        text.repeat(20)
    );
    let _ = write!(
        mixed,
        "------=_1\r\nContent-Type: application/pdf; name=\"minutes.pdf\"\r\nContent-Disposition: attachment; filename=\"minutes.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n------=_1--\r\n",
        base64.repeat(390)
    );
    let html = format!(
        "{header}Content-Type: text/html; charset=utf-8\r\n\r\n<style>{}</style><p>{}</p>",
        "p { margin: 0 }\r\n".repeat(1400),
        text.repeat(130)
    );
    for (name, message) in [
        ("plain text", plain),
        ("alternative and PDF", mixed),
        ("HTML with styles", html),
    ] {
        measure(name, message.as_bytes());
    }
}

fn measure(name: &str, message: &[u8]) {
    const ROUNDS: u32 = 20_000;
    let summary = scan(message);
    let encoded = summary.encode();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(scan(black_box(message)).encode());
    }
    let scan_and_encode = start.elapsed() / ROUNDS;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(Summary::decode(black_box(&encoded))).ok();
    }
    let decode = start.elapsed() / ROUNDS;
    println!(
        "{name}: {} bytes, summary {} bytes; scan and encode {scan_and_encode:?}, decode {decode:?}",
        message.len(),
        encoded.len()
    );
}

/// As it comes from a connection: in pieces.
fn scan(message: &[u8]) -> Summary {
    let mut scanner = Scanner::new(Limits::default());
    for piece in message.chunks(16 * 1024) {
        scanner.push(piece);
    }
    scanner.finish()
}
