//! A tree as XML, for people.

use std::fmt::Write as _;

use crate::{Content, Element, Tag, encoder::is_illegal};

/// The element, its content where `redact` says so by its length only.
pub(crate) fn of(root: &Element<'_>, redact: &dyn Fn(Tag) -> bool) -> String {
    let mut xml = String::new();
    // The open elements: their tags and what is left of them.
    let mut open = Vec::new();
    enter(root, redact, &mut xml, &mut open);
    while let Some((tag, content)) = open.last_mut() {
        match content.next() {
            Some(Content::Element(element)) => enter(element, redact, &mut xml, &mut open),
            Some(Content::Text(text)) => push_escaped(&mut xml, text),
            Some(Content::Opaque(bytes)) => {
                xml.push_str("{base64:");
                push_base64(&mut xml, bytes);
                xml.push('}');
            }
            None => {
                let _ = write!(xml, "</{tag}>");
                open.pop();
            }
        }
    }
    xml
}

type Open<'e, 'a> = Vec<(Tag, std::slice::Iter<'e, Content<'a>>)>;

fn enter<'e, 'a>(
    element: &'e Element<'a>,
    redact: &dyn Fn(Tag) -> bool,
    xml: &mut String,
    open: &mut Open<'e, 'a>,
) {
    let tag = element.tag;
    // A string cannot refuse what is written into it.
    let _ = if element.is_empty() {
        write!(xml, "<{tag}/>")
    } else if redact(tag) {
        write!(xml, "<{tag}>{{{} bytes}}</{tag}>", bytes_within(element))
    } else {
        open.push((tag, element.content().iter()));
        write!(xml, "<{tag}>")
    };
}

fn bytes_within(element: &Element<'_>) -> usize {
    let mut bytes = 0;
    let mut open = vec![element.content().iter()];
    while let Some(content) = open.last_mut() {
        match content.next() {
            Some(Content::Element(element)) => open.push(element.content().iter()),
            Some(Content::Text(text)) => bytes += text.len(),
            Some(Content::Opaque(opaque)) => bytes += opaque.len(),
            None => drop(open.pop()),
        }
    }
    bytes
}

fn push_escaped(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            illegal if is_illegal(illegal) => {
                let _ = write!(xml, "&#x{:X};", u32::from(illegal));
            }
            other => xml.push(other),
        }
    }
}

fn push_base64(xml: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .enumerate()
            .fold(0_usize, |bits, (index, byte)| {
                bits | usize::from(*byte) << (16 - 8 * index)
            });
        for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            xml.push(if index <= group.len() {
                char::from(ALPHABET[(bits >> shift) & 63])
            } else {
                '='
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_base64() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut text = String::new();
            push_base64(&mut text, bytes.as_bytes());
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn markup_and_control_characters_are_escaped() {
        let mut text = String::new();
        push_escaped(&mut text, "a<b>&\u{1b}[31m\u{fffe}\n\"'");
        assert_eq!(text, "a&lt;b&gt;&amp;&#x1B;[31m&#xFFFE;\n\"'");
    }
}
