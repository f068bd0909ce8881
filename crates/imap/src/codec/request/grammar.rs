//! The words that all commands are made of (RFC 9051 §9): spaces, numbers, atoms, strings, lists.

use std::borrow::Cow;

use nom::{
    Err, IResult, Parser,
    bytes::complete::{tag, tag_no_case, take, take_while, take_while1},
    combinator::opt,
    error::{ErrorKind, ParseError},
};

use super::{MailboxName, Mode, Problem, limit};
use crate::codec::mailbox_name;

/// What a parser gives: the rest of the input, and what it read.
pub(crate) type Parsed<'a, O> = IResult<&'a [u8], O, Stop>;

/// Why a parser read nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// This was expected.
    Expected(&'static str),
    /// A list or depth is beyond its limit.
    TooMuch,
    /// The charset of a search is unknown, whose result was to be kept or not.
    BadCharset { saves: bool },
}

impl Stop {
    /// As the problem of that command.
    pub(crate) fn of_command(self, command: &'static str) -> Problem {
        match self {
            Self::Expected(what) => Problem::Arguments(command, what),
            Self::TooMuch => Problem::TooMuch(command),
            Self::BadCharset { saves } => Problem::BadCharset { saves },
        }
    }
}

impl ParseError<&[u8]> for Stop {
    fn from_error_kind(_: &[u8], _: ErrorKind) -> Self {
        Self::Expected("syntax error")
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// Stops with the word for what was expected.
pub(crate) fn expected<O>(what: &'static str) -> Parsed<'static, O> {
    Err(Err::Error(Stop::Expected(what)))
}

/// Names what `parser` reads, for the error.
pub(crate) fn expect<'a, O>(
    what: &'static str,
    mut parser: impl Parser<&'a [u8], Output = O, Error = Stop>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, O> {
    move |input| {
        parser.parse(input).map_err(|error| match error {
            Err::Error(Stop::Expected(_)) => Err::Error(Stop::Expected(what)),
            other => other,
        })
    }
}

/// `SP`, several of them taken for one.
///
/// Python's imaplib joins the arguments it is given by spaces, the empty ones too: `uid('SEARCH', '', 'ALL')` becomes
/// `UID SEARCH  ALL`. RFC 9051 §9 says one space; Dovecot takes several as well.
pub(crate) fn spaces(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = expect("space expected", take_while1(|byte| byte == b' ')).parse(input)?;
    Ok((rest, ()))
}

/// Spaces where none should be: before the end of the line or a closing parenthesis.
///
/// Python's imaplib, as with [`spaces`]: `uid('SEARCH', 'ALL', '')` becomes `UID SEARCH ALL` and a space.
pub(crate) fn stray_spaces(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = take_while(|byte| byte == b' ').parse(input)?;
    Ok((rest, ()))
}

/// One character.
pub(crate) fn mark<'a>(
    mark: &'static str,
    what: &'static str,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    expect(what, tag(mark))
}

/// `(`
pub(crate) fn open(input: &[u8]) -> Parsed<'_, ()> {
    let (input, _) = mark("(", "( expected").parse(input)?;
    stray_spaces(input)
}

/// `)`
pub(crate) fn close(input: &[u8]) -> Parsed<'_, ()> {
    let (input, ()) = stray_spaces(input)?;
    let (input, _) = mark(")", ") expected").parse(input)?;
    Ok((input, ()))
}

/// Items between parentheses with spaces between them; none are fine too. At most [`limit::LIST`].
pub(crate) fn list<'a, O>(
    mut item: impl Parser<&'a [u8], Output = O, Error = Stop>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, Vec<O>> {
    move |input| {
        let (mut input, ()) = open(input)?;
        let mut items = Vec::new();
        if let Ok((rest, ())) = close(input) {
            return Ok((rest, items));
        }
        loop {
            if items.len() == limit::LIST {
                return Err(Err::Failure(Stop::TooMuch));
            }
            let (rest, next) = item.parse(input)?;
            items.push(next);
            if let Ok((rest, ())) = close(rest) {
                return Ok((rest, items));
            }
            (input, ()) = spaces(rest)?;
        }
    }
}

/// The same, but something must be in it.
pub(crate) fn filled_list<'a, O>(
    what: &'static str,
    item: impl Parser<&'a [u8], Output = O, Error = Stop>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, Vec<O>> {
    let mut list = list(item);
    move |input| {
        let (rest, items) = list(input)?;
        if items.is_empty() {
            return expected(what);
        }
        Ok((rest, items))
    }
}

/// `SP parser`, if there is more than spaces before the end of the line.
pub(crate) fn opt_argument<'a, O>(
    mut parser: impl Parser<&'a [u8], Output = O, Error = Stop>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, Option<O>> {
    move |input| {
        let (behind, ()) = stray_spaces(input)?;
        if behind.is_empty() {
            return Ok((behind, None));
        }
        let (input, ()) = spaces(input)?;
        let (input, argument) = parser.parse(input)?;
        Ok((input, Some(argument)))
    }
}

/// `SP ( …`, if a parenthesis comes next.
pub(crate) fn opt_parenthesis<'a, O>(
    mut parser: impl Parser<&'a [u8], Output = O, Error = Stop>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, Option<O>> {
    move |input| {
        let (behind, ()) = stray_spaces(input)?;
        if behind.len() == input.len() || behind.first() != Some(&b'(') {
            return Ok((input, None));
        }
        let (input, value) = parser.parse(behind)?;
        Ok((input, Some(value)))
    }
}

/// ```abnf
/// number64 =  1*DIGIT ; 0 <= n <= 9,223,372,036,854,775,807
/// ```
pub(crate) fn number64(input: &[u8]) -> Parsed<'_, u64> {
    let (rest, digits) = expect(
        "number expected",
        take_while1(|byte: u8| byte.is_ascii_digit()),
    )
    .parse(input)?;
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    match number {
        Some(number) if i64::try_from(number).is_ok() => Ok((rest, number)),
        Some(_) | None => expected("number too large"),
    }
}

/// ```abnf
/// number =  1*DIGIT ; 0 <= n < 4,294,967,296
/// ```
pub(crate) fn number(input: &[u8]) -> Parsed<'_, u32> {
    let (rest, number) = number64(input)?;
    match u32::try_from(number) {
        Ok(number) => Ok((rest, number)),
        Err(_) => expected("number too large"),
    }
}

/// ```abnf
/// nz-number =  digit-nz *DIGIT ; 0 < n < 4,294,967,296
/// ```
///
/// Leading zeros are passed over.
pub(crate) fn nz_number(input: &[u8]) -> Parsed<'_, u32> {
    match number(input)? {
        (_, 0) => expected("number must not be 0"),
        read => Ok(read),
    }
}

/// ```abnf
/// atom =  1*ATOM-CHAR
/// ```
pub(crate) fn atom(input: &[u8]) -> Parsed<'_, &str> {
    let (rest, atom) = expect("atom expected", take_while1(is_atom_char)).parse(input)?;
    // Atom characters are ASCII.
    Ok((rest, str::from_utf8(atom).unwrap_or_default()))
}

/// A word of the grammar in upper case, for a `match`: letters, digits, `.`, `-`.
pub(crate) fn word(input: &[u8]) -> Parsed<'_, Word> {
    let is_word_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let (rest, bytes) = expect("word expected", take_while1(is_word_char)).parse(input)?;
    Ok((rest, Word::new(bytes)))
}

/// A word in upper case.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    bytes: [u8; LONGEST_WORD],
    len: usize,
}

impl Word {
    fn new(bytes: &[u8]) -> Self {
        let mut word = Self {
            bytes: [0; LONGEST_WORD],
            len: 0,
        };
        // One that is longer is none of ours, and becomes the empty word.
        if let Some(space) = word.bytes.get_mut(..bytes.len()) {
            space.copy_from_slice(bytes);
            space.make_ascii_uppercase();
            word.len = bytes.len();
        }
        word
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// ```abnf
/// quoted      =  DQUOTE *QUOTED-CHAR DQUOTE
/// QUOTED-CHAR =  <any TEXT-CHAR except quoted-specials> / "\" quoted-specials / UTF8-2 / UTF8-3 / UTF8-4
/// ```
///
/// Octets beyond ASCII are taken whatever the mode: clients send them without asking.
pub(crate) fn quoted(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    let (start, _) = mark("\"", "string expected").parse(input)?;
    let mut unescaped: Option<Vec<u8>> = None;
    let mut rest = start;
    loop {
        let Some(at) = memchr::memchr2(b'"', b'\\', rest) else {
            return expected("closing quote expected");
        };
        let (text, behind) = rest.split_at(at);
        if text.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return expected("control character in a quoted string");
        }
        match behind {
            [b'\\', special @ (b'"' | b'\\'), behind @ ..] => {
                let unescaped = unescaped.get_or_insert_default();
                unescaped.extend_from_slice(text);
                unescaped.push(*special);
                rest = behind;
            }
            [b'"', behind @ ..] => {
                let string = match unescaped {
                    None => Cow::Borrowed(text),
                    Some(mut unescaped) => {
                        unescaped.extend_from_slice(text);
                        Cow::Owned(unescaped)
                    }
                };
                return Ok((behind, string));
            }
            _ => return expected("bad escape in a quoted string"),
        }
    }
}

/// ```abnf
/// literal  =  "{" number64 ["+"] "}" CRLF *CHAR8
/// literal8 =  "~{" number64 ["+"] "}" CRLF *OCTET
/// ```
pub(crate) fn literal(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (input, _) = opt(tag("~")).parse(input)?;
    let (input, _) = mark("{", "string expected").parse(input)?;
    let (input, size) = number64(input)?;
    let (input, _) = opt(tag("+")).parse(input)?;
    let (input, _) = mark("}\r\n", "literal expected").parse(input)?;
    let Ok(size) = usize::try_from(size) else {
        return expected("literal too large");
    };
    expect("literal cut short", take(size)).parse(input)
}

/// ```abnf
/// string =  quoted / literal
/// ```
pub(crate) fn string(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    match input.first() {
        Some(b'{' | b'~') => {
            let (rest, octets) = literal(input)?;
            Ok((rest, Cow::Borrowed(octets)))
        }
        _ => quoted(input),
    }
}

/// ```abnf
/// nstring =  string / nil
/// ```
pub(crate) fn nstring(input: &[u8]) -> Parsed<'_, Option<Cow<'_, [u8]>>> {
    if let Ok((rest, ())) = nil(input) {
        return Ok((rest, None));
    }
    let (rest, string) = string(input)?;
    Ok((rest, Some(string)))
}

/// `NIL`
pub(crate) fn nil(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = tag_no_case("NIL").parse(input)?;
    Ok((rest, ()))
}

/// ```abnf
/// astring =  1*ASTRING-CHAR / string
/// ```
pub(crate) fn astring(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    astring_of(is_astring_char, input)
}

/// ```abnf
/// list-mailbox =  1*list-char / string
/// list-char    =  ATOM-CHAR / list-wildcards / resp-specials
/// ```
pub(crate) fn list_mailbox(input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    astring_of(
        |byte| is_astring_char(byte) || matches!(byte, b'*' | b'%'),
        input,
    )
}

fn astring_of(is_char: impl Fn(u8) -> bool, input: &[u8]) -> Parsed<'_, Cow<'_, [u8]>> {
    match input {
        [b'"' | b'{', ..] | [b'~', b'{', ..] => string(input),
        _ => {
            let word = take_while1(|byte| is_char(byte) || eight_bit_in_atom(byte));
            let (rest, atom) = expect("string expected", word).parse(input)?;
            Ok((rest, Cow::Borrowed(atom)))
        }
    }
}

/// An octet beyond ASCII in an atom.
///
/// Python's imaplib sends the words of a search as its caller gives them, unquoted: `search('UTF-8', 'SUBJECT', 'Grüße'.encode())`.
fn eight_bit_in_atom(byte: u8) -> bool {
    byte >= 0x80
}

/// A string that is UTF-8 and has no control characters: names that are shown or logged.
pub(crate) fn text(octets: &[u8]) -> Result<&str, Err<Stop>> {
    str::from_utf8(octets)
        .ok()
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or(Err::Error(Stop::Expected("text expected")))
}

/// A field's name (`header-fld-name`), as written.
pub(crate) fn field_name(input: &[u8]) -> Parsed<'_, String> {
    let (rest, name) = expect("field name expected", astring).parse(input)?;
    Ok((rest, text(&name)?.to_owned()))
}

/// ```abnf
/// mailbox =  "INBOX" / astring
/// ```
pub(crate) fn mailbox<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, MailboxName> {
    move |input| {
        let (rest, name) = expect("mailbox name expected", astring).parse(input)?;
        Ok((rest, MailboxName(name_text(&name, mode)?)))
    }
}

/// A pattern of LIST.
pub(crate) fn pattern<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, String> {
    move |input| {
        let (rest, pattern) = expect("mailbox pattern expected", list_mailbox).parse(input)?;
        Ok((rest, name_text(&pattern, mode)?))
    }
}

fn name_text(octets: &[u8], mode: Mode) -> Result<String, Err<Stop>> {
    mailbox_name::decode(octets, mode.utf8)
        .ok_or(Err::Error(Stop::Expected("mailbox name is not UTF-8")))
}

/// Longest word of the grammar: `HEADER.FIELDS.NOT`, `SAVEDATESUPPORTED`.
const LONGEST_WORD: usize = 20;

/// ```abnf
/// atom-specials =  "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
/// ```
pub(crate) fn is_atom_char(byte: u8) -> bool {
    is_astring_char(byte) && byte != b']'
}

pub(crate) fn is_astring_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        let cases: &[(&[u8], &[u8], &[u8])] = &[
            (b"\"\" x", b"", b" x"),
            (b"\"a b\"", b"a b", b""),
            (br#""a\"b\\" c"#, br#"a"b\"#, b" c"),
            ("\"grün\"".as_bytes(), "grün".as_bytes(), b""),
            (b"{3}\r\na\0\"x", b"a\0\"", b"x"),
            (b"{0}\r\n", b"", b""),
            (b"{3+}\r\n\r\n{", b"\r\n{", b""),
            (b"~{1}\r\n\0", b"\0", b""),
        ];
        for (input, value, rest) in cases {
            let (left, read) = string(input).unwrap();
            assert_eq!((&*read, left), (*value, *rest), "{input:?}");
            assert_eq!(astring(input), string(input));
        }
        for input in [
            &b""[..],
            b"\"",
            b"\"a",
            br#""a\"#,
            br#""a\b""#,
            b"\"a\rb\"",
            b"\"a\0b\"",
            b"{3}\r\nab",
            b"{3}ab",
            b"{}\r\n",
            b"{-1}\r\n",
            b"{99999999999999999999}\r\n",
            b"{18446744073709551615}\r\n",
            b"~\"a\"",
        ] {
            assert!(string(input).is_err(), "{input:?}");
        }
    }

    #[test]
    fn astrings() {
        let cases: &[(&[u8], &[u8], &[u8])] = &[
            (b"INBOX", b"INBOX", b""),
            (b"a]b}+~[ c", b"a]b}+~[", b" c"),
            (b"a(b", b"a", b"(b"),
            (b"a*", b"a", b"*"),
            (b"~x", b"~x", b""),
        ];
        for (input, value, rest) in cases {
            let (left, read) = astring(input).unwrap();
            assert_eq!((&*read, left), (*value, *rest), "{input:?}");
        }
        assert_eq!(
            list_mailbox(b"%/*] x").unwrap(),
            (&b" x"[..], b"%/*]".into())
        );
        for input in [&b""[..], b" a", b"(", b"\\Seen", b"\x7f", b"\0"] {
            assert!(astring(input).is_err(), "{input:?}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(number(b"0 "), Ok((&b" "[..], 0)));
        assert_eq!(nz_number(b"4294967295"), Ok((&b""[..], u32::MAX)));
        assert_eq!(
            number64(b"9223372036854775807"),
            Ok((&b""[..], i64::MAX as u64))
        );
        for input in [&b"0"[..], b"00", b"4294967296", b"", b"-1", b"a"] {
            assert!(nz_number(input).is_err(), "{input:?}");
        }
        for input in [&b"9223372036854775808"[..], b"99999999999999999999"] {
            assert!(number64(input).is_err(), "{input:?}");
        }
    }

    #[test]
    fn lists() {
        let many = format!("({})", "a ".repeat(limit::LIST));
        let more = format!("({})", "a ".repeat(limit::LIST + 1));
        let mut atoms = list(atom);
        assert_eq!(atoms(b"() x"), Ok((&b" x"[..], vec![])));
        assert_eq!(atoms(b"(a b)"), Ok((&b""[..], vec!["a", "b"])));
        assert_eq!(atoms(b"( a  b )"), Ok((&b""[..], vec!["a", "b"])));
        for input in [&b"(a"[..], b"(a (b))", b"a", b"(a,b c"] {
            assert!(atoms(input).is_err(), "{input:?}");
        }
        assert_eq!(atoms(many.as_bytes()).unwrap().1.len(), limit::LIST);
        assert_eq!(atoms(more.as_bytes()), Err(Err::Failure(Stop::TooMuch)));
        assert!(filled_list("atom expected", atom)(b"()").is_err());
    }

    #[test]
    fn words_too_long_are_no_words_of_ours() {
        assert_eq!(word(b"body.peek[").unwrap().1.as_str(), "BODY.PEEK");
        assert_eq!(word(&[b'a'; 99]).unwrap().1.as_str(), "");
    }
}
