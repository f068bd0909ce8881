//! Text within XML, within JSON and within URLs.

use std::fmt::Write as _;

/// Appends text to XML. Characters that XML 1.0 does not allow are left out.
pub(crate) fn push_xml(output: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => output.push_str("&amp;"),
            '<' => output.push_str("&lt;"),
            '>' => output.push_str("&gt;"),
            '"' => output.push_str("&quot;"),
            '\'' => output.push_str("&apos;"),
            '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}' => {}
            other => output.push(other),
        }
    }
}

/// Appends a string to JSON, in its quotes. `<`, `>` and `&` are escaped too: a browser that takes it for HTML shall find none.
pub(crate) fn push_json(output: &mut String, text: &str) {
    output.push('"');
    for character in text.chars() {
        match character {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\0'..='\x1F' | '\x7F' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // A string cannot refuse what is written into it.
                let _ = write!(output, "\\u{:04x}", u32::from(character));
            }
            other => output.push(other),
        }
    }
    output.push('"');
}

/// Undoes percent encoding; in queries `+` is a blank. `None`: it is broken, or not UTF-8.
pub(crate) fn percent_decoded(text: &str, plus_is_blank: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                (high << 4 | low) as u8
            }
            b'+' if plus_is_blank => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_escaped() {
        let mut output = String::new();
        push_xml(&mut output, "a<b>&\"'\0\u{B}\u{FFFE}\näö");
        assert_eq!(output, "a&lt;b&gt;&amp;&quot;&apos;\näö");
    }

    #[test]
    fn json_is_escaped() {
        let mut output = String::new();
        push_json(&mut output, "a\"\\\n</script>ä\u{2028}");
        assert_eq!(output, "\"a\\\"\\\\\\u000a\\u003c/script\\u003eä\\u2028\"");
    }

    #[test]
    fn percent_encoding_is_undone_or_refused() {
        assert_eq!(
            percent_decoded("a%40b%C3%a4+", true).as_deref(),
            Some("a@bä ")
        );
        assert_eq!(percent_decoded("a+b", false).as_deref(), Some("a+b"));
        for broken in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decoded(broken, true), None, "{broken}");
        }
    }
}
