//! The unique-ids that POP3 clients know the messages of an inbox by, from a server that shows it by POP3 too, so that those
//! clients download nothing again (RFC 1939 §7 UIDL).
//!
//! Both protocols show the same mail in the same order on most servers. Where the numbers and sizes agree, and the headers
//! of some messages as well, they are matched by order; otherwise each by its header.

use std::collections::{HashMap, VecDeque};

use super::{
    imap::client::{Client, Message},
    remote::{Lines, RemoteError, Security, Server, Trust, text_of},
};

/// How to find a message's unique-id.
#[derive(Debug, Default)]
pub enum UniqueIds {
    /// Nobody asked for them.
    #[default]
    None,
    /// By uid.
    ByUid(HashMap<u32, String>),
    /// By the header's hash; several if messages have the same header.
    ByHeader {
        /// Those that no message has.
        ids: HashMap<[u8; 32], VecDeque<String>>,
        /// Messages that are here already, of whose headers nothing is known.
        known: usize,
    },
}

impl UniqueIds {
    /// Asks for them. `messages` are those of the inbox, which `client` has open.
    pub async fn ask(
        server: &Server,
        trust: &Trust,
        (user, password): (&str, &str),
        messages: &[Message],
        client: &mut Client,
    ) -> Result<Self, AskError> {
        let mut pop3 = Pop3::sign_in(server, trust, user, password).await?;
        let ids = pop3.unique_ids().await?;
        let sizes = pop3.sizes().await?;
        let agree = ids.len() == messages.len()
            && messages.iter().zip(&ids).all(|(message, (number, _))| {
                sizes.get(number).is_some_and(|size| *size == message.size)
            });
        if agree && Self::headers_agree(&ids, messages, &mut pop3, client).await? {
            pop3.quit().await?;
            let uids = messages.iter().map(|message| message.uid);
            let ids = ids.into_iter().map(|(_, id)| id);
            return Ok(Self::ByUid(uids.zip(ids).collect()));
        }
        let mut by_header: HashMap<_, VecDeque<String>> = HashMap::new();
        for (number, id) in ids {
            let header = pop3.header(number).await?;
            by_header
                .entry(HeaderHash::of(&header))
                .or_default()
                .push_back(id);
        }
        pop3.quit().await?;
        Ok(Self::ByHeader {
            ids: by_header,
            known: 0,
        })
    }

    /// Looks at some messages from the first to the last.
    async fn headers_agree(
        ids: &[(u32, String)],
        messages: &[Message],
        pop3: &mut Pop3,
        client: &mut Client,
    ) -> Result<bool, AskError> {
        let step = messages.len().div_ceil(COMPARED).max(1);
        let last = messages.len().saturating_sub(1);
        for place in (0..messages.len()).step_by(step).chain([last]) {
            let (Some(message), Some((number, _))) = (messages.get(place), ids.get(place)) else {
                continue;
            };
            let here = client.header(message.uid).await.map_err(AskError::Imap)?;
            let there = pop3.header(*number).await?;
            if HeaderHash::of(&here) != HeaderHash::of(&there) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The unique-id of a message with that uid and header. Each is given once.
    pub fn take(&mut self, uid: u32, header: &[u8; 32]) -> Option<String> {
        match self {
            Self::None => None,
            Self::ByUid(ids) => ids.remove(&uid),
            Self::ByHeader { ids, .. } => ids.get_mut(header)?.pop_front(),
        }
    }

    /// A message is here already.
    pub fn pass_over(&mut self, uid: u32) {
        match self {
            Self::None => {}
            Self::ByUid(ids) => drop(ids.remove(&uid)),
            Self::ByHeader { known, .. } => *known += 1,
        }
    }

    /// How many were not given to any message, and are of none that is here already.
    pub fn left(&self) -> usize {
        match self {
            Self::None => 0,
            Self::ByUid(ids) => ids.len(),
            Self::ByHeader { ids, known } => {
                let left: usize = ids.values().map(VecDeque::len).sum();
                left.saturating_sub(*known)
            }
        }
    }
}

/// Which of the two servers failed.
#[derive(Debug)]
pub enum AskError {
    /// The one that speaks IMAP.
    Imap(RemoteError),
    /// The one that speaks POP3.
    Pop3(RemoteError),
}

impl From<RemoteError> for AskError {
    fn from(error: RemoteError) -> Self {
        Self::Pop3(error)
    }
}

/// The hash of a message's header, taken while its bytes come by. Fields that servers add or leave out count for nothing, nor
/// does white space at the end of lines.
#[derive(Debug, Default)]
pub struct HeaderHash {
    bytes: Vec<u8>,
    is_whole: bool,
}

impl HeaderHash {
    /// Of a header, or of a message.
    pub fn of(bytes: &[u8]) -> [u8; 32] {
        let mut hash = Self::default();
        hash.push(bytes);
        hash.finish()
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.is_whole {
            return;
        }
        let room = MAX_HEADER - self.bytes.len();
        let from = self.bytes.len().saturating_sub(3);
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        let end = self.bytes[from..]
            .windows(4)
            .position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            self.bytes.truncate(from + end + 2);
        }
        self.is_whole = end.is_some() || self.bytes.len() == MAX_HEADER;
    }

    /// The hash.
    pub fn finish(self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut is_left_out = false;
        for line in self.bytes.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii_end();
            if line.is_empty() {
                break;
            }
            if !matches!(line.first(), Some(b' ' | b'\t')) {
                let end = line.iter().position(|byte| *byte == b':');
                let name = &line[..end.unwrap_or(line.len())];
                is_left_out = LEFT_OUT
                    .iter()
                    .any(|field| name.eq_ignore_ascii_case(field.as_bytes()));
            }
            if !is_left_out {
                hasher.update(line).update(b"\n");
            }
        }
        hasher.finalize().into()
    }
}

/// A connection on which somebody has signed in.
struct Pop3 {
    lines: Lines,
}

impl Pop3 {
    async fn sign_in(
        server: &Server,
        trust: &Trust,
        user: &str,
        password: &str,
    ) -> Result<Self, RemoteError> {
        let mut pop3 = Self {
            lines: Lines::connect(server, trust).await?,
        };
        pop3.answer("the connection").await?;
        if server.security == Security::Starttls {
            pop3.command("STLS", "STLS").await?;
            pop3.lines = pop3.lines.start_tls(server, trust).await?;
        }
        pop3.command("USER", &format!("USER {user}")).await?;
        pop3.command("PASS", &format!("PASS {password}")).await?;
        Ok(pop3)
    }

    /// Numbers and unique-ids, in order.
    async fn unique_ids(&mut self) -> Result<Vec<(u32, String)>, RemoteError> {
        let mut ids = Vec::new();
        self.listing("UIDL", |number, id| ids.push((number, id.to_owned())))
            .await?;
        Ok(ids)
    }

    async fn sizes(&mut self) -> Result<HashMap<u32, u64>, RemoteError> {
        let mut sizes = HashMap::new();
        self.listing("LIST", |number, size| {
            if let Ok(size) = size.parse() {
                sizes.insert(number, size);
            }
        })
        .await?;
        Ok(sizes)
    }

    /// A message's header, as much of it as counts.
    async fn header(&mut self, number: u32) -> Result<Vec<u8>, RemoteError> {
        self.command("TOP", &format!("TOP {number} 0")).await?;
        let mut header = Vec::new();
        loop {
            let mut line = Vec::new();
            self.lines.line(&mut line).await?;
            match line.strip_prefix(b".") {
                Some([]) => return Ok(header),
                Some(rest) if header.len() < MAX_HEADER => header.extend_from_slice(rest),
                None if header.len() < MAX_HEADER => header.extend_from_slice(&line),
                Some(_) | None => continue,
            }
            header.extend_from_slice(b"\r\n");
        }
    }

    async fn quit(&mut self) -> Result<(), RemoteError> {
        self.command("QUIT", "QUIT").await
    }

    async fn listing(
        &mut self,
        command: &'static str,
        mut heard: impl FnMut(u32, &str),
    ) -> Result<(), RemoteError> {
        self.command(command, command).await?;
        for _ in 0..MAX_MESSAGES {
            let mut line = Vec::new();
            self.lines.line(&mut line).await?;
            if line == b"." {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            let mut words = text.split_ascii_whitespace();
            if let (Some(Ok(number)), Some(rest)) = (words.next().map(str::parse), words.next()) {
                heard(number, rest);
            }
        }
        Err(RemoteError::TooLong)
    }

    async fn command(&mut self, name: &'static str, line: &str) -> Result<(), RemoteError> {
        if line.contains(['\r', '\n']) {
            return Err(RemoteError::Unexpected(format!("a line end in {name}")));
        }
        self.lines.send(format!("{line}\r\n").as_bytes()).await?;
        self.answer(name).await
    }

    async fn answer(&mut self, command: &'static str) -> Result<(), RemoteError> {
        let mut line = Vec::new();
        self.lines.line(&mut line).await?;
        if line.starts_with(b"+OK") {
            return Ok(());
        }
        Err(RemoteError::Refused {
            command,
            text: text_of(&line),
        })
    }
}

/// How many messages' headers are compared where numbers and sizes agree.
const COMPARED: usize = 16;

/// As much of a header as is compared.
const MAX_HEADER: usize = 256 * 1024;

/// The most messages of a maildrop.
const MAX_MESSAGES: usize = 10_000_000;

/// Fields that a server shows in one protocol and not in the other.
const LEFT_OUT: [&str; 8] = [
    "Status",
    "X-Status",
    "X-Keywords",
    "X-UID",
    "X-UIDL",
    "X-IMAP",
    "X-IMAPbase",
    "Content-Length",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_the_same_whatever_a_server_adds() {
        let header = b"Subject: one \r\nX-UIDL: 7\r\n 8\r\nFrom: a\r\n\r\nbody";
        let other = b"Subject: one\nStatus: RO\nFrom: a\n";
        assert_eq!(HeaderHash::of(header), HeaderHash::of(other));
        assert_ne!(
            HeaderHash::of(header),
            HeaderHash::of(b"Subject: one\r\n\r\n")
        );
        for cut in 0..header.len() {
            let mut hash = HeaderHash::default();
            hash.push(&header[..cut]);
            hash.push(&header[cut..]);
            assert_eq!(hash.finish(), HeaderHash::of(header), "{cut}");
        }
    }

    #[test]
    fn each_id_is_given_once() {
        let hash = HeaderHash::of(b"Subject: x\r\n\r\n");
        let ids = VecDeque::from(["a".to_owned(), "b".to_owned()]);
        let mut ids = UniqueIds::ByHeader {
            ids: HashMap::from([(hash, ids)]),
            known: 0,
        };
        assert_eq!(ids.left(), 2);
        ids.pass_over(9);
        assert_eq!(ids.left(), 1);
        assert_eq!(ids.take(1, &hash).as_deref(), Some("a"));
        assert_eq!(ids.take(2, &hash).as_deref(), Some("b"));
        assert_eq!(ids.take(3, &hash), None);
        assert_eq!(ids.take(3, &[0; 32]), None);
        assert_eq!(ids.left(), 0);

        let ids = HashMap::from([(1, "a".to_owned()), (2, "b".to_owned())]);
        let mut ids = UniqueIds::ByUid(ids);
        ids.pass_over(1);
        assert_eq!(ids.left(), 1);
        assert_eq!(ids.take(1, &hash), None);
        assert_eq!(ids.take(2, &hash).as_deref(), Some("b"));
    }
}
