//! Command lines (RFC 5321 §4.1, RFC 2033 §4) to [`Command`]s.
//!
//! The parser copies nothing but the addresses and names it keeps, allocates nothing for a line that is wrong, and its
//! work is linear in the line, whose length the connection has limited.

use fieldpost_transport::{Address, AddressError, BodyType, Notify, Ret};

use zeroize::Zeroizing;

use super::parameter;

/// Which protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// LMTP (RFC 2033).
    Lmtp,
    /// Message submission (RFC 6409).
    Submission,
}

/// One command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `LHLO` with the name the client gives itself (RFC 2033 §4.1).
    Lhlo(ClientName),
    /// `EHLO` with the name the client gives itself.
    Ehlo(ClientName),
    /// `HELO` likewise, from clients of the time before extensions.
    Helo(ClientName),
    /// The hello of another dialect: `HELO` or `EHLO` in LMTP (RFC 2033 §4.1), `LHLO` in submission.
    Hello,
    /// `AUTH` (RFC 4954).
    Auth(AuthCommand),
    /// `MAIL FROM`.
    Mail(MailCommand),
    /// `RCPT TO`.
    Rcpt(RcptCommand),
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
    /// `RET=` (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// `ENVID=` (RFC 3461 §4.4), in xtext.
    pub envelope_id: Option<Box<str>>,
}

/// `RCPT TO:<forward-path>` with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RcptCommand {
    /// The recipient.
    pub address: Address,
    /// `NOTIFY=` (RFC 3461 §4.1).
    pub notify: Notify,
    /// `ORCPT=` (RFC 3461 §4.2), `type;xtext`.
    pub original: Option<Box<str>>,
}

/// The arguments of `AUTH`. Its `Debug` shows no response.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthCommand {
    /// The mechanism's name.
    pub mechanism: Box<str>,
    /// The initial response, in base64.
    pub initial: Option<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for AuthCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthCommand")
            .field("mechanism", &self.mechanism)
            .field("initial", &self.initial.is_some())
            .finish()
    }
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
    pub fn parse(line: &[u8], dialect: Dialect) -> Result<Self, CommandError> {
        let submits = dialect == Dialect::Submission;
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (verb, rest) = line.split_at(end);
        let rest = rest.trim_ascii();
        let known = VERBS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(verb))
            .ok_or(CommandError::Unknown)?;
        match known.1 {
            Verb::Ehlo if submits => ClientName::parse(rest, "EHLO hostname").map(Self::Ehlo),
            Verb::Helo if submits => ClientName::parse(rest, "HELO hostname").map(Self::Helo),
            Verb::Lhlo if !submits => ClientName::parse(rest, "LHLO hostname").map(Self::Lhlo),
            Verb::Lhlo | Verb::Ehlo | Verb::Helo => Ok(Self::Hello),
            Verb::Auth if submits => auth(rest).map(Self::Auth),
            Verb::Mail => mail(rest, dialect).map(Self::Mail),
            Verb::Rcpt => rcpt(rest, dialect).map(Self::Rcpt),
            Verb::Data => bare(rest, Self::Data, "DATA"),
            Verb::Bdat => bdat(rest).map(Self::Bdat),
            Verb::Rset => bare(rest, Self::Rset, "RSET"),
            Verb::Noop => Ok(Self::Noop),
            Verb::Quit => bare(rest, Self::Quit, "QUIT"),
            Verb::Vrfy if rest.is_empty() => Err(CommandError::Syntax("VRFY address")),
            Verb::Vrfy => Ok(Self::Vrfy),
            Verb::Help => Ok(Self::Help),
            Verb::StartTls => bare(rest, Self::StartTls, "STARTTLS"),
            Verb::Auth | Verb::NotImplemented => Err(CommandError::NotImplemented),
        }
    }
}

impl ClientName {
    /// ```abnf
    /// lhlo = "LHLO" SP ( Domain / address-literal ) CRLF
    /// ```
    /// Modified: any name that can't break out of a header field is taken, because clients send what their machine is
    /// called, and nothing is decided by it.
    fn parse(argument: &[u8], syntax: &'static str) -> Result<Self, CommandError> {
        let syntax = CommandError::Syntax(syntax);
        if argument.is_empty() || argument.len() > MAX_CLIENT_NAME {
            return Err(syntax);
        }
        let fits = |byte: &u8| {
            byte.is_ascii_graphic()
                && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'"' | b'\\' | b';')
        };
        if !argument.iter().all(fits) {
            return Err(syntax);
        }
        let name = str::from_utf8(argument).map_err(|_| syntax)?;
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
    Ehlo,
    Helo,
    Auth,
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
    (b"EHLO", Verb::Ehlo),
    (b"HELO", Verb::Helo),
    (b"AUTH", Verb::Auth),
    (b"EXPN", Verb::NotImplemented),
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
fn mail(rest: &[u8], dialect: Dialect) -> Result<MailCommand, CommandError> {
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
        } else if dialect == Dialect::Submission {
            parameter::of_sender(keyword, value, &mut mail)?;
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
/// LMTP has no parameter for RCPT, submission those of RFC 3461.
fn rcpt(rest: &[u8], dialect: Dialect) -> Result<RcptCommand, CommandError> {
    const SYNTAX: CommandError = CommandError::Syntax("RCPT TO:<address>");
    let (recipient, parameters) = path(rest, b"TO:", SYNTAX, CommandError::Recipient)?;
    let mut rcpt = RcptCommand {
        address: recipient.ok_or(CommandError::Recipient(AddressError::NoLocalPart))?,
        notify: Notify::default(),
        original: None,
    };
    for word in parameters.split_ascii_whitespace() {
        if dialect == Dialect::Lmtp {
            return Err(CommandError::Parameter);
        }
        parameter::of_recipient(word, &mut rcpt)?;
    }
    Ok(rcpt)
}

/// ```abnf
/// auth-command = "AUTH" SP sasl-mech [SP initial-response] *(CRLF [base64]) [CRLF cancel-response] CRLF
/// ```
fn auth(rest: &[u8]) -> Result<AuthCommand, CommandError> {
    const SYNTAX: CommandError = CommandError::Syntax("AUTH mechanism [initial-response]");
    let mut words = rest
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let (mechanism, initial) = (words.next().ok_or(SYNTAX)?, words.next());
    let mechanism = str::from_utf8(mechanism).map_err(|_| SYNTAX)?;
    if words.next().is_some() || mechanism.len() > 20 {
        return Err(SYNTAX);
    }
    Ok(AuthCommand {
        mechanism: mechanism.into(),
        initial: initial.map(|initial| Zeroizing::new(initial.to_vec())),
    })
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
mod tests;
