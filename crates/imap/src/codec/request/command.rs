//! What all commands begin and end with, and who reads what lies between.

use nom::{Parser, bytes::complete::take_while};

use super::{
    Addressing, Command, Mode, Problem, Tag, account, fetch,
    grammar::{Parsed, Stop, expected, is_astring_char, mailbox, spaces, stray_spaces, word},
    limit, list, mailbox as mailboxes, search, sort, store,
};
use crate::codec::set::sequence_set;

/// Reads the tag and the space behind it.
///
/// ```abnf
/// tag =  1*<any ASTRING-CHAR except "+">
/// ```
pub(crate) fn read_tag(bytes: &[u8]) -> Result<(Tag, &[u8]), Problem> {
    let is_tag_char = |byte: u8| is_astring_char(byte) && byte != b'+';
    let (rest, tag) = take_while::<_, _, Stop>(is_tag_char)
        .parse(bytes)
        .map_err(|_| Problem::NoTag)?;
    if tag.is_empty() || !matches!(rest, [] | [b' ', ..]) {
        return Err(Problem::NoTag);
    }
    if tag.len() > limit::TAG {
        return Err(Problem::TooMuch("Tag"));
    }
    // Tag characters are ASCII.
    let tag = Tag(str::from_utf8(tag).unwrap_or_default().into());
    Ok((tag, rest))
}

/// Reads what follows the tag: the space, the command's name, its arguments, the end of the line.
pub(crate) fn read(input: &[u8], mode: Mode) -> Result<Command, Problem> {
    let (input, ()) = stray_spaces(input).map_err(|_| Problem::NoCommand)?;
    if input.is_empty() {
        return Err(Problem::NoCommand);
    }
    let (input, name) = word(input).map_err(|_| Problem::UnknownCommand)?;
    let (name, read) = match name.as_str() {
        "UID" => {
            let (input, name) = spaces(input)
                .and_then(|(input, ())| word(input))
                .map_err(|_| Problem::NoCommand)?;
            of_uids(name.as_str(), input, mode)
        }
        name => of_session(name, input, mode).or_else(|| of_messages(name, input, mode)),
    }
    .ok_or(Problem::UnknownCommand)?;
    match read {
        Ok((_, command)) => Ok(command),
        Err(nom::Err::Error(stop) | nom::Err::Failure(stop)) => Err(stop.of_command(name)),
        // Complete parsers never ask for more.
        Err(nom::Err::Incomplete(_)) => Err(Problem::Arguments(name, "cut short")),
    }
}

/// A command's name, as it is in errors, and what was read of it.
type Read<'a> = Option<(&'static str, Parsed<'a, Command>)>;

/// Everything that does not speak of messages.
fn of_session<'a>(name: &str, input: &'a [u8], mode: Mode) -> Read<'a> {
    use Command as C;
    let alone = |command| at_end(Ok((input, command)));
    Some(match name {
        "APPEND" => ("APPEND", expected("message literal expected")),
        "AUTHENTICATE" => ("AUTHENTICATE", whole(account::authenticate, input)),
        "CAPABILITY" => ("CAPABILITY", alone(C::Capability)),
        "CHECK" => ("CHECK", alone(C::Check)),
        "CLOSE" => ("CLOSE", alone(C::Close)),
        "COMPRESS" => ("COMPRESS", whole(account::compress, input)),
        "CREATE" => ("CREATE", whole(mailboxes::create(mode), input)),
        "DELETE" => (
            "DELETE",
            whole(mailboxes::thunderbird_mailbox(mode).map(C::Delete), input),
        ),
        "ENABLE" => ("ENABLE", whole(account::enable, input)),
        "EXAMINE" => ("EXAMINE", whole(list::select(mode).map(C::Examine), input)),
        "EXPUNGE" => ("EXPUNGE", alone(C::Expunge(None))),
        "GETQUOTA" => ("GETQUOTA", whole(mailboxes::get_quota, input)),
        "GETQUOTAROOT" => (
            "GETQUOTAROOT",
            whole(mailbox(mode).map(C::GetQuotaRoot), input),
        ),
        "ID" => ("ID", whole(account::id, input)),
        "IDLE" => ("IDLE", alone(C::Idle)),
        "LIST" => ("LIST", whole(list::list_command(mode).map(C::List), input)),
        "LOGIN" => ("LOGIN", whole(account::login, input)),
        "LOGOUT" => ("LOGOUT", alone(C::Logout)),
        "LSUB" => ("LSUB", whole(mailboxes::lsub(mode), input)),
        "NAMESPACE" => ("NAMESPACE", alone(C::Namespace)),
        "NOOP" => ("NOOP", alone(C::Noop)),
        "RENAME" => ("RENAME", whole(mailboxes::rename(mode), input)),
        "SELECT" => ("SELECT", whole(list::select(mode).map(C::Select), input)),
        "SETQUOTA" => ("SETQUOTA", whole(mailboxes::set_quota, input)),
        "STARTTLS" => ("STARTTLS", alone(C::StartTls)),
        "STATUS" => ("STATUS", whole(list::status(mode).map(C::Status), input)),
        "SUBSCRIBE" => (
            "SUBSCRIBE",
            whole(
                mailboxes::thunderbird_mailbox(mode).map(C::Subscribe),
                input,
            ),
        ),
        "UNAUTHENTICATE" => ("UNAUTHENTICATE", alone(C::Unauthenticate)),
        "UNSELECT" => ("UNSELECT", alone(C::Unselect)),
        "UNSUBSCRIBE" => (
            "UNSUBSCRIBE",
            whole(
                mailboxes::thunderbird_mailbox(mode).map(C::Unsubscribe),
                input,
            ),
        ),
        "XLIST" => ("XLIST", whole(mailboxes::xlist(mode), input)),
        _ => return None,
    })
}

/// What speaks of messages by sequence number.
fn of_messages<'a>(name: &str, input: &'a [u8], mode: Mode) -> Read<'a> {
    of_addressed(Addressing::Sequence, name, input, mode)
}

/// What follows `UID`.
fn of_uids<'a>(name: &str, input: &'a [u8], mode: Mode) -> Read<'a> {
    match name {
        "EXPUNGE" => {
            let set = |input| {
                let (input, set) = sequence_set(input)?;
                Ok((input, Command::Expunge(Some(set))))
            };
            Some(("EXPUNGE", whole(set, input)))
        }
        name => of_addressed(Addressing::Uid, name, input, mode),
    }
}

fn of_addressed<'a>(by: Addressing, name: &str, input: &'a [u8], mode: Mode) -> Read<'a> {
    use Command as C;
    Some(match name {
        "COPY" => {
            let copy = store::set_and_mailbox(mode).map(|(set, to)| C::Copy(by, set, to));
            ("COPY", whole(copy, input))
        }
        "FETCH" => (
            "FETCH",
            whole(fetch::fetch.map(|fetch| C::Fetch(by, fetch)), input),
        ),
        "MOVE" => {
            let copy = store::set_and_mailbox(mode).map(|(set, to)| C::Move(by, set, to));
            ("MOVE", whole(copy, input))
        }
        "SEARCH" => (
            "SEARCH",
            whole(search::search.map(|search| C::Search(by, search)), input),
        ),
        "SORT" => (
            "SORT",
            whole(sort::sort.map(|sort| C::Sort(by, sort)), input),
        ),
        "STORE" => (
            "STORE",
            whole(store::store.map(|store| C::Store(by, store)), input),
        ),
        "THREAD" => (
            "THREAD",
            whole(sort::thread.map(|thread| C::Thread(by, thread)), input),
        ),
        _ => return None,
    })
}

/// The space, the arguments, the end of the line.
fn whole<'a>(
    mut arguments: impl Parser<&'a [u8], Output = Command, Error = Stop>,
    input: &'a [u8],
) -> Parsed<'a, Command> {
    let (input, ()) = spaces(input).or_else(|_| expected("arguments expected"))?;
    at_end(arguments.parse(input))
}

fn at_end(read: Parsed<'_, Command>) -> Parsed<'_, Command> {
    let (input, command) = read?;
    let (input, ()) = stray_spaces(input)?;
    if input.is_empty() {
        Ok((input, command))
    } else {
        expected("end of line expected")
    }
}
