//! Commands of one mailbox or two: `CREATE` (RFC 9051 §6.3.4, RFC 6154 §5.2), `RENAME`, `LSUB` (RFC 3501 §6.3.9), `XLIST`, quota (RFC 9208).

use nom::Parser;

use super::{
    Command, MailboxName, Mode,
    grammar::{
        Parsed, astring, atom, expect, expected, list, mailbox, mark, number64, opt_parenthesis,
        pattern, spaces, text, word,
    },
};

/// ```abnf
/// create       =  "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]
/// create-param =  "USE" SP "(" [use-attr *(SP use-attr)] ")"
/// ```
pub(super) fn create<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, Command> {
    move |input| {
        let (input, name) = mailbox(mode)(input)?;
        let (input, uses) = opt_parenthesis(list(use_param)).parse(input)?;
        let create = Command::Create {
            mailbox: without_separator(name),
            special_use: uses.unwrap_or_default().concat(),
        };
        Ok((input, create))
    }
}

/// ```abnf
/// rename =  "RENAME" SP mailbox SP mailbox
/// ```
pub(super) fn rename<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, Command> {
    move |input| {
        let (input, from) = thunderbird_mailbox(mode)(input)?;
        let (input, ()) = spaces(input)?;
        let (input, to) = thunderbird_mailbox(mode)(input)?;
        Ok((input, Command::Rename { from, to }))
    }
}

/// ```abnf
/// lsub =  "LSUB" SP mailbox SP list-mailbox
/// ```
pub(super) fn lsub<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, Command> {
    let into_lsub = |(reference, pattern)| Command::Lsub { reference, pattern };
    move |input| reference_and_pattern(mode).map(into_lsub).parse(input)
}

/// The same arguments as those of `LSUB`.
pub(super) fn xlist<'a>(mode: Mode) -> impl FnMut(&'a [u8]) -> Parsed<'a, Command> {
    let into_xlist = |(reference, pattern)| Command::XList { reference, pattern };
    move |input| reference_and_pattern(mode).map(into_xlist).parse(input)
}

/// ```abnf
/// getquota =  "GETQUOTA" SP quota-root-name
/// ```
pub(super) fn get_quota(input: &[u8]) -> Parsed<'_, Command> {
    let (input, root) = quota_root(input)?;
    Ok((input, Command::GetQuota(root)))
}

/// ```abnf
/// setquota       =  "SETQUOTA" SP quota-root-name SP setquota-list
/// setquota-list  =  "(" [setquota-resource *(SP setquota-resource)] ")"
/// setquota-resource =  resource-name SP number64
/// ```
pub(super) fn set_quota(input: &[u8]) -> Parsed<'_, Command> {
    let (input, root) = quota_root(input)?;
    let (input, ()) = spaces(input)?;
    let (input, _) = list(quota_limit).parse(input)?;
    Ok((input, Command::SetQuota(root)))
}

/// A mailbox's name that may have a `/` too many at its end.
///
/// Thunderbird appends it to the names of mailboxes that it takes for folders of folders, when it subscribes to them, renames or deletes
/// them. Dovecot has `tb-extra-mailbox-sep` for that. No mailbox has such a name.
pub(super) fn thunderbird_mailbox<'a>(
    mode: Mode,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, MailboxName> {
    move |input| mailbox(mode).map(without_separator).parse(input)
}

/// CREATE says by it that mailboxes will follow below (RFC 9051 §6.3.4).
fn without_separator(mut name: MailboxName) -> MailboxName {
    if name.0.ends_with('/') {
        name.0.pop();
    }
    name
}

fn use_param(input: &[u8]) -> Parsed<'_, Vec<String>> {
    let (input, name) = word(input)?;
    if name.as_str() != "USE" {
        return expected("USE expected");
    }
    let (input, ()) = spaces(input)?;
    list(use_attribute).parse(input)
}

/// ```abnf
/// use-attr =  "\" atom
/// ```
fn use_attribute(input: &[u8]) -> Parsed<'_, String> {
    let (input, _) = mark("\\", "special use expected")(input)?;
    let (input, name) = expect("special use expected", atom)(input)?;
    Ok((input, format!("\\{name}")))
}

fn reference_and_pattern<'a>(
    mode: Mode,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, (MailboxName, String)> {
    move |input| {
        let (input, reference) = mailbox(mode)(input)?;
        let (input, ()) = spaces(input)?;
        let (input, pattern) = pattern(mode)(input)?;
        Ok((input, (reference, pattern)))
    }
}

fn quota_root(input: &[u8]) -> Parsed<'_, String> {
    let (input, root) = expect("quota root expected", astring)(input)?;
    Ok((input, text(&root)?.to_owned()))
}

fn quota_limit(input: &[u8]) -> Parsed<'_, ()> {
    let (input, _) = atom(input)?;
    let (input, ()) = spaces(input)?;
    let (input, _) = number64(input)?;
    Ok((input, ()))
}
