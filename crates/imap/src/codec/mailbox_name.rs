//! Mailbox names: modified UTF-7 (RFC 3501 §5.1.3), and the patterns of LIST.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// A name as a client sent it, as text: UTF-8 if that is agreed on (`utf8`), or if it holds octets beyond ASCII and is UTF-8; else modified UTF-7.
/// What is not what [`encode_utf7`] would write (a lone `&`, letters in base64) is taken as it is written, so that no two spellings mean
/// one mailbox. `None`: it is neither ASCII nor UTF-8.
pub fn decode(octets: &[u8], utf8: bool) -> Option<String> {
    let text = str::from_utf8(octets).ok()?;
    if utf8 || !text.is_ascii() || !text.contains('&') {
        return Some(text.to_owned());
    }
    Some(decode_utf7(text).unwrap_or_else(|| text.to_owned()))
}

/// Modified UTF-7 to text. `None`: it is not what [`encode_utf7`] writes for any text.
pub fn decode_utf7(encoded: &str) -> Option<String> {
    let mut text = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((direct, behind)) = rest.split_once('&') {
        text.push_str(direct);
        let (shifted, behind) = behind.split_once('-')?;
        if shifted.is_empty() {
            text.push('&');
        } else {
            decode_shifted(shifted, &mut text)?;
        }
        rest = behind;
    }
    text.push_str(rest);
    (encode_utf7(&text) == encoded).then_some(text)
}

/// Text to modified UTF-7: printable ASCII stands for itself, `&` is `&-`, everything else is UTF-16 in base64 between `&` and `-`.
pub fn encode_utf7(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| is_direct(byte) && byte != b'&') {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '&' {
            encoded.push_str("&-");
            rest = &rest[1..];
            continue;
        }
        let direct = is_direct_char(first);
        let same = |c: char| c != '&' && is_direct_char(c) == direct;
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        if direct {
            encoded.push_str(run);
        } else {
            encode_shifted(run, &mut encoded);
        }
        rest = behind;
    }
    Cow::Owned(encoded)
}

/// Writes a name as an `astring`: bare if it is of letters, digits, `.`, `-`, `_` and `/`, else quoted; in UTF-8 if that was agreed on, else in modified
/// UTF-7.
pub fn write_mailbox(out: &mut BytesMut, name: &str, utf8: bool) {
    let name = if utf8 {
        Cow::Borrowed(name)
    } else {
        encode_utf7(name)
    };
    let is_bare =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/');
    if !name.is_empty() && name.bytes().all(is_bare) && !name.eq_ignore_ascii_case("NIL") {
        out.extend_from_slice(name.as_bytes());
        return;
    }
    // The core refuses such names; but what it holds must not break the line.
    if name.bytes().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        out.extend_from_slice(format!("{{{}}}\r\n{name}", name.len()).as_bytes());
        return;
    }
    out.put_u8(b'"');
    for byte in name.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
}

/// A pattern of LIST (RFC 9051 §6.3.9): `*` stands for anything, `%` for anything within a level. `INBOX` as the first level is met in any case.
///
/// Matching takes time proportional to the pattern's length times the name's at worst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<Token>,
    /// How many of the tokens are characters: a shorter name cannot match.
    literals: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Is(char),
    WithinLevel,
    Anything,
}

impl Pattern {
    /// The pattern behind the reference name, both decoded.
    pub fn new(reference: &str, pattern: &str) -> Self {
        let mut tokens = Vec::new();
        for c in reference.chars().chain(pattern.chars()) {
            match (c, tokens.last()) {
                // Wildcards behind one another are as good as the strongest of them.
                ('*', Some(Token::WithinLevel)) => {
                    tokens.pop();
                    if tokens.last() != Some(&Token::Anything) {
                        tokens.push(Token::Anything);
                    }
                }
                ('*' | '%', Some(Token::Anything)) | ('%', Some(Token::WithinLevel)) => {}
                ('*', _) => tokens.push(Token::Anything),
                ('%', _) => tokens.push(Token::WithinLevel),
                (c, _) => tokens.push(Token::Is(c)),
            }
        }
        let is_literal = |token: &&Token| matches!(token, Token::Is(_));
        let literals = tokens.iter().filter(is_literal).count();
        Self { tokens, literals }
    }

    /// Whether there is no wildcard in it: it names one mailbox at most.
    pub fn is_literal(&self) -> bool {
        self.literals == self.tokens.len()
    }

    /// Whether it matches the name, levels separated by `/`.
    pub fn matches(&self, name: &str) -> bool {
        // Each character of the pattern needs one of the name, and each of those has a byte at least.
        if self.literals > name.len() {
            return false;
        }
        let mut states = States::start(self);
        states.feed(name);
        states.reached[self.tokens.len()]
    }

    /// Whether it could match a name below this one, at any depth.
    pub fn could_match_below(&self, name: &str) -> bool {
        let mut states = States::start(self);
        states.feed(name);
        if !name.is_empty() {
            states.step('/', false);
        }
        // Whatever is left of the pattern matches some text, and nothing left of it matches only no text.
        states.reached[..self.tokens.len()].contains(&true)
    }
}

/// Which places in the pattern the characters so far can have led to.
struct States<'a> {
    tokens: &'a [Token],
    reached: Vec<bool>,
    /// None is reached outside of these.
    first: usize,
    last: usize,
}

impl<'a> States<'a> {
    fn start(pattern: &'a Pattern) -> Self {
        let mut reached = vec![false; pattern.tokens.len() + 1];
        reached[0] = true;
        let mut states = Self {
            tokens: &pattern.tokens,
            reached,
            first: 0,
            last: 0,
        };
        states.pass_wildcards();
        states
    }

    fn feed(&mut self, name: &str) {
        let inbox = name
            .split('/')
            .next()
            .filter(|level| level.eq_ignore_ascii_case("INBOX"))
            .map_or(0, str::len);
        for (at, c) in name.char_indices() {
            if self.first > self.last {
                return;
            }
            self.step(c, at < inbox);
        }
    }

    fn step(&mut self, c: char, any_case: bool) {
        // From behind, so that each place is read before it is written.
        let (first, last) = (self.first, self.last);
        for place in (first..=last).rev() {
            if !std::mem::take(&mut self.reached[place]) {
                continue;
            }
            match self.tokens.get(place) {
                Some(Token::Is(wanted)) => {
                    self.reached[place + 1] |=
                        *wanted == c || any_case && wanted.eq_ignore_ascii_case(&c);
                }
                Some(Token::WithinLevel) => self.reached[place] = c != '/',
                Some(Token::Anything) => self.reached[place] = true,
                None => {}
            }
        }
        self.last = (last + 1).min(self.tokens.len());
        self.pass_wildcards();
    }

    /// A wildcard can stand for nothing; then trims the window.
    fn pass_wildcards(&mut self) {
        let mut place = self.first;
        while place <= self.last {
            if self.reached[place]
                && let Some(Token::WithinLevel | Token::Anything) = self.tokens.get(place)
            {
                self.reached[place + 1] = true;
                self.last = self.last.max(place + 1);
            }
            place += 1;
        }
        while self.first <= self.last && !self.reached[self.first] {
            self.first += 1;
        }
        while self.last > self.first && !self.reached[self.last] {
            self.last -= 1;
        }
    }
}

fn is_direct(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

fn is_direct_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_direct)
}

fn encode_shifted(run: &str, encoded: &mut String) {
    encoded.push('&');
    let (mut bits, mut count) = (0_u32, 0);
    for unit in run.encode_utf16() {
        bits = bits << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            encoded.push(digit(bits >> count));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        encoded.push(digit(bits << (6 - count)));
    }
    encoded.push('-');
}

fn decode_shifted(shifted: &str, text: &mut String) -> Option<()> {
    let (mut bits, mut count) = (0_u32, 0);
    let mut units = Vec::with_capacity(shifted.len() * 6 / 16);
    for byte in shifted.bytes() {
        bits = bits << 6 | value(byte)?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count) as u16);
            bits &= (1 << count) - 1;
        }
    }
    for c in char::decode_utf16(units) {
        text.push(c.ok()?);
    }
    Some(())
}

/// Base64 with `,` in place of `/`.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

fn digit(bits: u32) -> char {
    char::from(DIGITS[(bits & 63) as usize])
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b',' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn modified_utf7() {
        for (encoded, text) in [
            ("", ""),
            ("INBOX", "INBOX"),
            ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("Entw&APw-rfe", "Entwürfe"),
            ("a&-b", "a&b"),
            ("&-&-", "&&"),
            ("&-&AOQ-&-", "&ä&"),
            ("&2D3eAA-", "😀"),
            ("&AAA-", "\0"),
            ("&AH8-", "\x7f"),
        ] {
            assert_eq!(decode_utf7(encoded).as_deref(), Some(text), "{encoded}");
            assert_eq!(encode_utf7(text), encoded);
            assert_eq!(decode(encoded.as_bytes(), false).as_deref(), Some(text));
        }
    }

    /// Fault 16: broken modified UTF-7. It is a name like any other, and none that another spelling has.
    #[test]
    fn fault_16_what_is_not_modified_utf7_is_literal() {
        for name in [
            "&",
            "a&",
            "a&b",
            "&APw",
            "&A-",
            "&AA-",
            "&AGE-",
            "&AGEA4g-",
            "&APwA",
            "&AP!-",
            "&APw/-",
            "&2AA-",
            "&3AA-",
            "&APx-",
            "&AOQ-&AOQ-",
            "&ACY-",
            "\t",
        ] {
            assert_eq!(decode(name.as_bytes(), false).as_deref(), Some(name));
            let encoded = encode_utf7(name);
            assert_eq!(decode_utf7(&encoded).as_deref(), Some(name));
        }
    }

    #[test]
    fn utf8_names() {
        assert_eq!(
            decode("Entwürfe & Co".as_bytes(), false).unwrap(),
            "Entwürfe & Co"
        );
        assert_eq!(decode(b"a&-b&APw-", true).unwrap(), "a&-b&APw-");
        assert_eq!(decode(b"\xff", false), None);
        assert_eq!(decode(b"\xff", true), None);
    }

    #[test]
    fn names_are_written() {
        for (name, utf8, written) in [
            ("INBOX", false, "INBOX"),
            ("a.b/c-d_1", false, "a.b/c-d_1"),
            ("", false, "\"\""),
            ("nil", false, "\"nil\""),
            ("Sent Items", false, "\"Sent Items\""),
            ("Entwürfe", false, "\"Entw&APw-rfe\""),
            ("Entwürfe", true, "\"Entwürfe\""),
            ("a&b", false, "\"a&-b\""),
            ("a&b", true, "\"a&b\""),
            (r#"a"b\c"#, false, r#""a\"b\\c""#),
            ("a\r\nb", false, "\"a&AA0ACg-b\""),
            ("a\r\nb", true, "{4}\r\na\r\nb"),
        ] {
            let mut out = BytesMut::new();
            write_mailbox(&mut out, name, utf8);
            assert_eq!(out, written);
        }
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "a/b/c", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("%/%", "a/b/c", false),
            ("a*", "a", true),
            ("a*c", "a/b/c", true),
            ("a%c", "a/c", false),
            ("a%c", "abc", true),
            ("*%", "a/b", true),
            ("%*", "a/b", true),
            ("*b%", "a/bc", true),
            ("*b%", "a/bc/d", false),
            ("%b*", "ab/b/c", true),
            ("%%*%%", "x/y", true),
            ("inbox", "INBOX", true),
            ("Inbox/x", "INBOX/x", true),
            ("Inbox/X", "INBOX/x", false),
            ("i%", "INBOX", true),
            ("*x/inbox", "x/INBOX", false),
            ("inboxes", "INBOXES", false),
            ("grün%", "grünes", true),
            ("A", "a", false),
        ] {
            assert_eq!(
                Pattern::new("", pattern).matches(name),
                expected,
                "{pattern} {name}"
            );
            for (at, _) in pattern.char_indices() {
                let (reference, rest) = pattern.split_at(at);
                assert_eq!(Pattern::new(reference, rest).matches(name), expected);
            }
        }
    }

    #[test]
    fn patterns_of_names_below() {
        for (pattern, name, expected) in [
            ("%", "a", false),
            ("*", "a", true),
            ("%/%", "a", true),
            ("%/%", "a/b", false),
            ("a/b/c", "a", true),
            ("a/b/c", "a/b", true),
            ("a/b/c", "a/b/c", false),
            ("a/b/c", "b", false),
            ("inbox/%", "INBOX", true),
            ("a*", "ab", true),
            ("a%", "ab", false),
            ("", "", false),
            ("%", "", true),
        ] {
            assert_eq!(
                Pattern::new("", pattern).could_match_below(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    /// Trying every way would not end.
    #[test]
    fn many_wildcards_cost_no_more_than_pattern_times_name() {
        let name = "a".repeat(2_000);
        let pattern = Pattern::new("", &"*a%a".repeat(500));
        assert!(pattern.matches(&name));
        assert!(!Pattern::new("", &"*a%b".repeat(500)).matches(&name));
        assert!(!Pattern::new("", &"*a%b".repeat(30_000)).matches(&name));
        assert!(Pattern::new("", &"*%".repeat(30_000)).matches(&name));
    }

    /// The plain definition, for comparison.
    fn naive(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            [wild @ ('*' | '%'), rest @ ..] => (0..=name.len())
                .take_while(|taken| *wild == '*' || !name[..*taken].contains(&'/'))
                .any(|taken| naive(rest, &name[taken..])),
            [c, rest @ ..] => name.first() == Some(c) && naive(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let encoded = encode_utf7(&text);
            prop_assert!(encoded.bytes().all(is_direct));
            prop_assert_eq!(decode_utf7(&encoded), Some(text));
        }

        #[test]
        fn only_one_spelling_means_a_name(one in "[&,A-Da-d+/-]{0,12}", other in "[&,A-Da-d+/-]{0,12}") {
            if let (Some(a), Some(b)) = (decode_utf7(&one), decode_utf7(&other)) {
                prop_assert_eq!(a == b, one == other);
            }
        }

        #[test]
        fn a_pattern_is_what_its_definition_says(pattern in "[ab/*%]{0,8}", name in "[ab/]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                Pattern::new("", &pattern).matches(&name),
                naive(&chars(&pattern), &chars(&name))
            );
        }

        #[test]
        fn names_below_are_announced(pattern in "[ab/*%]{0,8}", name in "[ab]{1,3}", below in "[ab/]{1,5}") {
            let pattern = Pattern::new("", &pattern);
            if pattern.matches(&format!("{name}/{below}")) {
                prop_assert!(pattern.could_match_below(&name));
            }
        }
    }
}
