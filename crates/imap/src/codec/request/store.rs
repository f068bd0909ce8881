//! `STORE` (RFC 9051 §6.4.6; UNCHANGEDSINCE of RFC 7162).

use fieldpost_mailbox::Flags;
use nom::{Parser, branch::alt, bytes::complete::tag, combinator::opt};

use super::{
    MailboxName, Mode,
    grammar::{
        Parsed, Stop, atom, close, expect, expected, list, mailbox, number64, open, opt_argument,
        opt_parenthesis, spaces, word,
    },
    limit,
};
use crate::codec::set::{SequenceSet, sequence_set};

/// A STORE.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Which messages.
    pub set: SequenceSet,
    /// How.
    pub mode: StoreMode,
    /// `.SILENT`
    pub silent: bool,
    /// Which flags.
    pub flags: FlagList,
    /// `UNCHANGEDSINCE`
    pub unchanged_since: Option<u64>,
}

/// `FLAGS`, `+FLAGS`, `-FLAGS`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// Flags as a client writes them. `\Recent` is passed over (clients of RFC 2060's day send it).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagList {
    /// System flags.
    pub system: Flags,
    /// Keywords, as written.
    pub keywords: Vec<String>,
}

/// ```abnf
/// store           =  "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"] SP store-att-flags
/// store-att-flags =  (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
/// ```
pub(super) fn store(input: &[u8]) -> Parsed<'_, Store> {
    let (input, set) = sequence_set(input)?;
    let (input, unchanged_since) = opt_parenthesis(unchanged_since).parse(input)?;
    let (input, ()) = spaces(input)?;
    let (input, sign) = opt(alt((tag("+"), tag("-")))).parse(input)?;
    let (input, name) = expect("FLAGS expected", word)(input)?;
    let silent = match name.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return expected("FLAGS expected"),
    };
    let (input, ()) = spaces(input)?;
    let (input, flags) = if input.first() == Some(&b'(') {
        flag_list(input)?
    } else {
        bare_flags(input)?
    };
    let mode = match sign {
        Some(b"+") => StoreMode::Add,
        Some(_) => StoreMode::Remove,
        None => StoreMode::Replace,
    };
    let store = Store {
        set,
        mode,
        silent,
        flags,
        unchanged_since,
    };
    Ok((input, store))
}

/// ```abnf
/// flag-list =  "(" [flag *(SP flag)] ")"
/// ```
pub(super) fn flag_list(input: &[u8]) -> Parsed<'_, FlagList> {
    let mut flags = FlagList::default();
    let (input, _) = list(|input| flag(input, &mut flags)).parse(input)?;
    Ok((input, flags))
}

/// The arguments of `COPY` and `MOVE`.
///
/// ```abnf
/// copy =  "COPY" SP sequence-set SP mailbox
/// ```
pub(super) fn set_and_mailbox<'a>(
    mode: Mode,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, (SequenceSet, MailboxName)> {
    move |input| {
        let (input, set) = sequence_set(input)?;
        let (input, ()) = spaces(input)?;
        let (input, mailbox) = mailbox(mode)(input)?;
        Ok((input, (set, mailbox)))
    }
}

fn bare_flags(input: &[u8]) -> Parsed<'_, FlagList> {
    let mut flags = FlagList::default();
    let (mut input, ()) = flag(input, &mut flags)?;
    for _ in 0..limit::LIST {
        let (rest, more) = opt_argument(|input| flag(input, &mut flags)).parse(input)?;
        input = rest;
        if more.is_none() {
            return Ok((input, flags));
        }
    }
    Err(nom::Err::Failure(Stop::TooMuch))
}

/// ```abnf
/// flag =  "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
/// ```
///
/// Flag extensions are refused: no message here has one.
fn flag<'a>(input: &'a [u8], flags: &mut FlagList) -> Parsed<'a, ()> {
    let (input, system) = opt(tag("\\")).parse(input)?;
    let (input, name) = expect("flag expected", atom)(input)?;
    if system.is_none() {
        flags.keywords.push(name.to_owned());
        return Ok((input, ()));
    }
    match system_flag(name) {
        Some(flag) => flags.system |= flag,
        None if name.eq_ignore_ascii_case("Recent") => {}
        None => return expected("unknown system flag"),
    }
    Ok((input, ()))
}

/// A system flag by its name without the backslash.
fn system_flag(name: &str) -> Option<Flags> {
    let flags = [
        ("Answered", Flags::ANSWERED),
        ("Deleted", Flags::DELETED),
        ("Draft", Flags::DRAFT),
        ("Flagged", Flags::FLAGGED),
        ("Seen", Flags::SEEN),
    ];
    flags
        .into_iter()
        .find_map(|(known, flag)| known.eq_ignore_ascii_case(name).then_some(flag))
}

fn unchanged_since(input: &[u8]) -> Parsed<'_, u64> {
    let (input, ()) = open(input)?;
    let (input, name) = word(input)?;
    if name.as_str() != "UNCHANGEDSINCE" {
        return expected("UNCHANGEDSINCE expected");
    }
    let (input, ()) = spaces(input)?;
    let (input, mod_seq) = number64(input)?;
    let (input, ()) = close(input)?;
    Ok((input, mod_seq))
}
