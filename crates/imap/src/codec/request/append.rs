//! `APPEND` (RFC 9051 §6.3.12, MULTIAPPEND of RFC 3502, UTF8 of RFC 6855, literal8 of RFC 3516): what stands around its
//! messages. The messages themselves stream past the framer and never come here.

use super::{BadCommand, FlagList, MailboxName, Mode, Tag};
use crate::codec::frame::LiteralSpec;

/// Everything up to and with the announcement of the first message.
#[derive(Clone, Debug, PartialEq)]
pub struct AppendHead {
    /// The tag.
    pub tag: Tag,
    /// Where the messages go.
    pub mailbox: MailboxName,
    /// The first message.
    pub message: AppendMessage,
}

/// What is said of one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppendMessage {
    /// Flags.
    pub flags: FlagList,
    /// Internal date, seconds since 1970.
    pub internal_date: Option<i64>,
    /// Within `UTF8 (~{n} … )`: a `)` follows the literal.
    pub utf8: bool,
    /// The announcement of its literal.
    pub literal: Option<LiteralSpec>,
}

/// What follows a message literal.
#[derive(Clone, Debug, PartialEq)]
pub enum AppendNext {
    /// The command is over.
    End,
    /// Another message is announced (MULTIAPPEND).
    Message(AppendMessage),
}

/// Whether `text`, a line that ends with the announcement of a literal, is an APPEND up to a message literal. `None`: it
/// is another command, or the literal is the mailbox's name, and the literal is joined as any other.
pub fn head(
    text: &[u8],
    literal: LiteralSpec,
    mode: Mode,
) -> Option<Result<AppendHead, BadCommand>> {
    let _ = (text, literal, mode);
    None
}

/// Reads the line behind a message literal: nothing, or a space and the next message up to its literal (`literal` is what the line
/// announces at its end, if it does). `utf8`: a `)` comes first.
pub fn next(
    tag: &Tag,
    line: &[u8],
    literal: Option<LiteralSpec>,
    utf8: bool,
) -> Result<AppendNext, BadCommand> {
    let _ = (line, literal, utf8);
    Err(BadCommand {
        tag: Some(tag.clone()),
        problem: super::Problem::UnknownCommand,
    })
}
