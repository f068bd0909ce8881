use proptest::prelude::*;

use super::*;

/// Decodes all of `input` in chunks that end at `cuts`: the message, and what stands behind it once it has ended.
fn decode(framing: Framing, input: &[u8], cuts: &[usize]) -> (Vec<u8>, Option<Vec<u8>>, bool) {
    let mut decoder = Decoder::new(framing);
    let mut message = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        let end = end.clamp(start, input.len());
        let chunk = Bytes::copy_from_slice(&input[start..end]);
        let decoded = decoder.decode(&chunk);
        let (consumed, ended) = (decoded.consumed, decoded.ended);
        let piece = decoded.piece.of(&chunk);
        assert!(piece.len() <= 2 * chunk.len() + 2);
        message.extend_from_slice(&piece);
        if ended {
            return (
                message,
                Some(input[start + consumed..].to_vec()),
                decoder.met_stray(),
            );
        }
        assert_eq!(consumed, chunk.len());
        start = end;
    }
    if framing == Framing::Counted {
        message.extend_from_slice(decoder.finish());
    }
    (message, None, decoder.met_stray())
}

/// The rules said naively: find the end, split at CRLF, take off one leading dot, then mend each line.
fn model(framing: Framing, input: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut message = Vec::new();
    let mut rest = input;
    loop {
        if framing == Framing::Dot
            && let Some(after) = rest.strip_prefix(b".\r\n")
        {
            return (message, Some(after.to_vec()));
        }
        let crlf = rest.windows(2).position(|pair| pair == b"\r\n");
        let mut line = &rest[..crlf.unwrap_or(rest.len())];
        if framing == Framing::Dot {
            line = line.strip_prefix(b".").unwrap_or(line);
        }
        for byte in line {
            match byte {
                b'\n' => message.extend_from_slice(b"\r\n"),
                b'\r' => message.push(b' '),
                other => message.push(*other),
            }
        }
        let Some(crlf) = crlf else {
            return (message, None);
        };
        message.extend_from_slice(b"\r\n");
        rest = &rest[crlf + 2..];
    }
}

#[test]
fn dots_are_taken_off_and_the_next_command_is_left() {
    let (message, rest, stray) = decode(
        Framing::Dot,
        b"Subject: x\r\n\r\n..\r\n.a\r\n...\r\nb.c\r\n.\r\nQUIT\r\n",
        &[],
    );
    assert_eq!(message, b"Subject: x\r\n\r\n.\r\na\r\n..\r\nb.c\r\n");
    assert_eq!(rest.as_deref(), Some(&b"QUIT\r\n"[..]));
    assert!(!stray);
}

#[test]
fn an_empty_message_ends_at_once() {
    assert_eq!(
        decode(Framing::Dot, b".\r\n", &[]),
        (Vec::new(), Some(Vec::new()), false)
    );
}

#[test]
fn a_clean_chunk_is_not_copied() {
    let mut decoder = Decoder::new(Framing::Dot);
    let decoded = decoder.decode(b"Subject: x\r\n\r\nhello\r\n.\r\n");
    assert_eq!(decoded.piece, Piece::Range(0..21));
    assert!(decoded.ended);
}

/// fault 31: no odd line end around a dot ends the message.
#[test]
fn smuggled_line_ends_do_not_end_the_message() {
    for odd in [
        &b"\n.\n"[..],
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\n.\r",
        b"\r.\n",
        b"\r\n.\r\r\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\n\n.\n\n",
        b"\r\r\n.\r\r\n",
    ] {
        let mut input = b"first".to_vec();
        input.extend_from_slice(odd);
        input.extend_from_slice(b"MAIL FROM:<admin@demo.test>\r\nlast\r\n.\r\nQUIT\r\n");
        for cut in 0..input.len() {
            let (message, rest, _) = decode(Framing::Dot, &input, &[cut]);
            assert_eq!(
                rest.as_deref(),
                Some(&b"QUIT\r\n"[..]),
                "{odd:?} cut at {cut}"
            );
            assert!(message.ends_with(b"MAIL FROM:<admin@demo.test>\r\nlast\r\n"));
            let text = String::from_utf8(message).unwrap().replace("\r\n", "");
            assert!(
                !text.contains(['\r', '\n']),
                "{odd:?} left a stray: {text:?}"
            );
        }
    }
}

/// fault 31: the default policy for stray line ends.
#[test]
fn lone_line_ends_are_mended_and_reported() {
    let (message, _, stray) = decode(Framing::Dot, b"a\nb\rc\r\r\nd\r\n.\r\n", &[]);
    assert_eq!(message, b"a\r\nb c \r\nd\r\n");
    assert!(stray);
    let (message, _, stray) = decode(Framing::Counted, b".\r\n..\r\na\nb\r", &[5]);
    assert_eq!(message, b".\r\n..\r\na\r\nb ");
    assert!(stray);
}

/// fault 22: a line of 256 KiB is a line; and a message of nothing but line feeds costs one piece a chunk.
#[test]
fn long_lines_and_short_ones() {
    let mut input = vec![b'x'; 256 * 1024];
    input.extend_from_slice(b"\r\n.\r\n");
    let cuts: Vec<usize> = (0..input.len()).step_by(16 * 1024).collect();
    let (message, rest, _) = decode(Framing::Dot, &input, &cuts);
    assert_eq!(message.len(), 256 * 1024 + 2);
    assert_eq!(rest, Some(Vec::new()));
    let feeds = vec![b'\n'; 16 * 1024];
    let (message, _, _) = decode(Framing::Dot, &feeds, &[]);
    assert_eq!(message.len(), 2 * feeds.len());
}

fn nasty_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(b'\r'),
        3 => Just(b'\n'),
        3 => Just(b'.'),
        1 => any::<u8>(),
    ];
    prop_oneof![
        proptest::collection::vec(byte, 0..60),
        proptest::collection::vec(
            prop_oneof![
                Just(&b"\r\n"[..]),
                Just(&b"."[..]),
                Just(&b"\r\n."[..]),
                Just(&b"\r\n.\r\n"[..]),
                Just(&b"text"[..]),
                Just(&b"\n"[..]),
                Just(&b"\r"[..]),
            ],
            0..20
        )
        .prop_map(|parts| parts.concat()),
    ]
}

proptest! {
    /// fault 22: dot-stuffing at chunk edges. However a message is cut, the result is that of the naive model.
    #[test]
    fn decoding_is_the_same_for_any_chunking(
        input in nasty_bytes(),
        mut cuts in proptest::collection::vec(0usize..60, 0..8),
        counted in any::<bool>(),
    ) {
        cuts.sort_unstable();
        let framing = if counted { Framing::Counted } else { Framing::Dot };
        let (message, rest, stray) = decode(framing, &input, &cuts);
        let (expected, expected_rest) = model(framing, &input);
        prop_assert_eq!(&rest, &expected_rest);
        if rest.is_some() || framing == Framing::Counted {
            prop_assert_eq!(&message, &expected);
        } else {
            // What may still become an end or a CRLF is held back.
            prop_assert!(expected.starts_with(&message));
        }
        let whole = decode(framing, &input, &[]);
        prop_assert_eq!(whole, (message, rest, stray));
    }

    /// What a client stuffs comes out as it was.
    #[test]
    fn stuffing_and_decoding_are_inverse(lines in proptest::collection::vec("[a-z.]{0,5}", 0..20)) {
        let mut plain = String::new();
        let mut stuffed = String::new();
        for line in &lines {
            if line.starts_with('.') {
                stuffed.push('.');
            }
            for text in [&mut plain, &mut stuffed] {
                text.push_str(line);
                text.push_str("\r\n");
            }
        }
        stuffed.push_str(".\r\n");
        let (message, rest, stray) = decode(Framing::Dot, stuffed.as_bytes(), &[]);
        prop_assert_eq!(message, plain.into_bytes());
        prop_assert_eq!(rest, Some(Vec::new()));
        prop_assert!(!stray);
    }
}
