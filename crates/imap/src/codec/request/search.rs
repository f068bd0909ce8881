//! `SEARCH` (RFC 9051 §6.4.4; ESEARCH of RFC 4731, SEARCHRES of RFC 5182, WITHIN of RFC 5032, MODSEQ of RFC 7162, SAVEDATE of
//! RFC 8514, OBJECTID of RFC 8474), `SORT` and `THREAD` (RFC 5256), ESORT (RFC 5267).

use fieldpost_mailbox::Flags;

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

/// A search key.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchKey {
    /// All of them (a list, or keys behind one another). Empty: everything.
    And(Vec<SearchKey>),
    /// `OR a b`
    Or(Box<SearchKey>, Box<SearchKey>),
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
