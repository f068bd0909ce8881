//! What is written is read again, whatever the tree; and no bytes make the decoder panic.
#![allow(clippy::unwrap_used)]

use fieldpost_wbxml::{Command, Content, Decoder, Element, Encoder, Limits, Tag, Version, schema};
use proptest::{collection::vec, prelude::*};

/// A tree to be written.
#[derive(Clone, Debug)]
enum Node {
    Element(Tag, Vec<Node>),
    Text(String),
    Opaque(Vec<u8>),
}

fn tag() -> impl Strategy<Value = Tag> {
    (0_u8..30, 5_u8..0x40).prop_map(|(page, token)| Tag::new(page, token))
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Node::Text),
        vec(any::<u8>(), 0..300).prop_map(Node::Opaque),
        tag().prop_map(|tag| Node::Element(tag, Vec::new())),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        (tag(), vec(inner, 0..6)).prop_map(|(tag, nodes)| Node::Element(tag, nodes))
    })
}

fn write(encoder: &mut Encoder, node: &Node) {
    match node {
        Node::Element(tag, nodes) => {
            encoder.start(*tag);
            write_all(encoder, nodes);
            encoder.end();
        }
        Node::Text(text) => encoder.push_text(text),
        Node::Opaque(bytes) => encoder.push_opaque(bytes),
    }
}

fn write_all(encoder: &mut Encoder, nodes: &[Node]) {
    for node in nodes {
        write(encoder, node);
    }
}

/// The same without what is not written: illegal characters, empty pieces; strings behind one another are one.
fn normal(nodes: &[Node]) -> Vec<Node> {
    let mut normal: Vec<Node> = Vec::new();
    for node in nodes {
        match node {
            Node::Element(tag, nodes) => normal.push(Node::Element(*tag, self::normal(nodes))),
            Node::Text(text) => {
                let text: String = text
                    .chars()
                    .filter(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..))
                    .collect();
                match normal.last_mut() {
                    Some(Node::Text(last)) => last.push_str(&text),
                    _ if text.is_empty() => {}
                    _ => normal.push(Node::Text(text)),
                }
            }
            Node::Opaque(bytes) if bytes.is_empty() => {}
            Node::Opaque(bytes) => normal.push(Node::Opaque(bytes.clone())),
        }
    }
    normal
}

fn is_same(element: &Element<'_>, tag: Tag, nodes: &[Node]) -> bool {
    element.tag == tag
        && element.content().len() == nodes.len()
        && element
            .content()
            .iter()
            .zip(nodes)
            .all(|(content, node)| match (content, node) {
                (Content::Element(element), Node::Element(tag, nodes)) => {
                    is_same(element, *tag, nodes)
                }
                (Content::Text(text), Node::Text(expected)) => text == expected,
                (Content::Opaque(bytes), Node::Opaque(expected)) => bytes == expected,
                _ => false,
            })
}

/// Bytes that get past the header and are mostly tokens.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![
            4 => any::<u8>(),
            4 => 0x45_u8..0x50,
            4 => Just(0x01),
            2 => Just(0x03),
            2 => Just(0x00),
            1 => Just(0xC3),
        ],
        0..200,
    )
    .prop_map(|body| [&[0x03, 0x01, 0x6A, 0x00, 0x45][..], &body].concat())
}

fn decode(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(mut decoder) = Decoder::new(bytes, Limits::default()) {
        while let Ok(Some(_)) = decoder.next() {}
        prop_assert!(decoder.position() + decoder.trailing() == bytes.len());
    }
    if let Ok(element) = Element::parse(bytes, Limits::default()) {
        let again = element.to_wbxml();
        let read = Element::parse(&again, Limits::default()).unwrap();
        prop_assert_eq!(read.to_wbxml(), again);
        for command in Command::ALL {
            for mode in [schema::Mode::Strict, schema::Mode::Lenient] {
                let _ = schema::validate_in(
                    mode,
                    &element,
                    command,
                    schema::Direction::Request,
                    Version::V14_1,
                );
            }
        }
    }
    Ok(())
}

proptest! {
    /// A mail may come as a string in any charset, and in pieces cut anywhere (client-quirks A9).
    #[test]
    fn strings_keep_their_octets(pieces in vec(vec(1_u8..=255, 0..40), 0..6)) {
        let mut document = vec![0x03, 0x01, 0x6A, 0x00, 0x45];
        for piece in &pieces {
            document.push(0x03);
            document.extend_from_slice(piece);
            document.push(0x00);
        }
        document.push(0x01);
        let element = Element::parse(&document, Limits::default()).unwrap();
        let whole = pieces.concat();
        prop_assert_eq!(&*element.bytes(), &whole[..]);
        prop_assert_eq!(element.text(), String::from_utf8_lossy(&whole));
    }

    #[test]
    fn what_is_encoded_is_decoded(root in tag(), nodes in vec(node(), 0..6)) {
        let mut encoder = Encoder::new();
        write(&mut encoder, &Node::Element(root, nodes.clone()));
        let bytes = encoder.finish();
        let element = Element::parse(&bytes, Limits::default()).unwrap();
        prop_assert!(is_same(&element, root, &normal(&nodes)), "{element:?}");
        prop_assert_eq!(element.to_wbxml(), bytes);
    }

    /// Rolling back leaves no trace, whatever was written since.
    #[test]
    fn what_is_rolled_back_leaves_no_trace(
        before in vec(node(), 0..4), taken_back in vec(node(), 0..4), ends in 0_usize..4, after in vec(node(), 0..4)
    ) {
        let root = Tag::new(0, 5);
        let mut expected = Encoder::new();
        let mut encoder = Encoder::new();
        for each in [&mut expected, &mut encoder] {
            each.start(root);
            each.start(Tag::new(1, 6));
            write_all(each, &before);
        }
        let checkpoint = encoder.checkpoint();
        write_all(&mut encoder, &taken_back);
        for _ in 0..ends {
            encoder.end();
        }
        encoder.rollback(checkpoint);
        for each in [&mut expected, &mut encoder] {
            write_all(each, &after);
        }
        prop_assert_eq!(encoder.finish(), expected.finish());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        decode(&bytes)?;
    }

    #[test]
    fn any_tokens_are_read_or_refused(bytes in likely()) {
        decode(&bytes)?;
    }
}
