//! Generated MIME trees whose every offset is known beforehand: the scanner must find exactly these, however the message is cut, and
//! mail-parser must agree where both mean the same.
//!
//! `FIELDPOST_CASES` sets the number of cases (default 256).

#![allow(clippy::unwrap_used)]

use fieldpost_message::{Content, Limits, Part, Scanner, Summary};
use proptest::prelude::*;

/// What to write.
#[derive(Clone, Debug)]
enum Model {
    Leaf {
        subtype: &'static str,
        lines: Vec<&'static str>,
    },
    Multipart {
        subtype: &'static str,
        preamble: bool,
        closed: bool,
        parts: Vec<Model>,
    },
    Message {
        subject: String,
        root: Box<Model>,
    },
}

/// What to find.
#[derive(Debug, PartialEq)]
struct Found {
    media_type: String,
    header: u64,
    body: u64,
    end: u64,
    lines: u64,
    subject: Option<String>,
    children: Vec<Found>,
}

impl Found {
    fn of(part: &Part) -> Self {
        Self {
            media_type: format!("{}/{}", part.media_type, part.subtype),
            header: part.header,
            body: part.body,
            end: part.end,
            lines: part.lines,
            subject: match &part.content {
                Content::Message(message) => message.envelope.subject.clone(),
                Content::Leaf | Content::Multipart(_) => None,
            },
            children: part.children().iter().map(Self::of).collect(),
        }
    }
}

struct Writer {
    out: String,
    eol: &'static str,
    /// Boundaries are `b`, `bx`, `bxx` …, each the beginning of the next; or `0b`, `1b`, which no parser can mix up.
    prefixes: bool,
    boundaries: usize,
}

impl Writer {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push_str(self.eol);
    }

    fn position(&self) -> u64 {
        self.out.len() as u64
    }

    /// Writes header and body; the body's last line has no line end.
    fn part(&mut self, model: &Model, extra: &[&str]) -> Found {
        let header = self.position();
        for line in extra {
            self.line(line);
        }
        match model {
            Model::Leaf { subtype, lines } => {
                self.line(&format!(
                    "Content-Type: text/{subtype};{} charset=utf-8",
                    self.eol
                ));
                self.line("");
                let body = self.position();
                self.out.push_str(&lines.join(self.eol));
                self.found(format!("text/{subtype}"), header, body, None, Vec::new())
            }
            Model::Message { subject, root } => {
                self.line("content-type: Message/RFC822");
                self.line("");
                let body = self.position();
                let field = format!("Subject: {subject}");
                let child = self.part(root, &["From: a@b", &field]);
                self.found(
                    "message/rfc822".into(),
                    header,
                    body,
                    Some(subject),
                    vec![child],
                )
            }
            Model::Multipart {
                subtype,
                preamble,
                closed,
                parts,
            } => {
                let boundary = if self.prefixes {
                    format!("b{}", "x".repeat(self.boundaries))
                } else {
                    format!("{}b", self.boundaries)
                };
                self.boundaries += 1;
                self.line(&format!(
                    "Content-Type: multipart/{subtype}; boundary=\"{boundary}\""
                ));
                self.line("");
                let body = self.position();
                if *preamble {
                    self.line("This is a message in MIME format.");
                    self.line("--");
                }
                let mut children = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        self.line("");
                    }
                    self.line(&format!("--{boundary}"));
                    children.push(self.part(part, &[]));
                }
                if *closed {
                    self.line("");
                    self.out.push_str("--");
                    self.out.push_str(&boundary);
                    self.out.push_str("--");
                }
                self.found(format!("multipart/{subtype}"), header, body, None, children)
            }
        }
    }

    fn found(
        &self,
        media_type: String,
        header: u64,
        body: u64,
        subject: Option<&String>,
        children: Vec<Found>,
    ) -> Found {
        let text = &self.out[body as usize..];
        let feeds = text.matches('\n').count() as u64;
        Found {
            media_type,
            header,
            body,
            end: self.position(),
            lines: feeds + u64::from(!text.is_empty() && !text.ends_with('\n')),
            subject: subject.cloned(),
            children,
        }
    }
}

fn leaf() -> impl Strategy<Value = Model> {
    let line = prop_oneof![
        Just(""),
        Just("Hello"),
        Just("--"),
        Just("--b--x"),
        Just("---b"),
        Just(" --b"),
        Just("--b y"),
        Just("Subject: no field"),
        Just("a\rb"),
        Just("grün"),
    ];
    // A first line with text: an empty body would share its line end with the delimiter.
    (
        prop_oneof![Just("plain"), Just("html"), Just("x-other")],
        proptest::collection::vec(line, 0..6),
    )
        .prop_map(|(subtype, mut lines)| {
            lines.insert(0, "text");
            Model::Leaf { subtype, lines }
        })
}

fn model() -> impl Strategy<Value = Model> {
    leaf().prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            (
                prop_oneof![Just("mixed"), Just("alternative"), Just("related")],
                any::<bool>(),
                prop_oneof![4 => Just(true), 1 => Just(false)],
                proptest::collection::vec(inner.clone(), 1..4),
            )
                .prop_map(|(subtype, preamble, closed, parts)| Model::Multipart {
                    subtype,
                    preamble,
                    closed,
                    parts
                }),
            ("[a-z]{1,12}", inner).prop_map(|(subject, root)| Model::Message {
                subject,
                root: Box::new(root)
            }),
        ]
    })
}

fn write(model: &Model, eol: &'static str, prefixes: bool) -> (String, Found) {
    let mut writer = Writer {
        out: String::new(),
        eol,
        prefixes,
        boundaries: 0,
    };
    let found = writer.part(model, &["From: a@b"]);
    (writer.out, found)
}

fn scan(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Summary {
    let mut scanner = Scanner::new(Limits::default());
    pieces.for_each(|piece| scanner.push(piece.as_ref()));
    scanner.finish()
}

fn config() -> ProptestConfig {
    let cases = std::env::var("FIELDPOST_CASES").ok();
    ProptestConfig {
        cases: cases.and_then(|cases| cases.parse().ok()).unwrap_or(256),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_offset_is_found(model in model(), crlf in any::<bool>(), piece in 1usize..50) {
        let (message, expected) = write(&model, if crlf { "\r\n" } else { "\n" }, true);
        let summary = scan(std::iter::once(&message));
        prop_assert_eq!(Found::of(&summary.structure), expected, "{}", message);
        prop_assert_eq!(&scan(message.as_bytes().chunks(piece)), &summary);
        let encoded = summary.encode();
        prop_assert_eq!(Summary::decode(&encoded).unwrap(), summary);
    }

    #[test]
    fn mail_parser_agrees(model in model(), crlf in any::<bool>()) {
        let (message, _) = write(&understood(model), if crlf { "\r\n" } else { "\n" }, false);
        let summary = scan(std::iter::once(&message));
        let parsed = mail_parser::MessageParser::default().parse(message.as_bytes()).unwrap();
        let mut theirs = Vec::new();
        leaves(&parsed, &mut theirs);
        let ours: Vec<_> = summary
            .structure
            .walk()
            .filter(|part| part.content == Content::Leaf)
            .map(|part| (part.header, part.body, part.end))
            .collect();
        prop_assert_eq!(ours, theirs, "{}", message);
    }
}

/// The tree without what mail-parser 0.11 reads otherwise: it does not end an unclosed multipart at an outer delimiter (RFC 2046
/// §5.1.2), and loses its place after a message that is nothing but a message.
fn understood(model: Model) -> Model {
    match model {
        Model::Leaf { .. } => model,
        Model::Multipart {
            subtype,
            preamble,
            parts,
            ..
        } => Model::Multipart {
            subtype,
            preamble,
            closed: true,
            parts: parts.into_iter().map(understood).collect(),
        },
        Model::Message { subject, root } => match understood(*root) {
            Model::Message { root, .. } => Model::Message { subject, root },
            root => Model::Message {
                subject,
                root: Box::new(root),
            },
        },
    }
}

/// Ranges of mail-parser's leaves in order, those of attached messages included.
fn leaves(message: &mail_parser::Message<'_>, out: &mut Vec<(u64, u64, u64)>) {
    for part in &message.parts {
        match &part.body {
            mail_parser::PartType::Multipart(_) => {}
            mail_parser::PartType::Message(inner) => leaves(inner, out),
            _ => out.push((
                part.offset_header.into(),
                part.offset_body.into(),
                part.offset_end.into(),
            )),
        }
    }
}
