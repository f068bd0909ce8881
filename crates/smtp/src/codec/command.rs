//! Command lines (RFC 5321 §4.1, RFC 2033 §4) to [`Command`]s.
//!
//! The parser copies nothing but the addresses and names it keeps, allocates nothing for a line that is wrong, and its
//! work is linear in the line, whose length the connection has limited.

use fieldpost_transport::{Address, AddressError, BodyType};

/// One command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `LHLO` with the name the client gives itself (RFC 2033 §4.1).
    Lhlo(ClientName),
    /// `HELO` or `EHLO`, which LMTP does not have (RFC 2033 §4.1).
    Hello,
    /// `MAIL FROM`.
    Mail(MailCommand),
    /// `RCPT TO`.
    Rcpt(Address),
    /// `DATA`.
    Data,
    /// `BDAT` (RFC 3030 §2).
    Bdat(Chunk),
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `VRFY`.
    Vrfy,
    /// `HELP`.
    Help,
    /// `STARTTLS` (RFC 3207).
    StartTls,
}

/// What the client calls itself: printable ASCII that may stand in a `Received` field as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientName(Box<str>);

/// `MAIL FROM:<reverse-path>` with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailCommand {
    /// The reverse-path; `None` is `<>`.
    pub sender: Option<Address>,
    /// `SIZE=` (RFC 1870 §6).
    pub size: Option<u64>,
    /// `BODY=` (RFC 6152 §3).
    pub body: BodyType,
    /// `SMTPUTF8` (RFC 6531 §3.4).
    pub smtp_utf8: bool,
}

/// The argument of `BDAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many bytes follow the command's line.
    pub size: u64,
    /// Whether the message ends with them.
    pub last: bool,
}

/// What is wrong with a command line. The text is what the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Not a command of this protocol.
    #[error("command not recognised")]
    Unknown,
    /// A command that we know and do not have.
    #[error("command not implemented")]
    NotImplemented,
    /// An argument is missing, malformed or too much; says which form is right.
    #[error("syntax: {0}")]
    Syntax(&'static str),
    /// A size with no end to it; of `BDAT`, so that nobody can tell where the next command begins.
    #[error("syntax: BDAT size [LAST]; can't find the next command")]
    ChunkSize,
    /// A malformed sender.
    #[error("sender: {0}")]
    Sender(AddressError),
    /// A malformed recipient.
    #[error("recipient: {0}")]
    Recipient(AddressError),
    /// A parameter we know, with a value we don't.
    #[error("bad value of parameter {0}")]
    ParameterValue(&'static str),
    /// A parameter of an extension we do not have (RFC 5321 §4.1.1.11).
    #[error("parameter not recognised")]
    Parameter,
    /// An address beyond ASCII in a transaction without SMTPUTF8 (RFC 6531 §3.3).
    #[error("an address with non-ASCII characters needs SMTPUTF8")]
    NeedsSmtpUtf8,
}

impl Command {
    /// Parses a line without its end. Verbs and keywords are case-insensitive (RFC 5321 §2.4).
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (verb, rest) = line.split_at(end);
        let rest = rest.trim_ascii();
        let known = VERBS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(verb))
            .ok_or(CommandError::Unknown)?;
        match known.1 {
            Verb::Lhlo => ClientName::parse(rest).map(Self::Lhlo),
            Verb::Hello => Ok(Self::Hello),
            Verb::Mail => mail(rest).map(Self::Mail),
            Verb::Rcpt => rcpt(rest).map(Self::Rcpt),
            Verb::Data => bare(rest, Self::Data, "DATA"),
            Verb::Bdat => bdat(rest).map(Self::Bdat),
            Verb::Rset => bare(rest, Self::Rset, "RSET"),
            Verb::Noop => Ok(Self::Noop),
            Verb::Quit => bare(rest, Self::Quit, "QUIT"),
            Verb::Vrfy if rest.is_empty() => Err(CommandError::Syntax("VRFY address")),
            Verb::Vrfy => Ok(Self::Vrfy),
            Verb::Help => Ok(Self::Help),
            Verb::StartTls => bare(rest, Self::StartTls, "STARTTLS"),
            Verb::NotImplemented => Err(CommandError::NotImplemented),
        }
    }
}

impl ClientName {
    /// ```abnf
    /// lhlo = "LHLO" SP ( Domain / address-literal ) CRLF
    /// ```
    /// Modified: any name that can't break out of a header field is taken, because clients send what their machine is
    /// called, and nothing is decided by it.
    fn parse(argument: &[u8]) -> Result<Self, CommandError> {
        const SYNTAX: CommandError = CommandError::Syntax("LHLO hostname");
        if argument.is_empty() || argument.len() > MAX_CLIENT_NAME {
            return Err(SYNTAX);
        }
        let fits = |byte: &u8| {
            byte.is_ascii_graphic()
                && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'"' | b'\\' | b';')
        };
        if !argument.iter().all(fits) {
            return Err(SYNTAX);
        }
        let name = str::from_utf8(argument).map_err(|_| SYNTAX)?;
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Copy)]
enum Verb {
    Lhlo,
    Hello,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
    StartTls,
    NotImplemented,
}

/// The verbs, the frequent ones first.
const VERBS: [(&[u8], Verb); 20] = [
    (b"RCPT", Verb::Rcpt),
    (b"MAIL", Verb::Mail),
    (b"DATA", Verb::Data),
    (b"BDAT", Verb::Bdat),
    (b"RSET", Verb::Rset),
    (b"LHLO", Verb::Lhlo),
    (b"QUIT", Verb::Quit),
    (b"NOOP", Verb::Noop),
    (b"STARTTLS", Verb::StartTls),
    (b"VRFY", Verb::Vrfy),
    (b"HELP", Verb::Help),
    (b"EHLO", Verb::Hello),
    (b"HELO", Verb::Hello),
    (b"EXPN", Verb::NotImplemented),
    (b"AUTH", Verb::NotImplemented),
    (b"ETRN", Verb::NotImplemented),
    (b"TURN", Verb::NotImplemented),
    (b"SEND", Verb::NotImplemented),
    (b"SOML", Verb::NotImplemented),
    (b"SAML", Verb::NotImplemented),
];

const MAX_CLIENT_NAME: usize = 255;

fn bare(rest: &[u8], command: Command, syntax: &'static str) -> Result<Command, CommandError> {
    if rest.is_empty() {
        Ok(command)
    } else {
        Err(CommandError::Syntax(syntax))
    }
}

/// ```abnf
/// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
/// ```
fn mail(rest: &[u8]) -> Result<MailCommand, CommandError> {
    const SYNTAX: CommandError = CommandError::Syntax("MAIL FROM:<address> [parameters]");
    let (sender, parameters) = path(rest, b"FROM:", SYNTAX, CommandError::Sender)?;
    let mut mail = MailCommand {
        sender,
        ..MailCommand::default()
    };
    for parameter in parameters.split_ascii_whitespace() {
        let (keyword, value) = match parameter.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (parameter, None),
        };
        if keyword.eq_ignore_ascii_case("SIZE") {
            let digits = value.ok_or(CommandError::ParameterValue("SIZE"))?;
            mail.size =
                Some(decimal(digits.as_bytes()).ok_or(CommandError::ParameterValue("SIZE"))?);
        } else if keyword.eq_ignore_ascii_case("BODY") {
            mail.body = match value {
                Some(value) if value.eq_ignore_ascii_case("7BIT") => BodyType::SevenBit,
                Some(value) if value.eq_ignore_ascii_case("8BITMIME") => BodyType::EightBitMime,
                Some(_) | None => return Err(CommandError::ParameterValue("BODY")),
            };
        } else if keyword.eq_ignore_ascii_case("SMTPUTF8") {
            if value.is_some() {
                return Err(CommandError::ParameterValue("SMTPUTF8"));
            }
            mail.smtp_utf8 = true;
        } else {
            return Err(CommandError::Parameter);
        }
    }
    if !mail.smtp_utf8
        && mail
            .sender
            .as_ref()
            .is_some_and(|sender| !sender.is_ascii())
    {
        return Err(CommandError::NeedsSmtpUtf8);
    }
    Ok(mail)
}

/// ```abnf
/// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF
/// ```
/// No extension of ours has a parameter for RCPT.
fn rcpt(rest: &[u8]) -> Result<Address, CommandError> {
    const SYNTAX: CommandError = CommandError::Syntax("RCPT TO:<address>");
    let (recipient, parameters) = path(rest, b"TO:", SYNTAX, CommandError::Recipient)?;
    if !parameters.is_empty() {
        return Err(CommandError::Parameter);
    }
    recipient.ok_or(CommandError::Recipient(AddressError::NoLocalPart))
}

/// ```abnf
/// bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ] CR LF
/// chunk-size = 1*DIGIT
/// end-marker = "LAST"
/// ```
fn bdat(rest: &[u8]) -> Result<Chunk, CommandError> {
    let (size, marker) = match memchr::memchr(b' ', rest) {
        Some(end) => (&rest[..end], rest[end..].trim_ascii()),
        None => (rest, &rest[rest.len()..]),
    };
    let last = marker.eq_ignore_ascii_case(b"LAST");
    if !last && !marker.is_empty() {
        return Err(CommandError::ChunkSize);
    }
    match decimal(size) {
        Some(size) => Ok(Chunk { size, last }),
        None => Err(CommandError::ChunkSize),
    }
}

/// ```abnf
/// Reverse-path = Path / "<>"
/// Path         = "<" [ A-d-l ":" ] Mailbox ">"
/// ```
/// Modified: a space may stand before the path, as many clients write it. `None` is the null path. What follows the
/// path is returned for its parameters.
fn path<'a>(
    rest: &'a [u8],
    keyword: &[u8],
    syntax: CommandError,
    bad: fn(AddressError) -> CommandError,
) -> Result<(Option<Address>, &'a str), CommandError> {
    let Some((head, tail)) = rest.split_at_checked(keyword.len()) else {
        return Err(syntax);
    };
    if !head.eq_ignore_ascii_case(keyword) {
        return Err(syntax);
    }
    // A line that is not UTF-8 can't hold an address: RFC 6531 §3.3 knows no other encoding.
    let tail = str::from_utf8(tail).map_err(|_| bad(AddressError::Character))?;
    let inside = tail
        .trim_start_matches(' ')
        .strip_prefix('<')
        .ok_or(syntax)?;
    let (address, after) = match inside.strip_prefix('>') {
        Some(after) => (None, after),
        None => {
            let mailbox = without_source_route(inside).ok_or(syntax)?;
            let (address, length) = Address::read(mailbox).map_err(bad)?;
            let Some(after) = mailbox[length..].strip_prefix('>') else {
                return Err(bad(AddressError::Character));
            };
            (Some(address), after)
        }
    };
    if !after.is_empty() && !after.starts_with(' ') {
        return Err(syntax);
    }
    Ok((address, after.trim_ascii()))
}

/// A source route is read and ignored (RFC 5321 §4.1.1.3, appendix C).
fn without_source_route(path: &str) -> Option<&str> {
    if path.starts_with('@') {
        path.split_once(':').map(|(_, mailbox)| mailbox)
    } else {
        Some(path)
    }
}

/// At most 20 digits, as RFC 1870 §3 allows, and no more than 2^64 - 1.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn mail(line: &str) -> Result<MailCommand, CommandError> {
        match Command::parse(line.as_bytes())? {
            Command::Mail(mail) => Ok(mail),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn verbs_are_known_in_any_case() {
        for (line, command) in [
            ("data", Command::Data),
            ("RSET", Command::Rset),
            ("Quit", Command::Quit),
            ("NOOP whatever you like", Command::Noop),
            ("HELP me", Command::Help),
            ("vrfy alice", Command::Vrfy),
            ("STARTTLS", Command::StartTls),
            ("EHLO x", Command::Hello),
            ("HELO", Command::Hello),
            ("QUIT ", Command::Quit),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
        }
        for line in [
            "",
            " ",
            "DAT",
            "DATAX",
            "M\u{c4}IL",
            "GET / HTTP/1.1",
            "\0\0\0\0",
        ] {
            assert_eq!(
                Command::parse(line.as_bytes()),
                Err(CommandError::Unknown),
                "{line}"
            );
        }
        assert_eq!(
            Command::parse(b"EXPN list"),
            Err(CommandError::NotImplemented)
        );
        assert_eq!(
            Command::parse(b"DATA now"),
            Err(CommandError::Syntax("DATA"))
        );
    }

    #[test]
    fn mail_takes_its_parameters() {
        assert_eq!(
            mail("MAIL FROM:<>"),
            Ok(MailCommand::default()),
            "the null path of a bounce"
        );
        assert_eq!(
            mail("mail from: <@relay.test,@b.test:a@c.test> size=1000 Body=8bitmime smtputf8"),
            Ok(MailCommand {
                sender: Some(address("a@c.test")),
                size: Some(1000),
                body: BodyType::EightBitMime,
                smtp_utf8: true,
            })
        );
        assert_eq!(
            mail("MAIL FROM:<\"a> b\"@c.test> BODY=7BIT").map(|mail| mail.sender),
            Ok(Some(address("\"a> b\"@c.test")))
        );
        for (line, error) in [
            ("MAIL", "MAIL FROM:<address> [parameters]"),
            ("MAIL TO:<a@b.test>", "MAIL FROM:<address> [parameters]"),
            ("MAIL FROM:a@b.test", "MAIL FROM:<address> [parameters]"),
            ("MAIL FROM:<a@b.test>x", "MAIL FROM:<address> [parameters]"),
            ("MAIL FROM:<@a.test>", "MAIL FROM:<address> [parameters]"),
        ] {
            assert_eq!(mail(line), Err(CommandError::Syntax(error)), "{line}");
        }
        for (line, error) in [
            (
                "MAIL FROM:<a@b.test> SIZE=99999999999999999999",
                CommandError::ParameterValue("SIZE"),
            ),
            (
                "MAIL FROM:<a@b.test> SIZE=-1",
                CommandError::ParameterValue("SIZE"),
            ),
            (
                "MAIL FROM:<a@b.test> SIZE",
                CommandError::ParameterValue("SIZE"),
            ),
            (
                "MAIL FROM:<a@b.test> BODY=BINARYMIME",
                CommandError::ParameterValue("BODY"),
            ),
            (
                "MAIL FROM:<a@b.test> SMTPUTF8=YES",
                CommandError::ParameterValue("SMTPUTF8"),
            ),
            ("MAIL FROM:<a@b.test> RET=HDRS", CommandError::Parameter),
            ("MAIL FROM:<ä@b.test>", CommandError::NeedsSmtpUtf8),
            (
                "MAIL FROM:<a@b.test",
                CommandError::Sender(AddressError::Character),
            ),
            (
                "MAIL FROM:<a\rb@c.test>",
                CommandError::Sender(AddressError::Character),
            ),
        ] {
            assert_eq!(mail(line), Err(error), "{line}");
        }
        assert_eq!(
            Command::parse(b"MAIL FROM:<\xff@b.test>"),
            Err(CommandError::Sender(AddressError::Character))
        );
    }

    #[test]
    fn rcpt_takes_an_address_and_nothing_else() {
        assert_eq!(
            Command::parse(b"RCPT TO:<alice@demo.test>"),
            Ok(Command::Rcpt(address("alice@demo.test")))
        );
        assert_eq!(
            Command::parse(b"rcpt to:<Postmaster>"),
            Ok(Command::Rcpt(address("Postmaster")))
        );
        assert_eq!(
            Command::parse(b"RCPT TO:<>"),
            Err(CommandError::Recipient(AddressError::NoLocalPart))
        );
        assert_eq!(
            Command::parse(b"RCPT TO:<a@b.test> NOTIFY=NEVER"),
            Err(CommandError::Parameter)
        );
    }

    #[test]
    fn bdat_takes_a_size_that_fits() {
        let chunk = |size, last| Ok(Command::Bdat(Chunk { size, last }));
        assert_eq!(Command::parse(b"BDAT 0"), chunk(0, false));
        assert_eq!(Command::parse(b"bdat 86  last"), chunk(86, true));
        assert_eq!(
            Command::parse(b"BDAT 18446744073709551615"),
            chunk(u64::MAX, false)
        );
        for line in [
            "BDAT",
            "BDAT LAST",
            "BDAT 1x",
            "BDAT 1 FIRST",
            "BDAT -1",
            "BDAT 18446744073709551616",
            "BDAT 000000000000000000000",
        ] {
            assert_eq!(
                Command::parse(line.as_bytes()),
                Err(CommandError::ChunkSize),
                "{line}"
            );
        }
    }

    #[test]
    fn a_client_name_can_not_break_out_of_a_header() {
        for name in ["mail.demo.test", "[IPv6:::1]", "my_host", "localhost"] {
            let line = format!("LHLO {name}");
            assert_eq!(
                Command::parse(line.as_bytes()),
                Ok(Command::Lhlo(ClientName(name.into())))
            );
        }
        for name in ["", "a b", "a)", "(a", "a;b", "a\r\nX: y", "\u{e4}"] {
            let line = format!("LHLO {name}");
            assert_eq!(
                Command::parse(line.as_bytes()),
                Err(CommandError::Syntax("LHLO hostname")),
                "{name:?}"
            );
        }
        let long = format!("LHLO {}", "a".repeat(256));
        assert!(Command::parse(long.as_bytes()).is_err());
    }
}
