//! Search keys.

use super::*;

pub(super) fn known_charset(name: &str) -> Ours<Charset> {
    match Charset::named(name) {
        Charset::Guess
            if !["US-ASCII", "ASCII", "ANSI_X3.4-1968"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name)) =>
        {
            Err(Different::Charset)
        }
        charset => Ok(charset),
    }
}

pub(super) fn sort_key(criterion: &SortCriterion) -> (SortKey, bool) {
    let key = match criterion.key {
        TheirSortKey::Arrival => SortKey::Arrival,
        TheirSortKey::Cc => SortKey::Cc,
        TheirSortKey::Date => SortKey::Date,
        TheirSortKey::From => SortKey::From,
        TheirSortKey::Size => SortKey::Size,
        TheirSortKey::Subject => SortKey::Subject,
        TheirSortKey::To => SortKey::To,
        TheirSortKey::DisplayFrom => SortKey::DisplayFrom,
        TheirSortKey::DisplayTo => SortKey::DisplayTo,
    };
    (key, criterion.reverse)
}

pub(super) fn all_of(keys: &[TheirKey<'_>], charset: Charset) -> Ours<SearchKey> {
    let mut keys: Vec<_> = keys
        .iter()
        .map(|key| search_key(key, charset))
        .collect::<Ours<_>>()?;
    if keys.len() == 1 {
        return keys.pop().ok_or(Different::Empty);
    }
    Ok(SearchKey::And(keys))
}

/// `OR`s that are operands of an `OR` are one list.
pub(super) fn any_of(key: &TheirKey<'_>, charset: Charset, keys: &mut Vec<SearchKey>) -> Ours<()> {
    if let TheirKey::Or(one, other) = key {
        any_of(one, charset, keys)?;
        any_of(other, charset, keys)
    } else {
        keys.push(search_key(key, charset)?);
        Ok(())
    }
}

pub(super) fn search_key(key: &TheirKey<'_>, charset: Charset) -> Ours<SearchKey> {
    use SearchKey as Key;
    let not = |key| Key::Not(Box::new(key));
    let words = |octets: &[u8]| charset.decode(octets).into_owned();
    let header = |field: &str, octets: &[u8]| Key::Header {
        field: field.to_owned(),
        text: words(octets),
    };
    let day = |date: &imap_types::datetime::NaiveDate| {
        let text = date.as_ref().to_string();
        let mut parts = text
            .split('-')
            .map(|part| part.parse::<u16>().expect("a number"));
        let mut part = || parts.next().expect("three parts");
        Day {
            year: part(),
            month: part() as u8,
            day: part() as u8,
        }
    };
    Ok(match key {
        TheirKey::And(keys) => all_of(keys.as_ref(), charset)?,
        TheirKey::SequenceSet(numbers) => Key::Sequence(set(numbers)),
        TheirKey::All => Key::All,
        TheirKey::Answered => Key::Flag(Flags::ANSWERED),
        TheirKey::Bcc(octets) => header("Bcc", octets.as_ref()),
        TheirKey::Before(date) => Key::Before(day(date)),
        TheirKey::Body(octets) => Key::Body(words(octets.as_ref())),
        TheirKey::Cc(octets) => header("Cc", octets.as_ref()),
        TheirKey::Deleted => Key::Flag(Flags::DELETED),
        TheirKey::Draft => Key::Flag(Flags::DRAFT),
        TheirKey::Flagged => Key::Flag(Flags::FLAGGED),
        TheirKey::From(octets) => header("From", octets.as_ref()),
        TheirKey::Header(field, octets) => header(&text(field.as_ref())?, octets.as_ref()),
        TheirKey::Keyword(keyword) => Key::Keyword(keyword.to_string()),
        TheirKey::Larger(size) => Key::Larger((*size).into()),
        TheirKey::New => Key::And(vec![Key::Recent, not(Key::Flag(Flags::SEEN))]),
        // Twice NOT is nothing.
        TheirKey::Not(key) => match &**key {
            TheirKey::Not(key) => search_key(key, charset)?,
            key => not(search_key(key, charset)?),
        },
        TheirKey::Old => not(Key::Recent),
        TheirKey::Older(seconds) => Key::Older(seconds.get()),
        TheirKey::On(date) => Key::On(day(date)),
        TheirKey::Or(..) => {
            let mut keys = Vec::new();
            any_of(key, charset, &mut keys)?;
            Key::Any(keys)
        }
        TheirKey::Recent => Key::Recent,
        TheirKey::Seen => Key::Flag(Flags::SEEN),
        TheirKey::SentBefore(date) => Key::SentBefore(day(date)),
        TheirKey::SentOn(date) => Key::SentOn(day(date)),
        TheirKey::SentSince(date) => Key::SentSince(day(date)),
        TheirKey::Since(date) => Key::Since(day(date)),
        TheirKey::Smaller(size) => Key::Smaller((*size).into()),
        TheirKey::Subject(octets) => header("Subject", octets.as_ref()),
        TheirKey::Text(octets) => Key::Text(words(octets.as_ref())),
        TheirKey::To(octets) => header("To", octets.as_ref()),
        TheirKey::Uid(uids) => Key::Uid(set(uids)),
        TheirKey::Unanswered => not(Key::Flag(Flags::ANSWERED)),
        TheirKey::Undeleted => not(Key::Flag(Flags::DELETED)),
        TheirKey::Undraft => not(Key::Flag(Flags::DRAFT)),
        TheirKey::Unflagged => not(Key::Flag(Flags::FLAGGED)),
        TheirKey::Unkeyword(keyword) => not(Key::Keyword(keyword.to_string())),
        TheirKey::Unseen => not(Key::Flag(Flags::SEEN)),
        TheirKey::Younger(seconds) => Key::Younger(seconds.get()),
        TheirKey::ModSequence { entry: _, modseq } => Key::ModSeq(number64(*modseq)?),
    })
}
