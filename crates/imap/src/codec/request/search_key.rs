//! Search keys (RFC 9051 §6.4.4) without recursion: neither a chain of thousands of `OR`s nor ten thousand parentheses reach the stack's end.

use fieldpost_mailbox::Flags;
use fieldpost_message::charset::Charset;
use nom::{Parser, bytes::complete::take_while1, combinator::opt};

use super::{
    grammar::{
        Parsed, Stop, astring, atom, close, expect, expected, field_name, mark, number64,
        nz_number, open, quoted, spaces, stray_spaces, text, word,
    },
    limit,
    search::SearchKey,
};
use crate::codec::{date::Day, set::sequence_set};

/// Reads keys up to the end of the line: all of them must hold.
///
/// ```abnf
/// search-key =  … / "NOT" SP search-key / "OR" SP search-key SP search-key / "(" search-key *(SP search-key) ")"
/// ```
pub(super) fn search_program<'a>(
    charset: Charset,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, SearchKey> {
    move |input| {
        let mut open_keys = OpenKeys::new();
        let mut input = input;
        loop {
            let (rest, part) = part(input, charset)?;
            let key = match part {
                Part::Key(key) => key,
                Part::Open => {
                    open_keys.push(OpenKey::List(Vec::new()))?;
                    input = rest;
                    continue;
                }
                Part::Not => {
                    open_keys.not()?;
                    (input, ()) = spaces(rest)?;
                    continue;
                }
                Part::Or => {
                    open_keys.or()?;
                    (input, ()) = spaces(rest)?;
                    continue;
                }
            };
            let rest = open_keys.settle(rest, key)?;
            let (end, ()) = stray_spaces(rest)?;
            if end.is_empty() {
                return match open_keys.finish() {
                    Some(key) => Ok((end, key)),
                    None => expected("search key or ) expected"),
                };
            }
            (input, ()) = spaces(rest)?;
        }
    }
}

/// What a search is made of.
enum Part {
    /// `(`
    Open,
    /// `NOT`
    Not,
    /// `OR`
    Or,
    /// A key that holds no other.
    Key(SearchKey),
}

/// A key whose parts are still to come.
enum OpenKey {
    /// Within parentheses; the lowest one: the whole search.
    List(Vec<SearchKey>),
    /// `OR`s, each of which has another as an operand.
    Or {
        /// Operands so far.
        keys: Vec<SearchKey>,
        /// Operands to come.
        missing: usize,
    },
    /// `NOT`
    Not,
}

/// Keys within one another, the innermost last.
struct OpenKeys {
    stack: Vec<OpenKey>,
    /// Keys that hold no other, all together.
    leaves: usize,
}

impl OpenKeys {
    fn new() -> Self {
        Self {
            stack: vec![OpenKey::List(Vec::new())],
            leaves: 0,
        }
    }

    fn push(&mut self, key: OpenKey) -> Result<(), nom::Err<Stop>> {
        if self.stack.len() + DEEPEST_LEAF >= limit::SEARCH_DEPTH {
            return Err(nom::Err::Failure(Stop::TooMuch));
        }
        self.stack.push(key);
        Ok(())
    }

    /// Twice `NOT` is nothing.
    fn not(&mut self) -> Result<(), nom::Err<Stop>> {
        if let Some(OpenKey::Not) = self.stack.last() {
            self.stack.pop();
            return Ok(());
        }
        self.push(OpenKey::Not)
    }

    /// An `OR` that is an operand of an `OR` makes that one longer, not deeper: clients chain them over many message ids.
    fn or(&mut self) -> Result<(), nom::Err<Stop>> {
        if let Some(OpenKey::Or { missing, .. }) = self.stack.last_mut() {
            *missing += 1;
            return Ok(());
        }
        self.push(OpenKey::Or {
            keys: Vec::new(),
            missing: 2,
        })
    }

    /// Puts a whole key where it belongs, and closes what is whole by that, with the parentheses that come next in `input`.
    fn settle<'a>(
        &mut self,
        mut input: &'a [u8],
        mut key: SearchKey,
    ) -> Result<&'a [u8], nom::Err<Stop>> {
        self.leaves += 1;
        if self.leaves > limit::SEARCH_KEYS {
            return Err(nom::Err::Failure(Stop::TooMuch));
        }
        while let Some(outer) = self.stack.pop() {
            key = match outer {
                OpenKey::Not => SearchKey::Not(Box::new(key)),
                OpenKey::Or { mut keys, missing } => {
                    keys.push(key);
                    if missing > 1 {
                        let missing = missing - 1;
                        self.stack.push(OpenKey::Or { keys, missing });
                        return Ok(input);
                    }
                    SearchKey::Any(keys)
                }
                OpenKey::List(mut keys) => {
                    keys.push(key);
                    match close(input) {
                        Ok((rest, ())) if !self.stack.is_empty() => input = rest,
                        Ok(_) | Err(_) => {
                            self.stack.push(OpenKey::List(keys));
                            return Ok(input);
                        }
                    }
                    all_of(keys)
                }
            };
        }
        Ok(input)
    }

    /// The whole search, if nothing within it is open.
    fn finish(mut self) -> Option<SearchKey> {
        match (self.stack.pop(), self.stack.is_empty()) {
            (Some(OpenKey::List(keys)), true) => Some(all_of(keys)),
            _ => None,
        }
    }
}

/// `NEW` becomes an `And` with a `Not` with a flag in it.
const DEEPEST_LEAF: usize = 3;

fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
    match keys.pop() {
        Some(key) if keys.is_empty() => key,
        last => {
            keys.extend(last);
            SearchKey::And(keys)
        }
    }
}

fn part(input: &[u8], charset: Charset) -> Parsed<'_, Part> {
    match input.first() {
        Some(b'(') => {
            let (input, ()) = open(input)?;
            return Ok((input, Part::Open));
        }
        Some(b'0'..=b'9' | b'*' | b'$') => {
            let (input, set) = sequence_set(input)?;
            return Ok((input, Part::Key(SearchKey::Sequence(set))));
        }
        _ => {}
    }
    let (input, name) = expect("search key expected", word)(input)?;
    match name.as_str() {
        "NOT" => Ok((input, Part::Not)),
        "OR" => Ok((input, Part::Or)),
        name => {
            let (input, key) = key(name, input, charset)?;
            Ok((input, Part::Key(key)))
        }
    }
}

/// Reads the arguments of the key of that name.
fn key<'a>(name: &str, input: &'a [u8], charset: Charset) -> Parsed<'a, SearchKey> {
    use SearchKey as Key;
    let not = |key| Key::Not(Box::new(key));
    let key = match name {
        "ALL" => Key::All,
        "ANSWERED" => Key::Flag(Flags::ANSWERED),
        "DELETED" => Key::Flag(Flags::DELETED),
        "DRAFT" => Key::Flag(Flags::DRAFT),
        "FLAGGED" => Key::Flag(Flags::FLAGGED),
        "SEEN" => Key::Flag(Flags::SEEN),
        "UNANSWERED" => not(Key::Flag(Flags::ANSWERED)),
        "UNDELETED" => not(Key::Flag(Flags::DELETED)),
        "UNDRAFT" => not(Key::Flag(Flags::DRAFT)),
        "UNFLAGGED" => not(Key::Flag(Flags::FLAGGED)),
        "UNSEEN" => not(Key::Flag(Flags::SEEN)),
        "NEW" => Key::And(vec![Key::Recent, not(Key::Flag(Flags::SEEN))]),
        "OLD" => not(Key::Recent),
        "RECENT" => Key::Recent,
        "SAVEDATESUPPORTED" => Key::SaveDateSupported,
        _ => {
            let (input, ()) = spaces(input)
                .or_else(|_| expected("unknown search key, or its argument is missing"))?;
            return key_with_argument(name, input, charset);
        }
    };
    Ok((input, key))
}

fn key_with_argument<'a>(name: &str, input: &'a [u8], charset: Charset) -> Parsed<'a, SearchKey> {
    use SearchKey as Key;
    let header = |field: &str| {
        let field = field.to_owned();
        let (input, text) = search_text(charset, input)?;
        Ok((input, Key::Header { field, text }))
    };
    match name {
        "BCC" => header("Bcc"),
        "CC" => header("Cc"),
        "FROM" => header("From"),
        "SUBJECT" => header("Subject"),
        "TO" => header("To"),
        "HEADER" => {
            let (input, field) = field_name(input)?;
            let (input, ()) = spaces(input)?;
            let (input, text) = search_text(charset, input)?;
            Ok((input, Key::Header { field, text }))
        }
        "BODY" => map(search_text(charset, input), Key::Body),
        "TEXT" => map(search_text(charset, input), Key::Text),
        "BEFORE" => map(date(input), Key::Before),
        "ON" => map(date(input), Key::On),
        "SINCE" => map(date(input), Key::Since),
        "SENTBEFORE" => map(date(input), Key::SentBefore),
        "SENTON" => map(date(input), Key::SentOn),
        "SENTSINCE" => map(date(input), Key::SentSince),
        "SAVEDBEFORE" => map(date(input), Key::SavedBefore),
        "SAVEDON" => map(date(input), Key::SavedOn),
        "SAVEDSINCE" => map(date(input), Key::SavedSince),
        "LARGER" => map(number64(input), Key::Larger),
        "SMALLER" => map(number64(input), Key::Smaller),
        "OLDER" => map(nz_number(input), Key::Older),
        "YOUNGER" => map(nz_number(input), Key::Younger),
        "KEYWORD" => map(atom(input), |flag| Key::Keyword(flag.to_owned())),
        "UNKEYWORD" => map(atom(input), |flag| {
            Key::Not(Box::new(Key::Keyword(flag.to_owned())))
        }),
        "UID" => map(sequence_set(input), Key::Uid),
        "MODSEQ" => map(mod_seq(input), Key::ModSeq),
        "EMAILID" => map(object_id(input), Key::EmailId),
        "THREADID" => map(object_id(input), Key::ThreadId),
        _ => expected("unknown search key"),
    }
}

fn map<O, R>(parsed: Parsed<'_, O>, into: impl FnOnce(O) -> R) -> Parsed<'_, R> {
    parsed.map(|(rest, value)| (rest, into(value)))
}

/// A string in the search's charset, as UTF-8.
fn search_text(charset: Charset, input: &[u8]) -> Parsed<'_, String> {
    let (rest, octets) = astring(input)?;
    Ok((rest, charset.decode(&octets).into_owned()))
}

/// ```abnf
/// date =  date-text / DQUOTE date-text DQUOTE
/// ```
fn date(input: &[u8]) -> Parsed<'_, Day> {
    let is_date_char = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let (input, quote) = opt(mark("\"", "date expected")).parse(input)?;
    let (mut input, day) = expect("date expected", take_while1(is_date_char)).parse(input)?;
    if quote.is_some() {
        (input, _) = mark("\"", "closing quote expected")(input)?;
    }
    match Day::parse(day) {
        Some(day) => Ok((input, day)),
        None => expected("date expected"),
    }
}

/// ```abnf
/// "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer
/// ```
///
/// One mod_seq is kept for a message, whatever its entries.
fn mod_seq(input: &[u8]) -> Parsed<'_, u64> {
    if input.first() != Some(&b'"') {
        return number64(input);
    }
    let (input, _) = quoted(input)?;
    let (input, ()) = spaces(input)?;
    let (input, kind) = word(input)?;
    if !matches!(kind.as_str(), "PRIV" | "SHARED" | "ALL") {
        return expected("priv, shared or all expected");
    }
    let (input, ()) = spaces(input)?;
    number64(input)
}

/// ```abnf
/// objectid =  1*255(ALPHA / DIGIT / "_" / "-")
/// ```
fn object_id(input: &[u8]) -> Parsed<'_, String> {
    let (rest, id) = expect("object id expected", astring)(input)?;
    Ok((rest, text(&id)?.to_owned()))
}
