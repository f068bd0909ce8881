//! `APPEND` (RFC 9051 §6.3.12, MULTIAPPEND of RFC 3502, UTF8 of RFC 6855, literal8 of RFC 3516): what stands around its
//! messages. The messages themselves stream past the framer and never come here.

use super::{
    BadCommand, FlagList, MailboxName, Mode, Tag,
    command::read_tag,
    grammar::{Parsed, close, expect, expected, mailbox, open, quoted, spaces, stray_spaces, word},
    store::flag_list,
};
use crate::codec::{date::parse_date_time, frame::LiteralSpec};

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
    let (tag, input) = read_tag(text).ok()?;
    let (input, ()) = spaces(input).ok()?;
    let (input, name) = word(input).ok()?;
    if name.as_str() != "APPEND" {
        return None;
    }
    let input = before_announcement(input);
    let (behind, ()) = spaces(input).ok()?;
    if behind.is_empty() {
        return None;
    }
    let head = match mailbox_and_message(behind, literal, mode) {
        Ok((_, (mailbox, message))) => Ok(AppendHead {
            tag,
            mailbox,
            message,
        }),
        Err(error) => Err(bad(tag, error)),
    };
    Some(head)
}

/// Reads the line behind a message literal: nothing, or a space and the next message up to its literal (`literal` is what the line
/// announces at its end, if it does). `utf8`: a `)` comes first.
pub fn next(
    tag: &Tag,
    line: &[u8],
    literal: Option<LiteralSpec>,
    utf8: bool,
) -> Result<AppendNext, BadCommand> {
    match next_message(line, literal, utf8) {
        Ok((_, next)) => Ok(next),
        Err(error) => Err(bad(tag.clone(), error)),
    }
}

/// ```abnf
/// append         =  "APPEND" SP mailbox 1*append-message
/// append-message =  append-opts SP append-data
/// append-opts    =  [SP flag-list] [SP date-time]
/// append-data    =  literal / literal8 / "UTF8" SP "(" literal8 ")"
/// ```
fn mailbox_and_message(
    input: &[u8],
    literal: LiteralSpec,
    mode: Mode,
) -> Parsed<'_, (MailboxName, AppendMessage)> {
    let (input, mailbox) = mailbox(mode)(input)?;
    let (input, ()) = spaces(input)?;
    let (input, message) = message(input, literal)?;
    Ok((input, (mailbox, message)))
}

/// Reads up to the announcement.
fn message(input: &[u8], literal: LiteralSpec) -> Parsed<'_, AppendMessage> {
    let mut message = AppendMessage {
        literal: Some(literal),
        ..AppendMessage::default()
    };
    let mut input = input;
    if input.first() == Some(&b'(') {
        (input, message.flags) = flag_list(input)?;
        (input, ()) = spaces(input)?;
    }
    if input.first() == Some(&b'"') {
        let (rest, date) = expect("date and time expected", quoted)(input)?;
        message.internal_date = parse_date_time(&date);
        if message.internal_date.is_none() {
            return expected("date and time expected");
        }
        (input, ()) = spaces(rest)?;
    }
    if !input.is_empty() {
        let (rest, name) = expect("message literal expected", word)(input)?;
        if name.as_str() != "UTF8" {
            return expected("message literal expected");
        }
        let (rest, ()) = spaces(rest)?;
        (input, ()) = open(rest)?;
        message.utf8 = true;
    }
    if input.is_empty() {
        Ok((input, message))
    } else {
        expected("message literal expected")
    }
}

fn next_message(line: &[u8], literal: Option<LiteralSpec>, utf8: bool) -> Parsed<'_, AppendNext> {
    let mut input = line;
    if utf8 {
        (input, ()) = close(input)?;
    }
    let Some(literal) = literal else {
        let (input, ()) = stray_spaces(input)?;
        if input.is_empty() {
            return Ok((input, AppendNext::End));
        }
        return expected("message literal expected");
    };
    let (input, ()) = spaces(before_announcement(input))?;
    let (input, message) = message(input, literal)?;
    Ok((input, AppendNext::Message(message)))
}

/// The text without the `~{n+}` at its end.
fn before_announcement(text: &[u8]) -> &[u8] {
    let start = memchr::memrchr(b'{', text).unwrap_or(text.len());
    let text = &text[..start];
    text.strip_suffix(b"~").unwrap_or(text)
}

fn bad(tag: Tag, error: nom::Err<super::grammar::Stop>) -> BadCommand {
    let problem = match error {
        nom::Err::Error(stop) | nom::Err::Failure(stop) => stop.of_command("APPEND"),
        // Complete parsers never ask for more.
        nom::Err::Incomplete(_) => super::Problem::Arguments("APPEND", "cut short"),
    };
    BadCommand {
        tag: Some(tag),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use fieldpost_mailbox::Flags;

    use super::*;
    use crate::codec::{frame::literal_spec, request::Problem};

    fn head_of(text: &str) -> Option<Result<AppendHead, BadCommand>> {
        let literal = literal_spec(text.as_bytes()).unwrap();
        head(text.as_bytes(), literal, Mode::default())
    }

    fn next_of(line: &str, utf8: bool) -> Result<AppendNext, BadCommand> {
        let tag = Tag("a".into());
        next(&tag, line.as_bytes(), literal_spec(line.as_bytes()), utf8)
    }

    fn announced(size: u64, non_sync: bool, binary: bool) -> AppendMessage {
        AppendMessage {
            literal: Some(LiteralSpec {
                size,
                non_sync,
                binary,
            }),
            ..AppendMessage::default()
        }
    }

    #[test]
    fn heads() {
        let date = Some(760_777_205);
        let flags = FlagList {
            system: Flags::SEEN,
            keywords: vec!["a".to_owned()],
        };
        for (text, mailbox, message) in [
            (
                "a APPEND INBOX {310}",
                "INBOX",
                announced(310, false, false),
            ),
            ("a append \"a b\" ~{0+}", "a b", announced(0, true, true)),
            (
                "a APPEND {5}\r\na {1} (\\Seen a) {1+}",
                "a {1}",
                AppendMessage {
                    flags: flags.clone(),
                    ..announced(1, true, false)
                },
            ),
            (
                "a APPEND x (\\Seen a) \"09-Feb-1994 07:00:05 +0000\" {1}",
                "x",
                AppendMessage {
                    flags: flags.clone(),
                    internal_date: date,
                    ..announced(1, false, false)
                },
            ),
            (
                "a APPEND x \" 9-Feb-1994 07:00:05 +0000\" UTF8 (~{1+}",
                "x",
                AppendMessage {
                    internal_date: date,
                    utf8: true,
                    ..announced(1, true, true)
                },
            ),
            (
                "a APPEND x () UTF8 (~{1}",
                "x",
                AppendMessage {
                    utf8: true,
                    ..announced(1, false, true)
                },
            ),
        ] {
            let head = match head_of(text) {
                Some(Ok(head)) => head,
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!((head.mailbox.0.as_str(), head.message), (mailbox, message));
        }
    }

    #[test]
    fn what_is_no_head() {
        for text in [
            "a APPEND {5}",
            "a APPEND ~{5+}",
            "a APPEND  {5}",
            "a LOGIN {5}",
            "a APPENDX x {5}",
            "{5}",
            "a {5}",
            " APPEND x {5}",
        ] {
            assert_eq!(head_of(text), None, "{text}");
        }
        for text in [
            "a APPEND x{5}",
            "a APPEND \"x {5}",
            "a APPEND x (\\Foo) {5}",
            "a APPEND x (a{5}",
            "a APPEND x \"yesterday\" {5}",
            "a APPEND x \"30-Feb-1994 07:00:05 +0000\" {5}",
            "a APPEND x (a) (b) {5}",
            "a APPEND x y {5}",
            "a APPEND x UTF8 {5}",
            "a APPEND x CATENATE (TEXT {5}",
        ] {
            let bad = match head_of(text) {
                Some(Err(bad)) => bad,
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!(bad.tag, Some(Tag("a".into())));
            assert!(matches!(bad.problem, Problem::Arguments("APPEND", _)));
        }
    }

    #[test]
    fn what_follows_a_message() {
        assert_eq!(next_of("", false), Ok(AppendNext::End));
        assert_eq!(next_of(" ", false), Ok(AppendNext::End));
        assert_eq!(next_of(")", true), Ok(AppendNext::End));
        assert_eq!(
            next_of(" {7}", false),
            Ok(AppendNext::Message(announced(7, false, false)))
        );
        let message = AppendMessage {
            flags: FlagList {
                system: Flags::SEEN,
                keywords: vec![],
            },
            utf8: true,
            ..announced(7, true, true)
        };
        assert_eq!(
            next_of(") (\\Seen) UTF8 (~{7+}", true),
            Ok(AppendNext::Message(message))
        );
        for (line, utf8) in [
            (")", false),
            ("", true),
            ("{7}", false),
            (" x", false),
            (" x {7}", false),
            (") x", true),
        ] {
            assert!(next_of(line, utf8).is_err(), "{line}");
        }
    }
}
