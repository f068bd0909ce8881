//! `FETCH` (RFC 9051 §6.4.5; CHANGEDSINCE and VANISHED of RFC 7162; BINARY of RFC 3516; PREVIEW of RFC 8970; SAVEDATE of
//! RFC 8514; OBJECTID of RFC 8474).

use nom::Parser;

use super::{
    grammar::{
        Parsed, Stop, close, expect, expected, field_name, filled_list, list, mark, number64,
        nz_number, open, opt_parenthesis, spaces, word,
    },
    limit,
};
use crate::codec::set::{SequenceSet, sequence_set};

/// A FETCH.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// Which messages.
    pub set: SequenceSet,
    /// What of them; the macros ALL, FAST and FULL are spelt out.
    pub items: Vec<FetchItem>,
    /// `CHANGEDSINCE`: only what changed behind this mod_seq.
    pub changed_since: Option<u64>,
    /// `VANISHED`: also tell what is gone since then (QRESYNC).
    pub vanished: bool,
}

/// What is asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// `UID`
    Uid,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `SAVEDATE`
    SaveDate,
    /// `RFC822.SIZE`
    Rfc822Size,
    /// `ENVELOPE`
    Envelope,
    /// `BODY` without a section: BODYSTRUCTURE without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `MODSEQ`
    ModSeq,
    /// `EMAILID`
    EmailId,
    /// `THREADID`
    ThreadId,
    /// `PREVIEW`; `(LAZY)`
    Preview {
        /// `(LAZY)`: only if it is at hand.
        lazy: bool,
    },
    /// `RFC822`, shown as such: the whole message, sets `\Seen`.
    Rfc822,
    /// `RFC822.HEADER`, shown as such: the header, sets nothing.
    Rfc822Header,
    /// `RFC822.TEXT`, shown as such: the text, sets `\Seen`.
    Rfc822Text,
    /// `BODY[section]<partial>` or `BODY.PEEK[…]<…>`.
    Section(BodySection),
    /// `BINARY[part]<partial>` or `BINARY.PEEK[…]<…>`.
    Binary(BinaryPart),
    /// `BINARY.SIZE[part]`
    BinarySize(Vec<u32>),
}

/// `BODY[…]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodySection {
    /// Part numbers; empty: the message itself.
    pub part: Vec<u32>,
    /// What of the part; `None`: all of it.
    pub text: Option<SectionText>,
    /// `<start.count>`
    pub partial: Option<Partial>,
    /// `BODY.PEEK`: does not set `\Seen`.
    pub peek: bool,
}

/// What of a part (`section-msgtext` and `MIME`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// `HEADER`
    Header,
    /// `HEADER.FIELDS (…)`, names as written.
    HeaderFields(Vec<String>),
    /// `HEADER.FIELDS.NOT (…)`, names as written.
    HeaderFieldsNot(Vec<String>),
    /// `TEXT`
    Text,
    /// `MIME`; only with part numbers.
    Mime,
}

/// `BINARY[…]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinaryPart {
    /// Part numbers; empty: the message itself.
    pub part: Vec<u32>,
    /// `<start.count>`
    pub partial: Option<Partial>,
    /// `BINARY.PEEK`: does not set `\Seen`.
    pub peek: bool,
}

/// `<start.count>` (RFC 9051 §9 `partial`); `count` is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// First octet.
    pub start: u64,
    /// How many octets.
    pub count: u64,
}

/// ```abnf
/// fetch           =  "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")") [SP fetch-modifiers]
/// fetch-modifiers =  "(" fetch-modifier *(SP fetch-modifier) ")"
/// ```
pub(super) fn fetch(input: &[u8]) -> Parsed<'_, Fetch> {
    let (input, set) = sequence_set(input)?;
    let (input, ()) = spaces(input)?;
    let (input, items) = if input.first() == Some(&b'(') {
        filled_list("fetch item expected", fetch_item).parse(input)?
    } else if let Ok(read) = macro_items(input) {
        read
    } else {
        let (input, item) = fetch_item(input)?;
        (input, vec![item])
    };
    let (input, modifiers) = opt_parenthesis(list(modifier)).parse(input)?;
    let mut fetch = Fetch {
        set,
        items,
        changed_since: None,
        vanished: false,
    };
    for modifier in modifiers.unwrap_or_default() {
        match modifier {
            Some(mod_seq) => fetch.changed_since = Some(mod_seq),
            None => fetch.vanished = true,
        }
    }
    if fetch.vanished && fetch.changed_since.is_none() {
        return expected("VANISHED needs CHANGEDSINCE");
    }
    Ok((input, fetch))
}

/// The macros of RFC 9051 §6.4.5, spelt out.
fn macro_items(input: &[u8]) -> Parsed<'_, Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Rfc822Size};
    let (input, name) = word(input)?;
    let mut items = vec![Flags, InternalDate, Rfc822Size];
    match name.as_str() {
        "ALL" => items.push(Envelope),
        "FAST" => {}
        "FULL" => items.extend([Envelope, Body]),
        _ => return expected("macro expected"),
    }
    Ok((input, items))
}

fn fetch_item(input: &[u8]) -> Parsed<'_, FetchItem> {
    let (input, name) = expect("fetch item expected", word)(input)?;
    let item = match name.as_str() {
        "UID" => FetchItem::Uid,
        "FLAGS" => FetchItem::Flags,
        "INTERNALDATE" => FetchItem::InternalDate,
        "SAVEDATE" => FetchItem::SaveDate,
        "RFC822.SIZE" => FetchItem::Rfc822Size,
        "ENVELOPE" => FetchItem::Envelope,
        "BODYSTRUCTURE" => FetchItem::BodyStructure,
        "MODSEQ" => FetchItem::ModSeq,
        "EMAILID" => FetchItem::EmailId,
        "THREADID" => FetchItem::ThreadId,
        "PREVIEW" => {
            let (input, lazy) = preview_lazy(input);
            return Ok((input, FetchItem::Preview { lazy }));
        }
        "RFC822" => FetchItem::Rfc822,
        "RFC822.HEADER" => FetchItem::Rfc822Header,
        "RFC822.TEXT" => FetchItem::Rfc822Text,
        "BODY" if input.first() != Some(&b'[') => FetchItem::Body,
        "BODY" => return body_section(input, false),
        "BODY.PEEK" => return body_section(input, true),
        "BINARY" => return binary(input, false),
        "BINARY.PEEK" => return binary(input, true),
        "BINARY.SIZE" => {
            let (input, part) = section_binary(input)?;
            return Ok((input, FetchItem::BinarySize(part)));
        }
        _ => return expected("unknown fetch item"),
    };
    Ok((input, item))
}

/// ```abnf
/// "PREVIEW" [SP "(" "LAZY" ")"]
/// ```
///
/// Behind a lone item the modifiers of FETCH may stand in parentheses as well: they are left.
fn preview_lazy(input: &[u8]) -> (&[u8], bool) {
    match opt_parenthesis(lazy).parse(input) {
        Ok((rest, lazy)) => (rest, lazy.is_some()),
        Err(_) => (input, false),
    }
}

fn lazy(input: &[u8]) -> Parsed<'_, ()> {
    let (input, ()) = open(input)?;
    let (input, name) = word(input)?;
    if name.as_str() != "LAZY" {
        return expected("LAZY expected");
    }
    close(input)
}

/// ```abnf
/// section      =  "[" [section-spec] "]"
/// section-spec =  section-msgtext / (section-part ["." section-text])
/// section-text =  section-msgtext / "MIME"
/// ```
fn body_section(input: &[u8], peek: bool) -> Parsed<'_, FetchItem> {
    let (input, _) = mark("[", "[ expected")(input)?;
    let (mut input, part) = part_numbers(input)?;
    let mut text = None;
    if part.is_empty() {
        if input.first() != Some(&b']') {
            let (rest, section) = section_text(input, false)?;
            (input, text) = (rest, Some(section));
        }
    } else if let [b'.', behind @ ..] = input {
        let (rest, section) = section_text(behind, true)?;
        (input, text) = (rest, Some(section));
    }
    let (input, _) = mark("]", "] expected")(input)?;
    let (input, partial) = partial(input)?;
    let section = BodySection {
        part,
        text,
        partial,
        peek,
    };
    Ok((input, FetchItem::Section(section)))
}

/// ```abnf
/// section-msgtext =  "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
/// header-list     =  "(" header-fld-name *(SP header-fld-name) ")"
/// ```
fn section_text(input: &[u8], of_part: bool) -> Parsed<'_, SectionText> {
    let (input, name) = expect("section expected", word)(input)?;
    let fields = |input| {
        let (input, ()) = spaces(input)?;
        filled_list("field name expected", field_name).parse(input)
    };
    match name.as_str() {
        "HEADER" => Ok((input, SectionText::Header)),
        "HEADER.FIELDS" => {
            let (input, names) = fields(input)?;
            Ok((input, SectionText::HeaderFields(names)))
        }
        "HEADER.FIELDS.NOT" => {
            let (input, names) = fields(input)?;
            Ok((input, SectionText::HeaderFieldsNot(names)))
        }
        "TEXT" => Ok((input, SectionText::Text)),
        "MIME" if of_part => Ok((input, SectionText::Mime)),
        _ => expected("unknown section"),
    }
}

/// ```abnf
/// section-binary =  "[" [section-part] "]"
/// ```
fn section_binary(input: &[u8]) -> Parsed<'_, Vec<u32>> {
    let (input, _) = mark("[", "[ expected")(input)?;
    let (input, part) = part_numbers(input)?;
    let (input, _) = mark("]", "] expected")(input)?;
    Ok((input, part))
}

fn binary(input: &[u8], peek: bool) -> Parsed<'_, FetchItem> {
    let (input, part) = section_binary(input)?;
    let (input, partial) = partial(input)?;
    let binary = BinaryPart {
        part,
        partial,
        peek,
    };
    Ok((input, FetchItem::Binary(binary)))
}

/// ```abnf
/// section-part =  nz-number *("." nz-number)
/// ```
///
/// None at all is fine; a `.` that no number follows is left.
fn part_numbers(input: &[u8]) -> Parsed<'_, Vec<u32>> {
    let mut part = Vec::new();
    let mut input = input;
    loop {
        let number = match input {
            number if part.is_empty() => number,
            [b'.', number @ ..] => number,
            _ => return Ok((input, part)),
        };
        if !number.first().is_some_and(u8::is_ascii_digit) {
            return Ok((input, part));
        }
        if part.len() == limit::SECTION {
            return Err(nom::Err::Failure(Stop::TooMuch));
        }
        let (rest, number) = nz_number(number)?;
        part.push(number);
        input = rest;
    }
}

/// ```abnf
/// partial =  "<" number64 "." nz-number64 ">"
/// ```
fn partial(input: &[u8]) -> Parsed<'_, Option<Partial>> {
    let [b'<', input @ ..] = input else {
        return Ok((input, None));
    };
    let (input, start) = number64(input)?;
    let (input, _) = mark(".", "<start.count> expected")(input)?;
    let (input, count) = number64(input)?;
    let (input, _) = mark(">", "<start.count> expected")(input)?;
    if count == 0 {
        return expected("number must not be 0");
    }
    Ok((input, Some(Partial { start, count })))
}

/// `CHANGEDSINCE n`, or `VANISHED` as `None` (RFC 7162 §7).
fn modifier(input: &[u8]) -> Parsed<'_, Option<u64>> {
    let (input, name) = word(input)?;
    match name.as_str() {
        "CHANGEDSINCE" => {
            let (input, ()) = spaces(input)?;
            let (input, mod_seq) = number64(input)?;
            Ok((input, Some(mod_seq)))
        }
        "VANISHED" => Ok((input, None)),
        _ => expected("unknown modifier"),
    }
}
