//! The client's side of IMAP4rev1 (RFC 3501), as much of it as moving mail takes. It looks at folders and never changes
//! one: EXAMINE, BODY.PEEK.

use bytes::Bytes;
use fieldpost_mailbox::Flags;

use super::value::{Value, behind, literal_at_end};
use crate::command::import::{
    modified_utf7,
    remote::{Lines, MAX_LINE, RemoteError, Security, Server, Trust, text_of},
    source::{Purpose, Uids},
};

/// A connection on which somebody has signed in.
pub struct Client {
    lines: Lines,
    tags: u32,
    capabilities: Vec<String>,
}

/// What the server says next.
pub enum Next {
    /// A whole response, small literals included.
    Response(Vec<u8>),
    /// The beginning of one, up to a message of so many bytes, which come next ([`Client::some`]) and have `NIL` in their
    /// place here; [`Client::rest`] is the rest.
    Message(Vec<u8>, u64),
}

/// A folder on the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// As the server writes it.
    pub name: Vec<u8>,
    /// Its names from the top down.
    pub path: Vec<String>,
    /// Whether the user wants to see it.
    pub subscribed: bool,
    /// What it is for.
    pub purpose: Option<Purpose>,
    /// Whether it shows mail that lies in other folders (`\All`, `\Flagged`, `\Important`).
    pub is_virtual: bool,
}

/// What a folder holds (RFC 3501 §6.3.10).
#[derive(Clone, Copy, Debug, Default)]
pub struct Status {
    /// How many messages.
    pub messages: u64,
    /// Its uids.
    pub uids: Option<Uids>,
}

/// What is known of a message without its bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Message {
    /// Its uid.
    pub uid: u32,
    /// When it arrived, in seconds since 1970.
    pub internal_date: i64,
    /// Its bytes, as far as the server knows.
    pub size: u64,
    /// System flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
}

/// A piece of a command.
enum Part<'a> {
    /// As it is.
    Plain(&'a str),
    /// As a quoted string, or as a literal if it is none.
    String(&'a [u8]),
}

impl Client {
    /// Connects and signs in.
    pub async fn sign_in(
        server: &Server,
        trust: &Trust,
        user: &str,
        password: &str,
    ) -> Result<Self, RemoteError> {
        let mut client = Self {
            lines: Lines::connect(server, trust).await?,
            tags: 0,
            capabilities: Vec::new(),
        };
        let mut greeting = Vec::new();
        client.lines.line(&mut greeting).await?;
        if !greeting.to_ascii_uppercase().starts_with(b"* OK") {
            return Err(RemoteError::unexpected(&greeting));
        }
        if server.security == Security::Starttls {
            client.ask_capabilities().await?;
            if !client.can("STARTTLS") {
                return Err(RemoteError::NoTls);
            }
            client
                .command("STARTTLS", &[Part::Plain("STARTTLS")], &mut |_| Ok(()))
                .await?;
            client.lines = client.lines.start_tls(server, trust).await?;
        }
        client.ask_capabilities().await?;
        let login = [
            Part::Plain("LOGIN "),
            Part::String(user.as_bytes()),
            Part::Plain(" "),
            Part::String(password.as_bytes()),
        ];
        client.command("LOGIN", &login, &mut |_| Ok(())).await?;
        // Many servers show more to who has signed in.
        client.ask_capabilities().await?;
        Ok(client)
    }

    /// All folders that mail can lie in and that are the user's own.
    pub async fn folders(&mut self) -> Result<Vec<Listed>, RemoteError> {
        let namespaces = self.namespaces().await?;
        let extended = self.can("LIST-EXTENDED") || self.can("IMAP4REV2");
        let command = match (extended, self.can("SPECIAL-USE") || self.can("IMAP4REV2")) {
            (true, true) => "LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE)",
            (true, false) => "LIST \"\" \"*\" RETURN (SUBSCRIBED)",
            (false, _) => "LIST \"\" \"*\"",
        };
        let mut found = Vec::new();
        self.command("LIST", &[Part::Plain(command)], &mut |response| {
            if found.len() < MAX_FOLDERS {
                found.extend(listed(response, "LIST", &namespaces));
            }
            Ok(())
        })
        .await?;
        if !extended {
            let mut subscribed = Vec::new();
            let command = [Part::Plain("LSUB \"\" \"*\"")];
            self.command("LSUB", &command, &mut |response| {
                if subscribed.len() < MAX_FOLDERS {
                    subscribed.extend(listed(response, "LSUB", &namespaces));
                }
                Ok(())
            })
            .await?;
            for folder in &mut found {
                folder.subscribed = subscribed.iter().any(|other| other.name == folder.name);
            }
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        found.dedup_by(|one, other| one.path == other.path);
        Ok(found)
    }

    /// What a folder holds; `None`: it is gone, or not to be looked at.
    pub async fn status(&mut self, name: &[u8]) -> Result<Option<Status>, RemoteError> {
        let mut status = None;
        let command = [
            Part::Plain("STATUS "),
            Part::String(name),
            Part::Plain(" (MESSAGES UIDNEXT UIDVALIDITY)"),
        ];
        let done = self
            .command("STATUS", &command, &mut |response| {
                if let Some(found) = status_of(response) {
                    status = Some(found);
                }
                Ok(())
            })
            .await;
        match done {
            Ok(()) => Ok(status),
            Err(RemoteError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a folder to look at it; its UIDVALIDITY.
    pub async fn examine(&mut self, name: &[u8]) -> Result<Option<u32>, RemoteError> {
        let mut validity = None;
        let command = [Part::Plain("EXAMINE "), Part::String(name)];
        self.command("EXAMINE", &command, &mut |response| {
            validity = validity.or(code_number(response, "UIDVALIDITY"));
            Ok(())
        })
        .await?;
        Ok(validity)
    }

    /// What is known of the messages of the open folder, in order of their uids.
    pub async fn messages(&mut self) -> Result<Vec<Message>, RemoteError> {
        let mut messages = Vec::new();
        let command = [Part::Plain(
            "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
        )];
        self.command("FETCH", &command, &mut |response| {
            if messages.len() == MAX_MESSAGES {
                return Err(RemoteError::TooLong);
            }
            messages.extend(message(response));
            Ok(())
        })
        .await?;
        messages.sort_by_key(|message| message.uid);
        messages.dedup_by_key(|message| message.uid);
        Ok(messages)
    }

    /// A message's header, cut off where it gets too long; empty if it is gone.
    pub async fn header(&mut self, uid: u32) -> Result<Vec<u8>, RemoteError> {
        let mut header = Vec::new();
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[HEADER])");
        self.command("FETCH", &[Part::Plain(&command)], &mut |response| {
            let values = Value::parse(response);
            if let Some([.., Value::List(list)]) = values.as_deref()
                && let Some(bytes) = behind(list, "BODY[HEADER]").and_then(Value::bytes)
            {
                header = bytes.to_vec();
            }
            Ok(())
        })
        .await?;
        Ok(header)
    }

    /// Asks for the bytes of messages; they come by [`Self::next`], up to the response that [`Self::is_done`].
    pub async fn fetch(&mut self, uids: &str) -> Result<(), RemoteError> {
        let command = format!("UID FETCH {uids} (UID BODY.PEEK[])");
        self.send(&[Part::Plain(&command)]).await
    }

    /// What the server says next.
    pub async fn next(&mut self) -> Result<Next, RemoteError> {
        self.rest(Vec::new()).await
    }

    /// The rest of a response whose beginning is there.
    pub async fn rest(&mut self, mut response: Vec<u8>) -> Result<Next, RemoteError> {
        loop {
            self.lines.line(&mut response).await?;
            // Text for people may end like a literal.
            let Some((at, length)) = literal_at_end(&response).filter(|_| !is_text(&response))
            else {
                return Ok(Next::Response(response));
            };
            if is_message(&response[..at]) {
                response.truncate(at);
                response.extend_from_slice(b"NIL");
                return Ok(Next::Message(response, length));
            }
            if length > (MAX_LINE - response.len()) as u64 {
                return Err(RemoteError::TooLong);
            }
            response.extend_from_slice(b"\r\n");
            let mut left = length;
            while left > 0 {
                let bytes = self.lines.some(left).await?;
                left -= bytes.len() as u64;
                response.extend_from_slice(&bytes);
            }
        }
    }

    /// Some bytes of a message of which `left` are to come.
    pub async fn some(&mut self, left: u64) -> Result<Bytes, RemoteError> {
        self.lines.some(left).await
    }

    /// Whether a response ends the command that was sent last. Refusals are errors.
    pub fn is_done(&self, command: &'static str, response: &[u8]) -> Result<bool, RemoteError> {
        if response.to_ascii_uppercase().starts_with(b"* BYE") {
            return Err(RemoteError::Refused {
                command,
                text: text_of(&response[2..]),
            });
        }
        let tag = self.tag();
        let Some(rest) = response
            .strip_prefix(tag.as_bytes())
            .and_then(|rest| rest.strip_prefix(b" "))
        else {
            return Ok(false);
        };
        if rest.len() >= 2 && rest[..2].eq_ignore_ascii_case(b"OK") {
            return Ok(true);
        }
        Err(RemoteError::Refused {
            command,
            text: text_of(rest),
        })
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|own| own == capability)
    }

    async fn ask_capabilities(&mut self) -> Result<(), RemoteError> {
        let mut capabilities = Vec::new();
        let command = [Part::Plain("CAPABILITY")];
        self.command("CAPABILITY", &command, &mut |response| {
            let text = String::from_utf8_lossy(response).to_ascii_uppercase();
            if let Some(list) = text.strip_prefix("* CAPABILITY ") {
                capabilities = list.split_ascii_whitespace().map(String::from).collect();
            }
            Ok(())
        })
        .await?;
        self.capabilities = capabilities;
        Ok(())
    }

    async fn namespaces(&mut self) -> Result<Namespaces, RemoteError> {
        let mut namespaces = Namespaces::default();
        if self.can("NAMESPACE") {
            let command = [Part::Plain("NAMESPACE")];
            self.command("NAMESPACE", &command, &mut |response| {
                if let Some(found) = Namespaces::parse(response) {
                    namespaces = found;
                }
                Ok(())
            })
            .await?;
        }
        Ok(namespaces)
    }

    /// Sends a command and hears all that comes until its end.
    async fn command(
        &mut self,
        name: &'static str,
        parts: &[Part<'_>],
        heard: &mut (dyn FnMut(&[u8]) -> Result<(), RemoteError> + Send),
    ) -> Result<(), RemoteError> {
        self.send(parts).await?;
        loop {
            match self.next().await? {
                Next::Response(response) => {
                    if self.is_done(name, &response)? {
                        return Ok(());
                    }
                    heard(&response)?;
                }
                Next::Message(response, _) => return Err(RemoteError::unexpected(&response)),
            }
        }
    }

    async fn send(&mut self, parts: &[Part<'_>]) -> Result<(), RemoteError> {
        self.tags += 1;
        let mut out = self.tag().into_bytes();
        out.push(b' ');
        for part in parts {
            match part {
                Part::Plain(text) => out.extend_from_slice(text.as_bytes()),
                Part::String(string) if string.iter().all(|byte| (b' '..=b'~').contains(byte)) => {
                    out.push(b'"');
                    for byte in *string {
                        if matches!(byte, b'"' | b'\\') {
                            out.push(b'\\');
                        }
                        out.push(*byte);
                    }
                    out.push(b'"');
                }
                Part::String(string) => {
                    out.extend_from_slice(format!("{{{}}}\r\n", string.len()).as_bytes());
                    self.lines.send(&out).await?;
                    out.clear();
                    self.go_ahead().await?;
                    out.extend_from_slice(string);
                }
            }
        }
        out.extend_from_slice(b"\r\n");
        self.lines.send(&out).await
    }

    /// Waits until the server is ready for a literal.
    async fn go_ahead(&mut self) -> Result<(), RemoteError> {
        loop {
            let mut response = Vec::new();
            self.lines.line(&mut response).await?;
            if response.starts_with(b"+") {
                return Ok(());
            }
            if self.is_done("a literal", &response)? {
                return Err(RemoteError::unexpected(&response));
            }
        }
    }

    fn tag(&self) -> String {
        format!("f{}", self.tags)
    }
}

/// Where the user's own folders begin, and where others' do (RFC 2342).
#[derive(Debug, Default)]
struct Namespaces {
    own: Vec<u8>,
    others: Vec<Vec<u8>>,
}

impl Namespaces {
    fn parse(response: &[u8]) -> Option<Self> {
        let values = Value::parse(response)?;
        let [_, name, own, rest @ ..] = values.as_slice() else {
            return None;
        };
        if !name.is("NAMESPACE") {
            return None;
        }
        let prefixes = |value: &Value<'_>| -> Vec<Vec<u8>> {
            value
                .list()
                .unwrap_or_default()
                .iter()
                .filter_map(|namespace| Some(namespace.list()?.first()?.bytes()?.to_vec()))
                .collect()
        };
        let mut own = prefixes(own).into_iter();
        Some(Self {
            own: own.next().unwrap_or_default(),
            others: own
                .chain(rest.iter().flat_map(prefixes))
                .filter(|prefix| !prefix.is_empty())
                .collect(),
        })
    }
}

/// A folder of LIST or LSUB that is the user's own and can be opened.
fn listed(response: &[u8], command: &str, namespaces: &Namespaces) -> Option<Listed> {
    let values = Value::parse(response)?;
    let [_, kind, attributes, separator, name, ..] = values.as_slice() else {
        return None;
    };
    if !kind.is(command) {
        return None;
    }
    let attributes = attributes.list()?;
    let has = |name: &str| attributes.iter().any(|attribute| attribute.is(name));
    if has("\\Noselect") || has("\\NonExistent") {
        return None;
    }
    let name = name.bytes()?.to_vec();
    let is_others = |prefix: &Vec<u8>| name.starts_with(prefix);
    if namespaces.others.iter().any(is_others) {
        return None;
    }
    let own = name.strip_prefix(&namespaces.own[..]).unwrap_or(&name);
    let own = String::from_utf8_lossy(own);
    let separator = match separator {
        Value::Text(separator) => std::str::from_utf8(separator).ok()?.chars().next(),
        Value::Word(_) | Value::List(_) => None,
    };
    let mut path: Vec<String> = match separator {
        Some(separator) => own.split(separator).map(modified_utf7::decode).collect(),
        None => vec![modified_utf7::decode(&own)],
    };
    path.retain(|name| !name.is_empty());
    let first = path.first_mut()?;
    if first.eq_ignore_ascii_case("INBOX") {
        "INBOX".clone_into(first);
    }
    let purposes = [
        ("\\Archive", Purpose::Archive),
        ("\\Drafts", Purpose::Drafts),
        ("\\Junk", Purpose::Junk),
        ("\\Sent", Purpose::Sent),
        ("\\Trash", Purpose::Trash),
    ];
    Some(Listed {
        subscribed: has("\\Subscribed"),
        purpose: purposes
            .into_iter()
            .find_map(|(name, purpose)| has(name).then_some(purpose)),
        is_virtual: has("\\All") || has("\\Flagged") || has("\\Important"),
        name,
        path,
    })
}

fn status_of(response: &[u8]) -> Option<Status> {
    let values = Value::parse(response)?;
    let [_, kind, _, Value::List(list), ..] = values.as_slice() else {
        return None;
    };
    if !kind.is("STATUS") {
        return None;
    }
    let validity = behind(list, "UIDVALIDITY").and_then(Value::number);
    let next = behind(list, "UIDNEXT").and_then(Value::number);
    Some(Status {
        messages: behind(list, "MESSAGES")
            .and_then(Value::number)
            .unwrap_or(0),
        uids: match (validity, next) {
            (Some(validity), Some(next)) if validity > 0 && next > 0 => {
                Some(Uids { validity, next })
            }
            _ => None,
        },
    })
}

fn message(response: &[u8]) -> Option<Message> {
    let values = Value::parse(response)?;
    let [_, _, kind, Value::List(list)] = values.as_slice() else {
        return None;
    };
    if !kind.is("FETCH") {
        return None;
    }
    let mut message = Message {
        uid: behind(list, "UID")?.number().filter(|uid| *uid > 0)?,
        size: behind(list, "RFC822.SIZE")
            .and_then(Value::number)
            .unwrap_or(0),
        internal_date: behind(list, "INTERNALDATE")
            .and_then(Value::bytes)
            .and_then(date)
            .unwrap_or(0),
        ..Message::default()
    };
    for flag in behind(list, "FLAGS")
        .and_then(Value::list)
        .unwrap_or_default()
    {
        let known = SYSTEM_FLAGS.iter().find(|(name, _)| flag.is(name));
        match (known, flag.bytes()) {
            (Some((_, known)), _) => message.flags |= *known,
            // \Recent, and what a server has of its own.
            (None, Some([b'\\', ..]) | None) => {}
            (None, Some(keyword)) => {
                if message.keywords.len() < MAX_KEYWORDS {
                    let keyword = String::from_utf8_lossy(keyword).into_owned();
                    message.keywords.push(keyword);
                }
            }
        }
    }
    message.keywords.sort();
    Some(message)
}

/// The uid in a FETCH response.
pub fn uid_of(response: &[u8]) -> Option<u32> {
    let values = Value::parse(response)?;
    match values.as_slice() {
        [_, _, kind, Value::List(list)] if kind.is("FETCH") => behind(list, "UID")?.number(),
        _ => None,
    }
}

/// `17-Jul-1996 02:44:25 -0700` (RFC 3501 §9 date-time), in seconds since 1970.
fn date(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let parsed = jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text).ok()?;
    Some(parsed.to_timestamp().ok()?.as_second())
}

/// The number behind a response code: `* OK [UIDVALIDITY 5] fine`.
fn code_number(response: &[u8], code: &str) -> Option<u32> {
    let text = String::from_utf8_lossy(response).to_ascii_uppercase();
    let start = format!("* OK [{code} ");
    let digits = text.strip_prefix(&start)?.split(']').next()?;
    digits.trim().parse().ok()
}

/// Whether a response ends in text for people.
fn is_text(response: &[u8]) -> bool {
    let mut words = response.split(|byte| *byte == b' ');
    if words.next() == Some(b"+") {
        return true;
    }
    let kind = words.next().unwrap_or_default();
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
        .iter()
        .any(|word| kind.eq_ignore_ascii_case(word))
}

/// Whether what follows is a whole message.
fn is_message(before: &[u8]) -> bool {
    let before = before.trim_ascii_end().to_ascii_uppercase();
    before.ends_with(b"BODY[]") || before.ends_with(b"RFC822")
}

const SYSTEM_FLAGS: [(&str, Flags); 5] = [
    ("\\Seen", Flags::SEEN),
    ("\\Answered", Flags::ANSWERED),
    ("\\Flagged", Flags::FLAGGED),
    ("\\Deleted", Flags::DELETED),
    ("\\Draft", Flags::DRAFT),
];

/// How many folders are looked at.
const MAX_FOLDERS: usize = 50_000;

/// The most messages of a folder.
const MAX_MESSAGES: usize = 10_000_000;

/// How many keywords of a message are kept.
const MAX_KEYWORDS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_users_own_below_its_namespace() {
        let namespaces = Namespaces::parse(
            b"* NAMESPACE ((\"INBOX.\" \".\")) ((\"user.\" \".\")) ((\"shared.\" \".\")(\"\" \".\"))",
        )
        .unwrap();
        let folder = |line: &str| listed(line.as_bytes(), "LIST", &namespaces);
        let sent = folder("* LIST (\\HasNoChildren \\sent) \".\" INBOX.Sent.2024").unwrap();
        assert_eq!(sent.path, ["Sent", "2024"]);
        assert_eq!(sent.purpose, Some(Purpose::Sent));
        assert!(!sent.subscribed);
        assert_eq!(folder("* LIST () \".\" inbox").unwrap().path, ["INBOX"]);
        let coded = folder("* LIST (\\Subscribed) \".\" \"INBOX.Entw&APw-rfe\"").unwrap();
        assert_eq!(coded.path, ["Entwürfe"]);
        assert_eq!(coded.name, b"INBOX.Entw&APw-rfe");
        assert!(coded.subscribed);
        assert!(folder("* LIST (\\All) \".\" INBOX.All").unwrap().is_virtual);
        assert_eq!(
            folder("* LIST () NIL \"a.b\"").unwrap().path,
            ["a.b"],
            "no separator"
        );
        for other in [
            "* LIST () \".\" user.bob",
            "* LIST () \".\" shared.x",
            "* LIST (\\Noselect) \".\" INBOX.x",
            "* LIST (\\NonExistent) \".\" INBOX.x",
            "* LSUB () \".\" INBOX.x",
            "* LIST () \".\"",
            "* OK hello",
        ] {
            assert_eq!(folder(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_message_is_marked_with() {
        let line = b"* 3 FETCH (FLAGS (\\Seen \\Recent $Later a) UID 9 INTERNALDATE \" 1-Feb-2024 01:02:03 +0100\" RFC822.SIZE 77)";
        let found = message(line).unwrap();
        let wanted = Message {
            uid: 9,
            internal_date: 1_706_745_723,
            size: 77,
            flags: Flags::SEEN,
            keywords: vec!["$Later".into(), "a".into()],
        };
        assert_eq!(found, wanted);
        for other in [
            &b"* 3 FETCH (FLAGS (\\Seen))"[..],
            b"* 3 EXISTS",
            b"* 3 FETCH (UID 0)",
        ] {
            assert_eq!(message(other), None);
        }
    }

    #[test]
    fn status_and_codes() {
        let status = status_of(b"* STATUS \"a b\" (MESSAGES 3 UIDNEXT 10 UIDVALIDITY 77)").unwrap();
        assert_eq!(status.messages, 3);
        let uids = Uids {
            validity: 77,
            next: 10,
        };
        assert_eq!(status.uids, Some(uids));
        assert_eq!(status_of(b"* STATUS a (MESSAGES 3)").unwrap().uids, None);
        assert_eq!(
            code_number(b"* OK [UIDVALIDITY 12] fine", "UIDVALIDITY"),
            Some(12)
        );
        assert_eq!(code_number(b"* 3 EXISTS", "UIDVALIDITY"), None);
        assert!(is_text(b"* OK said {3}") && is_text(b"f1 NO {3}") && is_text(b"+ {1}"));
        assert!(!is_text(b"* LIST () NIL {3}"));
        assert!(
            is_message(b"* 1 FETCH (UID 2 BODY[] ") && !is_message(b"* 1 FETCH (BODY[HEADER] ")
        );
    }
}
