//! Generated messages made 7-bit: what each leaf decodes to stays, octet by octet, and what comes out is 7-bit text.
//!
//! `FIELDPOST_CASES` sets the number of cases (default 256).

#![allow(clippy::unwrap_used)]

use fieldpost_message::{
    Content, Limits, Part, Scanner,
    seven_bit::{Obstacle, Scan},
    transfer,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Model {
    Leaf {
        media_type: Option<&'static str>,
        encoding: Option<&'static str>,
        octets: Vec<u8>,
    },
    Multipart {
        subtype: &'static str,
        encoding: Option<&'static str>,
        parts: Vec<Model>,
    },
    Message(Box<Model>),
}

fn leaf() -> impl Strategy<Value = Model> {
    let octet = prop_oneof![
        8 => proptest::sample::select(&b"abc .-=\t"[..]),
        1 => Just(b'\0'),
        2 => 128u8..=255,
        1 => any::<u8>(),
    ];
    let line = prop_oneof![
        9 => proptest::collection::vec(octet, 0..100),
        1 => Just(vec![b'x'; 1200]),
    ];
    let plain = proptest::sample::select(vec![
        None,
        Some("7bit"),
        Some("8bit"),
        Some("BINARY"),
        Some("base64"),
        Some("quoted-printable"),
    ]);
    let media_type = proptest::sample::select(vec![
        None,
        Some("text/html"),
        Some("application/x"),
        Some(""),
    ]);
    (
        media_type,
        plain,
        proptest::collection::vec(line, 0..6),
        any::<bool>(),
    )
        .prop_map(|(media_type, encoding, lines, ascii)| {
            let mut octets = lines.join(&b"\r\n"[..]);
            if ascii {
                for octet in &mut octets {
                    *octet &= 127;
                }
            }
            Model::Leaf {
                media_type,
                encoding,
                octets,
            }
        })
}

fn model() -> impl Strategy<Value = Model> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (
                proptest::sample::select(vec!["mixed", "alternative", "digest"]),
                proptest::sample::select(vec![None, Some("8bit"), Some("7bit")]),
                proptest::collection::vec(inner.clone(), 1..4),
            )
                .prop_map(|(subtype, encoding, parts)| Model::Multipart {
                    subtype,
                    encoding,
                    parts
                }),
            inner.prop_map(|root| Model::Message(Box::new(root))),
        ]
    })
}

/// Writes a part; boundaries are unlike anything in a leaf.
fn write(model: &Model, depth: usize, out: &mut Vec<u8>) {
    let mut field = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    };
    match model {
        Model::Leaf {
            media_type,
            encoding,
            octets,
        } => {
            field("Content-Type", Some(media_type.unwrap_or("text/plain")));
            field("Content-Transfer-Encoding", *encoding);
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(octets);
        }
        Model::Multipart {
            subtype,
            encoding,
            parts,
        } => {
            let boundary = format!("\"={depth}=boundary\"");
            field(
                "Content-Type",
                Some(&format!("multipart/{subtype}; boundary={boundary}")),
            );
            field("Content-Transfer-Encoding", *encoding);
            for part in parts {
                out.extend_from_slice(format!("\r\n--={depth}=boundary\r\n").as_bytes());
                write(part, depth + 1, out);
            }
            out.extend_from_slice(format!("\r\n--={depth}=boundary--\r\n").as_bytes());
        }
        Model::Message(root) => {
            field("Content-Type", Some("message/rfc822"));
            out.extend_from_slice(b"\r\nSubject: inner\r\n");
            write(root, depth + 1, out);
        }
    }
}

fn structure(message: &[u8]) -> Part {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message);
    scanner.finish().structure
}

/// How parts lie within each other, and what the leaves decode to.
fn decoded(message: &[u8]) -> Vec<(usize, Vec<u8>)> {
    fn walk(part: &Part, depth: usize, message: &[u8], found: &mut Vec<(usize, Vec<u8>)>) {
        let body = match part.content {
            Content::Leaf => &message[part.body as usize..part.end as usize],
            Content::Multipart(_) | Content::Message(_) => &[],
        };
        found.push((depth, transfer::decode(part.transfer_encoding(), body)));
        for child in part.children() {
            walk(child, depth + 1, message, found);
        }
    }
    let mut found = Vec::new();
    walk(&structure(message), 0, message, &mut found);
    found
}

fn convert(message: &[u8], size: usize) -> Result<Option<Vec<u8>>, Obstacle> {
    let mut scan = Scan::new();
    message.chunks(size).for_each(|piece| scan.push(piece));
    let Some(mut survey) = scan.finish()? else {
        return Ok(None);
    };
    for piece in message.chunks(size) {
        survey.push(piece);
    }
    let Some(plan) = survey.finish()? else {
        return Ok(None);
    };
    let mut converter = plan.converter();
    let mut out = Vec::new();
    for piece in message.chunks(size) {
        converter.push(piece, &mut out);
    }
    converter.finish(&mut out);
    Ok(Some(out))
}

fn is_seven_bit(message: &[u8]) -> bool {
    message.is_ascii()
        && !message.contains(&0)
        && message
            .split(|octet| *octet == b'\n')
            .all(|line| line.strip_suffix(b"\r").unwrap_or(line).len() <= 998)
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("FIELDPOST_CASES").ok();
    ProptestConfig::with_cases(cases.and_then(|cases| cases.parse().ok()).unwrap_or(256))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn leaves_stay_and_everything_is_seven_bit(model in model(), size in 1usize..300) {
        let mut message = b"From: a@x.test\r\nMIME-Version: 1.0\r\n".to_vec();
        write(&model, 0, &mut message);
        let out = convert(&message, size).unwrap();
        prop_assert_eq!(&out, &convert(&message, usize::MAX).unwrap(), "cut or whole");
        prop_assert_eq!(out.is_none(), is_seven_bit(&message));
        if let Some(out) = out {
            prop_assert!(is_seven_bit(&out), "{}", String::from_utf8_lossy(&out));
            prop_assert_eq!(decoded(&out), decoded(&message));
            prop_assert_eq!(convert(&out, size).unwrap(), None, "once is enough");
        }
    }
}
