use proptest::prelude::*;

use super::*;

#[test]
fn base64() {
    let cases: &[(&[u8], &[u8])] = &[
        (b"SGVsbG8=", b"Hello"),
        (b"SGVs\r\nbG8=\r\n", b"Hello"),
        (b"SGVsbG8", b"Hello"),
        (b"S G!V\x80sbG8=", b"Hello"),
        (b"SGk=SGk=", b"HiHi"),
        (b"====", b""),
        (b"S", b""),
        (b"", b""),
    ];
    for (input, expected) in cases {
        assert_eq!(decode(Encoding::Base64, input), *expected);
    }
}

#[test]
fn quoted_printable() {
    let cases: &[(&[u8], &[u8])] = &[
        (b"a=3Db", b"a=b"),
        (b"gr=C3=BCn", "grün".as_bytes()),
        (b"gr=c3=bcn", "grün".as_bytes()),
        (b"soft=\r\nbreak", b"softbreak"),
        (b"soft= \t\r\nbreak", b"softbreak"),
        (b"soft=\nbreak", b"softbreak"),
        (b"trailing \t\r\nline", b"trailing\r\nline"),
        (b"trailing \nline", b"trailing\nline"),
        (b"bare\rcr", b"bare\rcr"),
        (b"a =", b"a "),
        (b"a=", b"a"),
        (b"end  ", b"end"),
        (b"=XY=4=41", b"=XY=4A"),
        (b"==41", b"=A"),
        (b"= x", b"= x"),
        (b"\x80=", b"\x80"),
    ];
    for (input, expected) in cases {
        let got = decode(Encoding::QuotedPrintable, input);
        assert_eq!(got, *expected, "{}", String::from_utf8_lossy(input));
    }
}

#[test]
fn names() {
    assert_eq!(Encoding::named(" Base64 "), Encoding::Base64);
    assert_eq!(
        Encoding::named("Quoted-Printable"),
        Encoding::QuotedPrintable
    );
    assert_eq!(Encoding::named("x-uuencode"), Encoding::Identity);
}

fn pieces(encoding: Encoding, input: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = Decoder::new(encoding);
    let mut rest = input;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, tail) = rest.split_at((*size).clamp(1, rest.len()));
        decoder.push(piece, &mut out);
        rest = tail;
    }
    decoder.finish(&mut out);
    out
}

proptest! {
    #[test]
    fn cuts_make_no_difference(
        input in proptest::collection::vec(prop_oneof![Just(b'='), Just(b' '), Just(b'\r'), Just(b'\n'), Just(b'4'), Just(b'E'), any::<u8>()], 0..200),
        sizes in proptest::collection::vec(1usize..9, 1..8),
    ) {
        for encoding in [Encoding::Base64, Encoding::QuotedPrintable, Encoding::Identity] {
            let whole = decode(encoding, &input);
            prop_assert!(whole.len() <= input.len());
            prop_assert_eq!(pieces(encoding, &input, &sizes), whole);
        }
    }
}
