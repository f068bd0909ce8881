//! A small office for conversation tests: one account on a store in memory, and clients that talk to the real driver over sockets.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use fieldpost_connection::{Connection, ConnectionId, Origin, Peer};
use fieldpost_directory::{AccountUpdate, Address, Directory, NewAccount, Secret};
use fieldpost_mailbox::{
    Expunge, FlagUpdate, Flags, FolderId, FolderKind, Mailbox, Mailboxes, NewFolder, NewItem, Row,
    SpecialUse, UpdateMode,
};
use fieldpost_store::{MemoryStore, Store as _};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::UnixStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use crate::{Service, Settings, codec::stuffing, serve};

/// The one account.
pub(crate) const ADDRESS: &str = "alice@demo.test";
/// Its password, with what may confuse a parser of `PASS`.
pub(crate) const PASSWORD: &str = "correct  horse +OK";
/// Somebody who is not on this machine (RFC 5737).
pub(crate) const NETWORK: Peer = Peer::Inet(SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::new(192, 0, 2, 1),
    40_000,
)));

/// The account, its mailbox, and the service that clients of a test talk to.
pub(crate) struct Office {
    service: Arc<Service>,
    mailbox: Mailbox,
    mailboxes: Arc<Mailboxes>,
    inbox: FolderId,
    store: Arc<MemoryStore>,
    tls: Option<TlsAcceptor>,
    /// What time the mailboxes believe it is.
    clock: Arc<AtomicI64>,
    pub(crate) shutdown: CancellationToken,
}

impl Office {
    /// With the default settings.
    pub(crate) async fn open() -> Self {
        Self::with(|_| ()).await
    }

    /// With settings that `change` makes.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let store = MemoryStore::new();
        let directory = Directory::open(
            store.clone(),
            fieldpost_directory::Settings {
                argon2: fieldpost_directory::Argon2Cost::CHEAPEST,
                scram_iterations: 4096,
                ..Default::default()
            },
        )
        .await
        .unwrap();
        directory.add_domain("demo.test").await.unwrap();
        let mut account = NewAccount::new(Address::parse(ADDRESS).unwrap());
        account.password = Some(Secret::from(PASSWORD));
        let account = directory.add(account).await.unwrap().id;
        let clock = Arc::new(AtomicI64::new(1_700_000_000));
        let mailboxes = Mailboxes::new(
            store.clone(),
            fieldpost_mailbox::Settings {
                clock: {
                    let clock = clock.clone();
                    Arc::new(move || clock.load(Ordering::Relaxed))
                },
                ..Default::default()
            },
        );
        let mailbox = mailboxes.open(account).await.unwrap();
        let inbox = mailbox.special(SpecialUse::Inbox).await.unwrap().id;
        let mut settings = Settings::default();
        change(&mut settings);
        Self {
            service: Service::new(directory, mailboxes.clone(), settings),
            mailbox,
            mailboxes,
            inbox,
            store,
            tls: None,
            clock,
            shutdown: CancellationToken::new(),
        }
    }

    /// Puts a message into the inbox.
    pub(crate) async fn deliver(&self, text: &[u8]) {
        self.deliver_with_prefix(b"", text).await;
    }

    /// Puts a message into the inbox as a delivery does: its own fields, then the shared body.
    pub(crate) async fn deliver_with_prefix(&self, prefix: &[u8], text: &[u8]) {
        self.deliver_item(text, |item| item.prefix = prefix.to_vec().into())
            .await;
    }

    /// Puts a message into the inbox after `change`.
    pub(crate) async fn deliver_item(&self, text: &[u8], change: impl FnOnce(&mut NewItem)) {
        let account = self.mailbox.account();
        let mut incoming = self.mailboxes.receive(account, None).await.unwrap();
        incoming.write(text.to_vec().into()).await.unwrap();
        let mut item = NewItem::new(incoming.finish().await.unwrap());
        change(&mut item);
        self.mailbox.append(self.inbox, &item).await.unwrap();
    }

    /// What is in the inbox now.
    pub(crate) async fn inbox(&self) -> Vec<Row> {
        self.mailbox
            .view(self.inbox)
            .await
            .unwrap()
            .rows()
            .copied()
            .collect()
    }

    /// Lets so many days pass.
    pub(crate) fn days_pass(&self, days: i64) {
        self.clock.fetch_add(days * 24 * 60 * 60, Ordering::Relaxed);
    }

    /// What is in a special folder now.
    pub(crate) async fn special(&self, special_use: SpecialUse) -> Vec<Row> {
        let folder = self.mailbox.special(special_use).await.unwrap().id;
        let view = self.mailbox.view(folder).await.unwrap();
        view.rows().copied().collect()
    }

    /// Marks a message of the inbox as read, as another protocol does.
    pub(crate) async fn read(&self, uid: u32) {
        let seen = FlagUpdate::flags(UpdateMode::Add, Flags::SEEN);
        let uids = [uid].into_iter().collect();
        self.mailbox
            .update_flags(self.inbox, &uids, &seen, None)
            .await
            .unwrap();
    }

    /// Puts a message into a folder of the top level, which is made.
    pub(crate) async fn deliver_to(&self, name: &str, text: &[u8]) {
        let new = NewFolder {
            parent: None,
            name: name.to_owned(),
            kind: FolderKind::Mail,
        };
        let folder = self.mailbox.create_folder(&new).await.unwrap().id;
        let account = self.mailbox.account();
        let mut incoming = self.mailboxes.receive(account, None).await.unwrap();
        incoming.write(text.to_vec().into()).await.unwrap();
        let item = NewItem::new(incoming.finish().await.unwrap());
        self.mailbox.append(folder, &item).await.unwrap();
    }

    /// Deletes a message as another protocol does.
    pub(crate) async fn expunge(&self, uid: u32) {
        let uids = [uid].into_iter().collect();
        self.mailbox
            .expunge(self.inbox, &uids, Expunge::All)
            .await
            .unwrap();
    }

    /// Moves a message out of the inbox and back into it, as an IMAP client does.
    pub(crate) async fn move_to_archive_and_back(&self, uid: u32) {
        let archive = self.mailbox.special(SpecialUse::Archive).await.unwrap().id;
        let uids = [uid].into_iter().collect();
        let there = self
            .mailbox
            .move_items(self.inbox, &uids, archive)
            .await
            .unwrap();
        let uids = there.uids.iter().map(|(_, uid)| *uid).collect();
        self.mailbox
            .move_items(archive, &uids, self.inbox)
            .await
            .unwrap();
    }

    /// Disables the account.
    pub(crate) async fn disable(&self) {
        let update = AccountUpdate {
            enabled: Some(false),
            ..Default::default()
        };
        self.service
            .directory
            .set(self.mailbox.account(), update)
            .await
            .unwrap();
    }

    /// Makes every later commit fail.
    pub(crate) async fn break_store(&self) {
        self.store.close().await.unwrap();
    }

    /// Offers TLS to the clients that come from now on; how they connect to it.
    pub(crate) fn offer_tls(&mut self) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        self.tls = Some(TlsAcceptor::from(Arc::new(server)));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(client))
    }

    /// A client on this machine, greeted.
    pub(crate) async fn connect(&self) -> Client {
        self.connect_from(Peer::Unix(None)).await
    }

    /// A client at `peer`, greeted.
    pub(crate) async fn connect_from(&self, peer: Peer) -> Client {
        let (connection, theirs) = self.connection(peer);
        let task = tokio::spawn(serve(connection, self.service.clone()));
        let mut client = Client {
            stream: BufReader::new(Box::new(theirs)),
            task,
        };
        assert_eq!(client.line().await, "+OK localhost POP3 ready");
        client
    }

    /// How many bytes the task of a connection takes up.
    pub(crate) fn size_of_a_connection(&self) -> usize {
        let (connection, _) = self.connection(NETWORK);
        size_of_val(&serve(connection, self.service.clone()))
    }

    fn connection(&self, peer: Peer) -> (Connection, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let origin = Origin {
            id: ConnectionId::next(),
            peer,
            local: None,
            tls: self.tls.clone(),
            shutdown: self.shutdown.clone(),
            write_timeout: PATIENCE,
        };
        (Connection::new(ours, origin), theirs)
    }

    /// A client on this machine, signed in.
    pub(crate) async fn signed_in(&self) -> Client {
        let mut client = self.connect().await;
        client.signs_in().await;
        client
    }
}

/// One client's side of a conversation.
pub(crate) struct Client {
    stream: BufReader<Box<dyn Socket>>,
    task: JoinHandle<()>,
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

impl Client {
    /// Sends octets as they are.
    pub(crate) async fn sends(&mut self, octets: impl AsRef<[u8]>) {
        self.stream
            .get_mut()
            .write_all(octets.as_ref())
            .await
            .unwrap();
    }

    /// Sends a command and reads its status line.
    pub(crate) async fn asks(&mut self, command: &str) -> String {
        self.sends(format!("{command}\r\n")).await;
        self.line().await
    }

    /// Sends a command and compares its status line; a `*` at the end stands for anything.
    pub(crate) async fn says(&mut self, command: &str, expected: &str) {
        let status = self.asks(command).await;
        match expected.strip_suffix('*') {
            Some(start) => assert!(status.starts_with(start), "{command}: {status}"),
            None => assert_eq!(status, expected, "{command}"),
        }
    }

    /// Sends a command and reads the lines behind its `+OK`.
    pub(crate) async fn asks_lines(&mut self, command: &str) -> Vec<String> {
        let (_, text) = self.asks_message(command).await;
        String::from_utf8(text)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Sends a command; its status line, which must be `+OK`, and the message behind it.
    pub(crate) async fn asks_message(&mut self, command: &str) -> (String, Vec<u8>) {
        let status = self.asks(command).await;
        assert!(status.starts_with("+OK"), "{command}: {status}");
        (status, self.message().await)
    }

    /// Reads a message up to its end.
    pub(crate) async fn message(&mut self) -> Vec<u8> {
        let mut wire = Vec::new();
        loop {
            let start = wire.len();
            let read = self.stream.read_until(b'\n', &mut wire);
            assert!(
                tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap() > 0,
                "it broke off"
            );
            if &wire[start..] == b".\r\n" {
                let (message, rest) = stuffing::unstuff(&wire).unwrap();
                assert!(rest.is_empty());
                return message;
            }
        }
    }

    /// Reads one line, or nothing if the server has closed.
    pub(crate) async fn line_or_end(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.unwrap_or(0);
        (read > 0).then_some(line)
    }

    /// Does the client's part of a TLS handshake.
    pub(crate) async fn start_tls(
        self,
        connector: &TlsConnector,
        name: ServerName<'static>,
    ) -> Self {
        let stream = connector
            .connect(name, self.stream.into_inner())
            .await
            .unwrap();
        Self {
            stream: BufReader::new(Box::new(stream)),
            task: self.task,
        }
    }

    /// Reads one line, without its CRLF.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        line.strip_suffix("\r\n")
            .unwrap_or_else(|| panic!("no line: {line:?}"))
            .to_owned()
    }

    /// USER and PASS.
    pub(crate) async fn signs_in(&mut self) {
        self.says(&format!("USER {ADDRESS}"), "+OK *").await;
        self.says(&format!("PASS {PASSWORD}"), "+OK Maildrop has *")
            .await;
    }

    /// QUIT, which goes well, and the end.
    pub(crate) async fn quits(mut self) {
        self.says("QUIT", "+OK *").await;
        self.ends().await;
    }

    /// Nothing more comes.
    pub(crate) async fn ends(mut self) {
        let mut rest = String::new();
        let read = self.stream.read_line(&mut rest);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        assert_eq!(rest, "");
        self.task.await.unwrap();
    }

    /// Goes away without a word, and waits until the server has noticed.
    pub(crate) async fn drop_and_wait(self) {
        let Self { stream, task } = self;
        drop(stream);
        task.await.unwrap();
    }
}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The command with the right password.
pub(crate) fn pass() -> String {
    format!("PASS {PASSWORD}")
}

/// A message of one header field and a body of `length` octets or a few more.
pub(crate) fn message(subject: &str, length: usize) -> Vec<u8> {
    let mut text = format!("Subject: {subject}\r\n\r\n").into_bytes();
    let end = text.len() + length;
    let mut line = 0;
    while text.len() < end {
        line += 1;
        text.extend_from_slice(format!(".line {line} of a body\r\n").as_bytes());
    }
    text
}
