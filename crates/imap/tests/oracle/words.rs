//! Names, numbers, sets.

use super::*;

pub(super) fn limited(count: usize) -> Ours<()> {
    (count <= limit::LIST).then_some(()).ok_or(Different::Limit)
}

pub(super) fn number64(number: u64) -> Ours<u64> {
    i64::try_from(number)
        .map(|_| number)
        .map_err(|_| Different::Bits)
}

pub(super) fn initial_response_text(initial: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    match initial {
        [] => b"=".to_vec(),
        initial => base64::engine::general_purpose::STANDARD
            .encode(initial)
            .into_bytes(),
    }
}

pub(super) fn veiled(octets: &[u8]) -> Veiled {
    Veiled(Zeroizing::new(octets.to_vec()))
}

pub(super) fn decoded(octets: &[u8]) -> Ours<String> {
    mailbox_name::decode(octets, false).ok_or(Different::NoText)
}

pub(super) fn name(mailbox: &Mailbox<'_>) -> Ours<MailboxName> {
    match mailbox {
        Mailbox::Inbox => Ok(MailboxName("INBOX".to_owned())),
        Mailbox::Other(name) => decoded(name.as_ref()).map(MailboxName),
    }
}

/// In commands that name one mailbox a `/` at its end is passed over.
pub(super) fn lone_name(mailbox: &Mailbox<'_>) -> Ours<MailboxName> {
    let mut name = name(mailbox)?;
    if name.0.ends_with('/') {
        name.0.pop();
    }
    Ok(name)
}

pub(super) fn pattern(pattern: &ListMailbox<'_>) -> Ours<String> {
    match pattern {
        ListMailbox::Token(token) => decoded(token.as_ref()),
        ListMailbox::String(string) => decoded(string.as_ref()),
    }
}

pub(super) fn text(octets: &[u8]) -> Ours<String> {
    match str::from_utf8(octets) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(Different::NoText),
    }
}

pub(super) fn set(theirs: &TheirSet) -> SequenceSet {
    let number = |number: &SeqOrUid| match number {
        SeqOrUid::Value(number) => Some(number.get()),
        SeqOrUid::Asterisk => None,
    };
    let range = |range: &Sequence| match range {
        Sequence::Single(only) => (number(only), number(only)),
        Sequence::Range(first, last) => (number(first), number(last)),
    };
    SequenceSet::Ranges(theirs.0.as_ref().iter().map(range).collect())
}
