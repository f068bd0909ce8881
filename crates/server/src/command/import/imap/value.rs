//! What an IMAP server says, taken apart as little as is needed: words, strings and lists (RFC 9051 §9). Servers stretch
//! the grammar in many ways, so nothing is refused that can be told apart; what cannot is passed over by who asks.

/// A part of a response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value<'a> {
    /// A word as it stands: an atom, a number, a flag, `NIL`, `BODY[HEADER.FIELDS (DATE)]`.
    Word(&'a [u8]),
    /// A quoted string or a literal.
    Text(Vec<u8>),
    /// Parts in parentheses.
    List(Vec<Value<'a>>),
}

impl<'a> Value<'a> {
    /// Takes a response apart, with its literals in it as they came: `{3}`, CRLF, and three bytes. `None`: parentheses or
    /// quotes that do not close, or lists in lists beyond all bounds.
    pub fn parse(mut rest: &'a [u8]) -> Option<Vec<Self>> {
        let mut open: Vec<Vec<Self>> = vec![Vec::new()];
        while let Some((first, behind)) = rest.split_first() {
            match first {
                b' ' | b'\r' | b'\n' => rest = behind,
                b'(' => {
                    if open.len() > MAX_DEPTH {
                        return None;
                    }
                    open.push(Vec::new());
                    rest = behind;
                }
                b')' => {
                    let list = open.pop()?;
                    open.last_mut()?.push(Self::List(list));
                    rest = behind;
                }
                b'"' => {
                    let (text, behind) = quoted(behind)?;
                    open.last_mut()?.push(Self::Text(text));
                    rest = behind;
                }
                _ => {
                    let (value, behind) = match literal(rest) {
                        Some((bytes, behind)) => (Self::Text(bytes.to_vec()), behind),
                        None => {
                            let (word, behind) = word(rest);
                            (Self::Word(word), behind)
                        }
                    };
                    open.last_mut()?.push(value);
                    rest = behind;
                }
            }
        }
        let whole = open.pop()?;
        open.is_empty().then_some(whole)
    }

    /// The bytes of a word or a string.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Word(word) => Some(word),
            Self::Text(text) => Some(text),
            Self::List(_) => None,
        }
    }

    /// The number that it is.
    pub fn number<T: std::str::FromStr>(&self) -> Option<T> {
        std::str::from_utf8(self.bytes()?).ok()?.parse().ok()
    }

    /// The parts of a list.
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            Self::Word(_) | Self::Text(_) => None,
        }
    }

    /// Whether it is this word, in any case.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// The value behind a name in a list of names and values, such as FETCH has.
pub fn behind<'a, 'b>(list: &'b [Value<'a>], name: &str) -> Option<&'b Value<'a>> {
    list.chunks_exact(2)
        .find(|pair| pair[0].is(name))
        .map(|pair| &pair[1])
}

/// The length in a literal's beginning at the end of a line, and where that begins.
pub fn literal_at_end(line: &[u8]) -> Option<(usize, u64)> {
    let inner = line.strip_suffix(b"}")?;
    let at = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = std::str::from_utf8(&inner[at + 1..]).ok()?;
    let digits = digits.strip_suffix('+').unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // literal8 begins with a tilde (RFC 3516 §4.4).
    let start = if line[..at].ends_with(b"~") {
        at - 1
    } else {
        at
    };
    Some((start, digits.parse().ok()?))
}

fn literal(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = rest
        .windows(2)
        .take(MAX_COUNT)
        .position(|pair| pair == b"\r\n")?;
    let (0, length) = literal_at_end(&rest[..end])? else {
        return None;
    };
    rest[end + 2..].split_at_checked(usize::try_from(length).ok()?)
}

fn quoted(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut text = Vec::new();
    loop {
        let (first, behind) = rest.split_first()?;
        let (byte, behind) = match first {
            b'"' => return Some((text, behind)),
            // At the end it stands for itself, and the string does not close.
            b'\\' => behind.split_first().unwrap_or((first, behind)),
            byte => (byte, behind),
        };
        text.push(*byte);
        rest = behind;
    }
}

/// A word ends before a space or a parenthesis, but for those in square brackets.
fn word(rest: &[u8]) -> (&[u8], &[u8]) {
    let mut is_inside = false;
    let end = rest.iter().position(|byte| match byte {
        b'[' => {
            is_inside = true;
            false
        }
        b']' => {
            is_inside = false;
            false
        }
        b' ' | b'(' | b')' | b'\r' | b'\n' => !is_inside,
        _ => false,
    });
    rest.split_at(end.unwrap_or(rest.len()).max(1))
}

/// How deep lists lie in lists: what we ask for has two levels.
const MAX_DEPTH: usize = 16;

/// How many bytes the beginning of a literal has at most: `~{18446744073709551615+}`.
const MAX_COUNT: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str) -> Value<'_> {
        Value::Word(word.as_bytes())
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn responses_of_servers() {
        let line = b"* 12 FETCH (UID 5 FLAGS (\\Seen $Forwarded) BODY[HEADER.FIELDS (DATE)] {4}\r\na)\r\n INTERNALDATE \"17-Jul\")";
        let values = Value::parse(line).unwrap();
        assert_eq!(values[..3], [word("*"), word("12"), word("FETCH")]);
        let list = values[3].list().unwrap();
        assert_eq!(behind(list, "uid").unwrap().number(), Some(5_u32));
        assert_eq!(
            behind(list, "FLAGS").unwrap().list().unwrap(),
            [word("\\Seen"), word("$Forwarded")]
        );
        assert_eq!(
            behind(list, "BODY[HEADER.FIELDS (DATE)]"),
            Some(&text("a)\r\n"))
        );
        assert_eq!(behind(list, "INTERNALDATE"), Some(&text("17-Jul")));
        let values = Value::parse(b"* LIST (\\HasNoChildren) \"/\" \"a \\\"b\\\\\"").unwrap();
        assert_eq!(values[4], text("a \"b\\"));
        let values = Value::parse(b"* LIST () NIL {3}\r\na\"b").unwrap();
        assert_eq!(values[3], word("NIL"));
        assert_eq!(values[4], text("a\"b"));
    }

    #[test]
    fn what_does_not_close_is_refused() {
        let deep = "(".repeat(100_000);
        for wrong in ["(", ")", "\"a", "(a))", "\"a\\", &deep] {
            assert_eq!(Value::parse(wrong.as_bytes()), None);
        }
        for odd in [
            "{3}\r\nab",
            "{x}\r\n",
            "{",
            "a[",
            "{99999999999999999999}\r\n",
        ] {
            assert!(Value::parse(odd.as_bytes()).is_some(), "{odd}");
        }
    }

    #[test]
    fn literals_at_the_end_of_a_line() {
        for (line, found) in [
            ("a {12}", Some((2, 12))),
            ("a ~{12}", Some((2, 12))),
            ("{7+}", Some((0, 7))),
            ("a {}", None),
            ("a {-1}", None),
            ("a {12} ", None),
            ("12}", None),
            ("{99999999999999999999}", None),
        ] {
            assert_eq!(literal_at_end(line.as_bytes()), found, "{line}");
        }
    }
}
