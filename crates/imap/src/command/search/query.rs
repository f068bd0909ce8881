//! IMAP's search keys in the words of the core.

use fieldpost_mailbox::{ContentId, Query, ThreadId, UidSet};

use crate::{
    answer::Refusal,
    codec::{
        date::Day,
        request::{Addressing, SearchKey},
    },
    selected::SelectedFolder,
};

/// What a key asks of the core. `now` is the time in seconds since 1970.
pub(crate) fn query(key: &SearchKey, folder: &SelectedFolder, now: i64) -> Result<Query, Refusal> {
    let all = |keys: &[SearchKey]| -> Result<Vec<Query>, Refusal> {
        keys.iter().map(|key| query(key, folder, now)).collect()
    };
    Ok(match key {
        SearchKey::All | SearchKey::SaveDateSupported => Query::All,
        SearchKey::And(keys) => Query::And(all(keys)?),
        SearchKey::Any(keys) => Query::Any(all(keys)?),
        SearchKey::Not(key) => Query::Not(Box::new(query(key, folder, now)?)),
        SearchKey::Sequence(set) => {
            if folder.is_beyond(set, Addressing::Sequence) {
                return Err(super::no_such_message().into());
            }
            Query::Uids(folder.resolve(set, Addressing::Sequence))
        }
        SearchKey::Uid(set) => Query::Uids(folder.resolve(set, Addressing::Uid)),
        SearchKey::Flag(flags) => Query::Flags(*flags),
        SearchKey::Recent => {
            Query::Uids(UidSet::from_ranges([folder.recent_from.max(1)..=u32::MAX]))
        }
        SearchKey::Keyword(keyword) => Query::Keyword(keyword.clone()),
        SearchKey::Header { field, text } => Query::Header {
            field: field.clone(),
            text: text.clone(),
        },
        SearchKey::Body(text) => Query::Body(text.clone()),
        SearchKey::Text(text) => Query::Text(text.clone()),
        SearchKey::Before(day) => Query::InternalDate(i64::MIN..day.start_in_utc()),
        SearchKey::On(day) => Query::InternalDate(day.start_in_utc()..next(*day)),
        SearchKey::Since(day) => Query::InternalDate(day.start_in_utc()..i64::MAX),
        SearchKey::SentBefore(day) => Query::SentDay(i64::MIN..number(*day)),
        SearchKey::SentOn(day) => Query::SentDay(number(*day)..number(*day) + 1),
        SearchKey::SentSince(day) => Query::SentDay(number(*day)..i64::MAX),
        SearchKey::SavedBefore(day) => Query::SaveDate(i64::MIN..day.start_in_utc()),
        SearchKey::SavedOn(day) => Query::SaveDate(day.start_in_utc()..next(*day)),
        SearchKey::SavedSince(day) => Query::SaveDate(day.start_in_utc()..i64::MAX),
        SearchKey::Larger(size) => Query::Larger(*size),
        SearchKey::Smaller(size) => Query::Smaller(*size),
        // RFC 5032 §3: both hold of a message of just that age.
        SearchKey::Older(seconds) => Query::InternalDate(i64::MIN..now - i64::from(*seconds) + 1),
        SearchKey::Younger(seconds) => Query::InternalDate(now - i64::from(*seconds)..i64::MAX),
        SearchKey::ModSeq(mod_seq) => Query::ModSeq(*mod_seq),
        SearchKey::EmailId(id) => {
            object_id(id, 'M').map_or(NOTHING, |id| Query::Content(ContentId(id)))
        }
        SearchKey::ThreadId(id) => {
            object_id(id, 'T').map_or(NOTHING, |id| Query::Thread(ThreadId(id)))
        }
    })
}

/// Whether a key asks for a mod_seq: the answer tells one then.
pub(crate) fn has_mod_seq(key: &SearchKey) -> bool {
    match key {
        SearchKey::ModSeq(_) => true,
        SearchKey::And(keys) | SearchKey::Any(keys) => keys.iter().any(has_mod_seq),
        SearchKey::Not(key) => has_mod_seq(key),
        _ => false,
    }
}

/// No message.
const NOTHING: Query = Query::Any(Vec::new());

/// The number in an object id of ours (RFC 8474): a letter and decimal digits, as they were given out.
fn object_id(id: &str, letter: char) -> Option<u64> {
    let digits = id.strip_prefix(letter)?;
    let number: u64 = digits.parse().ok()?;
    (digits.len() == 1 || !digits.starts_with(['0', '+'])).then_some(number)
}

/// The moment at which the day after begins.
fn next(day: Day) -> i64 {
    day.start_in_utc() + SECONDS_A_DAY
}

/// The days since 1970.
fn number(day: Day) -> i64 {
    day.start_in_utc().div_euclid(SECONDS_A_DAY)
}

const SECONDS_A_DAY: i64 = 86_400;
