//! `LIST` (RFC 9051 §6.3.9; LIST-STATUS, SPECIAL-USE, CHILDREN included), `STATUS` and `SELECT`.

use nom::Parser;

use super::{
    MailboxName, Mode,
    grammar::{
        Parsed, close, expected, filled_list, list, mailbox, number64, nz_number, open,
        opt_argument, opt_parenthesis, pattern, spaces, stray_spaces, word,
    },
};
use crate::codec::set::{SequenceSet, known_set};

/// A LIST.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// `(SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE)` in front.
    pub select: ListSelect,
    /// The reference name.
    pub reference: String,
    /// One pattern, or several in parentheses; decoded like names.
    pub patterns: Vec<String>,
    /// `RETURN (…)`.
    pub returns: ListReturn,
    /// Whether the command was in the extended form (selection options, several patterns or RETURN).
    pub extended: bool,
}

/// Selection options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListSelect {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `REMOTE`: there are none.
    pub remote: bool,
    /// `RECURSIVEMATCH`
    pub recursive_match: bool,
    /// `SPECIAL-USE`
    pub special_use: bool,
}

/// Return options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReturn {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `CHILDREN`
    pub children: bool,
    /// `SPECIAL-USE`
    pub special_use: bool,
    /// `STATUS (…)` (RFC 5819)
    pub status: Option<Vec<StatusItem>>,
}

/// A STATUS.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusRequest {
    /// Of which mailbox.
    pub mailbox: MailboxName,
    /// What of it.
    pub items: Vec<StatusItem>,
}

/// What is asked of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// `MESSAGES`
    Messages,
    /// `RECENT`
    Recent,
    /// `UIDNEXT`
    UidNext,
    /// `UIDVALIDITY`
    UidValidity,
    /// `UNSEEN`
    Unseen,
    /// `DELETED`
    Deleted,
    /// `SIZE` (RFC 8438)
    Size,
    /// `HIGHESTMODSEQ` (RFC 7162)
    HighestModSeq,
    /// `APPENDLIMIT` (RFC 7889)
    AppendLimit,
    /// `MAILBOXID` (RFC 8474)
    MailboxId,
    /// `DELETED-STORAGE` (RFC 9208)
    DeletedStorage,
}

/// A SELECT or EXAMINE.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// `(CONDSTORE)`
    pub condstore: bool,
    /// `(QRESYNC (…))`
    pub qresync: Option<QuickResync>,
}

/// QRESYNC's parameters (RFC 7162 §3.2.5).
#[derive(Clone, Debug, PartialEq)]
pub struct QuickResync {
    /// The uid_validity that the client knows.
    pub uid_validity: u32,
    /// The mod_seq up to which it knows all.
    pub mod_seq: u64,
    /// The uids it knows; `None`: all.
    pub known_uids: Option<SequenceSet>,
    /// Sequence numbers and the uids that they have: sets of equal length.
    pub known_sequence: Option<(SequenceSet, SequenceSet)>,
}

/// ```abnf
/// list       =  "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
/// mbox-or-pat =  list-mailbox / "(" list-mailbox *(SP list-mailbox) ")"
/// ```
pub(super) fn list_command<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, List> {
    move |input| {
        let mut command = List::default();
        let mut input = input;
        if input.first() == Some(&b'(') {
            (input, command.select) = select_options(input)?;
            (input, ()) = spaces(input)?;
            command.extended = true;
        }
        let (input, reference) = mailbox(mode)(input)?;
        command.reference = reference.0;
        let (input, ()) = spaces(input)?;
        let input = if input.first() == Some(&b'(') {
            command.extended = true;
            let (input, patterns) =
                filled_list("mailbox pattern expected", pattern(mode)).parse(input)?;
            command.patterns = patterns;
            input
        } else {
            let (input, pattern) = pattern(mode)(input)?;
            command.patterns.push(pattern);
            input
        };
        let (input, returns) = opt_argument(return_options).parse(input)?;
        if let Some(returns) = returns {
            command.returns = returns;
            command.extended = true;
        }
        Ok((input, command))
    }
}

/// ```abnf
/// status =  "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
/// ```
pub(super) fn status<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, StatusRequest> {
    move |input| {
        let (input, mailbox) = mailbox(mode)(input)?;
        let (input, ()) = spaces(input)?;
        let (input, items) = status_items(input)?;
        Ok((input, StatusRequest { mailbox, items }))
    }
}

/// ```abnf
/// select       =  ("SELECT" / "EXAMINE") SP mailbox [SP "(" select-param *(SP select-param) ")"]
/// select-param =  "CONDSTORE" / "QRESYNC" SP "(" … ")"
/// ```
pub(super) fn select<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, Select> {
    move |input| {
        let (input, mailbox) = mailbox(mode)(input)?;
        let (input, params) = opt_parenthesis(list(select_param)).parse(input)?;
        let mut select = Select {
            mailbox,
            condstore: false,
            qresync: None,
        };
        for param in params.unwrap_or_default() {
            match param {
                None => select.condstore = true,
                Some(_) if select.qresync.is_some() => return expected("QRESYNC only once"),
                Some(qresync) => select.qresync = Some(qresync),
            }
        }
        Ok((input, select))
    }
}

/// ```abnf
/// list-select-opts =  "(" [*(list-select-opt SP) …] ")"
/// ```
///
/// RECURSIVEMATCH alone is refused (RFC 9051 §6.3.9.1).
fn select_options(input: &[u8]) -> Parsed<'_, ListSelect> {
    let (input, options) = list(word).parse(input)?;
    let mut select = ListSelect::default();
    for option in &options {
        match option.as_str() {
            "SUBSCRIBED" => select.subscribed = true,
            "REMOTE" => select.remote = true,
            "RECURSIVEMATCH" => select.recursive_match = true,
            "SPECIAL-USE" => select.special_use = true,
            _ => return expected("unknown selection option"),
        }
    }
    if select.recursive_match && !select.subscribed && !select.special_use {
        return expected("RECURSIVEMATCH needs another selection option");
    }
    Ok((input, select))
}

/// ```abnf
/// list-return-opts =  "RETURN" SP "(" [return-option *(SP return-option)] ")"
/// ```
fn return_options(input: &[u8]) -> Parsed<'_, ListReturn> {
    let (input, name) = word(input)?;
    if name.as_str() != "RETURN" {
        return expected("RETURN expected");
    }
    let (input, ()) = spaces(input)?;
    let mut returns = ListReturn::default();
    let option = |input| {
        let (input, name) = word(input)?;
        let input = match name.as_str() {
            "SUBSCRIBED" => {
                returns.subscribed = true;
                input
            }
            "CHILDREN" => {
                returns.children = true;
                input
            }
            "SPECIAL-USE" => {
                returns.special_use = true;
                input
            }
            "STATUS" => {
                let (input, ()) = spaces(input)?;
                let (input, items) = status_items(input)?;
                returns.status = Some(items);
                input
            }
            _ => return expected("unknown return option"),
        };
        Ok((input, ()))
    };
    let (input, _) = list(option).parse(input)?;
    Ok((input, returns))
}

fn status_items(input: &[u8]) -> Parsed<'_, Vec<StatusItem>> {
    filled_list("status item expected", status_item).parse(input)
}

fn status_item(input: &[u8]) -> Parsed<'_, StatusItem> {
    let (input, name) = word(input)?;
    let item = match name.as_str() {
        "MESSAGES" => StatusItem::Messages,
        "RECENT" => StatusItem::Recent,
        "UIDNEXT" => StatusItem::UidNext,
        "UIDVALIDITY" => StatusItem::UidValidity,
        "UNSEEN" => StatusItem::Unseen,
        "DELETED" => StatusItem::Deleted,
        "SIZE" => StatusItem::Size,
        "HIGHESTMODSEQ" => StatusItem::HighestModSeq,
        "APPENDLIMIT" => StatusItem::AppendLimit,
        "MAILBOXID" => StatusItem::MailboxId,
        "DELETED-STORAGE" => StatusItem::DeletedStorage,
        _ => return expected("unknown status item"),
    };
    Ok((input, item))
}

/// `None`: CONDSTORE.
fn select_param(input: &[u8]) -> Parsed<'_, Option<QuickResync>> {
    let (input, name) = word(input)?;
    match name.as_str() {
        "CONDSTORE" => Ok((input, None)),
        "QRESYNC" => {
            let (input, ()) = spaces(input)?;
            let (input, qresync) = qresync(input)?;
            Ok((input, Some(qresync)))
        }
        _ => expected("unknown parameter"),
    }
}

/// ```abnf
/// "(" uidvalidity SP mod-sequence-value [SP known-uids]
///     [SP "(" known-sequence-set SP known-uid-set ")"] ")"
/// ```
fn qresync(input: &[u8]) -> Parsed<'_, QuickResync> {
    let (input, ()) = open(input)?;
    let (input, uid_validity) = nz_number(input)?;
    let (input, ()) = spaces(input)?;
    let (input, mod_seq) = number64(input)?;
    let mut qresync = QuickResync {
        uid_validity,
        mod_seq,
        known_uids: None,
        known_sequence: None,
    };
    let mut input = input;
    let (behind, ()) = stray_spaces(input)?;
    if behind.first().is_some_and(u8::is_ascii_digit) {
        let (rest, known) = known_set(behind)?;
        qresync.known_uids = Some(known);
        input = rest;
    }
    let (input, known) = opt_parenthesis(known_sequence).parse(input)?;
    qresync.known_sequence = known;
    let (input, ()) = close(input)?;
    Ok((input, qresync))
}

fn known_sequence(input: &[u8]) -> Parsed<'_, (SequenceSet, SequenceSet)> {
    let (input, ()) = open(input)?;
    let (input, numbers) = known_set(input)?;
    let (input, ()) = spaces(input)?;
    let (input, uids) = known_set(input)?;
    let (input, ()) = close(input)?;
    let count = |set: &SequenceSet| set.resolve(0).map(|set| set.len());
    if count(&numbers) != count(&uids) {
        return expected("sets of equal length expected");
    }
    Ok((input, (numbers, uids)))
}
