//! `SORT` and `THREAD` (RFC 5256), ESORT (RFC 5267).

use super::{
    grammar::{Parsed, Stop, close, expect, expected, open, spaces, word},
    limit,
    search::{Sort, SortKey, Thread, ThreadAlgorithm, program_in_charset, return_options},
};

/// ```abnf
/// sort           =  "SORT" [SP "RETURN" SP "(" … ")"] SP sort-criteria SP charset 1*(SP search-key)
/// sort-criteria  =  "(" sort-criterion *(SP sort-criterion) ")"
/// sort-criterion =  ["REVERSE" SP] sort-key
/// ```
pub(super) fn sort(input: &[u8]) -> Parsed<'_, Sort> {
    let (input, returns) = return_options(input)?;
    let (mut input, ()) = open(input)?;
    let mut keys = Vec::new();
    loop {
        if keys.len() == limit::LIST {
            return Err(nom::Err::Failure(Stop::TooMuch));
        }
        let (rest, key) = criterion(input)?;
        keys.push(key);
        if let Ok((rest, ())) = close(rest) {
            input = rest;
            break;
        }
        (input, ()) = spaces(rest)?;
    }
    let (input, ()) = spaces(input)?;
    let (input, key) = program_in_charset(input, returns)?;
    let sort = Sort { returns, keys, key };
    Ok((input, sort))
}

/// ```abnf
/// thread =  "THREAD" SP thread-alg SP charset 1*(SP search-key)
/// ```
pub(super) fn thread(input: &[u8]) -> Parsed<'_, Thread> {
    let (input, name) = expect("threading algorithm expected", word)(input)?;
    let algorithm = match name.as_str() {
        "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
        "REFERENCES" => ThreadAlgorithm::References,
        _ => return expected("unknown threading algorithm"),
    };
    let (input, ()) = spaces(input)?;
    let (input, key) = program_in_charset(input, None)?;
    Ok((input, Thread { algorithm, key }))
}

fn criterion(input: &[u8]) -> Parsed<'_, (SortKey, bool)> {
    let (input, name) = expect("sort key expected", word)(input)?;
    if name.as_str() != "REVERSE" {
        return Ok((input, (sort_key(name.as_str())?, false)));
    }
    let (input, ()) = spaces(input)?;
    let (input, name) = expect("sort key expected", word)(input)?;
    Ok((input, (sort_key(name.as_str())?, true)))
}

fn sort_key(name: &str) -> Result<SortKey, nom::Err<Stop>> {
    Ok(match name {
        "ARRIVAL" => SortKey::Arrival,
        "CC" => SortKey::Cc,
        "DATE" => SortKey::Date,
        "DISPLAYFROM" => SortKey::DisplayFrom,
        "DISPLAYTO" => SortKey::DisplayTo,
        "FROM" => SortKey::From,
        "SIZE" => SortKey::Size,
        "SUBJECT" => SortKey::Subject,
        "TO" => SortKey::To,
        _ => return Err(nom::Err::Error(Stop::Expected("unknown sort key"))),
    })
}
