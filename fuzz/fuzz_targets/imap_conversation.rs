//! Any octets as a whole IMAP conversation, from the greeting or from behind a sign-in.
//!
//! In half of the conversations all of it is sent at once: every line that comes back is well formed, and no tag is answered more often than it was
//! sent. In the others each line is a command of a client that waits, gets its own tag, and is answered by just one tagged response, or by
//! BYE. Nobody signs in without the password, nothing is damaged, and memory is bounded.
#![no_main]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fieldpost_connection::{Connection, ConnectionId, Origin, Peer};
use fieldpost_directory::{Address, Argon2Cost, AttemptLimits, Directory, NewAccount, Secret};
use fieldpost_imap::{Service, codec::frame::literal_spec, serve};
use fieldpost_mailbox::{Depth, Limits, Mailbox, Mailboxes, NewItem, SpecialUse};
use fieldpost_store::{AccountId, MemoryStore};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::{Builder, Runtime},
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((way, input)) = input.split_first() else {
        return;
    };
    static ORGANISATION: OnceLock<Organisation> = OnceLock::new();
    let organisation = ORGANISATION.get_or_init(Organisation::open);
    organisation.runtime.block_on(async {
        let office = Office::open(organisation).await;
        let before = ALLOCATED.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        if way & 1 == 0 {
            office.pipelined(Way(*way), input).await;
        } else {
            office.by_turns(Way(*way), input).await;
        }
        let taken = PEAK.load(Ordering::Relaxed).saturating_sub(before);
        assert!(taken <= MOST_MEMORY, "{taken} bytes were taken");
        let problems = office.mailbox.check(Depth::Bodies).await.unwrap();
        assert!(problems.is_empty(), "{problems:?}");
    });
});

/// How a conversation begins.
#[derive(Clone, Copy)]
struct Way(u8);

impl Way {
    fn signs_in(self) -> bool {
        self.0 & 2 != 0
    }

    fn opening(self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.signs_in() {
            lines.push(format!("LOGIN {ADDRESS} {PASSWORD}"));
            for (bit, line) in [
                (4, "ENABLE QRESYNC"),
                (8, "ENABLE IMAP4rev2 UTF8=ACCEPT"),
                (16, "SELECT INBOX"),
            ] {
                if self.0 & bit != 0 {
                    lines.push(line.to_owned());
                }
            }
        }
        lines
    }
}

/// Who can sign in: made once, since passwords are made to be slow.
struct Organisation {
    runtime: Runtime,
    directory: Arc<Directory>,
    account: AccountId,
}

impl Organisation {
    fn open() -> Self {
        // Time that is waited out passes at once.
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let settings = fieldpost_directory::Settings {
            argon2: Argon2Cost::CHEAPEST,
            scram_iterations: 4096,
            attempts: AttemptLimits {
                free_per_account: u32::MAX,
                free_per_network: u32::MAX,
                ..AttemptLimits::default()
            },
            ..Default::default()
        };
        let (directory, account) = runtime.block_on(async {
            let directory = Directory::open(MemoryStore::new(), settings).await.unwrap();
            directory.add_domain("demo.test").await.unwrap();
            let mut account = NewAccount::new(Address::parse(ADDRESS).unwrap());
            account.password = Some(Secret::from(PASSWORD));
            let account = directory.add(account).await.unwrap().id;
            (directory, account)
        });
        Self {
            runtime,
            directory,
            account,
        }
    }
}

/// The mailboxes, new in each run, so that a finding repeats.
struct Office {
    service: Arc<Service>,
    mailbox: Mailbox,
}

impl Office {
    async fn open(organisation: &Organisation) -> Self {
        let account = organisation.account;
        let settings = fieldpost_mailbox::Settings {
            clock: Arc::new(|| 1_700_000_000),
            // COPY 1:* a hundred times would double a hundred times.
            default_quota: Limits {
                bytes: 256 * 1024,
                items: 50,
            },
            max_folders: 20,
            ..Default::default()
        };
        let mailboxes = Mailboxes::new(MemoryStore::new(), settings);
        let mailbox = mailboxes.open(account).await.unwrap();
        for (folder, messages) in [
            (SpecialUse::Inbox, &MESSAGES[..]),
            (SpecialUse::Archive, &MESSAGES[..1]),
        ] {
            let folder = mailbox.special(folder).await.unwrap().id;
            for message in messages {
                let mut incoming = mailboxes.receive(account, None).await.unwrap();
                incoming.write((*message).into()).await.unwrap();
                let item = NewItem::new(incoming.finish().await.unwrap());
                mailbox.append(folder, &item).await.unwrap();
            }
        }
        let settings = fieldpost_imap::Settings::default();
        Self {
            service: Service::new(organisation.directory.clone(), mailboxes, settings),
            mailbox,
        }
    }

    fn connect(&self) -> (Client, tokio::task::JoinHandle<()>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let origin = Origin {
            id: ConnectionId::next(),
            peer: Peer::Unix(None),
            local: None,
            tls: None,
            shutdown: Default::default(),
            write_timeout: Duration::from_secs(60),
        };
        let server = tokio::spawn(serve(Connection::new(ours, origin), self.service.clone()));
        let (reader, writer) = theirs.into_split();
        let client = Client {
            reader: BufReader::new(reader),
            writer: Some(writer),
            said_bye: false,
            is_deaf: false,
        };
        (client, server)
    }

    /// All commands at once.
    async fn pipelined(&self, way: Way, input: &[u8]) {
        let mut octets = Vec::new();
        for line in way.opening() {
            octets.extend_from_slice(format!("o {line}\r\n").as_bytes());
        }
        octets.extend_from_slice(input);
        // A command begins behind a line end, wherever the server sees one.
        let mut sent: HashMap<Vec<u8>, u32> = HashMap::new();
        for line in octets.split(|octet| *octet == b'\n') {
            let tag = line.split(|octet| b" \r".contains(octet)).next();
            *sent.entry(tag.unwrap_or_default().to_vec()).or_default() += 1;
        }
        let (mut client, server) = self.connect();
        let writer = client.writer.take();
        let sending = tokio::spawn(async move {
            if let Some(mut writer) = writer {
                // The server may close before it has read everything.
                drop(writer.write_all(&octets).await);
                drop(writer.shutdown().await);
            }
        });
        while let Some(response) = client.response().await {
            if !way.signs_in() {
                response.assert_tells_nothing();
            }
            if let Some(tag) = response.tag() {
                let left = sent.get_mut(tag).expect("the tag of a command");
                *left = left.checked_sub(1).expect("one answer to a command");
            }
        }
        sending.await.unwrap();
        server.await.expect("no panic");
    }

    /// One command after the other.
    async fn by_turns(&self, way: Way, input: &[u8]) {
        let (mut client, server) = self.connect();
        let greeting = client.response().await.expect("a greeting");
        assert!(greeting.0.starts_with(b"* OK "));
        let mut input = Input(input);
        let mut number = 0;
        for line in way.opening() {
            number += 1;
            client
                .command(number, line.as_bytes(), &mut Input(b""), way)
                .await;
        }
        while !client.is_over()
            && let Some(line) = input.line()
        {
            number += 1;
            client.command(number, line, &mut input, way).await;
        }
        client.hang_up().await;
        while client.response().await.is_some() {}
        server.await.expect("no panic");
    }
}

/// What is left of the octets.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|octet| *octet == b'\n');
        let (line, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &b""[..]),
        };
        self.0 = rest;
        let end = line.iter().rposition(|octet| *octet != b'\r');
        Some(&line[..end.map_or(0, |end| end + 1)])
    }

    fn literal(&mut self, size: usize) -> Vec<u8> {
        let (octets, rest) = self.0.split_at(size.min(self.0.len()));
        self.0 = rest;
        let mut octets = octets.to_vec();
        octets.resize(size, b'x');
        octets
    }
}

/// One side of a conversation.
struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: Option<OwnedWriteHalf>,
    said_bye: bool,
    /// The stream is compressed: no more of it is understood.
    is_deaf: bool,
}

impl Client {
    fn is_over(&self) -> bool {
        self.writer.is_none() || self.said_bye || self.is_deaf
    }

    async fn send(&mut self, octets: &[u8]) {
        if let Some(writer) = &mut self.writer {
            // A server that has closed is met by the next read.
            drop(writer.write_all(octets).await);
        }
    }

    async fn hang_up(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            drop(writer.shutdown().await);
        }
    }

    /// Sends a command, with its literals as the server lets them come, and reads up to its end.
    async fn command(&mut self, number: u32, line: &[u8], input: &mut Input<'_>, way: Way) {
        let tag = format!("t{number}");
        let mut shown = [tag.as_bytes(), b" ", line].concat();
        let asks_for_lines = [&b"IDLE"[..], b"AUTHENTICATE"].iter().any(|name| {
            shown
                .windows(name.len())
                .any(|octets| octets.eq_ignore_ascii_case(name))
        });
        loop {
            let literal = literal_spec(&shown);
            shown.extend_from_slice(b"\r\n");
            self.send(&shown).await;
            let size = match literal {
                Some(literal) if literal.size > LARGEST_LITERAL => {
                    if !literal.non_sync {
                        // Whether the server takes it or not, the client goes.
                        self.answer(&tag, way).await;
                    }
                    return self.hang_up().await;
                }
                Some(literal) => {
                    if !literal.non_sync && !self.answer(&tag, way).await {
                        return;
                    }
                    literal.size as usize
                }
                None => break,
            };
            let octets = input.literal(size);
            self.send(&octets).await;
            shown = input.line().unwrap_or_default().to_vec();
        }
        while self.answer(&tag, way).await {
            assert!(asks_for_lines, "the server asks for what nobody announced");
            let line = [input.line().unwrap_or_default(), b"\r\n"].concat();
            self.send(&line).await;
        }
    }

    /// Reads up to the tagged response, or to a `+`, which is `true`.
    async fn answer(&mut self, tag: &str, way: Way) -> bool {
        while let Some(response) = self.response().await {
            if !way.signs_in() {
                response.assert_tells_nothing();
            }
            match response.tag() {
                None => {
                    if response.0.starts_with(b"+") {
                        return true;
                    }
                }
                Some(answered) => {
                    assert_eq!(answered, tag.as_bytes(), "the command's tag");
                    return false;
                }
            }
        }
        assert!(self.said_bye || self.is_deaf, "neither an answer nor BYE");
        false
    }

    /// The next response, with the literals in it; `None` at the end.
    async fn response(&mut self) -> Option<Response> {
        if self.is_deaf {
            drop(self.reader.read_to_end(&mut Vec::new()).await);
            return None;
        }
        let mut octets = Vec::new();
        let mut text = Vec::new();
        loop {
            let start = octets.len();
            // A connection that was reset ends just the same.
            let read = self.reader.read_until(b'\n', &mut octets).await;
            if octets.is_empty() || read.is_err() {
                return None;
            }
            assert!(octets.ends_with(b"\r\n"), "{}", octets.escape_ascii());
            let line = &octets[start..octets.len() - 2];
            assert!(!line.iter().any(|octet| b"\0\r\n".contains(octet)));
            text.extend_from_slice(line);
            let literal = literal_spec(line);
            let response = Response(octets);
            octets = match literal {
                // A status is human text up to its end.
                Some(literal) if !response.is_status() => {
                    let mut octets = response.0;
                    let start = octets.len();
                    octets.resize(start + literal.size as usize, 0);
                    self.reader
                        .read_exact(&mut octets[start..])
                        .await
                        .expect("a whole literal");
                    assert!(literal.binary || !octets[start..].contains(&0));
                    octets
                }
                _ => {
                    self.said_bye |= response.0.starts_with(b"* BYE ");
                    self.is_deaf |=
                        response.is_status() && response.0.ends_with(b" OK Compression begins\r\n");
                    if !response.is_status() {
                        assert_balanced(&text);
                    }
                    return Some(response);
                }
            };
        }
    }
}

/// One response of the server.
struct Response(Vec<u8>);

impl Response {
    fn tag(&self) -> Option<&[u8]> {
        let tag = self.0.split(|octet| *octet == b' ').next()?;
        (!matches!(tag, b"*" | b"+")).then_some(tag)
    }

    fn is_status(&self) -> bool {
        let mut words = self.0.split(|octet| *octet == b' ');
        let (first, second) = (words.next(), words.next());
        first != Some(b"*") || matches!(second, Some(b"OK" | b"NO" | b"BAD" | b"BYE"))
    }

    /// What somebody may hear who has not signed in.
    fn assert_tells_nothing(&self) {
        let is_harmless = self.is_status()
            || self.0.starts_with(b"* CAPABILITY ")
            || self.0.starts_with(b"* ID ");
        let is_signed_in = self.0.ends_with(b"Signed in\r\n");
        assert!(
            is_harmless && !is_signed_in,
            "signed in without a password: {}",
            self.0.escape_ascii()
        );
    }
}

/// Brackets and quotes of a response, its literals left out, are closed.
fn assert_balanced(text: &[u8]) {
    let mut depth = 0_u32;
    let mut octets = text.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1).expect("an opening bracket"),
            b'"' => loop {
                match octets.next().expect("a closing quote") {
                    b'"' => break,
                    b'\\' => {
                        let escaped = octets.next();
                        assert!(matches!(escaped, Some(b'"' | b'\\')));
                    }
                    _ => {}
                }
            },
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{}", text.escape_ascii());
}

/// The system's allocator, counted.
struct Counted;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: everything is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What a conversation may take at most, the message store's own memory included.
const MOST_MEMORY: usize = 48 * 1024 * 1024;

/// A client that announces more goes away instead of sending it.
const LARGEST_LITERAL: u64 = 8192;

const ADDRESS: &str = "alice@demo.test";
const PASSWORD: &str = "uqzgkwprhvdjxnmtyblscoae";

const MESSAGES: [&str; 4] = [
    "From: Anna (A) <anna@example.org>\r\nTo: friends: bob@example.org, c@d;\r\nSubject: Re: one\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n",
    "Subject: outer\r\nIn-Reply-To: <1@x>\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\nAGhlbGxv\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\npl=C3=A4in\r\n--y\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: x-none\r\n\r\n<p>\r\n--y--\r\n--x--\r\n",
    "no header\0 {5}\r\nbut \"this\\\r\n\r\nä\0\r\n",
    "",
];
