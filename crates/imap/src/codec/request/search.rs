//! `SEARCH` (RFC 9051 §6.4.4; ESEARCH of RFC 4731, SEARCHRES of RFC 5182, WITHIN of RFC 5032, MODSEQ of RFC 7162, SAVEDATE of
//! RFC 8514, OBJECTID of RFC 8474), `SORT` and `THREAD` (RFC 5256), ESORT (RFC 5267).

use fieldpost_mailbox::Flags;
use fieldpost_message::charset::Charset;
use nom::Parser;

use super::{
    grammar::{Parsed, Stop, astring, expect, expected, list, spaces, word},
    search_key::search_program,
};
use crate::codec::{date::Day, set::SequenceSet};

/// A SEARCH.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// `RETURN (…)`; `None`: the old `* SEARCH` answer.
    pub returns: Option<SearchReturn>,
    /// What is searched; strings are UTF-8 already, whatever charset they came in.
    pub key: SearchKey,
}

/// `RETURN (…)`; with none of the first four, ALL is meant unless SAVE stands alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchReturn {
    /// `MIN`
    pub min: bool,
    /// `MAX`
    pub max: bool,
    /// `ALL`
    pub all: bool,
    /// `COUNT`
    pub count: bool,
    /// `SAVE`
    pub save: bool,
}

/// A search key, of at most [`limit::SEARCH_DEPTH`](super::limit::SEARCH_DEPTH) levels: recursion over it is safe.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchKey {
    /// All of them (a list, or keys behind one another). Empty: everything.
    And(Vec<SearchKey>),
    /// One of them: `OR a b`, and `OR a OR b c` as one list. Never empty.
    Any(Vec<SearchKey>),
    /// `NOT a`, and the `UN…` keys that are not below.
    Not(Box<SearchKey>),
    /// `ALL`
    All,
    /// A set of sequence numbers, or `$`.
    Sequence(SequenceSet),
    /// `UID set`, or `UID $`
    Uid(SequenceSet),
    /// A system flag is set (`SEEN`, `ANSWERED`, …; `UNSEEN` is `Not` of it).
    Flag(Flags),
    /// `RECENT` (`OLD` is `Not` of it, `NEW` is with `Not(SEEN)`).
    Recent,
    /// `KEYWORD`
    Keyword(String),
    /// A header field holds the text; empty text: the field is there. `BCC CC FROM SUBJECT TO` are this, with that name.
    Header {
        /// The field's name as written.
        field: String,
        /// What it must hold.
        text: String,
    },
    /// `BODY`
    Body(String),
    /// `TEXT`
    Text(String),
    /// `BEFORE`: internal date, the day as in INTERNALDATE.
    Before(Day),
    /// `ON`
    On(Day),
    /// `SINCE`
    Since(Day),
    /// `SENTBEFORE`
    SentBefore(Day),
    /// `SENTON`
    SentOn(Day),
    /// `SENTSINCE`
    SentSince(Day),
    /// `SAVEDBEFORE`
    SavedBefore(Day),
    /// `SAVEDON`
    SavedOn(Day),
    /// `SAVEDSINCE`
    SavedSince(Day),
    /// `SAVEDATESUPPORTED`: true of every message here.
    SaveDateSupported,
    /// `LARGER`
    Larger(u64),
    /// `SMALLER`
    Smaller(u64),
    /// `OLDER seconds`
    Older(u32),
    /// `YOUNGER seconds`
    Younger(u32),
    /// `MODSEQ [entry] n`: at least that mod_seq.
    ModSeq(u64),
    /// `EMAILID`, as written.
    EmailId(String),
    /// `THREADID`, as written.
    ThreadId(String),
}

/// A SORT.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// `RETURN (…)` (ESORT).
    pub returns: Option<SearchReturn>,
    /// The criteria, the first the strongest; each with REVERSE or not.
    pub keys: Vec<(SortKey, bool)>,
    /// Which messages.
    pub key: SearchKey,
}

/// What is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// `ARRIVAL`
    Arrival,
    /// `CC`
    Cc,
    /// `DATE`
    Date,
    /// `DISPLAYFROM` (RFC 5957)
    DisplayFrom,
    /// `DISPLAYTO`
    DisplayTo,
    /// `FROM`
    From,
    /// `SIZE`
    Size,
    /// `SUBJECT`
    Subject,
    /// `TO`
    To,
}

/// A THREAD.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// How.
    pub algorithm: ThreadAlgorithm,
    /// Which messages.
    pub key: SearchKey,
}

/// A threading algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// `ORDEREDSUBJECT`
    OrderedSubject,
    /// `REFERENCES`
    References,
}

/// ```abnf
/// search         =  "SEARCH" [SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"] SP search-program
/// search-program =  ["CHARSET" SP charset SP] search-key *(SP search-key)
/// ```
pub(super) fn search(input: &[u8]) -> Parsed<'_, Search> {
    let (input, returns) = return_options(input)?;
    let (input, key) = match word(input) {
        Ok((rest, name)) if name.as_str() == "CHARSET" => {
            let (rest, ()) = spaces(rest)?;
            program_in_charset(rest, returns)?
        }
        Ok(_) | Err(_) => search_program(UNNAMED)(input)?,
    };
    Ok((input, Search { returns, key }))
}

/// `RETURN ( … ) SP`, if it is there.
pub(super) fn return_options(input: &[u8]) -> Parsed<'_, Option<SearchReturn>> {
    match word(input) {
        Ok((rest, name)) if name.as_str() == "RETURN" => {
            let (rest, ()) = spaces(rest)?;
            let mut returns = SearchReturn::default();
            let option = |input| {
                let (input, name) = word(input)?;
                match name.as_str() {
                    "MIN" => returns.min = true,
                    "MAX" => returns.max = true,
                    "ALL" => returns.all = true,
                    "COUNT" => returns.count = true,
                    "SAVE" => returns.save = true,
                    _ => return expected("unknown return option"),
                }
                Ok((input, ()))
            };
            let (rest, _) = list(option).parse(rest)?;
            let (rest, ()) = spaces(rest)?;
            Ok((rest, Some(returns)))
        }
        Ok(_) | Err(_) => Ok((input, None)),
    }
}

/// A charset, and keys whose strings are in it. That nobody knows the charset is said of what is a search otherwise: in `SORT (SUBJECT) ALL`
/// the charset is missing, not unknown.
///
/// ```abnf
/// charset =  atom / quoted
/// ```
pub(super) fn program_in_charset(
    input: &[u8],
    returns: Option<SearchReturn>,
) -> Parsed<'_, SearchKey> {
    let (input, name) = expect("charset expected", astring)(input)?;
    let (input, ()) = spaces(input)?;
    let charset = known(&name);
    let (input, key) = search_program(charset.unwrap_or(UNNAMED))(input)?;
    match charset {
        Some(_) => Ok((input, key)),
        None => Err(nom::Err::Failure(Stop::BadCharset {
            saves: returns.is_some_and(|returns| returns.save),
        })),
    }
}

fn known(name: &[u8]) -> Option<Charset> {
    let name = str::from_utf8(name).ok()?;
    match Charset::named(name) {
        // That is also what a name gives that nobody knows.
        Charset::Guess if !ASCII.iter().any(|known| known.eq_ignore_ascii_case(name)) => None,
        charset => Some(charset),
    }
}

/// Strings of which nothing is said: UTF-8 if they are that. RFC 3501 §6.4.4 says US-ASCII, but clients send what their users type.
const UNNAMED: Charset = Charset::Guess;

const ASCII: [&str; 3] = ["US-ASCII", "ASCII", "ANSI_X3.4-1968"];
