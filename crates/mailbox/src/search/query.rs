//! What a search asks for, in the core's words.

use std::ops::Range;

use crate::{ContentId, Flags, ThreadId, UidSet};

/// A question about one item. Moments are seconds since 1970, a range holds its start and not its end; texts are found as parts of
/// words, in any case of letters, white space of any kind and length being one space.
///
/// A depth of [`Query::MAX_DEPTH`] is taken; `And` in `And` and `Any` in `Any` count as one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Every item.
    All,
    /// All of them hold; with none, every item.
    And(Vec<Query>),
    /// At least one of them holds; with none, no item.
    Any(Vec<Query>),
    /// It does not hold.
    Not(Box<Query>),
    /// The uid is in the set.
    Uids(UidSet),
    /// All of the flags are set.
    Flags(Flags),
    /// The keyword is set, in any case of letters.
    Keyword(String),
    /// The category is set.
    Category(String),
    /// There are attachments.
    Attachments,
    /// The internal date lies in the range.
    InternalDate(Range<i64>),
    /// The item came into its folder within the range.
    SaveDate(Range<i64>),
    /// The day that the Date field names, its time and zone disregarded, lies in the range; counted in days since 1970. An item
    /// without such a field has no such day.
    SentDay(Range<i64>),
    /// More bytes than that.
    Larger(u64),
    /// Fewer bytes than that.
    Smaller(u64),
    /// The item came, or its flags, keywords or categories changed, with this mod_seq or a later one.
    ModSeq(u64),
    /// The content is this.
    Content(ContentId),
    /// The conversation is this.
    Thread(ThreadId),
    /// A field of the message's header holds the text (decoded, unfolded); the empty text: the field is there.
    Header {
        /// The field's name, in any case of letters.
        field: String,
        /// What it holds.
        text: String,
    },
    /// A text of the message holds the text: its parts of type text, attached messages' too, decoded and without markup.
    Body(String),
    /// As [`Query::Body`], or a header field, of the message, of a part of it, or of an attached message.
    Text(String),
}

impl Query {
    /// How deep a query may be.
    pub const MAX_DEPTH: usize = 100;
}
